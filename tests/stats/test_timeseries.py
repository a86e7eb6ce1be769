"""Time series: words to volumes, delays, drifts, each against its definition."""

import numpy as np
import pytest
from nilearn.glm.first_level.design_matrix import create_cosine_drift

from consona.stats.timeseries import (
    counted_per_volume,
    detrended,
    drift_basis,
    fir_delays,
    lanczos_resampled,
    mean_per_volume,
    rows_of_runs,
    summed_per_volume,
    zscored_runs,
)


def by_definition(values, onsets, times, tr, lobes):
    """Every weight on its own, from the formula of the Huth lab."""
    found = np.zeros((len(times), values.shape[1]))
    for i, time in enumerate(times):
        for value, onset in zip(values, onsets):
            u = (time - onset) / tr
            if u == 0:
                weight = 1.0
            elif abs(u) < lobes:
                weight = lobes * np.sin(np.pi * u) * np.sin(np.pi * u / lobes) / (np.pi**2 * u**2)
            else:
                weight = 0.0
            found[i] += weight * value
    return found


@pytest.mark.parametrize(("tr", "lobes"), [(2.0, 3), (0.72, 2)])
def test_lanczos_is_its_definition(frozen, tr, lobes):
    rng = np.random.default_rng(0)
    times = 20.0 + tr * np.delete(np.arange(40), 17)  # one volume was dropped
    onsets, values = frozen(rng.permutation(np.append(rng.uniform(0, 60, 90), times[5])), rng.standard_normal((91, 3)))
    found = lanczos_resampled(values, onsets, times, tr=tr, lobes=lobes)
    np.testing.assert_allclose(found, by_definition(values, onsets, times, tr, lobes), atol=1e-12)
    half = lanczos_resampled(values.astype(np.float32), onsets, times, tr=tr, lobes=lobes)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, found, atol=1e-5)


def test_lanczos_keeps_what_volumes_can_show_and_removes_what_they_cannot():
    onsets, times = np.arange(0, 200, 0.1), np.arange(20, 180, 2.0)
    slow, fast = (np.sin(2 * np.pi * hz * onsets) for hz in (0.05, 0.6))  # Nyquist is 0.25 Hz
    found = lanczos_resampled(np.column_stack([slow, fast]), onsets, times) / 20  # twenty events a volume
    np.testing.assert_allclose(found[:, 0], np.sin(2 * np.pi * 0.05 * times), atol=0.02)
    assert np.abs(found[:, 1]).max() < 0.02


def test_sums_means_and_counts_belong_to_the_volume_that_is_running():
    onsets, values = np.array([0.0, 1.9, 2.0, 9.0, -0.1, 11.0]), np.array([[1.0], [3.0], [5.0], [7.0], [9.0], [11.0]])
    times = np.array([0.0, 2.0, 4.0, 8.0])  # nothing was measured from 6 to 8
    np.testing.assert_array_equal(summed_per_volume(values, onsets, times, tr=2.0).ravel(), [4, 5, 0, 7])
    np.testing.assert_array_equal(counted_per_volume(onsets, times, tr=2.0), [2, 1, 0, 1])
    np.testing.assert_array_equal(mean_per_volume(values, onsets, times, tr=2.0).ravel(), [2, 5, np.nan, 7])


def test_delays_look_back_and_never_into_another_run():
    runs = np.array(["b", "b", "b", "a", "a"])
    X = np.arange(1.0, 11.0).reshape(5, 2)
    delayed = fir_delays(X, runs, (0, 2))
    np.testing.assert_array_equal(delayed[:, :2], X)
    np.testing.assert_array_equal(delayed[:, 2:], [[0, 0], [0, 0], [1, 2], [0, 0], [0, 0]])
    assert not fir_delays(X, runs, (7,)).any()


@pytest.mark.parametrize("delays", [(), (1, 1), (-1, 1)])
def test_a_response_before_its_cause_is_refused(delays):
    with pytest.raises(ValueError, match="from 0 on"):
        fir_delays(np.ones((4, 1)), np.zeros(4), delays)


def test_drifts_go_run_by_run_and_nothing_else_goes(frozen):
    rng = np.random.default_rng(1)
    runs = np.repeat([1, 2], (90, 60))
    Y = frozen(rng.standard_normal((150, 4)))
    drift = np.concatenate([drift_basis(n) @ rng.standard_normal((11, 4)) for n in (90, 60)])
    left = detrended(Y, runs)
    np.testing.assert_allclose(detrended(Y + 50 * drift, runs), left, atol=1e-10)
    np.testing.assert_allclose(detrended(left, runs), left, atol=1e-12)
    np.testing.assert_allclose(left[:90], detrended(Y[:90], runs[:90]), atol=1e-12)


def test_cosines_alone_are_the_high_pass_of_nilearn():
    Y = np.random.default_rng(2).standard_normal((120, 3))
    times = 2.0 * np.arange(120)
    theirs = create_cosine_drift(4.5 / (2 * 120 * 2.0), times)  # cutoff between the fourth and the fifth cosine
    assert theirs.shape == (120, 5)  # with the constant
    expected = Y - theirs @ np.linalg.lstsq(theirs, Y)[0]
    np.testing.assert_allclose(detrended(Y, np.zeros(120), degree=0, n_cosines=4), expected, atol=1e-10)


def test_a_constant_run_has_no_z_scores_and_touches_no_other(frozen):
    runs = np.repeat([0, 1], 6)
    Y = np.random.default_rng(3).standard_normal((12, 3)) * 1e-9 + 7
    expected = zscored_runs(frozen(Y), runs)
    Y[:6, 1] = 0.1
    found = zscored_runs(frozen(Y), runs)
    assert np.isnan(found[:6, 1]).all()
    Y[:6, 1] = expected[:6, 1] = found[:6, 1] = 0
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose([expected[6:].mean(0), expected[6:].std(0)], [[0] * 3, [1] * 3], atol=1e-12)


def test_series_that_are_not_in_order_are_refused():
    with pytest.raises(ValueError, match="2 runs stand in 3 pieces"):
        rows_of_runs(np.array([0, 1, 0]))
    with pytest.raises(ValueError, match="not ascending"):
        lanczos_resampled(np.ones((1, 1)), np.zeros(1), np.array([0.0, 4.0, 2.0]))
    with pytest.raises(ValueError, match="one finite onset per row"):
        summed_per_volume(np.ones((1, 1)), np.array([np.nan]), np.arange(3.0))
    with pytest.raises(ValueError, match="fewer drifts"):
        detrended(np.ones((10, 1)), np.zeros(10))
