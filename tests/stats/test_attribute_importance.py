"""Agreement of people with attributes: SciPy's tau, draws done by hand, and a null that holds."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from consona.stats.attribute_importance import attribute_importance
from consona.stats.permutation import random_orders
from consona.stats.rdm import pair_positions
from consona.stats.rdm_bootstrap import drawn

N_STIMULI, N_RATERS = 12, 10
PAIRS = np.triu_indices(N_STIMULI, 1)


def ratings(rng, scores, weights, noise=1.0):
    """Whole numbers from 1 to 9, so that distances tie; one row per rater."""
    distance = np.abs(scores[:, PAIRS[0]] - scores[:, PAIRS[1]])
    wanted = 3 + weights @ distance + rng.normal(0, noise, (N_RATERS, len(PAIRS[0])))
    return np.clip(np.round(wanted), 1, 9), distance


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, N_STIMULI))
    scores[2] = np.round(scores[2])
    return *ratings(rng, scores, np.array([1.5, 0.5, 0.0])), random_orders(N_STIMULI, 199, seed=0)


def tau_a(a, b):
    signs = [np.sign(np.round(v, 9)[:, None] - np.round(v, 9)) for v in (a, b)]
    return (signs[0] * signs[1]).sum() / (len(a) * (len(a) - 1))


def test_tau_is_that_of_scipy_and_p_is_counted(made, frozen):
    human, distance, orders = frozen(*made)
    found = attribute_importance(human, distance, orders, n_draws=20, seed=0)
    mean = np.round(human.mean(axis=0), 9)
    np.testing.assert_allclose(found.tau_b, [kendalltau(mean, np.round(row, 9)).statistic for row in distance])
    np.testing.assert_allclose(found.tau_a, [tau_a(mean, row) for row in distance])
    null = np.array([[tau_a(mean[positions], row) for row in distance] for positions in pair_positions(orders)])
    np.testing.assert_allclose(found.p, ((null >= found.tau_a - 1e-12).sum(axis=0) + 1) / 200)
    np.testing.assert_allclose(found.null_sd, null.std(axis=0, ddof=1))
    most = null.max(axis=1)
    np.testing.assert_allclose(found.p_max, [((most >= tau - 1e-12).sum() + 1) / 200 for tau in found.tau_a])
    assert found.p_max[0] == 0.005


def test_errors_are_those_of_draws_done_by_hand(made):
    human, distance, orders = made
    found = attribute_importance(human, distance, orders, n_draws=60, seed=4)
    raters = drawn(N_RATERS, 60, seed=4, of="subjects")
    again = [[tau_a(np.repeat(human, c, axis=0).mean(axis=0), row) for row in distance] for c in raters]
    np.testing.assert_allclose(found.error, np.std(again, axis=0, ddof=1) * np.sqrt(N_RATERS / (N_RATERS - 1)))
    stimuli, mean = drawn(N_STIMULI, 60, seed=4, of="stimuli"), human.mean(axis=0)

    def weighted(counts, row):
        pairs = np.repeat(np.arange(len(mean)), counts[PAIRS[0]] * counts[PAIRS[1]])
        signs = [np.sign(np.round(v[pairs], 9)[:, None] - np.round(v[pairs], 9)) for v in (mean, row)]
        return (signs[0] * signs[1]).sum() / (pairs[:, None] != pairs).sum()

    again = [[weighted(c, row) for row in distance] for c in stimuli]
    np.testing.assert_allclose(found.error_stimuli, np.std(again, axis=0, ddof=1) * np.sqrt(12 / 11))
    assert (found.error_stimuli > found.error).all()
    for low, high in ((found.low, found.high), (found.low_stimuli, found.high_stimuli)):
        np.testing.assert_allclose((low + high) / 2, found.tau_a)


def test_an_unrelated_attribute_is_important_in_one_study_of_twenty():
    n, rng, p = 200, np.random.default_rng(1), []
    orders = random_orders(N_STIMULI, 99, seed=1)
    for _ in range(n):
        scores = rng.normal(size=(2, N_STIMULI))
        human, distance = ratings(rng, scores, np.array([1.0, 0.0]))
        p.append(attribute_importance(human, distance, orders, n_draws=2, seed=0).p)
    p = np.array(p)
    assert (p[:, 0] <= 0.05).mean() > 0.9
    assert (p[:, 1] <= 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / n))


def test_an_attribute_without_differences_and_gaps(made):
    human, distance, orders = made
    distance[1] = 2.0
    found = attribute_importance(human, distance, orders, n_draws=5, seed=0)
    assert np.isnan([found.tau_a[1], found.tau_b[1], found.error[1], found.p[1], found.p_max[1]]).all()
    assert np.isfinite(found.p_max[[0, 2]]).all()
    human[3, 4] = np.nan
    with pytest.raises(ValueError, match="1 missing"):
        attribute_importance(human, distance, orders, seed=0)
    with pytest.raises(ValueError, match="at least two raters"):
        attribute_importance(human[:1], distance, orders, seed=0)
