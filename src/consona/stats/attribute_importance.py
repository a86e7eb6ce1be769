"""How much of the similarity that people see between stimuli does each attribute account for?"""

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from consona.stats.permutation import fwer_p_values, p_value
from consona.stats.rdm import n_stimuli_of, pair_positions
from consona.stats.rdm_bootstrap import drawn
from consona.stats.shapes import Float, Int, Real

__all__ = ["AttributeImportance", "attribute_importance"]

_DIGITS = 9  # real ties of ratings stay ties
_ROWS = 64  # RDMs whose pairs of pairs are held at a time: 40 MB for 27 stimuli


class AttributeImportance(NamedTuple):
    """Agreement of attribute RDMs with the mean human RDM: ``tau_a``, and ``tau_b``, which takes ties out.

    Standard errors and intervals of ``tau_a`` over raters (``error``, ``low``, ``high``) and over stimuli
    (``error_stimuli``, ``low_stimuli``, ``high_stimuli``). ``p``: that stimuli in another order agree as much
    (one-sided), ``p_max``: for the largest of all attributes; ``null_sd``: spread of tau-a under the null.
    """

    tau_a: Float[np.ndarray, " n_attributes"]
    tau_b: Float[np.ndarray, " n_attributes"]
    error: Float[np.ndarray, " n_attributes"]
    low: Float[np.ndarray, " n_attributes"]
    high: Float[np.ndarray, " n_attributes"]
    error_stimuli: Float[np.ndarray, " n_attributes"]
    low_stimuli: Float[np.ndarray, " n_attributes"]
    high_stimuli: Float[np.ndarray, " n_attributes"]
    p: Float[np.ndarray, " n_attributes"]
    p_max: Float[np.ndarray, " n_attributes"]
    null_sd: Float[np.ndarray, " n_attributes"]


def attribute_importance(
    human: Real[np.ndarray, "n_subjects n_pairs"],
    attributes: Real[np.ndarray, "n_attributes n_pairs"],
    orders: Int[np.ndarray, "n_permutations n_stimuli"],
    *,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int,
) -> AttributeImportance:
    r"""Kendall's tau of every attribute RDM with the mean of the raters' RDMs, distances rounded to nine decimals.

    .. math:: \tau_a = \frac{2}{P (P - 1)} \sum_{p < q} \mathrm{sgn}(h_p - h_q)\, \mathrm{sgn}(a_p - a_q), \qquad
              \tau_b = \tau_a \Big/ \sqrt{(1 - T_h)(1 - T_a)}

    with :math:`T` the share of pairs of pairs that tie. Intervals are :math:`\tau_a \pm t\,\hat\sigma`: the mean of
    raters who are drawn again is noisier than the mean of all, so their taus are lower, and quantiles of draws would
    be off centre. Over stimuli, pairs are weighted by how often both of their stimuli are drawn; a pair is not compared
    with its own copies. Stimuli are exchanged whole for p (``orders``, see
    :func:`~consona.stats.permutation.random_orders`), the same orders for all attributes.

    Over raters says: other people, the same stimuli. Over stimuli: other emotions. Only the second speaks of emotions
    in general, and 27 of them are few.

    Raises
    ------
    ValueError
        When numbers of pairs or stimuli differ, distances are missing, or there are fewer than two raters.
    """
    n_stimuli = n_stimuli_of(human.shape[1])
    _require_complete(human, attributes, orders, n_stimuli)
    human, A = np.asarray(human, dtype=np.float64), np.round(attributes, _DIGITS)
    mean = _rounded_mean(human, np.ones((1, len(human))))
    tau_a = _tau_a(mean, A)[0]
    raters = drawn(len(human), n_draws, seed=seed, of="subjects")
    of_raters = _tau_a(_rounded_mean(human, raters), A)
    stimuli = drawn(n_stimuli, n_draws, seed=seed, of="stimuli")
    of_stimuli = _weighted_tau_a(mean[0], A, stimuli)
    null = _tau_a(mean[0][pair_positions(orders)], A)
    defined = np.isfinite(tau_a)
    p_max = np.full(len(A), np.nan)
    if defined.any():
        p_max[defined] = fwer_p_values(tau_a[defined], null[:, defined].max(axis=1))
    return AttributeImportance(
        tau_a,
        tau_a / np.sqrt(np.where(defined, (1 - _ties(mean)) * (1 - _ties(A)), 1.0)),
        *_interval(tau_a, of_raters, len(human), level),
        *_interval(tau_a, of_stimuli, n_stimuli, level),
        p_value(tau_a, null),
        p_max,
        null.std(axis=0, ddof=1) if len(null) > 1 else np.full(len(A), np.nan),
    )


