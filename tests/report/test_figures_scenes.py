"""Figures of surfaces, captions and models: what is drawn stands where its number says."""

import numpy as np
import pytest
from report_samples import sample
from scene_samples import FULL, surface_map

from consona.brain.meshes import N_VERTICES, fsaverage5_mesh
from consona.core.errors import InvalidInput
from consona.report.drawing import house_style
from consona.report.figures import KINDS, figure_svg
from consona.report.figures_scene_models import MOST_POINTS
from consona.report.palette import PAPER, series_colour
from consona.report.surface_raster import CASING, LEVELS, LINE, labelled, outlined, painted, picture

RED = np.array([[255 * (i > LEVELS), 0, 255 * (i < LEVELS)] for i in range(2 * LEVELS + 1)], dtype=np.uint8)
BIGGEST = 700_000


def full(kind):
    return FULL[kind](np.random.default_rng(7))


def drawn(data):
    with house_style("x"):
        return KINDS[data.attrs["figure"]](data)


def written(ax):
    return [each.get_text() for each in ax.texts]


@pytest.mark.parametrize(("view", "back"), [("lateral", 1), ("medial", -1), ("flat", 1)])
def test_a_value_at_the_back_is_painted_at_the_back(view, back):
    """Seen from the left, the back of the left hemisphere is on the right; on the flat map as well."""
    inflated, _ = fsaverage5_mesh("inflated", "left")
    values = np.where(inflated[:, 1] < -85, 1.0, np.nan)
    of = picture("left", view, 0.8)
    image = painted(of, values, RED)
    coloured = (image[..., 0] > 150) & (image[..., 2] == 0)
    assert coloured.sum() > 20
    middle = np.nonzero(image[..., 3])[1].mean()
    assert back * (np.nonzero(coloured)[1].mean() - middle) > 20
    hidden = image[..., 3] == 0
    assert 0.1 < hidden.mean() < 0.6
    assert (image[hidden] == 0).all()
    assert len(np.unique(of.pixels)) == len(of.pixels)


def test_a_linear_map_is_interpolated_exactly_and_hidden_faces_stay_hidden():
    positions, _ = fsaverage5_mesh("inflated", "right")
    of, behind = picture("right", "lateral", 0.8), picture("right", "medial", 0.8)
    across = (of.shares * positions[of.corners, 1]).sum(axis=1)
    column = of.pixels % of.shape[1]
    slope, start = np.polyfit(across, column, 1)
    assert slope == pytest.approx(0.8, abs=1e-6)
    assert np.abs(slope * across + start - column).max() < 1e-6
    near, far = np.full((2, of.shape[0] * of.shape[1]), np.nan)
    near[of.pixels] = (of.shares * positions[of.corners, 0]).sum(axis=1)
    far[behind.pixels] = (behind.shares * positions[behind.corners, 0]).sum(axis=1)
    thick = near.reshape(of.shape) - far.reshape(behind.shape)[:, ::-1]
    assert np.nanmin(thick) > -3  # two views of one body: what is seen from outside lies in front of what is not
    assert np.nanmedian(thick) > 20


def test_lines_run_around_a_region_and_nowhere_else():
    positions, _ = fsaverage5_mesh("flat", "left")
    of = picture("left", "flat", 1.0)
    codes = labelled(of, (np.hypot(positions[:, 0], positions[:, 1]) < 40).astype(int))
    area = (codes == 1).sum()
    assert area == pytest.approx(np.pi * 40**2, rel=0.06)
    for cased, ink in ((False, LINE), (True, CASING)):
        sheet = painted(of, np.full(N_VERTICES, np.nan), RED)
        outlined(sheet, codes, cased=cased, width=1)
        ys, xs = np.nonzero((sheet[..., :3] == ink).all(axis=2) & (sheet[..., 3] > 0))
        inside_y, inside_x = (each.mean() for each in np.nonzero(codes == 1))
        from_middle = np.hypot(ys - inside_y, xs - inside_x)
        assert 200 < len(from_middle) < 700
        assert from_middle.min() > 30
        assert from_middle.max() < 50


