"""SEED-V: released files, recordings and the twin, on files made in the test; and what is said when one is broken."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from recorded_files import write_cnt

from consona.brain.tensors import window_tensor
from consona.core.errors import InvalidInput, MissingData
from consona.datasets.seed_v import load_seed_v
from consona.datasets.seed_v_raw import SEED_BANDS, load_seed_v_epochs, load_seed_v_raw
from consona.datasets.seed_v_trials import BANDS, CHANNELS, seed_v_trials, whole_windows
from consona.datasets.twins import seed_v_twin, write_seed_v_twin

COUNTS = np.array(list(whole_windows().values()))


@pytest.fixture(scope="module")
def twin():
    return seed_v_twin("valence", n_subjects=2, strength=1.0, seed=3)


@pytest.fixture
def released(twin, tmp_path):
    write_seed_v_twin(twin, tmp_path)
    return tmp_path


def dumped(path, **arrays):
    np.savez(path, **{name: np.bytes_(pickle.dumps(value)) for name, value in arrays.items()})


def whole():
    labels = seed_v_trials()["label"].to_numpy()
    data = {k: np.full((n, 310), float(k)) for k, n in enumerate(COUNTS)}
    return data, {k: np.full(n, labels[k]) for k, n in enumerate(COUNTS)}


def test_the_table_of_clips_gives_the_published_counts():
    trials = seed_v_trials()
    seconds = (trials["end_s"] - trials["start_s"]).to_numpy().reshape(3, 3, 5).sum(axis=(0, 2))
    assert (16 * seconds).tolist() == [34_432, 42_960, 40_352]
    assert COUNTS.reshape(3, 15).sum(axis=1).tolist() == [681, 541, 601]
    assert trials["emotion"].value_counts().to_dict() == dict.fromkeys(
        ("disgust", "fear", "sad", "neutral", "happy"), 9
    )
    assert trials.loc["s2t05", "emotion"] == "happy"
    assert len(set(CHANNELS)) == 62


def test_the_files_of_the_twin_are_read_as_they_were_made(twin, released):
    found = load_seed_v(released)
    assert found.subjects == ["sub01", "sub02"]
    assert len(found.stimuli) == 1823
    assert found.stimuli.table.equals(twin.stimuli.table)
    for one, other in zip(found.recordings, twin.recordings, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    row = found.stimuli.table.loc["s1t02w003"]
    assert (row["clip"], row["session"], row["emotion"], row["start_s"]) == ("s1t02", 1, "fear", 8.0)
    data = found.recordings[0].data
    assert data["channel"].values[[0, 5, -1]].tolist() == ["FP1", "FPZ", "CB2"]
    assert data["band"].values[:6].tolist() == [*BANDS, "delta"]
    assert load_seed_v(released, subjects=["sub02"]).subjects == ["sub02"]


def test_decoders_read_the_last_seconds_of_clips_that_differ_in_length(twin):
    tensor = window_tensor(twin, window_s=4, shifts_s=(0,), scaling="none", last_s=52)
    assert tensor.sizes == {"subject": 2, "stimulus": 45, "shift": 1, "window": 13, "channel": 62, "band": 5}
    last = twin.recordings[1].data.sel(stimulus=["s1t01w006", "s1t01w018"]).values[0].reshape(2, 62, 5)
    found = tensor.sel(subject="sub02", stimulus="s1t01").values[0][[0, -1]]
    np.testing.assert_allclose(found, last, rtol=1e-5)


def test_a_shorter_clip_of_one_subject_leaves_its_windows_out(tmp_path):
    (tmp_path / "EEG_DE_features").mkdir()
    data, label = whole()
    dumped(tmp_path / "EEG_DE_features" / "10_123.npz", data=data, label=label)
    dumped(
        tmp_path / "EEG_DE_features" / "2_123.npz",
        data=data | {1: data[1][:-2]},
        label={k: each.astype(float) for k, each in (label | {1: label[1][:-2]}).items()},
    )
    found = load_seed_v(tmp_path)
    assert found.subjects == ["sub02", "sub10"]
    assert [len(each.ids) for each in found.recordings] == [1821, 1823]
    assert not {"s1t02w023", "s1t02w024"} & set(found.recordings[0].ids.tolist())
    assert np.all(found.recordings[0].data.sel(stimulus="s2t01w001") == 15)


class Hostile:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_hostile_pickle_in_the_archive_is_refused_and_nothing_runs(tmp_path):
    (tmp_path / "EEG_DE_features").mkdir()
    path = tmp_path / "EEG_DE_features" / "1_123.npz"
    data, label = whole()
    for content in (Hostile(f"touch {tmp_path / 'ran'}"), data | {3: Hostile(f"touch {tmp_path / 'ran'}")}):
        dumped(path, data=content, label=label)
        with pytest.raises(InvalidInput, match=r"1_123.npz \(data\) asks for the name posix.system.*Nothing was exec"):
            load_seed_v(tmp_path)
    np.savez(path, data=np.array(data, dtype=object), label=np.bytes_(b""))  # an archive that is a pickle itself
    with pytest.raises(InvalidInput, match=r"1_123.npz is damaged or holds Python objects"):
        load_seed_v(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, y: d.pop(44), r"'sub01' \(1_123.npz\): 'data' has 44 of 45 clips; missing: 's3t15'"),
        (lambda d, y: y.update({0: y[1]}), r"clip 's1t01': features of shape \(18, 310\) and 24 labels"),
        (lambda d, y: y.update({0: 0 * y[0]}), r"clip 's1t01': labels '0'; expected 4 throughout"),
        (lambda d, y: d.update({0: d[0][:, :300]}), r"shape \(18, 300\)"),
        (lambda d, y: d[2].__setitem__((4, 7), np.nan), r"'s1t03' holds 1 values.*'FPZ', bands 'alpha'.*subjects="),
    ],
)
def test_a_broken_subject_is_named_with_place_and_way_out(tmp_path, change, message):
    (tmp_path / "EEG_DE_features").mkdir()
    data, label = whole()
    change(data, label)
    dumped(tmp_path / "EEG_DE_features" / "1_123.npz", data=data, label=label)
    with pytest.raises(InvalidInput, match=message):
        load_seed_v(tmp_path)


def test_missing_files_are_named(released, tmp_path, monkeypatch):
    with pytest.raises(MissingData, match=r"2 subjects here; not among them: 'sub07'"):
        load_seed_v(released, subjects=["sub07"])
    with pytest.raises(MissingData, match=r"\*_123.npz.*consona fetch seed_v"):
        load_seed_v(released / "EEG_DE_features")
    path = released / "EEG_DE_features" / "1_123.npz"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InvalidInput, match="1_123.npz is damaged"):
        load_seed_v(released)


def recorded(root, subject, *, power=50.0, channels=None, seconds=44, flat=None):
    """Three sessions: noise of 1 microvolt, and from second 12 to 24 a 10 Hz sine at OZ that grows by session."""
    rng = np.random.default_rng(subject)
    names = channels or [*CHANNELS, "M1", "M2", "VEO", "HEO"]
    time = np.arange(400 * seconds) / 400
    for session in (1, 2, 3):
        signal = rng.standard_normal((len(names), len(time))) + 3000.0  # with the offset of the amplifier
        during = (time >= 12) & (time < 24)
        signal[names.index("OZ")] += np.sqrt(2 * session * power) * np.sin(2 * np.pi * 10 * time) * during
        if flat:
            signal[names.index(flat)] = 7.0
        write_cnt(root / "EEG_raw" / f"{subject}_{session}_20180507.cnt", signal, [n[:9] for n in names], 400)


def short_clips():
    first = seed_v_trials().loc[["s1t01", "s2t01", "s3t01"]]
    return first.assign(start_s=12, end_s=24)


def test_recordings_are_cut_at_their_seconds_and_have_the_planted_power(tmp_path):
    mixed = np.random.default_rng(0).permutation([*CHANNELS, "M1", "M2", "VEO", "HEO"]).tolist()
    recorded(tmp_path, 1, channels=mixed)
    found = load_seed_v_raw(tmp_path, times=short_clips())
    assert found.stimuli.ids.tolist() == [f"s{s}t01w00{w}" for s in (1, 2, 3) for w in (1, 2, 3)]
    assert found.stimuli["emotion"].tolist() == ["happy"] * 3 + ["sad"] * 6
    data = found.recordings[0].data
    alpha = data[0, :, ((data["channel"] == "OZ") & (data["band"] == "alpha")).values].values.reshape(3, 3)
    # The filter passes 10 Hz; the noise of 1 microvolt has 6 of 200 Hz of its power in the band.
    np.testing.assert_allclose(
        np.exp(2 * alpha) / (2 * np.pi * np.e), 50 * np.arange(1, 4)[:, None] * np.ones(3), rtol=0.05
    )
    other = data[0, :, ((data["channel"] == "CZ") & (data["band"] == "alpha")).values].values
    assert abs(np.exp(2 * other).mean() / (2 * np.pi * np.e) - 6 / 200) < 0.01
    assert tuple(SEED_BANDS) == BANDS

    epochs = load_seed_v_epochs(tmp_path, times=short_clips(), window_s=2)
    assert epochs.dims == ("subject", "stimulus", "channel", "time")
    assert epochs.shape == (1, 18, 62, 400)
    assert (epochs.attrs["rate_hz"], epochs.attrs["unit"]) == (200.0, "uV")
    oz = epochs.sel(channel="OZ")[0].values.reshape(3, -1)
    np.testing.assert_allclose((oz**2).mean(axis=1), 50 * np.arange(1, 4) + 75 / 200, rtol=0.03)


def test_a_broken_recording_is_named(tmp_path):
    times = short_clips()
    recorded(tmp_path, 1, flat="FCZ")
    with pytest.raises(InvalidInput, match=r"'sub01, clip s1t01': channels 'FCZ' are flat"):
        load_seed_v_raw(tmp_path, times=times)
    recorded(tmp_path, 1, channels=[name for name in CHANNELS if name != "CB1"])
    with pytest.raises(InvalidInput, match=r"'sub01': the file holds 61 channels, and not once each 'CB1'"):
        load_seed_v_raw(tmp_path, times=times)
    recorded(tmp_path, 1, seconds=20, channels=list(CHANNELS))
    with pytest.raises(InvalidInput, match=r"'sub01': clip 's1t01' ends at 24 s and the recording lasts 20 s"):
        load_seed_v_epochs(tmp_path, times=times)
    (tmp_path / "EEG_raw" / "1_2_20180507.cnt").write_bytes(b"no recording")
    with pytest.raises(InvalidInput, match=r"'sub01': 1_2_20180507.cnt cannot be read as EEG"):
        load_seed_v_epochs(tmp_path, times=times.loc[["s2t01"]])
    (tmp_path / "EEG_raw" / "1_2_20180507.cnt").rename(tmp_path / "EEG_raw" / "2_2_20180507.cnt")
    with pytest.raises(MissingData, match=r"no recording of 'sub01, session 2', 'sub02, session 1'"):
        load_seed_v_raw(tmp_path, times=times)
    with pytest.raises(InvalidInput, match=r"Bands 'alpha'"):
        load_seed_v_raw(tmp_path, bands={"alpha": (8, 14)})


def clip_means(dataset, subject):
    table = pd.DataFrame(dataset.recordings[subject].mean())
    within = table.groupby(dataset.stimuli["clip"]).mean()
    session = np.array([name[1] for name in within.index])
    return within.groupby(session).transform(lambda column: column - column.mean()), within.index


@pytest.mark.parametrize(("plant", "share"), [("valence", 1.0), ("clip", 0.0), ("none", 0.0)])
def test_the_twin_holds_valence_where_it_is_planted_and_nowhere_else(plant, share):
    """Read with the planted axis itself: the mean of the other subject's clips, weighted by valence."""
    from consona.datasets.seed_v_twins import clip_valence_z

    dataset = seed_v_twin(plant, n_subjects=4, strength=1.0, seed=0)
    valence = pd.Series(clip_valence_z(), index=seed_v_trials().index)
    means = [clip_means(dataset, subject) for subject in range(4)]
    order = valence[means[0][1]].to_numpy()
    axis = np.mean([order @ each.to_numpy() for each, _ in means[:3]], axis=0)
    r = np.corrcoef(means[3][0].to_numpy() @ axis, order)[0, 1]
    # Under no effect r over 45 clips has a standard error of 1 / sqrt(42) = .15; 4 of these are .6.
    assert abs(r) < 0.6 if share == 0 else r > 0.9
    assert dataset.truth["valence_share"] == pytest.approx(share * dataset.truth["variance_share"])
    assert dataset.synthetic
    with pytest.raises(InvalidInput, match="Plant 'emotion'"):
        seed_v_twin("emotion")
