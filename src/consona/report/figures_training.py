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
AROUND = ((5, 4, "left"), (-5, -10, "right"), (5, -10, "left"), (-5, 4, "right"))  # where amounts stand, by kind
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
    ax.axvline(0, color=MUTED, linewidth=0.7, zorder=0.5)
    _marks(ax, ds, heights, limits)
    effect, twin = values(ds, "effect", "row"), values(ds, "twin", "row")
    for y, own, other in zip(heights, effect, twin, strict=True):
        undefined = not np.isfinite([own, other]).any()
        _columns(ax, y, *(("", UNDEFINED) if undefined else (signed(own), signed(other))))
    name_rows(ax, names, heights, headings)
    ax.set_xlim(*limits)
    ax.set_xlabel(words(ds, "xlabel", "change of balanced accuracy"))
    _columns(ax, float(heights.max()) + 1, "strategy", "twin")
    _forest_legend(figure, margin)
    if any(np.any((each < limits[0]) | (each > limits[1])) for each in (effect, twin, values(ds, "paper", "row"))):
        figure.supxlabel("Arrows: beyond this axis, as the numbers say.", fontsize=7.5, color=MUTED)
    return figure


def _columns(ax: "Axes", y: float, own: str, other: str) -> None:
    """Two texts to the right of the axes at the height ``y``, each flush right in its column."""
    place: Any = ("axes fraction", "data")
    for text, right, colour in ((own, 40, INK), (other, 78, MUTED)):
        look: Any = {"xycoords": place, "textcoords": "offset points", "annotation_clip": False}
        ax.annotate(text, (1, y), (right, 0), ha="right", va="center", fontsize=7.5, color=colour, **look)


def _limits(ds: xr.Dataset) -> tuple[float, float]:
    """Left and right end of the axis: all that is drawn, or, where a few dwarf the others, all but those."""
    own, twin, paper = ("effect", "low", "high"), ("twin", "twin_low", "twin_high"), ("paper",)
    marks = [np.stack([values(ds, name, "row") for name in names]) for names in (own, twin, paper)]
    centres = np.abs(np.concatenate([each[0] for each in marks]))
    margin = float(ds.attrs.get("margin", 0.01))
    most = float(np.nanquantile(centres, 0.8)) if np.isfinite(centres).any() else 0.0
    shown = [each[:, np.abs(each[0]) <= WIDEST * max(most, margin)].ravel() for each in marks]
    low = float(np.nanmin(np.concatenate(shown), initial=-2 * margin))
    high = float(np.nanmax(np.concatenate(shown), initial=2 * margin))
    pad = 0.05 * (high - low)
    return low - pad, high + pad


def _marks(ax: "Axes", ds: xr.Dataset, heights: np.ndarray, limits: tuple[float, float]) -> None:
    """Both marks and the published tick of every row; arrows at the edge for what lies beyond it."""
    low, high, twin_low, twin_high = (values(ds, name, "row") for name in ("low", "high", "twin_low", "twin_high"))
    effect, twin, paper = (values(ds, name, "row") for name in ("effect", "twin", "paper"))
    for i, y in enumerate(heights):
        _within(ax, (effect[i], y + 0.2), (low[i], high[i]), limits, ink=STRATEGY, hollow=False)
        _within(ax, (twin[i], y - 0.2), (twin_low[i], twin_high[i]), limits, ink=TWIN, hollow=True)
        if np.isfinite(paper[i]) and limits[0] <= paper[i] <= limits[1]:
            ax.plot([paper[i], paper[i]], [y - 0.36, y + 0.36], color=INK, linewidth=1.1, zorder=4)
        elif np.isfinite(paper[i]):
            _arrow(ax, (paper[i], y), limits, ink=INK, steps=3.2)


