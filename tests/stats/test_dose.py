"""A planted threshold is recovered; where gains stay, are absent, harm, or only fall, none is claimed."""

import numpy as np
import pytest

from consona.stats.dose import PLANTS, planted_gains, saturation_threshold

STRENGTH = np.linspace(0.1, 0.9, 9)
ERROR = np.full(9, 0.01)


def studies(plant, n, *, gain=0.08, spread=0.03):
    """``n`` dose experiments with 60 subjects, analysed."""
    for seed in range(n):
        true = planted_gains(STRENGTH, plant, gain=gain, threshold=0.5, spread=spread, n_subjects=60, seed=seed)
        yield saturation_threshold(STRENGTH, true, error=ERROR, n_draws=250, seed=seed)


def test_a_planted_threshold_is_recovered_and_its_interval_covers_it():
    n = 30
    found = list(studies("saturating", n))
    crossings = np.array([each.crossing for each in found])
    # the line through the five points below .5 falls by .16; a mean gain is off by .03 / sqrt(60) = .004, and half of
    # that variance is the same at all points: the crossing is off by about .004 / .16 = .025 in SD
    assert np.median(crossings) == pytest.approx(0.5, abs=4 * 1.25 * 0.025 / np.sqrt(n))
    assert crossings.std() < 2 * 0.025 + ERROR[0]
    covered = [each.crossing_low <= 0.5 <= each.crossing_high for each in found]
    assert np.mean(covered) >= 0.8  # nominal .95; below .8 (24 of 30) in one of five hundred runs
    claimed = [each for each in found if not each.failed]
    assert len(claimed) >= 0.75 * n
    assert all(each.low < each.threshold < each.high for each in claimed)


@pytest.mark.parametrize("plant", [plant for plant in PLANTS if plant != "saturating"])
def test_where_there_is_no_threshold_none_is_claimed(plant):
    found = list(studies(plant, 40, spread=0.03 if plant == "falling" else 0.05))
    assert np.mean([not each.failed for each in found]) <= 0.05
    assert all(np.isnan(each.threshold) for each in found if each.failed)


def test_the_condition_that_failed_is_named():
    (constant,), (harm,), (falling,) = (list(studies(plant, 1)) for plant in ("constant", "harm", "falling"))
    assert any("does not fall" in text for text in constant.failed)
    assert any("weakest axis is not positive" in text for text in harm.failed)
    assert [text for text in falling.failed if "not inside the observed strengths" in text]
    assert falling.p_slope < 0.05
    assert falling.crossing > 0.9


def test_a_gain_that_stays_small_is_not_called_gone_unless_it_is_below_the_margin():
    base = planted_gains(STRENGTH, "none", spread=0.02, n_subjects=100, seed=0)
    gains = base + np.maximum(0.02, 0.15 * (1 - STRENGTH / 0.5))[:, None]
    for margin, shown in ((0.01, False), (0.04, True)):
        found = saturation_threshold(STRENGTH[:6], gains[:6], margin=margin, n_draws=250, seed=0)
        assert any("counts as none" in text for text in found.failed) != shown


def test_a_line_through_zero_and_harm_beyond_has_its_threshold_at_zero():
    noise = planted_gains(STRENGTH, "none", spread=0.02, n_subjects=50, seed=1)
    found = saturation_threshold(STRENGTH, noise + 0.08 * (1 - STRENGTH / 0.5)[:, None], n_draws=300, seed=0)
    assert found.failed == ()
    assert found.low < 0.5 < found.high
    assert found.threshold == pytest.approx(0.5, abs=0.05)
    assert found.beyond_high < 0


def test_order_of_doses_does_not_matter_and_too_few_are_refused():
    gains = planted_gains(STRENGTH, "saturating", seed=0)
    turned = saturation_threshold(STRENGTH[::-1].copy(), gains[::-1].copy(), n_draws=100, seed=3)
    found = saturation_threshold(STRENGTH, gains, n_draws=100, seed=3)
    assert turned.crossing == found.crossing
    np.testing.assert_allclose(turned.gain[::-1], found.gain)
    with pytest.raises(ValueError, match="at least 4 points"):
        saturation_threshold(STRENGTH[:3], gains[:3], seed=0)
    with pytest.raises(ValueError, match="not all finite"):
        saturation_threshold(STRENGTH, np.where(gains == gains[2, 2], np.nan, gains), seed=0)
    with pytest.raises(ValueError, match="'sigmoid' was to be planted"):
        planted_gains(STRENGTH, "sigmoid", seed=0)
