"""Figures about guided reasoning: marks stand where their numbers say, and gains are counted over all answers."""

import numpy as np
import pytest
from guidance_samples import FULL
from report_samples import sample

from consona.core.errors import InvalidInput
from consona.report.drawing import house_style
from consona.report.figures import KINDS, figure_svg
from consona.report.figures_neurons import LESS, MORE, READABLE
from consona.report.palette import BAND, INK, PAPER, series_colour


def drawn(data):
    with house_style("x"):
        return KINDS[data.attrs["figure"]](data)


def texts(ax):
    return [each.get_text() for each in ax.texts]


def marks(ax):
    """Places (x, y) of single marks and whether each is filled, from the top down."""
    found = [line for line in ax.lines if len(line.get_xdata()) == 1 and line.get_linestyle() == "None"]
    dots = [(line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor() != PAPER) for line in found]
    return sorted(dots, key=lambda each: -each[1])


def cells(ax):
    """Colour and opacity of shaded cells by row and column."""
    shown = {}
    for each in ax.patches:
        (x, y), ink = each.get_xy(), "#" + bytes(round(255 * c) for c in each.get_facecolor()[:3]).hex()
        shown.setdefault((int(y + each.get_height() / 2), int(x + each.get_width() / 2)), (ink, each.get_alpha()))
    return shown


def test_a_mark_is_filled_where_it_reaches_the_ceiling_of_its_panel():
    data = sample("trivial_against_ceiling")
    data["score"][:, 0] = [0.16, 0.159, 0.3, -0.1]
    data["ceiling"][1] = np.nan
    first, second, third = drawn(data).axes
    assert [x for x, _, _ in marks(first)] == pytest.approx([0.16, 0.159, 0.3, -0.1])
    assert [filled for _, _, filled in marks(first)] == [True, False, True, False]
    assert all(filled for _, _, filled in marks(second))
    assert len(marks(third)) == 3
    assert [texts(ax) for ax in (first, second, third)] == [["ceiling 0.160"], ["no ceiling"], ["ceiling 0.065"]]
    names = [each.get_text() for each in first.get_yticklabels()]
    assert names == ["task", "response time", "MiniLM, block", "small reasoner, attention", "trivial", "model"]


def test_released_and_corrected_are_joined_and_each_has_its_ceiling():
    data = sample("released_against_corrected")
    ax = drawn(data).axes[1]
    pairs = data.isel(kind=1)
    told = np.stack([pairs["released"], pairs["corrected"]], axis=1).ravel()
    assert [x for x, _, _ in marks(ax)] == pytest.approx(told)
    assert [filled for _, _, filled in marks(ax)] == [False, True] * 3
    upright = {line.get_xdata()[0] for line in ax.lines if list(line.get_xdata()) == [line.get_xdata()[0]] * 2}
    assert {0.061, 0.123} <= upright
    without = drawn(data.drop_vars(["ceiling", "released_ceiling"]))
    assert [each.get_text() for each in without.legends[0].get_texts()] == ["as released", "corrected"]


def test_layers_share_the_axis_of_how_often_they_were_chosen():
    data = sample("layer_profile")
    upper, lower = drawn(data).axes
    heights = np.reshape([each.get_height() for each in lower.patches], (3, 7))
    assert heights == pytest.approx(100 * data["chosen"].values)
    middles = np.reshape([each.get_x() + each.get_width() / 2 for each in lower.patches], (3, 7))
    assert middles.mean(axis=0) == pytest.approx(np.arange(7))
    assert "ceiling 0.16" in texts(upper)
    assert len(drawn(data.drop_vars(["chosen", "ceiling"])).axes) == 1


