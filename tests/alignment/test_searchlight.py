"""A searchlight finds a planted model where it was planted, counts what it cannot score, and runs on real volumes."""

import nibabel
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.searchlight import searchlight_score
from consona.brain.fmri import cleaned_per_run, masked_values, voxel_recording
from consona.brain.maps import nifti_bytes
from consona.brain.searchlight import nearest_neighbourhoods
from consona.core.errors import InvalidInput
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.score import Score

SHAPE, AFFINE = (9, 9, 7), np.diag([3.0, 3.0, 3.5, 1.0])
IDS = [f"s{i:02d}" for i in range(16)]


def planted(strength):
    """Noise in a box, and the arrangement of a model in one corner of it, with an image of the mask."""
    rng = np.random.default_rng(5)
    code = rng.standard_normal((16, 3))
    mask = nibabel.Nifti1Image(np.ones(SHAPE, dtype=np.int8), AFFINE)
    values = rng.standard_normal((2, 16, *SHAPE))
    corner = np.s_[:, :, :4, :4, :4]
    values[corner] += strength * np.einsum("sf,fxyz->sxyz", code, rng.standard_normal((3, 4, 4, 4)))
    models = {
        "code": RDM.of_matrix(np.linalg.norm(code[:, None] - code[None], axis=2), IDS, metric="euclidean"),
        "other": RDM.of_matrix(np.abs(np.subtract.outer(*[rng.standard_normal(16)] * 2)), IDS, metric="distance"),
    }
    return values.reshape(32, -1), mask, models


def test_a_planted_model_is_found_where_it_is_and_nowhere_without():
    values, mask, models = planted(1.0)
    recording = voxel_recording(values, mask, IDS * 2, "sub-01")
    score = searchlight_score(models, recording, radius_mm=6.5, n_permutations=200)
    found = score.data["p_max"].sel(attribute="code").values < 0.05
    near = np.all([score.data[name].values < 4 + 2 for name in "ijk"], axis=0)  # the radius is two voxels
    inside = np.all([score.data[name].values < 3 for name in "ijk"], axis=0)
    assert found[inside].mean() > 0.9
    assert not found[~near].any()
    assert (score.data["p_max"].sel(attribute="other") > 0.05).all()
    assert score.n_undefined == 0
    without = voxel_recording(planted(0.0)[0], mask, IDS * 2, "sub-01")
    assert (searchlight_score(models, without, radius_mm=6.5, n_permutations=200).data["p_max"] > 0.05).all()
    again = Score.from_xarray(score.to_xarray())
    xr.testing.assert_identical(again.data.rename(None), score.data)
    image = nibabel.Nifti1Image.from_bytes(nifti_bytes(score.data["p_max"].sel(attribute="code"), recording))
    np.testing.assert_array_equal(image.get_fdata().ravel() < 0.05, found)


def test_missing_voxels_are_left_out_and_counted():
    values, mask, models = planted(1.0)
    values[:, [0, 40]] = np.nan
    values[:, 7] = 3.0
    recording = voxel_recording(values, mask, IDS * 2, "sub-01")
    score = searchlight_score(models, recording, radius_mm=6.5, n_permutations=0)
    assert np.flatnonzero(np.isnan(score.data[:, 0])).tolist() == [0, 7, 40]
    assert (score.attrs["n_missing"], score.attrs["n_too_few_targets"], score.attrs["n_degenerate"]) == (3, 0, 0)
    lonely = searchlight_score(models, recording, radius_mm=3.2, n_permutations=0).attrs
    # Three voxels in a row along the narrow axes at most: corners have four targets, and lost neighbours take more.
    assert lonely["n_too_few_targets"] > 0
    kept = np.setdiff1d(np.arange(recording.n_targets), [0, 7, 40])
    smaller = Recording(recording.data[:, :, kept], "sub-01", recording.attrs)
    np.testing.assert_array_equal(
        searchlight_score(models, smaller, radius_mm=6.5, n_permutations=0).data, score.data[kept]
    )


