"""Pictures of silenced neurons: clouds of random masks, dose, the link with people, two geometries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import (
    beside,
    canvas,
    labels,
    number,
    p_label,
    require,
    values,
    without_spine,
    words,
    zero_line,
)
from consona.report.figures_neurons import LESS, MORE, small_multiples
from consona.report.naming import name_points
from consona.report.palette import BAND, INK, MUTED, PAPER, series_colour
from consona.report.rows import UNDEFINED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GOLDEN = (5**0.5 - 1) / 2
FAR = 5.0  # widths of the middle half beyond which a random mask is an arrow at the edge
_LINES = {"intact": "intact", "declared": "declared dose"}
LANDSCAPE = 1.42  # width over height of a map
WIDE = 16.0  # largest over smallest dose from which the axis is logarithmic


def draw_mask_clouds(ds: xr.Dataset) -> "Figure":
    """Per attribute, the random masks as a cloud and the selected one as a diamond, beside its rank from the worst.

    Attributes: ``intact`` (the score without any mask, dashes) and ``xlabel``. Masks far from all others are counted at
    the edge.
    """
    require(ds, selected=("attribute",), random=("attribute", "mask"))
    names, selected = labels(ds, "attribute"), values(ds, "selected", "attribute")
    random = values(ds, "random", "attribute", "mask")
    figure = canvas(5.4, 1.25 + 0.3 * len(names))
    ax = figure.add_subplot()
    intact, rows = float(ds.attrs.get("intact", np.nan)), np.arange(len(names))[::-1].astype(float)
    limits = _reach(random, np.append(selected, intact))
    if np.isfinite(intact):
        ax.axvline(intact, color=INK, linewidth=0.9, dashes=(3, 2), zorder=1, label="intact")
    for y, one, cloud in zip(rows, selected, random, strict=True):
        _cloud(ax, y, cloud, limits)
        ax.plot(one, y, **_diamond())
        beside(ax, y, _rank(one, cloud))
    ax.set(xlim=limits, ylim=(-0.7, len(names) - 0.3))
    ax.set_yticks(rows, names)
    ax.set_xlabel(words(ds, "xlabel", "balanced accuracy"))
    without_spine(ax, "left")
    beside(ax, len(names) + 0.05, "rank from\nthe worst")
    if np.any((random < limits[0]) | (random > limits[1])):
        figure.supxlabel("Arrows: so many random masks lie beyond this axis.", fontsize=7.5, color=MUTED)
    _cloud_legend(figure, np.isfinite(intact))
    return figure


def _diamond() -> dict[str, Any]:
    look = {"linestyle": "", "marker": "D", "markersize": 6, "color": MORE}
    return look | {"markeredgecolor": PAPER, "markeredgewidth": 0.8, "zorder": 3}


def _dots() -> dict[str, Any]:
    look = {"linestyle": "", "marker": "o", "markersize": 3.4, "color": LESS}
    return look | {"markeredgewidth": 0, "alpha": 0.55, "zorder": 2}


def _cloud_legend(figure: "Figure", with_intact: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label="selected neurons", **_diamond()), Line2D([], [], label="random masks", **_dots())]
    if with_intact:
        handles.append(Line2D([], [], color=INK, linewidth=0.9, dashes=(3, 2), label="intact"))
    figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=8, columnspacing=1.2, handletextpad=0.4)


def _reach(random: np.ndarray, marked: np.ndarray) -> tuple[float, float]:
    """Ends of the axis: all that is marked, and the random masks that are not far from the middle half of theirs."""
    low, high = np.nanmin(marked, initial=np.inf), np.nanmax(marked, initial=-np.inf)
    found = random[np.isfinite(random)]
    if found.size:
        first, last = np.quantile(found, (0.25, 0.75))
        near = found[(found >= first - FAR * (last - first)) & (found <= last + FAR * (last - first))]
        low, high = min(low, near.min()), max(high, near.max())
    if not np.isfinite([low, high]).all():
        return 0.0, 1.0
    pad = 0.04 * (high - low) or 0.05
    room = [pad * (1 + 1.6 * np.any(beyond)) for beyond in (found < low, found > high)]  # for the number of the rest
    return float(low - room[0]), float(high + room[1])


def _cloud(ax: "Axes", y: float, cloud: np.ndarray, limits: tuple[float, float]) -> None:
    """The random masks of one row, spread over its height, and at either edge how many lie beyond it."""
    spread = 0.5 * ((np.arange(len(cloud)) * GOLDEN) % 1 - 0.5)
    within = (cloud >= limits[0]) & (cloud <= limits[1])
    ax.plot(cloud[within], y + spread[within], **_dots())
    beyond = ((limits[0], 3, "left", "◂ ", cloud < limits[0]), (limits[1], -3, "right", "▸ ", cloud > limits[1]))
    for edge, inwards, side, arrow, found in beyond:
        if found.any():
            look: Any = {"textcoords": "offset points", "ha": side, "va": "center", "fontsize": 7.5, "color": MUTED}
            ax.annotate(f"{arrow}{found.sum()}", (edge, y), (inwards, 0), **look)


def _rank(one: float, cloud: np.ndarray) -> str:
    """``3 of 100``: how many masks, the selected one among them, are at least as bad."""
    if not np.isfinite(one):
        return UNDEFINED
    known = cloud[np.isfinite(cloud)]
    return f"{1 + int(np.sum(known <= one))} of {1 + len(known)}"


def draw_dose_bands(ds: xr.Dataset) -> "Figure":
    """The score over the per cent of neurons silenced, over the range of random masks (grey), a panel per series.

    Dimensions (attribute, size) or (series, size). Attributes: ``declared`` (the dose of the test, dashes), ``intact``
    (a line), ``xlabel``, ``ylabel``. An optional ``random`` of the same dimensions is the mean of the random masks.
    """
    dim = "attribute" if "attribute" in ds.dims else "series"
    require(ds, selected=(dim, "size"), low=(dim, "size"), high=(dim, "size"))
    names, size = labels(ds, dim), np.asarray(ds["size"].values, dtype=float)
    figure, axes = small_multiples(len(names), width=1.42, height=1.2, shared=True)
    curves = [values(ds, name, dim, "size") for name in ("selected", "low", "high", "random")]
    for ax, name, *curve in zip(axes, names, *curves, strict=True):
        _dose(ax, ds, size, curve)
        ax.set_title(name, fontsize=8, fontweight="normal", pad=3)
    _percent(axes[0], size)
    figure.supxlabel(words(ds, "xlabel", "neurons silenced [%]"), fontsize=8.5)
    figure.supylabel(words(ds, "ylabel", "balanced accuracy"), fontsize=8.5)
    handles, said = axes[0].get_legend_handles_labels()
    figure.legend(handles, said, loc="outside upper left", ncols=4, fontsize=7.5, columnspacing=1.2)
    return figure


def _dose(ax: "Axes", ds: xr.Dataset, size: np.ndarray, curve: Sequence[np.ndarray]) -> None:
    selected, low, high, random = curve
    ax.fill_between(size, low, high, color=MUTED, alpha=0.28, linewidth=0, label=words(ds, "band", "random masks"))
    ax.plot(size, random, color=MUTED, linewidth=0.9)
    ax.plot(size, selected, color=MORE, marker="D", markersize=3.2, linewidth=1.3, label="selected neurons")
    for key, line in (("intact", ax.axhline), ("declared", ax.axvline)):
        at = float(ds.attrs.get(key, np.nan))
        if np.isfinite(at):
            look: Any = {"dashes": (3, 2)} if key == "declared" else {}
            line(at, color=MUTED, linewidth=0.8, zorder=0, label=_LINES[key], **look)


def _percent(ax: "Axes", size: np.ndarray) -> None:
    """A logarithmic axis where doses span more than an order, with a few round numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if np.min(size) <= 0 or np.max(size) < WIDE * np.min(size):
        return
    ax.set_xscale("log")
    rounds = [each for each in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0) if np.min(size) <= each <= np.max(size)]
    ax.xaxis.set_major_locator(FixedLocator(rounds))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda each, _: f"{each:g}"))


