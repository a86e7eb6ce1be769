"""Maps over shared sets agree with RSA by regions and with a loop; a group's map finds what is planted."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist

from consona.alignment import sampled_searchlight as module
from consona.alignment.sampled_rsa import sampled_rsa
from consona.alignment.sampled_searchlight import averaged_maps, group_map, sampled_searchlight
from consona.alignment.sampled_sets import sampled_sets
from consona.brain.searchlight import mostly_inside, nearest_neighbourhoods, sphere_size, volume_neighbourhoods
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.stats.fdr import benjamini_hochberg
from consona.stats.searchlight import Neighbourhoods

IDS = np.array([f"nsd{i:05d}" for i in range(90)])
VOXELS = np.argwhere(np.ones((6, 6, 5)))
AROUND = volume_neighbourhoods(VOXELS, np.eye(4), radius_mm=2, strict=True)
SETS = sampled_sets(IDS, n=30, seed=0)


def made(strength=1.0, *, seed=0):
    """A box of noise with the geometry of a code in one half, beside the code and another."""
    rng = np.random.default_rng(5)
    code = rng.standard_normal((len(IDS), 5))
    other = rng.standard_normal((len(IDS), 5))
    own = np.random.default_rng([6, seed])
    Y = own.standard_normal((len(IDS), len(VOXELS))).astype(np.float32)
    half = VOXELS[:, 0] < 3
    Y[:, half] += strength * (code @ own.standard_normal((5, int(half.sum())))).astype(np.float32)
    places = {name: VOXELS[:, k] for k, name in enumerate("ijk")}
    models = {"code": Features.of(code, IDS), "other": Features.of(other, IDS)}
    return Recording.of(Y, IDS, f"sub-{seed}", targets=places), models


def test_r_is_that_of_a_loop_and_of_the_whole_as_one_region():
    recording, models = made()
    found = sampled_searchlight(recording, models, SETS, neighbourhoods=AROUND)
    assert found["r"].dtype == np.float32
    place = {name: i for i, name in enumerate(IDS.tolist())}
    for centre in (0, 70, 179):
        members = AROUND.indices[AROUND.indptr[centre] : AROUND.indptr[centre + 1]]
        each = []
        for names in SETS.values.tolist():
            rows = [place[name] for name in names]
            brain = pdist(recording.data.values[0, rows][:, members], "correlation")
            each.append(np.corrcoef(brain, pdist(models["code"].layer(0)[rows], "correlation"))[0, 1])
        assert float(found["r"].sel(model="code")[centre]) == pytest.approx(np.mean(each), abs=1e-6)
        assert float(found["sd"].sel(model="code")[centre]) == pytest.approx(np.std(each, ddof=1), abs=1e-6)
    n = recording.n_targets
    everything = Neighbourhoods(np.array([0, n, *[n] * (n - 1)]), np.arange(n))
    whole = sampled_searchlight(recording, models, SETS, neighbourhoods=everything, n_permutations=50)
    region = sampled_rsa(recording, models, SETS, n_permutations=50)
    np.testing.assert_allclose(whole["r"][0], region["mean"][0], atol=1e-6)
    np.testing.assert_allclose(whole["maxima"], region["null"][:, 0], atol=1e-6)
    np.testing.assert_allclose(whole["p"][0], region["p"][0])
    assert np.isnan(whole["r"][1:]).all()


def test_a_planted_model_is_found_where_it_is_and_nowhere_without(monkeypatch):
    recording, models = made()
    found = sampled_searchlight(recording, models, SETS, neighbourhoods=AROUND, n_permutations=99)
    significant = (found["p_max"] < 0.05).to_pandas()
    assert significant.loc[VOXELS[:, 0] < 2, "code"].all()
    assert not significant.loc[VOXELS[:, 0] >= 4, "code"].any()
    assert not significant["other"].any()
    nothing = sampled_searchlight(made(0.0)[0], models, SETS, neighbourhoods=AROUND, n_permutations=99)
    assert (nothing["p_max"] > 0.05).all()
    # Under the null p is uniform: its mean over 360 cells, of which some fifteen are independent, is near one half.
    assert 0.3 < float(nothing["p"].mean()) < 0.7
    monkeypatch.setattr(module, "CELLS", 99 * 2 * 50)  # blocks of 50 centres
    blocks = sampled_searchlight(recording, models, SETS, neighbourhoods=AROUND, n_permutations=99)
    xr.testing.assert_allclose(blocks, found, atol=1e-6)


def test_sets_may_be_done_apart():
    recording, models = made()
    whole = sampled_searchlight(recording, models, SETS, neighbourhoods=AROUND)
    parts = [
        sampled_searchlight(recording.select(SETS[k].values.ravel()), models, SETS[k], neighbourhoods=AROUND)
        for k in (slice(0, 1), slice(1, 3))
    ]
    xr.testing.assert_allclose(averaged_maps(parts), whole, atol=1e-5)
    with pytest.raises(InvalidInput, match="of one subject"):
        averaged_maps([parts[0], parts[1].assign_attrs(subject="another")])


def test_missing_targets_and_stimuli_without_a_distance_are_left_out():
    recording, models = made()
    Y = recording.data.values[0].copy()
    Y[:, [0, 33]] = np.nan
    holed = Recording.of(Y, IDS, "sub-0")
    hot = np.eye(5)[np.arange(len(IDS)) % 5]
    none = SETS.values[1, :2]
    hot[np.isin(IDS, none)] = 0
    both = sampled_searchlight(
        holed, {"code": models["code"], "hot": Features.of(hot, IDS)}, SETS, neighbourhoods=AROUND, n_permutations=3
    )
    assert np.flatnonzero(np.isnan(both["r"].sel(model="code"))).tolist() == [0, 33]
    plain = sampled_searchlight(holed, {"code": models["code"]}, SETS, neighbourhoods=AROUND)
    np.testing.assert_allclose(both["r"].sel(model=["code"]), plain["r"], atol=1e-6)
    # The same neighbourhood as a region: pairs without a distance are left out there as well.
    members = AROUND.indices[AROUND.indptr[100] : AROUND.indptr[101]]
    region = sampled_rsa(Recording.of(Y[:, members], IDS, "sub-0"), {"hot": Features.of(hot, IDS)}, SETS)
    assert float(both["r"].sel(model="hot")[100]) == pytest.approx(float(region["mean"][0, 0]), abs=1e-6)
    with pytest.raises(InvalidInput, match="180 neighbourhoods and 10 targets"):
        sampled_searchlight(Recording(holed.data[:, :, 1:11], "sub-0"), models, SETS, neighbourhoods=AROUND)


def test_spheres_of_six_voxels_have_895_or_925_members():
    affine = np.diag([1.8, 1.8, 1.8, 1])
    assert sphere_size(affine, radius_mm=10.8, strict=True) == 895
    assert sphere_size(affine, radius_mm=10.8) == 925
    grid = np.argwhere(np.ones((15, 13, 13)))
    around = volume_neighbourhoods(grid, affine, radius_mm=10.8, strict=True)
    n_each = np.diff(around.indptr)
    assert n_each.max() == 895
    assert n_each[grid.tolist().index([6, 6, 6])] == 895
    for strict in (True, False):  # 895 is odd: more than half and at least half are the same spheres
        kept = mostly_inside(around, size=895, strict=strict)
        np.testing.assert_array_equal(np.diff(kept.indptr), np.where(n_each >= 448, n_each, 0))
    some = np.flatnonzero(n_each >= 448)[3]
    np.testing.assert_array_equal(
        kept.indices[kept.indptr[some] : kept.indptr[some + 1]],
        around.indices[around.indptr[some] : around.indptr[some + 1]],
    )
    pairs = nearest_neighbourhoods(np.arange(8.0)[:, None] * [1.0, 0.0, 0.0], n_nearest=2)
    assert np.diff(mostly_inside(pairs, size=4, strict=False).indptr).sum() == 16
    assert np.diff(mostly_inside(pairs, size=4).indptr).sum() == 0
    with pytest.raises(InvalidInput, match="a whole sphere the largest"):
        mostly_inside(around, size=800)


def test_a_group_map_finds_what_is_planted_and_is_that_of_scipy():
    rng = np.random.default_rng(3)
    values = rng.normal(0.0, 0.05, size=(8, 200))
    values[:, :60] += 0.2
    values[2, 150] = np.nan
    maps = xr.DataArray(values, {"roi": ("target", np.repeat(["a", "b"], 100))}, ("subject", "target"))
    found = group_map(maps)
    assert (found["q"][:60] < 0.05).all()
    assert (found["q_t"][:60] < 0.05).all()
    # At q = .05 with 60 of 200 planted, about 3 of the others are expected below it.
    assert int((found["q"][60:] < 0.05).sum()) <= 9
    assert float(found["p"].min()) == 2 / 256
    t = stats.ttest_1samp(np.delete(values, 150, axis=1), 0.0)
    np.testing.assert_allclose(np.delete(found["p_t"].values, 150), t.pvalue)
    np.testing.assert_allclose(found["q_t"], benjamini_hochberg(found["p_t"].values))
    assert np.isnan(found["t"][150])
    assert (int(found["n_subjects"][150]), found["roi"].values[150]) == (7, "b")
    assert (group_map(maps[:, 60:])["q"] > 0.05).all()
    with pytest.raises(InvalidInput, match="two subjects at least"):
        group_map(maps[:1])
