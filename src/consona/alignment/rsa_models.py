"""RSA beyond one model at a time: differences, what is left beyond other RDMs, and weighted models."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.rsa import FEWEST_SUBJECTS, Array, facts, group_of_stimuli, null_of, score_of, vectors
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.rdm import RDM
from consona.core.score import Score
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.folds import grouped_folds
from consona.stats.pair_weights import WEIGHTED
from consona.stats.permutation import p_value
from consona.stats.rdm import pair_positions
from consona.stats.rdm_bootstrap import Over, RdmDraws, bootstrap_rdms, rdm_intervals
from consona.stats.rdm_comparison import Comparison, compare_rdms, residual_rdms
from consona.stats.rdm_weights import weighted_rdm_scores
from consona.stats.surrogates import group_orders

__all__ = ["partial_rsa_score", "rsa_contrasts", "rsa_differences", "weighted_rsa_score"]


def partial_rsa_score(
    models: Mapping[str, RDM],
    brains: Sequence[RDM],
    *,
    given: Mapping[str, RDM],
    comparison: Literal["pearson", "spearman"] = "spearman",
    groups: Mapping[str, str] | None = None,
    n_permutations: int = 1000,
    seed: int = 0,
) -> Score:
    """As :func:`rsa_score`, for what models share with brains beyond other RDMs (pixels, word length, another model).

    Both sides are residuals after a linear fit to the given RDMs (of ranks, for ``spearman``). The null relabels the
    stimuli of the models' residuals, so what was taken out stays out of the brains. The interval is over subjects only
    (bootstrap), NaN with one. There is no ceiling: how well subjects agree beyond the given RDMs is another question.

    Raises
    ------
    InvalidInput
        As :func:`rsa_score`; when no RDM is given.
    """
    if not given:
        raise InvalidInput("No RDM is given to be taken out. Name at least one, or use rsa_score.")
    both = {**models, **{f"given: {name}": rdm for name, rdm in given.items()}}
    A, B, ids, subjects = vectors(both, brains)
    known = ~np.isnan(np.vstack([A, B])).any(axis=0)
    A, B = np.where(known, A, np.nan), np.where(known, B, np.nan)
    A, G = A[: len(models)], A[len(models) :]
    A, B = (residual_rdms(each, G, comparison=comparison) for each in (A, B))
    r = compare_rdms(A, B, comparison="pearson")
    null, exact = null_of(A, B, "pearson", group_of_stimuli(groups, ids), n_permutations, seed)
    low, high = over_subjects(r.T, seed)
    attrs = {
        **facts(A, B, r, null, exact),
        "low": low.tolist(),
        "high": high.tolist(),
        "interval": "95 %, bootstrap over subjects",
        "permuted": "residuals of stimuli" if groups is None else "residuals of groups of stimuli",
        "given": list(given),
    }
    return score_of(r, null, (list(models), subjects), f"partial {comparison}", attrs)


def rsa_differences(
    models: Mapping[str, RDM],
    brains: Sequence[RDM],
    *,
    comparison: Comparison = "rho-a",
    groups: Mapping[str, str] | None = None,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Every model minus every later one, mean over subjects, with the interval from the bootstrap.

    Both models of a difference see the same draws of stimuli and subjects (stimuli only, with fewer than six subjects;
    whole ``groups`` of stimuli where they are given), so what they share cancels. The p is two-sided, from t, and not
    corrected for the number of differences.

    Returns
    -------
    xr.Dataset
        ``difference``, ``error``, ``low``, ``high`` and ``p`` over ``pair``, with the names ``first`` and ``second``.

    Raises
    ------
    InvalidInput
        As :func:`rsa_score`; with fewer than two models, or a comparison that cannot be drawn again by pair weights.
    """
    if len(models) < 2 or comparison not in WEIGHTED:
        raise InvalidInput(
            f"{len(models)} models were to be compared by '{comparison}'; a difference needs two, and its interval one "
            f"of {listed(WEIGHTED)}."
        )
    A, B, ids, _ = vectors(models, brains)
    pairs = list(combinations(range(len(A)), 2))
    contrasts = np.array([np.eye(len(A))[i] - np.eye(len(A))[j] for i, j in pairs])
    together = None if groups is None else group_of_stimuli(groups, ids)
    draws = bootstrap_rdms(A, B, comparison=comparison, groups=together, n_draws=n_draws, seed=seed)
    names = list(models)
    coords = {"first": ("pair", [names[i] for i, _ in pairs]), "second": ("pair", [names[j] for _, j in pairs])}
    values, attrs = _intervals(draws, contrasts, level)
    return xr.Dataset({name: ("pair", each) for name, each in values.items()}, coords, {"metric": comparison, **attrs})


