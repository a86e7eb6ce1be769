"""Bringing features of different subjects to one scale without looking at what is held out."""

import numpy as np

from consona.stats.shapes import Bool, Float, Real, Shaped

__all__ = ["constant_within", "zscore_within"]


def zscore_within(
    X: Real[np.ndarray, "n_rows n_features"],
    groups: Shaped[np.ndarray, " n_rows"],
    train: Bool[np.ndarray, " n_rows"],
) -> Float[np.ndarray, "n_rows n_features"]:
    r"""Z-score every feature within each group (subject), by the mean and SD of the group's **training** rows only.

    .. math:: z_{ij} = \frac{x_{ij} - \mu_{gj}}{\sigma_{gj}}, \qquad \mu, \sigma \text{ over training rows of } g = g(i)

    A feature that is constant over the training rows of a group has no scale there. It becomes 0, the training mean, in
    all rows of the group: it then says nothing about that subject, in training and at test. Count these cases with
    :func:`constant_within` and report them. float32 stays float32.

    Raises
    ------
    ValueError
        When a feature is not finite, lengths differ, or a group has fewer than two training rows.
    """
    Z = np.empty(X.shape, dtype=X.dtype if X.dtype.kind == "f" else np.float64)
    for rows, mean, spread in _training_scales(X, groups, train):
        varies = spread > 0
        Z[rows] = np.where(varies, (X[rows] - mean) / np.where(varies, spread, 1.0), 0.0)
    return Z


def constant_within(
    X: Real[np.ndarray, "n_rows n_features"],
    groups: Shaped[np.ndarray, " n_rows"],
    train: Bool[np.ndarray, " n_rows"],
) -> Bool[np.ndarray, "n_groups n_features"]:
    """Which features are constant over the training rows of each group, groups in sorted order.

    Constant means: the range is within rounding of the largest absolute value.

    Raises
    ------
    ValueError
        As :func:`zscore_within`.
    """
    return np.stack([spread == 0 for _, _, spread in _training_scales(X, groups, train)])


def _training_scales(
    X: np.ndarray, groups: np.ndarray, train: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per group: its rows, and mean and SD (0 where constant) of its training rows."""
    if not len(X) == len(groups) == len(train):
        raise ValueError(
            f"features hold {len(X)} rows, groups {len(groups)} and the training mask {len(train)}; one of each makes "
            "a row. Align them first."
        )
    if not np.all(np.isfinite(X)):
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise ValueError(
            f"feature {column} of row {row} (group '{groups[row]}') is {X[row, column]}; features must be finite. "
            "Remove the row or the feature."
        )
    labels, codes = np.unique(groups, return_inverse=True)
    scales = []
    for code, label in enumerate(labels):
        rows = np.flatnonzero(codes == code)
        fitted = X[rows[train[rows]]].astype(np.float64)
        if len(fitted) < 2:
            raise ValueError(
                f"group '{label}' has {len(fitted)} training rows of {len(rows)}; mean and SD need at least 2. Hold "
                "out less of it, or leave the group out."
            )
        wide = np.ptp(fitted, axis=0) > 4 * np.finfo(np.float64).eps * np.abs(fitted).max(axis=0)
        scales.append((rows, fitted.mean(axis=0), np.where(wide, fitted.std(axis=0), 0.0)))
    return scales
