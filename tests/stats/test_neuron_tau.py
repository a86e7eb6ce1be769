"""Tau-a equals rsatoolbox and SciPy, its null a plain loop, and p is uniform where nothing is planted."""

import numpy as np
import pytest
import rsatoolbox
from scipy.stats import kendalltau

from consona.stats import neuron_tau as module
from consona.stats.neuron_tau import float_product, naive_p, neuron_tau, tau_a, tau_a_signs
from consona.stats.permutation import random_orders
from consona.stats.rdm import square
from consona.stats.rdm_comparison import compare_rdms

WRONG_SHAPE = (ValueError, TypeError)


def rdms_of(scores):
    """Distances of scores ``(n, n_stimuli)`` on a line, rounded as everywhere."""
    i, j = np.triu_indices(scores.shape[1], 1)
    return np.round(np.abs(scores[:, i] - scores[:, j]), 9)


@pytest.fixture
def tied(frozen):
    """RDMs with many ties; the last neuron is constant."""
    rng = np.random.default_rng(0)
    neurons = np.vstack([rdms_of(rng.integers(0, 6, (29, 12)) / 3), np.ones((1, 66))])
    return frozen(neurons, rdms_of(rng.integers(0, 4, (3, 12)) / 7))


def test_tau_equals_rsatoolbox_and_scipy(tied):
    neurons, attributes = tied
    found = tau_a(neurons, attributes)
    assert np.isnan(found[-1]).all()
    np.testing.assert_allclose(found, compare_rdms(neurons, attributes, comparison="kendall tau-a"), rtol=0, atol=1e-15)
    one, other = (rsatoolbox.rdm.RDMs(each) for each in (neurons[:5], attributes))
    theirs = rsatoolbox.rdm.compare(one, other, method="tau-a")
    np.testing.assert_allclose(found[:5], theirs, rtol=0, atol=1e-12)
    every = 66 * 65
    for i, x in enumerate(neurons[:-1]):
        for j, y in enumerate(attributes):
            ties = [(c * (c - 1)).sum() for c in (np.unique(v, return_counts=True)[1] for v in (x, y))]
            factor = np.sqrt((1 - ties[0] / every) * (1 - ties[1] / every))
            assert found[i, j] == pytest.approx(kendalltau(x, y).statistic * factor, abs=1e-12)


def test_naive_p_is_that_of_scipy(tied):
    neurons, attributes = tied
    p = naive_p(tau_a(neurons, attributes), neurons, attributes)
    assert np.isnan(p[-1]).all()
    for i, x in enumerate(neurons[:-1]):
        for j, y in enumerate(attributes):
            theirs = kendalltau(x, y, method="asymptotic", alternative="greater").pvalue
            assert p[i, j] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("held", [2**29, 1])
def test_the_null_equals_a_loop_over_orders(tied, held, monkeypatch):
    """Also where attributes come one by one and neurons in several blocks."""
    neurons, attributes = tied
    monkeypatch.setattr(module, "_SIGN_BYTES", held)
    monkeypatch.setattr(module, "_NEURONS", 7)
    orders = random_orders(12, 39, seed=3)
    found = neuron_tau(neurons, attributes, orders)
    i, j = np.triu_indices(12, 1)
    moved = [[square(each)[np.ix_(order, order)][i, j] for each in attributes] for order in orders]
    null = np.stack([compare_rdms(neurons, np.stack(each), comparison="kendall tau-a") for each in moved])
    tau = compare_rdms(neurons, attributes, comparison="kendall tau-a")
    np.testing.assert_allclose(found.tau, tau, rtol=0, atol=1e-15)
    every = np.concatenate([tau[None], null])[:, :-1]  # without the constant neuron
    reached = (every[None] >= every[:, None] - 1e-12).sum(axis=1)  # of each order, how many reach it
    np.testing.assert_array_equal(found.exceed[:-1], reached[0])
    share = (reached / 40 <= 0.05).mean(axis=1)
    np.testing.assert_allclose(found.share, share[0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.share_null, share[1:], rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.max_null, every[1:].max(axis=1), rtol=0, atol=1e-15)


def test_planted_neurons_are_found_and_p_is_uniform_elsewhere():
    rng = np.random.default_rng(1)
    scores = rng.random((2, 16))
    blank = rng.standard_normal((600, 16))
    planted = scores[:1] + 0.02 * rng.standard_normal((20, 16))
    neurons, attributes = rdms_of(np.vstack([planted, blank])), rdms_of(scores)
    found = neuron_tau(neurons, attributes, random_orders(16, 199, seed=0))
    p = found.exceed / 200
    assert (p[:20, 0] == 1 / 200).all()
    assert found.tau[:20, 0].min() > found.max_null[:, 0].max()
    # Blank neurons are independent of each other: shares are binomial, SD sqrt(.05 * .95 / 600) = .0089; four of them.
    for k, least in ((0, 20), (1, 0)):
        assert (p[least:, k] <= 0.05).mean() == pytest.approx(0.05, abs=0.036)
    # The mean over the orders of a share that is at most 0.05 by construction.
    assert 0.04 < found.share_null.mean() <= 0.05
    # Pairs that share a stimulus agree with each other, so p from independent pairs is small too often.
    naive = naive_p(found.tau, neurons, attributes)[20:] <= 0.05
    assert naive.mean() > 0.05 + 4 * np.sqrt(0.05 * 0.95 / naive.size)


def test_shares_without_enough_orders_are_undefined(tied):
    few = neuron_tau(*tied, random_orders(12, 18, seed=0))
    assert np.isnan(few.share).all()
    assert np.isnan(few.share_null).all()
    none = neuron_tau(*tied, random_orders(12, 0, seed=0))
    np.testing.assert_array_equal(none.tau, few.tau)
    assert (none.exceed == 1).all()
    assert none.max_null.shape == (0, 3)


def test_constant_neurons_alone_have_no_share(tied):
    found = neuron_tau(np.ones((2, 66)), tied[1], random_orders(12, 39, seed=0))
    assert np.isnan(found.tau).all()
    assert (found.exceed == 40).all()
    assert np.isnan(found.share).all()
    assert np.isnan(found.max_null).all()


def test_products_are_whole_numbers(tied):
    a, b = (tau_a_signs(each) for each in tied)
    assert a.shape == (30, 66 * 65 // 2)
    np.testing.assert_array_equal(float_product(a, b), a.astype(np.int64) @ b.T.astype(np.int64))


def test_what_cannot_be_compared_is_refused(tied):
    neurons, attributes = tied
    orders = random_orders(12, 5, seed=0)
    with pytest.raises(WRONG_SHAPE):
        neuron_tau(neurons[:, :55], attributes, orders)
    with pytest.raises(ValueError, match="orders of 11 stimuli"):
        neuron_tau(neurons, attributes, random_orders(11, 5, seed=0))
    with pytest.raises(ValueError, match="1 of which are the same for all"):
        neuron_tau(neurons, np.vstack([attributes, np.ones((1, 66))]), orders)
    with pytest.raises(ValueError, match="2 distances are NaN"):
        neuron_tau(np.where(np.arange(66) < 2, np.nan, neurons[:1]), attributes, orders)
    with pytest.raises(ValueError, match="needs three"):
        naive_p(np.zeros((1, 1)), np.ones((1, 1)), np.ones((1, 1)))
