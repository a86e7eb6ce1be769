"""Does every check fire where it should, stay quiet where it should, and say so when it cannot tell?"""

import re

import numpy as np
import pytest
import xarray as xr

from consona.core import Features, Score
from consona.engine.checks import CHECKS, Evidence, examine
from consona.engine.checks.observed import observed

LEAKY = [{"train": ["a", "b"], "test": ["c"]}, {"train": ["b", "c"], "test": ["c", "d"]}]
CLEAN = [{"train": ["a", "b"], "test": ["c"]}, {"train": [1, 2], "test": [3]}]
CHOSEN = {"penalty_chosen_in": "inner folds", "features_per_stimulus": 900, "stimuli_in_training": 90}
FIRES = [
    ("CON001", {"held_out": "clip", "folds": LEAKY}, "1 of the groups named by 'clip' are in training and test: 'c'"),
    ("CON002", {"what": "layer", "n_candidates": 6, "chosen_on": "reported data"}, "best of 6"),
    ("CON003", {"score": [0.5, 0.9], "ceiling": 0.6, "half_width": 0.1}, "1 of 2 scores"),
    ("CON004", {"n_permutations": 99, "n_tests": 160, "correction": "fdr"}, "0.01"),
    ("CON004", {"smallest_p": 1 / 6}, "0.17"),
    ("CON005", {"n_targets": 160, "n_undefined": 2, "names": ["Fp1", "Fp2"]}, "2 of 160 values .* 'Fp1', 'Fp2'"),
    ("CON006", CHOSEN | {"penalty_chosen_in": "fixed"}, "900 features are fitted to 90 stimuli"),
    ("CON006", CHOSEN | {"n_at_edge": 51, "n_penalties": 1000}, r"51 of 1000 penalties .* \(5%\)"),
    ("CON007", {"n_tests": 160, "correction": "none"}, "about 8.0"),
    ("CON008", {"n_stimuli": 9, "n_truncated": 1}, "1 of 9 texts"),
    ("CON009", {"strength": -4.0, "lowest": -3.1, "highest": 5.0}, r"by -4 SD, while .* between -3.1 and \+5 SD"),
    ("CON009", {"strength": 5.5, "lowest": -3.1, "highest": 5.0}, "never has"),
    ("CON010", {"intervention": "silenced", "n_random": 0, "matched_on": []}, "the intact model alone"),
    ("CON010", {"intervention": "silenced", "n_random": 1, "matched_on": ["layer"]}, "1 random controls; .* below .05"),
    ("CON010", {"intervention": "silenced", "n_random": 99, "matched_on": []}, "matched on nothing"),
    ("CON011", {"cv": "in-sample", "held_out": "nothing"}, "described, not predicted"),
    ("CON011", {"cv": "leave one subject out", "held_out": "subject", "shares_stimuli": True}, "may know the clip"),
    ("CON012", {"trivial": "task", "score": 0.199, "ceiling": 0.208, "half_width": 0.02}, "'task' alone scores 0.199"),
]
QUIET = [
    ("CON001", {"held_out": "clip", "folds": CLEAN}),
    ("CON002", {"what": "layer", "n_candidates": 6, "chosen_on": "training folds"}),
    ("CON002", {"what": "layer", "n_candidates": 1, "chosen_on": "reported data"}),
    ("CON003", {"score": [0.5, np.nan], "ceiling": [0.45, 0.1], "half_width": 0.1}),
    ("CON004", {"n_permutations": 99, "n_tests": 160, "correction": "max-statistic"}),
    ("CON004", {"smallest_p": 1 / 362880, "n_tests": 160, "correction": "bonferroni"}),
    ("CON005", {"n_targets": 160, "n_undefined": 0}),
    ("CON006", CHOSEN | {"n_at_edge": 50, "n_penalties": 1000}),
    ("CON006", CHOSEN | {"features_per_stimulus": 9, "penalty_chosen_in": "fixed"}),
    ("CON007", {"n_tests": 160, "correction": "fdr"}),
    ("CON007", {"n_tests": 1, "correction": "none"}),
    ("CON008", {"n_stimuli": 9, "n_truncated": 0}),
    ("CON009", {"strength": -3.0, "lowest": -3.1, "highest": 5.0}),
    ("CON009", {"strength": 0.0, "lowest": 1.0, "highest": 5.0}),
    ("CON010", {"intervention": "silenced", "n_random": 19, "matched_on": ["layer", "activation"]}),
    ("CON011", {"cv": "leave one clip out", "held_out": "clip", "shares_stimuli": False}),
    ("CON012", {"trivial": "task", "score": 0.05, "ceiling": 0.208, "half_width": 0.02}),
    ("CON012", {"trivial": "task", "score": np.nan, "ceiling": 0.208, "half_width": 0.02}),
    ("CON012", {"trivial": "run", "score": -0.03, "ceiling": 0.01, "half_width": 0.05}),
]


def found(code, *facts, promised=()):
    findings = examine([Evidence(code, f"place{i}", each) for i, each in enumerate(facts)], promised)
    assert [each.code for each in findings] == [check.code for check in CHECKS]
    return next(each for each in findings if each.code == code)


@pytest.mark.parametrize(("code", "facts", "words"), FIRES)
def test_it_fires(code, facts, words):
    finding = found(code, next(quiet for name, quiet in QUIET if name == code), facts)
    assert (finding.outcome, finding.where) == ("fired", ("place1",))
    assert finding.page == f"docs/checks/{code}.md"
    assert re.search(words, finding.message)


@pytest.mark.parametrize(("code", "facts"), QUIET)
def test_it_stays_quiet(code, facts):
    assert found(code, facts).outcome == "passed"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_check_that_crashes_is_an_error_and_one_without_evidence_not_applicable(check):
    crashed = found(check.code, {})
    assert crashed.outcome == "error"
    assert "KeyError at 'place0'" in crashed.message
    assert found(check.code).outcome == "not applicable"
    assert found(check.code, promised=[check.code]).outcome == "error"


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("CON002", {"what": "layer", "n_candidates": 2, "chosen_on": "?"}),
        ("CON004", {"smallest_p": 0.01, "correction": "?"}),
        ("CON006", CHOSEN | {"penalty_chosen_in": "?"}),
        ("CON009", {"strength": float("nan"), "lowest": -1, "highest": 1}),
    ],
)
def test_a_word_a_check_does_not_know_is_an_error(code, facts):
    assert found(code, facts).outcome == "error"


def test_nouns_speak_for_themselves():
    score = Score(
        xr.DataArray([[0.9, np.nan]], dims=("layer", "target")),
        "r",
        "leave one subject out",
        null=xr.DataArray(np.zeros((19, 1, 2)), dims=("permutation", "layer", "target")),
        ceiling=xr.DataArray([0.5, 0.5], dims="target"),
        attrs={"held_out": "subject", "shares_stimuli": True, "folds": LEAKY, "correction": "none"},
    )
    cut = Features.of(np.zeros((2, 3)), ["a", "b"], {"n_truncated": 1})
    quiet = Features.of(np.zeros((2, 3)), ["a", "b"])
    evidence = list(observed("step", {"scores": [score], "features": (cut, quiet)}))
    fired = {each.code for each in examine(evidence) if each.outcome == "fired"}
    assert fired == {"CON001", "CON003", "CON005", "CON007", "CON008", "CON011"}
    assert {each.where for each in evidence} == {"step.scores.0", "step.features.0"}
    strict = Score(score.data, "r", "clip", null=score.null, attrs={"correction": "bonferroni"})
    assert {each.code for each in examine(observed("s", strict)) if each.outcome == "fired"} == {"CON004", "CON005"}
