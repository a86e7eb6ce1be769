"""The pictures of silence: what each emotion loses, random masks as clouds, and the dose."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.figure import figure
from consona.stats.mask_effects import dose_table
from consona.studies.emotion_neurons.silencing import Condition
from consona.studies.emotion_neurons.verdicts import emotion_losses, losses

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons


def draw_masks(study: "EmotionNeurons", run: "Run", parts: "Parts") -> None:
    """What silence costs, as steps of the run."""
    run.step("figure-drops", drops, parts.silenced.declared, study.readout)
    run.step("figure-clouds", clouds, parts.silenced.declared, study.readout)
    run.step("figure-doses", doses, parts.silenced.doses, parts.silenced.declared, study.share, study.readout)


def drops(condition: Condition, readout: str) -> xr.Dataset:
    """Accuracy lost by emotion and attribute, beyond the mean of the random masks."""
    loss = condition.drop(readout)
    excess = loss.isel(mask=0) - loss.isel(mask=slice(1, None)).mean("mask")
    values = excess.transpose("emotion", "attribute")
    data = xr.Dataset(
        {"value": (("emotion", "attribute"), values.values)},
        {
            "emotion": loss["emotion"].values,
            "attribute": loss["attribute"].values,
            "tested": ("emotion", loss["tested"].values),
        },
    )
    caption = (
        "Accuracy lost to the selected mask minus the mean loss to matched random ones; positive: the attribute's "
        "neurons are needed more. Emotions with fewer than 30 test comments are shown and not tested."
    )
    return figure(data, "drop_matrix", "What silence costs", caption, label="loss beyond random masks")


def clouds(condition: Condition, readout: str) -> xr.Dataset:
    """Accuracy under every mask, mean of the tested emotions."""
    tested = np.flatnonzero(condition.accuracy["tested"].values)
    intact = float(condition.intact["accuracy"].sel(readout=readout).isel(emotion=tested).mean())
    selected, random = losses(condition, readout)
    coords = {"attribute": condition.accuracy["attribute"].values, "mask": condition.accuracy["mask"].values[1:]}
    data = xr.Dataset(
        {"selected": ("attribute", intact - selected), "random": (("attribute", "mask"), intact - random.T)}
    )
    caption = (
        f"Accuracy with {condition.n} neurons silenced, mean of the tested emotions. Each dot is a random mask with as "
        "many neurons of every layer and activation; draws belong together. Diamond: the selected one."
    )
    title = "Selected masks among random ones"
    return figure(data.assign_coords(coords), "mask_clouds", title, caption, intact=intact, xlabel="accuracy")


def doses(described: dict[float, Condition], declared: Condition, share: float, readout: str) -> xr.Dataset:
    """Accuracy lost by number of neurons, beside random masks of each size."""
    few = next(iter(described.values())).accuracy.sizes["mask"]
    several = {**{each: emotion_losses(condition, readout) for each, condition in described.items()}}
    selected, random = emotion_losses(declared, readout)
    several[share] = selected, random[:, : few - 1]
    sizes = sorted(several)
    table = dose_table(*(np.stack([several[size][side] for size in sizes]) for side in (0, 1)))
    names = [*(str(each) for each in declared.accuracy["attribute"].values), "mean of all"]
    columns = {"selected": table.selected, "low": table.low, "high": table.high, "random": table.mean}
    data = xr.Dataset(
        {name: (("attribute", "size"), -value.T) for name, value in columns.items()},
        {"attribute": names, "size": [100 * size for size in sizes]},
    ).rename(low="high", high="low")
    caption = (
        "Change of accuracy by share of neurons silenced; bands: 95 % of "
        f"{few - 1} random masks. The declared size takes more comments than the others. Descriptive."
    )
    title = "The more neurons, the more it costs?"
    return figure(data, "dose_bands", title, caption, declared=100 * share, ylabel="change of accuracy", intact=0.0)
