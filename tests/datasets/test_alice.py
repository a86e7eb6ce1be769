"""Alice: the figures of its data note from the real files; what is damaged is said; the twin is what it says it is."""

import numpy as np
import pytest

from consona.alignment.time_courses import cleaned
from consona.core.errors import InvalidInput, MissingData
from consona.datasets.alice import (
    REGIONS,
    alice_volumes,
    load_alice,
    load_alice_motion,
    load_alice_predictors,
    load_alice_words,
)
from consona.datasets.alice_twins import alice_twin, alice_twin_words, haemodynamic_response
from consona.stats.autocorrelation import autocorrelation
from consona.stats.reliability import leave_one_subject_out
from consona.stats.timeseries import detrended

# The data note: z-score, cubic polynomial and seven cosines taken away, 27 people; three decimals.
WITH_THE_OTHERS = (0.276, 0.211, 0.384, 0.269, 0.255, 0.197)
WITH_THE_WORD_RATE = (0.414, 0.420, 0.449, 0.513, 0.494, 0.399)


@pytest.fixture(scope="module")
def alice(data_folder):
    return load_alice(data_folder / "alice_fmri")


def clean_values(dataset):
    """Of all subjects, ``(n_subjects, n_volumes, n_regions)``."""
    runs = dataset.stimuli["run"]
    return np.stack([cleaned(each, runs).mean() for each in dataset.recordings])


@pytest.mark.data
def test_people_agree_and_follow_the_word_rate_as_the_data_note_says(alice):
    values = clean_values(alice)
    np.testing.assert_allclose(leave_one_subject_out(values).mean(axis=0), WITH_THE_OTHERS, atol=5.1e-4)
    rate = detrended(alice.stimuli["word_rate"][:, None], alice.stimuli["run"])[:, 0]
    found = [np.corrcoef(values.mean(axis=0)[:, place], rate)[0, 1] for place in range(6)]
    np.testing.assert_allclose(found, WITH_THE_WORD_RATE, atol=5.1e-4)


@pytest.mark.data
def test_27_people_are_there_and_the_empty_one_is_named(alice, data_folder):
    assert len(alice.recordings) == 27
    assert "s33" not in alice.subjects
    recording = alice.recording("s18")
    assert recording.data.sizes == {"repetition": 1, "stimulus": 362, "target": 6}
    assert tuple(recording.data["roi"].values) == REGIONS
    assert recording.data["time"].values[[0, -1]].tolist() == [20.0, 742.0]
    assert [alice.recording(name).attrs["protocol"] for name in ("s37", "s39")] == ["single echo", "multi echo"]
    assert len(alice.checksums) == 27 * 3
    wide = load_alice(data_folder / "alice_fmri", radius_mm=10, subjects=["s22"])
    assert not np.allclose(wide.recording("s22").mean(), alice.recording("s22").mean())
    with pytest.raises(InvalidInput, match="'s33' is left out: all values are 0"):
        load_alice(data_folder / "alice_fmri", subjects=["s33"])
    with pytest.raises(InvalidInput, match="regions of 8 mm"):
        load_alice(data_folder / "alice_fmri", radius_mm=8)


@pytest.mark.data
def test_words_are_on_the_clock_of_the_volumes(alice, data_folder):
    words = load_alice_words(data_folder / "alice_fmri")
    assert len(words) == 2127
    assert " ".join(words.texts[:7]) == "Alice was beginning to get very tired"
    assert (words["offset"] > words["onset"]).all()
    assert (np.diff(words["onset"]) > 0).all()
    joined = "".join(before + text for before, text in zip(words["before"], words.texts))
    assert "what's the use of a book" in joined
    clock = np.arange(0, 760, 0.1)
    events = np.bincount(np.searchsorted(clock, words["onset"]), minlength=len(clock))
    response = np.convolve(events, haemodynamic_response(np.arange(0, 32, 0.1)))[: len(clock)]
    times = alice.stimuli["time"]
    agree = [
        np.corrcoef(np.interp(times + shift, clock, response), alice.stimuli["word_rate"])[0, 1] for shift in (-2, 0, 2)
    ]
    assert agree[1] > 0.98
    assert agree[1] > max(agree[0], agree[2]) + 0.1


@pytest.mark.data
def test_predictors_and_motion_belong_to_the_same_volumes(alice, data_folder):
    predictors = load_alice_predictors(data_folder / "alice_fmri")
    assert predictors.data.shape == (362, 1, 12)
    assert predictors.ids.tolist() == alice.stimuli.ids.tolist()
    rate = predictors.data.sel(feature="rate_conv").values[:, 0]
    assert np.corrcoef(rate, alice.stimuli["word_rate"])[0, 1] > 0.97
    motion = load_alice_motion(data_folder / "alice_fmri", subjects=["s18", "s53"])
    assert [each.data.shape for each in motion.values()] == [(362, 1, 6)] * 2


def test_what_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(MissingData, match="s18-timecourses"):
        load_alice(tmp_path)
    shared = tmp_path / "alice_data_shared" / "6mm"
    shared.mkdir(parents=True)
    np.savetxt(shared / "s18-timecourses.txt", np.ones((361, 6)))
    with pytest.raises(InvalidInput, match="361 x 6 numbers.*expected, 362 x 6"):
        load_alice(tmp_path)
    np.savetxt(shared / "s18-timecourses.txt", np.zeros((362, 6)))
    with pytest.raises(InvalidInput, match="All time courses of 's18'"):
        load_alice(tmp_path)
    grid = tmp_path / "alice_stim_shared" / "DownTheRabbitHoleFinal_exp120_pad_1.TextGrid"
    grid.parent.mkdir()
    grid.write_text('intervals: size = 2\nintervals [1]:\nxmin = 0\nxmax = 1\ntext = "sp"\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="1 intervals; expected 2"):
        load_alice_words(tmp_path)


def test_the_twin_agrees_as_much_as_its_truth_says():
    twin = alice_twin("words", n_subjects=16, strength=0.7, seed=3)
    assert twin.synthetic
    assert twin.stimuli.ids.tolist() == alice_volumes().ids.tolist()
    values = np.stack([each.mean() for each in twin.recordings])
    # 96 correlations of series worth about 50 rows each: standard error 0.02
    assert leave_one_subject_out(values).mean() == pytest.approx(twin.truth["isc"], abs=0.06)
    assert values.var(axis=1).mean() == pytest.approx(1 + 0.7**2, rel=0.1)


def test_the_noise_of_the_twin_remembers_what_its_truth_says():
    twin = alice_twin("none", n_subjects=12, seed=1)
    runs = twin.stimuli["run"]
    found = np.mean([autocorrelation(each.mean(), runs, n_lags=6).mean(axis=1) for each in twin.recordings], axis=0)
    expected = np.exp(-(np.arange(7) ** 2) / (4 * twin.truth["noise_width"] ** 2))
    # taking the mean away lowers it by the sum of all autocorrelations over n: 6 sqrt(pi) / 362 = 0.03
    np.testing.assert_allclose(found, expected, atol=0.06)
    assert twin.truth["isc"] == 0


def test_a_twin_is_repeated_by_its_seed_and_refuses_what_it_does_not_know():
    first, again, other = (alice_twin("rate", n_subjects=2, seed=seed).recordings[1].mean() for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert alice_twin_words(4).texts == alice_twin_words(4).texts != alice_twin_words(5).texts
    with pytest.raises(InvalidInput, match="planted with 'meaning'"):
        alice_twin("meaning")
    with pytest.raises(InvalidInput, match="at least two subjects"):
        alice_twin(n_subjects=1)
