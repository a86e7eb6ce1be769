"""Effects over held-out subjects: planted ones recovered, luck of a network not taken for one, power as simulated."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from consona.stats.fdr import benjamini_hochberg, holm
from consona.stats.paired_effects import detectable_effect, equivalence_power, paired_effects, rejections

# The paper's 25 strategies, "<x" as x.
PUBLISHED = [
    *(0.0015, 0.21, 0.006, 0.063, 0.0003, 0.007, 0.039, 0.50, 0.89, 1e-4, 1e-3, 1e-4, 1e-3),
    *(1e-3, 0.04, 0.18, 0.22, 0.069, 0.12, 0.05, 1e-4, 1e-4, 0.97, 0.01, 1e-3),
]


def test_the_published_table_has_fifteen_ten_and_thirteen():
    assert rejections(np.array(PUBLISHED)) == (15, 10, 13)
    assert rejections(np.array([np.nan, 0.2])) == (0, 0, 0)


def test_all_signs_are_counted_and_the_t_over_seeds_is_scipys(frozen):
    rng = np.random.default_rng(0)
    a, b = frozen(rng.uniform(0.3, 0.7, (3, 4, 8)), rng.uniform(0.3, 0.7, (4, 8)))
    found = paired_effects(a, b, seed=0)
    each = (a - b).mean(axis=1)
    null = np.array([each @ signs for signs in product([1, -1], repeat=8)])
    total = each.sum(axis=1)
    np.testing.assert_allclose(found.p, (np.abs(null) >= np.abs(total) - 1e-12).mean(axis=0))
    np.testing.assert_allclose(found.p_above, (null >= total - 1e-12).mean(axis=0))
    np.testing.assert_allclose(found.p_below, (null <= total + 1e-12).mean(axis=0))
    np.testing.assert_allclose(found.effect, each.mean(axis=1))
    over_seeds = stats.ttest_rel(a.mean(axis=2), np.broadcast_to(b.mean(axis=1), (3, 4)), axis=1)
    np.testing.assert_allclose(found.t_seeds, over_seeds.statistic)
    np.testing.assert_allclose(found.p_seeds, over_seeds.pvalue)
    np.testing.assert_allclose(found.holm, holm(found.p))
    np.testing.assert_allclose(found.bh, benjamini_hochberg(found.p))
    assert np.isnan(found.p_folds).all()


def planted(rng, effects, n_subjects=100, n_seeds=2):
    """Accuracies whose paired differences have an SD of .04 over subjects once two seeds are averaged."""
    base = rng.normal(0.6, 0.1, (n_seeds, n_subjects))
    noise = rng.normal(0.0, 0.04 * np.sqrt(n_seeds), (len(effects), n_seeds, n_subjects))
    return base + np.asarray(effects)[:, None, None] + noise, base


def test_help_harm_and_nothing_are_told_apart():
    effects = np.r_[0.03, -0.03, np.zeros(198)]
    found = paired_effects(*planted(np.random.default_rng(1), effects), n_permutations=1023, seed=0)
    error = 0.04 / np.sqrt(100)
    np.testing.assert_allclose(found.effect[:2], effects[:2], atol=3 * error)
    assert found.p_above[0] == found.p_below[1] == pytest.approx(1 / 1024)
    assert found.p_equal[:2].min() > 0.05
    inside = (found.low <= effects) & (effects <= found.high)
    assert inside.mean() == pytest.approx(0.945, abs=4 * np.sqrt(0.05 / 200))
    assert (found.p[2:] <= 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / 198))
    # a margin of 2.5 standard errors is shown as often as the stated power says
    assert (found.p_equal[2:] <= 0.05).mean() == pytest.approx(found.power.mean(), abs=0.08)


def test_power_is_that_of_simulated_studies():
    rng, n, sd, margin = np.random.default_rng(2), 20, 0.03, 0.02
    values = rng.normal(0.0, sd, (20_000, n))
    error, t = values.std(axis=1, ddof=1) / np.sqrt(n), stats.t.ppf(0.95, n - 1)
    shown = (np.abs(values.mean(axis=1)) + t * error < margin).mean()
    said = equivalence_power(np.array([sd]), np.array([n]), margin=margin)
    np.testing.assert_allclose(said, shown, atol=4 * np.sqrt(0.25 / 20_000))
    delta = detectable_effect(np.array([sd]), np.array([n]))[0]
    limit = stats.t.ppf(0.975, n - 1)
    assert stats.nct.sf(limit, n - 1, delta / sd * np.sqrt(n)) == pytest.approx(0.8, abs=0.01)
    assert np.isnan(equivalence_power(np.array([np.nan]), np.array([1]), margin=0.01)).all()


def test_subjects_of_one_network_share_its_luck():
    """Ten networks, each with its own luck: signs of subjects reject too often, signs of folds do not."""
    rng = np.random.default_rng(3)
    luck = rng.normal(0.0, 0.03, (200, 1, 10)).repeat(10, axis=2)
    accuracy, base = planted(rng, np.zeros(200), n_seeds=1)
    found = paired_effects(accuracy + luck, base, folds=np.arange(100) // 10, n_permutations=1024, seed=0)
    assert (found.p <= 0.05).mean() > 0.3
    assert (found.p_folds <= 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / 200))


def test_seeds_that_were_not_run_are_left_out():
    a, b = planted(np.random.default_rng(4), [0.02, 0.02], n_subjects=12, n_seeds=5)
    a[1, 3:] = np.nan
    found, alone = paired_effects(a, b, seed=0), paired_effects(a[1:, :3], b[:3], seed=0)
    assert found.n_seeds.tolist() == [5, 3]
    assert found.effect[1] == pytest.approx(alone.effect[0])
    assert found.t_seeds[1] == pytest.approx(alone.t_seeds[0])
    none = paired_effects(np.full((1, 2, 4), np.nan), np.zeros((2, 4)), seed=0)
    assert np.isnan(none.p).all()
    assert none.n_subjects[0] == 0


def test_what_does_not_pair_is_refused():
    with pytest.raises(ValueError, match="both need the same seeds"):
        paired_effects(np.zeros((2, 3, 1)), np.zeros((3, 1)), seed=0)
    with pytest.raises(ValueError, match="a positive one"):
        paired_effects(np.zeros((2, 3, 8)), np.zeros((3, 8)), margin=0.0, seed=0)
