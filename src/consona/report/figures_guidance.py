"""Pictures of guided models: answers that flip, strength and its cost, arms of tuning, transfer, power."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.report.drawing import beside, canvas, labels, number, require, values, words, zero_line
from consona.report.figures_curves import named_curves
from consona.report.figures_neurons import READABLE, frame_cells, shaded_cell, small_multiples
from consona.report.palette import BAND, INK, MUTED, series_colour
from consona.report.rows import UNDEFINED, dot, grouped_rows, name_rows, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ARM_MARKERS = "os^DvP"
ENOUGH = 0.8  # the power that a study is planned for
LONGEST_CONDITION = 20


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
        frame_cells(ax, before, 2)
    axes[0].set_xticks([0.5, 1.5], after)
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
    """Net gain over the strength of a shift, a line per condition, over the band of random directions; below, the cost.

    ``low`` and ``high`` (strength) are the band, ``cost`` (strength) or (condition, strength) is optional. Attributes:
    ``chosen`` (the strength in use, dashes), ``xlabel``, ``ylabel``, ``cost_label``, ``band``.
    """
    require(ds, net=("condition", "strength"))
    strength, names = np.asarray(ds["strength"].values, dtype=float), labels(ds, "condition")
    costs = "cost" in ds.variables
    figure = canvas(5.7, 4.4 if costs else 3.1)
    axes = figure.subplots(1 + costs, 1, sharex=True, squeeze=False, height_ratios=(2.2, 1)[: 1 + costs]).ravel()
    low, high = values(ds, "low", "strength"), values(ds, "high", "strength")
    if np.isfinite(low).any():
        band = words(ds, "band", "random directions, 95 %")
        axes[0].fill_between(strength, low, high, color=MUTED, alpha=0.28, linewidth=0, label=band)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", fontsize=8)
    curves = values(ds, "net", "condition", "strength")
    none = np.full_like(curves, np.nan)
    named_curves(axes[0], strength, (curves, none, none), names)
    axes[0].set_ylabel(words(ds, "ylabel", "net gain [points]"))
    if costs:
        _cost(axes[1], ds, strength)
    for ax in axes:
        zero_line(ax, vertical=False)
        if np.isfinite(float(ds.attrs.get("chosen", np.nan))):
            ax.axvline(float(ds.attrs["chosen"]), color=MUTED, linewidth=0.9, dashes=(3, 2), zorder=0)
    axes[-1].set_xlabel(words(ds, "xlabel", "strength [spread of the states]"))
    return figure


def _cost(ax: "Axes", ds: xr.Dataset, strength: np.ndarray) -> None:
    """What the shift costs elsewhere: in the inks of the conditions, or one line for the first of them."""
    several = "condition" in ds["cost"].dims
    cost = values(ds, "cost", "condition", "strength") if several else values(ds, "cost", "strength")[None]
    names = labels(ds, "condition") if several else [""]
    named_curves(ax, strength, (cost, np.full_like(cost, np.nan), np.full_like(cost, np.nan)), names)
    ax.set_ylabel(words(ds, "cost_label", "cost"))


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
            ax.text(j + 0.5, i + 0.5, number(each, digits), color=INK, **look)
    _frames(ax, trained)
    frame_cells(ax, arms, len(tests))
    ax.set_xticks(np.arange(len(tests)) + 0.5, tests, rotation=40, ha="right", rotation_mode="anchor")
    figure.supxlabel(_key(ds, reference, digits, framed=bool(trained.any())), fontsize=7.5, color=MUTED)
    return figure


def _height(arms: list[str], tests: list[str]) -> float:
    return 0.9 + 0.3 * len(arms) + 0.042 * max(map(len, tests))


def _frames(ax: "Axes", trained: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    for i, j in np.argwhere(trained):
        look: Any = {"facecolor": "none", "edgecolor": INK, "linewidth": 1.0}
        ax.add_patch(Rectangle((j + 0.06, i + 0.06), 0.88, 0.88, **look))


def _key(ds: xr.Dataset, reference: float, digits: int, *, framed: bool) -> str:
    """What the colours, bold numbers and frames of a table of transfer say."""
    said = f"{words(ds, 'label', 'change of accuracy')}; orange above {number(reference, digits)}, blue below."
    if {"low", "high"} <= set(ds.variables):
        said += f"\nBold: the interval leaves out {number(reference, digits)}."
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
