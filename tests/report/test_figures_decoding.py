"""Figures about decoders: what is drawn stands where its number says, and what is undefined stands nowhere."""

import re

import decoding_samples
import numpy as np
import pytest
from decoding_samples import EMOTIONS, full_forest
from report_samples import sample, write_run

from consona.core.errors import InvalidInput
from consona.report import build_report
from consona.report.figures import figure_file, figure_svg
from consona.report.palette import BAND, INK, MUTED, PAPER, series_colour
from consona.report.rows import grouped_rows, signed, with_interval

NEAR = 0.01  # points: matplotlib writes six decimals, so what is off by more is in another place
PLACE = r'<use xlink:href="[^"]+" x="([-\d.]+)" y="([-\d.]+)" '
LOOK = r'style="(?:fill: )?(#\w+|fill-opacity: 0)(?:; fill-opacity: [\d.]+)?; stroke: (#\w+)'
MARK, HOLLOW = re.compile(PLACE + LOOK), "fill-opacity: 0"
LINE = re.compile(r'<path d="M ([-\d.]+) ([-\d.]+)\s+L ([-\d.]+) ([-\d.]+)\s*"[^>]*style="([^"]*)"')


def drawn(data):
    return figure_file(data, suffix="svg").decode()


def marks(svg, *, fill, stroke=PAPER):
    """Places of the markers of one fill and edge, (n, 2), in the order they were drawn."""
    found = [each for each in MARK.findall(svg) if each[2:] == (fill, stroke)]
    return np.array([[float(x), float(y)] for x, y, *_ in found]).reshape(-1, 2)


def lines(svg, colour, *, dashed=False):
    """Ends (x, y, x, y) of the straight lines of a colour."""
    found = [each for each in LINE.findall(svg) if f"stroke: {colour}" in each[4] and ("dash" in each[4]) == dashed]
    return np.array([[float(part) for part in each[:4]] for each in found]).reshape(-1, 4)


def scale(values, places):
    """The straight line from numbers to places, after seeing that all lie on it."""
    slope, start = np.polyfit(values, places, 1)
    assert np.abs(slope * np.asarray(values) + start - places).max() < NEAR
    assert abs(slope) > 1
    return lambda value: slope * value + start


def texts(svg):
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg)


def band_of(svg):
    """Left and right side of the first grey area."""
    path = re.search(rf'<path d="([^"]*)"[^>]*style="fill: {BAND}', svg)[1]
    sides = [float(x) for x, _ in re.findall(r"([\d.]+) ([\d.]+)", path)]
    return [min(sides), max(sides)]


def test_cells_of_a_confusion_are_as_dark_as_their_share_and_hold_its_number():
    data = sample("confusion")
    svg, share = drawn(data), data["share"].values
    opacity = [float(each) for each in re.findall(rf"fill: {series_colour(0)}; opacity: ([\d.]+)", svg)]
    scale(share.ravel(), np.array(opacity) * 1000)
    placed = re.findall(r'translate\(([\d.]+) ([\d.]+)\)"[^>]*>(\d\.\d\d)<', svg)
    found = re.findall(r'x="([\d.]+)" y="([\d.]+)"[^>]*>(\d\.\d\d)</text>', svg) or placed
    assert [each[2] for each in found] == [f"{each:.2f}" for each in share.ravel()]
    scale(np.tile(np.arange(9), 9), [float(each[0]) for each in found])
    scale(np.repeat(np.arange(9), 9), [float(each[1]) for each in found])
    assert "Each row sums to 1. Chance is 0.11, numbers below it are grey." in texts(svg)


def test_a_class_without_a_test_row_is_dashes_and_no_cell():
    data = sample("confusion")
    data["share"][3] = np.nan
    svg = drawn(data)
    assert texts(svg).count("–") == 9
    assert svg.count(f"fill: {series_colour(0)}; opacity") == 72


def test_counts_are_no_confusion_of_shares():
    data = sample("confusion")
    data["share"][2] *= 40
    with pytest.raises(InvalidInput, match="row 'Fear' of a confusion sums to 40, expected 1.*NaN throughout"):
        drawn(data)


def test_a_confusion_of_all_clips_is_drawn_without_numbers_in_its_cells():
    share = np.full((28, 28), 1 / 28)
    clips = [f"clip{i:02d}" for i in range(1, 29)]
    data = sample("confusion").drop_dims(["true", "predicted"]).assign(share=(("true", "predicted"), share))
    said = texts(drawn(data.assign_coords(true=clips, predicted=clips).assign_attrs(chance=1 / 28)))
    assert set(clips) <= set(said)
    assert "Each row sums to 1. Chance is 0.04." in said


