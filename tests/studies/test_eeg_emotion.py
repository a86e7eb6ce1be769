"""The study of decoders on its twin: planted valence carries to new clips, recognised clips and noise do not."""

import json

import pytest

from consona.core.errors import ConfigError, InvalidInput
from consona.engine.config import Execution, from_mapping
from consona.engine.run import Run
from consona.report.html import build_report
from consona.studies.eeg_emotion import EEGEmotion, names
from consona.studies.registry import STUDIES
from consona.training import recipe

SMALL = {"regimes": ("plain",), "strategies": ("EEG-AUX MSE .5",), "other": "none", "n_orders": 199}


def conducted(folder, store=None, **settings):
    study = EEGEmotion.demo().model_copy(update=settings)
    run = Run.create(study, Execution(store=str(store or folder / "store")), folder / "run")
    return {claim.id: claim for claim in run.conduct()}, run


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return conducted(tmp_path_factory.mktemp("planted"))


def test_planted_valence_is_decoded_in_new_clips_and_found_in_the_networks(planted):
    claims, _ = planted
    assert list(claims) == ["decoding-new-clips", "rediscovery", "harm", "saturation", "ensemble-gain"]
    decoding, found = claims["decoding-new-clips"], claims["rediscovery"]
    assert decoding.effect > 1.5 / 9
    assert decoding.controls["Holm over the claims"].verdict == "held"
    assert decoding.controls["fitted again under every order"].verdict == "held"
    assert found.controls["Holm over the claims"].verdict == "held"
    assert all(claim.synthetic for claim in claims.values())


def test_every_control_of_the_study_is_answered_by_some_claim(planted):
    claims, run = planted
    answered = {name for claim in claims.values() for name in claim.controls}
    assert answered == set(EEGEmotion.controls)
    # one network has nothing between architectures, and two folds are no sample of folds
    assert claims["rediscovery"].controls["architecture and regime taken out"].verdict == "not testable here"
    assert claims["harm"].controls["folds as units"].verdict == "not testable here"
    checks = {each["code"]: each["outcome"] for each in json.loads((run.folder / "checks.json").read_text())["checks"]}
    assert "error" not in checks.values()
    assert checks["CON001"] == "passed"
    assert checks["CON011"] == "fired"  # new people see the clips of the training


def test_the_report_draws_every_figure(planted):
    _, run = planted
    page = build_report(run.folder).read_text()
    for title in (
        "Accuracy by what is new at test",
        "What is taken for what",
        "Does an axis found go with accuracy?",
        "Training on the axis",
        "Does supervision stop to help?",
        "What pools gain",
        "The axis in another corpus",
    ):
        assert title in page
    assert page.count("<svg") >= 7


def test_clips_without_valence_are_recognised_in_new_people_and_not_decoded_when_new(tmp_path):
    claims, run = conducted(tmp_path, plant="clip", strength=1.5, **SMALL)
    decoding = claims["decoding-new-clips"]
    assert decoding.controls["Holm over the claims"].verdict == "did not hold"
    assert "not reliably" in decoding.statement
    # with nine single clips to tell apart, recognition is easier than with 28 in nine classes
    assert decoding.controls["one clip per emotion"].verdict == "did not hold"
    known = run.results("score-new-people")["score-new-people"]
    assert known.attrs["mean"][0] > 2 / 9


def test_noise_gives_no_claim_and_a_second_run_takes_everything_from_the_store(tmp_path):
    claims, _ = conducted(tmp_path / "one", tmp_path / "store", plant="none", **SMALL)
    for claim in claims.values():
        assert claim.controls["Holm over the claims"].verdict != "held", claim.id
    again, run = conducted(tmp_path / "two", tmp_path / "store", plant="none", **SMALL)
    # a p that is undefined is not equal to itself
    assert {name: claim.to_dict() for name, claim in again.items()} == {
        n: claim.to_dict() for n, claim in claims.items()
    }
    assert all(step.reused for step in run.manifest.steps)


def test_settings_that_are_wrong_are_said_by_name():
    with pytest.raises(ConfigError, match="there is no strategy RSA 2"):
        from_mapping({"study": "eeg-emotion", "science": {"strategies": ["RSA 2"]}}, STUDIES, where="file")
    with pytest.raises(ConfigError, match="networks"):
        from_mapping({"study": "eeg-emotion", "science": {"networks": []}}, STUDIES, where="file")


def test_too_few_people_are_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(InvalidInput, match="There are 11 subjects; 2 folds of people"):
        conducted(tmp_path, n_subjects=11)


def test_the_settings_know_the_networks_that_there_are():
    assert tuple(names.NETWORKS) == recipe.NETWORKS
    for size in ("full", "paper", "quick"):
        assert EEGEmotion(size=size).plan()[0].n_shards == 18 * EEGEmotion(size=size).counts.n_seeds
