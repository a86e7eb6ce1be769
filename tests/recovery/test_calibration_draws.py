"""Intervals of encoding scores: as wide as the scores of new stimuli differ, trainings that differ included."""

import numpy as np
import pandas as pd
import pytest

from consona.alignment.encoding_draws import encoding_draws, interval
from consona.alignment.held_out import HeldOut
from consona.alignment.layers import ALPHAS
from consona.alignment.split import Split
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.stats.prediction_bootstrap import drawn_groups, prediction_draws
from consona.stats.stacking import nested_layer_choice

N_DRAWS, N_RUNS = 200, 120


def stimuli_of(n):
    return Stimuli(pd.DataFrame(index=pd.Index([f"s{i:03d}" for i in range(n)], name="stimulus")))


def draws_of(X, Y, split):
    recording = Recording.of(Y, split.ids, "one")
    drawn = encoding_draws(Features.of(X, split.ids), {"one": recording}, split=split, n_draws=N_DRAWS)["one"]
    here = drawn.sel(target="all targets")
    return float(here["score"]), here["draws"].values


@pytest.mark.parametrize(
    ("n_stimuli", "n_folds", "factor"), [(100, 5, np.sqrt(1 + 5 / 4)), (80, 4, np.sqrt(1 + 4 / 3)), (40, 8, 2.0)]
)
def test_draws_are_widened_by_the_share_that_trainings_have_in_a_difference(n_stimuli, n_folds, factor):
    """Nadeau and Bengio's factor where folds are scored one by one, 2 where predictions are pooled."""
    rng = np.random.default_rng(n_stimuli)
    X, Y = rng.standard_normal((n_stimuli, 4)), rng.standard_normal((n_stimuli, 3))
    split = Split.of_groups(stimuli_of(n_stimuli), n_folds=n_folds)
    score, draws = draws_of(X, Y, split)
    held = HeldOut.of(Recording.of(Y, split.ids, "one"), split, 0)
    values = [Features.of(X, split.ids).layer(0).astype(float)]
    found = nested_layer_choice(
        values, held.responses, held.folds, held.inner, np.asarray(ALPHAS), together=np.zeros(3, dtype=int)
    )
    tests = np.ones((1, n_stimuli), bool) if held.pooled else held.folds.test
    assert held.pooled == (n_folds == 8)
    counts = drawn_groups(split.labels, N_DRAWS, seed=split.seed)
    plain = prediction_draws(found.predictions, held.responses, tests, counts, np.ones((3, 1)))[:, 0]
    np.testing.assert_allclose(draws, score + factor * (plain - plain.mean()), atol=1e-10)


def test_two_equally_useless_models_differ_by_nothing_at_the_nominal_rate():
    """As many features as a fold has stimuli, one target: without what trainings add, 0 lies outside every fifth time.

    Coverage of 120 intervals has a standard error of .02.
    """
    rng, split = np.random.default_rng(0), Split.of_groups(stimuli_of(100))
    covered, unwidened, too_high = [], [], 0
    for _ in range(N_RUNS):
        Y = rng.standard_normal((100, 1))
        (first, its), (second, others) = (draws_of(rng.standard_normal((100, 20)), Y, split) for _ in range(2))
        low, high = interval(its - others)
        covered.append(low <= 0 <= high)
        too_high += low > 0
        difference = first - second
        low, high = interval(difference + (its - others - difference) / np.sqrt(1 + 5 / 4))
        unwidened.append(low <= 0 <= high)
    error = np.sqrt(0.95 * 0.05 / N_RUNS)
    assert np.mean(covered) >= 0.95 - 3 * error
    assert too_high / N_RUNS <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / N_RUNS)
    assert np.mean(unwidened) < 0.95 - 3 * error