def rsa_contrasts(
    models: Mapping[str, RDM],
    brains: Sequence[RDM],
    weights: Mapping[str, Mapping[str, float]],
    *,
    comparison: Comparison = "rho-a",
    n_draws: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Weighted sums of the scores of models, such as the mean of five networks minus that of five others.

    ``weights`` names contrasts, each with the weights of its models; draws, interval and p as
    :func:`rsa_differences`, with ``contrast`` in the place of ``pair``.

    Raises
    ------
    InvalidInput
        As :func:`rsa_differences`, and when a contrast names a model that is not there.
    """
    names = list(models)
    unknown = sorted({name for row in weights.values() for name in row} - set(names))
    if unknown or comparison not in WEIGHTED:
        raise InvalidInput(
            f"Contrasts by '{comparison}' name {listed(unknown) or 'known models'}; there are {listed(names)}, and "
            f"intervals for {listed(WEIGHTED)}."
        )
    A, B, _, _ = vectors(models, brains)
    contrasts = np.array([[row.get(name, 0.0) for name in names] for row in weights.values()])
    draws = bootstrap_rdms(A, B, comparison=comparison, n_draws=n_draws, seed=seed)
    values, attrs = _intervals(draws, contrasts, 0.95)
    data = {name: ("contrast", each) for name, each in values.items()}
    return xr.Dataset(data, {"contrast": list(weights)}, {"metric": comparison, **attrs})


def _intervals(draws: RdmDraws, contrasts: Array, level: float) -> tuple[dict[str, Array], dict[str, Any]]:
    """Over stimuli and subjects, or over stimuli alone where subjects are few."""
    over: Over = "both" if draws.n_subjects >= FEWEST_SUBJECTS else "stimuli"
    found = rdm_intervals(draws, contrasts, over=over, level=level)
    values = {"difference": found.effect, "error": found.error, "low": found.low, "high": found.high, "p": found.p}
    facts = {"over": over, "level": level, "n_draws": len(draws.both), "n_subjects": draws.n_subjects}
    return values, facts


def weighted_rsa_score(
    parts: Mapping[str, RDM],
    brains: Sequence[RDM],
    *,
    comparison: Comparison = "pearson",
    groups: Mapping[str, str] | None = None,
    alphas: Sequence[float] = (0.0,),
    n_permutations: int = 100,
    seed: int = 0,
) -> Score:
    """Held-out comparison of subjects with a model of several RDMs whose weights are fitted, none below zero.

    Five folds over stimuli (fewer where groups are fewer), groups kept together: weights come from pairs within the
    training stimuli and are tested on pairs within the test stimuli. Subjects are left out too where there are at least
    three: weights then come from the mean of the others. Every permutation of the null relabels the stimuli of all
    parts together and fits the weights again.

    Returns
    -------
    Score
        Over ``(subject)``, mean over folds. ``attrs`` hold the mean ``weights`` by part, the ``effect`` (mean over
        subjects) with its interval over subjects and ``p``, and the penalties that were chosen.

    Raises
    ------
    InvalidInput
        As :func:`~consona.alignment.rsa.rsa_score`; when there are too few stimuli for two folds of three.
    """
    A, B, ids, subjects = vectors(parts, brains)
    labels = group_of_stimuli(groups, ids)
    n_folds = min(5, len(np.unique(labels)), len(ids) // 3)
    if n_folds < 2:
        raise InvalidInput(
            f"{len(ids)} stimuli in {len(np.unique(labels))} groups make no two folds with three stimuli to test. Fit "
            "no weights on so few, or use smaller groups."
        )
    folds = grouped_folds(labels, n_folds, seed=seed)
    others = grouped_folds(np.arange(len(B)), len(B), seed=seed) if len(B) > 2 else None

    def fitted(parts: Array) -> tuple[Array, Array, Array]:
        found = weighted_rdm_scores(parts, B, folds, subject_folds=others, alphas=alphas, comparison=comparison)
        return found.scores.mean(axis=0), found.weights.mean(axis=(0, 1)), found.alphas

    r, weights, chosen = fitted(A)
    null, exact = _refitted(fitted, A, labels, n_permutations, seed)
    low, high = over_subjects(r[:, None], seed)
    attrs = {
        "weights": dict(zip(parts, weights.tolist(), strict=True)),
        "effect": float(r.mean()),
        "low": float(low[0]),
        "high": float(high[0]),
        "interval": "95 %, bootstrap over subjects, weights kept",
        "p": float("nan") if null is None else float(p_value(r.mean(), null.mean(axis=1), exact=exact)),
        "alphas": np.unique(chosen).tolist(),
        "permuted": "stimuli of all parts, weights fitted again",
        "n_stimuli": len(ids),
    }
    cv = f"{n_folds} folds over stimuli{'' if others is None else ' and leave-one-subject-out'}, mean over folds"
    data = xr.DataArray(r, {"subject": subjects}, ("subject",))
    kept = None if null is None else xr.DataArray(null, {"subject": subjects}, ("permutation", "subject"))
    return Score(data, comparison, cv, null=kept, attrs=attrs)


def _refitted(
    fitted: Callable[[Array], tuple[Array, Array, Array]],
    A: Array,
    labels: npt.NDArray[np.str_],
    n_permutations: int,
    seed: int,
) -> tuple[Array | None, bool]:
    """Scores ``(n_permutations, n_subjects)`` with the parts relabelled, and whether all orders are listed."""
    if not n_permutations:
        return None, False
    orders, exact = group_orders(labels, n_permutations, seed=seed)
    return np.stack([fitted(A[:, cells])[0] for cells in pair_positions(orders)]), exact


def over_subjects(r: Array, seed: int) -> tuple[Array, Array]:
    """Interval of the mean over the subjects that are defined; NaN with a single one."""
    if len(r) < 2:
        return np.full(r.shape[1], np.nan), np.full(r.shape[1], np.nan)
    return bootstrap_interval(r, seed=seed)
