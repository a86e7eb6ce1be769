"""The six traps of docs/method/traps.md: each misleads by as much as the page says, and the default path does not."""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

EXAMPLE = Path(__file__).parents[2] / "examples" / "plot_traps.py"


@pytest.fixture(scope="module")
def trap():
    """``trap(name)``: measured once by the script that draws the figure of the page."""
    spec = importlib.util.spec_from_file_location("plot_traps", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cache(lambda name: getattr(module, name)())


# A fold holds 30 rows of noise whose autocorrelation sums to 6 sqrt(4 pi) = 21 rows: hardly more than one independent
# row, so its r has a spread of up to 0.7. Ten folds and 100 independent targets: 0.7 / sqrt(1000) = .022.
ERROR_OF_MEAN = 0.022


def test_shuffled_folds_find_time_itself_and_a_gap_does_not(trap):
    """Noise with a Gaussian window of 6 rows has no power that its neighbours do not determine: r goes to 1."""
    found = trap("shuffled_folds")
    shuffled, touching, gap = found.bars.values()
    assert shuffled > 0.99
    # Within 8 rows of an edge the autocorrelation exp(-d^2 / 144) is above .64: half of a block is still known.
    assert 0.3 < touching < 0.8
    assert abs(gap) < 4 * ERROR_OF_MEAN


def test_pooled_predictions_lean_away_from_what_they_are_tested_on(trap):
    """A training mean falls when the held-out block is high; folds scored by themselves do not see it."""
    found = trap("pooled_predictions")
    assert found.wrong < -0.1
    assert abs(found.nominal) < 4 * ERROR_OF_MEAN


def test_a_parametric_p_of_series_rejects_as_expected_and_circular_shifts_hardly_more_than_they_should(trap):
    """Spread of r is that of 300 / (6 sqrt(2 pi)) = 20 rows. 16 draws of the predictor, each with 25 targets that share
    it: their rejections have a spread of about .1 between draws.
    """
    found = trap("parametric_p")
    limit = stats.t.isf(0.025, 298) / np.sqrt(298 + stats.t.isf(0.025, 298) ** 2)
    expected = 2 * stats.norm.sf(limit * np.sqrt(300 / (6 * np.sqrt(2 * np.pi))))
    assert found.wrong == pytest.approx(expected, abs=4 * 0.1 / np.sqrt(16))
    assert found.nominal < 0.05 + 4 * 0.1 / np.sqrt(16)


def test_fold_scores_are_no_sample_and_permutations_hold_their_level(trap):
    """500 tests on 10 draws of the features."""
    found = trap("test_over_folds")
    error = np.sqrt(0.05 * 0.95 / 500)
    assert found.wrong > 0.05 + 6 * error
    assert found.nominal == pytest.approx(0.05, abs=4 * error)


def test_features_chosen_on_all_data_predict_noise_and_all_features_do_not(trap):
    """The best 20 of 5000 null correlations over 100 stimuli are all beyond z = 2.9, r = .29: together nearly R = 1."""
    found = trap("selection_outside")
    assert found.wrong > 0.5
    assert abs(found.nominal) < 4 * 0.1 / np.sqrt(200)


def test_company_changes_a_padded_text_and_never_a_captured_one(trap):
    pytest.importorskip("transformers", reason="transformers is not installed")
    found = trap("padding")
    last_index, left_pad, captured = found.bars.values()
    assert last_index < 0.9
    assert left_pad < 0.9
    assert captured == pytest.approx(1.0, abs=1e-5)
