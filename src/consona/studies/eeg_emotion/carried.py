"""The axis read out of one corpus and tested on the other."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.transfer import axis_transfer
from consona.brain.tensors import window_tensor
from consona.datasets.shared_cells import common_cells
from consona.studies.eeg_emotion.material import OTHER_WINDOW_S, WINDOW_S, Material
from consona.studies.eeg_emotion.supervision import class_means

if TYPE_CHECKING:
    from consona.engine.run import Run


def carry(run: "Run", material: Material) -> xr.Dataset | None:
    """Read-outs both ways, on the channels, bands and emotions of both corpora; None where there is no second one."""
    if material.other_data is None:
        return None
    values = class_means(material.supervising, material.emotions)
    last_s = float(OTHER_WINDOW_S * material.tensor.sizes["window"])
    a, b = common_cells(material.data, material.other_data)
    tensors = (
        run.step("tensor-shared-1", window_tensor, a, window_s=WINDOW_S, shifts_s=(0.0,)),
        run.step("tensor-shared-2", window_tensor, b, window_s=OTHER_WINDOW_S, shifts_s=(0.0,), last_s=last_s),
    )
    axes = [np.array([values[str(name)] for name in each["emotion"].values]) for each in tensors]
    found: xr.Dataset = run.step("axis-transfer", axis_transfer, *tensors, *axes)
    synthetic = int(material.other_data.synthetic)
    return found.assign_attrs(synthetic=synthetic, n_channels=tensors[0].sizes["channel"])
