"""Relabelling stimuli moves rows and columns of an RDM together, under every comparison."""

import numpy as np
import pytest

from consona.stats.rdm import condensed, square
from consona.stats.rdm_comparison import COMPARISONS, compare_rdms
from consona.stats.rdm_permutation import permuted_comparisons

N = 8


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_equals_comparing_relabelled_matrices(comparison, missing):
    rng = np.random.default_rng(0)
    models, rdms = rng.random((2, 28)).round(1), rng.random((3, 28))
    rdms[1, 5] = np.nan if missing else 0.5
    orders = np.stack([np.arange(N), *(rng.permutation(N) for _ in range(4))])
    found = permuted_comparisons(models, rdms, orders, comparison=comparison)
    for order, r in zip(orders, found, strict=True):
        relabelled = np.array([condensed(square(model)[np.ix_(order, order)]) for model in models])
        np.testing.assert_allclose(r, compare_rdms(relabelled, rdms, comparison=comparison), atol=1e-13)


def test_orders_of_other_stimuli_are_refused():
    with pytest.raises(ValueError, match="orders of 7 stimuli were given for RDMs of 8"):
        permuted_comparisons(np.ones((1, 28)), np.ones((1, 28)), np.arange(7)[None], comparison="pearson")
