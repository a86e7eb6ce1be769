"""Pictures of how well states predict betas: trivial features beside models, as released beside corrected, layers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import canvas, labels, number, plain, require, values, words, zero_line
from consona.report.figures_curves import named_curves
from consona.report.palette import BAND, INK, MUTED, series_colour
from consona.report.rows import dot, grouped_rows, name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUP_MARKERS = "osD^"
CORRECTED, RELEASED = series_colour(0), series_colour(1)
DASHED: dict[str, Any] = {"color": INK, "linewidth": 1.0, "dashes": (3, 2), "zorder": 1}
DOTTED: dict[str, Any] = {"color": RELEASED, "linewidth": 1.2, "dashes": (1, 1.5), "zorder": 1}


def draw_trivial_against_ceiling(ds: xr.Dataset) -> "Figure":
    """What trivial features and models predict, a panel per kind of item, against the ceiling (dashes).

    A mark is filled where it reaches the ceiling of its panel. The coordinate ``group`` over features parts trivial
    ones from models; ``low`` and ``high`` are intervals, ``ceiling_low`` and ``ceiling_high`` (kind) a band around the
    ceiling. Attributes: ``region`` and ``xlabel``.
    """
    require(ds, score=("feature", "kind"), ceiling=("kind",))
    groups = _groups(ds, "feature")
    figure, axes, heights = _row_panels(ds, "feature", groups)
    score, low, high = (values(ds, name, "feature", "kind").T for name in ("score", "low", "high"))
    order = list(dict.fromkeys(groups))
    for k, ax in enumerate(axes):
        ceiling = _ceiling(ax, ds, k)
        for i, y in enumerate(heights):
            g = order.index(groups[i])
            look: Any = {"ink": series_colour(g), "marker": GROUP_MARKERS[g % len(GROUP_MARKERS)], "size": 6}
            dot(ax, (score[k, i], y), (low[k, i], high[k, i]), hollow=score[k, i] < ceiling, **look)
    figure.supxlabel(_with_region(ds, "score [r]"), fontsize=8.5)
    _legend(figure, [_mark("reaches the ceiling", INK), _mark("stays below it", INK, hollow=True), *_lines(ds)])
    return figure


def draw_released_against_corrected(ds: xr.Dataset) -> "Figure":
    """Every model's score as released (open square) and corrected (dot with its interval), a panel per kind of item.

    Dashes are the ceiling of the corrected score; an optional ``released_ceiling`` (kind) is dotted. The coordinate
    ``group`` over models parts them under headings. Attributes: ``region`` and ``xlabel``.
    """
    require(ds, released=("model", "kind"), corrected=("model", "kind"))
    figure, axes, heights = _row_panels(ds, "model", _groups(ds, "model"))
    released, corrected, low, high = (
        values(ds, name, "model", "kind").T for name in ("released", "corrected", "low", "high")
    )
    ends = values(ds, "released_ceiling", "kind")
    for k, ax in enumerate(axes):
        _ceiling(ax, ds, k)
        if np.isfinite(ends[k]):
            ax.axvline(ends[k], **DOTTED)
        for i, y in enumerate(heights):
            ax.plot([released[k, i], corrected[k, i]], [y + 0.17, y - 0.17], color=MUTED, linewidth=0.9, zorder=1.5)
            dot(ax, (released[k, i], y + 0.17), (np.nan, np.nan), ink=RELEASED, marker="s", hollow=True, size=5.5)
            dot(ax, (corrected[k, i], y - 0.17), (low[k, i], high[k, i]), ink=CORRECTED, size=6)
    figure.supxlabel(_with_region(ds, "score [r]"), fontsize=8.5)
    marks = [_mark("as released", RELEASED, marker="s", hollow=True), _mark("corrected", CORRECTED)]
    _legend(figure, marks + _lines(ds))
    return figure


def draw_layer_profile(ds: xr.Dataset) -> "Figure":
    """The score of every layer, a line per site, under the ceiling; below it, how often each layer was chosen.

    ``chosen`` (site, layer) is a share from 0 to 1 and, like ``ceiling`` (one number) and the intervals, optional.
    Attributes: ``region``, ``xlabel`` and ``ylabel``.
    """
    require(ds, score=("site", "layer"))
    layers, sites, chosen = np.asarray(ds["layer"].values, dtype=float), labels(ds, "site"), "chosen" in ds.variables
    figure = canvas(5.6, 3.9 if chosen else 2.9)
    axes = figure.subplots(1 + chosen, 1, sharex=True, squeeze=False, height_ratios=(2.6, 1)[: 1 + chosen]).ravel()
    zero_line(axes[0], vertical=False)
    ceiling = float(ds["ceiling"].values) if "ceiling" in ds.variables and not ds["ceiling"].dims else np.nan
    if np.isfinite(ceiling):
        axes[0].axhline(ceiling, **DASHED)
        note: Any = {"textcoords": "offset points", "va": "bottom", "fontsize": 7.5, "color": INK}
        axes[0].annotate(f"ceiling {number(ceiling)}", (layers[0], ceiling), (0, 2), **note)
    named_curves(axes[0], layers, _three(ds, "site", "layer"), sites)
    axes[0].set_ylabel(_with_region(ds, "score [r]", key="ylabel"))
    if chosen:
        _shares(axes[1], layers, values(ds, "chosen", "site", "layer"))
    axes[-1].set_xticks(layers[:: max(1, -(-len(layers) // 16))])
    axes[-1].set_xlabel(words(ds, "xlabel", "layer (counted from 0)"))
    return figure


def _shares(ax: "Axes", layers: np.ndarray, chosen: np.ndarray) -> None:
    """A bar per site and layer, those of one layer side by side, in the order and the inks of the lines."""
    wide = 0.8 / len(chosen)
    for i, each in enumerate(chosen):
        ax.bar(layers + (i - (len(chosen) - 1) / 2) * wide, 100 * each, wide, color=series_colour(i), alpha=0.75)
    ax.set_ylim(0, max(1.0, 110 * float(np.nanmax(chosen, initial=0.0))))
    ax.set_ylabel("chosen [%]")


def _three(ds: xr.Dataset, *dims: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The score and both ends of its interval."""
    return values(ds, "score", *dims), values(ds, "low", *dims), values(ds, "high", *dims)