def draw_attribute_link(ds: xr.Dataset) -> "Figure":
    """What silencing an attribute's neurons costs over how much people weigh it; below, both without the covariate.

    Attributes: ``r``, ``p``, ``r_partial``, ``p_partial``, ``xlabel``, ``ylabel``, ``covariate`` (its name).
    Intervals of the drop (``low``, ``high``) and of the weight (``importance_low``, ``importance_high``) are optional,
    as is the lower panel (``residual_drop``, ``residual_importance``).
    """
    require(ds, drop=("attribute",), importance=("attribute",))
    both = {"residual_drop", "residual_importance"} <= set(ds.variables)
    figure = canvas(5.3, 6.6 if both else 3.4)
    axes = figure.subplots(1 + both, 1, squeeze=False).ravel()
    xlabel, ylabel = words(ds, "xlabel", "importance for people"), words(ds, "ylabel", "loss of accuracy")
    covariate = words(ds, "covariate", "the covariate")
    strokes = [_scatter(axes[0], ds, ("importance", "drop"))]
    axes[0].set(xlabel=xlabel, ylabel=ylabel, title=_told(ds, "as measured", ""))
    if both:
        strokes.append(_scatter(axes[1], ds, ("residual_importance", "residual_drop")))
        title = _told(ds, f"without what {covariate} explains", "_partial")
        axes[1].set(xlabel=f"{xlabel}, residual", ylabel=f"{ylabel}, residual", title=title)
    for ax, prefix, lines in zip(axes, ("", "residual_"), strokes, strict=False):
        places = [values(ds, f"{prefix}{name}", "attribute") for name in ("importance", "drop")]
        name_points(ax, np.stack(places, axis=1), labels(ds, "attribute"), strokes=lines)
    return figure