def test_accuracies_and_chance_share_one_scale_and_rows_stand_under_their_group():
    data = sample("holdouts")
    svg = drawn(data)
    dots = np.concatenate([marks(svg, fill=series_colour(k)) for k in range(3)])
    place = scale(data["value"].values, dots[:, 0])
    dashes = lines(svg, MUTED, dashed=True)
    assert dashes[:, 0] == pytest.approx([place(1 / 9), place(0.125)], abs=NEAR)
    heights, headings = grouped_rows(data["group"].values.tolist())
    scale(heights, dots[:, 1])
    assert list(headings) == ["new people", "new clips", "new emotion"]
    assert [headings["new people"], *heights[:2]] == [20, 19, 18]
    assert {"chance 0.111", "chance 0.125", *headings} <= set(texts(svg))
    for i, (low, high) in enumerate(data[["low", "high"]].to_array().values.T):
        line = lines(svg, series_colour(i // 6))[i % 6]
        assert line[[0, 2]] == pytest.approx([place(low), place(high)], abs=NEAR)


def test_rows_of_a_group_that_lie_apart_come_together():
    heights, headings = grouped_rows(["a", "b", "a"])
    assert heights.tolist() == [3, 0, 2]
    assert headings == {"a": 4, "b": 1}
    assert grouped_rows(["a", "a"]) == (pytest.approx([1, 0]), {})


@pytest.mark.parametrize(
    ("kind", "name", "n"), [("holdouts", "value", 5), ("gains", "gain", 8), ("forest", "effect", 10)]
)
def test_an_undefined_row_has_no_mark_and_says_so(kind, name, n):
    data = sample(kind)
    data[name][1] = np.nan
    if kind == "forest":
        data["twin"][1] = np.nan
    svg = drawn(data)
    own = series_colour(0)
    placed = np.concatenate([marks(svg, fill=own), marks(svg, fill=own, stroke=own)])
    assert len(placed) == n
    assert "undefined" in texts(svg)


def test_both_panels_of_a_scatter_are_placed_and_pools_are_open():
    data = sample("scatter_groups")
    data["y_partial"][3] = np.nan
    svg = drawn(data)
    pool, group = data["pool"].values, data["group"].values
    for panel, suffix in enumerate(("", "_partial")):
        rows, places = [], []
        for k, name in enumerate(dict.fromkeys(group)):
            ink = series_colour(k)
            for members, look in ((~pool, {"fill": ink}), (pool, {"fill": HOLLOW, "stroke": ink})):
                here = np.flatnonzero(members & (group == name) & np.isfinite(data[f"y{suffix}"].values))
                found = marks(svg, **look)
                rows.append(here)
                places.append(found[: len(here)] if panel == 0 else found[-len(here) :])
        for axis, name in enumerate("xy"):
            scale(data[f"{name}{suffix}"].values[np.concatenate(rows)], np.concatenate(places)[:, axis])
    assert [len(marks(svg, fill=HOLLOW, stroke=series_colour(k))) for k in range(6)] == [2] * 6
    said = texts(svg)
    assert {
        "r = 0.91 [0.83, 0.95], p = 0.0040",
        "r = 0.05 [−0.28, 0.37], p = 0.71",
        "1 undefined",
        "open: pool",
    } <= set(said)
    del data.attrs["r_partial"]
    assert any(text.startswith("r undefined") for text in texts(drawn(data)))


def test_a_forest_of_fifty_rows_is_in_place_legible_and_cuts_only_what_dwarfs_the_rest():
    data = full_forest(np.random.default_rng(7))
    svg, own, twin = drawn(data), data["effect"].values, data["twin"].values
    near = np.abs(own) < 0.15
    heights, _ = grouped_rows(data["family"].values.tolist())
    dots, rings = marks(svg, fill=series_colour(0)), marks(svg, fill=PAPER, stroke=series_colour(1))
    place = scale(own[near], dots[:, 0])
    assert rings[:, 0] == pytest.approx(place(twin[near]), abs=NEAR)
    assert rings[:, 1] - dots[:, 1] == pytest.approx(np.full(near.sum(), rings[0, 1] - dots[0, 1]), abs=NEAR)
    scale(heights[near], dots[:, 1])
    assert np.min(np.diff(np.sort(dots[:, 1]))) > 11  # points from row to row: a line of 8-point text and a half
    arrows = marks(svg, fill=series_colour(0), stroke=series_colour(0))
    assert len(arrows) == 1 + np.sum(~near) == 7  # and the one of the legend
    arrows = arrows[:-1]
    assert arrows[:, 0].max() < dots[:, 0].min()
    assert band_of(svg) == pytest.approx([place(-0.01), place(0.01)], abs=NEAR)
    ticks = lines(svg, INK)
    paper = data["paper"].values
    shown = paper[np.isfinite(paper) & near]
    assert set(np.round(place(shown), 1)) <= set(np.round(ticks[:, 0], 1))
    assert texts(svg).count("−0.400") == 2
    assert "Arrows: beyond this axis, as the numbers say." in texts(svg)
    few = data.isel(row=np.flatnonzero(near)[:3])
    assert not any(text.startswith("Arrows") for text in texts(drawn(few)))


def test_a_threshold_is_a_band_on_the_scale_of_the_points_or_a_sentence():
    data = sample("saturation")
    data["gain"][0] = np.nan
    svg = drawn(data)
    kinds = data["dose"].values
    order = [np.flatnonzero((kinds == kind) & np.isfinite(data["gain"].values)) for kind in dict.fromkeys(kinds)]
    dots = np.concatenate(
        [marks(svg, fill=series_colour(k), stroke=series_colour(k))[: len(i)] for k, i in enumerate(order)]
    )
    rows = np.concatenate(order)
    place = scale(data["strength"].values[rows], dots[:, 0])
    scale(data["gain"].values[rows], dots[:, 1])
    assert lines(svg, INK, dashed=True)[0, [0, 2]] == pytest.approx([place(0.54)] * 2, abs=NEAR)
    assert band_of(svg) == pytest.approx([place(0.47), place(0.62)], abs=NEAR)
    assert {"threshold 0.54 [0.47, 0.62]", "training subjects (1 undefined)"} <= set(texts(svg))
    none = {key: value for key, value in data.attrs.items() if not key.startswith("threshold")}
    bare = data.copy()
    bare.attrs = none
    without = drawn(bare)
    assert "No threshold is supported by these points." in texts(without)
    assert f"fill: {BAND}" not in without
    told = drawn(bare.assign_attrs(threshold_note="None: the interval holds every strength."))
    assert "None: the interval holds every strength." in texts(told)


def test_pools_and_gains_are_placed_each_on_its_scale_over_their_members():
    data = sample("gains")
    svg = drawn(data)
    dots = marks(svg, fill=series_colour(0))
    assert len(dots) == 8
    place = scale(data["accuracy"].values, dots[:4, 0])
    scale(data["gain"].values, dots[4:, 0])
    single = data["single"].values
    small = marks(svg, fill=MUTED, stroke=MUTED)[:, 0]
    expected = place(single[np.isfinite(single)])
    assert np.abs(small[:, None] - expected).min(axis=0).max() < NEAR
    assert {"snapshots of one seed (5)", "its members, each alone"} <= set(texts(svg))
    assert "its members, each alone" not in texts(drawn(data.drop_vars("single")))


def test_labels_of_decoders_with_markup_stay_text():
    data = sample("forest").assign_attrs(xlabel="<b>&</b>")
    data = data.assign_coords(family=("row", np.where(data["family"] == "contrast", "<i>$x$</i>", data["family"])))
    svg = figure_svg(data)
    assert "&lt;i&gt;$x$&lt;/i&gt;" in svg
    assert "<i>" not in svg
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in svg


def test_a_figure_has_a_least_size_on_the_page_and_a_tall_one_a_page_of_its_own(tmp_path):
    text = build_report(
        write_run(tmp_path / "run", {"a": full_forest(np.random.default_rng(7)), "b": sample("gains")})
    ).read_text()
    assert re.findall(r"<svg (?:class=\"(\w+)\")?[^>]*max-width", text) == ["tall", ""]
    assert all(float(width) <= 418 for width in re.findall(r"<svg [^>]*min-width: (\d+)px", text))  # whole at 480 px


def test_numbers_beside_rows():
    assert [signed(x) for x in (0.031, -0.0004, -0.02, np.nan)] == ["+0.031", "0.000", "−0.020", "–"]
    assert with_interval(0.5, np.nan, 0.6) == "0.50"
    assert with_interval(np.nan, 0.4, 0.6) == "undefined"
    assert sample("confusion")["true"].values.tolist() == EMOTIONS
    assert set(decoding_samples.KINDS) == {"confusion", "holdouts", "scatter_groups", "forest", "saturation", "gains"}
