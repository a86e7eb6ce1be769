"""The study of guided reasoning on made-up people: everything once with planted answers, predictivity without them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from consona.core.errors import ConfigError, InvalidInput
from consona.engine.config import Execution, from_mapping
from consona.engine.run import Run
from consona.report.html import build_report
from consona.studies.guided_reasoning import GuidedReasoning, answering, material, sizes, steering, tuning
from consona.studies.registry import STUDIES

IDS = ["alignment", "guidance", "transfer", "tuning", "gain"]
FEW = {"n_draws": 50, "n_permuted": 3, "n_seeds": 1, "epochs": 5, "n_test": 20, "n_twins": 1, "n_made_up": 24}


@pytest.fixture(scope="module", autouse=True)
def smaller():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sizes.SIZES, "quick", replace(sizes.SIZES["quick"], **FEW))
        patch.setattr(material, "GENERATED", [material.GENERATED[i] for i in (0, 1, 4, 8, 9)])
        patch.setattr(answering, "GENERATED", material.GENERATED)
        patch.setattr(steering, "THREE", ("syllogism, 3 premises",))
        patch.setattr(steering, "STRENGTHS", (0.5, 1.0))
        patch.setattr(steering, "N_RANDOM", 2)
        patch.setattr(steering, "N_NEUTRAL", 3)
        patch.setattr(tuning, "N_NEUTRAL", 3)
        yield


def conducted(folder, **settings):
    study = GuidedReasoning.demo().model_copy(update={"twins": False, **settings})
    run = Run.create(study, Execution(store=str(folder / "store")), folder / "run")
    return {claim.id: claim for claim in run.conduct()}, run


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return conducted(tmp_path_factory.mktemp("planted"))


def test_brains_that_hold_states_are_predicted_beyond_trivial_features(planted):
    """19 orders end at .05; the model knows what was planted, its untrained twin does not."""
    claim = planted[0]["alignment"]
    assert claim.synthetic
    assert claim.p == pytest.approx(0.05)
    assert claim.interval.low > 0
    assert claim.controls["above an untrained twin of the model"].verdict == "held"


def test_brains_that_hold_nothing_are_not(tmp_path):
    claims, _ = conducted(tmp_path, plant="none", steering=False, tuning=False)
    claim = claims["alignment"]
    assert claims["gain"].effect != claims["gain"].effect  # NaN: left out by the settings
    assert claim.p > 0.05
    assert claim.interval.low < 0 < claim.interval.high


def test_every_claim_names_its_controls_and_says_where_draws_are_too_few(planted):
    claims, _ = planted
    assert list(claims) == IDS
    for name in IDS[1:]:
        assert claims[name].statement.startswith(("With ", "It cannot be tested"))
        assert claims[name].controls["Holm over the claims"].verdict == "not testable here"
    written = {each for claim in claims.values() for each in claim.controls}
    assert written == set(GuidedReasoning.controls)


def test_the_report_shows_trivial_features_flips_doses_arms_and_transfer(planted):
    _, run = planted
    page = build_report(run.folder).read_text()
    for title in ("Trivial features first", "Answers that guidance turns", "Where tuning helps", "Arms, audited"):
        assert title in page
    checks = json.loads((run.folder / "checks.json").read_text())["checks"]
    assert not [each for each in checks if each["outcome"] == "error"]


def test_directions_and_adapters_are_written_with_a_card(planted):
    folder = planted[1].folder / "exports"
    card = (folder / "README.md").read_text()
    assert planted[0]["guidance"].statement in card
    assert load_file(folder / "adapter" / "adapter_model.safetensors")
    for path in folder.glob("directions-*.safetensors"):
        assert all(np.isfinite(each).all() for each in load_file(path).values())
        assert path.name in card


def test_a_model_that_reads_both_ways_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="reads both ways and answers nothing"):
        conducted(tmp_path, model="minilm", steering=False, tuning=False)


def test_settings_are_found_by_name_and_wrong_ones_are_named():
    assert STUDIES["guided-reasoning"] is GuidedReasoning
    assert GuidedReasoning().requires().datasets == ("reasoning_fmri", "ds003076_events", "reasoning_items")
    with pytest.raises(ConfigError, match="brain_wait"):
        from_mapping({"study": "guided-reasoning", "science": {"brain_wait": 1}}, STUDIES, where="study.toml")
