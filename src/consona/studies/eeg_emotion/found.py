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
from consona.studies.eeg_emotion.decoding import Decoded
from consona.studies.eeg_emotion.material import RATED, SUPERVISING, Material

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion


@dataclass(frozen=True)
class Found:
    """Rediscovery over classes and within them, their tables against accuracy, and the removal."""

    classes: xr.Dataset
    residual: xr.Dataset
    table: xr.Dataset
    residual_table: xr.Dataset
    removal: xr.Dataset


def rediscover(study: "EEGEmotion", run: "Run", material: Material, decoded: Decoded) -> Found:
    """Hold every classifier's components against the axis."""
    trained = decoded.classifiers
    how = {"n_orders": study.n_orders, "seed": study.seed}
    poles = {"positive": POSITIVE, "negative": NEGATIVE}
    classes = run.step("rediscovery-classes", class_rediscovery, trained, material.axes, **poles, **how)
    residual = run.step("rediscovery-residual", residual_rediscovery, trained, material.axes, **how)
    accuracy = subject_accuracy(trained).mean("subject")
    architectures = [decoded.architectures[name] for name in trained]
    pools = [False] * len(trained)
    table, residual_table = (
        run.step(f"{name}-table", rediscovery_table, score, accuracy, architectures, pools, seed=study.seed)
        for name, score in (
            ("rediscovery", classes["score"].sel(axis=SUPERVISING, drop=True)),
            ("residual", residual["score"].sel(axis=RATED, drop=True)),
        )
    )
    rated = np.asarray(material.axes.sel(axis=RATED).values)
    removal = run.step("removal", component_removal, trained, rated, seed=study.seed)
    return Found(classes, residual, table, residual_table, removal)
