"""Units found by a contrast of prompts: SciPy's t, planted units, and states that do not fit."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from consona.alignment.localised_units import localised_units
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.stats.fdr import benjamini_hochberg


def _prompts(n: int, seed: int, shift: float = 0.0) -> Features:
    values = np.random.default_rng(seed).standard_normal((n, 3, 20))
    values[:, 1, :4] += shift  # four units of layer 1 answer to these prompts
    values[:, :, 19] = 1.0  # and one never moves
    return Features.of(values, [f"p{seed}-{i}" for i in range(n)])


@pytest.mark.parametrize("compared", ["size", "value"])
def test_t_and_false_discovery_rate_are_those_of_scipy(compared):
    a, b = _prompts(12, 0, 1.0), _prompts(15, 1)
    found = localised_units(a, b, n=57, compared=compared)
    change = np.abs if compared == "size" else np.asarray
    pair = [change(each.data.values[:, :, :19].astype(float)) for each in (a, b)]
    oracle = ttest_ind(*pair, equal_var=False)
    place = (found.table["layer"].to_numpy(), found.table["feature"].to_numpy())
    np.testing.assert_allclose(found.table["t"], oracle.statistic[place], rtol=1e-10)
    np.testing.assert_allclose(found.table["q"], benjamini_hochberg(oracle.pvalue)[place], rtol=1e-8)
    assert found.n_compared == 57


def test_planted_units_come_first_and_absent_ones_are_not_significant():
    found = localised_units(_prompts(60, 0, 4.0), _prompts(60, 1), n=5)
    assert set(zip(found.table["layer"][:4], found.table["feature"][:4], strict=True)) == {(1, i) for i in range(4)}
    assert found.table["q"][:4].max() < 0.001
    assert localised_units(_prompts(60, 2), _prompts(60, 3), n=5).table["q"].min() > 0.05


def test_units_become_one_layer_of_other_states():
    found = localised_units(_prompts(60, 0, 4.0), _prompts(60, 1), n=4)
    states = _prompts(7, 5)
    chosen = found.features(states)
    assert chosen.data.shape == (7, 1, 4)
    np.testing.assert_array_equal(chosen.layer(0)[:, 0], states.layer(1)[:, found.table["feature"][0]])


def test_other_layers_too_many_units_and_too_few_prompts_are_refused():
    a, b = _prompts(6, 0), _prompts(6, 1)
    with pytest.raises(InvalidInput, match="58 units were asked for and 57 vary"):
        localised_units(a, b, n=58)
    with pytest.raises(InvalidInput, match="one model and site"):
        localised_units(a, Features(b.data.sel(layer=[0])), n=1)
    with pytest.raises(InvalidInput, match="two of each sort"):
        localised_units(a, b.select(b.ids[:1]), n=1)
    with pytest.raises(InvalidInput, match="same site of the same model"):
        localised_units(a, b, n=57).features(Features(a.data.sel(layer=[0])))
