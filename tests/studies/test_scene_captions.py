"""The study of scene captions on small made-up people: what is planted is found, what is not is not claimed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_sentence_model import write_small_sentence_model

from consona.core.errors import ConfigError, InvalidInput, MissingData
from consona.datasets.scenes import render_scenes
from consona.engine.config import Execution, from_mapping
from consona.engine.run import Run
from consona.report.html import build_report
from consona.studies.registry import STUDIES
from consona.studies.scene_captions import SceneCaptions, figures, sizes
from consona.studies.scene_captions.names import CONTROLS

UNTESTED, HELD = "not testable here", "held"
SMALL = replace(
    sizes.SIZES["quick"],
    n_subjects=8,
    n_images=100,
    n_shared=50,
    sessions=(3,) * 8,
    n_vertices=162,
    n_set=50,
    n_scenes=60,
    n_seeds=1,
    n_epochs=1,
    n_dictionary=60,
    n_permutations=19,
)
FEWER = replace(SMALL, n_subjects=2, n_images=60, n_shared=20, sessions=(2, 2), n_set=20)


@pytest.fixture(scope="module", autouse=True)
def small():
    """The quick size is smaller still."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sizes.SIZES, "quick", SMALL)
        yield patch


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_small_sentence_model(tmp_path_factory.mktemp("model")))


def conducted(folder, store, model, **settings):
    study = SceneCaptions.demo().model_copy(update={"model": model, "networks": False, **settings})
    run = Run.create(study, Execution(store=str(store)), folder / "run")
    return {claim.id: claim for claim in run.conduct()}, run


@pytest.fixture(scope="module")
def planted(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("planted")
    return *conducted(folder, folder / "store", model), folder / "store"


def test_captions_that_are_planted_are_found(planted):
    claims, _, _ = planted
    assert list(claims) == ["captions", "selectivity", "read-out", "networks"]
    assert all(claim.synthetic for claim in claims.values())
    assert claims["captions"].effect > 0
    assert claims["captions"].controls["above categories"].verdict == HELD
    # eight people: no two-sided p lies below 2 / 256
    for name in ("selectivity", "read-out"):
        assert claims[name].interval.low > 0
        assert claims[name].p == pytest.approx(2 / 2**8)
        assert claims[name].controls["Holm over the claims"].verdict == HELD
    assert claims["read-out"].statement == "Captions are read out of visual cortex above chance."
    assert claims["read-out"].controls["beyond categories"].verdict == HELD
    assert claims["networks"].statement.startswith("It cannot be tested here whether networks")


def test_every_control_has_a_verdict_and_no_check_finds_an_error(planted):
    claims, run, _ = planted
    assert (
        {name for claim in claims.values() for name in claim.controls} == set(CONTROLS) == set(SceneCaptions.controls)
    )
    assert all(verdict.rule for claim in claims.values() for verdict in claim.controls.values())
    checks = {each["code"]: each["outcome"] for each in json.loads((run.folder / "checks.json").read_text())["checks"]}
    assert set(SceneCaptions.checks) <= set(checks)
    assert "error" not in checks.values()
    assert checks["CON001"] == checks["CON007"] == "passed"


def test_the_report_says_every_claim(planted):
    claims, run, _ = planted
    page = build_report(run.folder).read_text()
    for claim in claims.values():
        assert claim.statement in page
    for title in ("Captions that were read out", "Networks on scenes they never saw"):  # without networks, no images
        assert title not in page
    assert page.count("<svg") >= 5


def test_a_second_run_takes_everything_from_the_store(planted, tmp_path, model):
    claims, _, store = planted
    again, run = conducted(tmp_path, store, model)
    assert {name: claim.to_dict() for name, claim in again.items()} == {
        name: claim.to_dict() for name, claim in claims.items()
    }
    assert all(step.reused for step in run.manifest.steps)


@pytest.fixture
def fewer(small, monkeypatch):
    """Two people, for what needs no tests over people; figures have their own tests."""
    monkeypatch.setitem(sizes.SIZES, "quick", FEWER)
    monkeypatch.setattr(figures, "draw", lambda study, run, parts: None)


@pytest.mark.slow
def test_captions_that_are_not_planted_are_not_found(tmp_path, model, monkeypatch):
    monkeypatch.setattr(figures, "draw", lambda study, run, parts: None)
    claims, run = conducted(tmp_path, tmp_path / "store", model, plant="none")
    for name in ("captions", "selectivity", "read-out"):
        assert claims[name].p > 0.05
        assert claims[name].statement.startswith("It was not shown that ")
    assert abs(claims["read-out"].effect) < 0.1
    assert run.results("between-subjects")


@pytest.mark.slow
def test_networks_that_know_no_more_than_the_mean_are_not_compared(fewer, tmp_path, model):
    claims, _ = conducted(tmp_path, tmp_path / "store", model, networks=True)
    said = claims["networks"]
    assert said.p is None
    assert said.statement.startswith("It cannot be tested here whether")
    assert "no more of new scenes than the mean vector" in str(said.ceiling)
    assert {each.verdict for each in said.controls.values()} == {UNTESTED}


N_OWN = 40


@pytest.fixture
def own(tmp_path):
    """Responses of two people to the same scenes, whose captions are in a table; settings by name."""
    scenes, _ = render_scenes(N_OWN, seed=3)
    lines = ["stimulus,caption1,caption2"]
    lines += [f'{name},"{texts[0]}","{texts[1]}"' for name, texts in scenes.table["text"].items()]
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n")
    rng = np.random.default_rng(0)
    for who in ("ann", "bob"):
        np.save(tmp_path / f"{who}.npy", rng.standard_normal((N_OWN, 12)).astype(np.float32))
        (tmp_path / f"{who}.csv").write_text("\n".join(["stimulus", *scenes.ids]) + "\n")
    (tmp_path / "regions.csv").write_text("\n".join(["roi", *(["lateral"] * 6 + ["ventral"] * 6)]) + "\n")
    return tmp_path


def settings_of(folder):
    return {
        "brain": "own",
        "responses": {who: str(folder / f"{who}.npy") for who in ("ann", "bob")},
        "images_table": str(folder / "images.csv"),
        "regions_table": str(folder / "regions.csv"),
    }


def test_own_images_and_responses(fewer, own, model, monkeypatch):
    monkeypatch.delenv("CONSONA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))
    claims, run = conducted(own, own / "store", model, **settings_of(own))
    assert not any(claim.synthetic for claim in claims.values())
    for name in ("captions", "selectivity", "read-out"):
        # two people: no p below 1/2
        assert claims[name].statement.startswith("With 4 draws it cannot be tested here whether")
    assert claims["captions"].controls["above categories"].value == "these images have no categories"
    assert claims["networks"].p is None
    assert any("captions of COCO" in each for each in run.manifest.notes)


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def without_caption(own):
    row = (own / "images.csv").read_text().splitlines()[3]
    change(own / "images.csv", row, f"{row.split(',')[0]},,")


def unknown_image(own):
    change(own / "bob.csv", "scene00004", "scene99999")


def too_few_rows(own):
    np.save(own / "ann.npy", np.zeros((N_OWN - 1, 12), dtype=np.float32))


def transposed(own):
    np.save(own / "ann.npy", np.zeros((12, N_OWN), dtype=np.float32))


def no_ids(own):
    (own / "bob.csv").unlink()


def no_images(own):
    (own / "images.csv").unlink()


def too_few_targets(own):
    (own / "regions.csv").write_text("roi\nlateral\n")


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (without_caption, InvalidInput, r"images\.csv: rows '3' have no caption"),
        (unknown_image, InvalidInput, r"bob\.npy: rows '5' show images without a caption .* 'scene99999'"),
        (too_few_rows, InvalidInput, r"ann\.npy has the shape \(39, 12\) .* names 40 rows"),
        (transposed, InvalidInput, r"ann\.npy has the shape \(12, 40\) .* names 40 rows"),
        (no_ids, InvalidInput, r"bob\.npy carries no ids"),
        (no_images, MissingData, r"images\.csv does not exist; expected images"),
        (too_few_targets, InvalidInput, r"regions\.csv names 1 targets; the recording has 12"),
    ],
)
def test_own_files_that_do_not_fit_are_said(own, tmp_path, model, spoil, error, said):
    spoil(own)
    with pytest.raises(error, match=said):
        conducted(tmp_path, tmp_path / "store", model, **settings_of(own))