def test_flips_are_counted_both_ways_over_all_answers():
    data = sample("flip_matrix")
    data["count"][0] = [[60, 20], [15, 105]]
    figure = drawn(data.drop_vars("net_high"))
    ax, other = figure.axes[0], figure.axes[1]
    assert ax.get_title(loc="left") == "own brain\nnet +2.5"
    assert texts(ax) == ["60", "20", "15", "105"]
    shown = cells(ax)
    most = float(max(data["count"][:, 0, 1].max(), data["count"][:, 1, 0].max()))
    assert shown[0, 1] == (LESS, pytest.approx(READABLE * 20 / most))
    assert shown[1, 0] == (MORE, pytest.approx(READABLE * 15 / most))
    assert shown[0, 0][0] == shown[1, 1][0] == BAND
    assert figure._supxlabel.get_text().endswith("over all answers")
    means = data / 4
    assert texts(drawn(means).axes[0]) == ["15.0", "5.0", "3.8", "26.2"]
    for turned in (
        data.isel(before=[1, 0], after=[1, 0]),
        data.assign_coords(before=[False, True], after=[False, True]).isel(after=[1, 0]),
    ):
        again = drawn(turned)
        assert texts(again.axes[1]) == texts(other)
        assert [each.get_text() for each in again.axes[0].get_yticklabels()] == ["wrong", "right"]
    with pytest.raises(InvalidInput, match="1 sorts of answers before and 2 after"):
        figure_svg(data.isel(before=[0]))


def test_every_condition_stands_over_the_band_of_random_directions_and_beside_the_first():
    data = sample("steering_dose")
    figure = drawn(data)
    *panels, cost = figure.axes
    assert [ax.get_title(loc="left") for ax in panels] == ["own brain", "random directions", "permuted similarity"]
    for ax, each in zip(panels, data["net"].values, strict=True):
        (own,) = [line for line in ax.lines if line.get_marker() == "o"]
        assert own.get_ydata() == pytest.approx(each)
        band = ax.collections[0].get_paths()[0].vertices
        assert {*band[:, 1].round(9)} == {*data[["low", "high"]].to_array().values.ravel().round(9)}
        assert ax.get_ylim() == panels[0].get_ylim()
    first = [line for line in panels[2].lines if line.get_label() == "own brain"]
    assert first[0].get_ydata() == pytest.approx(data["net"].values[0])
    assert cost.lines[0].get_ydata() == pytest.approx(data["cost"].values)
    assert all(2.0 in [line.get_xdata()[0] for line in ax.lines if line.get_label() == "in use"] for ax in panels)
    own_costs = data.assign(cost=data["cost"] * data["net"])
    assert len([line for line in drawn(own_costs).axes[-1].lines if len(line.get_xdata()) == 8]) == 3
    assert len(drawn(data.drop_vars("cost")).axes) == 3


def test_arms_stand_in_the_same_ink_under_every_test_set():
    data = FULL["arm_intervals"](np.random.default_rng(7)).isel(arm=slice(3), test=slice(2))
    data["effect"][1, 1] = np.nan
    ax = drawn(data).axes[0]
    told = data["effect"].transpose("test", "arm").values.ravel()
    assert [x for x, _, _ in marks(ax)] == pytest.approx(told[np.isfinite(told)])
    said = [f"{each:+.3f}".replace("-", "−") if np.isfinite(each) else "undefined" for each in told]
    assert texts(ax) == said
    inks = [line.get_markerfacecolor() for line in ax.lines if line.get_linestyle() == "None"]
    assert inks == [series_colour(k) for k in (0, 1, 2, 0, 2)]


def test_transfer_is_coloured_around_its_reference_and_bold_where_the_interval_leaves_it_out():
    data = sample("transfer_table").assign_attrs(reference=0.5)
    data["value"][...], data["low"][...], data["high"][...] = [[0.7, 0.4], [0.5, 0.496]], 0.3, 0.8
    data["low"][0, 0] = 0.6
    ax = drawn(data).axes[0]
    assert texts(ax) == ["0.70", "0.40", "0.50", "0.50"]
    assert [each.get_fontweight() for each in ax.texts] == ["bold", "normal", "normal", "normal"]
    shown = cells(ax)
    assert shown[0, 0] == (MORE, pytest.approx(READABLE))
    assert shown[0, 1] == (LESS, pytest.approx(READABLE / 2))
    data["trained"][1] = False
    edges = [each for each in drawn(data).axes[0].patches if each.get_linewidth() > 0]
    assert len(edges) == 2
    zero = data.assign_attrs(reference=0.0)
    zero["value"][0, 0] = -0.004
    assert texts(drawn(zero).axes[0])[0] == "0.00"


def test_power_is_read_at_eight_in_ten():
    data = sample("power_curve")
    ax = drawn(data).axes[0]
    curves = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 4]
    assert np.stack(curves) == pytest.approx(data["power"].values.T)
    assert texts(ax) == ["36 items", "70 items", "140 items", "280 items"]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_color() == INK] == [0.8]
