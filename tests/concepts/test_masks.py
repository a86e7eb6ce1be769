"""Random masks: as many neurons of every stratum, the same overlaps, and none of the outliers forgotten."""

import numpy as np
import pytest
import xarray as xr

from consona.concepts.masks import FAMILIES, mask_balance, neuron_strata, outlier_neurons, random_masks
from consona.core.errors import InvalidInput

N_LAYERS, N_NEURONS = 2, 120
MASSIVE = [(0, 7), (1, 3), (1, 90)]


@pytest.fixture(scope="module")
def moments():
    rng = np.random.default_rng(0)
    sd = np.exp(rng.normal(-1.6, 0.3, (N_LAYERS, N_NEURONS)))
    sd[tuple(zip(*MASSIVE, strict=True))] = [5.5, 4.6, 3.9]
    sd[0, 11] = 0.0  # a dead neuron
    size = sd * rng.uniform(0.5, 1.5, sd.shape)
    return xr.Dataset({"sd": (("layer", "neuron"), sd), "size": (("layer", "neuron"), size)})


def of_attributes(values):
    coords = {"attribute": [f"a{i}" for i in range(len(values))]}
    coords |= {"layer": np.arange(values.shape[1]), "neuron": np.arange(values.shape[2])}
    return xr.DataArray(values, coords, ("attribute", "layer", "neuron"))


@pytest.fixture(scope="module")
def masks(moments):
    """Three sets, the first two alike, that prefer large neurons of the first layer."""
    rng = np.random.default_rng(1)
    taste = moments["size"].values * np.array([[2.0], [1.0]])
    key = (
        rng.normal(0, 0.05, (3, N_LAYERS, N_NEURONS))
        + taste
        + np.array([0.1, 0.1, 0.5])[:, None, None] * rng.random((2, N_LAYERS, N_NEURONS)).repeat([2, 1], axis=0)
    )
    return of_attributes(key > np.quantile(key, 0.85, axis=(1, 2), keepdims=True))


def per_stratum(sets, strata):
    flat = sets.reshape(-1, strata.size)
    return np.stack([np.bincount(strata.ravel()[row], minlength=strata.max() + 1) for row in flat])


def test_outliers_are_those_far_beyond_their_layer(moments):
    found = outlier_neurons(moments)
    assert list(zip(*np.nonzero(found.values), strict=True)) == MASSIVE
    assert outlier_neurons(moments * 1e-9).equals(found)  # no unit
    still = moments.copy(deep=True)
    still["sd"][0] = 0.0
    assert not outlier_neurons(still)[0].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_as_many_neurons_of_every_stratum(moments, masks, family):
    strata = neuron_strata(moments, family=family).values
    drawn = random_masks(masks, moments, family=family, n=5, seed=0)
    assert drawn.dims == ("attribute", "mask", "layer", "neuron")
    want = per_stratum(masks.values, strata)
    np.testing.assert_array_equal(per_stratum(drawn.values, strata), want.repeat(5, axis=0))
    assert drawn.equals(random_masks(masks, moments, family=family, n=5, seed=0))
    more = random_masks(masks, moments, family=family, n=7, seed=0)  # the first do not depend on how many follow
    np.testing.assert_array_equal(more.values[:, :5], drawn.values)
    assert not drawn.equals(random_masks(masks, moments, family=family, n=5, seed=1))


def test_strata_are_tenths_of_a_layer_and_its_outliers(moments):
    strata = neuron_strata(moments, family="layer and activation").values
    counts = [np.unique(row, return_counts=True)[1] for row in strata]
    assert [len(each) for each in counts] == [11, 11]
    assert [each[-1] for each in counts] == [1, 2]
    assert all(np.ptp(each[:-1]) <= 1 for each in counts)
    size = moments["size"].values[0]
    usual = strata[0] < 10
    assert all(np.diff(strata[0][usual][np.argsort(size[usual])]) >= 0)


