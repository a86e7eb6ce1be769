"""Planted preferences of regions for sentences are found by maps, by the null of other sentences, and nowhere else."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import permutation_test, ttest_1samp

from consona.alignment.selectivity import contrast_maps, predicted_sentences, regional_contrasts, sentence_null
from consona.alignment.vertex_encoding import fitted_encoder
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.stats.fdr import benjamini_hochberg

N_SUBJECTS, N_GROUP, N_POOL, N_TARGETS = 8, 5, 30, 120
A, B = [f"a{i}" for i in range(N_GROUP)], [f"b{i}" for i in range(N_GROUP)]
POOL = [f"p{i}" for i in range(N_POOL)]
CONTRASTS = {"a - b": (A, B)}


def predicted(size, seed=0):
    """Subjects, sentences, targets; the first 40 targets (region 'first') respond more to sentences about A."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((1, 2 * N_GROUP + N_POOL, N_TARGETS))
    values = common + 0.3 * rng.standard_normal((N_SUBJECTS, common.shape[1], N_TARGETS))
    values[:, :N_GROUP, :40] += size
    roi = np.repeat(["first", "second", "none"], 40)
    coords = {"subject": [f"s{i}" for i in range(N_SUBJECTS)], "sentence": A + B + POOL, "roi": ("target", roi)}
    return xr.DataArray(values.astype(np.float32), coords, ("subject", "sentence", "target"))


def test_maps_are_those_of_scipy():
    given = predicted(0.5)
    maps = contrast_maps(given, CONTRASTS).isel(contrast=0)
    expected = given.sel(sentence=A).mean("sentence") - given.sel(sentence=B).mean("sentence")
    np.testing.assert_allclose(maps["difference"], expected, atol=1e-5)
    np.testing.assert_allclose(maps["t"], ttest_1samp(expected.values.astype(float), 0).statistic, rtol=1e-3, atol=1e-3)
    for target in (0, 60):
        oracle = permutation_test(
            (expected.values[:, target].astype(float),), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert maps["p"].values[target] == pytest.approx(oracle.pvalue, abs=1e-12)
    np.testing.assert_allclose(maps["q"], benjamini_hochberg(maps["p"].values))
    assert maps.attrs["smallest_p"] == maps["p"].min() == 2 / 256


def test_a_preference_is_more_than_two_random_groups_of_sentences():
    # The difference of two means of five has SD sqrt(2 / 5) = 0.63 over draws, so 4.5 is 7 SD beside a maximum of 3.5.
    found = sentence_null(predicted(4.5), CONTRASTS, POOL, n_draws=400).isel(contrast=0)
    assert (found["p_max"].values[:40] < 0.05).mean() > 0.95
    assert (found["p"].values[:40] < 0.05).mean() > 0.95
    # People agree on every difference between any ten sentences here, which signs alone would call selectivity.
    assert (contrast_maps(predicted(0.0), CONTRASTS)["q"].values < 0.05).mean() > 0.5
    none = sentence_null(predicted(0.0), CONTRASTS, POOL, n_draws=400).isel(contrast=0)
    assert (none["p"].values < 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / N_TARGETS)
    assert (none["p_max"].values < 0.01).sum() == 0


def test_encoders_of_a_region_that_prefers_a_direction_prefer_its_sentences():
    rng = np.random.default_rng(1)
    images, ids = rng.standard_normal((200, 6)), [f"i{k}" for k in range(200)]
    weights = 0.2 * rng.standard_normal((6, 30))
    weights[0, :10] += 1  # the first ten targets respond to the first feature, which sentences about A have
    roi = np.repeat(["first", "second"], [10, 20])
    people = [
        Recording.of(images @ weights + rng.standard_normal((200, 30)), ids, f"s{k}", targets={"roi": roi})
        for k in range(8)
    ]
    encoders = {each.subject: fitted_encoder(each, Features.of(images, ids), train=ids) for each in people}
    vectors = 0.3 * rng.standard_normal((2 * N_GROUP, 6))
    vectors[:N_GROUP, 0] += 1
    maps = contrast_maps(predicted_sentences(encoders, Features.of(vectors, A + B)), CONTRASTS)
    table = regional_contrasts(maps["difference"]).isel(contrast=0)
    expected = (vectors[:N_GROUP].mean(axis=0) - vectors[N_GROUP:].mean(axis=0)) @ weights
    # A weight has a standard error of 1 / sqrt(200) = .07 in each of eight subjects; a ridge shrinks it a little.
    np.testing.assert_allclose(maps["mean"].values[0], expected, atol=0.15)
    assert float(table["q"].sel(region="first")) == pytest.approx(2 / 256, abs=0.01)
    assert float(table["mean"].sel(region="first")) > float(table["mean"].sel(region="second")) + 0.5
    with pytest.raises(InvalidInput, match="same targets"):
        predicted_sentences({}, Features.of(vectors, A + B))


def test_regions_hold_every_subject():
    table = regional_contrasts(contrast_maps(predicted(1.0), CONTRASTS)["difference"]).isel(contrast=0)
    assert table["region"].values.tolist() == ["first", "second"]
    first = table.sel(region="first")
    # 40 targets of common SD sqrt(2 / 5) each: the mean lies within 4 standard errors of 1.
    assert abs(float(first["mean"]) - 1) < 4 * np.sqrt(0.4 / 40)
    interval = ttest_1samp(first["difference"].values, 0).confidence_interval()
    np.testing.assert_allclose([first["low"], first["high"]], interval)
    assert float(first["p"]) == 2 / 256
    assert table["n_targets"].values.tolist() == [40, 40]


def test_a_subject_without_a_target_is_left_out_there():
    given = predicted(1.0)
    given[0, :, 3] = np.nan
    given[:, :, 4] = np.nan
    maps = contrast_maps(given, CONTRASTS).isel(contrast=0)
    rest = contrast_maps(given[1:], CONTRASTS).isel(contrast=0)
    assert maps["t"].values[3] == pytest.approx(float(rest["t"].values[3]))
    assert maps["p"].values[3] == pytest.approx(float(rest["p"].values[3]))
    assert np.isnan(maps["q"].values[4])
    null = sentence_null(given, CONTRASTS, POOL, n_draws=50).isel(contrast=0)
    assert np.isnan(null["z"].values[4])
    assert np.isfinite(null["z"].values[3])


def test_wrong_sentences_are_named():
    with pytest.raises(InvalidInput, match="'z0'"):
        contrast_maps(predicted(0.0), {"wrong": (["z0"], B)})
    with pytest.raises(InvalidInput, match="in both groups: 'a0'"):
        contrast_maps(predicted(0.0), {"wrong": (A, ["a0"])})
    with pytest.raises(InvalidInput, match="1 of which belong to a contrast"):
        sentence_null(predicted(0.0), CONTRASTS, [*POOL, "a0"])
    with pytest.raises(InvalidInput, match="take 10"):
        sentence_null(predicted(0.0), CONTRASTS, POOL[:9])
    with pytest.raises(InvalidInput, match="roi"):
        regional_contrasts(contrast_maps(predicted(0.0).drop_vars("roi"), CONTRASTS)["difference"])
