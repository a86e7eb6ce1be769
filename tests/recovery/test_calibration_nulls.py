"""p is uniform under every null where there is nothing to find, and the shortcuts that are not are shown to fail.

400 studies are drawn with a fixed seed. Kolmogorov and Smirnov's test then sees a distribution function that is off by
.1 anywhere (critical distance at .001: 1.95 / sqrt(400) = .098), for instance 15 % below .05. Discrete p-values are
made continuous by a uniform draw within their last step, which is exactly uniform when p is valid and not conservative.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from consona.stats.correlation import pearson_columns, unit_columns
from consona.stats.equivalence import equivalence_of_mean, equivalence_of_mean_by_flips
from consona.stats.fdr import benjamini_hochberg, holm
from consona.stats.permutation import fwer_p_values, max_statistic, p_value, random_orders
from consona.stats.subject_test import subject_test
from consona.stats.surrogates import block_orders, circular_shifts, group_orders, phase_randomised

N_STUDIES, N_ORDERS = 400, 99
ALARM = 0.001


def ks(p, n_values, rng):
    """p of Kolmogorov and Smirnov's test that ``p``, with steps of 1 / n_values, is uniform."""
    return stats.kstest(np.asarray(p) - rng.random(len(p)) / n_values, "uniform").pvalue


def correlations(X, y):
    """Of every row of X with y."""
    return (unit_columns(X.T).T @ unit_columns(y[:, None]))[:, 0]


def autoregressive(n, phi, rng):
    """A stationary series: 200 rows are drawn before the first one that counts."""
    return lfilter([1.0], [1.0, -phi], rng.standard_normal(n + 200))[200:]


def drawn_p(x, y, null):
    return float(p_value(correlations(x[None], y)[0], correlations(null, y)))


def test_whole_groups_are_exchangeable_and_their_rows_are_not():
    """Eight groups of four rows; most of the variance of both sides belongs to the group."""
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(8), 4)
    whole, single = [], []
    for study in range(N_STUDIES):
        x, y = (rng.standard_normal(8)[groups] + 0.3 * rng.standard_normal(32) for _ in range(2))
        orders = group_orders(groups, N_ORDERS, seed=study)
        assert not orders.exact
        whole.append(drawn_p(x, y, x[orders.rows]))
        single.append(drawn_p(x, y, x[random_orders(32, N_ORDERS, seed=study)]))
    assert ks(whole, N_ORDERS + 1, rng) > ALARM
    assert ks(single, N_ORDERS + 1, rng) < 1e-6
    # With R = 8 / 8.7 of the variance between, a correlation has the spread of 8 rows: 1 / sqrt(7), not 1 / sqrt(31).
    expected = 2 * stats.norm.sf(stats.norm.isf(0.025) * np.sqrt(7 / 31) / 0.95)
    assert np.mean(np.minimum(single, 1 - np.array(single)) <= 0.025) > expected - 0.1


def test_groups_of_several_sizes_are_exchanged_within_their_size():
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(10), [2] * 5 + [5] * 5)
    p = []
    for study in range(N_STUDIES):
        x, y = (rng.standard_normal(10)[groups] + 0.3 * rng.standard_normal(35) for _ in range(2))
        p.append(drawn_p(x, y, x[group_orders(groups, N_ORDERS, seed=study).rows]))
    assert ks(p, N_ORDERS + 1, rng) > ALARM


def test_all_orders_of_long_blocks_hold_on_autocorrelated_series():
    """Five blocks of 40 rows, autocorrelation .7 per row (gone after ten): all 120 orders, so p is exact."""
    rng, run = np.random.default_rng(2), np.zeros(200, dtype=int)
    orders = block_orders(run, 40, 120, seed=0)
    assert orders.exact
    p = []
    for _ in range(N_STUDIES):
        x, y = autoregressive(200, 0.7, rng), autoregressive(200, 0.7, rng)
        r = correlations(x[orders.rows], y)
        p.append(float(p_value(r[0], r, exact=True)))
    assert ks(p, 120, rng) > ALARM


@pytest.mark.parametrize("null", ["phases", "circle"])
def test_phases_and_circular_shifts_hold_on_autocorrelated_series(null):
    rng, run = np.random.default_rng(3), np.zeros(256, dtype=int)
    p = []
    for study in range(N_STUDIES):
        x, y = autoregressive(256, 0.9, rng), autoregressive(256, 0.9, rng)
        if null == "phases":
            surrogates = phase_randomised(x[:, None], run, N_ORDERS, seed=study)[:, :, 0]
        else:
            surrogates = x[circular_shifts(run, N_ORDERS, min_shift=20, seed=study).rows]
        p.append(drawn_p(x, y, surrogates))
    assert ks(p, N_ORDERS + 1, rng) > ALARM


