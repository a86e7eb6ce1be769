"""Linear maps from states to labels and numbers: fitted on standardised features, applied to states as they are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.stats.shapes import Bool, Float, Shaped

__all__ = ["LinearMap", "Standard", "balanced_share", "readout_facts", "require_penalties"]

STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Penalties that are tried, the strongest first: what wins a tie is the simpler map."""
_ITERATIONS = 1000
_TOLERANCE = 1e-4


class LinearMap(NamedTuple):
    """Outputs ``x weight' + bias`` of states as they come out of the model."""

    weight: Float[np.ndarray, "n_outputs n_features"]
    bias: Float[np.ndarray, " n_outputs"]

    def __call__(self, X: Float[np.ndarray, "n_stimuli n_features"]) -> Float[np.ndarray, "n_stimuli n_outputs"]:
        """The outputs of every row."""
        return np.asarray(X @ self.weight.T + self.bias)


class Standard(NamedTuple):
    """Features with the mean and SD of the training rows; a feature that is constant there counts nothing."""

    X: Float[np.ndarray, "n_stimuli n_features"]
    mean: Float[np.ndarray, " n_features"]
    scale: Float[np.ndarray, " n_features"]

    @classmethod
    def of(cls, X: Float[np.ndarray, "n_stimuli n_features"]) -> "Standard":
        """Standardise training rows."""
        X = np.asarray(X, dtype=np.float64)
        mean, sd = X.mean(axis=0), X.std(axis=0)
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 1e-9 * np.maximum(1.0, np.abs(mean)))
        return cls((X - mean) * scale, mean, scale)

    def raw(self, weight: np.ndarray, bias: np.ndarray) -> LinearMap:
        """A map of standardised features as one of the features themselves."""
        weight = np.atleast_2d(weight) * self.scale
        return LinearMap(weight, np.atleast_1d(bias) - weight @ self.mean)

    def logistic(self, y: Shaped[np.ndarray, " n_stimuli"], strengths: Sequence[float]) -> list[LinearMap]:
        r"""Logistic regressions whose classes weigh the same (softmax where there are more than two, an output each).

        Minimises :math:`\frac1n \sum_i w_i\,\mathrm{loss}_i + \frac{\lambda}{2} \|b\|^2` for every
        strength :math:`\lambda`, with :math:`w_i = n / (n_{classes}\, n_{c(i)})`. Each fit begins where the one before
        it ended, which is fast from strong to weak.
        """
        model = LogisticRegression(class_weight="balanced", tol=_TOLERANCE, max_iter=_ITERATIONS, warm_start=True)
        maps = []
        for strength in strengths:
            model.set_params(C=1.0 / (strength * len(y))).fit(self.X, y)
            maps.append(self.raw(model.coef_.copy(), model.intercept_.copy()))
        return maps

    def prototype(self, y: Bool[np.ndarray, " n_stimuli"]) -> LinearMap:
        """The difference of the two class means; the threshold lies half-way between them."""
        high, low = self.X[y].mean(axis=0), self.X[~y].mean(axis=0)
        weight = high - low
        return self.raw(weight, -weight @ (high + low) / 2)

    def ridge(self, y: Float[np.ndarray, " n_stimuli"], strengths: Sequence[float]) -> list[LinearMap]:
        """Ridge regressions: mean squared error plus a strength times the squared length of the weights."""
        gram, cross = self.X.T @ self.X / len(y), self.X.T @ (y - y.mean()) / len(y)
        identity = np.eye(self.X.shape[1])
        return [self.raw(np.linalg.solve(gram + each * identity, cross), y.mean()) for each in strengths]


def balanced_share(output: Float[np.ndarray, " n_stimuli"], y: Bool[np.ndarray, " n_stimuli"]) -> float:
    """Balanced accuracy of an output that says yes above 0."""
    return float(np.mean(output[y] > 0) + np.mean(output[~y] <= 0)) / 2


def readout_facts(train: Features, dev: Features, layer: int) -> dict[str, str | int]:
    """Which layer, and what else must be the same wherever the map is applied.

    Raises
    ------
    InvalidInput
        When the two have other features, or come from different models, sites or poolings.
    """
    if train.data.sizes["feature"] != dev.data.sizes["feature"]:
        raise InvalidInput(
            f"The training states have {train.data.sizes['feature']} features and those of the dev split "
            f"{dev.data.sizes['feature']}. Capture both from one model."
        )
    keys = ("model", "revision", "site", "pooling")
    differ = [key for key in keys if train.attrs.get(key) != dev.attrs.get(key)]
    if differ or train.layer_number(layer) != dev.layer_number(layer):
        raise InvalidInput(
            f"States of the training and of the dev split differ in {listed(differ or ['layer'])}. Capture both alike."
        )
    facts: dict[str, str | int] = {key: str(train.attrs[key]) for key in keys if key in train.attrs}
    return {**facts, "layer": train.layer_number(layer)}


def require_penalties(strengths: Sequence[float]) -> list[float]:
    """The penalties, the strongest first.

    Raises
    ------
    InvalidInput
        When there are none, or one is not above 0.
    """
    if not strengths or min(strengths) <= 0:
        raise InvalidInput(f"Penalties are above 0; found {listed(strengths)}. Give at least one.")
    return sorted((float(each) for each in strengths), reverse=True)
