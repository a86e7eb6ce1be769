"""The ceiling is the agreement of people; a model at the ceiling has a ratio of 1, on the same stimuli only."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist

from consona.alignment.rsa_ceilings import beside_ceiling, leave_one_out_rdm_ceiling, matched_rsa
from consona.alignment.sampled_rsa import sampled_rsa
from consona.alignment.sampled_sets import sampled_sets
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording

IDS = np.array([f"nsd{i:05d}" for i in range(120)])
ROI = np.repeat(["ventral", "early"], 40)


def people(n_subjects=6, noise=1.0):
    """Ventral cortex of all shares a code of eight features, early cortex shares nothing."""
    rng = np.random.default_rng(1)
    code = rng.standard_normal((len(IDS), 8))
    found = {}
    for k in range(n_subjects):
        Y = noise * rng.standard_normal((len(IDS), len(ROI)))
        Y[:, ROI == "ventral"] += code @ rng.standard_normal((8, 40)) / np.sqrt(8)
        order = rng.permutation(len(IDS))
        found[f"subj{k}"] = Recording.of(Y[order].astype("f4"), IDS[order], f"subj{k}", targets={"roi": ROI})
    return found, {"code": Features.of(code, IDS), "noise": Features.of(rng.standard_normal(code.shape), IDS)}


def test_the_ceiling_is_that_of_its_formula():
    recordings, _ = people()
    found = leave_one_out_rdm_ceiling(recordings, IDS[:60])
    assert found["ceiling"].dims == ("subject", "region")
    rdms = np.stack(
        [pdist(each.select(IDS[:60]).mean()[:, ROI == "ventral"], "correlation") for each in recordings.values()]
    )
    for s, name in enumerate(recordings):
        expected = np.corrcoef(rdms[s], np.delete(rdms, s, axis=0).mean(axis=0))[0, 1]
        assert float(found["ceiling"].sel(subject=name, region="ventral")) == pytest.approx(expected, abs=1e-5)
    # RDMs of alike spread: whether they are scaled before the mean hardly matters.
    np.testing.assert_allclose(found["ceiling"], found["lower"], atol=0.01)
    assert (found["upper"] > found["lower"]).all()
    # Early cortex shares nothing: 1,770 dependent pairs, and a mean over 6 subjects within a few hundredths of zero.
    assert abs(float(found["ceiling"].sel(region="early").mean())) < 0.05


def test_model_and_ceiling_are_matched():
    recordings, models = people()
    sets = sampled_sets(IDS, n=30, seed=0)
    found = matched_rsa(recordings, models, sets, metric="cosine")
    alone = sampled_rsa(recordings["subj3"], models, sets, metric="cosine")
    np.testing.assert_allclose(found["r"].sel(subject="subj3"), alone["mean"], atol=1e-12)
    whole = matched_rsa(recordings, models, sampled_sets(IDS, n=120, seed=0))
    shared = leave_one_out_rdm_ceiling(recordings, IDS)
    np.testing.assert_allclose(whole["ceiling"], shared["ceiling"], atol=1e-6)
    # Random weights of a code give patterns that correlate as its vectors do by their angle. So the code is what brains
    # share: it reaches what the mean of five noisy people reaches, and somewhat more.
    ratio = found["ratio"].sel(region="ventral", model="code")
    assert 1.0 < float(ratio.mean()) < 1.5
    assert found.attrs["n_above_one"] >= int((ratio > 1).sum()) > 0
    assert abs(float(found["r"].sel(model="noise").mean())) < 0.05


def test_ratios_are_never_clipped_and_a_ceiling_below_zero_has_none():
    r = xr.DataArray([[[0.4, 0.1]], [[0.2, 0.1]]], {"subject": ["a", "b"], "region": ["v"]}, ("subject", "region", "m"))
    ceiling = xr.DataArray([[0.2], [-0.1]], {"subject": ["a", "b"], "region": ["v"]}, ("subject", "region"))
    found = beside_ceiling(r, ceiling)
    np.testing.assert_allclose(found["ratio"].values[0, 0], [2.0, 0.5])
    assert np.isnan(found["ratio"].values[1]).all()
    assert (found.attrs["n_above_one"], found.attrs["n_without_ceiling"]) == (1, 1)
    with pytest.raises(InvalidInput, match="differ in 'subject'"):
        beside_ceiling(r, ceiling.assign_coords(subject=["a", "c"]))


def test_one_subject_has_no_ceiling_and_a_lacking_region_is_missing():
    recordings, models = people(3)
    with pytest.raises(InvalidInput, match="1 subject was given"):
        leave_one_out_rdm_ceiling({"subj0": recordings["subj0"]}, IDS)
    half = recordings["subj1"].data[:, :, ROI == "ventral"]
    found = leave_one_out_rdm_ceiling({**recordings, "subj1": Recording(half, "subj1")}, IDS)
    assert np.isnan(found["ceiling"].sel(subject="subj1", region="early"))
    assert int(np.isnan(found["ceiling"]).sum()) == int(np.isnan(found["upper"]).sum()) == 1
    with pytest.raises(InvalidInput, match="Recording 'subj2': 2 of the 120 stimuli"):
        matched_rsa(
            {**recordings, "subj2": recordings["subj2"].select(IDS[2:])}, models, sampled_sets(IDS, n=40, seed=0)
        )