def test_rows_of_a_series_are_not_exchangeable_and_its_parametric_p_is_no_p():
    """The trap: two unrelated smooth series (Gaussian window, SD 6 rows), 300 rows.

    Their autocorrelations exp(-k^2 / 4 s^2) multiply and sum to s sqrt(2 pi) = 15 rows, so r has the spread of 20 rows,
    while Pearson's p believes in 300: P(|r| > .1133) = 61 %.
    """
    rng = np.random.default_rng(4)
    x, y = (gaussian_filter1d(rng.standard_normal((400, 2000)), 6.0, axis=0)[50:350] for _ in range(2))
    r = pearson_columns(x, y)
    p = 2 * stats.t.sf(np.abs(r) * np.sqrt(298 / (1 - r**2)), 298)
    limit = stats.t.isf(0.025, 298) / np.sqrt(298 + stats.t.isf(0.025, 298) ** 2)
    expected = 2 * stats.norm.sf(limit * np.sqrt(300 / (6 * np.sqrt(2 * np.pi))))
    assert (p <= 0.05).mean() == pytest.approx(expected, abs=4 * np.sqrt(0.24 / 2000) + 0.02)
    rows = [drawn_p(a, b, a[random_orders(300, N_ORDERS, seed=i)]) for i, (a, b) in enumerate(zip(x.T[:200], y.T))]
    assert np.mean(np.array(rows) <= 0.05) > 0.25  # one-sided half of the same


def test_sign_flips_over_subjects_are_exact():
    """Eight subjects, symmetric values with heavy tails: p takes 256 values, each equally often."""
    rng = np.random.default_rng(5)
    values = rng.standard_t(3, size=(8, N_STUDIES)) * rng.uniform(0.5, 2.0, size=(8, 1))
    found = subject_test(values, seed=0)
    assert found.exact
    assert ks(found.p, 256, rng) > ALARM
    drawn = subject_test(values, n_permutations=N_ORDERS, seed=1)
    assert (drawn.p <= 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / N_STUDIES)


def test_subjects_who_saw_the_same_stimuli_share_their_luck():
    """12 subjects share half of their responses to 40 stimuli, and the predictor none: signs of subjects then test
    these very stimuli. One order of the stimuli for all subjects at a time, and the mean over subjects, is uniform.
    """
    rng = np.random.default_rng(9)
    by_stimuli, by_subjects = [], []
    for study in range(N_STUDIES):
        x, Y = rng.standard_normal(40), rng.standard_normal((40, 1)) + rng.standard_normal((40, 12))
        r = unit_columns(x[:, None]).T @ unit_columns(Y)
        orders = random_orders(40, N_ORDERS, seed=study)
        null = unit_columns(x[orders].T).T @ unit_columns(Y)
        by_stimuli.append(float(p_value(r.mean(), null.mean(axis=1))))
        by_subjects.append(subject_test(r.T, seed=0).p[0])
    assert ks(by_stimuli, N_ORDERS + 1, rng) > ALARM
    assert np.mean(np.array(by_subjects) <= 0.05) > 0.2


def test_corrected_p_over_subjects_and_targets_holds_the_family_wise_rate():
    """30 correlated targets of unequal spread: the smallest corrected p of a study is itself uniform."""
    rng = np.random.default_rng(6)
    over_subjects, over_stimuli = [], []
    for study in range(200):
        Y = (rng.standard_normal((8, 30)) + rng.standard_normal((8, 1))) * rng.uniform(0.1, 10, 30)
        over_subjects.append(subject_test(Y, seed=study).p_max.min())
        groups, x = np.repeat(np.arange(12), 2), rng.standard_normal(12)[np.repeat(np.arange(12), 2)]
        Y = rng.standard_normal((12, 30))[groups] + rng.standard_normal((12, 1))[groups]
        null = max_statistic(x[group_orders(groups, N_ORDERS, seed=study).rows], Y)
        over_stimuli.append(fwer_p_values(max_statistic(x[None], Y), null)[0])
    assert ks(over_subjects, 256, rng) > ALARM
    assert ks(over_stimuli, N_ORDERS + 1, rng) > ALARM


def test_false_discoveries_and_family_wise_errors_have_their_rate():
    """50 independent tests, 40 of nothing: Benjamini and Hochberg's rate is exactly 40 / 50 of the level."""
    rng = np.random.default_rng(7)
    z = rng.standard_normal((1000, 50))
    z[:, 40:] += 3.0
    p = stats.norm.sf(z)
    kept = np.array([benjamini_hochberg(each) <= 0.1 for each in p])
    false = kept[:, :40].sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
    assert false.mean() == pytest.approx(0.8 * 0.1, abs=4 * false.std() / np.sqrt(1000))
    assert kept[:, 40:].mean() > 0.5
    any_false = np.array([(holm(each)[:40] <= 0.1).any() for each in p])
    # Between Bonferroni over all 50 and over the 40 true ones.
    assert 0.08 - 4 * 0.009 < any_false.mean() < 0.1 + 4 * 0.0095


@pytest.mark.parametrize("way", ["t", "flips"])
def test_equivalence_has_its_level_at_the_bound_and_finds_what_is_absent(way):
    """At the bound itself the null is just true: p <= .05 in 5 % of studies; in the middle nearly always."""
    rng = np.random.default_rng(8)

    def p_of(mean):
        values = rng.normal(mean, 0.1, size=(12, 1000))
        if way == "t":
            return equivalence_of_mean(values, low=-0.2, high=0.2)
        return equivalence_of_mean_by_flips(values, low=-0.2, high=0.2, seed=0)

    assert (p_of(0.2) <= 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 1000))
    assert (p_of(0.3) <= 0.05).mean() < 0.01
    assert (p_of(0.0) <= 0.05).mean() > 0.99
