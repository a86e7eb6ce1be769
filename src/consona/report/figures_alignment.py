"""Pictures of a concept axis and its read-out: class profile, clip scatter, hold-outs, subjects."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

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
from consona.report.palette import BAND, INK, MUTED, PAPER, RULE, class_styles, in_class_order, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IN_SAMPLE = "in-sample"


def draw_axis_profile(ds: xr.Dataset) -> "Figure":
    """Each class's projection on the axis as a dot with its interval, the highest on top."""
    require(ds, projection=("emotion",))
    names, x = labels(ds, "emotion"), values(ds, "projection", "emotion")
    low, high = values(ds, "low", "emotion"), values(ds, "high", "emotion")
    styles = class_styles(names, _codes(ds))
    order = np.argsort(np.where(np.isnan(x), -np.inf, x), kind="stable")
    figure = canvas(6.2, 0.75 + 0.27 * len(names))
    ax = figure.add_subplot()
    zero_line(ax)
    for y, i in enumerate(order):
        colour, marker = styles[names[i]]
        ax.plot([0, x[i]], [y, y], color=RULE, linewidth=0.9, zorder=1)
        ax.plot([low[i], high[i]], [y, y], color=colour, linewidth=2.2, alpha=0.45, solid_capstyle="round", zorder=2)
        ax.plot(
            x[i], y, marker=marker, color=colour, markersize=7, markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3
        )
        edge = np.nanmax([x[i], high[i], 0]) if np.isfinite(x[i]) else 0.0
        ax.annotate(number(x[i]), (edge, y), (7, 0), textcoords="offset points", va="center", color=MUTED, fontsize=7.5)
    ax.set_yticks(range(len(names)), [names[i] for i in order])
    ax.set_xlabel(words(ds, "xlabel", "projection on the axis [SD]"))
    ax.margins(x=0.08, y=0.08)
    without_spine(ax, "left")
    return figure


def _codes(ds: xr.Dataset) -> list[float] | None:
    """Valence of each class or clip as -1, 0 or 1, where the result tells it."""
    return ds["valence_code"].values.tolist() if "valence_code" in ds.variables else None


def draw_clip_scatter(ds: xr.Dataset) -> "Figure":
    """The model's value of each clip against its read-out, beside the r of every permuted order of the classes."""
    require(ds, value=("stimulus",), readout=("stimulus",), emotion=("stimulus",))
    figure = canvas(7.6, 3.7)
    clips, null = figure.subplots(1, 2, width_ratios=(1.75, 1))
    _clips(clips, ds)
    _null(null, ds)
    return figure


def _clips(ax: "Axes", ds: xr.Dataset) -> None:
    x, y = values(ds, "value", "stimulus"), values(ds, "readout", "stimulus")
    emotions = [plain(name) for name in ds["emotion"].values]
    styles = class_styles(emotions, _codes(ds))
    zero_line(ax)
    zero_line(ax, vertical=False)
    defined = np.isfinite(x) & np.isfinite(y)
    for name in in_class_order(emotions):
        of_class = np.array([each == name for each in emotions])
        colour, marker = styles[name]
        ax.scatter(
            x[of_class & defined],
            y[of_class & defined],
            s=34,
            color=colour,
            marker=marker,
            linewidths=0.6,
            edgecolors=PAPER,
            zorder=3,
            label=name,
        )
    ax.set_xlabel(words(ds, "xlabel", "value of the clip on the axis"))
    ax.set_ylabel(words(ds, "ylabel", "read-out"))
    hold_out = words(ds, "hold_out")
    ax.set_title(f"hold-out: {hold_out}" if hold_out else "")
    if not defined.all():
        ax.text(
            0.99, 0.01, f"{np.sum(~defined)} undefined", transform=ax.transAxes, ha="right", color=MUTED, fontsize=7.5
        )
    ax.margins(0.07)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1, borderaxespad=0.2, labelspacing=0.55)


def _null(ax: "Axes", ds: xr.Dataset) -> None:
    if "null_counts" in ds.variables:
        counts = np.asarray(ds["null_counts"].values, dtype=float)
        edges = np.asarray(ds["null_edges"].values, dtype=float)
    else:
        drawn = np.asarray(ds["null"].values, dtype=float) if "null" in ds.variables else np.array([np.nan])
        counts, edges = np.histogram(drawn[np.isfinite(drawn)], bins=np.linspace(-1, 1, 61))
    share, r = counts / max(counts.sum(), 1), float(ds.attrs.get("r", np.nan))
    top = float(share.max()) or 1.0
    ax.stairs(share, edges, fill=True, color=BAND)
    ax.stairs(share, edges, color=MUTED, linewidth=0.7)
    kept = np.flatnonzero(counts)
    mean = float(np.sum(share * (edges[:-1] + edges[1:]) / 2)) if kept.size else np.nan
    if kept.size:
        ax.plot([mean, mean], [0, top * 1.04], color=MUTED, linewidth=0.9, dashes=(3, 2))
        side = "right" if mean <= r else "left"
        said = f" mean of the null {number(mean)} "
        ax.text(mean, top * 1.05, said, color=MUTED, fontsize=7.5, ha=side, va="bottom")
        ax.set_xlim(min(edges[kept[0]], r), max(edges[kept[-1] + 1], r))
    if np.isfinite(r):
        ax.plot([r, r], [0, top * 1.3], color=INK, linewidth=1.8)
        lines = [f"r = {number(r)}", p_label(float(ds.attrs.get("p", np.nan)))]
        ax.annotate(
            ", ".join(line for line in lines if line),
            (r, top * 1.32),
            ha="right" if r > 0 else "left",
            va="bottom",
            fontweight="bold",
        )
    ax.set_ylim(0, top * 1.45)
    ax.margins(x=0.04)
    ax.set_yticks([])
    without_spine(ax, "left")
    ax.set_xlabel("r of a permuted order")
    ax.set_title(words(ds, "null_title", "classes permuted as blocks"))