def _told(ds: xr.Dataset, said: str, ending: str) -> str:
    r, p = (float(ds.attrs.get(f"{name}{ending}", np.nan)) for name in ("r", "p"))
    return f"{said}: r = {number(r)}" + (f", {p_label(p)}" if np.isfinite(p) else "") if np.isfinite(r) else said


def _scatter(ax: "Axes", ds: xr.Dataset, names: tuple[str, str]) -> list[np.ndarray]:
    """A dot per attribute with its intervals, and the straight line of least squares; the ends of all lines."""
    x, y = (values(ds, name, "attribute") for name in names)
    lines = _intervals(ds, x, y) if names[0] == "importance" else []
    for ends in lines:
        ax.plot(*ends.T, color=LESS, linewidth=1.2, alpha=0.4, zorder=2)
    ax.plot(x, y, linestyle="", marker="o", color=LESS, markersize=6, markeredgecolor=PAPER, zorder=3)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() > 2 and np.ptp(x[known]) > 0:
        reach = np.array([x[known].min(), x[known].max()])
        fitted = np.polyval(np.polyfit(x[known], y[known], 1), reach)
        lines.append(np.stack([reach, fitted], axis=1))
        ax.plot(reach, fitted, color=MUTED, linewidth=1, zorder=1)
    ax.margins(0.1)
    zero_line(ax, vertical=False)
    return [*lines, np.array([[end, 0.0] for end in ax.get_xlim()])]


