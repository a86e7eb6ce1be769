"""Rules that several claims of the study share."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.claim import Verdict, not_testable, significant
from consona.stats.mask_effects import MaskTest, mask_test
from consona.stats.mask_losses import defined_mean
from consona.studies.emotion_neurons.names import LEVEL
from consona.studies.emotion_neurons.silencing import Condition

Array = npt.NDArray[np.float64]


def emotion_losses(condition: Condition, readout: str, measure: str = "accuracy") -> tuple[Array, Array]:
    """Of tested emotions: selected ``(n_attributes, n_emotions)``, random ``(n_attributes, n_random, n_emotions)``."""
    drop = condition.drop(readout, measure)
    values = drop.isel(emotion=np.flatnonzero(drop["tested"].values)).values
    return values[:, 0], values[:, 1:]


def losses(condition: Condition, readout: str) -> tuple[Array, Array]:
    """Mean over tested emotions: selected ``(n_attributes,)``, random ``(n_random, n_attributes)``."""
    selected, random = emotion_losses(condition, readout)
    return defined_mean(selected, axis=1), defined_mean(random, axis=2).T


def effect_of(condition: Condition, readout: str, measure: str = "accuracy") -> MaskTest:
    """Selected masks against the random ones of the same condition."""
    return mask_test(*emotion_losses(condition, readout, measure), seed=0)


def by_masks(found: MaskTest, rule: str) -> Verdict:
    """Held where the selected masks together cost more than a joint draw of random ones."""
    verdict = significant(found.pooled_p, of=rule)
    n = len(found.pooled_null)
    shown = f"{verdict.value} (excess {100 * found.pooled:+.1f} points)"
    if 1 / (n + 1) > LEVEL:
        return not_testable(f"{n} random masks give no p below {1 / (n + 1):.2g}; {shown}", rule=verdict.rule)
    return replace(verdict, value=shown)


def share_above(first: xr.Dataset, second: xr.Dataset) -> tuple[float, float]:
    """Mean over attributes of the share of neurons that go with one, of a model and of what it is held against."""
    return float(first["share"].mean()), float(second["share"].mean())
