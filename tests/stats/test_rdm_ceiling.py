"""Ceilings of RDM comparisons agree with rsatoolbox, and no RDM beats the upper one where it is said to be the best."""

import warnings

import numpy as np
import pytest

from consona.stats.rdm_ceiling import rdm_ceiling
from consona.stats.rdm_comparison import COMPARISONS, compare_rdms

PAIRS = 45


@pytest.fixture
def rdms(frozen):
    rng = np.random.default_rng(0)
    return frozen(rng.random(PAIRS) + rng.random((6, PAIRS)))


@pytest.mark.parametrize(
    ("comparison", "theirs"),
    [
        ("pearson", "corr"),
        ("spearman", "spearman"),
        ("rho-a", "rho-a"),
        ("kendall tau-a", "tau-a"),
        ("cosine", "cosine"),
    ],
)
def test_agrees_with_rsatoolbox(comparison, theirs, rdms):
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that tau's is from mean ranks
        low, high = boot_noise_ceiling(RDMs(rdms.copy()), theirs)
    ours = rdm_ceiling(rdms, comparison=comparison)
    assert (ours.lower.mean(), ours.upper.mean()) == pytest.approx((low, high), abs=1e-13)


@pytest.mark.parametrize("comparison", [each for each in COMPARISONS if each != "kendall tau-a"])
def test_nothing_near_the_mean_does_better_than_the_upper_bound(comparison, rdms):
    upper = rdm_ceiling(rdms, comparison=comparison).upper.mean()
    rng = np.random.default_rng(1)
    near = rdms.mean(axis=0) + 0.1 * rng.standard_normal((300, PAIRS)) * rng.random((300, 1))
    assert compare_rdms(near, rdms, comparison=comparison).mean(axis=1).max() <= upper + 1e-12


def test_an_undefined_subject_adds_nothing_and_a_missing_pair_little(rdms):
    broken = np.vstack([np.full(PAIRS, 3.0), rdms])
    for comparison in ("spearman", "pearson", "whitened correlation"):
        ours, without = (rdm_ceiling(each, comparison=comparison) for each in (broken, rdms))
        assert np.isnan([ours.lower[0], ours.upper[0]]).all()
        np.testing.assert_allclose(ours.lower[1:], without.lower, atol=1e-13)
    gap = rdms.copy()
    gap[0, 5] = np.nan
    ours = rdm_ceiling(gap, comparison="spearman")
    np.testing.assert_allclose(ours.upper, rdm_ceiling(rdms, comparison="spearman").upper, atol=0.03)


def test_one_subject_has_no_ceiling(rdms):
    with pytest.raises(ValueError, match="at least two"):
        rdm_ceiling(rdms[:1], comparison="pearson")