def test_models_are_aligned_by_id_and_what_is_lacking_is_named():
    values, mask, models = planted(1.0)
    recording = voxel_recording(values, mask, IDS * 2, "sub-01")
    order = np.random.default_rng(6).permutation(16)
    shuffled = RDM.of_matrix(models["code"].matrix()[np.ix_(order, order)], np.array(IDS)[order], metric="euclidean")
    both = searchlight_score({"as it was": models["code"], "shuffled": shuffled}, recording, n_permutations=0)
    np.testing.assert_array_equal(both.data[:, 0], both.data[:, 1])
    part = recording.select(IDS[:10])
    assert searchlight_score(models, part, n_permutations=0).n_undefined == 0
    with pytest.raises(
        InvalidInput, match=r"Model 'few' has 3 stimuli and recording 'sub-01' 16; the model lacks 's03'"
    ):
        searchlight_score({"few": RDM.of_matrix(np.ones((3, 3)) - np.eye(3), IDS[:3], metric="m")}, recording)
    flat = searchlight_score({"flat": RDM.of_matrix(1 - np.eye(16), IDS, metric="m")}, recording, n_permutations=9)
    assert flat.attrs["models_undefined"] == ["flat"]
    assert np.isnan(flat.data).all()


def test_other_targets_need_neighbourhoods():
    rng = np.random.default_rng(7)
    recording = Recording.of(rng.standard_normal((16, 40)), IDS, "sub-01")
    models = {"random": RDM.of_matrix(np.abs(np.subtract.outer(*[rng.random(16)] * 2)), IDS, metric="distance")}
    with pytest.raises(InvalidInput, match="has no 'i', 'j', 'k'"):
        searchlight_score(models, recording)
    around = nearest_neighbourhoods(rng.standard_normal((40, 3)), n_nearest=10)
    assert searchlight_score(models, recording, neighbourhoods=around, n_permutations=0).n_undefined == 0
    short = nearest_neighbourhoods(rng.standard_normal((39, 3)), n_nearest=10)
    with pytest.raises(InvalidInput, match="39 neighbourhoods and 40 targets"):
        searchlight_score(models, recording, neighbourhoods=short)
    with pytest.raises(InvalidInput, match="found none"):
        searchlight_score({}, recording)


def haxby(data_folder, images, mask):
    """Category means per run, even runs as a recording, and the RDM of all voxels in the odd runs."""
    folder = data_folder / "haxby_pymvpa" / "mvpa2" / "data"
    labels = pd.read_csv(folder / "attributes_literal.txt", sep=" ", header=None, names=["category", "run"])
    runs = np.repeat(np.arange(12), 121)
    inside = nibabel.load(folder / mask)
    values = cleaned_per_run(masked_values([nibabel.load(folder / image) for image in images], inside), runs)
    categories = sorted(set(labels.category) - {"rest"})
    means = np.stack(
        [[values[(runs == run) & (labels.category == name)].mean(axis=0) for name in categories] for run in range(12)]
    )
    odd = RDM.of_matrix(1 - np.corrcoef(means[1::2].mean(axis=0)), categories, metric="correlation")
    even = voxel_recording(means[::2].reshape(48, -1), inside, categories * 6, "sub001")
    return even, {"odd runs": odd}


def test_haxby_one_slice_is_arranged_alike_in_the_other_runs(data_folder):
    even, model = haxby(data_folder, ["bold.nii.gz"], "mask.nii.gz")
    score = searchlight_score(model, even, radius_mm=10, n_permutations=500)
    assert score.data.sizes["target"] == 530
    assert score.n_undefined == 0
    assert float(score.data.max()) == pytest.approx(0.762, abs=0.002)
    assert float(score.data["p_max"].min()) < 0.02
    assert 10 <= int((score.data["p_max"] < 0.05).sum()) <= 50


def test_haxby_whole_brain_at_25_mm(data_folder):
    """So coarse that only a trend is left: the map is complete, and no voxel passes its correction."""
    runs = [f"haxby2001/sub001/BOLD/task001_run{run:03d}/bold_25mm.nii.gz" for run in range(1, 13)]
    even, model = haxby(data_folder, runs, "haxby2001/sub001/masks/25mm/brain.nii.gz")
    score = searchlight_score(model, even, radius_mm=40, n_permutations=200)
    assert score.n_undefined == 0
    assert score.attrs["targets_around"] == {"least": 7, "median": 13.0, "most": 19}
    assert float(score.data.max()) == pytest.approx(0.453, abs=0.002)
    assert (score.data["p_max"] > 0.05).all()
    image = nibabel.Nifti1Image.from_bytes(nifti_bytes(score, even))
    assert image.shape == (6, 10, 10)
    assert int(np.isfinite(image.get_fdata()).sum()) == 129
