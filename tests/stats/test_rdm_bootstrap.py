"""Weighting pairs gives what resampling gives, and the variance over stimuli and subjects is the right one."""

import numpy as np
import pytest

from consona.stats.pair_weights import WEIGHTED, weighted_comparisons
from consona.stats.rdm import condensed, correlation_rdm, square
from consona.stats.rdm_bootstrap import RdmDraws, bootstrap_rdms, drawn, rdm_intervals
from consona.stats.rdm_comparison import compare_rdms

N = 14
PAIRS = N * (N - 1) // 2


def resampled(rdms, counts):
    """The RDMs of a draw, pairs of a stimulus with itself left out."""
    rows = np.repeat(np.arange(N), counts)
    others = condensed(rows[:, None] != rows)
    return np.array([condensed(square(rdm)[np.ix_(rows, rows)])[others] for rdm in rdms])


@pytest.mark.parametrize("comparison", WEIGHTED)
def test_weighted_equals_resampled(comparison, frozen):
    rng = np.random.default_rng(0)
    A, B = rng.random((2, PAIRS)) + 3.0, rng.random((3, PAIRS)) + 3.0
    A[1], B[2] = A[1].round(1), B[2].round(1)  # ties, with each other and after drawing
    B[1, 17] = np.nan
    counts = drawn(N, 6, seed=0, of="stimuli")
    frozen(A, B, counts)
    found = weighted_comparisons(A, B, counts, comparison=comparison)
    for draw, r in zip(counts, found, strict=True):
        expected = compare_rdms(resampled(A, draw), resampled(B, draw), comparison=comparison)
        np.testing.assert_allclose(r, expected, atol=1e-8)


def test_groups_of_stimuli_are_drawn_whole():
    """Labels in any order: every draw is the comparison with whole groups repeated, and counts groups, not stimuli."""
    rng = np.random.default_rng(7)
    A, B = rng.random((2, PAIRS)) + 3.0, rng.random((3, PAIRS)) + 3.0
    groups = rng.permutation(np.repeat(["a", "b", "c", "d", "e"], [4, 3, 3, 2, 2]))
    draws = bootstrap_rdms(A, B, comparison="pearson", groups=groups, n_draws=8, seed=3)
    assert draws.n_stimuli == 5
    counts = drawn(5, 8, seed=3, of="stimuli")[:, np.unique(groups, return_inverse=True)[1]]
    expected = [
        compare_rdms(resampled(A, each), resampled(B, each), comparison="pearson").mean(axis=1) for each in counts
    ]
    np.testing.assert_allclose(draws.stimuli, expected, atol=1e-10)
    single = bootstrap_rdms(A, B, comparison="pearson", n_draws=8, seed=3)
    assert single.n_stimuli == N
    assert not np.allclose(single.stimuli, draws.stimuli)


def test_a_draw_of_one_stimulus_is_undefined():
    counts = np.eye(N, dtype=np.int64)[:2] * N
    A = np.random.default_rng(1).random((1, PAIRS))
    for comparison in WEIGHTED:
        assert np.isnan(weighted_comparisons(A, A + A**2, counts, comparison=comparison)).all()


def test_the_variance_of_both_is_that_of_rsatoolbox():
    from rsatoolbox.util.inference_util import extract_variances

    rng = np.random.default_rng(2)
    A = rng.random((3, PAIRS))
    draws = bootstrap_rdms(A, A[:1] + rng.random((7, PAIRS)), comparison="spearman", n_draws=200, seed=0)
    covariances = np.stack([np.cov(each.T) for each in (draws.both, draws.subjects, draws.stimuli)])
    model, difference, _ = extract_variances(covariances, nc_included=False, n_rdm=7, n_pattern=N)
    contrasts = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    np.testing.assert_allclose(rdm_intervals(draws).error ** 2, model, rtol=1e-10)
    np.testing.assert_allclose(rdm_intervals(draws, contrasts).error ** 2, difference, rtol=1e-10)


def test_the_standard_error_is_the_spread_over_new_stimuli_and_subjects():
    """100 experiments: their spread is known to 1 / sqrt(200) = 7 %, so 3 SD are 21 %; 20 stimuli add a bias."""
    n_stimuli, n_subjects = 20, 8
    rng = np.random.default_rng(3)
    effects, errors, both = [], [], []
    for seed in range(100):
        model = rng.standard_normal((n_stimuli, 12))
        mixed = model @ rng.standard_normal((12, 12)) / 6 + rng.standard_normal((n_subjects, n_stimuli, 12))
        rdms = np.array([correlation_rdm(0.6 * model + each) for each in mixed])
        draws = bootstrap_rdms(correlation_rdm(model)[None], rdms, comparison="pearson", n_draws=100, seed=seed)
        effects.append(draws.effect[0])
        errors.append(rdm_intervals(draws).error[0])
        both.append(draws.both.std())
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(effects), rel=0.35)
    assert np.mean(both) > 1.1 * np.std(effects)  # drawing both at once, uncorrected, counts noise three times


def test_one_subject_has_an_interval_over_stimuli_only():
    rng = np.random.default_rng(4)
    A = rng.random((1, PAIRS))
    draws = bootstrap_rdms(A, A + rng.random((1, PAIRS)), comparison="rho-a", n_draws=50, seed=0)
    found = rdm_intervals(draws, over="stimuli")
    assert found.low[0] < draws.effect[0] < found.high[0]
    with pytest.raises(ValueError, match="over='stimuli'"):
        rdm_intervals(draws)


def test_undefined_draws_are_left_out():
    values = np.random.default_rng(5).standard_normal((40, 1))
    broken = np.vstack([values, [[np.nan]]])
    draws = (RdmDraws(np.ones(1), each, each, each, 5, N) for each in (values, broken))
    first, second = (rdm_intervals(each, over="subjects").error for each in draws)
    np.testing.assert_allclose(first, second)


def test_what_cannot_be_weighted_is_refused():
    A = np.random.default_rng(6).random((1, PAIRS))
    with pytest.raises(ValueError, match="rho-a is what tau-a is used for"):
        weighted_comparisons(A, A, drawn(N, 2, seed=0, of="stimuli"), comparison="kendall tau-a")
    with pytest.raises(ValueError, match="both are at least 1"):
        drawn(N, 0, seed=0, of="stimuli")