def test_own_data_without_files_are_refused(tmp_path, model):
    with pytest.raises(ConfigError, match="needs both"):
        conducted(tmp_path, tmp_path / "store", model, brain="own")


def test_settings_that_are_wrong_are_said_by_name():
    for name, value in {"mode": "papr", "brain": "nds", "radius_mm": -1, "plant": "words"}.items():
        with pytest.raises(ConfigError, match=name):
            from_mapping({"study": "scene-captions", "science": {name: value}}, STUDIES, where="file")


@pytest.mark.parametrize("brain", ["nsd", "algonauts", "images92", "objects81"])
def test_a_corpus_that_is_not_there_is_named(tmp_path, monkeypatch, model, brain):
    monkeypatch.delenv("CONSONA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingData, match="'(nsd|algonauts|rsa92|objects81)'"):
        conducted(tmp_path, tmp_path / "store", model, brain=brain)


@pytest.mark.data
def test_the_92_photographs(fewer, data_folder, tmp_path, model, monkeypatch):
    monkeypatch.setattr("consona.studies.scene_captions.images92.N_DRAWS", 20)
    claims, run = conducted(tmp_path, tmp_path / "store", model, brain="images92")
    assert not any(claim.synthetic for claim in claims.values())
    assert claims["captions"].n == 92
    assert np.isfinite(claims["captions"].effect)
    for name in ("selectivity", "read-out", "networks"):
        assert claims[name].p is None
    assert {name for claim in claims.values() for name in claim.controls} == set(CONTROLS)
    assert "92 photographs and human IT" in build_report(run.folder).read_text()


@pytest.mark.data
def test_the_81_categories(fewer, data_folder, tmp_path, model, monkeypatch):
    monkeypatch.setattr("consona.studies.scene_captions.objects81.N_EXCHANGED", 4)
    monkeypatch.setattr("consona.studies.scene_captions.objects81.by_region", lambda each: {"all regions": each})
    claims, run = conducted(tmp_path, tmp_path / "store", model, brain="objects81")
    assert claims["read-out"].effect > 0.05
    assert claims["read-out"].p == pytest.approx(1 / 20)
    assert claims["captions"].p is claims["networks"].p is None
    assert {name for claim in claims.values() for name in claim.controls} == set(CONTROLS)
    assert build_report(run.folder).is_file()
