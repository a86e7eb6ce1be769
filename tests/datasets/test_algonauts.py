"""Algonauts 2023 in its released layout: read back as it was planted, and what is said when a folder is wrong."""

import shutil

import numpy as np
import pytest
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.algonauts import RELEASED, load_algonauts, load_algonauts_images, load_algonauts_stimuli
from consona.datasets.algonauts_twins import write_algonauts_twin
from consona.datasets.nsd_twin_design import TwinDesign
from consona.datasets.planted_responses import Planted, planted_responses
from consona.datasets.twin_regions import surface_positions, twin_regions

DESIGN = TwinDesign(n_subjects=1, n_images=100, n_shared=10, n_sessions=1, n_vertices=642)
PLANTED = Planted(ncsnr=0.8)
FMRI, TRAIN = "subj01/training_split/training_fmri", "subj01/training_split/training_images"


def material():
    rng = np.random.default_rng(0)
    ids = [f"scene{i:05d}" for i in range(120)]
    values = rng.integers(0, 256, (120, 8, 6, 3), dtype=np.uint8)
    images = xr.DataArray(values, {"stimulus": ids}, ("stimulus", "y", "x", "colour"))
    return images, {name: rng.standard_normal((120, 6)) for name in ("ventral", "lateral")}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The folder of a twin and what is planted in it."""
    folder = tmp_path_factory.mktemp("algonauts") / "twin"
    return folder, write_algonauts_twin(folder, *material(), DESIGN, planted=PLANTED)


@pytest.fixture
def copy(released, tmp_path):
    """A copy of the twin that a test may spoil."""
    return shutil.copytree(released[0], tmp_path / "twin")


def test_responses_images_and_labels_are_those_that_were_planted(released, tmp_path):
    folder, truth = released
    images, signals = material()
    made = load_algonauts(folder, "subj01", out=tmp_path / "subj01.npy")
    stimuli = load_algonauts_stimuli(folder, "subj01")
    assert (stimuli["split"] == "training").sum() == len(made.ids) == 80
    assert made.n_targets == truth["subjects"]["subj01"]["n_targets"]
    numbers = np.array([int(name[3:]) for name in made.ids])
    shown = load_algonauts_images(made.ids[:3][::-1], folder, "subj01")
    np.testing.assert_array_equal(shown.values, images.values[numbers[:3][::-1]])

    labels = made.labels()
    positions, sides = surface_positions(642)
    place = labels["vertex"] + 642 * (labels["hemisphere"] == "right")
    regions = twin_regions(positions, sides)
    np.testing.assert_array_equal(labels["roi"], regions[place])
    planted = planted_responses(signals, regions, positions, subject="subj01", planted=PLANTED)
    values = made.values()
    # Weights are drawn for the vertices of a region in their order, and all of these are in the release.
    for name, best in truth["subjects"]["subj01"]["best_r"].items():
        own = labels["roi"] == name
        pairs = zip(planted(numbers)[:, place[own]].T, values[:, own].T, strict=True)
        assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]) == pytest.approx(best, abs=0.04)
    quiet = values[:, labels["roi"] == "early"]
    assert abs(np.mean([np.corrcoef(signals["ventral"][numbers, 0], each)[0, 1] for each in quiet.T])) < 0.05
    np.testing.assert_allclose(values.std(axis=0), 1, rtol=1e-4)


def test_a_file_is_made_once(released, tmp_path):
    first = load_algonauts(released[0], out=tmp_path / "subj01.npy")
    when = (tmp_path / "subj01.npy").stat().st_mtime_ns
    assert load_algonauts(released[0], out=tmp_path / "subj01.npy") == first
    assert (tmp_path / "subj01.npy").stat().st_mtime_ns == when


def spoiled(folder, side, change):
    path = folder / FMRI / f"{side}_training_fmri.npy"
    np.save(path, change(np.load(path)))


def with_nan(values):
    values[7, 3] = np.nan
    return values


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda values: values.T, r"lh_training_fmri\.npy has the shape .* It is transposed"),
        (lambda values: values[:-1], r"'lh_training_fmri.npy: 79 rows', 'rh_training_fmri.npy: 80 rows'"),
        (lambda values: values[:, 1:], "vertices"),
        (with_nan, r"lh_training_fmri\.npy: row 8 is not finite at column 3"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(copy, tmp_path, change, match):
    spoiled(copy, "lh", change)
    with pytest.raises(InvalidInput, match=match):
        load_algonauts(copy, out=tmp_path / "subj01.npy")
    assert not (tmp_path / "subj01.npy").exists()


def test_too_few_rows_in_both_hemispheres_name_the_images(copy, tmp_path):
    for side in ("lh", "rh"):
        spoiled(copy, side, lambda values: values[:-1])
    with pytest.raises(InvalidInput, match="79 rows and training_images 80 files"):
        load_algonauts(copy, out=tmp_path / "subj01.npy")


def test_an_image_in_both_splits_is_refused(copy):
    test = sorted((copy / "subj01/test_split/test_images").iterdir())[0]
    train = sorted((copy / TRAIN).iterdir())[4]
    test.rename(test.with_name(test.name[:10] + train.name[11:]))
    with pytest.raises(InvalidInput, match=r"occur twice, first '.*train-0005_nsd.*', '.*test-0001_nsd"):
        load_algonauts_stimuli(copy)


def test_names_that_count_from_one_or_have_gaps_are_refused(copy):
    folder = copy / TRAIN
    last = sorted(folder.iterdir())[-1]
    last.rename(folder / f"{last.name[:10]}_nsd-73000.png")
    with pytest.raises(InvalidInput, match="count from 1"):
        load_algonauts_stimuli(copy)
    sorted(folder.iterdir())[2].unlink()
    with pytest.raises(InvalidInput, match="image 3 is train-0004"):
        load_algonauts_stimuli(copy)


def test_damaged_files_and_pickles_are_named_and_not_run(copy, tmp_path):
    image = sorted((copy / TRAIN).iterdir())[0]
    image.write_bytes(image.read_bytes()[:60])
    ids = load_algonauts_stimuli(copy).ids[:1]
    with pytest.raises(InvalidInput, match=r"train-0001_nsd-\d+\.png is no image"):
        load_algonauts_images(ids, copy)
    path = copy / FMRI / "rh_training_fmri.npy"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InvalidInput, match=r"rh_training_fmri\.npy is damaged"):
        load_algonauts(copy, out=tmp_path / "subj01.npy")
    np.save(path, np.array([print], dtype=object))
    with pytest.raises(InvalidInput, match="Nothing was executed"):
        load_algonauts(copy, out=tmp_path / "subj01.npy")
    np.save(copy / "subj01/roi_masks/mapping_streams.npy", {0: "Unknown", 1: print})
    with pytest.raises(InvalidInput, match="mapping_streams"):
        load_algonauts(copy, out=tmp_path / "subj01.npy")
    with pytest.raises(MissingData, match="subj09"):
        load_algonauts(copy, "subj09", out=tmp_path / "subj09.npy")


def test_the_release_is_counted(copy, tmp_path):
    assert {sum(counts[2:]) for counts in RELEASED.values()} == {39548, 39198, 39511}
    for side in ("lh", "rh"):  # a mask as long as fsaverage says that this is the release
        path = copy / f"subj01/roi_masks/{side}.all-vertices_fsaverage_space.npy"
        np.save(path, np.pad(np.load(path), (0, 163_842 - 642)))
    with pytest.raises(InvalidInput, match=r"the release has \(9841, 159, 19004, 20544\)"):
        load_algonauts(copy, out=tmp_path / "subj01.npy")
