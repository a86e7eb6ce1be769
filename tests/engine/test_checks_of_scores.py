"""Do the checks fire and stay quiet on scores as encoding makes them, joined from shards?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.encoding import encoding_score
from consona.alignment.split import Split
from consona.core import Features, Recording, Score, Stimuli
from consona.engine.config import Execution, Study
from consona.engine.run import Run

N = 120
STIMULI = Stimuli(pd.DataFrame({"group": [f"g{i // 4}" for i in range(N)]}, index=[f"s{i:03d}" for i in range(N)]))


class Small(Study):
    name = "small"
    question = "Which checks fire?"


def conducted(folder, *, split=None, alphas=(0.1, 1.0, 10.0, 100.0, 1000.0), n_permutations=20, constant=False):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, 6))
    Y = X @ rng.standard_normal((6, 24)) + 4 * rng.standard_normal((N, 24))
    if constant:
        Y[:, 3] = 1.0
    run = Run.create(Small(), Execution(target_block=10, store=str(folder / "store")), folder / "run")
    features, recording = Features.of(X, STIMULI.ids), Recording.of(Y, STIMULI.ids, "one")
    split = split or Split.of_groups(STIMULI, "group")
    score = run.step(
        "score", encoding_score, features, recording, split=split, alphas=alphas, n_permutations=n_permutations
    )
    assert run.manifest.steps[0].shards.made == 3
    whole = encoding_score(features, recording, split=split, alphas=alphas, n_permutations=n_permutations)
    for joined, own in ((score.data, whole.data), (score.null, whole.null)):
        np.testing.assert_allclose(joined, own, rtol=1e-5, atol=1e-6)
    assert score.attrs == whole.attrs
    return score, {each.code: each.outcome for each in run.examine()}


def test_a_sound_score_passes_every_check_that_looks_at_it(tmp_path):
    score, outcomes = conducted(tmp_path)
    assert score.attrs["n_penalties"] == 24 * 5  # of all shards, one per fold and target
    passed = {"CON001", "CON004", "CON005", "CON006", "CON007", "CON011"}
    assert {code for code, outcome in outcomes.items() if outcome == "passed"} == passed
    assert {outcomes[code] for code in ("CON002", "CON003", "CON008")} == {"not applicable"}


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("CON004", {"n_permutations": 9}),
        ("CON005", {"constant": True}),
        ("CON006", {"alphas": (1e12, 1e13, 1e14)}),
        ("CON011", {"split": Split.of_shuffled_rows(STIMULI)}),
    ],
)
def test_what_is_wrong_with_a_score_is_found(tmp_path, code, settings):
    _, outcomes = conducted(tmp_path, **settings)
    assert [each for each, outcome in outcomes.items() if outcome == "fired"] == [code]


def test_what_a_study_does_to_a_score_is_found(tmp_path):
    score, _ = conducted(tmp_path)
    leaky = score.attrs["folds"][0]["test"]
    folds = [{"train": leaky, "test": leaky}]
    ceiling = xr.full_like(score.data, 0.1)
    for code, changed in (
        ("CON001", Score(score.data, "r", score.cv, attrs=score.attrs | {"folds": folds})),
        ("CON003", Score(score.data, "r", score.cv, ceiling=ceiling, attrs={"held_out": "group"})),
        ("CON007", Score(score.data, "r", score.cv, attrs=score.attrs | {"correction": "none"})),
        ("CON011", Score(score.data, "r", "in-sample", attrs={})),
    ):
        run = Run.create(Small(), Execution(store=str(tmp_path / "store")), Path(tmp_path, code))
        run.step("changed", as_it_is, changed)
        assert code in [each.code for each in run.examine() if each.outcome == "fired"]


def as_it_is(score):
    return score
