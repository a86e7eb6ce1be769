"""What a region prefers among sentences: maps of differences between predicted responses, with a test and a null."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import t as student

from consona.alignment.vertex_encoding import predicted as predicted_by
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed, require_dims
from consona.stats.fdr import benjamini_hochberg
from consona.stats.permutation import fwer_p_values, p_value
from consona.stats.subject_test import subject_test

__all__ = ["contrast_maps", "predicted_sentences", "regional_contrasts", "sentence_null"]

Array = npt.NDArray[np.floating]
Contrasts = Mapping[str, tuple[Sequence[str], Sequence[str]]]
DIMS = ("subject", "sentence", "target")
BLOCK = 4096  # targets whose signs, or draws of sentences, are held at once
NOWHERE = ("", "none", "unknown")  # labels of targets outside all regions


def predicted_sentences(encoders: Mapping[str, xr.Dataset], sentences: Features) -> xr.DataArray:
    """What the encoders of several subjects predict for sentences: ``(subject, sentence, target)``, float32.

    Parameters
    ----------
    encoders
        By subject, of :func:`~consona.alignment.vertex_encoding.fitted_encoder`, on the same targets.
    sentences
        Embeddings by the model the encoders were fitted with.

    Raises
    ------
    InvalidInput
        When there is no encoder, features are others, or subjects have different numbers of targets.
    """
    sizes = {name: each.sizes["target"] for name, each in encoders.items()}
    if len(set(sizes.values())) != 1:
        raise InvalidInput(
            f"Encoders of {sizes} targets; maps over subjects need at least one, all of the same targets."
        )
    each = [predicted_by(encoder, sentences).astype(np.float32) for encoder in encoders.values()]
    values = np.stack([one.values for one in each])
    coords = {"subject": list(encoders), "sentence": sentences.ids, **_coords(each[0], ("target",))}
    return xr.DataArray(values, coords, DIMS)


def contrast_maps(predicted: xr.DataArray, contrasts: Contrasts, *, seed: int = 0) -> xr.Dataset:
    r"""Mean predicted response to one group of sentences minus that to another, per subject and target, and its test.

    .. math:: d_{sv} = \frac{1}{|A|} \sum_{i \in A} \hat y_{siv} - \frac{1}{|B|} \sum_{i \in B} \hat y_{siv}, \qquad
              t_v = \frac{\bar d_v}{\mathrm{sd}_s(d_{sv}) / \sqrt n}

    An encoder is linear, so this is the prediction for the difference of mean embeddings; its intercept cancels.

    Parameters
    ----------
    predicted
        ``(subject, sentence, target)``, what encoders of each subject predict for sentences. A target that one subject
        lacks (NaN) is tested over the others.
    contrasts
        Ids of the sentences of both groups by the name of the contrast.
    seed
        Of the signs, where there are too many subjects to list them all.

    Returns
    -------
    xr.Dataset
        ``difference (contrast, subject, target)``; over ``(contrast, target)`` the ``mean``, ``t`` (n - 1 degrees of
        freedom), ``p`` (two-sided, signs of subjects flipped, all patterns for up to 13 subjects) and ``q`` (Benjamini
        and Hochberg, all targets and contrasts one family). With one subject, the last three are NaN.

    Raises
    ------
    InvalidInput
        When a sentence is not there, or a group is empty or shares a sentence with the other.
    """
    require_dims(predicted, DIMS, "Predicted responses")
    weights = _weights(predicted, contrasts)
    difference = np.stack([weights @ np.asarray(each) for each in predicted.values], axis=1)
    tested = [_tested(each, seed) for each in difference]
    mean, _, t, p = (np.stack(part) for part in zip(*tested, strict=True))
    over = ("contrast", "target")
    return xr.Dataset(
        {
            "difference": (("contrast", *DIMS[::2]), difference),
            **{name: (over, each) for name, each in (("mean", mean), ("t", t), ("p", p))},
            "q": (over, benjamini_hochberg(p)),
        },
        {"contrast": list(contrasts), **_coords(predicted, ("subject", "target"))},
        {
            "family": "all targets and contrasts",
            "n_tests": int(np.isfinite(p).sum()),
            "n_subjects": predicted.sizes["subject"],
            "smallest_p": max(2.0 / 2 ** predicted.sizes["subject"], 2.0 / 10_001),
            "n_undefined": int(np.isnan(mean).sum()),
        },
    )


def sentence_null(
    predicted: xr.DataArray, contrasts: Contrasts, pool: Sequence[str], *, n_draws: int = 1000, seed: int = 0
) -> xr.Dataset:
    r"""Would two groups of *any* sentences differ as much? Groups of the same sizes are drawn from a pool of others.

    The statistic is the mean over subjects of the difference, divided by its root mean square over the draws (the
    observed one among them), which puts targets of different scale together for the maximum. Sign flips over subjects
    ask whether people agree on a difference; this asks whether the difference is about what the groups are about.

    Parameters
    ----------
    predicted, contrasts
        As in :func:`contrast_maps`.
    pool
        Ids of the sentences to draw from, without those of the contrasts; no sentence is drawn into both groups.
    n_draws, seed
        How many pairs of groups are drawn, and the randomness of it.

    Returns
    -------
    xr.Dataset
        Over ``(contrast, target)``: ``z`` as above, ``p`` (two-sided), ``p_max`` (corrected for all targets of the
        contrast by the maximum) and ``q`` (Benjamini and Hochberg, all targets and contrasts one family).

    Raises
    ------
    InvalidInput
        As :func:`contrast_maps`; when the pool is smaller than both groups together, or shares sentences with them.
    """
    require_dims(predicted, DIMS, "Predicted responses")
    observed = _weights(predicted, contrasts)
    _require_pool(contrasts, pool)
    found = [
        _against_pool(predicted, row, _drawn(predicted, pair, pool, n_draws, seed))
        for row, pair in zip(observed, contrasts.values(), strict=True)
    ]
    z, p, p_max = (np.stack(part) for part in zip(*found, strict=True))
    values = {"z": z, "p": p, "p_max": p_max, "q": benjamini_hochberg(p)}
    return xr.Dataset(
        {name: (("contrast", "target"), each) for name, each in values.items()},
        {"contrast": list(contrasts), **_coords(predicted, ("target",))},
        {"n_draws": n_draws, "n_pool": len(pool), "null": "groups of other sentences, drawn at random"},
    )


def regional_contrasts(difference: xr.DataArray, *, level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Mean difference over the targets of every region, per subject, with the exact test over subjects.

    Parameters
    ----------
    difference
        ``(contrast, subject, target)`` of :func:`contrast_maps`, with the coordinate ``roi`` along ``target``.
    level
        Of the interval.
    seed
        Of the signs, where there are too many subjects to list them all.

    Returns
    -------
    xr.Dataset
        ``difference (contrast, region, subject)``; over ``(contrast, region)`` the ``mean``, its interval ``low`` to
        ``high`` (t over subjects), ``p`` (two-sided, signs flipped), ``q`` (all contrasts and regions one family) and
        ``dz`` (mean over standard deviation); ``n_targets (region)``.

    Raises
    ------
    InvalidInput
        When targets have no ``roi``.
    """
    require_dims(difference, ("contrast", *DIMS[::2]), "Differences")
    regions, member = _regions(difference)
    values = np.asarray(difference.values, dtype=np.float64)
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0) @ member, known.astype(np.float64) @ member
    means = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).transpose(0, 2, 1)
    tested = [_tested(each.T, seed) for each in means]
    mean, error, t, p = (np.stack(part) for part in zip(*tested, strict=True))
    n = means.shape[2]
    half = student.ppf((1 + level) / 2, max(n - 1, 1)) * error
    rows = {"mean": mean, "low": mean - half, "high": mean + half, "p": p, "q": benjamini_hochberg(p)}
    over = ("contrast", "region")
    return xr.Dataset(
        {
            "difference": ((*over, "subject"), means),
            **{name: (over, each) for name, each in rows.items()},
            "dz": (over, t / np.sqrt(n)),
            "n_targets": ("region", member.sum(axis=0).astype(np.int64)),
        },
        {"contrast": difference["contrast"].values, "region": regions, "subject": difference["subject"].values},
        {"family": "all contrasts and regions", "n_subjects": n, "level": level},
    )


