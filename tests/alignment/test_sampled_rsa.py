"""Sets are drawn once; planted geometry is found in its region, absent geometry is not, and models are paired."""

import numpy as np
import pytest
import rsatoolbox
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist

from consona.alignment.sampled_rsa import compare_models, sampled_rsa
from consona.alignment.sampled_sets import sampled_sets
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording

N, N_TARGETS = 230, 60
IDS = np.array([f"nsd{i:05d}" for i in range(N)])


def made(strength, *, seed=0):
    """Two regions of noise, the first with the geometry of a code added, and a third that has no name."""
    rng = np.random.default_rng(seed)
    code = rng.standard_normal((N, 6))
    Y = rng.standard_normal((N, N_TARGETS)).astype(np.float32)
    Y[:, :25] += strength * (code @ rng.standard_normal((6, 25))).astype(np.float32)
    roi = np.repeat(["ventral", "early", ""], [25, 25, 10])
    models = {
        "code": Features.of(code, IDS),
        "other": Features.of(rng.standard_normal((N, 2, 6)), IDS),
    }
    return Recording.of(Y, IDS, "sub-01", targets={"roi": roi}), models


def test_sets_are_disjoint_seeded_and_know_nothing_of_the_order_of_ids():
    sets = sampled_sets(IDS, n=50, seed=3)
    assert sets.shape == (4, 50)
    assert len(np.unique(sets)) == 200
    assert sets.attrs == {"seed": 3, "n_left_out": 30}
    xr.testing.assert_identical(sets, sampled_sets(IDS[::-1], n=50, seed=3))
    assert (sampled_sets(IDS, n=50, seed=4) != sets).any()
    with pytest.raises(InvalidInput, match="Sets of 231 were asked for, of 230 stimuli"):
        sampled_sets(IDS, n=231, seed=0)
    with pytest.raises(InvalidInput, match="'nsd00001' occur more than once"):
        sampled_sets(["nsd00001"] * 4, n=3, seed=0)


def test_planted_geometry_is_found_where_it_is_and_nowhere_without():
    recording, models = made(1.0)
    sets = sampled_sets(IDS, n=50, seed=0)
    found = sampled_rsa(recording, models, sets, n_permutations=199)
    assert found["model"].values.tolist() == ["code", "other layer 0", "other layer 1"]
    assert found["of_model"].values.tolist() == ["code", "other", "other"]
    p = found["p"].to_pandas()
    assert p.loc["ventral", "code"] == 1 / 200
    # Five other cells: the smallest of five uniform p is below .01 in one of twenty data sets; the seed is fixed.
    assert (p.drop(columns="code") > 0.01).all(axis=None)
    assert p.loc["early", "code"] > 0.01
    nothing = sampled_rsa(made(0.0)[0], models, sets, n_permutations=199)
    assert float(nothing["p"].min()) > 0.01
    # Under the null a mean over 4 sets has mean 0; its SD over 199 orders bounds that of its average.
    for name in ("ventral", "early"):
        null = nothing["null"].sel(region=name, model="code").values
        assert abs(null.mean()) < 4 * null.std() / np.sqrt(len(null))


def test_r_is_that_of_scipy_and_rsatoolbox():
    recording, models = made(1.0)
    sets = sampled_sets(IDS, n=20, seed=1)
    found = sampled_rsa(recording, models, sets).sel(region="ventral", model="code")
    place = {name: i for i, name in enumerate(IDS.tolist())}
    Y, X = recording.data.values[0, :, :25].astype(float), models["code"].layer(0).astype(float)
    for k, names in enumerate(sets.values.tolist()):
        rows = [place[name] for name in names]
        brain, model = pdist(Y[rows], "correlation"), pdist(X[rows], "correlation")
        assert float(found["r"][k]) == pytest.approx(stats.pearsonr(brain, model).statistic, abs=2e-6)
        theirs = rsatoolbox.rdm.compare(
            rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(Y[rows]), method="correlation"),
            rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(X[rows]), method="correlation"),
            method="corr",
        )
        assert float(found["r"][k]) == pytest.approx(float(theirs[0, 0]), abs=2e-6)
    assert float(found["mean"]) == pytest.approx(float(found["r"].mean()))
    assert float(found["sd"]) == pytest.approx(float(found["r"].std(ddof=1)))


