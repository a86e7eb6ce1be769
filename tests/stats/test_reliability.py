"""Split halves recover a planted reliability, and the published one of the FACED ratings."""

import numpy as np
import pytest

from consona.stats.reliability import others_correlation, spearman_brown, split_half_reliability


def _subjects(n_subjects, n_stimuli, noise, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(n_stimuli) + noise * rng.standard_normal((n_subjects, n_stimuli))


def test_recovers_the_planted_reliability(frozen):
    """Signal variance 1, noise variance 9 over 18 subjects: reliability of the mean is 1 / (1 + 9 / 18) = 2/3."""
    values = frozen(_subjects(18, 2000, noise=3.0, seed=0))
    mean, each = split_half_reliability(values, n_splits=200, seed=0)
    # A correlation of .5 over 2000 stimuli has SE .017; Spearman-Brown has slope 2 / 1.5^2.
    assert mean == pytest.approx(2 / 3, abs=5 * 0.017 * 0.89)
    assert each.shape == (200,)
    assert mean == pytest.approx(spearman_brown(each.mean()))


def test_one_against_the_others_recovers_its_expectation(frozen):
    values = frozen(_subjects(11, 3000, noise=2.0, seed=1))
    expected = 1 / np.sqrt((1 + 4) * (1 + 4 / 10))
    np.testing.assert_allclose(others_correlation(values).mean(), expected, atol=0.03)


def test_a_missing_rating_leaves_a_subject_out_there_only():
    values = _subjects(20, 300, noise=1.0, seed=2) + 50.0  # far from zero, so that a gap must not count as a value
    whole = others_correlation(values)
    holes = values.copy()
    holes[0, :5], holes[3], holes[7:9, 100:] = np.nan, np.nan, np.nan
    r = others_correlation(holes)
    assert np.isnan(r[3])
    np.testing.assert_allclose(
        r[[0, 1, 2, 4, 5, 6, *range(9, 20)]], whole[[0, 1, 2, 4, 5, 6, *range(9, 20)]], atol=0.03
    )
    alike = np.tile(values[0], (6, 1))
    alike[1, ::2], alike[4, ::3] = np.nan, np.nan  # at most two of six: every half of three knows every stimulus
    assert split_half_reliability(alike, n_splits=50, seed=0)[0] == pytest.approx(1.0, abs=1e-12)
    mean, _ = split_half_reliability(holes, n_splits=100, seed=0)
    assert mean == pytest.approx(split_half_reliability(values, n_splits=100, seed=0)[0], abs=0.02)


def test_nothing_in_common_has_no_reliability():
    rng = np.random.default_rng(3)
    mean, each = split_half_reliability(rng.standard_normal((20, 400)), n_splits=300, seed=0)
    assert abs(mean) < 5 * 2 / np.sqrt(400)
    flat, undefined = split_half_reliability(np.ones((6, 10)), n_splits=5, seed=0)
    assert np.isnan(flat)
    assert np.isnan(undefined).all()
    assert np.isfinite(each).all()


def test_spearman_brown():
    np.testing.assert_allclose(spearman_brown(np.array([0.5, 0.0, 1.0])), [2 / 3, 0.0, 1.0])
    assert spearman_brown(0.5, factor=4.0) == pytest.approx(0.8)
    assert np.isnan(spearman_brown(-1.0))


def test_one_subject_has_no_halves():
    with pytest.raises(ValueError, match="1 subjects were to be divided"):
        split_half_reliability(np.zeros((1, 5)), seed=0)
    with pytest.raises(ValueError, match="1 subject was given"):
        others_correlation(np.zeros((1, 5)))


@pytest.mark.data
def test_rated_valence_of_faced_is_as_reliable_as_published(data_folder):
    """Published: halves of 123 subjects correlate .9874 (SD .0037); here are 100 of them, so halves of 50, not 61.

    Between halves, noise variance grows by 123 / 100: expected is 1 / (1 + 1.23 (1 / .9874 - 1)) = .9846.
    """
    released = np.load(data_folder / "faced" / "derived_ratings.npz")
    valence = released["ratings"][:, :, released["item"].tolist().index("Valence")]
    mean, each = split_half_reliability(valence, n_splits=500, seed=0)
    assert each.mean() == pytest.approx(0.9846, abs=2 * 0.0037)
    assert mean == pytest.approx(0.9924, abs=0.004)
