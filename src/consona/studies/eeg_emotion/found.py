"""What decoders find by themselves: the class axis, residual components, and what they lose without them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.decoders import subject_accuracy
from consona.alignment.rediscovery import (
    class_rediscovery,
    component_removal,
    rediscovery_table,
    residual_rediscovery,
)
from consona.concepts.axis import NEGATIVE, POSITIVE
from consona.studies.eeg_emotion.decoding import Decoded, Trained
from consona.studies.eeg_emotion.material import RATED, SUPERVISING, Material

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion

LINEAR = "linear"


@dataclass(frozen=True)
class Found:
    """Rediscovery over classes and within them, their tables against accuracy, and the removal.

    All of networks that are trained before their last layer; ``raw`` is the same over classes of the cells themselves,
    which are the features of a linear classifier (None where there is none).
    """

    classes: xr.Dataset
    raw: xr.Dataset | None
    residual: xr.Dataset
    table: xr.Dataset
    residual_table: xr.Dataset
    removal: xr.Dataset


def rediscover(study: "EEGEmotion", run: "Run", material: Material, decoded: Decoded) -> Found:
    """Hold every classifier's components against the axis."""
    every = decoded.classifiers
    linear = {name: each for name, each in every.items() if decoded.architectures[name] == LINEAR}
    trained = {name: each for name, each in every.items() if name not in linear} or every
    how = {"n_orders": study.n_orders, "seed": study.seed}
    poles = {"positive": POSITIVE, "negative": NEGATIVE}
    classes = run.step("rediscovery-classes", class_rediscovery, trained, material.axes, **poles, **how)
    raw = None
    if linear and len(trained) < len(every):
        cells = {"cells": next(iter(linear.values()))}
        raw = run.step("rediscovery-cells", class_rediscovery, cells, material.axes, **poles, **how)
    residual = run.step("rediscovery-residual", residual_rediscovery, trained, material.axes, **how)
    scores = {"rediscovery": (classes, SUPERVISING), "residual": (residual, RATED)}
    tables = {name: _table(study, run, decoded, trained, name, *each) for name, each in scores.items()}
    rated = np.asarray(material.axes.sel(axis=RATED).values)
    removal = run.step("removal", component_removal, trained, rated, n_orders=study.n_orders, seed=study.seed)
    return Found(classes, raw, residual, tables["rediscovery"], tables["residual"], removal)


def _table(
    study: "EEGEmotion",
    run: "Run",
    decoded: Decoded,
    trained: Trained,
    name: str,
    found: xr.Dataset,
    axis: str,
) -> xr.Dataset:
    """Score against accuracy; what is taken out is architecture and regime, which decide most of the accuracy."""
    accuracy = subject_accuracy(trained).mean("subject")
    strata = [each.rsplit("-", 1)[0] for each in trained]
    score = found["score"].sel(axis=axis, drop=True)
    table = run.step(
        f"{name}-table", rediscovery_table, score, accuracy, strata, [False] * len(trained), seed=study.seed
    )
    architectures = [decoded.architectures[each] for each in trained]
    coloured: xr.Dataset = table.assign_coords(group=("model", architectures))
    return coloured
