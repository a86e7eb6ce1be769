"""The published figures of the real corpora, reproduced by the loaders."""

import numpy as np
import pytest

from consona.datasets.emobank import load_emobank
from consona.datasets.faced import load_faced, load_faced_windows
from consona.datasets.faced_clips import BANDS
from consona.datasets.faced_layouts import faced_layout, read_subject
from consona.datasets.faced_ratings import load_faced_ratings
from consona.datasets.goemotions import LABELS, NEGATIVE, POSITIVE, goemotions_valence, load_goemotions
from consona.datasets.sst2 import load_sst2
from consona.datasets.texts import load_rated

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def faced(data_folder):
    return load_faced(data_folder / "faced")


def test_faced_released_pickles_hold_the_first_value(data_folder):
    layout = faced_layout(data_folder / "faced", "released")
    assert list(layout.readers) == ["sub000", "sub001", "sub002"]
    assert read_subject(layout, "sub000")[0, 0, 0, 0] == pytest.approx(3.374015, abs=5e-7)


def test_faced_released_and_compact_agree(data_folder, faced):
    """float16 keeps a relative error of 4.9e-4; the mean over 30 s cannot be further off."""
    originals = load_faced(data_folder / "faced", layout="released")
    assert len(faced.subjects) == 100
    for recording in originals.recordings:
        compact = faced.recording(recording.subject)
        np.testing.assert_allclose(compact.mean(), recording.mean(), rtol=4.9e-4)


def test_faced_grand_mean_of_each_band(data_folder):
    data = load_faced_windows(data_folder / "faced").recordings
    means = np.mean([recording.mean() for recording in data], axis=(0, 1)).reshape(-1, len(BANDS)).mean(axis=0)
    np.testing.assert_allclose(means, [2.6797, 2.2261, 2.1679, 2.1748, 2.0259], atol=1e-4)


def test_faced_positive_against_negative_clips_across_people(faced):
    X = np.stack([recording.mean() for recording in faced.recordings])
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    code = faced.stimuli["valence_code"]
    X, y = X[:, code != 0], code[code != 0] / 2
    right = []
    for test in np.arange(100).reshape(10, 10):
        train = X[np.setdiff1d(np.arange(100), test)].reshape(-1, 160)
        weights = np.linalg.solve(train.T @ train + 200 * np.eye(160), train.T @ np.tile(y, 90))
        right.append((X[test] @ weights) * y > 0)
    assert round(float(np.mean(right)) * 100, 1) == pytest.approx(65.2, abs=0.051)


def test_faced_cohorts(faced):
    assert [r.attrs["cohort"] for r in faced.recordings] == [1] * 61 + [2] * 39


def test_faced_ratings(data_folder):
    ratings = load_faced_ratings(data_folder / "faced")
    mean = np.mean([recording.mean() for recording in ratings.recordings], axis=0)
    items = ratings.recordings[0].data["item"].values.tolist()
    valence, arousal = mean[:, items.index("valence")], mean[:, items.index("arousal")]
    assert valence[[0, 1, 2, 19]].round(2).tolist() == [1.75, 1.29, 1.55, 5.48]
    assert arousal[2].round(2) == 5.06
    # The printed means are over 123 people, these over 100 of them.
    assert np.corrcoef(valence, load_rated()["rated_valence"])[0, 1] > 0.99


def test_faced_compact_ratings_equal_the_originals(data_folder, tmp_path):
    (tmp_path / "derived_ratings.npz").write_bytes((data_folder / "faced" / "derived_ratings.npz").read_bytes())
    original = load_faced_ratings(data_folder / "faced")
    for recording in load_faced_ratings(tmp_path).recordings:
        np.testing.assert_allclose(recording.mean(), original.recording(recording.subject).mean(), atol=1e-6)


@pytest.mark.parametrize(("split", "rows", "positive"), [("train", 6920, 3610), ("dev", 872, 444), ("test", 1821, 909)])
def test_sst2(data_folder, split, rows, positive):
    stimuli = load_sst2(split, folder=data_folder / "sst2").stimuli
    assert (len(stimuli), stimuli["label"].sum()) == (rows, positive)
    assert len(stimuli.texts) == rows


@pytest.mark.parametrize(
    ("split", "rows", "several", "neutral"),
    [("train", 43410, 7102, 14219), ("dev", 5426, 878, 1766), ("test", 5427, 837, 1787)],
)
def test_goemotions(data_folder, split, rows, several, neutral):
    folder = data_folder / "goemotions"
    stimuli = load_goemotions(split, folder=folder).stimuli
    assert (len(stimuli), (stimuli["n_labels"] > 1).sum()) == (rows, several)
    assert sum("neutral" in labels.split(",") for labels in stimuli["labels"]) == neutral
    assert tuple((folder / "data" / "original" / "labels.txt").read_text().split()) == LABELS
    poles = goemotions_valence(stimuli)
    assert set(poles["label"]) == {0, 1}
    left_out = set(LABELS) - POSITIVE - NEGATIVE
    assert not any(left_out & set(labels.split(",")) for labels in poles["labels"])


def test_emobank(data_folder):
    folder = data_folder / "emobank"
    table = load_emobank(folder=folder).stimuli.table
    assert table["split"].value_counts().to_dict() == {"train": 8062, "dev": 1000, "test": 1000}
    assert table.loc["easy_money_13624_13628", "text"] == "None"
    assert table[["valence", "arousal", "dominance"]].mean().round(3).tolist() == [2.977, 3.042, 3.063]
    assert round(table["valence"].corr(table["dominance"]), 3) == 0.382
    assert round(table["valence"].corr(table["arousal"]), 3) == 0.039
    reader = load_emobank(folder=folder, perspective="reader").stimuli
    writer = load_emobank(folder=folder, perspective="writer").stimuli
    assert np.corrcoef(reader["valence"], writer["valence"])[0, 1].round(3) == 0.661
    assert len(load_emobank("dev", folder=folder).stimuli) == 1000