def test_surface_maps_stay_small_files_and_name_every_region_once():
    for data in (full("surface_map"), surface_map(np.random.default_rng(1), n_maps=8, view="inflated")):
        assert len(figure_svg(data)) < BIGGEST
    data = surface_map(np.random.default_rng(1), n_maps=2)
    first, second, scale = drawn(data).axes
    assert {*written(first)} == {"left", "right", "early", "parietal"}
    assert len(written(first)) == 4
    assert written(second) == ["left", "right"]
    assert scale.get_xlabel() == "difference [r]"
    high = scale.get_xlim()[1]
    assert high == pytest.approx(np.nanpercentile(np.abs(data["value"]), 99))
    assert drawn(data.assign_attrs(limit=0.25)).axes[-1].get_xlim() == (-0.25, 0.25)
    note = drawn(data)._supxlabel.get_text()
    assert note == "Dark lines: q ≤ 0.05. White lines: regions. Grey: no value."
    plain = drawn(data.isel(map=0, drop=True).drop_vars(["significant", "roi"]).fillna(0))
    assert plain._supxlabel.get_text() == ""


def test_a_coarse_map_is_painted_everywhere_and_others_are_refused():
    coarse = surface_map(np.random.default_rng(1), n_maps=1, n_vertices=642)
    fine = surface_map(np.random.default_rng(1), n_maps=1)
    one, other = (drawn(each.drop_vars("roi")).axes[0].images[0].get_array() for each in (coarse, fine))
    assert one.shape == other.shape
    assert (one[..., 3] == other[..., 3]).all()
    with pytest.raises(InvalidInput, match="1283 targets, expected those of both hemispheres: 20484, 5124"):
        drawn(coarse.isel(target=slice(1283)))
    with pytest.raises(InvalidInput, match="flat or inflated, not 'round'"):
        drawn(coarse.assign_attrs(view="round"))


def test_without_nilearn_a_map_says_what_is_missing(monkeypatch):
    data = sample("surface_map")
    picture.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "nilearn.datasets", None)
    with pytest.raises(InvalidInput, match=r"nilearn.*consona\[fmri\]"):
        drawn(data)


def test_bars_are_means_and_lines_one_standard_error():
    data = sample("roi_bars")
    data["value"][1, 0] = np.nan
    early, ventral = drawn(data).axes
    bars = [each.get_width() for each in early.patches if each.get_height() == pytest.approx(0.7)]
    assert bars == pytest.approx(data["value"][0].mean("subject").values)
    lines = [each.get_xdata() for each in early.lines if len(each.get_xdata()) == 2 and np.ptp(each.get_xdata()) > 0]
    spread = data["value"][0].std("subject", ddof=1).values / np.sqrt(8)
    assert [np.ptp(each) / 2 for each in lines] == pytest.approx(spread)
    assert written(early) == data["letters"].values[0].tolist()
    assert written(ventral)[0] == "undefined"
    dots = [each.get_xdata() for each in early.lines if len(each.get_xdata()) == 8]
    assert np.stack(dots) == pytest.approx(data["value"][0].values)
    given = data.assign(low=data["value"].mean("subject") - 1, high=data["value"].mean("subject") + 1)
    wide = [np.ptp(each.get_xdata()) for each in drawn(given).axes[0].lines if len(each.get_xdata()) == 2]
    assert wide.count(pytest.approx(2)) == 5


def test_cards_show_their_texts_in_order_and_cut_only_very_long_ones():
    figure = drawn(full("caption_cards"))
    said = [each.get_text() for each in figure.texts]
    assert said[:5] == ["caption", "A man in a red shirt throws a ball to a dog on the", "beach.", "read out",
                        "Two cups stand to the left of a lamp."]  # fmt: skip
    assert sum(each.endswith("…") for each in said) == 3
    assert [each for each in said if each.startswith("rank")] == [f"rank {i} of 130, best 0" for i in (0, 64, 129)]
    assert len(figure.axes) == 3
    heights = [each.get_position()[1] for each in figure.texts]
    assert min(heights) > 0
    figure.draw_without_rendering()
    boxes = [each.get_window_extent() for each in figure.texts]
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_published_marks_are_open_and_measured_ones_filled():
    data = sample("training_size_scatter")
    ax = drawn(data).axes[0]
    marks = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in marks] == data["n_images"].values.tolist()
    assert [line.get_markerfacecolor() == PAPER for line in marks] == data["published"].values.tolist()
    assert ax.get_xscale() == "log"
    assert {*data["model"].values} <= {*written(ax)}