@pytest.mark.parametrize("family", FAMILIES[:3])
def test_draws_overlap_as_the_selected_masks_do(moments, masks, family):
    drawn = random_masks(masks, moments, family=family, n=20, seed=0).values
    shared = (masks.values[0] & masks.values[1]).sum()
    assert shared > 0.3 * masks.values[0].sum()
    np.testing.assert_array_equal((drawn[0] & drawn[1]).sum(axis=(1, 2)), shared)
    np.testing.assert_array_equal((drawn[0] & drawn[2]).sum(axis=(1, 2)), (masks.values[0] & masks.values[2]).sum())


def test_disjoint_masks_share_only_what_a_stratum_forces(moments, masks):
    strata = neuron_strata(moments, family="disjoint").values
    drawn = random_masks(masks, moments, family="disjoint", n=20, seed=0)
    shared = mask_balance(masks, drawn, moments)["shared"].values
    chosen, whole = per_stratum(masks.values, strata), np.bincount(strata.ravel())
    forced = np.maximum(0, 2 * chosen - whole).sum(axis=1)
    assert forced.max() > 0
    np.testing.assert_array_equal(shared, np.broadcast_to(forced[:, None], shared.shape))


@pytest.mark.parametrize("family", ["layer and activation", "disjoint"])
def test_every_neuron_of_a_stratum_is_drawn_equally_often(moments, masks, family):
    n = 1500
    strata = neuron_strata(moments, family=family).values.ravel()
    drawn = random_masks(masks.isel(attribute=[0]), moments, family=family, n=n, seed=3).values[0].reshape(n, -1)
    mask = masks.values[0].ravel()
    allowed = np.ones_like(mask) if family != "disjoint" else ~mask
    k = np.bincount(strata, weights=mask)
    room = np.bincount(strata, weights=allowed)
    share = np.divide(k, room, out=np.zeros_like(k), where=room > 0)[strata]
    usable = allowed & (share <= 1)
    error = np.sqrt(share * (1 - np.minimum(share, 1)) / n)
    assert (np.abs(drawn.mean(axis=0) - share) <= 4.5 * error + 1e-12)[usable].all()


def test_balance_tells_matched_masks_from_uniform_ones(moments, masks):
    matched, uniform = (
        mask_balance(masks, random_masks(masks, moments, family=family, n=99, seed=0), moments)
        for family in ("layer and activation", "uniform")
    )
    selected = matched["selected"].sel(moment="size")
    assert (abs(matched["random"].sel(moment="size").mean("mask") / selected - 1) < 0.1).all()
    assert (uniform["random"].sel(moment="size").mean("mask") < 0.8 * selected).all()
    outliers = matched["random"].sel(moment="outliers")
    assert (outliers == matched["selected"].sel(moment="outliers")).all()
    assert (uniform["random"].sel(moment="outliers") != uniform["selected"].sel(moment="outliers")).any()
    by_hand = moments["sd"].values[masks.values[1]].mean()
    assert float(matched["selected"].sel(moment="sd", attribute="a1")) == pytest.approx(by_hand)


def test_bad_masks_and_moments_are_refused(moments, masks):
    def draw(masks=masks, moments=moments, family="layer", n=2):
        return random_masks(masks, moments, family=family, n=n, seed=0)

    with pytest.raises(InvalidInput, match="must be bool"):
        draw(masks.astype(float))
    with pytest.raises(InvalidInput, match="2 layers of 120 neurons"):
        draw(masks.isel(neuron=slice(0, 50)))
    with pytest.raises(InvalidInput, match="no family"):
        draw(family="layers")
    with pytest.raises(InvalidInput, match="at least 1"):
        draw(n=0)
    with pytest.raises(InvalidInput, match="'size'"):
        draw(moments=moments[["sd"]])
    with pytest.raises(InvalidInput, match="NaN or negative"):
        draw(moments=moments.where(moments["sd"] > 0.1), family="layer and activation")
