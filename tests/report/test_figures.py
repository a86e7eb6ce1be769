"""Every kind of figure: drawn, readable as XML, the same bytes twice, whatever is missing, whatever a label says."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import report_samples as samples
import xarray as xr
from decoding_samples import scalp_importance
from report_samples import sample

from consona.core.errors import InvalidInput
from consona.report import figures_scalp
from consona.report.drawing import house_style
from consona.report.figures import KINDS, figure_file, figure_svg
from consona.report.palette import CLASSES, PAPER, class_styles, themed
from consona.report.tables import MOST_ROWS, frames_of, tables_of

HOSTILE = '</text><script>alert(1)</script> $\\frac{1}{0}$ & "x" 😀 \x00 שלום'


def texts(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_every_kind_of_the_contract_has_a_drawing_or_is_a_table():
    assert set(samples.KINDS) == set(KINDS) | {"table"}


@pytest.mark.parametrize("kind", KINDS)
def test_same_numbers_same_bytes(kind):
    assert figure_svg(sample(kind)) == figure_svg(sample(kind))
    for suffix in ("svg", "pdf"):
        assert figure_file(sample(kind), suffix=suffix) == figure_file(sample(kind), suffix=suffix)


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_page_every_ink_follows_the_theme_and_in_a_file_none_does(kind):
    page, file = figure_svg(sample(kind)), figure_file(sample(kind), suffix="svg").decode()
    assert "var(--" not in file
    for light, _ in themed().values():
        assert page.count(light) == page.count(f", {light})")


@pytest.mark.parametrize("kind", KINDS)
def test_undefined_values_leave_a_gap_not_a_crash(kind):
    data = sample(kind)
    numbers = [name for name, each in data.data_vars.items() if each.dtype.kind == "f"]
    some = data.copy(deep=True)
    for name in numbers:
        some[name][(0,) * some[name].ndim] = np.nan
    assert figure_svg(some).startswith("<svg")
    none = data.copy(deep=True)
    for name in numbers:
        none[name][...] = np.nan
    assert "nan" not in re.sub(r'"data:[^"]*"', "", figure_svg(none)).lower()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_label_is_only_text(kind):
    data = sample(kind)
    named = [name for name, each in data.coords.items() if each.dtype.kind in "UO"]
    for name in named:
        labels = data[name].values.astype(object)
        labels[0] = HOSTILE
        data = data.assign_coords({name: (data[name].dims, labels)})
    data = data.assign_attrs(xlabel=HOSTILE, ylabel=HOSTILE, label=HOSTILE)
    for svg in (figure_svg(data, name=HOSTILE), figure_file(data, suffix="svg", name=HOSTILE).decode()):
        assert "<script" not in svg
        assert any("</text><script>alert(1)</script>" in (text or "") for text in texts(svg))


def test_ids_of_two_figures_on_one_page_differ():
    ids = [set(re.findall(r' id="([^"]+)"', figure_svg(sample("roc"), name=name))) for name in ("a", "b")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_what_is_missing_is_named():
    with pytest.raises(InvalidInput, match=r"expected 'auc' over \('corpus',\)"):
        figure_svg(sample("roc").drop_vars("auc"))
    with pytest.raises(InvalidInput, match=r"'r' of figure 'scalp' has dimensions \('channel', 'time'\)"):
        figure_svg(sample("scalp").rename(band="time"))
    with pytest.raises(InvalidInput, match="nothing along subject"):
        figure_svg(sample("subjects").isel(subject=slice(0)))
    with pytest.raises(InvalidInput, match="no drawing for figures of kind 'table'"):
        figure_svg(sample("table"))
    with pytest.raises(InvalidInput, match="svg or pdf, not as 'png'"):
        figure_file(sample("roc"), suffix="png")


def test_null_may_come_as_a_histogram():
    data = sample("clip_scatter")
    counts, edges = np.histogram(data["null"], bins=np.linspace(-1, 1, 61))
    binned = data.drop_vars("null").assign(null_counts=("bin", counts), null_edges=("edge", edges))
    assert any("mean of the null 0.02" in (text or "") for text in texts(figure_svg(binned)))
    assert figure_svg(binned) == figure_svg(data)


def test_heads_leave_out_references_and_say_how_many_cells_pass():
    pytest.importorskip("mne")
    shown = figure_svg(sample("scalp"))
    passed = int((sample("scalp")["p_max"].values <= 0.05).sum())
    told = f"{passed} of 160 cells pass the maximum statistic (p ≤ 0.05, ringed). Not on these heads: A2, A1."
    assert told in texts(shown)
    assert shown.count("<image") >= 5


def test_importance_of_every_cell_is_a_scalp_map_of_the_thirty_two_channels():
    pytest.importorskip("mne")
    shown = texts(figure_svg(scalp_importance(np.random.default_rng(7))))
    assert {"gamma", "loss of accuracy"} <= set(shown)
    assert any("Not on these heads: A2, A1." in text for text in shown)


def test_scalp_without_mne_is_a_grid_with_a_note(monkeypatch):
    monkeypatch.setattr(figures_scalp, "_montage", lambda: None)
    shown = texts(figure_svg(sample("scalp")))
    assert "PO3" in shown
    assert any("heads need MNE" in (text or "") for text in shown)


def test_classes_of_a_valence_share_a_family_and_no_two_of_the_nine_look_alike():
    styles = class_styles(samples.EMOTIONS, samples.CODE)
    assert len(set(styles.values())) == len(CLASSES) == 9
    own = class_styles(["dread", "glee", "calm"], [-1, 1, 0])
    negative, positive = (
        {CLASSES[name.lower()][0] for name in group} for group in (samples.EMOTIONS[:4], samples.EMOTIONS[5:])
    )
    assert own["dread"][0] in negative
    assert own["glee"][0] in positive
    assert own["calm"] == CLASSES["neutral"][::2]
    assert class_styles(samples.EMOTIONS) == styles
    assert len(set(class_styles(["dread", "Joy", "glee"]).values())) == 3


def test_bars_begin_where_there_is_no_effect():
    auc = sample("bars").assign_attrs(reference=0.5) + 0.5
    moved = auc.assign_attrs(sample("bars").attrs | {"reference": 0.5})
    filled = re.compile(r'<path d="([^"]+)" clip-path="[^"]+" style="fill: #2a5c9e')
    bars = [filled.findall(figure_file(each, suffix="svg").decode()) for each in (sample("bars"), moved)]
    assert len(bars[0]) == len(bars[1]) == 4
    widths = [[float(path.split()[4]) - float(path.split()[1]) for path in each] for each in bars]
    assert np.sign(widths[0]).tolist() == np.sign(widths[1]).tolist() == [-1, -1, 1, 1]


def luminance(colour):
    share = np.array(list(bytes.fromhex(colour[1:]))) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("theme", [0, 1])
def test_text_inks_reach_the_contrast_of_wcag_aa(theme):
    inks = {name: pair[theme] for name, pair in themed().items()}
    paper = luminance(inks["paper"])
    for name, least in ({"ink": 7.0, "muted": 4.5} | {f"series-{i}": 3.0 for i in range(6)}).items():
        low, high = sorted([paper, luminance(inks[name])])
        assert (high + 0.05) / (low + 0.05) >= least, name


def test_tables_keep_words_before_numbers_and_say_what_was_left_out():
    table = tables_of(sample("table"))[0]
    assert table.head == ("corpus", "texts", "AUC", "Pearson")
    assert table.rows[0] == ("SST-2", "872", "0.81", "—")
    stored = xr.Dataset(
        {name: ("label", [0.5]) for name in ("high", "low", "null_mean", "p_iid", "r")}, {"label": ["x"]}
    )
    assert tables_of(stored)[0].head == ("", "r", "null mean", "low", "high", "p iid")
    chosen = stored.assign_attrs(columns=["p_iid", "low"])
    assert tables_of(chosen)[0].head == ("", "p iid", "low", "r", "null mean", "high")
    long = sample("subjects")
    assert tables_of(long)[0].left_out == 4 * 123 - MOST_ROWS


def test_drawing_changes_no_setting_and_needs_no_torch():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import matplotlib; before = dict(matplotlib.rcParams);"
        "from report_samples import sample; from consona.report.figures import figure_svg;"
        "figure_svg(sample('lines')); assert dict(matplotlib.rcParams) == before; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, samples.__file__.rsplit("/", 1)[0]], check=True, timeout=120)


def test_paper_is_the_page():
    assert themed()["paper"][0] == PAPER


def test_every_dot_of_the_hold_outs_is_inside_its_panel():
    """A panel that shares its axis with others once cut off the dots of later panels."""
    data = sample("hold_outs")
    data["r"][2] = 1.0
    with house_style("x"):
        figure = KINDS["hold_outs"](data)
    bottom, top = figure.axes[2].get_ylim()
    dots = [line.get_ydata()[0] for line in figure.axes[2].lines if line.get_marker() == "o"]
    assert dots == [1.0] * 4
    assert bottom < -0.48
    assert top > 1.0


def test_counts_and_codes_that_a_file_keeps_as_floats_have_no_decimals():
    data = sample("axis_profile")
    counted = data.assign(n_texts=("emotion", np.full(data.sizes["emotion"], 51.0)))
    counted["n_texts"][0] = np.nan
    table = tables_of(counted.assign_coords(valence_code=data["valence_code"].astype(float)))[0]
    shown = {name: {row[k] for row in table.rows} for k, name in enumerate(table.head)}
    assert shown["n texts"] == {"51", "—"}
    assert shown["valence code"] == {"−1", "0", "1"}


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_drawn_is_in_the_numbers_behind_it(kind):
    data = sample(kind)
    frames = frames_of(data)
    for name, each in data.data_vars.items():
        if "colour" in each.dims:
            assert not any(name in frame.columns for frame in frames)
            continue
        (frame,) = [frame for frame in frames if name in frame.columns]
        told = [place for place in each.coords if place in frame.columns]  # a name may stand in two groups
        if told:
            shown = frame.drop_duplicates(told) if {*each.dims} <= {*told} else frame
        else:
            shown = frame if each.dims else frame.drop_duplicates(name)  # one number stands in every row
        defined = each.values[~pd.isna(each.values)]
        assert sorted(shown[name].dropna()) == sorted(defined.tolist())


def test_numbers_of_a_sweep_are_read_by_treatment_and_layer_and_those_of_a_histogram_by_bin():
    sweep = sample("layer_sweep")[["score"]]
    massive = xr.Dataset({"n_massive": ("layer", np.arange(sweep.sizes["layer"]))})
    frame = frames_of(massive.merge(sweep))[0]
    assert list(frame.columns) == ["treatment", "layer", "score", "n_massive"]
    assert frame["score"].tolist() == sweep["score"].values.ravel().tolist()
    assert tables_of(sample("hold_outs"))[0].head[2:] == ("r", "null mean", "null low", "null high", "p")
    binned = sample("clip_scatter").drop_vars("null")
    binned = binned.assign(null_counts=("bin", [3, 1]), null_edges=("edge", [-1.0, 0.0, 1.0]))
    assert tables_of(binned)[1].rows == (("−1", "0", "3"), ("0", "1", "1"))


def test_a_line_exactly_under_another_is_still_seen():
    """Solid below broken, small and filled below large and open: three equal series show three strokes."""
    data = sample("lines")
    data["y"][:] = data["y"].values[0]
    with house_style("x"):
        drawn = [line for line in KINDS["lines"](data).axes[0].lines if len(line.get_xdata()) == data.sizes["x"]]
    assert len(drawn) == data.sizes["series"] == 3
    assert [line.get_linestyle() for line in drawn] == ["-", "--", "--"]
    assert [line.get_markerfacecolor() == "none" for line in drawn] == [False, True, True]
    sizes = [line.get_markersize() for line in drawn]
    assert sizes == sorted(set(sizes))