def test_models_are_paired_whatever_else_is_compared_and_ids_may_be_in_any_order():
    recording, models = made(1.0)
    sets = sampled_sets(IDS, n=50, seed=0)
    both = sampled_rsa(recording, models, sets, n_permutations=20)
    order = np.random.default_rng(9).permutation(N)
    alone = sampled_rsa(
        recording.select(IDS[order]), {"code": models["code"].select(IDS[order[::-1]])}, sets, n_permutations=20
    )
    np.testing.assert_allclose(both.sel(model=["code"])["r"], alone["r"], atol=1e-12)
    np.testing.assert_allclose(both.sel(model=["code"])["null"], alone["null"], atol=1e-12)


def test_what_is_missing_is_counted_and_what_cannot_be_is_named():
    recording, models = made(1.0)
    sets = sampled_sets(IDS, n=50, seed=0)
    holed = recording.data.values.copy()
    holed[:, :, [3, 30, 55]] = np.nan
    missing = Recording.of(holed[0], IDS, "sub-01", targets={"roi": recording.data["roi"].values})
    found = sampled_rsa(missing, models, sets)
    assert found["n_missing"].values.tolist() == [1, 1]
    assert found["n_targets"].values.tolist() == [24, 24]
    hot = np.eye(6)[np.arange(N) % 6]
    hot[sets.values[0, 0] == IDS] = 0  # no category at all
    some = sampled_rsa(recording, {"hot": Features.of(hot, IDS)}, sets)
    assert some["n_missing_pairs"].values.tolist() == [49]
    assert np.isfinite(some["r"]).all()
    flat = recording.data.values.copy()
    flat[0, sets.values[1, 2] == IDS, :25] = 1.5
    with pytest.raises(InvalidInput, match=f"region 'ventral' to '{sets.values[1, 2]}'"):
        sampled_rsa(Recording.of(flat[0], IDS, "sub-01", targets={"roi": recording.data["roi"].values}), models, sets)
    with pytest.raises(InvalidInput, match="Model 'code': 1 of the 200 stimuli of the sets are not among its 229"):
        sampled_rsa(recording, {"code": models["code"].select(sets.values[0, 0] != IDS)}, sets)
    with pytest.raises(InvalidInput, match="found none"):
        sampled_rsa(recording, {}, sets)


def compared(shift):
    """Eight subjects of very different levels; the second model is a little above the first in each of them."""
    rng = np.random.default_rng(2)
    level = rng.normal(0.2, 0.1, size=(8, 2, 1))
    r = level + 0.01 * rng.standard_normal((8, 2, 3)) + np.array([0.0, shift, 0.0])
    coords = {"region": ["early", "ventral"], "model": ["a", "b", "c"]}
    return xr.DataArray(r, coords, ("subject", "region", "model"))


def test_pairs_see_what_unpaired_tests_miss():
    r = compared(0.04)
    found = compare_models(r)
    assert found["p_signs"].sel(pair=0).values.tolist() == [2 / 256, 2 / 256]
    assert (found["p_unpaired_t"].sel(pair=0) > 0.2).all()
    assert found["letters"].sel(region="ventral").values.tolist() == ["b", "a", "b"]
    for mode, letters in (("paper", ["b", "a", "b"]), ("released", ["a", "a", "a"])):
        assert compare_models(r, mode=mode)["letters"].sel(region="early").values.tolist() == letters
    assert (compare_models(compared(0.0))["q"] > 0.05).all()
    a, b = r.sel(region="early", model="a").values, r.sel(region="early", model="b").values
    paired, unpaired = stats.ttest_rel(a, b), stats.ttest_ind(a, b)
    one = found.isel(region=0, pair=0)
    assert (str(one["first"].values), str(one["second"].values)) == ("a", "b")
    assert float(one["t"]) == pytest.approx(paired.statistic)
    assert float(one["p_paired_t"]) == pytest.approx(paired.pvalue)
    assert float(one["p_unpaired_t"]) == pytest.approx(unpaired.pvalue)
    interval = paired.confidence_interval(0.95)
    assert (float(one["low"]), float(one["high"])) == pytest.approx((interval.low, interval.high))
    assert float(one["dz"]) == pytest.approx((a - b).mean() / (a - b).std(ddof=1))
    np.testing.assert_allclose(one["per_subject"], a - b)
    with pytest.raises(InvalidInput, match="two subjects and two models at least"):
        compare_models(r.isel(model=[0]))