def test_deep_layers_are_on_top_and_what_a_network_lacks_is_empty():
    data = full("layer_time_grid")
    axes = drawn(data).axes
    assert len(axes) == 9
    first, feed_forward = axes[0].collections[0], axes[4].collections[0]
    assert np.array_equal(first.get_array().data.reshape(6, 6), data["value"].values[0, 0])
    assert not axes[0].yaxis_inverted()
    assert feed_forward.get_array().mask.sum() == 30
    signed = data - 0.1
    mesh = drawn(signed.assign_attrs(data.attrs)).axes[0].collections[0]
    assert mesh.get_clim() == (-mesh.get_clim()[1], pytest.approx(float(np.abs(signed["value"]).max())))


def test_of_many_targets_every_so_many_are_drawn():
    data = full("vertex_scatter")
    ax = drawn(data).axes[0]
    points = np.concatenate([patch.get_path().vertices[::2] for patch in ax.patches])
    assert len(points) == 3334 <= MOST_POINTS
    kept = data.isel(target=slice(None, None, 3))
    assert sorted(points[:, 0].tolist()) == sorted(kept["x"].values.tolist())
    assert "3,334 of 10,000 targets (one in 3)" in written(ax)
    assert len(figure_svg(data)) < 300_000


def test_densities_have_one_height_and_their_mean():
    data = full("readout_density")
    ax = drawn(data).axes[0]
    assert written(ax)[0] == "ceiling 0.55"
    assert written(ax)[1:] == [f"mean {each:.2f}" for each in data["value"].mean(("subject", "stimulus")).values]
    thin = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) > 100]
    assert len(thin) == 3 * 8
    for k in range(3):
        assert max(each.max() for each in thin[8 * k : 8 * k + 8]) <= 2 - k + 0.8 + 1e-9
    constant = data.copy(deep=True)
    constant["value"][0] = 0.5
    assert "mean 0.50" in written(drawn(constant).axes[0])


def test_rungs_stand_from_the_top_down_with_an_open_mark_for_other_images():
    data = full("text_ladder")
    left, right = drawn(data).axes
    for ax, key, other in ((left, "value", "mismatched"), (right, "rdm", "rdm_mismatched")):
        marks = [line for line in ax.lines if line.get_marker() == "o"]
        filled = [line.get_xdata()[0] for line in marks if line.get_markerfacecolor() != PAPER]
        hollow = [line.get_xdata()[0] for line in marks if line.get_markerfacecolor() == PAPER]
        assert filled == pytest.approx(data[key].values)
        assert hollow == pytest.approx(data[other].values)
        assert marks[0].get_ydata()[0] == 8


def test_distances_in_the_plane_are_found_again():
    rng = np.random.default_rng(3)
    data = full("model_geometry")
    points = rng.normal(size=(12, 2))
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    data["dissimilarity"][...] = apart
    ax = drawn(data).axes[0]
    places = np.array([[*line.get_xdata(), *line.get_ydata()] for line in ax.lines])
    assert np.linalg.norm(places[:, None] - places[None], axis=-1) == pytest.approx(apart, abs=1e-9)
    assert ax.get_xlabel() == "100 % of the squared distances"
    assert [line.get_color() for line in ax.lines[:5]] == [series_colour(0)] * 4 + [series_colour(1)]
    data["dissimilarity"][2, 5:] = data["dissimilarity"][5:, 2] = np.nan
    assert "1 left out" in drawn(data).axes[0].get_xlabel()
