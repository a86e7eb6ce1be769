"""Maps on the surface: encoding, its ceiling, the searchlight, and contrasts of sentences."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.figure import figure
from consona.datasets.response_files import ResponseFile
from consona.studies.scene_captions.encoding import Encoded
from consona.studies.scene_captions.names import LEVEL, slug
from consona.studies.scene_captions.searchlight import surface_targets
from consona.studies.scene_captions.selectivity import Selective

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts


def draw_maps(run: "Run", parts: "Parts") -> None:
    """Flat and inflated, where the responses lie on fsaverage."""
    files = parts.material.files
    first = next(iter(files.values()))
    if len({each.n_targets for each in files.values()}) > 1 or surface_targets(first) is None:
        return
    for view in ("flat", "inflated"):
        run.step(f"figure-encoding-{view}", encoding_maps, parts.encoded, first, view)
    if parts.encoded.between is not None:
        run.step("figure-vertices", vertex_figure, parts.encoded, first)
    if parts.selective is not None:
        run.step("figure-contrasts", contrast_figure, parts.selective, first)
    for name, each in (parts.light or {}).items():
        run.step(f"figure-searchlight-{slug(name)}", searchlight_figure, each, first, name)


def placed(values: np.ndarray, file: ResponseFile) -> np.ndarray:
    """The vertices that a coarse surface has, left then right."""
    targets = surface_targets(file)
    assert targets is not None  # drawn only where there is a surface
    return np.asarray(values)[..., targets]


def regions_at(file: ResponseFile) -> np.ndarray:
    """Region of every vertex that is drawn."""
    return placed(np.asarray(file.labels()["roi"]).astype(str), file)


def encoding_maps(encoded: Encoded, file: ResponseFile, view: str) -> xr.Dataset:
    """Mean over people of the held-out r; lines: significant in at least half of them."""
    r = np.mean([placed(each["r"].values, file) for each in encoded.maps.values()], axis=0)
    q = np.mean([placed(each["q"].values, file) <= LEVEL for each in encoded.maps.values()], axis=0)
    data = xr.Dataset(
        {"value": ("target", r), "significant": ("target", q >= 0.5)}, {"roi": ("target", regions_at(file))}
    )
    caption = (
        f"Mean over {len(encoded.maps)} people of the correlation of predicted and measured responses to test "
        f"images. Thin line: q at most {LEVEL} (test images exchanged, all targets of a person one family) in at "
        "least half of the people. Regions are outlined."
    )
    return figure(data, "surface_map", f"Encoding from captions, {view}", caption, view=view, label="held-out r")


def vertex_figure(encoded: Encoded, file: ResponseFile) -> xr.Dataset:
    """Every target: the encoder beside the other people."""
    assert encoded.between is not None  # drawn only where people share images
    r = np.mean([each["r"].values for each in encoded.maps.values()], axis=0)
    data = xr.Dataset(
        {"x": ("target", encoded.between.mean("subject").values), "y": ("target", r)},
        {"roi": ("target", np.asarray(file.labels()["roi"]).astype(str))},
    )
    caption = (
        "Every target, means over people. On the diagonal captions predict as well as the mean of the other people."
    )
    return figure(
        data,
        "vertex_scatter",
        "Encoder beside the agreement of people",
        caption,
        xlabel="one person with the others [r]",
        ylabel="encoder [r]",
    )


def contrast_figure(made: Selective, file: ResponseFile) -> xr.Dataset:
    """Predicted differences between groups of sentences, mean over people."""
    names = [str(each) for each in made.maps["contrast"].values]
    q = made.both if made.both is not None else made.maps["q"]
    data = xr.Dataset(
        {
            "value": (("map", "target"), placed(made.maps["mean"].values, file)),
            "significant": (("map", "target"), placed(q.values, file) <= LEVEL),
        },
        {"map": names, "roi": ("target", regions_at(file))},
    )
    what = "t over people and groups of other sentences, both" if made.both is not None else "signs of people"
    caption = (
        "Predicted response to one group of sentences less that to another, mean over people, in SD of a target. Thin "
        f"line: q at most {LEVEL} by {what}; all targets and contrasts are one family."
    )
    return figure(data, "surface_map", "Contrasts of sentences", caption, view="flat", label="difference [SD]")


def searchlight_figure(found: xr.Dataset, file: ResponseFile, name: str) -> xr.Dataset:
    """Mean over people of the searchlight on fsaverage5."""
    data = xr.Dataset(
        {"value": ("target", found["mean"].values), "significant": ("target", found["q"].values <= LEVEL)},
        {"roi": ("target", regions_at(file))},
    )
    caption = (
        "Correlation of dissimilarities around every vertex, mean over people and sets of images. Thin line: q at most "
        f"{LEVEL} (signs of people, all vertices one family)."
    )
    return figure(data, "surface_map", f"Searchlight: {name}", caption, view="flat", label="r")
