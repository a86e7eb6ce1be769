"""The pictures of texts, geometry, encoding and read-out: results with a title, a caption and the kind of drawing."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.figure import figure
from consona.studies.scene_captions.encoding import Encoded
from consona.studies.scene_captions.figures_maps import draw_maps
from consona.studies.scene_captions.figures_networks import draw_networks
from consona.studies.scene_captions.names import RUNGS, slug
from consona.studies.scene_captions.readout import ReadOut
from consona.studies.scene_captions.rsa import Geometry
from consona.studies.scene_captions.tables import draw_tables

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions

MEASURES = {"raw_r": "raw", "centred_r": "centred", "baseline_r": "mean caption"}


def draw(study: "SceneCaptions", run: "Run", parts: "Parts") -> None:
    """Every figure, as steps of the run."""
    for name, agreement in parts.texts.agreement.items():
        run.step(f"figure-ladder-{slug(name)}", ladder_figure, agreement, name)
    found, regions = parts.geometry, parts.material.regions
    rungs = [name for name in RUNGS if name in found.r["model"].values]
    run.step("figure-rungs", region_figure, found, rungs, regions, "What of a caption is in the geometry of the brain?")
    draw_maps(run, parts)
    run.step("figure-encoding-rungs", encoding_figure, parts.encoded, regions)
    ceiling = float(parts.texts.consistency["seen"]["r_mean"])
    run.step("figure-readout", density_figure, parts.read_out.scores[study.mode], ceiling)
    if parts.read_out.cards is not None:
        run.step("figure-cards", card_figure, parts.read_out, next(iter(parts.material.files)))
    draw_networks(study, run, parts)
    draw_tables(study, run, parts)


def ladder_figure(agreement: xr.Dataset, corpus: str) -> xr.Dataset:
    """How far every rung lies from the full captions, image by image and as geometry."""
    data = xr.Dataset(
        {
            "value": ("rung", agreement["r_mean"].values),
            "low": ("rung", agreement["r_low"].values),
            "high": ("rung", agreement["r_high"].values),
            "mismatched": ("rung", agreement["r_mismatched"].values),
            "rdm": ("rung", agreement["rdm_pearson"].values),
            "rdm_low": ("rung", agreement["rdm_pearson_low"].values),
            "rdm_high": ("rung", agreement["rdm_pearson_high"].values),
        },
        {"rung": [str(each) for each in agreement["rung"].values]},
    )
    n = agreement.sizes["stimulus"]
    caption = (
        f"{n:,} images. Left: correlation of each image's embedding with that of its full captions (hollow: with the "
        "full captions of other images). Right: agreement of dissimilarities. Images drawn again (95 %)."
    )
    title = "the captions of the study" if corpus == "seen" else corpus
    return figure(data, "text_ladder", f"How far from whole captions? {title[0].upper()}{title[1:]}", caption)


def region_figure(found: Geometry, models: list[str], regions: list[str], title: str) -> xr.Dataset:
    """Every model in every region, people as dots, the ceiling as a band, letters for what differs."""
    r = found.r.sel(model=models, region=regions)
    data = xr.Dataset({"value": r.transpose("region", "model", "subject").reset_coords(drop=True)})
    caption = (
        f"Mean over sets of images of the correlation of dissimilarities; dots: {r.sizes['subject']} people; bars: "
        "SD over people divided by the root of their number."
    )
    if found.beside is not None:
        ceiling = found.beside["ceiling"].sel(region=regions)
        error = ceiling.std("subject", ddof=1) / np.sqrt(ceiling.sizes["subject"])
        mean = ceiling.mean("subject")
        data = data.assign(ceiling_low=mean - error, ceiling_high=mean + error)
        caption += " Band: RDMs of one person and the mean of the others on the shared images."
    if found.pairs is not None:
        data["letters"] = found.pairs["corrected"]["letters"].sel(region=regions, model=models)
        caption += " Models that share a letter were not found to differ (signs of people, false discovery rate .05)."
    plain = data.drop_vars([name for name in data.coords if name not in data.dims])
    return figure(plain, "roi_bars", title, caption, label="r")


def encoding_figure(encoded: Encoded, regions: list[str]) -> xr.Dataset:
    """Held-out r of encoding from every rung."""
    joined = xr.concat(list(encoded.rungs.values()), xr.IndexVariable("model", list(encoded.rungs)))
    data = xr.Dataset({"value": joined.sel(region=regions).transpose("region", "model", "subject")})
    caption = "Mean over the targets of a region of the held-out correlation, people as dots."
    if encoded.between is not None:
        top = encoded.table["ceiling"].isel(kind=0, drop=True)
        people = top.sel(region=regions).reset_coords(drop=True)
        mean, error = people.mean("subject"), people.std("subject", ddof=1) / np.sqrt(people.sizes["subject"])
        data = data.assign(ceiling_low=mean - error, ceiling_high=mean + error)
        caption += " Band: each person's responses with the mean of the others' (a model of one's own may pass it)."
    return figure(data, "roi_bars", "Encoding from captions and from less", caption, label="r")


def density_figure(scores: dict[str, xr.Dataset], ceiling: float) -> xr.Dataset:
    """Correlations of all test images, by person."""
    n = min(each.sizes["stimulus"] for each in scores.values())
    values = np.array([[each[name].values[:n] for each in scores.values()] for name in MEASURES])
    data = xr.Dataset(
        {"value": (("measure", "subject", "stimulus"), values)},
        {"measure": list(MEASURES.values()), "subject": list(scores)},
    )
    caption = (
        "Raw: read-out with true embedding. Centred: both without the mean caption of training. Mean caption: what "
        "it has of the raw correlation by itself. Line: one caption of an image with the mean of its others."
    )
    return figure(data, "readout_density", "Captions read out of the brain", caption, ceiling=ceiling, label="r")


def card_figure(made: ReadOut, subject: str) -> xr.Dataset:
    """Images at fixed ranks with their captions."""
    assert made.cards is not None  # drawn only where there are images
    caption = (
        f"Test images of {subject} at fixed places of the order of their scores, from the best to the worst; nobody "
        f"chose them. Read out: the nearest of {made.n_dictionary:,} captions of images that nobody saw; below it "
        "the nearest training caption."
    )
    return figure(made.cards, "caption_cards", "Captions that were read out", caption)
