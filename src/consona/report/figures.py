"""From a result to its picture: the kind of figure is named in the result, so a new study needs no code here."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import xarray as xr

from consona.core.errors import InvalidInput
from consona.report.drawing import as_pdf, as_svg, house_style
from consona.report.figures_alignment import draw_axis_profile, draw_clip_scatter, draw_hold_outs, draw_subjects
from consona.report.figures_curves import draw_bars, draw_heatmap, draw_layer_sweep, draw_lines, draw_roc
from consona.report.figures_decoding import draw_confusion, draw_holdouts, draw_scatter_groups
from consona.report.figures_guidance import (
    draw_arm_intervals,
    draw_flip_matrix,
    draw_power_curve,
    draw_steering_dose,
    draw_transfer_table,
)
from consona.report.figures_masks import draw_attribute_link, draw_dose_bands, draw_geometry, draw_mask_clouds
from consona.report.figures_neurons import draw_drop_matrix, draw_neuron_map, draw_p_histograms, draw_rdm_gallery
from consona.report.figures_predictivity import (
    draw_layer_profile,
    draw_released_against_corrected,
    draw_trivial_against_ceiling,
)
from consona.report.figures_regions import draw_null, draw_rdms, draw_regions, draw_slices
from consona.report.figures_scalp import draw_scalp
from consona.report.figures_scene_models import (
    draw_model_geometry,
    draw_readout_density,
    draw_training_size_scatter,
    draw_vertex_scatter,
)
from consona.report.figures_scenes import draw_caption_cards, draw_layer_time_grid, draw_roi_bars, draw_text_ladder
from consona.report.figures_surfaces import draw_surface_map
from consona.report.figures_training import draw_forest, draw_gains, draw_saturation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: dict[str, Callable[[xr.Dataset], "Figure"]] = {
    "axis_profile": draw_axis_profile,
    "roc": draw_roc,
    "layer_sweep": draw_layer_sweep,
    "clip_scatter": draw_clip_scatter,
    "hold_outs": draw_hold_outs,
    "scalp": draw_scalp,
    "subjects": draw_subjects,
    "lines": draw_lines,
    "heatmap": draw_heatmap,
    "bars": draw_bars,
    "regions": draw_regions,
    "rdms": draw_rdms,
    "null": draw_null,
    "slices": draw_slices,
    "confusion": draw_confusion,
    "holdouts": draw_holdouts,
    "scatter_groups": draw_scatter_groups,
    "forest": draw_forest,
    "saturation": draw_saturation,
    "gains": draw_gains,
    "rdm_gallery": draw_rdm_gallery,
    "neuron_map": draw_neuron_map,
    "drop_matrix": draw_drop_matrix,
    "p_histograms": draw_p_histograms,
    "mask_clouds": draw_mask_clouds,
    "dose_bands": draw_dose_bands,
    "attribute_link": draw_attribute_link,
    "geometry": draw_geometry,
    "trivial_against_ceiling": draw_trivial_against_ceiling,
    "released_against_corrected": draw_released_against_corrected,
    "layer_profile": draw_layer_profile,
    "flip_matrix": draw_flip_matrix,
    "steering_dose": draw_steering_dose,
    "arm_intervals": draw_arm_intervals,
    "transfer_table": draw_transfer_table,
    "power_curve": draw_power_curve,
    "surface_map": draw_surface_map,
    "roi_bars": draw_roi_bars,
    "caption_cards": draw_caption_cards,
    "layer_time_grid": draw_layer_time_grid,
    "text_ladder": draw_text_ladder,
    "training_size_scatter": draw_training_size_scatter,
    "vertex_scatter": draw_vertex_scatter,
    "readout_density": draw_readout_density,
    "model_geometry": draw_model_geometry,
}


def is_drawn(ds: xr.Dataset) -> bool:
    """Whether this result has a drawing of its own; what has none is shown as a table."""
    return str(ds.attrs.get("figure", "table")) in KINDS


def figure_svg(ds: xr.Dataset, *, name: str = "figure") -> str:
    """The result as an ``<svg>`` element for the page: colours are CSS variables, ids begin with ``name``.

    Raises
    ------
    InvalidInput
        When the result has no drawing, or lacks a variable or dimension of its kind.
    """
    salt = _salt(name)
    with house_style(salt):
        return as_svg(_draw(ds), name=salt, themed_inks=True)


def figure_file(ds: xr.Dataset, *, suffix: str, name: str = "figure") -> bytes:
    """The result as the bytes of a file of its own, ``suffix`` "svg" or "pdf".

    Raises
    ------
    InvalidInput
        As ``figure_svg``, and for any other suffix.
    """
    if suffix not in ("svg", "pdf"):
        raise InvalidInput(f"figures are written as svg or pdf, not as '{suffix}'. Ask for one of the two.")
    salt = _salt(name)
    with house_style(salt):
        figure = _draw(ds)
        return as_pdf(figure) if suffix == "pdf" else as_svg(figure, name=salt, themed_inks=False).encode()


def _draw(ds: xr.Dataset) -> "Figure":
    kind = str(ds.attrs.get("figure", "table"))
    if kind not in KINDS:
        raise InvalidInput(
            f"there is no drawing for figures of kind '{kind}'; known are {', '.join(KINDS)}. Show it as a table."
        )
    empty = [str(dim) for dim, size in ds.sizes.items() if size == 0]
    if empty:
        raise InvalidInput(
            f"figure '{kind}' has nothing along {', '.join(empty)}; at least one value is expected. "
            "Check the step that makes it: its inputs may have been filtered to nothing."
        )
    return KINDS[kind](ds)


def _salt(name: str) -> str:
    """A name that may begin an XML id: letters, digits and hyphens."""
    return "fig-" + re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
