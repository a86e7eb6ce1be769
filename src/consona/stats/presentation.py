"""Scales of one person's features over the stimuli: over all of them, or over those that this person saw before."""

import numpy as np

from consona.stats.shapes import Float, Int, Real

__all__ = ["FEWEST_BEFORE", "PRIOR_STIMULI", "causal_scale", "overall_scale"]

FEWEST_BEFORE = 2
PRIOR_STIMULI = 4.0
_TINY = 1e-12


def overall_scale(
    means: Real[np.ndarray, "n_stimuli n_channels n_bands"],
) -> tuple[Float[np.ndarray, "1 n_channels n_bands"], Float[np.ndarray, "1 n_channels n_bands"]]:
    """Mean and SD over all stimuli of every cell; ``means`` are the means of each stimulus over its time.

    Transductive: the scale of a stimulus knows those that came after it, though no label. A cell that is constant over
    the stimuli has the scale infinity, so that it becomes 0 and says nothing.
    """
    mean = means.mean(axis=0, keepdims=True)
    spread = means.std(axis=0, keepdims=True)
    return mean, np.where(spread > _TINY * np.abs(mean), spread, np.inf)


def causal_scale(
    means: Real[np.ndarray, "n_stimuli n_channels n_bands"], order: Int[np.ndarray, " n_stimuli"]
) -> tuple[Float[np.ndarray, "n_stimuli n_channels n_bands"], Float[np.ndarray, "n_stimuli n_channels n_bands"]]:
    r"""Mean and SD for every stimulus from what the same person saw before it, and from nobody else.

    With *t* stimuli before, their means :math:`x_{jcb}` in channel *c* and band *b*, and :math:`k = 4`,

    .. math:: \mu = \bar x_{cb}, \qquad
              \sigma^2 = \frac{(t - 1)\, s^2_{cb} + k\, \overline{s^2_{\cdot b}}}{t - 1 + k}, \qquad t \ge 2 :

    the variance of few stimuli is drawn towards its mean over the channels of the band, or a quotient of few values
    would have no end. The second stimulus has the first one as its mean and the SD 1 (it stays in the unit of the
    features); the first has nothing before it: its own mean is taken away, so it keeps its time course only, and its
    SD is 1. A band without any variance so far has the scale infinity, so that its cells become 0.

    Parameters
    ----------
    means
        Mean of each stimulus over its time, in every channel and band.
    order
        When each stimulus was presented; only ranks count.

    Raises
    ------
    ValueError
        When two stimuli share a place in the order.
    """
    if len(np.unique(order)) != len(order):
        raise ValueError(
            f"{len(order)} stimuli hold {len(np.unique(order))} places in the order of presentation; each has its own. "
            "Check the order."
        )
    mean, spread = np.array(means, dtype=np.float64), np.ones(means.shape)
    sequence = np.argsort(order)
    for t, stimulus in enumerate(sequence):
        before = means[sequence[:t]]
        if t:
            mean[stimulus] = before.mean(axis=0)
        if t >= FEWEST_BEFORE:
            own = before.var(axis=0, ddof=1)
            drawn = ((t - 1) * own + PRIOR_STIMULI * own.mean(axis=0)) / (t - 1 + PRIOR_STIMULI)
            spread[stimulus] = np.where(drawn > 0, np.sqrt(drawn), np.inf)
    return mean, spread