def _weights(predicted: xr.DataArray, contrasts: Contrasts) -> Array:
    """One row per contrast: 1 / |A| at its first group, -1 / |B| at its second."""
    place = {name: i for i, name in enumerate(as_names(predicted["sentence"].values).tolist())}
    weights = np.zeros((len(contrasts), len(place)), dtype=predicted.dtype)
    for row, (name, groups) in zip(weights, contrasts.items(), strict=True):
        missing = sorted({each for group in groups for each in group} - set(place))
        both = sorted(set(groups[0]) & set(groups[1]))
        if missing or both or not all(groups):
            raise InvalidInput(
                f"Contrast '{name}': groups of {len(groups[0])} and {len(groups[1])} sentences; not predicted: "
                f"{listed(missing) or 'none'}; in both groups: {listed(both) or 'none'}. Each group needs sentences of "
                "its own, all of them predicted."
            )
        for sign, group in zip((1.0, -1.0), groups, strict=True):
            row[[place[each] for each in group]] = sign / len(group)
    return weights


def _coords(predicted: xr.DataArray, dims: tuple[str, ...]) -> dict[str, xr.DataArray]:
    """The coordinates that lie along these dimensions."""
    return {str(name): each for name, each in predicted.coords.items() if each.dims and set(each.dims) <= set(dims)}


