"""FACED, on files made in the test: layouts, order, cohorts, and what is said when a subject is incomplete."""

import pickle

import numpy as np
import pytest
import scipy.io

from consona.brain.eeg import FACED_BANDS
from consona.brain.tensors import epoch_tensor
from consona.core.errors import InvalidInput, MissingData
from consona.datasets.eeg_epochs import epochs_dataset
from consona.datasets.faced import load_faced, load_faced_windows
from consona.datasets.faced_clips import BANDS, CHANNELS, ITEMS, clip_stimuli, window_stimuli
from consona.datasets.faced_ratings import load_faced_ratings
from consona.datasets.faced_raw import load_faced_epochs, load_faced_processed

SHAPE = (28, 32, 30, 5)


def coded():
    """Each value says where it stands: clip, channel, second, band."""
    clip, channel, second, band = np.indices(SHAPE)
    return clip * 1000.0 + channel * 10 + second / 100 + band


def released(root, subjects, values=None, protocol=4):
    folder = root / "EEG_Features" / "DE"
    folder.mkdir(parents=True, exist_ok=True)
    for subject in subjects:
        (folder / f"{subject}.pkl.pkl").write_bytes(pickle.dumps(coded() if values is None else values, protocol))
    return folder


def compact(root, subjects, values=None):
    folder = root / "de_full"
    folder.mkdir(parents=True, exist_ok=True)
    for subject in subjects:
        np.save(folder / f"{subject}.npy", coded() if values is None else values)
    return folder


def remarks(root, subject, order, scores):
    folder = root / "Data" / subject
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.empty((len(order), 1), dtype=[("score", "O"), ("trial", "O"), ("vid", "O")])
    for place, vid in enumerate(order):
        rows[place, 0] = (scores[vid - 1], place + 1, vid)
    scipy.io.savemat(folder / "After_remarks.mat", {"After_remark": rows})


def test_a_target_is_a_channel_and_a_band_and_the_mean_runs_over_seconds(tmp_path):
    released(tmp_path, ["sub000"])
    data = load_faced(tmp_path).recordings[0].data
    assert data.sizes == {"repetition": 1, "stimulus": 28, "target": 160}
    for clip, channel, band in ((0, 0, 0), (27, 31, 4), (12, 14, 2)):
        place = (data["channel"] == CHANNELS[channel]) & (data["band"] == BANDS[band])
        cell = data.sel(stimulus=f"clip{clip + 1:02d}")[:, place]
        assert cell.item() == pytest.approx(clip * 1000 + channel * 10 + 0.145 + band)


def test_windows_keep_their_clip_and_their_seconds(tmp_path):
    compact(tmp_path, ["sub000"])
    dataset = load_faced_windows(tmp_path, window_s=5)
    assert len(dataset.stimuli) == 168
    row = dataset.stimuli.table.loc["clip03w2"]
    assert (row["clip"], row["start_s"], row["emotion"]) == ("clip03", 5.0, "anger")
    assert dataset.recordings[0].data.sel(stimulus="clip03w2")[0, 0] == pytest.approx(2000 + 0.07)
    assert window_stimuli(30).ids[-1] == "clip28w30"
    with pytest.raises(InvalidInput, match="Windows of 7 s"):
        load_faced_windows(tmp_path, window_s=7)


def test_windows_of_a_clip_average_to_the_clip(tmp_path):
    compact(tmp_path, ["sub000"], np.random.default_rng(0).random(SHAPE))
    windows = load_faced_windows(tmp_path, window_s=3).recordings[0].mean()
    np.testing.assert_allclose(windows.reshape(28, 10, 160).mean(axis=1), load_faced(tmp_path).recordings[0].mean())


def test_auto_takes_the_layout_with_most_subjects(tmp_path):
    released(tmp_path, ["sub000", "sub001"])
    assert load_faced(tmp_path).recordings[0].attrs["layout"] == "released"
    compact(tmp_path, ["sub000", "sub001"])
    assert load_faced(tmp_path).recordings[0].attrs["layout"] == "released"
    compact(tmp_path, ["sub060", "sub061"])
    dataset = load_faced(tmp_path)
    assert dataset.subjects == ["sub000", "sub001", "sub060", "sub061"]
    assert [recording.attrs["cohort"] for recording in dataset.recordings] == [1, 1, 1, 2]
    assert list(dataset.checksums) == [f"de_full/{subject}.npy" for subject in dataset.subjects]
    assert load_faced(tmp_path, layout="released", subjects=["sub001"]).subjects == ["sub001"]


