"""What masks cost, one number per mask: each is compared with all others, the selected one treated like any of them."""

import numpy as np

from consona.stats.shapes import Float, Real

__all__ = ["defined_mean", "mask_excess", "selected_first"]


def selected_first(
    selected: Real[np.ndarray, "n_attributes n_emotions"], random: Real[np.ndarray, "n_attributes n_random n_emotions"]
) -> Float[np.ndarray, "n_attributes n_masks n_emotions"]:
    """Losses of all masks of each attribute, the selected one first; what is not finite becomes NaN.

    Raises
    ------
    ValueError
        When the shapes do not belong together, or there is no random mask.
    """
    if random.ndim != 3 or selected.shape != (random.shape[0], random.shape[2]) or random.shape[1] < 1:
        raise ValueError(
            f"losses of selected masks are {selected.shape} and of random ones {random.shape}; they must be "
            "(attributes, emotions) and (attributes, masks, emotions), with at least one mask. Align them by name."
        )
    losses = np.concatenate([selected[:, None], random], axis=1).astype(np.float64)
    return np.where(np.isfinite(losses), losses, np.nan)


def mask_excess(
    losses: Real[np.ndarray, "n_attributes n_masks n_emotions"],
) -> Float[np.ndarray, "n_attributes n_masks n_emotions"]:
    r"""Loss of every mask and emotion minus the mean loss of the other masks of the attribute.

    .. math:: x_{aje} - \frac{1}{M - 1} \sum_{i \ne j} x_{aie}
              = \frac{M}{M - 1} \Big(x_{aje} - \frac1M \sum_i x_{aie}\Big)

    The same for the selected mask and for the random ones, so that those stay exchangeable. Undefined losses (NaN) take
    no part and stay NaN; an emotion that a single mask defines is NaN.
    """
    n = np.isfinite(losses).sum(axis=1, keepdims=True)
    growth = np.divide(n, n - 1.0, out=np.full(n.shape, np.nan), where=n > 1)
    excess: np.ndarray = (losses - defined_mean(losses, axis=1)[:, None]) * growth
    return excess


def defined_mean(values: Real[np.ndarray, "..."], *, axis: int) -> Float[np.ndarray, "..."]:
    """Mean along an axis over what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    n = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: np.ndarray = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return mean
