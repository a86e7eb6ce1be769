"""RDMs agree with SciPy and rsatoolbox, keep their precision, and are NaN only where a pattern is undefined."""

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from consona.stats.crossnobis import crossnobis_rdm, mahalanobis_rdm, shrunk_precision
from consona.stats.rdm import (
    band_rdms,
    condensed,
    correlation_rdm,
    cosine_rdm,
    n_stimuli_of,
    pair_positions,
    square,
    squared_euclidean_rdm,
)

ORACLES = {correlation_rdm: "correlation", cosine_rdm: "cosine", squared_euclidean_rdm: "sqeuclidean"}
of_metric = pytest.mark.parametrize("metric", list(ORACLES), ids=lambda metric: metric.__name__)


def expected(metric, X):
    d = pdist(np.asarray(X, dtype=np.float64), ORACLES[metric])
    return d / X.shape[1] if metric is squared_euclidean_rdm else d


@pytest.fixture
def patterns(frozen):
    return frozen(np.random.default_rng(0).standard_normal((20, 50)) + 2.0)


@pytest.fixture
def precision():
    residuals = np.random.default_rng(1).standard_normal((80, 50)) * np.linspace(0.5, 2, 50)
    return shrunk_precision(residuals)


@of_metric
def test_agrees_with_scipy(metric, patterns):
    d = metric(patterns)
    np.testing.assert_allclose(d, expected(metric, patterns), atol=1e-13)
    single = metric(patterns.astype(np.float32))
    assert (d.dtype, single.dtype) == (np.float64, np.float32)
    # A sum of 50 products of rounding eps; distances here are of order 1.
    np.testing.assert_allclose(single, d, atol=50 * np.finfo(np.float32).eps)
    whole = np.round(10 * patterns).astype(np.int64)
    np.testing.assert_allclose(metric(whole), expected(metric, whole), rtol=1e-12)


@of_metric
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("broken", [np.nan, np.inf, "constant", "zero"])
def test_an_undefined_pattern_touches_no_other_pair(metric, dtype, broken, patterns):
    X = patterns.astype(dtype)
    good = metric(X)
    X[3] = {"constant": 0.1, "zero": 0.0}.get(broken, X[3])
    if not isinstance(broken, str):
        X[3, 7] = broken
    with_it = np.add.outer(np.arange(20) == 3, np.arange(20) == 3)
    touched = condensed(with_it)
    undefined = (
        broken not in ("constant", "zero") or metric is correlation_rdm or (broken, metric) == ("zero", cosine_rdm)
    )
    d = metric(X)
    assert np.isnan(d[touched]).all() == undefined
    assert np.isfinite(d[~touched]).all()
    if metric is squared_euclidean_rdm:  # the mean pattern, which is taken off first, is another one
        np.testing.assert_allclose(d[~touched], good[~touched], rtol=1e-4 if dtype == np.float32 else 1e-12)
    else:
        np.testing.assert_array_equal(d[~touched], good[~touched])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("unit", "offset"), [(1e-30, 0.0), (1e25, 0.0), (1.0, 1e4)])
def test_units_and_offsets_change_no_correlation(unit, offset, dtype, patterns):
    X = (patterns * unit + offset).astype(dtype)
    given = (X.astype(np.float64) - offset) / unit  # what single precision has left of an offset of 10,000
    np.testing.assert_allclose(correlation_rdm(X), expected(correlation_rdm, given), atol=200 * np.finfo(dtype).eps)


def test_noise_whitened_distances_agree_with_rsatoolbox(patterns, precision):
    from rsatoolbox import data, rdm

    plain = rdm.calc_rdm(data.Dataset(patterns.copy()), "mahalanobis", noise=precision).get_vectors()[0]
    np.testing.assert_allclose(mahalanobis_rdm(patterns, precision), plain, rtol=1e-11)
    np.testing.assert_allclose(mahalanobis_rdm(patterns, np.eye(50)), squared_euclidean_rdm(patterns), rtol=1e-11)
    runs = np.random.default_rng(2).standard_normal((4, 20, 50)) + patterns
    labels = {"run": np.repeat(np.arange(4), 20), "stimulus": np.tile(np.arange(20), 4)}
    stacked = data.Dataset(runs.reshape(-1, 50), obs_descriptors=labels)
    for given in (None, precision):
        noise = np.eye(50) if given is None else given
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it casts NaN to integers on the way
            theirs = rdm.calc_rdm(stacked, "crossnobis", descriptor="stimulus", cv_descriptor="run", noise=noise)
        np.testing.assert_allclose(crossnobis_rdm(runs, given), theirs.get_vectors()[0], atol=1e-12)


def test_crossnobis_is_zero_on_average_where_nothing_differs_and_the_plain_distance_is_not(frozen):
    noise = frozen(np.random.default_rng(3).standard_normal((200, 3, 10, 8)))
    d = np.array([crossnobis_rdm(runs) for runs in noise])
    plain = np.array([squared_euclidean_rdm(runs.mean(axis=0)) for runs in noise])
    standard_error = d.mean(axis=1).std(ddof=1) / np.sqrt(len(d))
    assert abs(d.mean()) < 4 * standard_error
    assert plain.mean() == pytest.approx(2 / 3, rel=0.05)  # twice the variance of a mean over three runs


def test_crossnobis_with_missing_stimuli_uses_the_runs_that_hold_both(frozen):
    runs = np.random.default_rng(4).standard_normal((4, 6, 9))
    runs[1, 2] = np.nan
    runs[:3, 5, 0] = np.nan
    frozen(runs)
    d = square(crossnobis_rdm(runs))
    for i, j in ((0, 1), (0, 2), (2, 4)):
        shared = [r for r in range(4) if np.isfinite(runs[r, [i, j]]).all()]
        deltas = [runs[r, i] - runs[r, j] for r in shared]
        products = [a @ b for k, a in enumerate(deltas) for m, b in enumerate(deltas) if k != m]
        assert d[i, j] == pytest.approx(np.mean(products) / 9, abs=1e-12)
    assert np.isnan(d[5, :5]).all()
    complete = runs[:, [0, 1, 3, 4]]
    kept = d[np.ix_([0, 1, 3, 4], [0, 1, 3, 4])]
    np.testing.assert_allclose(condensed(kept), crossnobis_rdm(complete), atol=1e-13)


def test_bands_add_up_to_the_whole(patterns):
    bands = np.repeat(["a", "b", "c"], [10, 30, 10])
    parts = band_rdms(patterns, bands)
    np.testing.assert_allclose(np.array([10, 30, 10]) / 50 @ parts, squared_euclidean_rdm(patterns), atol=1e-13)


def test_pairs_are_found_again_in_another_order(patterns):
    d = correlation_rdm(patterns)
    assert n_stimuli_of(len(d)) == 20
    np.testing.assert_array_equal(condensed(square(d)), d)
    orders = np.stack([np.random.default_rng(k).permutation(20) for k in range(3)])
    for order, positions in zip(orders, pair_positions(orders), strict=True):
        np.testing.assert_array_equal(d[positions], condensed(square(d)[np.ix_(order, order)]))


def test_what_cannot_be_is_refused(patterns):
    with pytest.raises(ValueError, match="1 stimulus was given"):
        correlation_rdm(patterns[:1])
    with pytest.raises(ValueError, match="needs at least two"):
        crossnobis_rdm(patterns[None])
    with pytest.raises(ValueError, match="not positive definite"):
        mahalanobis_rdm(patterns, -np.eye(50))
    with pytest.raises(ValueError, match="residuals are not finite"):
        shrunk_precision(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match="4 is not a number of pairs"):
        n_stimuli_of(4)
