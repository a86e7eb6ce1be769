"""Scores of read-out vectors against plain computations, and the null by looking up against the null by recomputing."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from consona.stats.permutation import random_orders
from consona.stats.readout_scores import MEASURES, readout_null, readout_scores, row_cosines


def vectors(n=40, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal(n_features)
    truth = mean + rng.standard_normal((n, n_features))
    return truth + rng.standard_normal(truth.shape), truth, mean


def test_rows_are_correlated_as_numpy_does():
    decoded, truth, mean = vectors()
    found = readout_scores(decoded, truth, mean)
    for i in (0, 17):
        assert found.raw[i] == pytest.approx(np.corrcoef(decoded[i], truth[i])[0, 1])
        assert found.centred[i] == pytest.approx(np.corrcoef(decoded[i] - mean, truth[i] - mean)[0, 1])
        assert found.baseline[i] == pytest.approx(np.corrcoef(mean, truth[i])[0, 1])
    without = readout_scores(decoded - mean, truth, mean, intercept=False)
    np.testing.assert_allclose(without.centred, found.centred)
    np.testing.assert_allclose(without.rank, found.rank)
    assert found.measures().shape == (len(MEASURES), 40)


def test_the_null_is_what_scores_of_exchanged_vectors_are():
    decoded, truth, mean = vectors()
    decoded[5] = 1.0  # nothing is known of this one without the mean
    orders = random_orders(40, 3, seed=1)
    null = readout_null(decoded, truth, mean, orders)
    for row, order in zip(null, orders, strict=True):
        again = readout_scores(decoded, truth[order], mean).measures()
        expected = np.array([np.nanmean(each) for each in again])
        np.testing.assert_allclose(row, expected, atol=1e-12)


def test_a_readout_of_zeros_ties_with_everything():
    _, truth, mean = vectors()
    found = readout_scores(np.broadcast_to(mean, truth.shape), truth, mean)
    assert np.isnan(found.centred).all()
    np.testing.assert_allclose(found.two_way, 0.5)
    np.testing.assert_allclose(found.top[:, 0], [1 / 40, 5 / 40, 10 / 40])
    null = readout_null(np.broadcast_to(mean, truth.shape), truth, mean, random_orders(40, 2, seed=0))
    assert np.isnan(null[:, MEASURES.index("centred_r")]).all()
    np.testing.assert_allclose(null[:, MEASURES.index("two_way")], 0.5)


def test_cosines_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((7, 5)), rng.standard_normal((9, 5))
    np.testing.assert_allclose(row_cosines(A, B), cosine_similarity(A, B))
    A[2] = 0
    assert np.isnan(row_cosines(A, B)[2]).all()
    with pytest.raises(ValueError, match="5 and 4 features"):
        row_cosines(A, B[:, :4])


def test_shapes_that_differ_are_refused():
    decoded, truth, mean = vectors()
    with pytest.raises(ValueError, match="Select the same stimuli"):
        readout_scores(decoded[:5], truth, mean)
