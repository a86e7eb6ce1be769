"""Pictures of curves and grids: ROC, layer sweep, lines, bars, heatmap."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import beside, canvas, labels, number, require, values, without_spine, words, zero_line
from consona.report.palette import BAND, INK, MUTED, PAPER, RULE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Line style (dashes: on, off, in line widths) and marker of each line of a figure, in turn.
STROKES: tuple[tuple[Any, str], ...] = (
    ("-", "o"),
    ((0, (4, 2.5)), "s"),
    ((0, (1, 1.8)), "D"),
    ((0, (6, 1.6, 1, 1.6)), "^"),
)


def draw_roc(ds: xr.Dataset) -> "Figure":
    """ROC curves, and beside them the area under each with its interval; chance is the diagonal and 0.5."""
    require(ds, fpr=("corpus", "point"), tpr=("corpus", "point"), auc=("corpus",))
    names, auc = labels(ds, "corpus"), values(ds, "auc", "corpus")
    fpr, tpr = values(ds, "fpr", "corpus", "point"), values(ds, "tpr", "corpus", "point")
    low, high = values(ds, "low", "corpus"), values(ds, "high", "corpus")
    figure = canvas(7.2, 3.4)
    curve, area = figure.subplots(1, 2, width_ratios=(1.15, 1))
    curve.plot([0, 1], [0, 1], color=RULE, linewidth=0.9)
    for i in range(len(names)):
        curve.plot(fpr[i], tpr[i], color=series_colour(i))
        y = len(names) - 1 - i
        area.plot([low[i], high[i]], [y, y], color=series_colour(i), linewidth=2.2, alpha=0.45, solid_capstyle="round")
        area.plot(auc[i], y, marker="o", markersize=7, color=series_colour(i), markeredgecolor=PAPER)
        text = number(auc[i], 3) + (f"  [{number(low[i], 3)}, {number(high[i], 3)}]" if np.isfinite(low[i]) else "")
        at_right: Any = ("axes fraction", "data")
        area.annotate(text, (1, y), (0, 10), xycoords=at_right, textcoords="offset points", ha="right", color=MUTED)
    curve.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    curve.set_xlabel("false-positive rate")
    curve.set_ylabel("true-positive rate")
    zero_line(area, at=0.5)
    defined = np.concatenate([low, high, auc])
    area.set_xlim(min(0.48, np.nanmin(defined, initial=0.48) - 0.02), max(1.0, np.nanmax(defined, initial=1.0)))
    area.set_ylim(-0.7, len(names) - 0.3)
    area.set_yticks(np.arange(len(names))[::-1], names)
    area.set_xlabel("area under the curve (chance 0.5)")
    without_spine(area, "left")
    return figure


def draw_layer_sweep(ds: xr.Dataset) -> "Figure":
    """The score of every layer, one line per treatment of the features; the layer in use is marked."""
    require(ds, score=("treatment", "layer"))
    layers = np.asarray(ds["layer"].values, dtype=float)
    figure = canvas(6.8, 3.1)
    ax = figure.add_subplot()
    if "chosen_layer" in ds.attrs:
        chosen = float(ds.attrs["chosen_layer"])
        ax.axvline(chosen, color=MUTED, linewidth=0.9, dashes=(3, 2), zorder=0)
        ax.annotate(
            f"layer {chosen:g}, in use",
            (chosen, 1),
            (0, 4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            color=MUTED,
            fontsize=7.5,
        )
    _reference(ax, ds)
    low, high = values(ds, "low", "treatment", "layer"), values(ds, "high", "treatment", "layer")
    named_curves(ax, layers, (values(ds, "score", "treatment", "layer"), low, high), labels(ds, "treatment"))
    ax.set_xticks(layers[:: max(1, len(layers) // 16)])
    ax.set_xlabel(words(ds, "xlabel", "layer (counted from 0)"))
    ax.set_ylabel(words(ds, "ylabel", "score"))
    return figure


def draw_lines(ds: xr.Dataset) -> "Figure":
    """One line per series over a common x, with its interval where there is one."""
    require(ds, y=("series", "x"))
    figure = canvas(6.8, 3.1)
    ax = figure.add_subplot()
    low, high = values(ds, "low", "series", "x"), values(ds, "high", "series", "x")
    numeric = np.issubdtype(ds["x"].dtype, np.number)
    x = np.asarray(ds["x"].values, dtype=float) if numeric else np.arange(ds.sizes["x"], dtype=float)
    _reference(ax, ds)
    named_curves(ax, x, (values(ds, "y", "series", "x"), low, high), labels(ds, "series"))
    if not numeric:
        ax.set_xticks(x, labels(ds, "x"))
    elif len(x) <= 8:
        shown = _legible(x)
        ax.set_xticks(shown, [f"{each:g}" for each in shown])
    ax.set_xlabel(words(ds, "xlabel", "x"))
    ax.set_ylabel(words(ds, "ylabel", "y"))
    return figure


def _legible(x: np.ndarray) -> list[float]:
    """The places, largest first, that are far enough apart for their numbers to be read side by side."""
    kept: list[float] = []
    for each in sorted(x.tolist(), reverse=True):
        if not kept or kept[-1] - each > 0.03 * np.ptp(x):
            kept.append(each)
    return kept


def _reference(ax: "Axes", ds: xr.Dataset) -> None:
    """A thin line at chance, where the result says where that is."""
    if "reference" in ds.attrs:
        zero_line(ax, at=float(ds.attrs["reference"]), vertical=False)


def named_curves(
    ax: "Axes", x: np.ndarray, curves: tuple[np.ndarray, np.ndarray, np.ndarray], names: list[str]
) -> None:
    """Lines (y, low, high: each series x point), named at their right ends, the names moved apart."""
    y, low, high = curves
    few = len(x) <= 40
    for i in range(len(names)):
        colour = series_colour(i)
        ax.fill_between(x, low[i], high[i], color=colour, alpha=0.14, linewidth=0)
        stroke, marker = STROKES[i % len(STROKES)]
        # Later lines are broken and their markers larger and open, so one that lies exactly below still shows.
        (line,) = ax.plot(x, y[i], color=colour, linestyle=stroke, marker=marker if few else "")
        line.set(markersize=3.6 + 1.5 * min(i, 4), markerfacecolor="none" if i else colour, markeredgewidth=0.9)
    ends = np.array([each[np.isfinite(each)][-1] if np.isfinite(each).any() else np.nan for each in y])
    ax.margins(x=0.03)
    bottom, top = ax.get_ylim()
    heights = _apart(ends, gap=(top - bottom) * 0.075)
    for i, name in enumerate(names):
        if np.isfinite(heights[i]):
            beside(ax, heights[i], name, colour=series_colour(i))


def _apart(heights: np.ndarray, *, gap: float) -> np.ndarray:
    """The same heights, in the same order, at least ``gap`` apart and with the same mean; NaN stays NaN."""
    spread = heights.copy()
    order = [i for i in np.argsort(heights, kind="stable") if np.isfinite(heights[i])]
    for below, above in pairwise(order):
        spread[above] = max(spread[above], spread[below] + gap)
    return spread - (np.mean(spread[order] - heights[order]) if order else 0.0)


def draw_bars(ds: xr.Dataset) -> "Figure":
    """One effect per label as a bar from no effect (0, or ``reference``), over the 95 % range of its null in grey."""
    require(ds, effect=("label",))
    names, effect = labels(ds, "label"), values(ds, "effect", "label")
    low, high = values(ds, "low", "label"), values(ds, "high", "label")
    null_low, null_high = values(ds, "null_low", "label"), values(ds, "null_high", "label")
    figure = canvas(6.6, 0.75 + 0.3 * len(names))
    ax = figure.add_subplot()
    rows, start = np.arange(len(names))[::-1], float(ds.attrs.get("reference", 0.0))
    ax.barh(rows, null_high - null_low, left=null_low, height=0.82, color=BAND, zorder=0)
    zero_line(ax, at=start)
    ax.barh(rows, effect - start, left=start, height=0.34, color=series_colour(0), alpha=0.6, zorder=2)
    for y, e, bottom, top in zip(rows, effect, low, high, strict=True):
        ax.plot([bottom, top], [y, y], color=INK, linewidth=1.1, zorder=3)
        beside(ax, y, number(e, 3))
    ax.set_yticks(rows, names)
    ax.set_xlabel(words(ds, "xlabel", "effect"))
    ax.margins(y=0.03)
    without_spine(ax, "left")
    return figure


def draw_heatmap(ds: xr.Dataset) -> "Figure":
    """A grid of values; two-sided colours around zero where there are negative ones; undefined cells stay empty."""
    require(ds, value=("row", "column"))
    rows, columns, grid = labels(ds, "row"), labels(ds, "column"), values(ds, "value", "row", "column")
    n_rows, n_columns = grid.shape
    longest = max(map(len, columns))
    slanted = longest > 2 and n_columns * longest > 42
    width = 1.2 + 0.065 * max(map(len, rows)) + max(1.4, 0.42 * n_columns)
    figure = canvas(min(7.6, width), 0.9 + max(1.0, min(7.0, 0.26 * n_rows)) + (0.04 * longest if slanted else 0.0))
    ax = figure.add_subplot()
    extreme = float(np.nanmax(np.abs(grid), initial=1e-300))
    two_sided = bool(np.nanmin(grid, initial=0.0) < 0)
    colours, lowest = ("RdBu_r", -extreme) if two_sided else ("Blues", 0.0)
    cells = np.ma.masked_invalid(grid)
    mesh = ax.pcolormesh(cells, cmap=colours, vmin=lowest, vmax=extreme, edgecolors=PAPER, linewidth=0.6)
    if grid.size <= 120:
        _written(ax, grid, extreme)
    by_row, by_column = max(1, n_rows // 30), max(1, n_columns // 24)
    ax.set_yticks(np.arange(n_rows)[::by_row] + 0.5, rows[::by_row])
    ax.set_xticks(np.arange(n_columns)[::by_column] + 0.5, columns[::by_column])
    if slanted:
        ax.tick_params(axis="x", rotation=40)
        for label in ax.get_xticklabels():
            label.set_horizontalalignment("right")
    ax.invert_yaxis()
    without_spine(ax, "left", "bottom")
    bar = figure.colorbar(mesh, ax=ax, shrink=0.8, pad=0.02, label=words(ds, "label"))
    bar.outline.set_visible(False)
    return figure


def _written(ax: "Axes", grid: np.ndarray, extreme: float) -> None:
    """The value of every cell. Cells keep their colour in both themes, so the text on them keeps its own as well."""
    for (i, j), cell in np.ndenumerate(grid):
        on_cell = "#ffffff" if abs(cell) > 0.6 * extreme else "#222222"
        colour = on_cell if np.isfinite(cell) else MUTED
        ax.text(j + 0.5, i + 0.5, number(cell), ha="center", va="center", fontsize=7, color=colour)
