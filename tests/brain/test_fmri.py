"""From images to recordings and back: nothing changes place, and what is undefined is said."""

import gzip

import nibabel
import numpy as np
import pytest
import xarray as xr
from nilearn.maskers import NiftiMasker
from nilearn.signal import clean

from consona.brain.fmri import (
    cleaned_per_run,
    masked_values,
    recording_from_gifti,
    recording_from_images,
    voxel_recording,
)
from consona.brain.maps import gifti_bytes, map_names, nifti_bytes, nifti_image
from consona.core.errors import InvalidInput
from consona.core.recording import Recording
from consona.core.score import Score

AFFINE = np.array([[-3.1, 0, 0.2, 60.0], [0, 3.75, 0, -40.0], [0.1, 0, 4.0, -20.0], [0, 0, 0, 1]])
IDS = ["cat", "house", "cat", "shoe", "house", "cat"]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    inside = rng.random((5, 4, 3)) > 0.4
    volumes = rng.standard_normal((5, 4, 3, 6)).astype(np.float32)
    return nibabel.Nifti1Image(volumes, AFFINE), nibabel.Nifti1Image(inside.astype(np.int16), AFFINE)


def test_voxels_keep_their_place_and_repetitions_their_order(images):
    image, mask = images
    recording = recording_from_images(image, mask, IDS, "sub-01")
    volumes = image.get_fdata()
    assert recording.ids.tolist() == ["cat", "house", "shoe"]
    assert recording.data.shape == (3, 3, int(mask.get_fdata().sum()))
    voxel = recording.data[:, :, 7]
    i, j, k = (int(voxel[name]) for name in "ijk")
    np.testing.assert_array_equal(voxel[:, 0], volumes[i, j, k, [0, 2, 5]].astype(np.float32))
    np.testing.assert_array_equal(voxel[:2, 1], volumes[i, j, k, [1, 4]].astype(np.float32))
    assert np.isnan(voxel[2, 1])
    assert np.isnan(voxel[1:, 2]).all()
    np.testing.assert_allclose([float(voxel[name]) for name in "xyz"], nibabel.affines.apply_affine(AFFINE, (i, j, k)))
    again = Recording.from_xarray(recording.to_xarray())
    np.testing.assert_array_equal(np.reshape(again.attrs["affine"], (4, 4)), AFFINE)


def test_a_list_of_single_images_and_a_masker_give_the_same(images):
    image, mask = images
    whole = masked_values(image, mask)
    np.testing.assert_array_equal(masked_values(nibabel.four_to_three(image), mask), whole)
    masker = NiftiMasker(mask_img=mask, standardize=None).fit()
    np.testing.assert_array_equal(recording_from_images(image, masker, IDS, "sub-01").mean().shape[1], whole.shape[1])
    np.testing.assert_allclose(masked_values(image, masker), whole, rtol=1e-6)


def test_runs_are_cleaned_as_nilearn_does():
    rng = np.random.default_rng(1)
    runs = np.repeat([0, 1, 2], [30, 25, 41])
    drift = np.linspace(0, 40, 96)[:, None] * rng.standard_normal(8) + 100 * runs[:, None]
    X = rng.standard_normal((96, 8)) + drift
    theirs = clean(X, runs=runs, detrend=True, standardize="zscore_sample")
    np.testing.assert_allclose(cleaned_per_run(X, runs), theirs, atol=2e-4)  # X is near 240 in float32
    X[runs == 1, 2] = 7.0
    X[3, 5] = np.inf
    cleaned = cleaned_per_run(X, runs)
    assert np.isnan(cleaned[runs == 1, 2]).all()
    assert np.isfinite(cleaned[:, [0, 1, 3, 4, 6, 7]]).all()
    with pytest.raises(InvalidInput, match="96 volumes and 95 run labels"):
        cleaned_per_run(X, runs[1:])


