"""Rows of marks with their intervals, one below the other under the headings of their groups."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from consona.report.drawing import number, without_spine
from consona.report.palette import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNDEFINED = "undefined"


def grouped_rows(groups: Sequence[str]) -> tuple[np.ndarray, dict[str, float]]:
    """Height of every row and of the heading of every group, from the top down; groups in the order they appear.

    A row is 1 high, and so is a heading; a single group has none.
    """
    order = list(dict.fromkeys(groups))
    headings: dict[str, float] = {}
    heights, place = np.zeros(len(groups)), 0.0
    for name in order:
        if len(order) > 1:
            headings[name], place = place, place + 1
        members = [i for i, group in enumerate(groups) if group == name]
        heights[members] = place + np.arange(len(members))
        place += len(members)
    top = place - 1
    return top - heights, {name: top - at for name, at in headings.items()}


def name_rows(ax: "Axes", names: Sequence[str], heights: np.ndarray, headings: dict[str, float]) -> None:
    """Write the names of rows and, in bold, of groups to the left of the axes; half a row around them stays free."""
    places = [*heights.tolist(), *headings.values()]
    ax.set_yticks(places, [*names, *headings])
    for label in ax.get_yticklabels()[len(names) :]:
        label.set(fontweight="bold", color=INK)
    ax.set_ylim(-0.6, max(places) + 0.6)
    without_spine(ax, "left")


def dot(
    ax: "Axes",
    at: tuple[float, float],
    reach: tuple[float, float],
    *,
    ink: str,
    marker: str = "o",
    hollow: bool = False,
    size: float = 6.5,
) -> None:
    """A mark at (x, y) over its horizontal interval; what is undefined is not drawn."""
    (x, y), (low, high) = at, reach
    if np.isfinite([x, low, high]).all():
        ax.plot([low, high], [y, y], color=ink, linewidth=2.0, alpha=0.45, solid_capstyle="round", zorder=2)
    if np.isfinite(x):
        fill, edge = (PAPER, ink) if hollow else (ink, PAPER)
        face: Any = {"markerfacecolor": fill, "markeredgecolor": edge, "markeredgewidth": 1.2 if hollow else 0.7}
        ax.plot(x, y, linestyle="", marker=marker, markersize=size - 0.8 * hollow, zorder=3, **face)


def signed(value: float, digits: int = 3) -> str:
    """A difference for a label: with its sign (a true minus) unless it is zero as written; a dash where undefined."""
    said = number(value if not np.isfinite(value) or round(value, digits) else 0.0, digits)
    return f"+{said}" if round(value, digits) > 0 else said


def with_interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """``0.58 [0.55, 0.61]``; without brackets where there is no interval; in words where there is no value."""
    if not np.isfinite(value):
        return UNDEFINED
    known = np.isfinite(low) and np.isfinite(high)
    return number(value, digits) + (f" [{number(low, digits)}, {number(high, digits)}]" if known else "")
