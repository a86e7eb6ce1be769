"""Maps on the surface of the average brain: flat, or inflated and seen from three sides."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.brain.meshes import COARSER, N_VERTICES, Hemisphere, nearest_coarse
from consona.core.errors import InvalidInput, MissingExtra
from consona.report.drawing import canvas, labels, plain, require, values, words
from consona.report.palette import MUTED
from consona.report.surface_raster import COLOURS, LEVELS, View, labelled, outlined, painted, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


NAMELESS = ("", "none", "None")
GAP_MM = 12.0
SIDES: tuple[Hemisphere, ...] = ("left", "right")
Shot = tuple[Hemisphere, View]
SHOTS: dict[str, tuple[Shot, ...]] = {
    "flat": (("left", "flat"), ("right", "flat")),
    "inflated": (
        ("left", "lateral"),
        ("left", "medial"),
        ("left", "ventral"),
        ("right", "ventral"),
        ("right", "medial"),
        ("right", "lateral"),
    ),
}
SAID: dict[View, str] = {"medial": "medial", "ventral": "from below"}  # else the side is said
FINEST = {"flat": (1.9, 1.15), "inflated": (1.3, 1.0)}  # pixels to a millimetre: of one map, of several
AREA_MM2 = {"flat": 0.181e6, "inflated": 0.236e6}
LINES = 24  # lines of type, one below the other, are as high as a row of maps is wide
THICK = 1.3  # from here on lines are two pixels wide
MOST_PIXELS = 0.72e6  # of all maps of a figure: about half a megabyte


@dataclass(frozen=True)
class _Sheet:
    """One map as an image; the middle of every view, and of every region that is named."""

    image: np.ndarray
    views: tuple[tuple[float, str], ...]
    names: tuple[tuple[float, float, str], ...]


def draw_surface_map(ds: xr.Dataset) -> "Figure":
    """Values at the vertices of fsaverage5 (left, then right), one brain per map, all in the same colours.

    ``value`` (map, target) or (target); with the first 2,562 or 642 vertices of each hemisphere, a vertex has the
    value of the nearest of them. Optional: ``significant`` in the same shape (dark lines around it) and the coordinate
    ``roi`` over targets (white lines, named in the first map). NaN is grey. Attributes: ``view`` "flat" or "inflated",
    ``label``, ``limit`` (where colours end, both ways; else the 99th percentile), ``outline`` (what is significant).
    """
    require(ds, value=("map", "target") if "map" in ds.dims else ("target",))
    ds = ds if "map" in ds.dims else ds.expand_dims("map")
    view = str(ds.attrs.get("view", "flat"))
    if view not in SHOTS:
        raise InvalidInput(f"surfaces are drawn flat or inflated, not '{view}'. Set attrs['view'] to one of them.")
    try:
        sheets, limit = _sheets(ds, view)
    except MissingExtra as error:
        raise InvalidInput(f"the surface of this map comes with nilearn. {error}") from None
    names = labels(ds, "map") if "map" in ds.coords else [""] * len(sheets)
    n_columns = 1 if view == "inflated" or len(sheets) == 1 else 2
    figure, axes = _grid(sheets, n_columns)
    for k, (ax, sheet, name) in enumerate(zip(axes, sheets, names, strict=False)):
        _show(ax, sheet, name, top=k < n_columns, first=k == 0)
    _scale(figure, list(axes), limit, words(ds, "label", "value"))
    figure.supxlabel(_note(ds), fontsize=7.5, color=MUTED)
    return figure


def _sheets(ds: xr.Dataset, view: str) -> tuple[list[_Sheet], float]:
    """Every map as an image, and the value at which colours end."""
    from matplotlib import colormaps

    fine = _fine_vertices(ds.sizes["target"])
    maps, limit = values(ds, "value", "map", "target"), _limit(ds)
    colours = np.rint(255 * colormaps[COLOURS](np.linspace(0, 1, 2 * LEVELS + 1))[:, :3]).astype(np.uint8)
    roi, names = _regions(ds)
    significant = values(ds, "significant", "map", "target") > 0 if "significant" in ds.variables else None
    density = _density(view, len(maps))
    sheets = []
    for k, row in enumerate(maps):
        lines = [(roi[fine], True)] if names else []
        lines += [] if significant is None else [(significant[k].astype(np.int64)[fine], False)]
        sheets.append(_sheet((row / limit)[fine], lines, (SHOTS[view], density, colours), names))
    return sheets, limit


def _density(view: str, n_maps: int) -> float:
    """Pixels to a millimetre: as many as the page shows, fewer where maps are many, for the size of the file."""
    return round(min(FINEST[view][n_maps > 1], (MOST_PIXELS / (n_maps * AREA_MM2[view])) ** 0.5), 2)


def _fine_vertices(n_targets: int) -> np.ndarray:
    """For every vertex of fsaverage5, left then right, the target whose value it has."""
    n = n_targets // 2
    if n_targets % 2 or n not in (N_VERTICES, *COARSER):
        meshes = ", ".join(str(2 * each) for each in (N_VERTICES, *COARSER))
        raise InvalidInput(
            f"a map has {n_targets} targets, expected those of both hemispheres: {meshes}. Select the vertices of "
            "fsaverage5 first (to_fsaverage5)."
        )
    return np.concatenate([nearest_coarse(n, side) + k * n for k, side in enumerate(SIDES)])


def _limit(ds: xr.Dataset) -> float:
    given = float(ds.attrs.get("limit", np.nan))
    if np.isfinite(given) and given > 0:
        return given
    found = np.abs(values(ds, "value", "map", "target"))
    found = found[np.isfinite(found)]
    return float(np.percentile(found, 99)) or 1.0 if len(found) else 1.0


def _regions(ds: xr.Dataset) -> tuple[np.ndarray, dict[int, str]]:
    """A code for every target, 0 beside all regions, and the name of every other code."""
    if "roi" not in ds.variables:
        return np.zeros(ds.sizes["target"], dtype=np.int64), {}
    said = [plain(each) for each in ds["roi"].values]
    order = [name for name in dict.fromkeys(said) if name not in NAMELESS]
    codes = {name: i + 1 for i, name in enumerate(order)}
    return np.array([codes.get(name, 0) for name in said], dtype=np.int64), {i: name for name, i in codes.items()}


def _sheet(row: np.ndarray, lines: list[tuple[np.ndarray, bool]], how: Any, names: dict[int, str]) -> _Sheet:
    """One map from all its sides, side by side; every region is named on the left, where most of it is seen."""
    shots, density, colours = how
    images, views, most = [], [], dict[int, tuple[float, float, float]]()
    gap, place = round(GAP_MM * density), 0
    height = max(picture(*shot, density).shape[0] for shot in shots)
    for side, view in shots:
        of, half = picture(side, view, density), slice(*(np.array([0, N_VERTICES]) + N_VERTICES * (side == "right")))
        image, above = painted(of, row[half], colours), (height - of.shape[0]) // 2
        for codes, cased in lines:
            shown = labelled(of, codes[half])
            outlined(image, shown, cased=cased, width=1 + (density > THICK))
            for code in names if cased and side == "left" else ():
                n, x, y = _middle(shown == code)
                most[code] = max(most.get(code, (0, 0, 0)), (n, place + x, above + y))
        views.append((place + of.shape[1] / 2, SAID.get(view, side)))
        images.append(np.pad(image, [(above, height - of.shape[0] - above), (0, gap), (0, 0)]))
        place += of.shape[1] + gap
    found = _apart([(x, y, names[code]) for code, (n, x, y) in most.items() if n], place)
    return _Sheet(np.concatenate(images, axis=1)[:, :-gap], tuple(views), found)


def _apart(names: list[tuple[float, float, str]], width: int) -> tuple[tuple[float, float, str], ...]:
    """Names from the top down, each moved below those that it would cover; places are pixels of a row so wide."""
    line = width / LINES
    done: list[tuple[float, float, str]] = []
    for x, y, name in sorted(names, key=lambda each: each[1]):
        for other_x, other_y, other in done:
            if abs(x - other_x) < 0.3 * line * (len(name) + len(other)) and abs(y - other_y) < line:
                y = other_y + line
        done.append((x, y, name))
    return tuple(done)


def _middle(shown: np.ndarray) -> tuple[float, float, float]:
    """How many pixels are there, and their median column and row; zeros where there are none."""
    ys, xs = np.nonzero(shown)
    return (float(len(xs)), float(np.median(xs)), float(np.median(ys))) if len(xs) else (0.0, 0.0, 0.0)


def _grid(sheets: list[_Sheet], n_columns: int) -> tuple["Figure", np.ndarray]:
    rows, columns = sheets[0].image.shape[:2]
    n_rows = -(-len(sheets) // n_columns)
    width = 6.0 / n_columns
    figure = canvas(6.2, n_rows * (width * rows / columns + 0.34) + 0.75)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    return figure, axes


def _show(ax: "Axes", sheet: _Sheet, name: str, *, top: bool, first: bool) -> None:
    """The image with its title; sides are named in the top row, regions in the first map."""
    ax.imshow(sheet.image, interpolation="none")
    ax.set_title(name, fontsize=8.5, pad=12 if top else 4)
    small: Any = {"ha": "center", "fontsize": 7, "color": MUTED}
    for x, said in sheet.views if top else ():
        ax.annotate(said, (x, 1), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points", **small)
    patch: Any = {"boxstyle": "round,pad=0.15", "facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.75}
    for x, y, said in sheet.names if first else ():
        ax.text(x, y, said, ha="center", va="center", fontsize=7, color="#111111", bbox=patch)


def _scale(figure: "Figure", axes: list[Any], limit: float, label: str) -> None:
    from matplotlib.cm import ScalarMappable

    shades = ScalarMappable(cmap=COLOURS)
    shades.set_clim(-limit, limit)
    bar = figure.colorbar(shades, ax=axes, location="bottom", shrink=0.4, aspect=28, pad=0.02, label=label)
    bar.outline.set_visible(False)
    bar.ax.locator_params(nbins=5)


def _note(ds: xr.Dataset) -> str:
    """What lines and greys mean, those that are there."""
    said = []
    if "significant" in ds.variables:
        said.append(f"Dark lines: {words(ds, 'outline', 'significant')}.")
    if _regions(ds)[1]:
        said.append("White lines: regions.")
    if not np.isfinite(values(ds, "value", "map", "target")).all():
        said.append("Grey: no value.")
    return " ".join(said)
