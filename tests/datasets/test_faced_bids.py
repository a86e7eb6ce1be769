"""FACED as recorded, on BDF files made in the test: units, rates, names and order evened out, and faults named."""

import numpy as np
import pandas as pd
import pytest
from recorded_files import write_bdf

from consona.brain.cleaning import Cleaned
from consona.brain.eeg import band_power
from consona.core.errors import InvalidInput, MissingData
from consona.datasets import faced_bids
from consona.datasets.eeg_epochs import require_signal
from consona.datasets.faced_bids import load_faced_bids, load_faced_bids_epochs, read_clips
from consona.datasets.faced_clips import CHANNELS

SECONDS = 5  # what is taken of every clip here: 30 s would make the files six times as large
RMS = 4 + 0.3 * np.arange(1, 29)  # of the 10 Hz sine at Oz in the last seconds of each clip, in microvolts
OLDER = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}


@pytest.fixture(autouse=True)
def shorter(monkeypatch):
    monkeypatch.setattr(faced_bids, "N_SECONDS", SECONDS)


def folder(root, subject):
    return root / subject / "eeg" / f"{subject}_task-watchingVideoClips"


def record(root, subject, *, rate=250, unit="", names=None, flat=None, blinks=False):
    """Clips in random order, each with two loud seconds in front that must not be taken, and one of rest between."""
    rng = np.random.default_rng(int(subject[-3:]))
    names = names or [OLDER.get(name, name) for name in rng.permutation(CHANNELS)]
    order = rng.permutation(28) + 1
    length = (SECONDS + 3) * rate
    signal = 10 * rng.standard_normal((len(names), 28 * length)) + rng.uniform(-2000, 2000, (len(names), 1))
    time = np.arange(SECONDS * rate) / rate
    rows = [("1.0", "0.0", "Experiment start", "n/a")]
    for place, vid in enumerate(order.tolist()):
        start = place * length
        signal[:, start : start + 2 * rate] += 400 * np.sin(2 * np.pi * 10 * np.arange(2 * rate) / rate)
        taken = slice(start + 2 * rate, start + (2 + SECONDS) * rate)
        signal[names.index("Oz"), taken] += RMS[vid - 1] * np.sqrt(2) * np.sin(2 * np.pi * 10 * time)
        if blinks:
            beat = np.where(time % 2.5 < 0.3, 1 - np.cos(2 * np.pi * (time % 2.5) / 0.3), 0)
            for name, size in (("Fp1", 75), ("Fp2", 70), ("F7", 30), ("F8", 30), ("Fz", 25)):
                signal[names.index(name), taken] += size * beat
        rows.append((f"{start / rate:.4f}", f"{SECONDS + 2:.1f}", "film", str(vid)))
    if flat:
        signal[names.index(flat)] = 5.0
    write_bdf(folder(root, subject).with_name(folder(root, subject).name + "_eeg.bdf"), signal, names, rate, unit)
    write_events(root, subject, rows)
    units = pd.DataFrame({"name": names, "units": "µV" if unit else "n/a"})
    units.to_csv(str(folder(root, subject)) + "_channels.tsv", sep="\t", index=False)
    return rows


def write_events(root, subject, rows):
    events = pd.DataFrame(rows, columns=["onset", "duration", "trial_type", "video_index"])
    events.to_csv(str(folder(root, subject)) + "_events.tsv", sep="\t", index=False)


def oz_power(clips):
    return band_power(clips[:, [CHANNELS.index("Oz")]], rate_hz=250)[:, 0, :, 2].mean(axis=1)


def test_units_rates_names_and_order_are_evened_out(tmp_path):
    record(tmp_path, "sub-004")  # microvolts without a unit at 250 Hz, older names
    record(tmp_path, "sub-061", rate=500, unit="uV", names=[*CHANNELS[::-1]])
    clips = {}
    for subject, rate, unit in (("sub004", 250, "uV"), ("sub061", 500, "V")):
        clips[subject], facts = read_clips(tmp_path, subject)
        assert facts == {"recorded_hz": rate, "unit": unit}
        assert clips[subject].shape == (28, 32, SECONDS * 250)
        # The sine, and of noise of 100 between 0 and half the rate 6 Hz; per clip of five windows the noise within the
        # taper's 1.5 Hz makes a standard error of sqrt(2 * 154 * 1.2 / 5) = 8.6 at most.
        expected = RMS**2 + 100 * 6 / (rate / 2)
        assert np.abs(oz_power(clips[subject]) - expected).max() < 4 * 8.6
        assert np.corrcoef(oz_power(clips[subject]), expected)[0, 1] > 0.95
        assert np.ptp(clips[subject][:, CHANNELS.index("T7")]) < 150  # neither the loud seconds nor a wrong scale
    (tmp_path / "Recording_info.csv").write_text("sub,Cohort ,Sample_rate,Unit\nsub004,1,1000,uV\nsub061,2,500,uV\n")
    with pytest.raises(InvalidInput, match=r"'sub004' was recorded at 250 Hz; expected 1000 Hz.*subjects="):
        read_clips(tmp_path, "sub004")
    with pytest.raises(InvalidInput, match=r"'sub061': read as uV.*no EEG.*Recording_info.csv"):
        load_faced_bids(tmp_path, subjects=["sub061"])


