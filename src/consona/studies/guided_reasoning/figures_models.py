"""The pictures of steered and tuned models, and of made-up people."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.figure import figure
from consona.studies.guided_reasoning.claims_guidance import CHOSEN
from consona.studies.guided_reasoning.names import LABEL_ONLY, OWN
from consona.studies.guided_reasoning.steering import Steered
from consona.studies.guided_reasoning.tuning import TRAINED, Arms
from consona.studies.guided_reasoning.twin import Twins

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.parts import Parts


def draw_models(run: "Run", parts: "Parts") -> None:
    """Every figure whose part was carried out."""
    if parts.steered is not None:
        run.step("figure-flips", flip_figure, parts.steered)
        run.step("figure-differences", difference_figure, parts.steered)
        run.step("figure-dose", dose_figure, parts.steered)
    if parts.arms is not None:
        run.step("figure-arms", arm_figure, parts.arms)
        run.step("figure-transfer", transfer_figure, parts.arms)
    if parts.twins is not None:
        run.step("figure-twins", twin_figure, parts.twins)
        run.step("figure-power", power_figure, parts.twins)


def flip_figure(steered: Steered) -> xr.Dataset:
    """Answers before and after, counted over people and problems; controls that were drawn often: their mean."""
    flips = steered.flips.sel(version=CHOSEN)
    conditions = list(dict.fromkeys(flips["condition"].values.tolist()))
    before = float(steered.flips["accuracy_before"].mean())
    n = float(steered.flips["n_items"].sum())
    counts = []
    for name in conditions:
        rows = flips.isel(guide=np.flatnonzero(flips["condition"].values == name))
        mended, spoilt = (float(rows[key].mean()) for key in ("wrong_to_right", "right_to_wrong"))
        counts.append([[1 - before - mended, mended], [spoilt, before - spoilt]])
    data = xr.Dataset(
        {"count": (("condition", "before", "after"), np.round(n * np.array(counts), 1))},
        {"condition": conditions, "before": ["wrong", "right"], "after": ["wrong", "right"]},
    )
    caption = (
        "All problems of held-out forms, all people, in settings chosen on other forms; controls with several draws: "
        "their mean. Right answers that become wrong count."
    )
    return figure(data, "flip_matrix", "Answers that guidance turns", caption)


def difference_figure(steered: Steered) -> xr.Dataset:
    """The own brain minus every control, in points."""
    rows = steered.effects.sel(version=CHOSEN, measure="net")
    names = [f"own brain less {each}" for each in rows["control"].values]
    data = xr.Dataset(
        {key: ("label", 100 * rows[key].values) for key in ("effect", "low", "high")},
        {"label": names},
    )
    caption = "Net gain of answers, in points; intervals: people and problems drawn again, the widest."
    return figure(data, "bars", "What the own brain adds", caption, xlabel="net gain [points]")


def dose_figure(steered: Steered) -> xr.Dataset:
    """Mean directions on generated problems of held-out forms, and what they cost elsewhere."""
    new = steered.new.sel(condition=steered.price["condition"].values)
    data = xr.Dataset(
        {
            "net": 100 * new["net"],
            "low": 100 * new["low"],
            "high": 100 * new["high"],
            "cost": steered.price["cost"] - float(steered.price["cost_before"]),
        }
    )
    caption = (
        "Mean shift of what guidance as released called successes, at the last token of new problems; band: random "
        "directions of equal length. Cost: surprisal of other texts under the same shift at every token."
    )
    chosen = float(steered.chosen.sel(condition=OWN))
    facts: dict[str, str | float] = {
        "chosen": chosen,
        "cost_label": "surprisal [nats]",
        "xlabel": "strength [mean shifts]",
    }
    return figure(data, "steering_dose", "Mean directions on new problems", caption, **facts)


def _changes(arms: Arms) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Change of accuracy over the model as it was ``(arm, test)``, mean and ends over seeds."""
    rows = [100 * (each["accuracy"] - arms.before["accuracy"]) for each in arms.made.values()]
    joined = xr.concat(rows, dim="arm").assign_coords(arm=list(arms.made))
    return joined.mean("seed"), joined.min("seed"), joined.max("seed")


def arm_figure(arms: Arms) -> xr.Dataset:
    """Mean change over all generated sets and on the trained problems."""
    mean, low, high = (each.sel(test=_shown(each)) for each in _changes(arms))
    data = xr.Dataset({"effect": mean, "low": low, "high": high}).transpose("arm", "test")
    caption = f"Change of accuracy in points; ends: least and largest of the seeds. '{LABEL_ONLY}' has no brain."
    return figure(data, "arm_intervals", "Arms of tuning", caption, xlabel="change of accuracy [points]", digits=1)


def _shown(each: xr.DataArray) -> list[str]:
    return [name for name in each["test"].values.tolist() if name == TRAINED or "3 premises" in name]


def transfer_figure(arms: Arms) -> xr.Dataset:
    """Every arm on every test set."""
    mean, low, high = _changes(arms)
    trained = xr.zeros_like(mean, dtype=bool)
    trained.loc[{"test": TRAINED}] = True
    data = xr.Dataset({"value": mean, "low": low, "high": high, "trained": trained}).transpose("arm", "test")
    caption = (
        "Change of accuracy in points, mean over seeds; framed: the problems that were tuned with; bold: all seeds."
    )
    return figure(data, "transfer_table", "Where tuning helps", caption, label="Change of accuracy", digits=1)


def twin_figure(twins: Twins) -> xr.Dataset:
    """Guidance of made-up people by what was planted."""
    found = twins.found
    data = xr.Dataset(
        {
            "effect": ("label", 100 * found["guidance_effect"].values),
            "low": ("label", 100 * found["guidance_low"].values),
            "high": ("label", 100 * found["guidance_high"].values),
        },
        {"label": [f"planted: {each}" for each in found["plant"].values]},
    )
    caption = "Net gain of the own brain over permuted ones, in points, for made-up people of known truth."
    return figure(data, "bars", "Guidance by made-up people", caption, xlabel="net gain [points]")


def power_figure(twins: Twins) -> xr.Dataset:
    """How many people and problems it takes."""
    caption = (
        "Share of made-up data sets in which planted states are found at .05, trivial features taken out; correlation "
        "of a single trial with its signal .15."
    )
    return figure(twins.power, "power_curve", "People and problems needed", caption, xlabel="people", ylabel="power")