def _within(
    ax: "Axes",
    at: tuple[float, float],
    reach: tuple[float, float],
    limits: tuple[float, float],
    *,
    ink: str,
    hollow: bool,
) -> None:
    if np.isfinite(at[0]) and not limits[0] <= at[0] <= limits[1]:
        _arrow(ax, at, limits, ink=ink)
    else:
        dot(ax, at, reach, ink=ink, hollow=hollow, size=5)


def _arrow(ax: "Axes", at: tuple[float, float], limits: tuple[float, float], *, ink: str, steps: float = 1.0) -> None:
    """An arrowhead just inside the edge beyond which the mark lies, so many steps from it."""
    inside = 0.015 * steps * (limits[1] - limits[0])
    edge, marker = (limits[0] + inside, "<") if at[0] < limits[0] else (limits[1] - inside, ">")
    ax.plot(edge, at[1], linestyle="", marker=marker, markersize=4.5, color=ink, zorder=3)


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
            right, up, side = AROUND[k % len(AROUND)]
            place: Any = {"xytext": (right, up), "textcoords": "offset points", "ha": side}
            ax.annotate(said, (x[i], y[i]), fontsize=7, color=ink, **place)
    missing = len(x) - len(order)
    name = f"{kind} ({missing} {UNDEFINED})" if missing else kind
    ax.plot(x[order], y[order], color=ink, linestyle="", marker=marker, markersize=5.5, zorder=3, label=name)


def _threshold(ax: "Axes", ds: xr.Dataset) -> None:
    """A band from the lower to the upper end of the threshold and a line in it, or the sentence that there is none."""
    keys = ("threshold", "threshold_low", "threshold_high")
    at, low, high = (float(ds.attrs.get(key, np.nan)) for key in keys)
    if np.isfinite([at, low, high]).all():
        ax.axvspan(low, high, color=BAND, linewidth=0, zorder=-1)
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
    figure = canvas(5.8, 1.1 + 0.34 * len(names))
    score, gain = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1), gridspec_kw={"wspace": 0.12})
    _members(score, ds, heights)
    zero_line(gain)
    for ax, name, prefix in ((score, "accuracy", ""), (gain, "gain", "gain_")):
        x, low, high = (values(ds, each, "pool") for each in (name, f"{prefix}low", f"{prefix}high"))
        for i, y in enumerate(heights):
            dot(ax, (x[i], y), (low[i], high[i]), ink=series_colour(0))
            if ax is gain:
                beside(ax, y, _gained(x[i], low[i], high[i]))
    name_rows(score, names, heights, {})
    gain.tick_params(axis="y", length=0)
    gain.spines["left"].set_visible(False)
    score.set_xlabel(words(ds, "xlabel", "balanced accuracy"))
    gain.set_xlabel(words(ds, "gain_label", "gain over its members"))
    if "single" in ds.variables:
        figure.legend(
            *score.get_legend_handles_labels(), loc="outside upper left", ncols=2, handletextpad=0.1, fontsize=7.5
        )
    return figure


def _gained(value: float, low: float, high: float) -> str:
    """``+0.031`` over ``[0.023, 0.038]``; in words where it is undefined."""
    if not np.isfinite(value):
        return UNDEFINED
    known = np.isfinite(low) and np.isfinite(high)
    return signed(value) + (f"\n[{signed(low)}, {signed(high)}]" if known else "")


def _members(ax: "Axes", ds: xr.Dataset, heights: np.ndarray) -> None:
    """The members of every pool, each on its own."""
    if "single" not in ds.variables:
        return
    require(ds, single=("pool", "member"))
    look: Any = {"linestyle": "", "marker": "o", "color": MUTED, "alpha": 0.7}
    for y, each in zip(heights, values(ds, "single", "pool", "member"), strict=True):
        found = each[np.isfinite(each)]
        ax.plot(found, np.full(len(found), y - 0.26), markersize=3, zorder=1.5, **look)
    ax.plot([], [], linestyle="", marker="o", color=series_colour(0), label="pool")
    ax.plot([], [], markersize=3, label="its members, each alone", **look)