def _rounded_mean(human: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(counts @ human / len(human), _DIGITS))


def _tau_a(rows: np.ndarray, A: np.ndarray) -> np.ndarray:
    """tau-a of all rows with all attributes: signs are odd, so one comparison of a row is enough; exact in float32."""
    n = A.shape[1]
    signs = np.sign(A[:, :, None] - A[:, None, :]).reshape(len(A), -1).astype(np.float32)
    found = np.empty((len(rows), len(A)))
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        above = (block[:, :, None] > block[:, None, :]).reshape(len(block), -1)
        found[start : start + _ROWS] = 2.0 * (above.astype(np.float32) @ signs.T) / (n * (n - 1))
    varies = np.logical_and.outer(np.ptp(rows, axis=1) > 0, np.ptp(A, axis=1) > 0)
    return np.where(varies, found, np.nan)


def _weighted_tau_a(mean: np.ndarray, A: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """tau-a of every draw of stimuli ``(n_draws, n_attributes)``: pairs of pairs weighted by how often they occur."""
    i, j = np.triu_indices(counts.shape[1], 1)
    W = (counts[:, i] * counts[:, j]).astype(np.float64)
    total = W.sum(axis=1) ** 2 - (W**2).sum(axis=1)
    signs = np.sign(mean[:, None] - mean)
    above = np.stack([np.vecdot(W @ (signs * np.sign(a[:, None] - a)), W) for a in A], axis=1)
    tau: np.ndarray = np.divide(above, total[:, None], out=np.full_like(above, np.nan), where=total[:, None] > 0)
    return tau


def _ties(rdms: np.ndarray) -> np.ndarray:
    """Share of pairs of pairs with equal distances."""
    n = rdms.shape[1]
    counts = [np.unique(row, return_counts=True)[1].astype(np.float64) for row in rdms]
    return np.array([(c * (c - 1)).sum() / max(n * (n - 1), 1) for c in counts])


def _interval(tau: np.ndarray, draws: np.ndarray, n: int, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard error over draws of ``n``, and the ends of the interval."""
    known = [column[np.isfinite(column)] for column in draws.T]
    variance = np.array([column.var(ddof=1) if len(column) > 1 else np.nan for column in known])
    error = np.where(np.isfinite(tau), np.sqrt(n / (n - 1) * variance), np.nan)
    half = student.ppf((1 + level) / 2, n - 1) * error
    return error, tau - half, tau + half


def _require_complete(human: np.ndarray, attributes: np.ndarray, orders: np.ndarray, n_stimuli: int) -> None:
    if attributes.shape[1] != human.shape[1] or orders.shape[1] != n_stimuli:
        raise ValueError(
            f"raters judged {human.shape[1]} pairs, attributes have {attributes.shape[1]} and orders are of "
            f"{orders.shape[1]} stimuli; all must be about the same {n_stimuli}. Align them by name."
        )
    missing = int((~np.isfinite(human)).sum() + (~np.isfinite(attributes)).sum())
    if missing or len(human) < 2:
        raise ValueError(
            f"{len(human)} raters and {missing} missing distances were given; at least two raters, and every distance, "
            "are needed. Fill a rater's gap with the mean of the pair."
        )
