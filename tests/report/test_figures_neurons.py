"""Figures about neurons: what is drawn stands where its number says, and what was not tested is set apart."""

import re

import numpy as np
import pytest
from neuron_samples import ATTRIBUTES, EMOTIONS
from report_samples import sample

from consona.core.errors import InvalidInput
from consona.report.drawing import canvas, house_style
from consona.report.figures import KINDS, figure_svg
from consona.report.figures_neurons import DARKEST, LESS, MORE, small_multiples
from consona.report.naming import name_points
from consona.report.tables import frames_of


def drawn(data):
    with house_style("x"):
        return KINDS[data.attrs["figure"]](data)


def texts(figure):
    return [each.get_text() for ax in figure.axes for each in ax.texts]


def names_of_rows(ax):
    return {each.get_text(): tick for each, tick in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}


def cells(ax):
    """Opacity with the sign of its colour, by place (row, column) of the middle."""
    found = {}
    for each in ax.patches:
        (x, y), colour = each.get_xy(), "#" + bytes(round(255 * c) for c in each.get_facecolor()[:3]).hex()
        found[round(y + each.get_height() / 2, 6), int(x)] = {MORE: 1, LESS: -1}[colour] * each.get_alpha()
    return found


def test_cells_of_losses_are_as_dark_as_large_and_rare_emotions_stand_apart():
    data = sample("drop_matrix")
    data["value"][2, 1] = np.nan
    figure = drawn(data)
    rows, shown = names_of_rows(figure.axes[0]), cells(figure.axes[0])
    extreme = float(np.abs(data["value"]).max())
    for emotion in EMOTIONS:
        for j, each in enumerate(data["value"].sel(emotion=emotion).values):
            place = (round(rows[emotion], 6), j)
            assert shown.get(place, np.nan) == pytest.approx(DARKEST * each / extreme, nan_ok=True)
    rare = [rows[name] for name in ("grief", "nervousness", "pride", "relief")]
    tested = [at for name, at in rows.items() if at not in rare]
    assert max(tested) + 1 < min(rare)
    assert "too few to be tested, shown only:" in texts(figure)
    assert texts(figure).count("–") == 1
    all_tested = drawn(sample("drop_matrix").drop_vars("tested"))
    assert list(names_of_rows(all_tested.axes[0])) == EMOTIONS
    assert not any("too few" in each for each in texts(all_tested))


def test_shares_of_layers_are_coloured_around_chance():
    data = sample("neuron_map")
    data["share"][0] = 1 / 6
    figure = drawn(data)
    shown, share = cells(figure.axes[0]), data["share"].values
    assert [shown[0.5, j] for j in range(6)] == pytest.approx([0] * 6)
    assert [np.sign(shown[1.5, j]) for j in range(6)] == [-1, -1, -1, -1, 1, 1]
    assert texts(figure)[6:12] == [f"{100 * each:.0f}" for each in share[1]]
    deep = data.isel(layer=np.repeat(np.arange(6), 4)).assign_coords(layer=np.arange(24))
    assert texts(drawn(deep)) == []


def test_squares_of_a_gallery_share_the_order_of_valence():
    data = sample("rdm_gallery")
    figure = drawn(data)
    order = np.argsort(data["valence"].values, kind="stable")
    for k, ax in enumerate(figure.axes[:3]):
        cells_of = np.ma.filled(ax.images[0].get_array(), np.nan)
        off = ~np.eye(27, dtype=bool)
        value = data["value"].values[k][np.ix_(order, order)]
        assert (np.argsort(cells_of[off], kind="stable") == np.argsort(value[off], kind="stable")).all()
        assert np.isnan(np.diag(cells_of)).all()
    said = figure._supxlabel.get_text().replace("\n", " ")
    assert said.startswith("From the left and from the top: anger, disgust, fear, grief, sadness,")
    asked = drawn(data.drop_vars("valence"))._supxlabel.get_text().replace("\n", " ")
    assert ", ".join(EMOTIONS) in asked


def test_the_lowest_panel_of_every_column_has_its_numbers():
    with house_style("x"):
        _, axes = small_multiples(6, width=1, height=1, shared=True)
    assert [ax.xaxis.get_tick_params()["labelbottom"] for ax in axes] == [False, False, True, True, True, True]


def test_both_kinds_of_p_are_told_at_five_per_cent():
    data = sample("p_histograms")
    data["naive"][0], data["permutation"][0] = 0.05, 0.05
    data["naive"][0, :2] = [0.41, 0.02]
    figure = drawn(data)
    assert figure.axes[0].get_title(loc="left") == "arousal\np ≤ 0.05: 41 % → 5 %"
    drawn_shares = [each.get_data().values for each in figure.axes[1].patches]
    assert drawn_shares[0] == pytest.approx(data["naive"].values[1])
    assert drawn_shares[1] == pytest.approx(data["permutation"].values[1])
    assert drawn_shares[2] == pytest.approx(np.full(20, 0.05))
    tenths = data.isel(bin=slice(0, 20, 2)).assign_coords(p_to=("bin", data["p_to"].values[1::2]))
    assert drawn(tenths).axes[0].get_title(loc="left") == "arousal\n"
    assert list(frames_of(data)[0].columns[:4]) == ["attribute", "p_from", "p_to", "naive"]


