"""How well a perfect model could score in one subject, from pools of more and more other subjects."""

from typing import NamedTuple

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real

__all__ = ["PoolGrowth", "pool_growth"]

_BLOCK = 2048
_GROWTHS = np.concatenate([[0.0], np.logspace(-3, 3, 601)])  # steps of 2.3 %, which move the limit by far less


class PoolGrowth(NamedTuple):
    """The limit for ever more subjects, how slowly it is reached, and the correlations it was fitted to."""

    limit: Float[np.ndarray, " n_targets"]
    growth: Float[np.ndarray, " n_targets"]
    r: Float[np.ndarray, "n_sizes n_targets"]


def pool_growth(
    responses: Real[np.ndarray, "n_subjects n_stimuli n_targets"], *, n_draws: int = 20, seed: int
) -> PoolGrowth:
    r"""Ceiling of one subject's data, extrapolated from pools of 1, 2, ... other subjects to infinitely many.

    A subject is correlated with the mean of n others; pools are drawn at random, ``n_draws`` times for every subject.
    Where each subject is the shared response and noise, this grows as

    .. math:: r_n = \frac{c}{\sqrt{1 + b / n}}, \qquad b = \sigma^2_e / \sigma^2_s, \quad
              c = \sqrt{\sigma^2_s / (\sigma^2_s + \sigma^2_e)},

    fitted by least squares over the sizes with c and b both free. The limit c is the expected correlation of a perfect
    model of the shared response with one subject; nothing bounds it at 1. Schrimpf et al. (2020) extrapolate in the
    same way with an exponential, which levels off too early. NaN where a subject misses the target, where it does not
    vary, or where r still grows like :math:`\sqrt n` at the largest pool, so that the data name no limit.

    Returns
    -------
    The limit c, the growth b, and the mean correlations for pools of 1 to n_subjects - 1.

    Raises
    ------
    ValueError
        With fewer than four subjects: two unknowns need three sizes.
    """
    n_subjects = len(responses)
    if n_subjects < 4 or n_draws < 1:
        raise ValueError(
            f"pools of {n_subjects} subjects were to be drawn {n_draws} times; the growth has two unknowns, so "
            "at least 4 subjects (pools of 1, 2 and 3 others) are needed. Use leave_one_subject_out, or repetitions."
        )
    rng = rng_for(seed, "pools of subjects", n_subjects)
    others = [np.delete(np.arange(n_subjects), subject) for subject in range(n_subjects)]
    orders = np.stack([rng.permutation(each) for each in others for _ in range(n_draws)])
    blocks = range(0, max(1, responses.shape[2]), _BLOCK)
    parts = [_pool_correlations(responses[:, :, i : i + _BLOCK], orders, n_draws) for i in blocks]
    r = np.concatenate(parts, axis=1)
    limit, growth = _fitted(r)
    return PoolGrowth(limit, growth, r)


def _fitted(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of every target over the sizes: for each growth on a grid the limit is a linear fit."""
    shape = 1.0 / np.sqrt(1.0 + _GROWTHS[:, None] / np.arange(1, len(r) + 1))
    length = (shape**2).sum(axis=1, keepdims=True)
    limits = shape @ r / length
    best = np.argmax(np.where(np.isnan(limits), -1.0, limits**2 * length), axis=0)
    defined = (best < len(_GROWTHS) - 1) & np.isfinite(r).all(axis=0)
    limit = np.where(defined, np.take_along_axis(limits, best[None], axis=0)[0], np.nan)
    return limit, np.where(defined, _GROWTHS[best], np.nan)


def _pool_correlations(responses: np.ndarray, orders: Int[np.ndarray, "n_pools n_others"], n_draws: int) -> np.ndarray:
    """Mean r of a subject with the mean of the first n of an order, from the products between subjects alone."""
    values = np.asarray(responses, dtype=np.float64)
    values = values - values[:, :1]
    values = values - values.mean(axis=1, keepdims=True)
    G = np.einsum("sit,uit->sut", values, values, optimize=True)
    total = np.zeros((orders.shape[1], G.shape[2]))
    for i, order in enumerate(orders):
        subject = i // n_draws
        shared = np.cumsum(G[subject, order], axis=0)
        own = np.cumsum(G[order, order], axis=0)
        cross = np.cumsum([2.0 * G[order[:k], other].sum(axis=0) for k, other in enumerate(order)], axis=0)
        size = (own + cross) * G[subject, subject]
        varies = size > 0
        total += np.divide(shared, np.sqrt(size, where=varies, out=size), out=np.full_like(size, np.nan), where=varies)
    mean: np.ndarray = total / len(orders)
    return mean