def test_undefined_voxels_are_missing_as_wholes_or_refused_by_name(images):
    image, mask = images
    values = masked_values(image, mask)
    values[:, 3], values[2, 5] = 8.0, np.inf
    values[4, 6] = np.nan
    recording = voxel_recording(values, mask, list("abcdef"), "sub-01")
    assert np.flatnonzero(np.isnan(recording.mean()).any(axis=0)).tolist() == [3, 5, 6]
    assert (recording.attrs["n_constant"], recording.attrs["n_not_finite"]) == (1, 2)
    i, j, k = np.argwhere(mask.get_fdata() > 0)[5]
    with pytest.raises(InvalidInput, match=rf"(?s)'sub-01': 1 targets are constant and 2 not.*'2'.*\({i}, {j}, {k}\)"):
        voxel_recording(values, mask, list("abcdef"), "sub-01", runs=[1, 1, 2, 2, 3, 3], strict=True)


def test_another_grid_is_refused_with_both_shapes(images):
    image, mask = images
    smaller = nibabel.Nifti1Image(np.ones((5, 4, 2)), AFFINE)
    with pytest.raises(InvalidInput, match=r"(?s)\(5, 4, 3, 6\) and the mask \(5, 4, 2\)"):
        masked_values(image, smaller)
    moved = nibabel.Nifti1Image(mask.get_fdata(), AFFINE + np.eye(4, k=3))
    with pytest.raises(InvalidInput, match=r"affines differ by up to 1"):
        masked_values(image, moved)
    with pytest.raises(InvalidInput, match="6 volumes and 5 ids"):
        recording_from_images(image, mask, IDS[1:], "sub-01")
    with pytest.raises(InvalidInput, match="fitted NiftiMasker"):
        masked_values(image, NiftiMasker(mask_img=mask, standardize=None))
    with pytest.raises(InvalidInput, match="0 voxels above zero"):
        masked_values(image, nibabel.Nifti1Image(np.zeros((5, 4, 3)), AFFINE))


def scored(recording, values):
    along = {name: ("target", recording.data[name].values) for name in recording.data["target"].coords}
    coords = {"attribute": ["animacy", "size"], **along}
    return Score(xr.DataArray(values, coords, ("attribute", "target")), "pearson r", "nothing was fitted")


def test_a_score_becomes_an_image_and_comes_back(images):
    image, mask = images
    recording = recording_from_images(image, mask, IDS, "sub-01")
    values = np.random.default_rng(2).standard_normal((2, recording.n_targets)).astype(np.float32)
    values[0, 4] = np.nan
    score = scored(recording, values)
    data = nifti_bytes(score, recording)
    back = nibabel.Nifti1Image.from_bytes(data)
    assert back.shape == (5, 4, 3, 2)
    np.testing.assert_allclose(back.affine, AFFINE, rtol=1e-6)
    np.testing.assert_array_equal(masked_values(back, mask), values)
    assert np.isnan(back.get_fdata()[mask.get_fdata() == 0]).all()
    assert map_names(score) == ["attribute=animacy", "attribute=size"]
    assert gzip.decompress(nifti_bytes(score, recording, compressed=True)) == data
    assert nifti_image(score.data.sel(attribute="size"), recording).shape == (5, 4, 3)
    with pytest.raises(InvalidInput, match="no coordinate 'i'"):
        nifti_bytes(Score(score.data.drop_vars(["i", "j", "k"]), "r", "none"), recording)
    with pytest.raises(InvalidInput, match="'affine', 'shape'"):
        nifti_bytes(score, Recording(recording.data, "sub-01"))


def test_a_surface_comes_and_goes():
    rng = np.random.default_rng(3)
    arrays = rng.standard_normal((4, 9)).astype(np.float32)
    arrays[:, 2] = 0
    gifti = nibabel.gifti.GiftiImage(darrays=[nibabel.gifti.GiftiDataArray(each) for each in arrays])
    recording = recording_from_gifti(gifti, list("abcd"), "sub-01")
    assert np.isnan(recording.mean()[:, 2]).all()
    values = rng.standard_normal((2, 9)).astype(np.float32)
    score = Score(scored(recording, values).data[:, 3:], "pearson r", "nothing was fitted")
    back = nibabel.gifti.GiftiImage.from_bytes(gifti_bytes(score, recording))
    assert [each.meta["Name"] for each in back.darrays] == ["attribute=animacy", "attribute=size"]
    np.testing.assert_array_equal(np.stack([each.data for each in back.darrays])[:, 3:], values[:, 3:])
    assert np.isnan(back.darrays[0].data[:3]).all()
    with pytest.raises(InvalidInput, match="one array per stimulus"):
        recording_from_gifti(nibabel.gifti.GiftiImage(), [], "sub-01")