def _groups(ds: xr.Dataset, dim: str) -> list[str]:
    """The group of every row; one group for all where the result names none."""
    return [plain(each) for each in ds["group"].values] if "group" in ds.variables else [""] * ds.sizes[dim]


def _row_panels(ds: xr.Dataset, dim: str, groups: Sequence[str]) -> tuple["Figure", np.ndarray, np.ndarray]:
    """A figure with a panel per kind side by side, the rows named at the left, and the height of every row."""
    from matplotlib.ticker import MaxNLocator

    names, kinds = labels(ds, dim), labels(ds, "kind")
    heights, headings = grouped_rows(groups)
    figure = canvas(max(5.7, 2.1 + 1.2 * len(kinds)), 1.3 + 0.21 * (len(names) + len(headings)))
    axes = figure.subplots(1, len(kinds), sharex=True, sharey=True, squeeze=False).ravel()
    for ax, kind in zip(axes, kinds, strict=True):
        zero_line(ax)
        ax.hlines(heights, 0, 1, transform=ax.get_yaxis_transform(), color=BAND, linewidth=0.7, zorder=0)
        ax.set_title(kind, fontsize=8.5, pad=4)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
    name_rows(axes[0], names, heights, headings)
    return figure, axes, heights


def _ceiling(ax: "Axes", ds: xr.Dataset, k: int) -> float:
    """Draw the ceiling of the k-th kind, say it under the title, and give it back; −inf where there is none."""
    ceiling, low, high = (values(ds, name, "kind")[k] for name in ("ceiling", "ceiling_low", "ceiling_high"))
    said = f"ceiling {number(ceiling, 3)}" if np.isfinite(ceiling) else "no ceiling"
    ax.set_title(f"{ax.get_title(loc='left')}\n", fontsize=8.5, pad=4)
    ax.annotate(said, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=7.5, color=MUTED)
    if not np.isfinite(ceiling):
        return -np.inf
    if np.isfinite([low, high]).all():
        ax.axvspan(low, high, color=BAND, linewidth=0, zorder=-1)
    ax.axvline(ceiling, **DASHED)
    return float(ceiling)


def _with_region(ds: xr.Dataset, default: str, *, key: str = "xlabel") -> str:
    """The label of an axis, and the region where the result names one."""
    region = words(ds, "region")
    return words(ds, key, default) + (f", {region}" if region else "")


def _mark(label: str, ink: str, *, marker: str = "o", hollow: bool = False) -> Any:
    from matplotlib.lines import Line2D

    face: Any = {"markerfacecolor": "none"} if hollow else {}
    return Line2D([], [], linestyle="", marker=marker, markersize=5.5, color=ink, label=label, **face)


def _lines(ds: xr.Dataset) -> list[Any]:
    """What the lines across the panels are, those that are drawn."""
    from matplotlib.lines import Line2D

    said = (("ceiling", "ceiling", DASHED), ("released_ceiling", "ceiling as released", DOTTED))
    shown = [each for each in said if np.isfinite(values(ds, each[0], "kind")).any()]
    return [Line2D([], [], label=label, **look) for _, label, look in shown]


def _legend(figure: "Figure", handles: list[Any]) -> None:
    figure.legend(
        handles=handles, loc="outside upper left", ncols=4, fontsize=7.5, handletextpad=0.4, columnspacing=1.2
    )