def _intervals(ds: xr.Dataset, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Ends (2, 2) of the intervals of the drop, then of the importance; those that the result has."""
    low, high, left, right = (
        values(ds, name, "attribute") for name in ("low", "high", "importance_low", "importance_high")
    )
    upright = [np.array([[at, a], [at, b]]) for at, a, b in zip(x, low, high, strict=True)]
    flat = [np.array([[a, at], [b, at]]) for at, a, b in zip(y, left, right, strict=True)]
    return [ends for ends in upright + flat if np.isfinite(ends).all()]


def draw_geometry(ds: xr.Dataset) -> "Figure":
    """Emotions in the plane, one map per kind (people, model), turned onto one another; near means alike.

    The coordinate ``valence`` over emotions colours them: orange triangles above the attribute ``middle`` (the mean by
    default), blue ones below it, fuller the further. Attributes: ``note`` is written below.
    """
    require(ds, x=("kind", "emotion"), y=("kind", "emotion"))
    names, kinds = labels(ds, "emotion"), labels(ds, "kind")
    x, y = values(ds, "x", "kind", "emotion"), values(ds, "y", "kind", "emotion")
    figure = canvas(5.3, 0.5 + 3.9 * len(kinds))
    axes = figure.subplots(len(kinds), 1, squeeze=False).ravel()
    frame = _frame(x, y)
    for ax, kind, across, up in zip(axes, kinds, x, y, strict=True):
        _map(ax, ds, across, up)
        ax.set(title=kind, xlim=frame[0], ylim=frame[1], aspect="equal")
    if words(ds, "note"):
        figure.supxlabel(words(ds, "note"), fontsize=7.5, color=MUTED)
    _valence_legend(figure, ds)
    for ax, across, up in zip(axes, x, y, strict=True):
        name_points(ax, np.stack([across, up], axis=1), names, size=7.5)
    return figure


def _map(ax: "Axes", ds: xr.Dataset, x: np.ndarray, y: np.ndarray) -> None:
    """Both axes of a map have one scale; where it lies means nothing, so it has no numbers."""
    for across, up, strength in zip(x, y, _strength(ds), strict=True):
        ink = MUTED if not np.isfinite(strength) else MORE if strength > 0 else LESS
        marker = "o" if not np.isfinite(strength) else "^" if strength > 0 else "v"
        faded: Any = {"marker": marker, "linestyle": "", "markersize": 6, "zorder": 3}
        opacity = 0.15 + 0.85 * min(1.0, abs(np.nan_to_num(strength)))
        ax.plot(across, up, color=ink, alpha=opacity, markeredgewidth=0, **faded)
        ax.plot(across, up, markerfacecolor="none", markeredgecolor=ink, markeredgewidth=0.8, **faded)
    ax.set(xticks=[], yticks=[])
    for side in ("left", "bottom", "top", "right"):
        ax.spines[side].set(visible=True, color=BAND)


def _frame(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    """Ends of both axes, the same for all maps, with room for names: as wide as the page, one unit on both."""
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return [(-1.0, 1.0), (-1.0, 1.0)]
    middle = [float(each[known].min() + each[known].max()) / 2 for each in (x, y)]
    across, up = (float(share * np.ptp(each[known])) / 2 or 1.0 for each, share in ((x, 1.28), (y, 1.12)))
    across, up = max(across, LANDSCAPE * up), max(up, across / LANDSCAPE)
    return [(middle[0] - across, middle[0] + across), (middle[1] - up, middle[1] + up)]


def _strength(ds: xr.Dataset) -> np.ndarray:
    """Valence from −1 to 1 around the middle; undefined where the result tells none."""
    valence = values(ds, "valence", "emotion")
    if not np.isfinite(valence).any():
        return valence
    apart = valence - float(ds.attrs.get("middle", np.nanmean(valence)))
    return np.asarray(apart / (np.nanmax(np.abs(apart)) or 1.0))


def _valence_legend(figure: "Figure", ds: xr.Dataset) -> None:
    if not np.isfinite(_strength(ds)).any():
        return
    from matplotlib.lines import Line2D

    none: Any = {"linestyle": "", "markersize": 6}
    said = ((series_colour(1), "^", "pleasant"), (series_colour(0), "v", "unpleasant"))
    handles = [Line2D([], [], color=ink, marker=mark, label=name, **none) for ink, mark, name in said]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=8, handletextpad=0.1)
