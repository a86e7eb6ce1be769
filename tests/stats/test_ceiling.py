"""Ceilings recover planted signal and noise, are what a perfect model really reaches, and are never clipped."""

import numpy as np
import pytest

from consona.stats.ceiling import (
    explainable_variance,
    levelled_variance_parts,
    ncsnr_of,
    noise_ceiling,
    perfect_model_r,
    reliability_of_mean,
    split_half_repetitions,
    variance_parts,
)
from consona.stats.correlation import pearson_columns
from consona.stats.pools import pool_growth
from consona.stats.reliability import leave_one_subject_out

N_STIMULI, N_TARGETS = 400, 120


def planted(snr, n_rep, seed, n_stimuli=N_STIMULI, n_targets=N_TARGETS):
    """The signal of every target, and repetitions of it in noise of variance 1."""
    rng = np.random.default_rng(seed)
    signal = np.sqrt(snr) * rng.standard_normal((n_stimuli, n_targets))
    return signal, signal + rng.standard_normal((n_rep, n_stimuli, n_targets))


@pytest.mark.parametrize(("snr", "n_rep"), [(1.0, 2), (0.3, 3), (0.1, 7)])
def test_every_ceiling_is_what_a_perfect_model_reaches(frozen, snr, n_rep):
    """Expected: r = sqrt(snr / (snr + 1 / n_rep)). Variance of an estimate of reliability R from n stimuli and k
    repetitions (intraclass correlation): at most 2 (1 - R)^2 (1 + 1 / (k - 1)) / n, and R = r^2.
    """
    signal, responses = planted(snr, n_rep, seed=n_rep)
    responses = frozen(responses)
    R = snr / (snr + 1 / n_rep)
    reached = pearson_columns(signal, responses.mean(axis=0)).mean()
    spread = (1 - R) * np.sqrt(2 * n_rep / (n_rep - 1) / N_STIMULI)
    tolerance = 4 * spread / np.sqrt(N_TARGETS) + spread**2  # noise of the mean over targets; bias of a ratio
    parts = variance_parts(responses)
    for reliability in (reliability_of_mean(parts), split_half_repetitions(responses, n_splits=40, seed=0)):
        assert reliability.mean() == pytest.approx(R, abs=tolerance)
        assert perfect_model_r(reliability.mean()) == pytest.approx(reached, abs=tolerance / np.sqrt(R))
    ceiling = noise_ceiling(ncsnr_of(parts), n_repetitions=n_rep)
    np.testing.assert_allclose(ceiling, perfect_model_r(reliability_of_mean(parts)), atol=1e-12)
    assert np.median(ncsnr_of(parts)) == pytest.approx(np.sqrt(snr), abs=tolerance * np.sqrt(snr) / (R * (1 - R)))


def test_without_signal_the_estimates_lie_around_zero_and_are_not_clipped():
    _, responses = planted(0.0, 3, seed=0, n_targets=400)
    parts = variance_parts(responses)
    R = reliability_of_mean(parts)
    assert abs(R.mean()) < 4 * np.sqrt(3 / N_STIMULI / 400) + 3 / N_STIMULI
    assert 0.3 < (R < 0).mean() < 0.7
    assert np.isnan(perfect_model_r(R)[R < 0]).all()
    assert np.isnan(ncsnr_of(parts)[R < 0]).all()
    halves = split_half_repetitions(responses, seed=0)
    assert 0.3 < (halves < 0).mean() < 0.7


def test_explainable_variance_equals_the_formula_of_voxelwise_modelling():
    """Sahani and Linden's as others write it: variance of the mean over mean variance, corrected for repetitions.

    They agree but for one degree of freedom of the stimuli, on repetitions without offsets.
    """
    _, responses = planted(0.5, 4, seed=2)
    responses = (responses - responses.mean(axis=1, keepdims=True)) / responses.std(axis=1, ddof=1, keepdims=True)
    ev = responses.mean(axis=0).var(axis=0, ddof=1) / responses.var(axis=1, ddof=1).mean(axis=0)
    theirs = ev - (1 - ev) / 3
    np.testing.assert_allclose(explainable_variance(variance_parts(responses)), theirs, atol=1.1 / N_STIMULI)


