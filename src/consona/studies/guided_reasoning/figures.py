"""The pictures of predictivity, steering and tuning: results with a title, a caption and the kind of drawing."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.trial_ceiling import ceiling_summary
from consona.core.figure import figure
from consona.studies.guided_reasoning.figures_models import draw_models
from consona.studies.guided_reasoning.names import ALL, ATTENTION, BLOCK
from consona.studies.guided_reasoning.predictivity import KINDS, MEASURE, Predicted
from consona.studies.guided_reasoning.tables import draw_tables

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.parts import Parts


def draw(run: "Run", parts: "Parts") -> None:
    """Every figure, as steps of the run."""
    found = parts.predicted
    for region in found.trivial:
        run.step(f"figure-trivial-{region.replace(' ', '-')}", trivial_figure, found, region)
    run.step("figure-released", released_figure, found)
    run.step("figure-corrected", corrected_figure, found)
    model = next(iter(found.released[ALL]))
    run.step("figure-layers", layer_figure, found, model)
    draw_models(run, parts)
    draw_tables(run, parts)


def trivial_figure(found: Predicted, region: str) -> xr.Dataset:
    """Trivial features and models against the ceiling, all as released."""
    rows = found.trivial[region]
    trivial, low, high = _people(rows["r"].transpose("kind", "feature", "subject"))
    names, groups = [str(each) for each in rows["feature"].values], ["trivial"] * rows.sizes["feature"]
    models = _best_layers(found) if region == next(iter(found.trivial)) else {}
    if models:
        values, lows, highs = (np.array(each) for each in zip(*(_people(each) for each in models.values())))
        trivial, low, high = (
            np.concatenate([a, b.T], axis=1) for a, b in ((trivial, values), (low, lows), (high, highs))
        )
        names, groups = [*names, *models], [*groups, *["model"] * len(models)]
    ceilings = [ceiling_summary(found.ceiling[region][kind]) for kind in KINDS]
    data = xr.Dataset(
        {
            **{key: (("feature", "kind"), each.T) for key, each in (("score", trivial), ("low", low), ("high", high))},
            "ceiling": ("kind", [float(each["median"]) for each in ceilings]),
        },
        {"feature": names, "kind": list(KINDS), "group": ("feature", groups)},
    )
    caption = (
        "As released: shuffled folds, medians over voxels and then over people, the best layer of a model on the "
        "folds that it is scored on. Line: median of the released ceiling. Bars: people drawn again. Filled: at or "
        "above the ceiling."
    )
    return figure(data, "trivial_against_ceiling", f"Trivial features first: {region}", caption, region=region)


def _best_layers(found: Predicted) -> dict[str, xr.DataArray]:
    """Scores of people at the best layer of every model, ``(kind, subject)``."""
    made = {}
    for name in found.released[ALL]:
        rows = []
        for kind in KINDS:
            scores = found.released[kind][name]
            rows.append(scores["r"].isel(layer=int(np.nanargmax(scores["score"].values))).drop_vars("layer").values)
        made[name] = xr.DataArray(np.array(rows), dims=("kind", "subject"))
    return made


def _people(r: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median over people, and its middle 95 % with people drawn again."""
    values = np.asarray(r.values)
    draws = np.random.default_rng(0).integers(values.shape[-1], size=(1000, values.shape[-1]))
    medians = np.median(values[..., draws], axis=-1)
    return np.median(values, axis=-1), np.quantile(medians, 0.025, axis=-1), np.quantile(medians, 0.975, axis=-1)


def released_figure(found: Predicted) -> xr.Dataset:
    """The released score of every model beside the score without trivial features."""
    models = list(found.released[ALL])
    released = [[float(found.released[k][m].attrs["best_score"]) for k in KINDS] for m in models]
    rest = {end: [[_of(found.rest[k][m], end) for k in KINDS] for m in models] for end in ("total", "low", "high")}
    data = xr.Dataset(
        {
            "released": (("model", "kind"), np.array(released)),
            "corrected": (("model", "kind"), np.array(rest["total"])),
            "low": (("model", "kind"), np.array(rest["low"])),
            "high": (("model", "kind"), np.array(rest["high"])),
            "ceiling": ("kind", [_of(found.people_rest[k], "total") for k in KINDS]),
        },
        {"model": models, "kind": list(KINDS)},
    )
    caption = (
        "Released: best layer on the test folds, shuffled folds, nothing taken out. Corrected: layer and penalty "
        "chosen inside, whole forms held out, trivial features taken out, less the mean of the null; intervals: people "
        "and problems drawn again. Line: what other people's brains predict by the corrected code."
    )
    return figure(data, "released_against_corrected", "Predictivity as released and corrected", caption)


def corrected_figure(found: Predicted) -> xr.Dataset:
    """With and without trivial features, whole forms held out."""
    models = list(found.scores[ALL])
    rows = {"as it is": found.scores[ALL], "trivial out": found.rest[ALL]}
    labels = [f"{model}, {name}" for model in models for name in rows]
    pairs = [rows[name][model] for model in models for name in rows]
    data = xr.Dataset(
        {name: ("label", [_of(each, key) for each in pairs]) for name, key in _ENDS.items()}, {"label": labels}
    )
    caption = (
        "Score less the mean of the null, whole forms held out, both kinds of problems, with trivial features in and "
        "taken out; intervals as above."
    )
    return figure(data, "bars", "What trivial features leave", caption, xlabel="r less that of the null")


_ENDS = {"effect": "total", "low": "low", "high": "high"}


def _of(score: xr.Dataset, name: str) -> float:
    """The score or an end of its widest interval, less the mean of its null."""
    one = score.sel(measure=MEASURE)
    value = one[name] if name == "total" else one[name].sel(drawn=str(one["widest"].values))
    return float(value) - float(one["null_mean"])


def layer_figure(found: Predicted, model: str) -> xr.Dataset:
    """Layer by layer as released, and which layers are chosen when the choice is nested."""
    scores = found.released[ALL][model]
    n = scores.sizes["layer"] // 2
    r = scores["r"].transpose("layer", "subject").values.reshape(2, n, -1)
    value, low, high = _people(xr.DataArray(r))
    chosen = found.rest[ALL][model]["layer"].values.ravel()
    shares = np.bincount(chosen.astype(int), minlength=2 * n).reshape(2, n) / max(len(chosen), 1)
    data = xr.Dataset(
        {
            key: (("site", "layer"), each)
            for key, each in (("score", value), ("low", low), ("high", high), ("chosen", shares))
        },
        {"site": [ATTENTION, BLOCK], "layer": np.arange(n)},
    )
    caption = "Released score of every layer (people drawn again), and how often a layer is chosen inside the folds."
    return figure(data, "layer_profile", f"Layers of {model}", caption, ylabel="released score [r]")
