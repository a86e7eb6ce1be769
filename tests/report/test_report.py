"""The page: complete, in order, honest about what is missing, and nothing from a run can run in it."""

import re
from html.parser import HTMLParser

import pytest
import report_samples as samples
import xarray as xr
from report_samples import CHECKS, CLAIMS, DATASETS, SCRIPT, hostile_run, sample, write_run

from consona.core.errors import InvalidInput, MissingData, StoreError
from consona.report import build_report, methods, save_figures
from consona.report.methods import descriptions, summary_of
from consona.report.wording import day, duration, flat, number, p_value, typeset, whisker


class Page(HTMLParser):
    """Tags with their attributes, and the text, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page_of(folder):
    return Page(build_report(folder).read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "2026-11-22-9f3c1a"


def test_order_is_question_claims_checks_figures_threats_methods_provenance(folder):
    text = build_report(write_run(folder, {"a": sample("lines")})).read_text(encoding="utf-8")
    marks = [
        "<h1>",
        *(f'<section id="{name}">' for name in ("claims", "checks", "figures", "threats", "methods", "provenance")),
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_a_claim_shows_all_that_is_needed_to_doubt_it(folder):
    words = page_of(write_run(folder, {})).words
    for said in (
        CLAIMS[1]["statement"],
        "0.55",
        "r minus the mean of its null",
        "95 % interval 0.21 to 0.74, bootstrap over subjects",
        "p = 0.011 against classes permuted as blocks (nine class labels; all 362,880)",
        "n = 9 distinct class values of 28 clips",
        "none: human labels are the criterion",
        "did not hold new emotion p at most 0.05, whole emotion held out p = 0.21",
        "not testable here repetitions",
    ):
        assert said in words


def test_all_checks_are_shown_also_the_quiet_ones(folder):
    words = page_of(write_run(folder, {})).words
    assert "7 checks: 1 fired, 1 not applicable, 5 passed." in words
    for check in CHECKS:
        assert f"{check['code']} {check['title']} {check['outcome']} {check['message']}" in words


def test_threats_gather_what_spoke_against_the_claims(folder):
    words = page_of(write_run(folder, {})).words
    threats = words[words.index("What could still be wrong") : words.index("Methods")]
    assert "CON011 fired" in threats
    assert "Claim 1 has no ceiling" in threats
    assert "Claim 2, did not hold: new emotion (p = 0.21), given rated valence (0.051 against 0.200)." in threats
    assert "changes that no commit holds" in threats
    assert "13 of the 14 models" in threats


def test_synthetic_is_said_on_the_page_each_claim_and_each_figure(folder):
    twins = [claim | {"synthetic": True} for claim in CLAIMS]
    page = page_of(write_run(folder, {"a": sample("lines"), "b": sample("table")}, claims=twins))
    assert page.words.startswith(page.text[0].strip())
    assert "Synthetic data." in page.words
    assert sum(attrs.get("class") == "label" for _, attrs in page.tags) == len(twins) + 2
    assert "Synthetic data." not in page_of(write_run(folder.with_name("real"), {})).words


def test_a_synthetic_data_set_is_enough_for_the_label(folder):
    twin = DATASETS[0].model_copy(update={"synthetic": True})
    assert "Synthetic data." in page_of(write_run(folder, {}, datasets=(twin,))).words


def test_a_synthetic_data_set_behind_no_claim_is_named_and_labels_its_own_figures_only(folder):
    twin = DATASETS[1].model_copy(update={"synthetic": True, "name": "twin"})
    results = {"a": sample("lines"), "b": sample("table").assign_attrs(synthetic=1)}
    page = page_of(write_run(folder, results, datasets=(DATASETS[0], twin)))
    assert "Synthetic data." not in page.words
    assert "No claim rests on twin" in page.words
    assert "Synthetic, and behind no claim: twin." in page.words
    assert sum(attrs.get("class") == "label" for _, attrs in page.tags) == 1


def test_nothing_of_a_run_becomes_markup(folder):
    """F24: a script in a text, file name, label or model id is shown as text."""
    page = page_of(hostile_run(folder))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "foreignobject", "img"}
    assert [attrs for _, attrs in page.tags for name in attrs if name.startswith("on")] == []
    assert sum(tag == "style" for tag, _ in page.tags) == 1
    assert sum(tag == "title" for tag, _ in page.tags) == 1
    assert page.words.count("<script>alert(1)</script>") > 25
    assert "{{ 7*7 }}" in page.words


def test_policy_allows_no_script_and_nothing_is_fetched(folder):
    page = page_of(write_run(folder, {"a": sample("scalp")}))
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy
    links = [
        v for _, attrs in page.tags for k, v in attrs.items() if k in ("src", "href", "xlink:href", "srcset", "action")
    ]
    assert links
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert not re.search(r"url\((?!#)|@import", build_report(folder).read_text(encoding="utf-8"))


def test_the_same_run_gives_the_same_bytes(folder):
    first = build_report(write_run(folder)).read_bytes()
    assert build_report(folder).read_bytes() == first


def test_a_figure_that_cannot_be_drawn_says_so_and_keeps_its_numbers(folder):
    page = page_of(write_run(folder, {"a": sample("bars").rename(effect="size")}))
    assert "This figure could not be drawn: figure 'bars' has the variables" in page.words
    assert "axis projected out" in page.words


def test_an_unknown_kind_is_a_table(folder):
    words = page_of(write_run(folder, {"a": sample("table").assign_attrs(figure="sunburst")})).words
    assert "no drawing for figures of kind “sunburst”" in words
    assert "SST-2" in words


def test_results_without_a_figure_are_not_shown(folder):
    plain = xr.Dataset({"x": ("i", [1.0, 2.0])})
    assert "No result of this run names a figure." in page_of(write_run(folder, {"a": plain})).words


def test_missing_and_damaged_files_are_named_with_the_way_out(folder):
    with pytest.raises(MissingData, match="is no folder"):
        build_report(folder)
    write_run(folder, {"a": sample("lines")})
    result = folder / "results" / "a.nc"
    whole = result.read_bytes()
    result.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=r"a\.nc' cannot be opened.*consona resume"):
        build_report(folder)
    result.unlink()
    with pytest.raises(MissingData, match="a.nc' of step 'controls' is gone.*consona resume"):
        build_report(folder)
    result.write_bytes(whole)
    (folder / "claims.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"claims\.json' has not the form of schema version 1"):
        build_report(folder)
    (folder / "claims.json").unlink()
    (folder / "checks.json").unlink()
    with pytest.raises(MissingData, match=r"no claims\.json and no checks\.json"):
        build_report(folder)


def test_a_manifest_cannot_point_outside_the_run(folder, tmp_path):
    write_run(folder, {"a": sample("lines")})
    manifest = (folder / "manifest.json").read_text(encoding="utf-8").replace("results/a.nc", "results/../../a.nc")
    (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(InvalidInput, match="outside the run folder"):
        build_report(folder)


def test_files_are_numbered_as_in_the_report_and_tables_are_csv(folder, tmp_path):
    results = {
        "figure-9-a": sample("lines"),
        "t": sample("table"),
        "b c": sample("roc"),
        "figure-12b-u": sample("table"),
    }
    written = save_figures(write_run(folder, results), tmp_path / "figures")
    assert [path.name for path in written] == [
        "figure-01-a.svg", "figure-01-a.pdf", "table-01-t.csv", "figure-02-b-c.svg", "figure-02-b-c.pdf",
        "table-02-u.csv",
    ]  # fmt: skip
    words = page_of(folder).words
    places = [words.index(f"{label}. ") for label in ("Figure 1", "Table 1", "Figure 2", "Table 2")]
    assert places == sorted(places)
    assert all(path.stat().st_size > 2000 for path in written if path.suffix != ".csv")
    assert written[1].read_bytes().startswith(b"%PDF")
    assert written[2].read_text(encoding="utf-8").splitlines()[:2] == ["corpus,AUC,Pearson,texts", "SST-2,0.8123,,872"]


def test_settings_are_described_by_the_comments_of_the_study_file():
    found = descriptions(samples.TOML + "# What it costs.\nthreads = 1\n")
    assert found["layer"] == "Block to read, from the end."
    assert set(found) == {"model", "layer", "recipe", "seed"}


def test_methods_are_the_first_lines_of_docstrings_without_an_import():
    assert summary_of("consona.report.wording.duration") == "0.04 s, 12 s, 3 min 05 s, 2 h 10 min."
    assert summary_of("consona.report.read.Material.synthetic").startswith("Whether anything in this run was planted")
    assert summary_of("__main__.conduct") == summary_of("no_such.module.f") == summary_of(SCRIPT) == ""


def test_numbers_in_words():
    assert [number(x) for x in (0.808, -0.05, 0.0, 3.4e-7, 12, 362880, float("nan"), None, "x")] == [
        "0.81", "−0.050", "0.00", "3.4 × 10⁻⁷", "12", "362,880", "—", "—", "x",
    ]  # fmt: skip
    values = (0.41, 0.0113, 0.00168, 2.755e-6, 1.0)
    said = ["p = 0.41", "p = 0.011", "p = 0.0017", "p = 2.8 × 10⁻⁶", "p = 1"]
    assert [p_value(p) for p in values] == said
    assert p_value(None) == "p undefined"
    assert [duration(s) for s in (0.03, 3.2, 74, 7830)] == ["0.03 s", "3.2 s", "1 min 14 s", "2 h 10 min"]
    assert day("2026-11-22T17:24:10+01:00") == "22 November 2026, 16:24 UTC"
    assert flat({"a": {"b": [1, -2]}, "c": [{"d": None}]}) == [("a.b", "1, −2"), ("c 1.d", "—")]


def test_the_strip_beside_an_effect_measures_an_auc_from_one_half():
    text, eeg = samples.ClaimsFile(study="s", run="r", question="q", claims=CLAIMS).claims
    assert whisker(text)["label"] == "0.5"
    marks = whisker(eeg)
    assert marks["none"] < marks["low"] < marks["effect"] < marks["high"] == 192.0
    assert whisker(eeg.model_copy(update={"interval": None})) is None


def test_the_strip_measures_from_the_chance_that_a_unit_names():
    (eeg,) = samples.ClaimsFile(study="s", run="r", question="q", claims=CLAIMS[1:]).claims
    said = {
        "two-way identification (chance 0.5) of objects": "0.5",
        "balanced accuracy of nine classes (chance is .111)": "0.111",
        "balanced accuracy (1/9 is chance)": "0.111",
        "balanced accuracy above chance 0.111": "0",
        "area under the ROC curve": "0.5",
        "r, chance 1/0": "0",
    }
    assert {unit: whisker(eeg.model_copy(update={"unit": unit}))["label"] for unit in said} == said


def test_a_reader_of_the_methods_sees_no_markup_of_docstrings(monkeypatch):
    first = "As :func:`~a.b.c`, with :class:`x.Y`, :py:meth:`its title <q.r>` and ``code`` of `this`."
    monkeypatch.setattr(methods, "_source", lambda module: f'def f():\n    """{first}\n\n    More.\n    """\n')
    assert summary_of.__wrapped__("consona.made_up.f") == "As c, with x.Y, its title and code of this."


def test_what_a_study_wrote_is_typeset_where_it_is_shown(folder):
    assert typeset("p = 2.8e-06") == "p = 2.8 × 10⁻⁶"
    assert typeset("0.990 against -0.304 (p = 0.6).") == "0.990 against −0.304 (p = 0.60)."
    assert typeset("3e-05 at layer=-4, 1-2, 2026-11-22, map = 2") == "3.0 × 10⁻⁵ at layer=-4, 1-2, 2026-11-22, map = 2"
    assert typeset("p = nan") == "p = nan"
    claim = {**CLAIMS[1], "controls": {"own": {"verdict": "did not hold", "rule": "r", "value": "-0.2, p = 5.5e-06"}}}
    assert page_of(write_run(folder, {}, claims=[claim])).words.count("−0.2, p = 5.5 × 10⁻⁶") == 2
