"""Surfaces that can be turned: pages of their own beside the report, which has no script.

nilearn's view_surf is not used: it needs plotly, or writes 2.4 MB that ask for an icon from the network and leave the
title unescaped.
"""

import base64
import hashlib
from collections.abc import Iterator

import jinja2
import numpy as np
import xarray as xr
from markupsafe import Markup

from consona.brain.meshes import N_VERTICES, Hemisphere, fsaverage5_mesh, sulcal_depth
from consona.core.errors import InvalidInput
from consona.report.drawing import number, plain
from consona.report.palette import themed
from consona.report.surface_raster import COLOURS, GYRUS, SHADED, SULCUS
from consona.stats.shapes import Real

VIEWS = ("left", "right", "behind", "front", "above", "below")
HEMISPHERES: tuple[Hemisphere, ...] = ("left", "right")
N_SHADES = 11  # of the scale below the picture
PER_MM = 100  # places are whole hundredths of a millimetre


def views(data: xr.Dataset) -> Iterator[tuple[str, bytes]]:
    """Pages of a ``surface_map`` of all 20,484 vertices: the end of the file's name, and its bytes; else nothing."""
    if data.attrs.get("figure") != "surface_map" or data.sizes.get("target") != 2 * N_VERTICES:
        return
    value = data["value"] if "map" in data["value"].dims else data["value"].expand_dims(map=[""])
    for k, name in enumerate(str(each) for each in value["map"].values):
        for side in HEMISPHERES:
            title = " - ".join(part for part in (str(data.attrs["title"]), name, f"{side} hemisphere") if part)
            page = interactive_view(value.isel(map=k).values, hemisphere=side, title=title)
            yield f"{k + 1}-{side}" if name else side, page.encode()


def interactive_view(
    values: Real[np.ndarray, " n_targets"], *, hemisphere: Hemisphere, title: str, limit: float | None = None
) -> str:
    """One hemisphere of a map on the inflated surface, as a page that needs no network and no other file.

    Parameters
    ----------
    values
        At the 20,484 vertices of fsaverage5, left then right; NaN is grey.
    hemisphere
        Which half is shown.
    title
        Above the picture, as text.
    limit
        Where colours end, both ways; by default the 99th percentile of both halves.

    Raises
    ------
    InvalidInput
        When there are not as many values, or the limit is not positive.
    MissingExtra
        Where nilearn is not installed (``consona[fmri]``).
    """
    from matplotlib import colormaps

    values = np.asarray(values, dtype=np.float64)
    if values.shape != (2 * N_VERTICES,):
        raise InvalidInput(
            f"Values of shape {values.shape} found, expected ({2 * N_VERTICES},), left then right. Use to_fsaverage5."
        )
    known = np.abs(values[np.isfinite(values)])
    limit = (float(np.percentile(known, 99)) or 1.0 if len(known) else 1.0) if limit is None else float(limit)
    if not limit > 0:
        raise InvalidInput(f"Colours are to end at {limit:g}; a limit is positive. Leave it out, or give another.")
    start = N_VERTICES * (hemisphere == "right")
    shades = colormaps[COLOURS](np.linspace(0, 1, N_SHADES))[:, :3]
    script = _template("surface.js")
    return (
        jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        .from_string(_template("surface.html"))
        .render(
            policy=_policy(script),
            title=plain(title),
            hemisphere=hemisphere,
            limit=number(limit, 3),
            views=VIEWS,
            shades=Markup(", ".join("#" + bytes(np.rint(255 * each).astype(int).tolist()).hex() for each in shades)),
            arrays=_arrays(values[start : start + N_VERTICES] / limit, hemisphere),
            paper=Markup("".join(f"--{name}: {light}; " for name, (light, _) in themed().items())),
            dark=Markup("".join(f"--{name}: {ink}; " for name, (_, ink) in themed().items())),
            script=Markup(script),  # ours: from this package, nothing of the map is in it
        )
    )


def _arrays(half: np.ndarray, hemisphere: Hemisphere) -> dict[str, str]:
    """Places, triangles and colours of the vertices as base64, little-endian."""
    from matplotlib import colormaps

    positions, triangles = fsaverage5_mesh("inflated", hemisphere)
    positions = positions - (positions.min(axis=0) + positions.max(axis=0)) / 2
    deep, known = sulcal_depth(hemisphere) > 0, np.isfinite(half)
    coloured = colormaps[COLOURS]((np.where(known, half, 0) + 1) / 2)[:, :3] * np.where(deep, SHADED, 1.0)[:, None]
    inks = np.where(known[:, None], coloured, np.where(deep, SULCUS, GYRUS)[:, None])
    arrays = {
        "places": np.rint(PER_MM * positions).astype("<i2"),
        "triangles": triangles.astype("<u2"),
        "inks": np.rint(255 * inks).astype(np.uint8),
    }
    return {name: base64.b64encode(each.tobytes()).decode() for name, each in arrays.items()}


def _policy(script: str) -> str:
    """What the page may do: run this script and no other, load nothing."""
    told = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{told}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _template(name: str) -> str:
    source, _, _ = jinja2.PackageLoader("consona.report", "templates").get_source(
        jinja2.Environment(autoescape=True), name
    )
    return source
