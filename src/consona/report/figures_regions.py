"""Pictures of scores by region, of dissimilarities side by side, of a null, and of a map in slices."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import canvas, labels, number, p_label, require, values, without_spine, words, zero_line
from consona.report.palette import BAND, INK, MUTED, PAPER, RULE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = ("o", "s", "D", "^", "v", "P")
_MOST_SLICES = 12


def draw_regions(ds: xr.Dataset) -> "Figure":
    """Scores per region, one mark per series with its interval, over the null (grey) and below the ceiling (dashes)."""
    require(ds, score=("series", "region"))
    series, regions = labels(ds, "series"), labels(ds, "region")
    score = values(ds, "score", "series", "region")
    low, high = values(ds, "low", "series", "region"), values(ds, "high", "series", "region")
    n_rows, n_series = len(regions), len(series)
    figure = canvas(6.9, 0.95 + n_rows * (0.24 + 0.13 * n_series))
    ax = figure.add_subplot()
    rows = np.arange(n_rows)[::-1].astype(float)
    _behind(ax, ds, rows)
    for i, name in enumerate(series):
        place = rows + 0.32 - 0.64 * (i + 0.5) / n_series
        for y, bottom, top in zip(place, low[i], high[i], strict=True):
            ax.plot([bottom, top], [y, y], color=series_colour(i), linewidth=1.3, alpha=0.75)
        first: Any = {"markersize": 6.0} if i == 0 else {"markersize": 4.6, "markerfacecolor": PAPER}
        ax.plot(
            score[i], place, linestyle="", marker=_MARKS[i % len(_MARKS)], color=series_colour(i), label=name, **first
        )
    zero_line(ax, at=float(ds.attrs.get("reference", 0.0)))
    ax.set_yticks(rows, regions)
    ax.set_ylim(-0.55, n_rows - 0.45)
    ax.set_xlabel(words(ds, "xlabel", "score"))
    without_spine(ax, "left")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7.5, handletextpad=0.3, borderaxespad=0.2)
    return figure


def _behind(ax: "Axes", ds: xr.Dataset, rows: np.ndarray) -> None:
    """The null as a grey range, the ceiling as a dash, both over the height of a row."""
    null_low, null_high = values(ds, "null_low", "region"), values(ds, "null_high", "region")
    ceiling = values(ds, "ceiling", "region")
    known = np.isfinite(null_low) & np.isfinite(null_high)
    if known.any():
        width, left = (null_high - null_low)[known], null_low[known]
        ax.barh(rows[known], width, left=left, height=0.86, color=BAND, zorder=0, label="null, 95 %")
    defined = np.isfinite(ceiling)
    for i, (y, at) in enumerate(zip(rows[defined], ceiling[defined], strict=True)):
        label = "ceiling" if i == 0 else None
        ax.plot([at, at], [y - 0.43, y + 0.43], color=INK, linewidth=1.4, dashes=(2.5, 1.5), label=label)


def draw_rdms(ds: xr.Dataset) -> "Figure":
    """Dissimilarities of all pairs as ranks, one square per matrix, stimuli in the same order in all."""
    require(ds, dissimilarity=("matrix", "first", "second"))
    names, squares = labels(ds, "matrix"), values(ds, "dissimilarity", "matrix", "first", "second")
    n_columns = min(4, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = canvas(1.9 * n_columns + 0.3, 2.2 * n_rows)
    axes = np.atleast_1d(figure.subplots(n_rows, n_columns, squeeze=False)).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, name, matrix in zip(axes, names, squares, strict=False):
        in_order = np.ma.masked_invalid(ranked(matrix))
        ax.imshow(in_order, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(name, fontsize=8)
    return figure


def ranked(matrix: np.ndarray) -> np.ndarray:
    """Ranks from 0 to 1 of everything beside the diagonal, which stays empty."""
    off = ~np.eye(len(matrix), dtype=bool) & np.isfinite(matrix)
    ranks = np.full(matrix.shape, np.nan)
    found, place, count = np.unique(matrix[off], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    ranks[off] = (middle[place] - 1) / max(1, off.sum() - 1)
    return ranks if len(found) > 1 else np.where(off, 0.5, np.nan)


def draw_null(ds: xr.Dataset) -> "Figure":
    """The null of every row as a histogram, and the observed value as a line with its p."""
    require(ds, counts=("label", "bin"), edges=("edge",), observed=("label",))
    names, counts, observed = labels(ds, "label"), values(ds, "counts", "label", "bin"), values(ds, "observed", "label")
    edges, p = values(ds, "edges", "edge"), values(ds, "p", "label")
    figure = canvas(6.4, 0.7 + 0.95 * len(names))
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False).ravel()
    for i, ax in enumerate(axes):
        heights = counts[i] / max(1.0, float(np.nanmax(counts[i], initial=1.0)))
        if np.isfinite(edges).all():
            ax.stairs(np.nan_to_num(heights), edges, fill=True, color=BAND)
            ax.stairs(np.nan_to_num(heights), edges, color=RULE, linewidth=0.8)
        if np.isfinite(observed[i]):
            ax.axvline(observed[i], color=series_colour(0), linewidth=1.8)
        ax.set_title(
            f"{names[i]}  {number(observed[i], 3)}, {p_label(p[i])}".rstrip(", "), fontsize=8, fontweight="normal"
        )
        ax.set_yticks([])
        without_spine(ax, "left")
    axes[-1].set_xlabel(words(ds, "xlabel", "score"))
    return figure


def draw_slices(ds: xr.Dataset) -> "Figure":
    """A map of voxels as slices along its third axis, those that hold something; undefined voxels stay empty."""
    require(ds, value=("i", "j", "k"))
    volume = values(ds, "value", "i", "j", "k")
    held = np.flatnonzero(np.isfinite(volume).any(axis=(0, 1)))
    shown = held if len(held) <= _MOST_SLICES else held[np.linspace(0, len(held) - 1, _MOST_SLICES).round().astype(int)]
    n_columns = max(1, min(6, len(shown)))
    n_rows = max(1, -(-len(shown) // n_columns))
    figure = canvas(max(2.6, 1.2 * n_columns + 0.9), 1.35 * n_rows + 0.35)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    extreme = float(np.nanmax(np.abs(volume), initial=1e-12))
    colours, lowest = ("RdBu_r", -extreme) if np.nanmin(volume, initial=0.0) < 0 else ("Reds", 0.0)
    image = None
    for ax, k in zip(axes, shown, strict=False):
        cells = np.ma.masked_invalid(volume[:, :, k].T)
        image = ax.imshow(cells, origin="lower", cmap=colours, vmin=lowest, vmax=extreme, interpolation="nearest")
        ax.set_title(
            f"slice {int(ds['k'].values[k]) if 'k' in ds.coords else k}", fontsize=7, fontweight="normal", color=MUTED
        )
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes), shrink=0.8, label=words(ds, "label", "score"))
        bar.outline.set_visible(False)
    return figure