def draw_hold_outs(ds: xr.Dataset) -> "Figure":
    """Per goal, r under each hold-out as a dot over the mean (tick) and 95 % range (grey) of its own refitted null."""
    for name in ("r", "null_mean", "null_low", "null_high"):
        require(ds, **{name: ("goal", "hold_out")})
    goals, kinds = labels(ds, "goal"), labels(ds, "hold_out")
    columns = min(len(goals), 3)
    rows = -(-len(goals) // columns)
    from matplotlib.ticker import MultipleLocator

    figure = canvas(max(3.4, 2.53 * columns), 3.0 * rows)
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    drawn = np.concatenate([values(ds, name, "goal", "hold_out").ravel() for name in ("r", "null_low", "null_high")])
    bottom, top = np.nanmin(drawn, initial=0.0), np.nanmax(drawn, initial=0.0)
    margin = 0.08 * (top - bottom) or 1.0
    axes[0].set_ylim(bottom - margin, top + margin)
    axes[0].yaxis.set_major_locator(MultipleLocator(0.5 if top - bottom > 1 else 0.25))
    for k, ax in enumerate(axes):
        if k < len(goals):
            _hold_outs_of(ax, ds.isel(goal=k), kinds, series_colour(0))
            ax.set_title(goals[k])
            ax.set_ylabel(words(ds, "ylabel", "r") if k % columns == 0 else "")
        else:
            ax.set_visible(False)
    return figure


def _hold_outs_of(ax: "Axes", ds: xr.Dataset, kinds: list[str], colour: str) -> None:
    r, p = values(ds, "r", "hold_out"), values(ds, "p", "hold_out")
    mean, low, high = (values(ds, f"null_{part}", "hold_out") for part in ("mean", "low", "high"))
    zero_line(ax, vertical=False)
    for i, kind in enumerate(kinds):
        ax.plot([i, i], [low[i], high[i]], color=BAND, linewidth=14, solid_capstyle="butt", zorder=1)
        ax.plot([i - 0.22, i + 0.22], [mean[i], mean[i]], color=MUTED, linewidth=1.2, zorder=2)
        fill = PAPER if kind == IN_SAMPLE else colour
        ax.plot(
            i,
            r[i],
            marker="o",
            markersize=7,
            markerfacecolor=fill,
            markeredgecolor=colour,
            markeredgewidth=1.5,
            zorder=3,
        )
        p_said = p_label(p[i]).replace(" ×", "\n×")  # side by side, powers of ten would overlap
        below = f"{kind}\n{number(r[i])}\n{p_said}".strip()
        ax.annotate(
            below,
            (i, 0),
            (0, -6),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=7,
            linespacing=1.45,
        )
    ax.set_xticks([])
    ax.set_xlim(-0.6, len(kinds) - 0.4)
    without_spine(ax, "bottom")


def draw_subjects(ds: xr.Dataset) -> "Figure":
    """Every subject's r as a dot in the colour of the cohort, one row per hold-out, the median as a bar."""
    require(ds, r=("hold_out", "subject"))
    kinds, r = labels(ds, "hold_out"), values(ds, "r", "hold_out", "subject")
    cohorts = [plain(c) for c in ds["cohort"].values] if "cohort" in ds.variables else [""] * ds.sizes["subject"]
    figure = canvas(6.8, 0.8 + 0.72 * len(kinds))
    ax = figure.add_subplot()
    zero_line(ax)
    for row, each in enumerate(r):
        _subjects_of(ax, each, len(kinds) - 1 - row, np.array(cohorts))
    ax.set_yticks(range(len(kinds)), kinds[::-1])
    ax.set_ylim(-0.6, len(kinds) - 0.4)
    ax.set_xlabel(words(ds, "xlabel", "r of one subject"))
    without_spine(ax, "left")
    names = sorted(set(cohorts))
    if any(names):
        marks = ax.collections[: len(names)]
        said = [f"cohort {name} (n = {cohorts.count(name)})" for name in names]
        ax.legend(marks, said, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(names), handletextpad=0.1)
    return figure


def _subjects_of(ax: "Axes", r: np.ndarray, y: float, cohorts: np.ndarray) -> None:
    """One row of dots around the height ``y``, its median, and how many lie above zero."""
    heights = y + 0.34 * _swarm(r)
    for k, name in enumerate(sorted(set(cohorts))):
        those, marker = cohorts == name, "os^D"[k % 4]
        ax.scatter(r[those], heights[those], s=13, color=series_colour(k), alpha=0.75, linewidths=0, marker=marker)
    found = r[np.isfinite(r)]
    if found.size:
        middle = float(np.median(found))
        ax.plot([middle, middle], [y - 0.36, y + 0.36], color=INK, linewidth=1.8, zorder=4)
        beside(ax, y, f"median {number(middle)}\n{np.sum(found > 0)} of {found.size} above 0")


def _swarm(x: np.ndarray, n_bins: int = 36) -> np.ndarray:
    """Offsets in [-1, 1] that spread points of one bin evenly around 0, by rank, so that dots show their number."""
    offsets = np.zeros(len(x))
    found = np.flatnonzero(np.isfinite(x))
    if found.size < 2 or np.ptp(x[found]) == 0:
        return offsets
    bins = np.digitize(x[found], np.linspace(x[found].min(), x[found].max(), n_bins))
    members = [found[bins == b] for b in np.unique(bins)]
    fullest = max(len(each) for each in members)
    for each in members:
        offsets[each] = (np.arange(len(each)) - (len(each) - 1) / 2) * 2 / max(fullest, 8)
    return offsets
