"""Does silencing selected neurons cost more than silencing others like them? The mask is the unit, not the emotion."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import kurtosis

from consona.stats.bootstrap import bootstrap_interval
from consona.stats.mask_losses import defined_mean, mask_excess, selected_first
from consona.stats.permutation import fwer_p_values, p_value
from consona.stats.shapes import Float, Int, Real

__all__ = ["DoseTable", "Heterogeneity", "MaskTest", "dose_table", "heterogeneity", "mask_test"]


class MaskTest(NamedTuple):
    """What selected masks cost beyond random ones, one entry per attribute, and over all attributes.

    ``effect``: mean loss over emotions minus that of the random masks; ``spread``: its SD over masks; ``z``: both
    divided. ``p``: that a random mask costs as much; ``p_below``: as little; ``p_max``: ``p`` for the largest ``z`` of
    all attributes. ``pooled``: mean effect, ``pooled_low`` to ``pooled_high`` its interval over emotions,
    ``pooled_null``: what each draw of random masks gives in its place, ``pooled_z`` (``pooled_z_null`` of each draw,
    infinite where one is broken), ``pooled_p`` and ``pooled_p_below`` from the mean of ``z``. ``n_undefined``: cells of
    emotions and masks that were left out.
    """

    effect: Float[np.ndarray, " n_attributes"]
    spread: Float[np.ndarray, " n_attributes"]
    z: Float[np.ndarray, " n_attributes"]
    p: Float[np.ndarray, " n_attributes"]
    p_below: Float[np.ndarray, " n_attributes"]
    p_max: Float[np.ndarray, " n_attributes"]
    pooled: float
    pooled_low: float
    pooled_high: float
    pooled_null: Float[np.ndarray, " n_random"]
    pooled_z: float
    pooled_p: float
    pooled_p_below: float
    n_undefined: Int[np.ndarray, " n_attributes"]
    pooled_z_null: Float[np.ndarray, " n_random"]


class Heterogeneity(NamedTuple):
    """How much random masks differ in what they cost (mean loss over emotions); one entry per attribute.

    ``quartiles`` has rows for 25, 50 and 75 %; ``kurtosis`` is 0 for normal losses and large where few masks do most
    of the harm; ``share``: masks that lose more than the threshold. ``n_undefined`` masks without a loss are left out.
    """

    mean: Float[np.ndarray, " n_attributes"]
    sd: Float[np.ndarray, " n_attributes"]
    least: Float[np.ndarray, " n_attributes"]
    quartiles: Float[np.ndarray, "3 n_attributes"]
    most: Float[np.ndarray, " n_attributes"]
    kurtosis: Float[np.ndarray, " n_attributes"]
    share: Float[np.ndarray, " n_attributes"]
    n_undefined: Int[np.ndarray, " n_attributes"]


class DoseTable(NamedTuple):
    """Losses at several sizes of mask: selected, and mean and range of random ones; last column: mean of attributes.

    ``k``: how many random masks cost at least as much as the selected one. Descriptive: nothing is corrected.
    """

    selected: Float[np.ndarray, "n_sizes n_series"]
    mean: Float[np.ndarray, "n_sizes n_series"]
    low: Float[np.ndarray, "n_sizes n_series"]
    high: Float[np.ndarray, "n_sizes n_series"]
    k: Int[np.ndarray, "n_sizes n_series"]


def mask_test(
    selected: Real[np.ndarray, "n_attributes n_emotions"],
    random: Real[np.ndarray, "n_attributes n_random n_emotions"],
    *,
    n_draws: int = 10_000,
    level: float = 0.95,
    seed: int,
) -> MaskTest:
    r"""Compare losses (intact minus silenced, so that more is worse) of selected masks with those of random masks.

    .. math:: d_{aj} = \overline{x_{aj\cdot}} - \frac1n \sum_{i \ne j} \overline{x_{ai\cdot}}, \quad
              z_{aj} = \frac{d_{aj}}{s_a}, \quad
              p_a = \frac{1 + \#\{j : z_{aj} \ge z_{a0}\}}{n + 1}

    with mask 0 the selected one and :math:`s_a` the SD of all :math:`n + 1`. All emotions share a mask, so a mask
    is one observation. ``p_max`` holds :math:`z_{a0}` against :math:`\max_b z_{bj}`, ``pooled_p`` holds
    :math:`\bar z_{\cdot 0}` against :math:`\bar z_{\cdot j}`. Every mask, the selected one too, is centred and
    scaled in the same way, so all three are exact when the selected masks *together* are exchangeable with the draws:
    draw j of all attributes must be made jointly (:func:`consona.concepts.masks.random_masks`). With n random masks no
    p lies below :math:`1/(n + 1)`.

    A cell that is NaN is left out of the mean of its mask, after the mean of its emotion over masks was taken off, so
    that easy and hard emotions are not mixed up. A random mask without any defined cell counts as one that costs as
    much, which can only raise p. A selected mask without any is NaN and takes no part in the pooled values.

    Raises
    ------
    ValueError
        When shapes do not belong together, there is no random mask, no draw, or no proper level.
    """
    losses = selected_first(selected, random)
    excess = mask_excess(losses)
    effect = defined_mean(excess, axis=2)
    effect -= defined_mean(effect, axis=1)[:, None]  # a missing cell shifts the mean of all masks a little
    z, spread = _studentised(effect)
    tested = np.isfinite(z[:, 0])
    of_draw = np.where(np.isfinite(z[tested]), z[tested], np.inf)  # a broken random mask: as bad as can be
    overall = np.round(of_draw.mean(axis=0), 9) if tested.any() else np.full(z.shape[1], np.nan)
    below = np.where(np.isfinite(overall), overall, -np.inf) if tested.any() else overall
    p_max = np.full(len(z), np.nan)
    if tested.any():
        p_max[tested] = fwer_p_values(z[tested, 0], of_draw[:, 1:].max(axis=0))
    pooled = _all_or_none(effect[tested])
    low, high = bootstrap_interval(defined_mean(excess[tested, 0], axis=0), n_draws=n_draws, level=level, seed=seed)
    return MaskTest(
        effect[:, 0],
        spread,
        z[:, 0],
        p_value(z[:, 0], z[:, 1:].T),
        p_value(-z[:, 0], -z[:, 1:].T),
        p_max,
        float(pooled[0]),
        float(low),
        float(high),
        pooled[1:],
        float(overall[0]),
        float(p_value(overall[0], overall[1:])),
        float(p_value(-below[0], -below[1:])),
        (~np.isfinite(losses)).sum(axis=(1, 2)),
        overall[1:],
    )


def heterogeneity(
    random: Real[np.ndarray, "n_attributes n_random n_emotions"], *, threshold: float = 0.05
) -> Heterogeneity:
    """Spread of what random masks cost; ``threshold`` is in units of the loss (.05: five points of accuracy).

    Raises
    ------
    ValueError
        When there is an attribute without any defined mask.
    """
    each = defined_mean(np.asarray(random, dtype=np.float64), axis=2)
    known = np.isfinite(each)
    if not known.any(axis=1).all():
        raise ValueError("no random mask of some attribute has a defined loss; look at the model's outputs.")
    rows = [row[defined] for row, defined in zip(each, known, strict=True)]

    def over(function: Callable[[np.ndarray], npt.ArrayLike]) -> np.ndarray:
        return np.array([function(row) for row in rows])

    return Heterogeneity(
        over(np.mean),
        over(lambda row: row.std(ddof=1) if len(row) > 1 else np.nan),
        over(np.min),
        over(lambda row: np.quantile(row, (0.25, 0.5, 0.75))).T,
        over(np.max),
        over(lambda row: kurtosis(row, bias=False) if np.ptp(row) > 1e-12 and len(row) > 3 else np.nan),
        over(lambda row: np.mean(row > threshold)),
        (~known).sum(axis=1),
    )


def dose_table(
    selected: Real[np.ndarray, "n_sizes n_attributes n_emotions"],
    random: Real[np.ndarray, "n_sizes n_attributes n_random n_emotions"],
    *,
    level: float = 0.95,
) -> DoseTable:
    """Loss by size of mask, for every attribute and for their mean, beside quantiles of random masks.

    With 19 random masks the band of 95 % is nearly their range. An undefined cell (NaN) is left out.

    Raises
    ------
    ValueError
        When shapes do not belong together.
    """
    if len(selected) != len(random):
        raise ValueError(f"{len(selected)} sizes of selected masks and {len(random)} of random ones; give the same.")
    found = [_dose(selected_first(a, b), level) for a, b in zip(selected, random, strict=True)]
    return DoseTable(*(np.stack(each) for each in zip(*found, strict=True)))


def _dose(losses: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    each = defined_mean(losses, axis=2)
    series = np.vstack([each, _all_or_none(each)])
    others = [row[np.isfinite(row)] for row in series[:, 1:]]
    tails = ((1 - level) / 2, (1 + level) / 2)
    ends = np.array([np.quantile(row, tails) if len(row) else (np.nan, np.nan) for row in others])
    k = np.round(series[:, 1:], 9) >= np.round(series[:, :1], 9)
    return series[:, 0], defined_mean(series[:, 1:], axis=1), ends[:, 0], ends[:, 1], k.sum(axis=1)


def _studentised(effect: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effects of all masks in SD of all of them, rounded so that equal losses stay equal; 0 where none differ."""
    known = np.isfinite(effect)
    n = known.sum(axis=1)
    squares = np.where(known, effect, 0.0) ** 2
    variance = np.divide(squares.sum(axis=1), n - 1, out=np.full(len(n), np.nan), where=n > 1)
    spread = np.sqrt(variance)
    varies = (spread > 1e-12)[:, None]
    z = np.where(varies, effect / np.where(varies, spread[:, None], 1.0), 0.0 * effect)
    return np.round(z, 9), spread


def _all_or_none(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis; NaN in a column that lacks one (none: all NaN)."""
    return values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)
