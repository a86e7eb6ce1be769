"""What a training gives: probabilities and features of test rows, last layers, and how the epochs were chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import xarray as xr

from consona.core.errors import InvalidInput
from consona.stats.splits import ThreeWay
from consona.training.material import classes_of
from consona.training.supervision import Plan

__all__ = ["FoldResult", "balanced_accuracy", "emotion_probability", "require_snapshots", "result_of"]


@dataclass
class FoldResult:
    """What one fold gives, as it is trained.

    ``probability``: for snapshot 0 (the chosen epoch) and every epoch asked for, ``(n_test, n_emotions)``;
    ``features (n_test, n_features)``; ``weight``, ``bias`` of the last layer; ``validation``: per epoch.
    """

    probability: dict[int, np.ndarray] = field(default_factory=dict)
    features: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    weight: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    bias: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    validation: list[float] = field(default_factory=list)
    chosen: int = 0
    n_parameters: int = 0


def emotion_probability(logits: torch.Tensor, output_emotion: torch.Tensor) -> torch.Tensor:
    """Softmax over the outputs, summed within each emotion: ``(n_rows, n_emotions)``."""
    probability = logits.softmax(-1)
    summed = probability.new_zeros((len(logits), int(output_emotion.max()) + 1))
    return summed.index_add_(1, output_emotion, probability)


def balanced_accuracy(probability: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of rows named rightly, averaged over the emotions that occur."""
    right = (probability.argmax(-1) == labels).double()
    counts = torch.bincount(labels)
    hits = torch.bincount(labels, weights=right)
    return float((hits[counts > 0] / counts[counts > 0]).mean())


def result_of(
    tensor: xr.DataArray,
    split: ThreeWay,
    folds: list[FoldResult],
    *,
    pool: str,
    snapshots: Sequence[int],
    attrs: Mapping[str, str | int],
) -> xr.Dataset:
    """All folds in one, as ``consona.training.loop.train_decoders`` says; ``attrs`` are what was trained, and how."""
    emotions, of_stimulus = classes_of(tensor)
    shape = split.test.shape[1:]
    snapshots = (0, *snapshots)
    probability = np.full((len(snapshots), *shape, len(emotions)), np.nan, np.float32)
    features = np.full((*shape, folds[0].features.shape[1]), np.nan, np.float32)
    tested = np.full(shape, -1)
    for number, (rows, fold) in enumerate(zip(split.test, folds, strict=True)):
        tested[rows] = number
        features[rows] = fold.features
        for at, snapshot in enumerate(snapshots):
            probability[at][rows] = fold.probability[snapshot]
    stimuli, stimulus_emotions = tensor.stimulus.values, emotions[of_stimulus]
    pooled = pool == "stimulus"
    return xr.Dataset(
        {
            "probability": (("snapshot", "subject", "stimulus", "emotion"), probability),
            "features": (("subject", "stimulus", "feature"), features),
            "weight": (("fold", "output", "feature"), np.stack([fold.weight for fold in folds])),
            "bias": (("fold", "output"), np.stack([fold.bias for fold in folds])),
            "tested_in": (("subject", "stimulus"), tested),
            "validation": (("fold", "epoch"), np.array([fold.validation for fold in folds])),
            "chosen": ("fold", np.array([fold.chosen for fold in folds])),
        },
        coords={
            "snapshot": list(snapshots),
            "subject": tensor.subject.values,
            "stimulus": stimuli,
            "emotion": emotions,
            "output": stimuli if pooled else emotions,
            "output_emotion": ("output", stimulus_emotions if pooled else emotions),
            "stimulus_emotion": ("stimulus", stimulus_emotions),
            "epoch": np.arange(1, len(folds[0].validation) + 1),
        },
        attrs={**attrs, "n_parameters": folds[0].n_parameters, "split": split.name},
    )


def require_snapshots(plan: Plan) -> None:
    """Snapshots are epochs of the training, rising.

    Raises
    ------
    InvalidInput
        When they are not.
    """
    n_epochs = sum(stage.epochs for stage in plan.stages)
    wanted = list(plan.snapshots)
    if wanted != sorted(set(wanted)) or any(not 1 <= epoch <= n_epochs for epoch in wanted):
        raise InvalidInput(f"snapshots are {wanted}; they are epochs from 1 to {n_epochs}, each once, in rising order.")