def test_a_mask_ranks_among_the_random_ones_and_ruined_models_are_counted_at_the_edge():
    data = sample("mask_clouds")
    data["random"][...] = np.clip(data["random"], 0.72, None)
    data["random"][0, :3] = 0.5
    data["random"][1, 0] = np.nan
    data["selected"][:2] = [0.7, 0.8]
    figure = drawn(data)
    said = texts(figure)
    assert [each for each in said if "◂" in each or "▸" in each] == ["◂ 3"]
    ranks = [each for each in said if " of " in each]
    assert ranks[:2] == ["4 of 100", "99 of 99"]
    left, right = figure.axes[0].get_xlim()
    assert 0.5 < left < 0.7 < 0.8 < right
    clouds = [line.get_xdata() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert sorted(clouds[0]) == pytest.approx(np.sort(data["random"].values[0, 3:]))
    dots = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert dots == pytest.approx(data["selected"].values)


@pytest.mark.parametrize("dim", ["attribute", "series"])
def test_doses_lie_over_the_range_of_random_masks_with_the_declared_one_marked(dim):
    data = sample("dose_bands").rename(attribute=dim).isel({dim: slice(3)})
    figure = drawn(data)
    ax = figure.axes[1]
    (selected,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert selected.get_ydata() == pytest.approx(data["selected"].values[1])
    corners = ax.collections[0].get_paths()[0].vertices
    assert {*np.round(corners[:, 1], 9)} == {
        *np.round(data[["low", "high"]].isel({dim: 1}).to_array().values.ravel(), 9)
    }
    assert 10.9 in [line.get_xdata()[0] for line in ax.lines if line.get_label() == "declared dose"]
    assert ax.get_xscale() == "log"
    assert drawn(data.isel(size=slice(4, None))).axes[0].get_xscale() == "linear"


def test_the_link_has_a_second_panel_only_with_residuals():
    data = sample("attribute_link")
    figure = drawn(data)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0] == "as measured: r = 0.52, p = 0.057"
    assert titles[1] == "without what the share of late layers explains: r = 0.21, p = 0.48"
    for ax, names in zip(figure.axes, (("importance", "drop"), ("residual_importance", "residual_drop")), strict=True):
        (dots,) = [line for line in ax.lines if line.get_marker() == "o"]
        assert dots.get_xydata() == pytest.approx(np.stack([data[name].values for name in names], axis=1))
        assert sorted(each.get_text() for each in ax.texts) == sorted(ATTRIBUTES[:3])
    assert len(drawn(data.drop_vars("residual_drop")).axes) == 1


def test_maps_share_one_scale_and_pleasant_emotions_point_up():
    data = sample("geometry")
    first, second = drawn(data).axes
    assert (first.get_xlim(), first.get_ylim()) == (second.get_xlim(), second.get_ylim())
    up = [line.get_xdata()[0] for line in second.lines if line.get_marker() == "^"]
    assert sorted({*up}) == pytest.approx(np.sort(data["x"].sel(kind="model")[data["valence"].values > 0]))
    assert {line.get_marker() for line in drawn(data.drop_vars("valence")).axes[0].lines} == {"o"}


def test_names_beside_crowded_points_do_not_cover_one_another():
    """Forty names of six letters on a tenth of the area of their axes: drawn, no two boxes of text meet."""
    from matplotlib.text import Text

    rng = np.random.default_rng(3)
    places = rng.normal(0, 1, (41, 2))
    places[40] = np.nan
    with house_style("x"):
        figure = canvas(5, 4)
        ax = figure.add_subplot()
        ax.plot(*places.T, "o")
        name_points(ax, places, [f"name{i:02d}" for i in range(41)], size=6.5)
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(each).shrunk(0.98, 0.8) for each in ax.texts]  # without the joining lines
    assert len(boxes) == 40
    assert [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i]) if a.overlaps(b)] == []


def test_what_a_figure_of_neurons_lacks_is_named():
    with pytest.raises(InvalidInput, match=r"expected 'random' over \('attribute', 'mask'\)"):
        figure_svg(sample("mask_clouds").drop_vars("random"))
    with pytest.raises(InvalidInput, match=r"'selected' of figure 'dose_bands' has dimensions \('row', 'size'\)"):
        figure_svg(sample("dose_bands").rename(attribute="row"))
    undefined = sample("mask_clouds")
    undefined["selected"][0] = np.nan
    assert re.search(r">undefined<", figure_svg(undefined))
