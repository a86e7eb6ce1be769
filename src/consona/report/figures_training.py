"""Pictures of how decoders are trained: strategies beside their random twins, saturation, gains of pools."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import beside, canvas, labels, number, plain, require, values, words, zero_line
from consona.report.palette import BAND, INK, MUTED, series_colour
from consona.report.rows import UNDEFINED, dot, grouped_rows, name_rows, signed, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOSE_MARKERS = "os^DvP"
WIDEST = 4.0  # where the largest effect is so many times one that four rows in five do not reach, it is cut
STRATEGY, TWIN = series_colour(0), series_colour(1)
NO_THRESHOLD = "No threshold is supported by these points."


def draw_forest(ds: xr.Dataset) -> "Figure":
    """Effect of every strategy and, open below it, of its random-target twin, by family, over the equivalence margin.

    A tick is the published effect. What lies far outside stands as an arrow at the edge; its number is written.
    Attributes: ``margin`` (half the width of the grey band, 0.01), ``xlabel``.
    """
    require(ds, effect=("row",), family=("row",))
    names, families = labels(ds, "row"), [plain(each) for each in ds["family"].values]
    heights, headings = grouped_rows(families)
    figure = canvas(5.8, 1.25 + 0.205 * (len(names) + len(headings)))
    ax = figure.add_subplot()
    margin, limits = float(ds.attrs.get("margin", 0.01)), _limits(ds)
    ax.axvspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
    zero_line(ax)
    _marks(ax, ds, heights, limits)
    effect, twin = values(ds, "effect", "row"), values(ds, "twin", "row")
    for y, own, other in zip(heights, effect, twin, strict=True):
        beside(ax, y, f"{_column(own)}  {_column(other)}" if np.isfinite([own, other]).any() else UNDEFINED)
    name_rows(ax, names, heights, headings)
    ax.set_xlim(*limits)
    ax.set_xlabel(words(ds, "xlabel", "change of balanced accuracy"))
    beside(ax, float(heights.max(initial=0.0)) + 1 + (0 if headings else 0.2), "strategy  twin")
    _forest_legend(figure, margin)
    return figure


def _column(value: float) -> str:
    """A signed number as wide as every other of its column."""
    return signed(value).rjust(6, "\N{FIGURE SPACE}")


def _limits(ds: xr.Dataset) -> tuple[float, float]:
    """Left and right end of the axis: all effects, or, where a few dwarf the others, those of most rows."""
    names = ("effect", "low", "high", "twin", "twin_low", "twin_high", "paper")
    found = np.concatenate([values(ds, name, "row") for name in names])
    centres = np.abs(np.concatenate([values(ds, name, "row") for name in ("effect", "twin")]))
    found, centres = found[np.isfinite(found)], centres[np.isfinite(centres)]
    margin = float(ds.attrs.get("margin", 0.01))
    largest = WIDEST * max(float(np.quantile(centres, 0.8)) if centres.size else 0.0, margin)
    low, high = np.nanmin(found, initial=-2 * margin), np.nanmax(found, initial=2 * margin)
    low, high = max(low, -largest), min(high, largest)
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _marks(ax: "Axes", ds: xr.Dataset, heights: np.ndarray, limits: tuple[float, float]) -> None:
    """Both marks and the published tick of every row; arrows at the edge for what lies beyond it."""
    low, high, twin_low, twin_high = (values(ds, name, "row") for name in ("low", "high", "twin_low", "twin_high"))
    effect, twin, paper = (values(ds, name, "row") for name in ("effect", "twin", "paper"))
    for i, y in enumerate(heights):
        _within(ax, (effect[i], y + 0.2), (low[i], high[i]), limits, ink=STRATEGY, hollow=False)
        _within(ax, (twin[i], y - 0.2), (twin_low[i], twin_high[i]), limits, ink=TWIN, hollow=True)
        if np.isfinite(paper[i]) and limits[0] <= paper[i] <= limits[1]:
            ax.plot([paper[i], paper[i]], [y - 0.36, y + 0.36], color=INK, linewidth=1.1, zorder=4)


def _within(
    ax: "Axes",
    at: tuple[float, float],
    reach: tuple[float, float],
    limits: tuple[float, float],
    *,
    ink: str,
    hollow: bool,
) -> None:
    (x, y), (left, right) = at, limits
    if np.isfinite(x) and not left <= x <= right:
        x, marker = (left, "<") if x < left else (right, ">")
        ax.plot(x, y, linestyle="", marker=marker, markersize=5, color=ink, clip_on=False, zorder=3)
    else:
        dot(ax, at, reach, ink=ink, hollow=hollow, size=5)


def _forest_legend(figure: "Figure", margin: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    none: Any = {"linestyle": "", "markersize": 5.5}
    handles = [
        Line2D([], [], marker="o", color=STRATEGY, label="strategy", **none),
        Line2D([], [], marker="o", color=TWIN, markerfacecolor="none", label="its random-target twin", **none),
        Line2D([], [], marker="|", color=INK, label="published", **none),
        Patch(color=BAND, label=f"equivalent: within ±{margin:g}"),
    ]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=4, handletextpad=0.3, columnspacing=1.2, fontsize=7.5
    )


def draw_saturation(ds: xr.Dataset) -> "Figure":
    """Marginal gain of supervision over the strength of the axis, a colour per kind of dose, the threshold as a band.

    Without the attributes ``threshold``, ``threshold_low`` and ``threshold_high`` the figure says that there is none.
    """
    require(ds, strength=("point",), gain=("point",), dose=("point",))
    figure = canvas(5.6, 3.6)
    ax = figure.add_subplot()
    zero_line(ax, vertical=False)
    kinds = [plain(each) for each in ds["dose"].values]
    for k, kind in enumerate(dict.fromkeys(kinds)):
        _doses(ax, ds.isel(point=[i for i, each in enumerate(kinds) if each == kind]), kind, k)
    _threshold(ax, ds)
    ax.set_xlabel(words(ds, "xlabel", "strength of the axis without supervision"))
    ax.set_ylabel(words(ds, "ylabel", "gain from supervision [balanced accuracy]"))
    ax.margins(0.07)
    figure.legend(loc="outside lower left", ncols=4, handletextpad=0.3, fontsize=8)
    return figure


def _doses(ax: "Axes", ds: xr.Dataset, kind: str, k: int) -> None:
    """The points of one kind of dose, joined from weak to strong, with intervals and, where given, the amounts."""
    x, y = values(ds, "strength", "point"), values(ds, "gain", "point")
    low, high = values(ds, "low", "point"), values(ds, "high", "point")
    ink, marker = series_colour(k), DOSE_MARKERS[k % len(DOSE_MARKERS)]
    order = [i for i in np.argsort(x, kind="stable") if np.isfinite(x[i]) and np.isfinite(y[i])]
    ax.plot(x[order], y[order], color=ink, linewidth=0.8, alpha=0.4, zorder=1)
    for i in order:
        ax.plot([x[i], x[i]], [low[i], high[i]], color=ink, linewidth=1.6, alpha=0.5, zorder=2)
        if "amount" in ds.variables:
            said = plain(ds["amount"].values[i])
            ax.annotate(said, (x[i], y[i]), (5, 4), textcoords="offset points", fontsize=7, color=MUTED)
    missing = len(x) - len(order)
    name = f"{kind} ({missing} {UNDEFINED})" if missing else kind
    ax.plot(x[order], y[order], color=ink, linestyle="", marker=marker, markersize=5.5, zorder=3, label=name)


def _threshold(ax: "Axes", ds: xr.Dataset) -> None:
    """A band from the lower to the upper end of the threshold and a line in it, or the sentence that there is none."""
    keys = ("threshold", "threshold_low", "threshold_high")
    at, low, high = (float(ds.attrs.get(key, np.nan)) for key in keys)
    if np.isfinite([at, low, high]).all():
        ax.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
        ax.axvline(at, color=INK, linewidth=1.1, dashes=(3, 2), zorder=1)
        said = f"threshold {with_interval(at, low, high)}"
    else:
        said = words(ds, "threshold_note", NO_THRESHOLD)
    ax.text(0, 1.02, said, transform=ax.transAxes, va="bottom", fontsize=8, color=INK)


def draw_gains(ds: xr.Dataset) -> "Figure":
    """Accuracy of pools beside their members alone (small dots), and what each pool gains over its reference."""
    require(ds, accuracy=("pool",), gain=("pool",))
    names = labels(ds, "pool")
    if "size" in ds.variables:
        names = [f"{name} ({number(float(n), 0)})" for name, n in zip(names, ds["size"].values, strict=True)]
    heights, _ = grouped_rows([""] * len(names))
    figure = canvas(5.8, 0.85 + 0.36 * len(names))
    score, gain = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
    _members(score, ds, heights)
    zero_line(gain)
    for ax, name, prefix in ((score, "accuracy", ""), (gain, "gain", "gain_")):
        x, low, high = (values(ds, each, "pool") for each in (name, f"{prefix}low", f"{prefix}high"))
        for i, y in enumerate(heights):
            dot(ax, (x[i], y), (low[i], high[i]), ink=series_colour(0))
            if ax is gain:
                beside(ax, y, UNDEFINED if not np.isfinite(x[i]) else signed(x[i]))
    name_rows(score, names, heights, {})
    gain.tick_params(axis="y", length=0)
    gain.spines["left"].set_visible(False)
    score.set_xlabel(words(ds, "xlabel", "balanced accuracy"))
    gain.set_xlabel(words(ds, "gain_label", "gain over the mean member"))
    return figure


def _members(ax: "Axes", ds: xr.Dataset, heights: np.ndarray) -> None:
    """The members of every pool, each on its own."""
    if "single" not in ds.variables:
        return
    require(ds, single=("pool", "member"))
    for y, each in zip(heights, values(ds, "single", "pool", "member"), strict=True):
        found = each[np.isfinite(each)]
        ax.plot(
            found, np.full(len(found), y), linestyle="", marker="o", markersize=3, color=MUTED, alpha=0.7, zorder=1.5
        )
