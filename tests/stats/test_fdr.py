"""Corrections agree with SciPy and with a count by hand, and leave undefined tests out."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from consona.stats.fdr import benjamini_hochberg, holm


def test_benjamini_hochberg_agrees_with_scipy(frozen):
    p = frozen(np.random.default_rng(0).beta(0.5, 3, size=(8, 20)))
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p.ravel()).reshape(8, 20), rtol=1e-12)


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.09, 0.09, 0.5])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1.0, 1.0])


@pytest.mark.parametrize("correction", [benjamini_hochberg, holm])
def test_undefined_tests_are_not_counted(correction):
    p = np.array([0.01, np.nan, 0.2, 0.03])
    corrected = correction(p)
    assert np.isnan(corrected[1])
    np.testing.assert_array_equal(corrected[[0, 2, 3]], correction(p[[0, 2, 3]]))
    assert correction(np.array([])).shape == (0,)
    with pytest.raises(ValueError, match="outside 0 to 1, the first is 1.5"):
        correction(np.array([0.1, 1.5]))
