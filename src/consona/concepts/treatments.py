"""What is done to activations before an axis is fitted, always learnt from the texts of the axis alone."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from consona.core.features import Features
from consona.stats.outliers import massive_dimensions

__all__ = ["TREATMENTS", "apart_from_massive", "massive", "standardised", "untouched"]


def untouched(features: Features, reference: Features) -> Features:
    """The features as they are."""
    return features


def massive(reference: Features) -> npt.NDArray[np.bool_]:
    """Which dimensions carry massive activations at each layer held, ``(n_layers, n_features)``."""
    return np.stack([massive_dimensions(reference.layer(int(layer))) for layer in reference.layers])


def apart_from_massive(features: Features, reference: Features) -> Features:
    """The features with massive dimensions (by the texts of the axis) set to zero at every layer.

    A few dimensions of a language model can be hundreds of times larger than the rest (arXiv 2402.17762) and hide
    every other direction from a principal component.
    """
    return Features(features.data.where(~massive(reference)[None], 0.0).assign_attrs(features.attrs))


def standardised(features: Features, reference: Features) -> Features:
    """Every dimension in units of its mean and SD over the texts of the axis; constant dimensions become zero."""
    x = reference.data.values.astype(np.float64)
    mean, sd = x.mean(axis=0), x.std(axis=0)
    values = features.data.values - mean
    scaled = np.divide(values, sd, out=np.zeros_like(values), where=np.broadcast_to(sd > 0, values.shape))
    return Features(features.data.copy(data=scaled.astype(np.float32)))


TREATMENTS: dict[str, Callable[[Features, Features], Features]] = {
    "all dimensions": untouched,
    "without massive dimensions": apart_from_massive,
    "standardised": standardised,
}
