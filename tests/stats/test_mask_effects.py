"""Losses of masks: the formula, planted harm, cells without a value, and how random masks differ."""

import numpy as np
import pytest
from scipy.stats import kurtosis

from consona.stats.mask_effects import dose_table, heterogeneity, mask_test


def losses(rng, n_attributes=6, n_random=99, n_emotions=27, effect=0.0):
    """Masks differ by .01 (SD), emotions by .05, cells by .02; ``effect`` is added to the selected ones."""
    shape = (n_attributes, n_random + 1, n_emotions)
    each = rng.normal(0.02, 0.01, shape[:2])[:, :, None] + rng.normal(0, 0.05, n_emotions) + rng.normal(0, 0.02, shape)
    each[:, 0] += np.broadcast_to(effect, n_attributes)[:, None]
    return each[:, 0], each[:, 1:]


def test_values_are_those_of_the_formula(frozen):
    selected, random = frozen(*losses(np.random.default_rng(0)))
    found = mask_test(selected, random, seed=0)
    means = np.concatenate([selected.mean(axis=1)[:, None], random.mean(axis=2)], axis=1)
    np.testing.assert_allclose(found.effect, means[:, 0] - means[:, 1:].mean(axis=1))
    np.testing.assert_allclose(found.p, (means[:, 1:] >= means[:, :1]).sum(axis=1) / 100 + 0.01)
    np.testing.assert_allclose(found.p_below, (means[:, 1:] <= means[:, :1]).sum(axis=1) / 100 + 0.01)
    z = (means - means.mean(axis=1, keepdims=True)) / means.std(axis=1, ddof=1, keepdims=True)
    np.testing.assert_allclose(found.z, z[:, 0], atol=1e-8)
    np.testing.assert_allclose(found.p_max, ((z[:, 1:].max(axis=0) >= z[:, :1]).sum(axis=1) + 1) / 100)
    overall = z.mean(axis=0)
    assert found.pooled_p == pytest.approx(((overall[1:] >= overall[0]).sum() + 1) / 100)
    assert found.pooled == pytest.approx(found.effect.mean())
    assert found.pooled_low < found.pooled < found.pooled_high
    others = [means[:, j].mean() - np.delete(means, j, axis=1).mean() for j in (1, 99)]
    np.testing.assert_allclose(found.pooled_null[[0, -1]], others)
    assert (found.n_undefined == 0).all()


def test_planted_harm_is_found_and_absent_harm_is_not():
    effect = np.array([0.05, 0.05, 0.0, 0.0, 0.0, -0.05])
    found = mask_test(*losses(np.random.default_rng(1), effect=effect), seed=0)
    error = np.hypot(0.01, 0.02 / np.sqrt(27)) * np.sqrt(1 + 1 / 99)  # of one mask, and of the mean of 99
    np.testing.assert_allclose(found.effect, effect, atol=3.5 * error)
    assert (found.p_max[:2] == 0.01).all()
    assert found.p_max[2:].min() > 0.05
    assert found.p_below[5] == 0.01
    even = mask_test(*losses(np.random.default_rng(2), effect=0.015), seed=0)  # none alone, all together
    assert even.p_max.min() > 0.01
    assert even.pooled_p <= 0.02
    assert mask_test(*losses(np.random.default_rng(3)), seed=0).pooled_p > 0.05


def test_an_emotion_that_is_not_tested_changes_nothing():
    selected, random = losses(np.random.default_rng(4))
    whole = mask_test(selected[:, 1:], random[:, :, 1:], seed=0)
    selected[:, 0], random[:, :, 0] = np.nan, np.nan
    gaps = mask_test(selected, random, seed=0)
    np.testing.assert_allclose(gaps.effect, whole.effect)
    assert (gaps.p == whole.p).all()
    assert gaps.pooled_p == whole.pooled_p
    assert (gaps.n_undefined == 100).all()


