"""The study of emotion neurons on its twin: a small BERT in which neurons of attributes are needed, and one not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from planted_bert import N_FAMILY, N_LAYERS, N_NEURONS, Plant, write_planted_bert

from consona.core.errors import ConfigError, MissingData, ModelError
from consona.engine.config import Execution, from_mapping
from consona.engine.run import Run
from consona.report.html import build_report
from consona.studies.emotion_neurons import EmotionNeurons, silencing, sizes
from consona.studies.registry import STUDIES

SMALLEST_P = 1 / (1 + sizes.SIZES["quick"].n_masks)
SHARE = 1.2 * N_FAMILY / (N_LAYERS * N_NEURONS)


def conducted(folder, model, store, **settings):
    study = EmotionNeurons.demo().model_copy(update={"model": str(model), "share": SHARE, **settings})
    run = Run.create(study, Execution(store=str(store)), folder / "run")
    return {claim.id: claim for claim in run.conduct()}, run


@pytest.fixture(scope="module", autouse=True)
def fewer_comments():
    """Made-up comments repeat themselves, so that fewer of them teach as much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sizes.SIZES, "quick", replace(sizes.SIZES["quick"], n_train=24, n_dev=10))
        yield


def made(folder, *, carried, **settings):
    model = write_planted_bert(folder / "model", Plant(carried))
    return conducted(folder, model, folder / "store", **settings), folder


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return made(tmp_path_factory.mktemp("planted"), carried=True)


@pytest.fixture(scope="module")
def absent(tmp_path_factory):
    return made(tmp_path_factory.mktemp("absent"), carried=False, plant="none")


def test_neurons_that_follow_attributes_and_carry_the_output_are_found_and_needed(planted):
    (claims, run), _ = planted
    assert list(claims) == ["representation", "distinctness", "necessity", "human-link"]
    assert all(claim.synthetic for claim in claims.values())
    shown = claims["representation"]
    # a family of its own for every attribute, beside what passes by chance
    assert shown.effect > 0.05 + 0.5 * N_FAMILY / (N_LAYERS * N_NEURONS)
    assert shown.p == 0.01
    assert shown.controls["above an untrained twin of the model"].verdict == "held"
    assert claims["distinctness"].effect > 0
    needed = claims["necessity"]
    assert needed.effect > 0.5
    assert needed.p == pytest.approx(SMALLEST_P)
    assert claims["human-link"].effect > 0.4
    rsa, chosen = (run.results(name)[name] for name in ("rsa", "selected"))
    assert float(rsa["tau"].where(chosen).median()) > 0.7


def test_neurons_that_follow_attributes_and_carry_nothing_are_found_and_not_needed(absent):
    (claims, _), _ = absent
    assert claims["representation"].p == 0.01
    assert claims["necessity"].p > 0.3
    assert claims["necessity"].effect < 0.3
    for name in ("necessity", "human-link"):
        # nine draws cannot pass the correction for four claims, and the sentence says so
        assert claims[name].controls["Holm over the claims"].verdict == "not testable here"
        assert claims[name].statement.startswith("With 9 draws it cannot be tested here whether")


def test_every_control_of_the_study_is_answered_by_some_claim(planted):
    (claims, run), _ = planted
    assert {name for claim in claims.values() for name in claim.controls} == set(EmotionNeurons.controls)
    # two random masks allow no p, and there are no published tables of made-up people
    assert claims["necessity"].controls["zero in place of the mean"].verdict == "not testable here"
    assert claims["human-link"].controls["published tables"].verdict == "not testable here"
    checks = {each["code"]: each["outcome"] for each in json.loads((run.folder / "checks.json").read_text())["checks"]}
    assert "error" not in checks.values()
    assert checks["CON001"] == checks["CON002"] == checks["CON007"] == "passed"


def test_the_report_draws_every_figure(planted):
    (_, run), _ = planted
    page = build_report(run.folder).read_text()
    for title in (
        "What each attribute calls alike",
        "What the naive p does",
        "Where the neurons are",
        "Neurons that attributes share",
        "What silence costs",
        "Selected masks among random ones",
        "The more neurons, the more it costs?",
        "What attributes weigh for people",
        "What silence costs, and what attributes weigh for people",
        "Emotions of people and of the model",
        "Attributes in numbers",
        "Ways of silencing",
        "Random masks differ",
        "What else silence costs",
        "What the intact model tells",
        "Outlier units",
    ):
        assert f'aria-label="{title}"' in page or f". {title}." in page, title
    assert page.count("<svg") >= 10


def test_a_second_run_takes_everything_from_the_store(planted, tmp_path):
    (claims, _), folder = planted
    again, run = conducted(tmp_path, folder / "model", folder / "store")
    assert {name: claim.to_dict() for name, claim in again.items()} == {
        name: claim.to_dict() for name, claim in claims.items()
    }
    assert all(step.reused for step in run.manifest.steps)


def test_a_mask_under_which_the_model_gives_no_number_is_left_out(planted, tmp_path, monkeypatch):
    (whole, _), folder = planted
    calls = []

    def broken(cells, items, readouts):
        if not calls:  # the declared masks of the first attribute, the selected one first
            cells = cells.copy(deep=True)
            cells[0] = np.nan
        calls.append(cells)
        return graded(cells, items, readouts)

    graded = silencing.graded
    monkeypatch.setattr(silencing, "graded", broken)
    claims, run = conducted(tmp_path, folder / "model", folder / "store")
    row = run.results("figure-table-attributes")["figure-table-attributes"]
    assert np.isnan(row["loss beyond random"].values[0])
    assert np.isnan(row["p, largest of all"].values[0])
    assert np.isfinite(row["loss beyond random"].values[1:]).all()
    assert np.isnan(run.results("figure-drops")["figure-drops"]["value"].isel(attribute=0).values).all()
    assert np.isfinite(claims["necessity"].effect)
    assert claims["necessity"].effect != whole["necessity"].effect


def test_settings_that_are_wrong_are_said_by_name():
    for share in (0.0, 0.5, 2.0):
        with pytest.raises(ConfigError, match="share"):
            from_mapping({"study": "emotion-neurons", "science": {"share": share}}, STUDIES, where="file")
    with pytest.raises(ConfigError, match="readout"):
        from_mapping({"study": "emotion-neurons", "science": {"readout": "oracle"}}, STUDIES, where="file")


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match="There is no folder"):
        conducted(tmp_path, tmp_path / "nothing", tmp_path / "store")


@pytest.mark.parametrize("settings", [{"texts": "goemotions"}, {"concepts": "published"}])
def test_a_corpus_that_is_not_there_is_named(tmp_path, monkeypatch, settings):
    monkeypatch.delenv("CONSONA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingData, match="'(goemotions|emotion_concepts|model_emotion)'"):
        conducted(tmp_path, "minilm", tmp_path / "store", **settings)
