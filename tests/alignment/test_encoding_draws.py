"""Draws of the stimuli: what was scored together is drawn together, and what a draw leaves undefined costs no other."""

import numpy as np
import pandas as pd
import pytest

from consona.alignment.encoding_draws import FEWEST_GROUPS, encoding_draws, interval
from consona.alignment.split import Split
from consona.core.claim import NOT_TESTABLE
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.stats.prediction_bootstrap import drawn_groups
from consona.studies.alignment.verdicts import exceeds_control, mean_interval

N_DRAWS = 400


def grouped(n_groups, size, *, seed=0):
    """Features that are those of the group, so that one group by itself correlates with nothing; and responses."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(n_groups), size)
    X = rng.standard_normal((n_groups, 3))
    Y = X[of] @ rng.standard_normal((3, 5)) + rng.standard_normal((len(of), 5))
    table = pd.DataFrame({"kind": [f"k{i:02d}" for i in of]}, index=[f"s{i:03d}" for i in range(len(of))])
    stimuli = Stimuli(table)
    return Features.of(X[of], stimuli.ids), Recording.of(Y, stimuli.ids, "one"), stimuli


def draws_of(features, recording, split):
    return encoding_draws(features, {"one": recording}, split=split, n_draws=N_DRAWS)["one"].sel(target="all targets")


def test_a_draw_that_says_nothing_leaves_the_others_as_they_are():
    """Of 12 groups in 3 folds, some draws leave a fold empty (it is passed over) and some leave it one group."""
    features, recording, stimuli = grouped(12, 8)
    split = Split.of_groups(stimuli, "kind", n_folds=3)
    assert split.fold_wise
    drawn = draws_of(features, recording, split)
    counts = drawn_groups(split.labels, N_DRAWS, seed=split.seed)[:, ::8] > 0
    in_folds = np.stack([counts.astype(int) @ test[::8] for test in split.folds().test])
    empty, single = (in_folds == 0).any(axis=0), (in_folds == 1).any(axis=0)
    assert (empty & ~single).sum() >= 3
    assert 0.1 < single.mean() < 0.5
    np.testing.assert_array_equal(np.isfinite(drawn["draws"]), ~single)
    assert float(drawn["draws"].mean(skipna=True)) == pytest.approx(float(drawn["score"]), abs=1e-12)
    low, high = interval(drawn["draws"].values)
    assert low < float(drawn["score"]) < high


@pytest.mark.parametrize("n_groups", [FEWEST_GROUPS - 1, FEWEST_GROUPS])
def test_few_groups_have_no_interval_and_nothing_is_verified_with_them(n_groups):
    features, recording, stimuli = grouped(n_groups, 12)
    drawn = draws_of(features, recording, Split.of_groups(stimuli, "kind", n_folds=3))
    assert float(drawn["score"]) > 0.3
    draws = drawn["draws"].values[None]
    enough = n_groups >= FEWEST_GROUPS
    assert (mean_interval(draws, seed=0) is not None) == enough
    verdict = exceeds_control(np.array([float(drawn["score"])]), draws, of="nothing", seed=0)
    assert (verdict.verdict != NOT_TESTABLE) == enough


def test_runs_that_repeat_conditions_are_drawn_whole():
    """The same rows held out and drawn by the same labels: a run is a group, whatever it is called."""
    _, recording, stimuli = grouped(12, 8)
    runs = stimuli.with_columns(run=np.repeat([f"r{i:02d}" for i in range(12)], 8))
    noise = Features.of(np.random.default_rng(1).standard_normal((96, 3)), stimuli.ids)
    by_run = draws_of(noise, recording, Split.of_sessions(runs, "run", n_folds=3))
    by_group = draws_of(noise, recording, Split.of_groups(runs, "run", n_folds=3))
    np.testing.assert_array_equal(by_run["draws"], by_group["draws"])
    row_by_row = draws_of(noise, recording, Split.of_groups(runs, n_folds=3))
    assert not np.array_equal(row_by_row["draws"], by_run["draws"])