def test_missing_repetitions_count_with_their_own_number():
    """Half of the stimuli seen three times, half once: 1 / n is (1/3 + 1) / 2, as NSD weighs its stimuli."""
    signal, responses = planted(1.0, 3, seed=3)
    responses[1:, ::2] = np.nan
    parts = variance_parts(responses)
    np.testing.assert_allclose(parts.share, 2 / 3)
    counts = np.where(np.arange(N_STIMULI) % 2, 3, 1)
    expected = np.sqrt(1 / (1 + 2 / 3))
    reached = pearson_columns(signal, np.nanmean(responses, axis=0)).mean()
    assert noise_ceiling(ncsnr_of(parts), n_repetitions=counts).mean() == pytest.approx(expected, abs=0.02)
    assert reached == pytest.approx(expected, abs=0.02)
    whole = split_half_repetitions(responses, seed=0)
    np.testing.assert_array_equal(whole, split_half_repetitions(responses[:, 1::2], seed=0))


def test_offsets_between_repetitions_are_taken_out_with_their_degrees_of_freedom():
    """Five stimuli, 5000 targets: variances of an estimate of noise 2 / (n - 1)(R - 1), of one of signal about 1."""
    _, responses = planted(0.5, 3, seed=8, n_stimuli=5, n_targets=5000)
    offset = 2.0 * np.random.default_rng(9).standard_normal((3, 1, 5000))
    parts, plain = levelled_variance_parts(responses + offset), levelled_variance_parts(responses)
    for ours, without in zip(parts, plain, strict=True):
        np.testing.assert_allclose(ours, without, atol=1e-10)
    assert parts.noise.mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / 8 / 5000))
    assert parts.signal.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 5000))
    by_hand = responses - responses.mean(axis=0) - responses.mean(axis=1, keepdims=True) + responses.mean(axis=(0, 1))
    np.testing.assert_allclose(plain.noise, (by_hand**2).sum(axis=(0, 1)) / 8, atol=1e-10)
    assert variance_parts(responses + offset).noise.mean() > 4.0


def test_a_repetition_that_some_stimuli_lack_is_left_where_it_is():
    """Level 100 of all repetitions stays, so the third, which half of the stimuli have, fits in beside the others."""
    _, responses = planted(1.0, 3, seed=10)
    responses[2, ::2] = np.nan
    offset = 100.0 + np.array([1.0, -1.0, 0.0])[:, None, None]
    parts, plain = levelled_variance_parts(responses + offset), variance_parts(responses)
    np.testing.assert_allclose(reliability_of_mean(parts), reliability_of_mean(plain), atol=0.02)
    whole = levelled_variance_parts((responses + offset)[:2])
    np.testing.assert_allclose(whole.noise, levelled_variance_parts(responses[:2]).noise, atol=1e-10)
    steady = np.full((3, 9, 2), 3.3) + offset
    assert np.isnan(reliability_of_mean(levelled_variance_parts(steady))).all()


def test_undefined_targets_are_nan_and_touch_no_other():
    _, responses = planted(1.0, 3, seed=4, n_targets=6)
    damaged = responses.copy()
    damaged[:, :, 2], damaged[:, :, 4] = 3.3, np.nan
    good = [0, 1, 3, 5]
    for estimate in (
        lambda y: reliability_of_mean(variance_parts(y)),
        lambda y: reliability_of_mean(levelled_variance_parts(y)),
        lambda y: ncsnr_of(variance_parts(y)),
        lambda y: split_half_repetitions(y, seed=0),
        lambda y: leave_one_subject_out(y)[0],
    ):
        np.testing.assert_array_equal(estimate(damaged)[good], estimate(responses)[good])
        assert np.isnan(estimate(damaged)[[2, 4]]).all()
    same = np.tile(responses[:1], (3, 1, 1))
    np.testing.assert_allclose(reliability_of_mean(variance_parts(same)), 1.0, atol=1e-12)


