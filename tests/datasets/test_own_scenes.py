"""A user's own scenes: rows of one image are averaged, gaps are counted, files are made once; images in small."""

import numpy as np
import pytest
import xarray as xr
from tiny_nsd import write_tiny_nsd

from consona.core.errors import InvalidInput
from consona.datasets.nsd_images import load_small_images, reduced_images
from consona.datasets.own_scenes import load_own_scenes

ROWS = ["b", "a", "n/a", "b", "c"]  # the third is rest


@pytest.fixture
def own(tmp_path):
    (tmp_path / "images.csv").write_text(
        "stimulus,caption1,caption2,categories\na,A dog.,Dogs.,dog\nb,A red car.,,car bus\nc,Cats.,n/a,\nd,Rain.,,\n"
    )
    values = np.arange(15, dtype=np.float64).reshape(5, 3)
    values[1, 2] = np.nan
    np.save(tmp_path / "ann.npy", values)
    (tmp_path / "ann.csv").write_text("\n".join(["stimulus", *ROWS]) + "\n")
    (tmp_path / "regions.csv").write_text("roi\nlateral\nventral\nventral\n")
    return tmp_path


def loaded(own):
    return load_own_scenes(
        {"ann": str(own / "ann.npy")}, str(own / "images.csv"), str(own / "regions.csv"), out=own / "out"
    )


def test_rows_of_an_image_are_averaged_and_gaps_are_counted(own):
    stimuli, files = loaded(own)
    assert stimuli.table["text"].tolist() == [("A dog.", "Dogs."), ("A red car.",), ("Cats.",), ("Rain.",)]
    assert stimuli.table["categories"].tolist() == ["dog", "car bus", "", ""]
    file = files["ann"]
    assert file.ids == ("a", "b", "c")
    np.testing.assert_array_equal(file.values(["b", "c", "a"])[:, :2], [[4.5, 5.5], [12, 13], [3, 4]])
    assert np.isnan(file.values(["a", "b", "c"])[:, 2]).all()
    labels = file.labels()
    assert labels["roi"].tolist() == ["lateral", "ventral", "ventral"]
    assert labels["n_missing"].tolist() == [0, 0, 1]
    assert file.repetitions().tolist() == [1, 2, 1]


def test_a_file_is_made_once_and_anew_when_the_responses_change(own):
    _, first = loaded(own)
    made = own / "out" / "own-ann.npy"
    stamp = made.stat().st_mtime_ns
    assert loaded(own)[1]["ann"].fingerprint() == first["ann"].fingerprint()
    assert made.stat().st_mtime_ns == stamp
    np.save(own / "ann.npy", np.ones((5, 3)))
    _, again = loaded(own)
    assert again["ann"].fingerprint() != first["ann"].fingerprint()
    assert again["ann"].labels()["n_missing"].tolist() == [0, 0, 0]


def test_labels_cannot_be_changed_by_who_reads_them(own):
    file = loaded(own)[1]["ann"]
    with pytest.raises(ValueError, match="read-only"):
        file.labels()["n_missing"][0] = 7


def test_an_image_that_stands_twice_is_named(own):
    text = (own / "images.csv").read_text()
    (own / "images.csv").write_text(f"{text}a,Again.,,\n")
    with pytest.raises(InvalidInput, match=r"images.*'a'"):
        loaded(own)


def test_images_of_nsd_are_reduced(tmp_path):
    write_tiny_nsd(tmp_path)
    small = load_small_images(["nsd00007", "nsd00002"], tmp_path, size=4)
    assert small.dims == ("stimulus", "y", "x", "colour")
    assert small.shape == (2, 4, 4, 3)
    assert small.dtype == np.uint8
    assert (small.sel(stimulus="nsd00007", colour="red") == 7).all()
    assert (small.sel(stimulus="nsd00002", colour="green") == 102).all()


def test_images_of_the_right_size_stay_as_they_are():
    values = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    images = xr.DataArray(values, {"stimulus": ["a", "b"]}, ("stimulus", "y", "x", "colour"))
    assert reduced_images(images, 4) is images
