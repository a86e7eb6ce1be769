"""Rungs are measured as far from whole captions as they were put, and captions agree as much as they were made to."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

from consona.alignment.sampled_sets import sampled_sets
from consona.alignment.text_geometry import caption_consistency, rung_agreement
from consona.core.errors import InvalidInput
from consona.core.features import Features

IDS = np.array([f"image{i:03d}" for i in range(60)])
N_FEATURES = 400


@pytest.fixture(scope="module")
def full():
    return np.random.default_rng(1).standard_normal((len(IDS), N_FEATURES)).astype(np.float32)


def noisy(values, sd, seed=2):
    return values + sd * np.random.default_rng(seed).standard_normal(values.shape)


def test_a_rung_is_as_far_away_as_it_was_put(full):
    sd = 0.75  # r = 1 / sqrt(1 + sd^2) = 0.8, and its spread over images is (1 - r^2) / sqrt(400) = 0.018
    rungs = {"same": full, "noisy": noisy(full, sd), "other": noisy(0 * full, 1, seed=3), "narrow": full[:, :50]}
    rungs = {name: Features.of(values, IDS) for name, values in rungs.items()}
    rungs["noisy"] = rungs["noisy"].select(IDS[::-1])  # aligned by id
    found = rung_agreement(Features.of(full, IDS), rungs, n_draws=300)
    for name in ("r", "cosine"):
        mean = found[f"{name}_mean"].sel(rung=["same", "noisy", "other"]).values
        np.testing.assert_allclose(mean, [1, 0.8, 0], atol=4 * 0.05 / np.sqrt(60))
        assert found[f"{name}_sd"].sel(rung="noisy").item() == pytest.approx(0.018, abs=0.008)
        assert found[f"{name}_low"].sel(rung="noisy") < 0.8 < found[f"{name}_high"].sel(rung="noisy")
        assert np.isnan(found[f"{name}_mean"].sel(rung="narrow"))
    for name in ("rdm_pearson", "rdm_spearman"):
        r = found[name]
        assert r.sel(rung="same") == pytest.approx(1, abs=1e-6)
        # 1,770 pairs: an SD of 0.024 where nothing is shared
        assert abs(r.sel(rung="other").item()) < 0.1
        assert r.sel(rung="noisy") > 0.4
        assert (found[f"{name}_low"] <= r + 1e-9).all()
        assert (r <= found[f"{name}_high"] + 1e-9).all()
        assert (abs(found[f"{name}_mismatched"]) < 0.1).all()
    assert found.attrs["n_sets"] == 1


def test_whole_geometry_and_mismatched_images_equal_the_plain_computation(full):
    other = noisy(full, 1.0)
    found = rung_agreement(Features.of(full, IDS), {"one": Features.of(other, IDS)}, n_draws=20)
    a, b = pdist(full, "correlation"), pdist(other.astype(np.float32), "correlation")
    assert found["rdm_pearson"].item() == pytest.approx(pearsonr(a, b).statistic, abs=1e-6)
    assert found["rdm_spearman"].item() == pytest.approx(spearmanr(a, b).statistic, abs=1e-6)
    R = np.corrcoef(other, full)[:60, 60:]
    np.testing.assert_allclose(found["r"].values[0], np.diag(R), atol=1e-6)
    apart = R[~np.eye(60, dtype=bool)]
    assert found["r_mismatched"].item() == pytest.approx(apart.mean(), abs=1e-7)
    assert found["r_mismatched_sd"].item() == pytest.approx(apart.std(), abs=1e-7)


def test_many_images_are_compared_in_the_shared_sets(full):
    other = noisy(full, 1.0).astype(np.float32)
    names = {"one": Features.of(other, IDS)}
    found = rung_agreement(Features.of(full, IDS), names, set_size=15, n_draws=400, seed=5)
    places = [np.searchsorted(IDS, row) for row in sampled_sets(IDS, n=15, seed=5).values]
    each = [pearsonr(pdist(full[k], "correlation"), pdist(other[k], "correlation")).statistic for k in places]
    assert found.attrs["n_sets"] == len(each) == 4
    assert found["rdm_pearson"].item() == pytest.approx(np.mean(each), abs=1e-6)
    assert min(each) <= found["rdm_pearson_low"] < found["rdm_pearson_high"] <= max(each)


@pytest.fixture(scope="module")
def captions():
    """Five captions per image, each its image plus noise of SD 1; two images have a sixth."""
    rng = np.random.default_rng(6)
    image = rng.standard_normal((len(IDS), 1, N_FEATURES))
    values = image + rng.standard_normal((len(IDS), 6, N_FEATURES))
    values[2:, 5] = np.nan
    return xr.DataArray(values, {"stimulus": IDS, "caption": np.arange(6)}, ("stimulus", "caption", "feature"))


def test_captions_agree_as_much_as_they_were_made_to(captions):
    found = caption_consistency(captions, n_draws=200)
    # one caption (variance 1 + 1) against the mean of four others (1 + 1/4)
    expected = 1 / np.sqrt(2 * 1.25)
    # the SD over features of one r is (1 - r^2) / sqrt(400) = 0.03; captions of an image share their signal
    assert found["r_mean"].item() == pytest.approx(expected, abs=4 * 0.03 / np.sqrt(60))
    assert found["r_low"] < expected < found["r_high"]
    assert abs(found["r_mismatched"].item()) < 0.01
    assert np.isfinite(found["r"].values[:2]).all()
    assert np.isnan(found["r"].values[2:, 5]).all()
    assert np.isnan(found["rdm_pearson"].values[5])
    x = captions.values
    one, others = pdist(x[:, 1], "correlation"), pdist(np.nanmean(np.delete(x, 1, axis=1), axis=1), "correlation")
    assert found["rdm_pearson"].values[1] == pytest.approx(pearsonr(one, others).statistic, abs=1e-9)
    assert found["rdm_pearson_low"] < found["rdm_pearson_mean"] < found["rdm_pearson_high"]


def test_the_released_ceiling_is_that_of_the_fifth_caption_alone(captions):
    broken = captions.copy(deep=True)
    broken[:, 4] = np.random.default_rng(7).standard_normal((len(IDS), N_FEATURES))
    released = caption_consistency(broken, mode="released", n_draws=20)
    assert abs(released["r_mean"].item()) < 0.03
    assert np.isnan(released["r"].values[:, :4]).all()
    assert caption_consistency(broken, n_draws=20)["r_mean"] > 0.4
    np.testing.assert_allclose(released["r"].values[:, 4], caption_consistency(broken, n_draws=20)["r"].values[:, 4])


def test_what_cannot_be_compared_is_named(captions, full):
    with pytest.raises(InvalidInput, match="image007"):
        caption_consistency(captions.where((captions["stimulus"] != "image007") | (captions["caption"] < 1)))
    with pytest.raises(InvalidInput, match="60 of 60"):
        caption_consistency(captions[:, :4], mode="released")
    with pytest.raises(InvalidInput, match="embed_each"):
        caption_consistency(captions[:, 0])
    whole = Features.of(full, IDS)
    with pytest.raises(InvalidInput, match="'nouns' have 1 layers and 59 images"):
        rung_agreement(whole, {"nouns": whole.select(IDS[1:])})
    with pytest.raises(InvalidInput, match="no rung"):
        rung_agreement(whole, {})
