"""Features that drown all others: massive activations of language models."""

import numpy as np

from consona.stats.shapes import Bool, Float, Real

__all__ = ["massive_dimensions", "relative_magnitude"]


def relative_magnitude(X: Real[np.ndarray, "n_stimuli n_features"]) -> Float[np.ndarray, " n_features"]:
    r"""Root mean square of each feature, in units of the median feature.

    .. math:: m_j = \frac{\sqrt{\frac1n \sum_i x_{ij}^2}}{\mathrm{median}_k \sqrt{\frac1n \sum_i x_{ik}^2}}

    The square is mean squared plus variance, so a feature counts as large for its offset and for its spread alike.
    The median is taken over features that are not zero throughout; NaN when all are.
    """
    size = np.sqrt(np.mean(np.square(X, dtype=np.float64), axis=0))
    alive = size[size > 0]
    return size / np.median(alive) if len(alive) else np.full(len(size), np.nan)


def massive_dimensions(
    X: Real[np.ndarray, "n_stimuli n_features"], *, threshold: float = 10.0
) -> Bool[np.ndarray, " n_features"]:
    """Which features are more than ``threshold`` times as large as the median feature (root mean square).

    In a residual stream a handful of features can be hundreds of times larger than the rest, whatever the text
    (Sun, Chen, Kolter and Liu 2024); distances and principal components then describe them alone. Gaussian features of
    equal spread stay below 1.5. The median does not notice a few massive features among many.
    """
    return relative_magnitude(X) > threshold
