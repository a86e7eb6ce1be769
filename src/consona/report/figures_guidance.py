"""Pictures of guided models: answers that flip, strength and its cost, arms of tuning, transfer, power."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.report.drawing import beside, canvas, labels, number, require, values, words, zero_line
from consona.report.figures_curves import named_curves
from consona.report.figures_neurons import COLUMNS, READABLE, frame_cells, shaded_cell, small_multiples
from consona.report.palette import BAND, INK, MUTED, series_colour
from consona.report.rows import UNDEFINED, dot, grouped_rows, name_rows, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ARM_MARKERS = "os^Dvp"
ENOUGH = 0.8  # the power that a study is planned for
LONGEST_CONDITION = 23
LONGEST_ANSWER = 11  # half of a panel


def draw_flip_matrix(ds: xr.Dataset) -> "Figure":
    """Answers before (rows) and after (columns), two by two, a panel per condition, with the net gain above it.

    Blue counts answers that became right, orange those that became wrong. The first of both dimensions is wrong, the
    second right, or they are named so, or are false and true. An optional interval of the gain is ``net_low`` to
    ``net_high`` (condition), in points of accuracy.

    Raises
    ------
    InvalidInput
        When answers are not of two sorts, or a variable is missing.
    """
    require(ds, count=("condition", "before", "after"))
    count, before, after = _wrong_first(ds)
    total = count.sum(axis=(1, 2))
    net = np.divide(100 * (count[:, 0, 1] - count[:, 1, 0]), total, where=total > 0, out=np.full(len(total), np.nan))
    most = float(np.nanmax(count[:, [0, 1], [1, 0]], initial=1e-12))
    reach = np.stack([values(ds, name, "condition") for name in ("net_low", "net_high")], axis=1)
    figure, axes = small_multiples(len(count), width=1.42, height=1.75, shared=True)
    for k, (ax, name) in enumerate(zip(axes, labels(ds, "condition"), strict=True)):
        _two_by_two(ax, count[k], most)
        said = f"{textwrap.fill(name, LONGEST_CONDITION)}\n{_net(net[k], reach[k])}"
        ax.set_title(said, fontsize=7.5, fontweight="normal", pad=3)
        frame_cells(ax, [textwrap.fill(name, LONGEST_CONDITION) for name in before], 2)
    axes[0].set_xticks([0.5, 1.5], [textwrap.fill(name, LONGEST_ANSWER) for name in after])
    figure.supylabel(words(ds, "ylabel", "before"), fontsize=8.5)
    figure.supxlabel(f"{words(ds, 'xlabel', 'after')}\n{_counted(total)}", fontsize=8)
    return figure


def _wrong_first(ds: xr.Dataset) -> tuple[np.ndarray, list[str], list[str]]:
    """Counts (condition, before, after), wrong before right, and the names of rows and of columns."""
    if ds.sizes["before"] != 2 or ds.sizes["after"] != 2:
        raise InvalidInput(
            f"figure 'flip_matrix' has {ds.sizes['before']} sorts of answers before and {ds.sizes['after']} after, "
            "expected two: wrong, right. Count an answer that is neither as wrong."
        )
    names = []
    for dim in ("before", "after"):
        said = ["wrong", "right"] if ds[dim].dtype == bool else labels(ds, dim)
        if said == ["right", "wrong"] or (ds[dim].dtype == bool and bool(ds[dim].values[0])):
            ds, said = ds.isel({dim: [1, 0]}), ["wrong", "right"]
        names.append(said)
    return values(ds, "count", "condition", "before", "after"), names[0], names[1]


def _two_by_two(ax: "Axes", count: np.ndarray, most: float) -> None:
    from matplotlib.patches import Rectangle

    whole = bool(np.all(count[np.isfinite(count)] == np.round(count[np.isfinite(count)])))
    for (i, j), each in np.ndenumerate(count):
        if i == j:
            ax.add_patch(Rectangle((j + 0.03, i + 0.03), 0.94, 0.94, facecolor=BAND, linewidth=0, zorder=0))
        else:
            shaded_cell(ax, (i, j), (i - j) * each / most, darkest=READABLE)
        if np.isfinite(each):
            ax.text(j + 0.5, i + 0.5, number(each, 0 if whole else 1), ha="center", va="center", color=INK)


def _net(gain: float, reach: np.ndarray) -> str:
    """``net +4.3 [+1.0, +7.6]``, in points."""
    if not np.isfinite(gain):
        return f"net {UNDEFINED}"
    known = np.isfinite(reach).all()
    return f"net {signed(gain, 1)}" + (f" [{signed(reach[0], 1)}, {signed(reach[1], 1)}]" if known else "")


def _counted(total: np.ndarray) -> str:
    """What the net gain is a share of; the number where it is the same in all panels."""
    known = total[np.isfinite(total)]
    same = len(known) > 0 and np.allclose(known, known[0])
    answers = f"all {number(float(known[0]), 0)} answers" if same else "all answers"
    return f"net: change of accuracy in points, over {answers}"


def draw_steering_dose(ds: xr.Dataset) -> "Figure":
    """Net gain over the strength of a shift, a panel per condition, over the band of random directions; last, the cost.

    The grey line in every panel is the first condition. ``low`` and ``high`` (strength) are the band, ``cost``
    (strength) or (condition, strength) is optional. Attributes: ``chosen`` (the strength in use, dashes), ``xlabel``,
    ``ylabel``, ``cost_label``, ``band``.
    """
    require(ds, net=("condition", "strength"))
    names, costs = labels(ds, "condition"), "cost" in ds.variables
    net = values(ds, "net", "condition", "strength")
    figure, axes = small_multiples(len(names) + costs, width=1.42, height=1.35)
    for k, name in enumerate(names):
        _dose(axes[k], ds, net[[0, k]])
        axes[k].set_title(textwrap.fill(name, LONGEST_CONDITION), fontsize=8, fontweight="normal", pad=3)
        if k:
            axes[k].sharey(axes[0])
            axes[k].tick_params(labelleft=k % COLUMNS == 0)
    if costs:
        _cost(axes[-1], ds)
    for ax in axes:
        zero_line(ax, vertical=False)
        ax.margins(x=0.04)
        if np.isfinite(float(ds.attrs.get("chosen", np.nan))):
            ax.axvline(float(ds.attrs["chosen"]), color=MUTED, linewidth=0.9, dashes=(3, 2), label="in use", zorder=0)
    figure.supxlabel(words(ds, "xlabel", "strength [spread of the states]"), fontsize=8.5)
    figure.supylabel(words(ds, "ylabel", "net gain [points]"), fontsize=8.5)
    shown = dict(pair[::-1] for ax in axes[:2] for pair in zip(*ax.get_legend_handles_labels(), strict=True))
    look: Any = {"loc": "outside upper left", "ncols": 4, "fontsize": 7.5, "columnspacing": 1.2}
    figure.legend(shown.values(), shown.keys(), **look)
    return figure


def _dose(ax: "Axes", ds: xr.Dataset, net: np.ndarray) -> None:
    """One condition (the second row of ``net``) over the first one and over the band of random directions."""
    strength = np.asarray(ds["strength"].values, dtype=float)
    low, high = values(ds, "low", "strength"), values(ds, "high", "strength")
    if np.isfinite(low).any():
        band = words(ds, "band", "random directions, 95 %")
        ax.fill_between(strength, low, high, color=MUTED, alpha=0.28, linewidth=0, label=band)
    first, own = net
    if not np.array_equal(first, own, equal_nan=True):
        ax.plot(strength, first, color=MUTED, linewidth=0.9, label=labels(ds, "condition")[0])
    ax.plot(strength, own, color=series_colour(0), marker="o", markersize=3.2, linewidth=1.4, label="this condition")


def _cost(ax: "Axes", ds: xr.Dataset) -> None:
    """What the shift costs elsewhere, on an axis of its own: the first condition dark, others thin and grey."""
    dims = ("condition", "strength") if "condition" in ds["cost"].dims else ("strength",)
    strength, cost = np.asarray(ds["strength"].values, dtype=float), np.atleast_2d(values(ds, "cost", *dims))
    for each in cost[1:]:
        ax.plot(strength, each, color=MUTED, linewidth=0.8)
    ax.plot(strength, cost[0], color=series_colour(1), marker="s", markersize=3.2, linewidth=1.4)
    said = words(ds, "cost_label", "cost")
    ax.set_title(textwrap.fill(said, LONGEST_CONDITION), fontsize=8, color=series_colour(1), pad=3)
    ax.set_ylim(min(0.0, float(np.nanmin(cost, initial=0.0))), None)


def draw_arm_intervals(ds: xr.Dataset) -> "Figure":
    """Effect of every arm of tuning with its interval, under a heading per test set; the number stands beside it.

    Attributes: ``reference`` (the value that means nothing, 0), ``xlabel``, ``digits`` (3).
    """
    require(ds, effect=("arm", "test"))
    arms, tests = labels(ds, "arm"), labels(ds, "test")
    effect, low, high = (values(ds, name, "test", "arm") for name in ("effect", "low", "high"))
    heights, headings = grouped_rows([test for test in tests for _ in arms])
    figure = canvas(5.6, 0.75 + 0.2 * (heights.size + len(headings)))
    ax = figure.add_subplot()
    ax.hlines(heights, 0, 1, transform=ax.get_yaxis_transform(), color=BAND, linewidth=0.7, zorder=0)
    zero_line(ax, at=float(ds.attrs.get("reference", 0.0)))
    digits = int(ds.attrs.get("digits", 3))
    for (i, j), x in np.ndenumerate(effect):
        y = float(heights[i * len(arms) + j])
        look: Any = {"ink": series_colour(j), "marker": ARM_MARKERS[j % len(ARM_MARKERS)], "size": 6}
        dot(ax, (float(x), y), (float(low[i, j]), float(high[i, j])), **look)
        beside(ax, y, signed(x, digits) if np.isfinite(x) else UNDEFINED)
    name_rows(ax, arms * len(tests), heights, headings)
    ax.set_xlabel(words(ds, "xlabel", "change of accuracy"))
    return figure


def draw_transfer_table(ds: xr.Dataset) -> "Figure":
    """The value of every arm (row) on every test set (column): orange above ``reference``, blue below, numbers written.

    Bold where ``low`` to ``high`` leaves out the reference; a frame where the coordinate or variable ``trained`` (arm,
    test) says that the arm was trained on that kind. Attributes: ``reference`` (0), ``digits`` (2), ``label``.
    """
    require(ds, value=("arm", "test"))
    arms, tests, grid = labels(ds, "arm"), labels(ds, "test"), values(ds, "value", "arm", "test")
    reference, digits = float(ds.attrs.get("reference", 0.0)), int(ds.attrs.get("digits", 2))
    low, high = values(ds, "low", "arm", "test"), values(ds, "high", "arm", "test")
    trained = np.nan_to_num(values(ds, "trained", "arm", "test")) > 0
    figure = canvas(max(3.6, 0.7 + 0.066 * max(map(len, arms)) + 0.46 * len(tests)), _height(arms, tests))
    ax = figure.add_subplot()
    extreme = float(np.nanmax(np.abs(grid - reference), initial=1e-12))
    for (i, j), each in np.ndenumerate(grid):
        shaded_cell(ax, (i, j), (each - reference) / extreme, darkest=READABLE)
        if np.isfinite(each):
            sure = low[i, j] > reference or high[i, j] < reference
            look: Any = {"ha": "center", "va": "center", "fontsize": 8, "fontweight": "bold" if sure else "normal"}
            ax.text(j + 0.5, i + 0.5, number(each if round(each, digits) else 0.0, digits), color=INK, **look)
    _frames(ax, trained)
    frame_cells(ax, arms, len(tests))
    ax.set_xticks(np.arange(len(tests)) + 0.5, tests, rotation=40, ha="right", rotation_mode="anchor")
    figure.supxlabel(_key(ds, reference, framed=bool(trained.any())), fontsize=7.5, color=MUTED)
    return figure


def _height(arms: list[str], tests: list[str]) -> float:
    return 0.9 + 0.3 * len(arms) + 0.042 * max(map(len, tests))


def _frames(ax: "Axes", trained: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    for i, j in np.argwhere(trained):
        look: Any = {"facecolor": "none", "edgecolor": INK, "linewidth": 1.0}
        ax.add_patch(Rectangle((j + 0.06, i + 0.06), 0.88, 0.88, **look))


def _key(ds: xr.Dataset, reference: float, *, framed: bool) -> str:
    """What the colours, bold numbers and frames of a table of transfer say."""
    nothing = f"{reference:g}".replace("-", "−")
    said = f"{words(ds, 'label', 'change of accuracy')}; orange above {nothing}, blue below."
    if {"low", "high"} <= set(ds.variables):
        said += f"\nBold: the interval leaves out {nothing}."
    return said + (" Framed: trained on this kind." if framed else "")


def draw_power_curve(ds: xr.Dataset) -> "Figure":
    """Power over the number of subjects, a line per number of items; dashes at the power that is planned for.

    Intervals ``low`` and ``high`` are optional. Attributes: ``target`` (0.8), ``xlabel``, ``ylabel``.
    """
    require(ds, power=("n_subjects", "n_items"))
    n_subjects, target = np.asarray(ds["n_subjects"].values, dtype=float), float(ds.attrs.get("target", ENOUGH))
    dims = ("n_items", "n_subjects")
    figure = canvas(5.4, 3.1)
    ax = figure.add_subplot()
    ax.axhline(target, color=INK, linewidth=0.9, dashes=(3, 2), zorder=0)
    ax.set_ylim(-0.03, 1.03)
    curves = values(ds, "power", *dims), values(ds, "low", *dims), values(ds, "high", *dims)
    named_curves(ax, n_subjects, curves, [f"{name} items" for name in labels(ds, "n_items")])
    ax.set_xticks(n_subjects)
    ax.set_xlabel(words(ds, "xlabel", "subjects"))
    ax.set_ylabel(words(ds, "ylabel", "power"))
    return figure