def test_features_are_those_of_the_cleaned_recording(tmp_path):
    record(tmp_path, "sub-010", blinks=True)
    found = load_faced_bids(tmp_path)
    data, attrs = found.recordings[0].data, found.recordings[0].attrs
    assert found.subjects == ["sub010"]
    assert data.sizes == {"repetition": 1, "stimulus": 28, "target": 160}
    assert attrs["n_removed"] >= 1
    assert (attrs["cohort"], attrs["recorded_hz"], attrs["interpolated"]) == (1, 250, "")
    alpha = data[0, :, ((data["channel"] == "Oz") & (data["band"] == "alpha")).values].values.ravel()
    power = np.exp(2 * alpha) / (2 * np.pi * np.e)
    slope, _ = np.polyfit(RMS**2, power, 1)
    # The common average takes 1/32 of the sine. Error of the slope: 8.6 over sqrt(28) times the spread of the powers.
    assert abs(slope - (31 / 32) ** 2) < 4 * 8.6 / np.sqrt(28) / np.std(RMS**2)
    eyes = np.exp(2 * data[0, :, ((data["channel"] == "Fp1") & (data["band"] == "theta")).values].values.mean())
    # Blinks of 150 microvolts have tens of squared microvolts in theta; the noise alone 4 of 125 Hz of 100.
    assert eyes / (2 * np.pi * np.e) < 2 * 100 * 4 / 125


def test_epochs_of_several_subjects_stand_in_one_array(tmp_path, monkeypatch):
    monkeypatch.setattr(faced_bids, "cleaned_clips", lambda signal, **_: Cleaned(signal, (), 0))
    record(tmp_path, "sub-004")
    record(tmp_path, "sub-062", rate=500, unit="uV")
    epochs = load_faced_bids_epochs(tmp_path)
    assert epochs.dims == ("subject", "stimulus", "channel", "time")
    assert epochs.shape == (2, 28, 32, SECONDS * 250)
    assert epochs.dtype == np.float32
    assert epochs["cohort"].values.tolist() == [1, 2]
    assert epochs["emotion"].sel(stimulus="clip20").item() == "inspiration"
    assert epochs["clip"].values.tolist() == epochs["stimulus"].values.tolist()
    assert (epochs.attrs["rate_hz"], epochs.attrs["synthetic"]) == (250.0, 0)
    np.testing.assert_allclose(epochs.sel(subject="sub062"), read_clips(tmp_path, "sub062")[0], rtol=1e-5, atol=1e-3)


def test_what_is_missing_or_broken_is_named(tmp_path):
    rows = record(tmp_path, "sub-004")
    write_events(tmp_path, "sub-004", [row for row in rows if row[3] != "17"] + [row for row in rows if row[3] == "3"])
    with pytest.raises(InvalidInput, match=r"'sub004'.*clips 'clip03', 'clip17' are missing or there more than once"):
        read_clips(tmp_path, "sub004")
    write_events(tmp_path, "sub-004", [row if row[3] != "5" else ("900", "60", "film", "5") for row in rows])
    with pytest.raises(InvalidInput, match=r"'sub004': clip 'clip05' ends at 960 s and the recording lasts 224 s"):
        read_clips(tmp_path, "sub004")
    events = folder(tmp_path, "sub-004").with_name("sub-004_task-watchingVideoClips_events.tsv")
    events.unlink()
    with pytest.raises(MissingData, match=r"'sub004' lacks sub-004_task-watchingVideoClips_events.tsv"):
        read_clips(tmp_path, "sub004")
    with pytest.raises(MissingData, match=r"1 subjects here; not among them: 'sub099'"):
        load_faced_bids(tmp_path, subjects=["sub099"])
    with pytest.raises(MissingData, match=r"consona fetch faced_bids"):
        load_faced_bids(tmp_path / "sub-004")
    record(tmp_path, "sub-005", names=[*CHANNELS[1:], "X"])
    with pytest.raises(InvalidInput, match=r"'sub005': the file holds 32 channels, and not once each 'Fp1'"):
        read_clips(tmp_path, "sub005")
    record(tmp_path, "sub-006", flat="Cz")
    with pytest.raises(InvalidInput, match=r"'sub006': channels 'Cz' are flat in 28 of 28 clips.*bad="):
        load_faced_bids(tmp_path, subjects=["sub006"])
    path = folder(tmp_path, "sub-006").with_name("sub-006_task-watchingVideoClips_eeg.bdf")
    path.write_bytes(b"no recording")
    with pytest.raises(InvalidInput, match=r"'sub006': sub-006_task-watchingVideoClips_eeg.bdf cannot be read as EEG"):
        read_clips(tmp_path, "sub006")


def test_a_channel_that_is_not_finite_is_never_imputed():
    signal = np.random.default_rng(0).standard_normal((3, 2, 50))
    signal[1, 0, 4] = np.nan
    signal[2, 1] = 0
    with pytest.raises(InvalidInput, match=r"'sub001': channels 'Fz' hold NaN or infinite samples in 1 of 3 clips"):
        require_signal(signal, ["Fz", "Cz"], "sub001", known=["Fz", "Cz"])
    require_signal(signal[2:], ["Fz", "Cz"], "sub001", known=["Cz"])
