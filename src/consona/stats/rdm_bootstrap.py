"""Bootstrap of RDM comparisons over stimuli, subjects or both: pairs are weighted, nothing is computed again."""

from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import t as student

from consona.stats.pair_weights import weighted_comparisons
from consona.stats.rdm import n_stimuli_of
from consona.stats.rdm_comparison import Comparison, compare_rdms
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = ["Over", "RdmDraws", "RdmIntervals", "bootstrap_rdms", "drawn", "rdm_intervals"]

Over = Literal["stimuli", "subjects", "both"]


class RdmDraws(NamedTuple):
    """Mean comparison over subjects: as measured, and for each draw of stimuli, of subjects and of both.

    The three bootstraps share their draws. ``n_subjects`` and ``n_stimuli`` are how many there are to draw from.
    """

    effect: Float[np.ndarray, " n_models"]
    stimuli: Float[np.ndarray, "n_draws n_models"]
    subjects: Float[np.ndarray, "n_draws n_models"]
    both: Float[np.ndarray, "n_draws n_models"]
    n_subjects: int
    n_stimuli: int


class RdmIntervals(NamedTuple):
    """Effects (or differences) with standard error, ends of the interval and two-sided p of t against 0."""

    effect: Float[np.ndarray, " n_contrasts"]
    error: Float[np.ndarray, " n_contrasts"]
    low: Float[np.ndarray, " n_contrasts"]
    high: Float[np.ndarray, " n_contrasts"]
    p: Float[np.ndarray, " n_contrasts"]


def bootstrap_rdms(
    models: Real[np.ndarray, "n_models n_pairs"],
    rdms: Real[np.ndarray, "n_subjects n_pairs"],
    *,
    comparison: Comparison,
    groups: Shaped[np.ndarray, " n_stimuli"] | None = None,
    n_draws: int = 1000,
    seed: int,
) -> RdmDraws:
    """Draw stimuli and subjects with replacement and compare models with subjects each time; mean over subjects.

    With ``groups``, one label per stimulus, whole groups of stimuli are drawn.

    Raises
    ------
    ValueError
        As :func:`~consona.stats.pair_weights.weighted_comparisons`, or without draws.
    """
    n_subjects, n_stimuli = len(rdms), n_stimuli_of(rdms.shape[1])
    _, codes = np.unique(np.arange(n_stimuli) if groups is None else groups, return_inverse=True)
    n_groups = int(codes.max()) + 1
    stimuli = drawn(n_groups, n_draws, seed=seed, of="stimuli")[:, codes]
    subjects = drawn(n_subjects, n_draws, seed=seed, of="subjects")
    observed = compare_rdms(models, rdms, comparison=comparison)
    per_subject = weighted_comparisons(models, rdms, stimuli, comparison=comparison)
    once = np.ones((1, n_subjects))
    return RdmDraws(
        _mean(observed[None], once)[0],
        _mean(per_subject, once),
        _mean(observed[None], subjects),
        _mean(per_subject, subjects),
        n_subjects,
        n_groups,
    )


def rdm_intervals(
    draws: RdmDraws,
    contrasts: Real[np.ndarray, "n_contrasts n_models"] | None = None,
    *,
    over: Over = "both",
    level: float = 0.95,
) -> RdmIntervals:
    r"""Intervals of effects, or of contrasts of models (rows such as ``1, -1, 0``), from the variance over draws.

    .. math:: e \pm t_{\nu} \hat\sigma, \qquad
        \hat\sigma^2 = \tfrac{n}{n-1} V \;\text{ (one factor)}, \qquad
        \hat\sigma^2 = \tfrac{S}{S-1} V_s + \tfrac{n}{n-1} V_n - \tfrac{S n}{(S-1)(n-1)} (V_{sn} - V_s - V_n)
        \;\text{ (both)}

    with the variance over draws of :math:`S` subjects :math:`V_s`, of :math:`n` stimuli :math:`V_n` and of both
    :math:`V_{sn}`, which alone would count the noise of single measurements three times; the estimate is held between
    the larger of the two single ones and :math:`V_{sn}` (Schütt et al. 2023). :math:`\nu` is the smaller number drawn
    from, minus one. Undefined draws are left out.

    Raises
    ------
    ValueError
        When subjects are drawn and there is one, or the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0 or (over != "stimuli" and draws.n_subjects < 2):
        raise ValueError(
            f"an interval at level {level} over {over} was asked for with {draws.n_subjects} subjects; a level lies "
            "between 0 and 1, and subjects are drawn from at least two. With one, use over='stimuli'."
        )
    C = np.eye(len(draws.effect)) if contrasts is None else np.asarray(contrasts, dtype=np.float64)
    sizes = {"stimuli": draws.n_stimuli, "subjects": draws.n_subjects}
    grown = {
        name: n / (n - 1) * _variance(getattr(draws, name), C) for name, n in sizes.items() if over in (name, "both")
    }
    if over == "both":
        double, single = _variance(draws.both, C), np.maximum(*grown.values())
        plain = {name: grown[name] * (n - 1) / n for name, n in sizes.items()}
        growth = np.prod([n / (n - 1) for n in sizes.values()])
        variance = sum(grown.values()) - growth * (double - plain["stimuli"] - plain["subjects"])
        variance = np.minimum(np.maximum(variance, single), double)
    else:
        variance = grown[over]
    nu = min(n for name, n in sizes.items() if over in (name, "both")) - 1
    return _intervals(_contrasted(draws.effect, C), np.sqrt(variance), nu, level)


def drawn(n: int, n_draws: int, *, seed: int, of: str) -> Int[np.ndarray, "n_draws n"]:
    """How often each of ``n`` is drawn when ``n`` are drawn with replacement; ``of`` says what they are.

    Raises
    ------
    ValueError
        Without anything to draw, or draws.
    """
    if n < 1 or n_draws < 1:
        raise ValueError(f"{n_draws} draws from {n} {of} were asked for; both are at least 1.")
    return rng_for(seed, "bootstrap", of).multinomial(n, np.full(n, 1 / n), size=n_draws)


def _mean(r: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over subjects (last axis) with counts of each draw; undefined subjects left out."""
    known = np.isfinite(r)
    total = (np.where(known, r, 0.0) * counts[:, None]).sum(axis=2)
    weight = (known * counts[:, None]).sum(axis=2)
    mean: np.ndarray = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    return mean


def _contrasted(values: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    """Contrasts of the last axis; an undefined model touches only those in which it takes part."""
    return np.stack([values[..., row != 0] @ row[row != 0] for row in contrasts], axis=-1)


def _variance(draws: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    each = _contrasted(draws, contrasts)
    known = [column[np.isfinite(column)] for column in each.T]
    return np.array([column.var(ddof=1) if len(column) > 1 else np.nan for column in known])


def _intervals(effect: np.ndarray, error: np.ndarray, nu: int, level: float) -> RdmIntervals:
    half = student.ppf((1 + level) / 2, nu) * error
    p = 2 * student.sf(np.abs(np.divide(effect, error, out=np.full_like(effect, np.nan), where=error > 0)), nu)
    return RdmIntervals(effect, error, effect - half, effect + half, p)
