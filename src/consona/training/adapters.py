"""Classifiers from elsewhere through the same door: scikit-learn's, and torch modules with or without weights."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sklearn
import torch
import xarray as xr
from sklearn.base import BaseEstimator, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from consona.core.errors import InvalidInput
from consona.stats.splits import ThreeWay
from consona.training.batches import Material
from consona.training.loop import train_planned
from consona.training.material import material_of, require_split
from consona.training.outside import OutsideNetwork
from consona.training.recipe import Recipe
from consona.training.results import FoldResult, balanced_accuracy, emotion_probability, result_of
from consona.training.stacks import Stack
from consona.training.supervision import Plan, Supervised

__all__ = ["Estimator", "predict_module", "shrinkage_lda", "train_estimator", "train_module"]

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, eq=False)
class Estimator:
    """A scikit-learn classifier with ``predict_proba``, cloned for every fold.

    ``pool``: whether it tells emotions apart, or stimuli whose probabilities are summed within each emotion.
    """

    model: BaseEstimator
    pool: Literal["emotion", "stimulus"] = "emotion"

    def fingerprint(self) -> str | None:
        """Class, version of the package and settings; None when a setting is no plain value."""
        package = type(self.model).__module__.partition(".")[0]
        settings = self.model.get_params(deep=True)
        if package != "sklearn" or not all(isinstance(value, _PLAIN) for value in settings.values()):
            return None
        return f"{type(self.model).__module__}.{self!r} of {sklearn.__version__}"

    def __repr__(self) -> str:
        settings = dict(sorted(self.model.get_params(deep=True).items()))
        return json.dumps({"estimator": type(self.model).__name__, "pool": self.pool, **settings}, default=repr)


def shrinkage_lda(pool: Literal["emotion", "stimulus"] = "emotion") -> Estimator:
    """Linear discriminants with the covariance shrunk by the formula of Ledoit and Wolf (2004)."""
    return Estimator(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), pool)


def train_estimator(tensor: xr.DataArray, split: ThreeWay, estimator: Estimator) -> xr.Dataset:
    """A classifier of scikit-learn per fold of a split, in the variables of ``consona.training.loop.train_decoders``.

    It reads the cells of the unshifted rows in one vector and learns from the training rows alone; the validation rows
    are scored, and nothing is chosen by them. A linear classifier has its cells as ``features`` and its coefficients as
    ``weight``; any other has no features. Emotions without training rows have the probability 0.

    Raises
    ------
    InvalidInput
        When tensor and split do not fit together, or the classifier has no ``predict_proba``.
    """
    require_split(tensor, split)
    if not hasattr(estimator.model, "predict_proba"):
        raise InvalidInput(
            f"{type(estimator.model).__name__} has no predict_proba, and pools need probabilities. Take "
            "one that has it, or wrap it in CalibratedClassifierCV."
        )
    material = material_of(tensor, Recipe(pool=estimator.pool), None)
    found = [_fitted(material, split, fold, estimator) for fold in range(len(split.train))]
    attrs: dict[str, str | int] = {
        "recipe": repr(estimator),
        "strategy": "",
        "outside": type(estimator.model).__name__,
        "seed": 0,
    }
    return result_of(tensor, split, found, pool=estimator.pool, snapshots=(), attrs=attrs)


def _fitted(material: Material, split: ThreeWay, fold: int, estimator: Estimator) -> FoldResult:
    """One fold."""
    train, validation, test = (np.flatnonzero(part[fold]) for part in (split.train, split.validation, split.test))
    cells = material.x[:, material.unshifted].flatten(1).numpy()
    model: Any = clone(estimator.model).fit(cells[train], material.output.numpy()[train])
    n_outputs = len(material.goal.output_emotion)
    result = FoldResult(chosen=1, n_parameters=0)
    for rows in (validation, test):
        full = np.zeros((len(rows), n_outputs))
        full[:, model.classes_] = model.predict_proba(cells[rows])
        pooled = emotion_probability(torch.as_tensor(full).log(), material.goal.output_emotion)
        if rows is validation:
            result.validation.append(balanced_accuracy(pooled, material.labels[rows]))
    result.probability[0] = pooled.numpy()
    coefficients = np.asarray(getattr(model, "coef_", np.zeros((0, 0))))
    linear = coefficients.shape == (len(model.classes_), cells.shape[1])
    result.weight = np.zeros((n_outputs, cells.shape[1] if linear else 0), np.float32)
    result.bias = np.full(n_outputs, 0 if len(model.classes_) == n_outputs else -np.inf, np.float32)
    result.features = cells[test] if linear else np.zeros((len(test), 0), np.float32)
    if linear:
        result.weight[model.classes_] = coefficients
        result.bias[model.classes_] = model.intercept_
        result.n_parameters = coefficients.size + len(coefficients)
    return result


def train_module(
    tensor: xr.DataArray,
    split: ThreeWay,
    outside: OutsideNetwork,
    recipe: Recipe,
    *,
    seed: int,
    snapshots: Sequence[int] = (),
) -> xr.Dataset:
    """Train a network from elsewhere, from the weights that it has, as ``train_decoders`` trains its own.

    Of the recipe everything counts but ``network``, ``width`` and ``depth``. Folds go one by one, so dropout and
    statistics of batches are allowed; what such layers draw belongs to the seed and the fold.

    Raises
    ------
    InvalidInput
        As ``train_decoders``, and when the network has no linear layer of as many outputs as are needed.
    """
    return train_planned(tensor, split, Plan(recipe, seed, snapshots=tuple(snapshots), outside=outside))


def predict_module(
    tensor: xr.DataArray, split: ThreeWay, outside: OutsideNetwork, *, pool: Literal["emotion", "stimulus"] = "emotion"
) -> xr.Dataset:
    """Ask a network from elsewhere as it is; its outputs are in the order in which emotions (or stimuli) occur.

    The variables of ``train_decoders``, with epoch 0 chosen and the balanced accuracy of the validation rows.

    Raises
    ------
    InvalidInput
        As ``train_module``.
    """
    require_split(tensor, split)
    material = material_of(tensor, Recipe(pool=pool), None)
    goal = material.goal
    stack = Stack([Supervised(outside.network(len(goal.output_emotion)), torch.nn.ModuleDict())], "cpu")
    logits, features = stack.outputs(0, material.x[:, material.unshifted])
    probability = emotion_probability(logits, goal.output_emotion)
    head = stack.model.network.head
    bias = np.zeros(head.out_features, np.float32) if head.bias is None else head.bias.detach().numpy()
    found = [
        FoldResult(
            probability={0: probability[test].numpy()},
            features=features[test].numpy(),
            weight=head.weight.detach().numpy(),
            bias=bias,
            validation=[balanced_accuracy(probability[validation], material.labels[validation])],
            n_parameters=stack.n_parameters,
        )
        for test, validation in (
            [torch.as_tensor(np.flatnonzero(part[fold])) for part in (split.test, split.validation)]
            for fold in range(len(split.test))
        )
    ]
    attrs: dict[str, str | int] = {"recipe": "", "strategy": "", "outside": type(outside.module).__name__, "seed": 0}
    return result_of(tensor, split, found, pool=pool, snapshots=(), attrs=attrs)