def test_the_cohort_column_has_a_trailing_blank(tmp_path):
    compact(tmp_path, ["sub000"])
    (tmp_path / "Recording_info.csv").write_text("sub,Gender,Age,Cohort ,Sample_rate,Unit\nsub000,F,20,2,250,uV\n")
    attrs = load_faced(tmp_path).recordings[0].attrs
    assert attrs["cohort"] == 2
    assert "250 Hz, uV" in attrs["device"]
    assert not {"Gender", "Age"} & set(attrs)


def test_clips_and_classes():
    clips = clip_stimuli()
    counts = dict(zip(*np.unique(clips["emotion"], return_counts=True), strict=True))
    assert counts.pop("neutral") == 4
    assert set(counts.values()) == {3}
    assert clips["valence_code"].tolist() == [-1] * 12 + [0] * 4 + [1] * 12
    assert clips.table.loc["clip20", "film"] == "Forrest Gump"
    assert tuple(FACED_BANDS) == BANDS


def test_an_incomplete_subject_is_named_with_what_to_do(tmp_path):
    released(tmp_path, ["sub000"])
    released(tmp_path, ["sub001"], coded()[:25])
    with pytest.raises(InvalidInput, match=r"'sub001'.*25 of 28 clips.*subjects="):
        load_faced(tmp_path)
    assert load_faced(tmp_path, subjects=["sub000"]).subjects == ["sub000"]
    broken = coded()
    broken[3, 7, :, 2] = np.nan
    released(tmp_path, ["sub001"], broken)
    with pytest.raises(InvalidInput, match=r"'sub001'.*30 values.*'FC1'.*'alpha'.*'clip04'"):
        load_faced(tmp_path)
    path = tmp_path / "EEG_Features" / "DE" / "sub001.pkl.pkl"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InvalidInput, match=r"sub001.pkl.pkl is damaged"):
        load_faced(tmp_path)
    with pytest.raises(MissingData, match=r"2 subjects; not among them: 'sub099'"):
        load_faced(tmp_path, subjects=["sub099"])


def test_a_shape_of_another_kind_is_refused(tmp_path):
    compact(tmp_path, ["sub000"], np.zeros((28, 30, 30, 5)))
    with pytest.raises(InvalidInput, match=r"'sub000'.*shape \(28, 30, 30, 5\)"):
        load_faced(tmp_path)


def test_an_npy_file_with_objects_is_refused(tmp_path):
    folder = compact(tmp_path, [])
    np.save(folder / "sub000.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"sub000.npy.*Nothing was executed"):
        load_faced(tmp_path)


def test_missing_data_names_both_places_and_the_fetch_line(tmp_path, monkeypatch):
    monkeypatch.setenv("CONSONA_DATA", str(tmp_path / "one"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "two"))
    with pytest.raises(MissingData, match=r"one/faced nor .*faced.*consona fetch faced"):
        load_faced()
    with pytest.raises(MissingData, match="no folder"):
        load_faced(tmp_path / "wrong")
    with pytest.raises(MissingData, match=r"holds no FACED features.*EEG_Features/DE"):
        load_faced(tmp_path)
    with pytest.raises(InvalidInput, match="no FACED layout 'raw'"):
        load_faced(tmp_path, layout="raw")


def test_ratings_are_sorted_by_clip_whatever_the_order_of_presentation(tmp_path):
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 7, (28, 12))
    remarks(tmp_path, "sub000", rng.permutation(28) + 1, scores)
    recording = load_faced_ratings(tmp_path).recordings[0]
    np.testing.assert_allclose(recording.mean(), scores)
    assert recording.data["item"].values.tolist() == list(ITEMS)


@pytest.mark.parametrize(
    ("order", "message"), [([1] * 28, "each of 1 to 28 once"), (range(1, 28), "each of 1 to 28 once")]
)
def test_ratings_of_a_clip_twice_or_never_are_refused(tmp_path, order, message):
    remarks(tmp_path, "sub007", list(order), np.ones((28, 12)))
    with pytest.raises(InvalidInput, match=rf"sub007/After_remarks.mat.*{message}"):
        load_faced_ratings(tmp_path)


