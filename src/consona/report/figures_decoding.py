"""Pictures of decoders: confusion of classes, accuracy by hold-out, classifiers scattered by architecture."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.report.drawing import (
    beside,
    canvas,
    labels,
    number,
    p_label,
    plain,
    require,
    values,
    without_spine,
    words,
    zero_line,
)
from consona.report.palette import INK, MUTED, PAPER, RULE, series_colour
from consona.report.rows import UNDEFINED, dot, grouped_rows, name_rows, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUP_MARKERS = "os^DvP"
DARKEST = 0.55  # opacity of the fullest cell: the text on it keeps its contrast in both themes
MOST_WRITTEN = 12  # classes: beyond, a cell is too small for its number
TOLERANCE = 1e-3


def draw_confusion(ds: xr.Dataset) -> "Figure":
    """Share of each true class (rows, each sums to 1) that was called each class; numbers below chance are grey.

    Chance is the attribute ``chance``, or one in so many classes. A class without a test row is a row of dashes.

    Raises
    ------
    InvalidInput
        When a row does not sum to 1: counts, or shares of columns.
    """
    require(ds, share=("true", "predicted"))
    true, predicted, share = labels(ds, "true"), labels(ds, "predicted"), values(ds, "share", "true", "predicted")
    _sums_to_one(share, true)
    chance = float(ds.attrs.get("chance", 1 / len(predicted)))
    cell = 0.41 if len(predicted) <= MOST_WRITTEN else 0.17
    figure = canvas(1.25 + cell * len(predicted), 1.35 + 0.75 * cell * len(true))
    ax = figure.add_subplot()
    fullest = float(np.nanmax(share, initial=1e-12))
    for (i, j), each in np.ndenumerate(share):
        _cell(ax, (i, j), each / fullest, correct=true[i] == predicted[j])
        if len(predicted) <= MOST_WRITTEN:
            colour = INK if each >= chance else MUTED
            ax.text(j + 0.5, i + 0.5, number(each), ha="center", va="center", fontsize=7.5, color=colour)
    _name_classes(ax, true, predicted)
    below = ", numbers below it are grey" if len(predicted) <= MOST_WRITTEN else ""
    figure.supxlabel(f"Each row sums to 1. Chance is {number(chance)}{below}.", fontsize=7.5, color=MUTED)
    return figure


def _sums_to_one(share: np.ndarray, true: list[str]) -> None:
    """Refuse counts or shares of columns; rows with undefined cells cannot be judged."""
    total = share.sum(axis=1)
    wrong = np.isfinite(total) & (np.abs(total - 1) > TOLERANCE)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InvalidInput(
            f"row '{true[i]}' of a confusion sums to {total[i]:.3g}, expected 1. "
            "Divide each row by its sum; a class without a test row is NaN throughout."
        )


def _cell(ax: "Axes", place: tuple[int, int], fullness: float, *, correct: bool) -> None:
    """A square as dark as its share; one of the diagonal has a border; an undefined one is empty."""
    from matplotlib.patches import Rectangle

    (i, j), size = place, 0.94
    corner = (j + (1 - size) / 2, i + (1 - size) / 2)
    if np.isfinite(fullness):
        fill: Any = {"facecolor": series_colour(0), "alpha": DARKEST * max(0.0, fullness), "linewidth": 0}
        ax.add_patch(Rectangle(corner, size, size, **fill))
    if correct:
        ax.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=MUTED, linewidth=0.7))


def _name_classes(ax: "Axes", true: list[str], predicted: list[str]) -> None:
    small: Any = {"fontsize": 8 if len(predicted) <= MOST_WRITTEN else 6}
    ax.set_xticks(np.arange(len(predicted)) + 0.5, predicted, rotation=40, ha="right", rotation_mode="anchor", **small)
    ax.set_yticks(np.arange(len(true)) + 0.5, true, **small)
    ax.set(xlim=(0, len(predicted)), ylim=(len(true), 0))
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    without_spine(ax, "left", "bottom")


def draw_holdouts(ds: xr.Dataset) -> "Figure":
    """Accuracy of every row as a dot with its interval, rows under what was held out, dashes at chance."""
    require(ds, value=("row",), group=("row",))
    names, groups = labels(ds, "row"), [plain(each) for each in ds["group"].values]
    x, low, high, chance = (values(ds, name, "row") for name in ("value", "low", "high", "chance"))
    heights, headings = grouped_rows(groups)
    figure = canvas(5.6, 0.85 + 0.225 * (len(names) + len(headings)))
    ax = figure.add_subplot()
    _chance_lines(ax, chance, heights)
    order = list(dict.fromkeys(groups))
    for i, y in enumerate(heights):
        k = order.index(groups[i])
        ink, marker = series_colour(k), GROUP_MARKERS[k % len(GROUP_MARKERS)]
        dot(ax, (x[i], y), (low[i], high[i]), ink=ink, marker=marker)
        beside(ax, y, with_interval(x[i], low[i], high[i]))
    name_rows(ax, names, heights, headings)
    ax.set_xlabel(words(ds, "xlabel", "balanced accuracy"))
    ax.margins(x=0.05)
    return figure


def _chance_lines(ax: "Axes", chance: np.ndarray, heights: np.ndarray) -> None:
    """Dashes at chance over the rows that share it, with its value once above each stretch."""
    order = np.argsort(-heights)
    edges = np.flatnonzero(np.diff(chance[order]) != 0) + 1  # NaN differs from everything: no dashes there
    for rows in np.split(order, edges):
        at = chance[rows[0]]
        if np.isfinite(at):
            top, bottom = heights[rows].max() + 0.5, heights[rows].min() - 0.5
            ax.plot([at, at], [bottom, top], color=MUTED, linewidth=1.0, dashes=(3, 2), zorder=1)
            ax.annotate(
                f"chance {number(at, 3)}",
                (at, top),
                (3, 1),
                textcoords="offset points",
                ha="left",
                va="bottom",
                fontsize=7.5,
                color=MUTED,
                annotation_clip=False,
            )


def draw_scatter_groups(ds: xr.Dataset) -> "Figure":
    """Points coloured by group, as they are and with the group's mean taken out of both; pools of others are open.

    Attributes: ``r``, ``r_low``, ``r_high``, ``p`` and the same with ``_partial`` (``r_partial``, ``r_partial_low``);
    ``xlabel``, ``ylabel``, ``given`` (what the second panel holds constant, as a word).
    """
    require(ds, x=("point",), y=("point",), x_partial=("point",), y_partial=("point",), group=("point",))
    figure = canvas(5.8, 3.75)
    axes = figure.subplots(1, 2)
    given = words(ds, "given", "architecture")
    xlabel, ylabel = words(ds, "xlabel", "x"), words(ds, "ylabel", "y")
    panels = (
        ("", "as they are", xlabel, ylabel),
        ("_partial", f"given {given}", f"{xlabel}, residual", f"{ylabel}, residual"),
    )
    for ax, (suffix, title, below, beside_axis) in zip(axes, panels, strict=True):
        _cloud(ax, ds, suffix)
        ax.set_title(title, pad=20)
        ax.text(0, 1.025, _correlation(ds, suffix), transform=ax.transAxes, va="bottom", fontsize=8, color=INK)
        ax.set_xlabel(below)
        ax.set_ylabel(beside_axis)
    for vertical in (True, False):
        zero_line(axes[1], vertical=vertical)
    _legend(figure, ds)
    return figure


def _styles(ds: xr.Dataset) -> dict[str, tuple[str, str]]:
    names = dict.fromkeys(plain(each) for each in ds["group"].values)
    return {name: (series_colour(i), GROUP_MARKERS[i % len(GROUP_MARKERS)]) for i, name in enumerate(names)}


def _pools(ds: xr.Dataset) -> np.ndarray:
    """Which points are pools of other points; none where the result does not tell."""
    return np.asarray(ds["pool"].values, dtype=bool) if "pool" in ds.variables else np.zeros(ds.sizes["point"], bool)


def _cloud(ax: "Axes", ds: xr.Dataset, suffix: str) -> None:
    x, y = values(ds, f"x{suffix}", "point"), values(ds, f"y{suffix}", "point")
    defined, pools = np.isfinite(x) & np.isfinite(y), _pools(ds)
    names = np.array([plain(each) for each in ds["group"].values])
    for name, (ink, marker) in _styles(ds).items():
        for of_pools in (False, True):
            rows = defined & (names == name) & (pools == of_pools)
            look: Any = {"markerfacecolor": "none" if of_pools else ink, "markeredgecolor": ink if of_pools else PAPER}
            look |= {"markeredgewidth": 1.1 if of_pools else 0.5, "linestyle": "", "markersize": 5.8, "zorder": 3}
            ax.plot(x[rows], y[rows], marker=marker, **look)
    if not defined.all():
        said = f"{np.sum(~defined)} {UNDEFINED}"
        ax.text(0.99, 0.01, said, transform=ax.transAxes, ha="right", color=MUTED, fontsize=7.5)
    ax.margins(0.08)


def _correlation(ds: xr.Dataset, suffix: str) -> str:
    """``r = 0.62 [0.35, 0.80], p = 0.001`` as the result gives it; nothing is worked out here."""
    name = f"r{suffix}"
    r, low, high = (float(ds.attrs.get(key, np.nan)) for key in (name, f"{name}_low", f"{name}_high"))
    p = p_label(float(ds.attrs.get(f"p{suffix}", np.nan)))
    said = f"r {UNDEFINED}" if not np.isfinite(r) else f"r = {with_interval(r, low, high)}"
    return f"{said}, {p}" if p else said


def _legend(figure: "Figure", ds: xr.Dataset) -> None:
    from matplotlib.lines import Line2D

    styles = _styles(ds)
    look: Any = {"linestyle": "", "markersize": 5.5, "markeredgewidth": 0.9}
    handles = [Line2D([], [], marker=marker, color=ink, label=name, **look) for name, (ink, marker) in styles.items()]
    if _pools(ds).any():
        handles.append(
            Line2D(
                [],
                [],
                marker="o",
                color=RULE,
                markerfacecolor="none",
                markeredgecolor=MUTED,
                label="open: pool",
                **look,
            )
        )
    figure.legend(handles=handles, loc="outside lower left", ncols=min(4, len(handles)), handletextpad=0.1, fontsize=8)