def _tested(values: Array, seed: int) -> tuple[Array, Array, Array, Array]:
    """Mean, its standard error, Student's t and two-sided p of every target, from ``(n_subjects, n_targets)``."""
    known = np.isfinite(values)
    n, filled = known.sum(axis=0), np.where(known, values, 0).astype(np.float64)
    mean = np.divide(filled.sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    squares = (np.where(known, filled - mean, 0.0) ** 2).sum(axis=0)
    error = np.sqrt(np.divide(squares, n * (n - 1.0), out=np.full(len(n), np.nan), where=n > 1))
    t = np.divide(mean, error, out=np.full(len(n), np.nan), where=error > 0)
    p = np.full(len(n), np.nan)
    for block in _blocks(len(n)) if len(values) > 1 else ():
        upright = values[:, block] * np.where(
            mean[block] < 0, -1.0, 1.0
        )  # so that one side is the side that was observed
        p[block] = np.minimum(2.0 * subject_test(upright, seed=seed).p, 1.0)
    return mean, error, t, np.where(n > 1, p, np.nan)


def _blocks(n_targets: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n_targets, BLOCK))


def _require_pool(contrasts: Contrasts, pool: Sequence[str]) -> None:
    needed = max(len(first) + len(second) for first, second in contrasts.values())
    taken = sorted(set(pool) & {each for pair in contrasts.values() for group in pair for each in group})
    if len(set(pool)) < needed or len(set(pool)) < len(pool) or taken:
        raise InvalidInput(
            f"The pool holds {len(set(pool))} different sentences ({len(pool)} named), {len(taken)} of which belong to "
            f"a contrast; both groups together take {needed}. Give a pool of that many others."
        )


def _drawn(
    predicted: xr.DataArray, pair: tuple[Sequence[str], Sequence[str]], pool: Sequence[str], n_draws: int, seed: int
) -> Array:
    """Weights of random groups, one row per draw; the same draws for contrasts of the same sizes."""
    place = {name: i for i, name in enumerate(as_names(predicted["sentence"].values).tolist())}
    missing = sorted(set(pool) - set(place))
    if missing:
        raise InvalidInput(f"Sentences of the pool were not predicted: {listed(missing)}. Predict them as well.")
    rng = np.random.default_rng(seed)
    rows = np.array([place[name] for name in pool])
    first, second = len(pair[0]), len(pair[1])
    weights = np.zeros((n_draws, len(place)), dtype=predicted.dtype)
    for row in weights:
        chosen = rows[rng.permutation(len(rows))[: first + second]]
        row[chosen[:first]], row[chosen[first:]] = 1.0 / first, -1.0 / second
    return weights


def _against_pool(predicted: xr.DataArray, observed: Array, drawn: Array) -> tuple[Array, Array, Array]:
    """The scaled difference of every target, its p, and its p for the maximum."""
    n_targets = predicted.sizes["target"]
    z, p, largest = np.full(n_targets, np.nan), np.full(n_targets, np.nan), np.zeros(len(drawn))
    for block in _blocks(n_targets):
        values = np.asarray(predicted.values[:, :, block], dtype=np.float64)
        whole = np.isfinite(values).all(axis=1, keepdims=True)  # a subject lacks a target for all sentences
        n = whole.sum(axis=0)
        total = np.where(whole, values, 0.0).sum(axis=0)
        mean = np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
        both = np.vstack([observed @ mean, drawn @ mean])
        size = np.sqrt((both**2).mean(axis=0))
        both = np.divide(both, size, out=np.full(both.shape, np.nan), where=size > 0)
        z[block], p[block] = both[0], p_value(np.abs(both[0]), np.abs(both[1:]))
        largest = np.maximum(largest, np.abs(np.where(np.isfinite(both[1:]), both[1:], 0.0)).max(axis=1))
    return z, p, fwer_p_values(np.abs(z), largest)


def _regions(difference: xr.DataArray) -> tuple[list[str], Array]:
    """Names of the regions in the order of the targets, and 1 where a target belongs to one."""
    if "roi" not in difference.coords:
        raise InvalidInput("The targets have no label 'roi', so there are no regions. Label the targets.")
    roi = as_names(difference["roi"].values)
    regions = [name for name in dict.fromkeys(roi.tolist()) if name.lower() not in NOWHERE]
    return regions, np.stack([roi == name for name in regions], axis=1).astype(np.float64)
