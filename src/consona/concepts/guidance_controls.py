"""Brains to be guided by: a person's own, and others that share everything with it but what the claim is about."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import helmert
from scipy.stats import ortho_group

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_finite
from consona.core.stimuli import Stimuli
from consona.stats.seeds import rng_for

__all__ = [
    "ANOTHER",
    "CONDITIONS",
    "DRAWS",
    "GAUSSIAN",
    "LABEL",
    "OTHERS",
    "OWN",
    "PERMUTED",
    "QUICK_DRAWS",
    "RANDOM",
    "RESPONSE_TIME",
    "brain_similarity",
    "gaussian_brain",
    "guides",
    "number_brain",
    "other_subjects",
    "permuted_similarity",
]

Matrix = npt.NDArray[np.float64]

OWN, RANDOM, PERMUTED, ANOTHER, OTHERS, RESPONSE_TIME, LABEL, GAUSSIAN = CONDITIONS = (
    "own brain",
    "random directions",
    "permuted similarity",
    "another subject",
    "all other subjects",
    "response time",
    "label",
    "Gaussian brain",
)
"""Who or what guides. Each one goes through the same folds, settings and norms."""

DRAWS: Mapping[str, int] = {**dict.fromkeys(CONDITIONS, 1), PERMUTED: 19}
"""How often each is drawn; 19 permuted brains beside the own one allow a p of .05."""
QUICK_DRAWS: Mapping[str, int] = {**dict.fromkeys(CONDITIONS, 1), PERMUTED: 4}

_DIMS = ("subject", "stimulus", "other")


def brain_similarity(dataset: Dataset, problems: Stimuli) -> xr.DataArray:
    r"""Products of raw patterns, :math:`S = Y Y^\top` ``(subject, stimulus, other)``, repetitions averaged.

    Guidance knows of a brain nothing but this. Targets with a missing value (whole targets, as recordings have them)
    are left out.

    Raises
    ------
    InvalidInput
        When a subject lacks a problem, or has no target without gaps.
    """
    S = []
    for recording in dataset.recordings:
        missing = sorted(set(problems.ids.tolist()) - set(recording.ids.tolist()))
        if missing:
            raise InvalidInput(f"Subject '{recording.subject}' lacks {listed(missing)}. Select shared problems.")
        Y = np.asarray(recording.select(problems.ids).mean(), dtype=np.float64)
        Y = Y[:, np.isfinite(Y).all(axis=0)]
        if Y.shape[1] == 0:
            raise InvalidInput(f"Subject '{recording.subject}' has no target without gaps. Leave the subject out.")
        S.append(Y @ Y.T)
    return _labelled(np.stack(S), as_names(dataset.subjects), problems.ids)


def other_subjects(similarity: xr.DataArray) -> xr.DataArray:
    """The mean similarity of everybody else, each scaled to the same sum of squared patterns.

    **Another single subject cannot replace it**: where nothing of a person but the brain enters, exchanging whole
    brains between people leaves the mean over people exactly as it was. That control says something about the items
    that the person judged correctly, or about single people; this one says whether a person's own brain is needed.

    Raises
    ------
    InvalidInput
        When there are fewer than two subjects.
    """
    S = np.asarray(similarity.values, dtype=np.float64)
    if len(S) < 2:
        raise InvalidInput(f"{len(S)} subject has no others. Leave '{OTHERS}' out of the draws.")
    scaled = S / np.trace(S, axis1=1, axis2=2)[:, None, None]
    return similarity.copy(data=(scaled.sum(axis=0) - scaled) / (len(S) - 1))


def permuted_similarity(similarity: xr.DataArray, groups: npt.ArrayLike, *, draw: int, seed: int) -> xr.DataArray:
    """Items exchange their patterns within groups, in the same way for all subjects.

    Spectrum, mean pattern of every group and norms are those of the real brain; which item has which pattern is not.
    If patterns say nothing about items beyond the group, this is as likely as what was measured. A draw does not depend
    on how many others there are.
    """
    codes = np.unique(as_names(groups), return_inverse=True)[1]
    order, rng = np.arange(len(codes)), rng_for(seed, "exchanged items", draw)
    for code in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == code)
        order[rows] = rng.permutation(rows)
    return similarity.copy(data=similarity.values[:, order][:, :, order])


def gaussian_brain(similarity: xr.DataArray, groups: npt.ArrayLike, *, draw: int, seed: int) -> xr.DataArray:
    r"""Items' patterns turned into each other at random: :math:`R S R^\top`, with R orthogonal and :math:`R 1 = 1`.

    The patterns of a group become random mixtures, as Gaussian ones are, with **the spectrum and the mean pattern of
    the real brain**, exactly. A Gaussian brain without both has nearly uncorrelated patterns, where real ones are alike
    (their cosine with the mean is .72 in ds003076), and is no match. R is uniform (Haar) within groups, and each
    subject's own.
    """
    names = as_names(groups)
    turned = np.empty(similarity.shape)
    for k, S in enumerate(np.asarray(similarity.values, dtype=np.float64)):
        R, rng = np.zeros((len(names), len(names))), rng_for(seed, "turned items", draw, k)
        for name in np.unique(names):
            rows = np.flatnonzero(names == name)
            R[np.ix_(rows, rows)] = _turn(len(rows), rng)
        turned[k] = R @ S @ R.T
    return similarity.copy(data=turned)


def number_brain(values: xr.DataArray, similarity: xr.DataArray, groups: npt.ArrayLike) -> xr.DataArray:
    r"""A brain whose patterns are one number per item, such as a response time: :math:`y_i = (c, z_i)`.

    *z* is standardised within groups, and :math:`c^2` is the subject's own ratio of squared mean pattern to variance
    around it, so that patterns are as alike as the real ones. All of its variance is the number: it is the strongest
    brain that holds nothing else. A constant number makes a brain that points nowhere.

    Parameters
    ----------
    values
        ``(subject, stimulus)``, finite.
    similarity
        Of the same subjects and stimuli.
    groups
        Within which maps are fitted: the kind of problem.

    Raises
    ------
    InvalidInput
        When a subject or stimulus is missing, or a value is not finite.
    """
    held = _of(values, similarity)
    names, made = as_names(groups), np.empty(similarity.shape)
    for k, (z, S) in enumerate(zip(held, np.asarray(similarity.values), strict=True)):
        pattern = np.zeros((len(names), 2))
        for name in np.unique(names):
            rows = np.flatnonzero(names == name)
            own = S[np.ix_(rows, rows)]
            left = max(float(np.trace(own) / len(rows) - own.mean()), np.finfo(float).tiny)
            centred, sd = z[rows] - z[rows].mean(), z[rows].std()
            number = np.divide(centred, sd, out=np.zeros(len(rows)), where=sd > 0)
            pattern[rows] = np.column_stack([np.full(len(rows), np.sqrt(max(own.mean(), 0.0) / left)), number])
        made[k] = pattern @ pattern.T
    return similarity.copy(data=made)


def guides(
    similarity: xr.DataArray,
    problems: Stimuli,
    response_time: xr.DataArray,
    *,
    draws: Mapping[str, int] = DRAWS,
    within: Sequence[str] = ("kind",),
    seed: int,
) -> xr.DataArray:
    """All that guides a model, beside each other: ``(guide, subject, stimulus, other)``.

    ``own brain`` as measured; ``permuted similarity``, see :func:`permuted_similarity`; ``Gaussian brain``, see
    :func:`gaussian_brain`; ``another subject`` (draw *j*: the one *j* + 1 places on) and ``all other subjects``, see
    :func:`other_subjects`; ``response time``, see :func:`number_brain`. ``random directions`` and ``label`` are NaN
    here: the first has no brain, and similarities of labels must be made in every fold anew, because labels of held-out
    items are not known there (:func:`consona.concepts.guidance_nested.nested_guidance`).

    Parameters
    ----------
    similarity
        See :func:`brain_similarity`; stimuli in the order of the problems.
    problems
        With the column ``kind``, and those named in ``within``.
    response_time
        ``(subject, stimulus)`` in seconds, gaps filled.
    draws
        How often each condition is drawn; those left out are not drawn.
    within
        Columns that say which items are exchanged: those of the same value in all of them.
    seed
        Randomness of the draws.

    Returns
    -------
    xr.DataArray
        With the coordinates ``condition (guide)`` and ``draw (guide)``.

    Raises
    ------
    InvalidInput
        When a condition is unknown or drawn less than once, a subject has no other one, stimuli differ, or a value is
        not finite.
    """
    _require_guides(similarity, problems, draws)
    groups = _joined([problems[column] for column in within])
    made = {}
    for condition in draws:
        for draw in range(draws[condition]):
            if condition == OWN:
                each = similarity
            elif condition == PERMUTED:
                each = permuted_similarity(similarity, groups, draw=draw, seed=seed)
            elif condition == GAUSSIAN:
                each = gaussian_brain(similarity, problems["kind"], draw=draw, seed=seed)
            elif condition == ANOTHER:
                each = similarity.copy(data=np.roll(similarity.values, -(draw + 1), axis=0))
            elif condition == OTHERS:
                each = other_subjects(similarity)
            elif condition == RESPONSE_TIME:
                each = number_brain(response_time, similarity, problems["kind"])
            else:
                each = xr.full_like(similarity, np.nan)
            made[condition, draw] = each.values
    coords = {
        "guide": [f"{condition} {draw}" if draws[condition] > 1 else condition for condition, draw in made],
        "condition": ("guide", [condition for condition, _ in made]),
        "draw": ("guide", [draw for _, draw in made]),
        **{dim: similarity[dim].values for dim in _DIMS},
    }
    attrs = {"within": ", ".join(within), "seed": seed}
    return xr.DataArray(np.stack(list(made.values())), coords, ("guide", *_DIMS), attrs=attrs)


def _labelled(S: Matrix, subjects: npt.NDArray[np.str_], ids: npt.NDArray[np.str_]) -> xr.DataArray:
    return xr.DataArray(S, {"subject": subjects, "stimulus": ids, "other": ids}, _DIMS, "similarity")


def _joined(columns: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.str_]:
    return as_names([" | ".join(map(str, row)) for row in zip(*columns, strict=True)])


def _turn(n: int, rng: np.random.Generator) -> Matrix:
    """A uniform orthogonal matrix that keeps the constant vector."""
    if n < 3:
        return np.eye(n)
    H = helmert(n)
    turned: Matrix = np.full((n, n), 1.0 / n) + H.T @ ortho_group.rvs(n - 1, random_state=rng) @ H
    return turned


def _of(values: xr.DataArray, similarity: xr.DataArray) -> Matrix:
    for dim in ("subject", "stimulus"):
        missing = sorted(set(as_names(similarity[dim].values).tolist()) - set(as_names(values[dim].values).tolist()))
        if missing:
            raise InvalidInput(f"The values lack the {dim} {listed(missing)}. Give one for every brain and problem.")
    held = values.sel(subject=similarity["subject"].values, stimulus=similarity["stimulus"].values)
    held = held.transpose("subject", "stimulus")
    require_finite(held, "A number that guides", "subject")
    return np.asarray(held.values, dtype=np.float64)


def _require_guides(similarity: xr.DataArray, problems: Stimuli, draws: Mapping[str, int]) -> None:
    if as_names(similarity["stimulus"].values).tolist() != problems.ids.tolist():
        raise InvalidInput("The similarities are of other stimuli than the problems, or in another order. Align them.")
    require_finite(similarity, "Similarities", "subject")
    unknown = sorted(set(draws) - set(CONDITIONS))
    if unknown or not draws or min(draws.values()) < 1:
        raise InvalidInput(
            f"The draws are {dict(draws)}; conditions are {listed(CONDITIONS, len(CONDITIONS))}, each drawn once or "
            "more. Leave out what is not wanted."
        )
    if draws.get(ANOTHER, 0) >= similarity.sizes["subject"]:
        raise InvalidInput(
            f"{draws[ANOTHER]} other subjects were asked for, of {similarity.sizes['subject']}. Ask for fewer, or "
            f"leave '{ANOTHER}' out."
        )