def test_units_change_nothing():
    _, responses = planted(0.5, 3, seed=5, n_targets=4)
    tesla = responses * 1e-15
    np.testing.assert_allclose(
        reliability_of_mean(variance_parts(tesla)), reliability_of_mean(variance_parts(responses)), atol=1e-10
    )
    np.testing.assert_allclose(
        pool_growth(tesla[[0, 1, 2, 0]], seed=0).limit, pool_growth(responses[[0, 1, 2, 0]], seed=0).limit, atol=1e-9
    )


def test_one_repetition_has_no_noise_ceiling():
    with pytest.raises(ValueError, match="1 repetitions of 5 stimuli"):
        variance_parts(np.zeros((1, 5, 2)))
    with pytest.raises(ValueError, match="1 repetitions, all of them there for 5"):
        split_half_repetitions(np.zeros((1, 5, 2)), seed=0)
    with pytest.raises(ValueError, match="smallest number of repetitions is 0"):
        noise_ceiling(np.ones(2), n_repetitions=0.0)


def test_growth_of_pools_recovers_the_limit_that_no_pool_reaches(frozen):
    """Shared variance 1, own variance 4: limit sqrt(1/5), growth 4; eleven others reach sqrt(1/5 / (1 + 4/11)) only."""
    rng = np.random.default_rng(6)
    shared = rng.standard_normal((N_STIMULI, N_TARGETS))
    people = frozen(shared + 2.0 * rng.standard_normal((12, N_STIMULI, N_TARGETS)))
    found = pool_growth(people, seed=0)
    c, sizes = np.sqrt(0.2), np.arange(1, 12)
    # A correlation over 400 stimuli has SE .05 at most; 12 subjects average it, and targets are independent.
    se = 0.05 / np.sqrt(N_TARGETS)
    np.testing.assert_allclose(found.r.mean(axis=1), c / np.sqrt(1 + 4 / sizes), atol=5 * se)
    assert found.limit.mean() == pytest.approx(c, abs=0.02)
    assert np.median(found.growth) == pytest.approx(4.0, rel=0.15)
    largest = leave_one_subject_out(people)
    np.testing.assert_allclose(found.r[-1], largest.mean(axis=0), atol=1e-12)
    by_hand = [
        np.corrcoef(own, np.delete(people[:, :, 7], s, axis=0).mean(axis=0))[0, 1]
        for s, own in enumerate(people[:, :, 7])
    ]
    np.testing.assert_allclose(largest[:, 7], by_hand, atol=1e-12)
    assert largest.mean() < c - 0.04
    perfect = pearson_columns(np.tile(shared, 12), np.concatenate(list(people), axis=1)).mean()
    assert perfect == pytest.approx(c, abs=5 * se)


def test_an_exponential_levels_off_too_early():
    """Why the growth is not the exponential in common use: on the exact curve it falls short of the limit."""
    from scipy.optimize import curve_fit

    sizes = np.arange(1, 12)
    r = np.sqrt(0.2) / np.sqrt(1 + 4 / sizes)
    (limit, _), _ = curve_fit(lambda n, v, tau: v * (1 - np.exp(-n / tau)), sizes, r, p0=(0.4, 2.0))
    assert limit < 0.9 * np.sqrt(0.2)


def test_people_without_anything_in_common_have_no_shared_signal():
    rng = np.random.default_rng(7)
    people = rng.standard_normal((8, N_STIMULI, N_TARGETS))
    assert abs(leave_one_subject_out(people).mean()) < 5 / np.sqrt(N_STIMULI * N_TARGETS * 8)
    found = pool_growth(people, seed=0)
    known = np.isfinite(found.limit)
    assert abs(np.median(found.limit[known])) < 0.1
    with pytest.raises(ValueError, match="pools of 3 subjects"):
        pool_growth(people[:3], seed=0)
