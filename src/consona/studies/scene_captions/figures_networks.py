"""The pictures of image networks: beside captions, by training size, over layers and time, with planted truth."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.figure import figure
from consona.datasets.published_networks import load_published_networks
from consona.studies.scene_captions.claims_networks import advantage, arm
from consona.studies.scene_captions.names import (
    ARCHITECTURES,
    CAPTION,
    CATEGORIES,
    FEEDFORWARD,
    HIGHER,
    NAMED,
    OBJECTIVES,
    UNTRAINED,
)
from consona.studies.scene_captions.network_brains import Seen
from consona.studies.scene_captions.networks import sized_name
from consona.studies.scene_captions.planted import PlantedPeople
from consona.studies.scene_captions.rsa import Geometry

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions


def draw_networks(study: "SceneCaptions", run: "Run", parts: "Parts") -> None:
    """Everything about networks, where some were trained."""
    if parts.networks is None or parts.seen is None or parts.planted is None:
        return
    n, regions = study.counts.n_seeds, parts.material.regions
    run.step("figure-networks", arm_figure, parts.geometry, regions, n, tuple(study.zoo))
    sizes = parts.networks.sizes
    if len(sizes) > 1:
        run.step("figure-training-size", size_figure, parts.geometry, parts.material.higher, sizes)
    run.step("figure-training-size-published", published_figure)
    run.step("figure-layers", layer_figure, parts.seen, parts.material.higher)
    run.step("figure-planted", planted_figure, parts.planted, n)


def arm_figure(found: Geometry, regions: list[str], n_seeds: int, others: tuple[str, ...]) -> xr.Dataset:
    """Means over first weights of every architecture and objective, beside captions and categories."""
    r = found.r.sel(region=regions)
    rows = {
        f"{architecture}, {objective}": arm(r, architecture, objective, n_seeds).mean("seed")
        for architecture in ARCHITECTURES
        for objective in (*OBJECTIVES, UNTRAINED)
    }
    rows[f"{FEEDFORWARD}, kinds, places, colours"] = arm(r, FEEDFORWARD, NAMED, n_seeds).mean("seed")
    held = [name for name in (CAPTION, CATEGORIES, *others) if name in r["model"].values]
    rows |= {name: r.sel(model=name, drop=True) for name in held}
    data = xr.Dataset({"value": xr.concat(list(rows.values()), xr.IndexVariable("model", list(rows)))})
    if found.beside is not None:
        people = found.beside["ceiling"].sel(region=regions)
        mean, error = people.mean("subject"), people.std("subject", ddof=1) / np.sqrt(people.sizes["subject"])
        data = data.assign(ceiling_low=mean - error, ceiling_high=mean + error)
    plain = data.drop_vars([name for name in data.coords if name not in data.dims])
    caption = (
        f"Last layer of networks trained on rendered scenes, means over {n_seeds} first weights; people as dots. "
        "Line: RDMs of one person and the mean of the others on the shared images."
    )
    return figure(plain.transpose("region", "model", ...), "roi_bars", "Networks and the brain", caption, label="r")


def size_figure(found: Geometry, regions: list[str], sizes: tuple[int, ...]) -> xr.Dataset:
    """Feed-forward networks of both objectives by number of training scenes."""
    r = found.r.sel(region=regions).mean("subject")
    names, n_images, objectives, match = [], [], [], []
    for objective in OBJECTIVES:
        for n in sizes:
            names.append(f"{objective}, {n:,}")
            n_images.append(n)
            objectives.append(objective)
            match.append(r.sel(model=sized_name(objective, n)).values)
    data = xr.Dataset(
        {
            "n_images": ("model", n_images),
            "match": (("model", "region"), np.array(match)),
            "published": ("model", np.zeros(len(names), bool)),
            "objective": ("model", objectives),
        },
        {"model": names, "region": regions},
    )
    if found.beside is not None:
        data["ceiling"] = found.beside["ceiling"].sel(region=regions).mean("subject").reset_coords(drop=True)
    caption = (
        "Feed-forward networks with the same first weights and as many steps of training, on more and more of the "
        "rendered scenes; mean over people of the correlation of dissimilarities."
    )
    return figure(data, "training_size_scatter", "How many scenes are needed?", caption, label="r")


def published_figure() -> xr.Dataset:
    """What was published about NSD, beside which no made-up brain can be put."""
    table = load_published_networks()
    data = xr.Dataset(
        {
            "n_images": ("model", table["n_images"].to_numpy()),
            "match": (("model", "region"), table[list(HIGHER)].to_numpy()),
            "published": ("model", np.ones(len(table), bool)),
            "objective": ("model", table["objective"].to_numpy(dtype=str)),
        },
        {"model": [str(name) for name in table.index], "region": list(HIGHER)},
    )
    caption = (
        "As published for NSD (Doerig et al. 2025): correlation of dissimilarities divided by a ceiling from other "
        "images. Nothing here was measured by Consona, and made-up people cannot be compared with it."
    )
    return figure(
        data, "training_size_scatter", "Published: networks by number of training images", caption, label="ratio"
    )


def layer_figure(seen: Seen, regions: list[str]) -> xr.Dataset:
    """RSA of every layer at every time, mean over people, first seed."""
    rows = []
    for r in seen.layers.values():
        each = r.sel(region=regions).mean("subject")
        index = pd.MultiIndex.from_arrays([each["network_layer"].values, each["time"].values], names=["layer", "time"])
        plain = xr.DataArray(each.transpose("region", "model").values, dims=("region", "place"))
        rows.append(plain.assign_coords(xr.Coordinates.from_pandas_multiindex(index, "place")).unstack("place"))
    joined = xr.concat(rows, xr.IndexVariable("network", list(seen.layers)), join="outer")
    data = xr.Dataset({"value": joined.assign_coords(region=regions)})
    caption = (
        "Mean over people of the correlation of dissimilarities, by layer (deepest on top) and time step; first seed."
    )
    return figure(data, "layer_time_grid", "Layers over time", caption, label="r")


def planted_figure(planted: PlantedPeople, n_seeds: int) -> xr.Dataset:
    """The advantage of captions over categories in people who hold something known."""
    rows = {}
    for name, scores in (("RSA", planted.r), ("encoding", planted.encoding)):
        r = scores.sel(region=list(HIGHER)).mean("region")
        for plant in r["plant"].values:
            each = r.sel(plant=plant)
            rows[f"{name}, {plant}: targets"] = _with_error(
                (each.sel(model="embedding") - each.sel(model="categories")).values
            )
            people = advantage(each, n_seeds).mean(["seed", "architecture"]).values
            rows[f"{name}, {plant}: networks"] = _with_error(people)
    data = xr.Dataset(
        {key: ("label", [row[k] for row in rows.values()]) for k, key in enumerate(("effect", "low", "high"))},
        {"label": list(rows)},
    )
    caption = (
        "Made-up people who hold captions, relations of objects, categories, places and colours, or what no model "
        "knows. Targets: embedding of captions less categories. Networks: trained to the one less trained to the "
        "other, mean over architectures and first weights. Bars: 1.96 standard errors over people."
    )
    return figure(data, "bars", "Is the comparison of networks fair?", caption, xlabel="difference of r")


def _with_error(people: np.ndarray) -> tuple[float, float, float]:
    error = 1.96 * people.std(ddof=1) / np.sqrt(len(people))
    return float(people.mean()), float(people.mean() - error), float(people.mean() + error)