def test_a_missing_cell_does_not_mix_up_easy_and_hard_emotions():
    selected, random = losses(np.random.default_rng(5))
    hard = np.linspace(0, 0.4, 27)
    selected, random = selected + hard, random + hard
    whole = mask_test(selected, random, seed=0)
    selected[0, -3:] = np.inf  # three of the hardest; without care the mask would seem milder by .04
    gaps = mask_test(selected, random, seed=0)
    assert gaps.effect[0] == pytest.approx(whole.effect[0], abs=3 * 0.02 * np.sqrt(1 / 24 - 1 / 27))
    assert gaps.n_undefined[0] == 3


def test_a_random_mask_that_breaks_the_model_counts_against_the_effect():
    selected, random = losses(np.random.default_rng(6), effect=0.05)
    random[:, 4] = np.nan
    found = mask_test(selected, random, seed=0)
    assert (found.p == 0.02).all()
    assert (found.p_max >= 0.02).all()
    assert found.pooled_p == 0.02
    assert found.pooled_p_below == 1.0
    assert np.isnan(found.pooled_null[4])
    selected[2] = np.nan  # a selected one: excluded, and the others go on
    found = mask_test(selected, random, seed=0)
    assert np.isnan([found.effect[2], found.p[2], found.p_max[2]]).all()
    assert found.pooled == pytest.approx(np.delete(found.effect, 2).mean())
    selected[:] = np.nan
    nothing = mask_test(selected, random, seed=0)
    assert np.isnan([nothing.pooled, nothing.pooled_p, nothing.pooled_low]).all()


def test_masks_that_cost_the_same_tie():
    same = mask_test(np.full((2, 5), 0.1), np.full((2, 19, 5), 0.1), seed=0)
    assert (same.p == 1).all()
    assert same.pooled_p == 1
    # accuracies are counts over items: equal sums in another order are equal
    cells = np.array([0.1, 0.2, 0.3])
    tied = mask_test(cells[None], np.stack([cells[::-1], cells[[1, 0, 2]], cells - 0.1])[None], seed=0)
    assert tied.p[0] == 0.75


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="at least one mask"):
        mask_test(np.zeros((2, 5)), np.zeros((2, 0, 5)), seed=0)
    with pytest.raises(ValueError, match="defined loss"):
        heterogeneity(np.full((2, 9, 5), np.nan))


def test_few_masks_that_do_most_of_the_harm_are_shown():
    _, random = losses(np.random.default_rng(7), n_attributes=2)
    random[0, :3] += 0.3
    random[1, 5] = np.nan
    found = heterogeneity(random)
    each = random.mean(axis=2)
    np.testing.assert_allclose(found.mean, [each[0].mean(), np.nanmean(each[1])])
    np.testing.assert_allclose(found.quartiles[:, 0], np.quantile(each[0], (0.25, 0.5, 0.75)))
    assert found.kurtosis[0] == pytest.approx(kurtosis(each[0], bias=False))
    assert found.kurtosis[0] > 10 > found.kurtosis[1]
    np.testing.assert_allclose(found.share, [np.mean(each[0] > 0.05), np.mean(np.delete(each[1], 5) > 0.05)])
    assert found.n_undefined.tolist() == [0, 1]
    assert found.most[0] > 0.25 > found.sd[0] > found.sd[1]


def test_the_dose_table_has_attributes_and_their_mean():
    rng = np.random.default_rng(8)
    given = [losses(rng, n_attributes=3, n_random=19, effect=dose) for dose in (0.0, 0.1)]
    selected, random = (np.stack(each) for each in zip(*given, strict=True))
    found = dose_table(selected, random)
    np.testing.assert_allclose(found.selected[:, :3], selected.mean(axis=2))
    np.testing.assert_allclose(found.selected[:, 3], selected.mean(axis=(1, 2)))
    np.testing.assert_allclose(found.low[0, 1], np.quantile(random[0, 1].mean(axis=1), 0.025))
    np.testing.assert_allclose(found.high[1, 3], np.quantile(random[1].mean(axis=(0, 2)), 0.975))
    assert (found.k[1] == 0).all()
    assert (found.selected[1] > found.high[1]).all()
