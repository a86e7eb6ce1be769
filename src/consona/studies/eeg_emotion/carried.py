"""The axis read out of one corpus and tested on the other."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.transfer import axis_transfer
from consona.studies.eeg_emotion.material import Material
from consona.studies.eeg_emotion.supervision import class_means, other_tensor

if TYPE_CHECKING:
    from consona.engine.run import Run


def carry(run: "Run", material: Material) -> xr.Dataset | None:
    """Read-outs both ways, on the channels that both corpora have; None where there is no second one."""
    if material.other is None:
        return None
    other = other_tensor(material)
    shared = [str(each) for each in other["channel"].values if np.any(other.sel(channel=each).values)]
    a, b = material.tensor.sel(channel=shared), other.sel(channel=shared)
    values = class_means(material.supervising, material.emotions)
    of_other = np.array([values[str(name)] for name in b["emotion"].values])
    found: xr.Dataset = run.step("axis-transfer", axis_transfer, a, b, material.supervising, of_other)
    return found.assign_attrs(synthetic=int(other.attrs.get("synthetic", 0)), n_channels=len(shared))