def test_ratings_out_of_range_or_unreadable_are_refused(tmp_path):
    remarks(tmp_path, "sub000", range(1, 29), np.full((28, 12), 7.5))
    with pytest.raises(InvalidInput, match="outside 0 to 7"):
        load_faced_ratings(tmp_path)
    path = tmp_path / "Data" / "sub000" / "After_remarks.mat"
    for content in (b"no MATLAB file", path.read_bytes()[:700]):
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"sub000/After_remarks.mat cannot be read"):
            load_faced_ratings(tmp_path)


def signals(rng, n_samples=7500):
    return rng.standard_normal((28, 32, n_samples)).astype(np.float32)


def processed(root, subject, values):
    folder = root / "Processed_data"
    folder.mkdir(exist_ok=True)
    (folder / f"{subject}.pkl").write_bytes(pickle.dumps(values, 2))


def test_band_features_of_the_signals_have_the_entropy_of_white_noise(tmp_path):
    """White noise of variance 1 at 250 Hz has the power (high - low) / 125 in a band: entropy is half its log, plus."""
    processed(tmp_path, "sub000", signals(np.random.default_rng(0)))
    dataset = load_faced_processed(tmp_path)
    data = dataset.recordings[0].data
    width = np.array([high - low for low, high in FACED_BANDS.values()])
    expected = 0.5 * np.log(2 * np.pi * np.e * width / 125)
    found = data.groupby("band").mean(...).sel(band=list(BANDS)).values
    # One window's power varies (chi squared with about 4/3 width degrees of freedom f); E[ln] is short by 1 / f.
    assert np.all(np.abs(found - expected) < 0.5 * (1.5 / width) + 0.03)
    assert dataset.recordings[0].attrs["rate_hz"] == 250


def test_epochs_are_the_signals_resampled_and_decoders_can_read_them(tmp_path):
    """Under resampling in the frequency domain a sine below the new limit keeps its values."""
    time = np.arange(7500) / 250
    values = signals(np.random.default_rng(0)) * 0.01
    values[19, 11] += np.sin(2 * np.pi * 20 * time).astype(np.float32)
    processed(tmp_path, "sub000", values)
    processed(tmp_path, "sub100", values)
    epochs = load_faced_epochs(tmp_path)
    assert epochs.dims == ("subject", "stimulus", "channel", "time")
    np.testing.assert_array_equal(epochs.sel(subject="sub100"), values)
    assert epochs["cohort"].values.tolist() == [1, 2]
    slow = load_faced_epochs(tmp_path, subjects=["sub000"], new_rate_hz=200)
    assert slow.shape == (1, 28, 32, 6000)
    assert slow.attrs["rate_hz"] == 200.0
    found = slow.sel(stimulus="clip20", channel="Cz")[0].values
    np.testing.assert_allclose(found, np.sin(2 * np.pi * 20 * np.arange(6000) / 200), atol=0.08)
    tensor = epoch_tensor(epochs_dataset(slow.isel(time=slice(0, 300)), clip_stimuli()))
    np.testing.assert_array_equal(tensor.sel(stimulus="clip20", channel="Cz").values.ravel(), found[:300])
    assert tensor.attrs["rate_hz"] == 200.0
    with pytest.raises(InvalidInput, match=r"rate of 33.35 Hz"):
        load_faced_epochs(tmp_path, new_rate_hz=33.35)


def test_signals_with_another_rate_or_a_flat_channel_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    processed(tmp_path, "sub000", signals(rng, 3750))
    with pytest.raises(InvalidInput, match=r"'sub000' holds 3750 samples per clip, 125 Hz.*expected 250 Hz.*subjects="):
        load_faced_processed(tmp_path)
    flat = signals(rng)
    flat[5, 3] = 0
    processed(tmp_path, "sub000", flat)
    with pytest.raises(InvalidInput, match=r"'sub000': channels 'F3' are flat"):
        load_faced_processed(tmp_path)
    with pytest.raises(InvalidInput, match=r"bands names 'alpha'"):
        load_faced_processed(tmp_path, bands={"alpha": (8, 13)})
    with pytest.raises(MissingData, match=r"Processed_data"):
        load_faced_processed(tmp_path / "Processed_data")
