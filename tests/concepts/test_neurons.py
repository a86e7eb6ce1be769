"""Planted neurons are found and chosen, absent ones not; bad material is refused, never scored."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kendalltau

from consona.concepts.concept_rdms import attribute_rdms, neuron_rdms
from consona.concepts.neurons import (
    distinct_neurons,
    distinctness,
    layer_shares,
    neuron_rsa,
    neurons_below_q,
    overlap,
    top_neurons,
)
from consona.core.errors import InvalidInput
from consona.stats.neuron_tau import float_product

EMOTIONS = [f"e{i:02d}" for i in range(14)]
ATTRIBUTES = ["valence", "arousal", "control"]
N_PLANTED, N_NEURONS = 10, 120
HOW = {"product": float_product, "seed": 0}


def scores(seed=0):
    values = np.random.default_rng(seed).random((14, 3))
    return xr.DataArray(values, {"emotion": EMOTIONS, "attribute": ATTRIBUTES}, ("emotion", "attribute"))


def activations(people, *, plant=True, n_splits=2, seed=1):
    """Layer k starts with neurons of attribute k, and neuron 50 of layer 1 never varies; the rest is noise."""
    rng = np.random.default_rng(seed)
    own = 0.5 * rng.standard_normal((14, 3, N_NEURONS))
    if plant:
        own[:, range(3), :N_PLANTED] = people.values[..., None]
    own = np.stack([own + 0.01 * rng.standard_normal(own.shape) for _ in range(n_splits)])
    own[:, :, 1, 50] = 1 / 3
    coords = {"split": range(n_splits), "emotion": EMOTIONS, "layer": range(3), "neuron": range(N_NEURONS)}
    return xr.DataArray(own, coords, ("split", "emotion", "layer", "neuron"))


@pytest.fixture(scope="module")
def rsa():
    return neuron_rsa(activations(scores()), scores(), n_permutations=299, **HOW)


def test_tau_is_kendalls_of_mean_distances(rsa):
    people, a = scores(), activations(scores()).values[:, :, 2, 7]
    i, j = np.triu_indices(14, 1)
    distance = np.abs(a[:, i] - a[:, j]).mean(axis=0).round(9)
    attribute = np.abs(people.values[i, 2] - people.values[j, 2]).round(9)
    tau = kendalltau(distance, attribute).statistic  # without ties tau-b is tau-a
    assert rsa["tau"].sel(attribute="control", layer=2, neuron=7).item() == pytest.approx(tau, abs=1e-12)


def test_planted_neurons_are_found_in_their_places(rsa):
    for mask in (top_neurons(rsa, N_PLANTED), distinct_neurons(rsa, N_PLANTED)):
        expected = np.zeros((3, 3, N_NEURONS), bool)
        expected[range(3), range(3), :N_PLANTED] = True
        np.testing.assert_array_equal(mask, expected)
        np.testing.assert_array_equal(layer_shares(mask), np.eye(3))
        np.testing.assert_array_equal(overlap(mask), np.eye(3))
    below = neurons_below_q(rsa, 0.15)  # the smallest q that 10 of 359 tests can have is 359 / 10 / 300 = .12
    assert below.values[range(3), range(3), :N_PLANTED].all()
    assert below.sum() < 2 * 3 * N_PLANTED
    assert not neurons_below_q(rsa, 0.01).any()


def test_a_neuron_that_never_varies_has_no_value_and_is_never_chosen(rsa):
    for name in ("tau", "p", "p_naive"):
        gone = rsa[name].isnull()
        assert gone.sum() == 3
        assert gone.sel(layer=1, neuron=50).all()
    assert rsa.attrs["n_constant"] == 1
    assert not top_neurons(rsa, 3 * N_NEURONS - 1).sel(layer=1, neuron=50).any()
    with pytest.raises(InvalidInput, match="360 neurons were asked for, of 359"):
        top_neurons(rsa, 3 * N_NEURONS)


def test_without_a_plant_shares_are_those_of_chance():
    people = scores()
    found = neuron_rsa(activations(people, plant=False), people, n_permutations=299, **HOW)
    assert (found["p_share"] > 0.001).all()
    # 359 independent neurons: SD of a share sqrt(.05 * .95 / 359) = .0115; four of them.
    assert np.abs(found["share"] - 0.05).max() < 0.046
    assert not neurons_below_q(found, 0.05).any()
    # What people see in pairs that share an emotion is no independent evidence.
    assert (found["p_naive"] <= 0.05).mean() > (found["p"] <= 0.05).mean()


def test_emotions_are_matched_by_name():
    people, active = scores(), activations(scores(), n_splits=1)
    one = neuron_rsa(active, people, n_permutations=0, **HOW)
    turned = neuron_rsa(active, people[::-1].transpose("attribute", "emotion"), n_permutations=0, **HOW)
    xr.testing.assert_identical(one, turned)
    assert one["p"].isnull().all()
    assert one["p_share"].isnull().all()
    with pytest.raises(InvalidInput, match="needs permutations"):
        neurons_below_q(one, 0.05)


def test_material_that_cannot_be_compared_is_refused():
    people, active = scores(), activations(scores(), n_splits=1)
    with pytest.raises(InvalidInput, match="only one of both knows 'e03'"):
        neuron_rsa(active, people.drop_sel(emotion="e03"), n_permutations=9, **HOW)
    with pytest.raises(InvalidInput, match="'valence' do not"):
        attribute_rdms(people.where(people["attribute"] != "valence", 0.5), EMOTIONS)
    with pytest.raises(InvalidInput, match=r"1 of 14 emotion rows: 'e05'"):
        neuron_rdms(active.where(active["emotion"] != "e05"))
    with pytest.raises(InvalidInput, match="found one"):
        distinct_neurons(neuron_rsa(active, people[:, :1], n_permutations=0, **HOW), 3)
    with pytest.raises(InvalidInput, match="two splits"):
        distinctness(active, people, 5, n_permutations=9, **HOW)
    with pytest.raises(InvalidInput, match="Sets of 400 neurons"):
        distinctness(activations(people), people, 400, n_permutations=9, **HOW)


def test_distances_are_rounded_so_that_ties_are_ties():
    a = np.array([0.1, 0.1 + 0.2, 0.5]) / 1.5  # .133333333333333 and .133333333333334 apart
    active = xr.DataArray(a.reshape(1, 3, 1, 1), {"emotion": list("abc")}, ("split", "emotion", "layer", "neuron"))
    active = active.assign_coords(layer=[0], neuron=[0])
    assert len({abs(a[0] - a[1]), abs(a[1] - a[2]), abs(a[0] - a[2])}) == 3
    assert len(np.unique(neuron_rdms(active).values)) == 2


def test_overlap_counts_shared_neurons_and_leaves_empty_sets_undefined():
    mask = np.zeros((3, 1, 6), bool)
    mask[0, 0, :4] = mask[1, 0, 2:] = True
    masks = xr.DataArray(mask, {"attribute": ATTRIBUTES}, ("attribute", "layer", "neuron"))
    found = overlap(masks).values
    assert found[0, 1] == pytest.approx(2 / 6)
    assert found[0, 2] == 0
    assert np.isnan(found[2, 2])
    assert layer_shares(masks).isnull().values.tolist() == [[False], [False], [True]]


def test_sets_are_distinct_where_each_attribute_has_neurons_and_nothing_else_is_stable():
    people = scores()
    rng = np.random.default_rng(5)
    planted = activations(people)
    planted = planted.copy(
        data=planted.values + rng.standard_normal(planted.shape) * (np.arange(N_NEURONS) >= N_PLANTED)
    )
    found = distinctness(planted, people, N_PLANTED, n_permutations=99, **HOW)
    assert (found["within"] == 1).all()
    assert (found["between"] == 0).all()
    assert found["difference"] == 1
    assert found["p"] == 0.01
    blank = activations(people, plant=False)
    noise = distinctness(blank.copy(data=rng.standard_normal(blank.shape)), people, N_PLANTED, n_permutations=99, **HOW)
    assert noise["p"] > 0.01
    assert noise["p_names"] > 0.01


def test_stable_neurons_of_no_attribute_repeat_but_are_not_distinct():
    """Every neuron is the same in both halves, so any table finds its sets again: no sign of these attributes."""
    people = scores()
    found = distinctness(activations(people, plant=False), people, 20, n_permutations=99, **HOW)
    assert found["difference"] > 0.4
    assert found["p"] > 0.05
    assert found["p_names"] <= 2 / 100 + 1 / 6  # 3 names have 6 orders, of which one keeps all
