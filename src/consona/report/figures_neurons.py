"""Pictures of neurons and attributes: dissimilarities side by side, layers, losses by emotion, p values."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import canvas, labels, number, require, values, without_spine, words
from consona.report.figures_regions import ranked
from consona.report.palette import INK, MUTED, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MORE, LESS = series_colour(1), series_colour(0)  # above and below what means nothing: orange and blue
COLUMNS = 4
DARKEST = 0.88
READABLE = 0.55  # opacity up to which text on a cell keeps its contrast in both themes
MOST_WRITTEN = 12
SIGNIFICANT = 0.05


def small_multiples(n: int, *, width: float, height: float, shared: bool = False) -> tuple["Figure", np.ndarray]:
    """A figure of ``n`` equal panels, four to a row, and their axes; what is left of the last row stays empty."""
    columns = min(COLUMNS, n)
    rows = -(-n // columns)
    figure = canvas(max(3.2, width * columns), height * rows + 0.55)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared).ravel()
    for k, ax in enumerate(axes):
        ax.set_axis_off() if k >= n else ax.tick_params(labelbottom=k + columns >= n)
    return figure, axes[:n]


def draw_rdm_gallery(ds: xr.Dataset) -> "Figure":
    """Dissimilarities of all pairs of emotions as ranks, one square per attribute, emotions in one order in all.

    The order is that of the coordinate ``valence`` over emotions where there is one, else that of the result.
    """
    require(ds, value=("attribute", "emotion", "other"))
    order = _order(ds)
    names, squares = labels(ds, "attribute"), values(ds, "value", "attribute", "emotion", "other")
    figure, axes = small_multiples(len(names), width=1.38, height=1.6)
    for ax, name, matrix in zip(axes, names, squares, strict=True):
        cells = np.ma.masked_invalid(ranked(matrix)[np.ix_(order, order)])
        ax.imshow(cells, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        ax.set_axis_off()
        ax.set_title(name, fontsize=8, fontweight="normal", pad=3)
    emotions = [labels(ds, "emotion")[i] for i in order]
    said = f"From the left and from the top: {', '.join(emotions)}. Pale: alike, dark: different (ranks)."
    small: Any = {"fontsize": 7.5, "color": MUTED}
    figure.supxlabel(textwrap.fill(said, int(16 * figure.get_figwidth())), x=0.01, ha="left", **small)
    return figure


def _order(ds: xr.Dataset) -> np.ndarray:
    """Places of the emotions from the lowest valence to the highest, or as they come."""
    if "valence" not in ds.variables:
        return np.arange(ds.sizes["emotion"])
    return np.argsort(values(ds, "valence", "emotion"), kind="stable")


def draw_neuron_map(ds: xr.Dataset) -> "Figure":
    """Share of each attribute's neurons in each layer: orange above chance, blue below, the number in per cent.

    Chance is the attribute ``chance``, or one in so many layers.
    """
    require(ds, share=("attribute", "layer"))
    share, names = values(ds, "share", "attribute", "layer"), labels(ds, "attribute")
    chance = float(ds.attrs.get("chance", 1 / share.shape[1]))
    cell = 0.5 if share.shape[1] <= MOST_WRITTEN else 0.15
    figure = canvas(max(3.6, _beside(names) + cell * share.shape[1]), 1.1 + 0.25 * len(names))
    ax = figure.add_subplot()
    extreme = float(np.nanmax(np.abs(share - chance), initial=1e-12))
    for (i, j), each in np.ndenumerate(share):
        shaded_cell(ax, (i, j), (each - chance) / extreme, darkest=READABLE)
        if share.shape[1] <= MOST_WRITTEN:
            ax.text(j + 0.5, i + 0.5, number(100 * each, 0), ha="center", va="center", fontsize=8, color=INK)
    layers = labels(ds, "layer")
    step = max(1, len(layers) // MOST_WRITTEN)
    frame_cells(ax, names, share.shape[1])
    ax.set_xticks(np.arange(len(layers))[::step] + 0.5, layers[::step])
    ax.set_xlabel(words(ds, "xlabel", "layer (counted from 0)"))
    said = f"Per cent of the neurons of a row. Chance is {number(100 * chance, 1)}:\norange above it, blue below."
    figure.supxlabel(said, fontsize=7.5, color=MUTED)
    return figure


def _beside(names: list[str]) -> float:
    """Inches that names to the left of a figure take."""
    return 0.6 + 0.066 * max(map(len, names))


def frame_cells(ax: "Axes", names: list[str], n_columns: int) -> None:
    """Name the rows of a grid of cells, the first at the top, and take away the lines around it."""
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    ax.set(xlim=(0, n_columns), ylim=(len(names), 0))
    without_spine(ax, "left", "bottom")


def shaded_cell(ax: "Axes", place: tuple[float, float], strength: float, *, darkest: float) -> None:
    """A square at (row, column), orange for a strength up to 1, blue down to −1; a dash where it is undefined."""
    from matplotlib.patches import Rectangle

    (i, j), size = place, 0.94
    if not np.isfinite(strength):
        ax.text(j + 0.5, i + 0.5, "–", ha="center", va="center", fontsize=7, color=MUTED)
        return
    corner, opacity = (j + (1 - size) / 2, i + (1 - size) / 2), darkest * min(1.0, abs(strength))
    look: Any = {"facecolor": MORE if strength > 0 else LESS, "alpha": opacity, "linewidth": 0}
    ax.add_patch(Rectangle(corner, size, size, **look))


def draw_drop_matrix(ds: xr.Dataset) -> "Figure":
    """What silencing each attribute's neurons costs each emotion: orange a loss, blue a gain, white nothing.

    Emotions whose coordinate ``tested`` is false stand below a gap, under a heading of their own, in grey.
    """
    require(ds, value=("emotion", "attribute"))
    names, columns, grid = labels(ds, "emotion"), labels(ds, "attribute"), values(ds, "value", "emotion", "attribute")
    tested = np.asarray(ds["tested"].values, dtype=bool) if "tested" in ds.variables else np.ones(len(names), bool)
    rows = np.empty(len(names))
    gap = 1.2 if tested.any() else 1.0
    rows[tested], rows[~tested] = np.arange(tested.sum()), tested.sum() + gap + np.arange((~tested).sum())
    bottom = float(rows.max()) + 1
    figure = canvas(
        max(3.6, _beside(names) + 0.27 * len(columns)), 0.85 + 0.045 * max(map(len, columns)) + 0.185 * bottom
    )
    ax = figure.add_subplot()
    extreme = float(np.nanmax(np.abs(grid), initial=1e-12))
    for (i, j), each in np.ndenumerate(grid):
        shaded_cell(ax, (float(rows[i]), j), each / extreme, darkest=DARKEST)
    _name_rows(ax, names, rows, tested)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=50, ha="right", rotation_mode="anchor")
    ax.set(xlim=(0, len(columns)), ylim=(bottom, 0))
    without_spine(ax, "left", "bottom")
    _scale(figure, ax, extreme, words(ds, "label", "loss of balanced accuracy"))
    return figure


def _name_rows(ax: "Axes", names: list[str], rows: np.ndarray, tested: np.ndarray) -> None:
    """The names of emotions, of untested ones in grey, with a heading above them."""
    ax.set_yticks(rows + 0.5, names)
    for label, kept in zip(ax.get_yticklabels(), tested, strict=True):
        label.set_color(INK if kept else MUTED)
    if not tested.all():
        heading = float(rows[~tested].min()) - 0.5
        ax.text(0, heading, "too few to be tested, shown only:", va="center", fontsize=7.5, color=MUTED)


def _scale(figure: "Figure", ax: "Axes", extreme: float, label: str) -> None:
    """The colours from the largest gain to the largest loss, as a bar of steps above the cells."""
    steps = np.linspace(-1, 1, 21)
    bar = ax.inset_axes((0.0, 1.02, 0.42, 0.022))
    for k, strength in enumerate(steps):
        look: Any = {"color": MORE if strength > 0 else LESS, "alpha": DARKEST * abs(strength), "linewidth": 0}
        bar.axvspan(k, k + 1, **look)
    bar.set(xlim=(0, len(steps)), ylim=(0, 1), yticks=[])
    places = (0.5, len(steps) / 2, len(steps) - 0.5)
    digits = 2 if extreme >= 0.02 else 4
    bar.set_xticks(places, [number(-extreme, digits), "0", f"+{number(extreme, digits)}"], fontsize=7.5)
    bar.xaxis.tick_top()
    without_spine(bar, "left", "bottom", "top", "right")
    said = ax.text(0.47, 1.031, label, transform=ax.transAxes, va="center", fontsize=8, color=INK)
    said.set_in_layout(False)  # a long one must not squeeze the cells


def draw_p_histograms(ds: xr.Dataset) -> "Figure":
    """Share of neurons in every range of p, per attribute: pairs taken as independent (filled), permuted (line).

    Without an effect every range would hold the same share (dashes).
    """
    require(ds, naive=("attribute", "bin"), permutation=("attribute", "bin"), p_from=("bin",), p_to=("bin",))
    names, naive = labels(ds, "attribute"), values(ds, "naive", "attribute", "bin")
    permuted = values(ds, "permutation", "attribute", "bin")
    edges = np.append(values(ds, "p_from", "bin"), values(ds, "p_to", "bin")[-1])
    figure, axes = small_multiples(len(names), width=1.42, height=1.22, shared=True)
    for ax, name, one, other in zip(axes, names, naive, permuted, strict=True):
        if np.isfinite(edges).all():
            _both(ax, edges, one, other)
        ax.set_title(f"{name}\n{_significant(edges, one, other)}", fontsize=7.5, fontweight="normal", pad=3)
        ax.set(xlim=(0, 1), ylim=(0, None))
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel("p of a neuron", fontsize=8.5)
    figure.supylabel(words(ds, "ylabel", "share of neurons"), fontsize=8.5)
    handles, said = axes[0].get_legend_handles_labels()
    figure.legend(handles, said, loc="outside upper left", ncols=3, fontsize=7.5, columnspacing=1.2)
    return figure


def _both(ax: "Axes", edges: np.ndarray, naive: np.ndarray, permuted: np.ndarray) -> None:
    ax.stairs(np.nan_to_num(naive), edges, fill=True, color=MORE, alpha=0.45, label="pairs as if independent")
    ax.stairs(np.nan_to_num(permuted), edges, color=LESS, linewidth=1.4, label="emotions permuted")
    uniform = np.diff(edges) / (edges[-1] - edges[0])
    dashed: Any = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (3, 2)), "label": "no effect"}
    ax.stairs(uniform, edges, baseline=None, **dashed)


def _significant(edges: np.ndarray, naive: np.ndarray, permuted: np.ndarray) -> str:
    """``p ≤ 0.05: 41 % → 12 %``, naive first; empty where no range of p ends there."""
    ends = np.flatnonzero(np.isclose(edges[1:], SIGNIFICANT))
    if not len(ends):
        return ""
    first = [number(100 * float(each[: ends[0] + 1].sum()), 0) for each in (naive, permuted)]
    return f"p ≤ {SIGNIFICANT}: {first[0]} % → {first[1]} %"
