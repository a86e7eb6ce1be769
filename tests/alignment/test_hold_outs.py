"""Who recognises clips does well with new people and fails with new clips; planted valence goes through to both."""

import numpy as np
import pytest
import xarray as xr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from consona.alignment.hold_outs import decoding_accuracy, valence_score, window_accuracy
from consona.alignment.responses import responses
from consona.brain.tensors import window_tensor
from consona.core.errors import InvalidInput
from consona.core.score import Score
from consona.datasets.faced import load_faced_windows
from consona.datasets.twins import faced_twin
from consona.stats.readout import zscore_over
from consona.stats.splits import (
    emotion_folds,
    familiar_stimulus_folds,
    on_stimuli,
    one_clip_per_emotion,
    stimulus_folds,
    subject_folds,
)

CHANCE = 1 / 9


def held_out(X, emotions, split):
    """Shrinkage LDA on every fold, ``X (n_subjects, n_stimuli, n_features)``; what was never trained gets 0."""
    names = np.unique(emotions)
    found = np.full((*X.shape[:2], len(names)), np.nan)
    labels = np.broadcast_to(emotions, X.shape[:2])
    for train, validation, test in zip(split.train, split.validation, split.test, strict=True):
        rows = train | validation
        fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2).fit(X[rows], labels[rows])
        given = np.zeros((int(test.sum()), len(names)))
        given[:, np.searchsorted(names, fitted.classes_)] = fitted.predict_proba(X[test])
        found[test] = given
    coords = {"subject": [f"s{i}" for i in range(len(X))], "stimulus": np.arange(len(emotions)), "emotion": names}
    return xr.DataArray(found, coords, ("subject", "stimulus", "emotion"))


class Twin:
    """A twin of FACED with its features scaled within subject, and the splits of its people and clips."""

    def __init__(self, plant, strength, n_subjects=24):
        dataset = faced_twin(plant, n_subjects=n_subjects, strength=strength, seed=1)
        data = responses(dataset)
        self.X, self.emotions, self.cohorts = zscore_over(data.values, np.ones(28, bool)), data.emotions, data.cohorts
        codes = dataset.stimuli["valence_code"]
        self.levels = {str(e): int(c) for e, c in zip(self.emotions, codes, strict=True)}
        few = {"validation": 2, "seed": 0}
        self.splits = {
            "subject": subject_folds(self.cohorts, 6, 28, **few),
            "both": stimulus_folds(self.emotions, self.cohorts, n_subject_folds=3, **few),
            "stimulus": familiar_stimulus_folds(self.emotions, self.cohorts, **few),
            "emotion": emotion_folds(self.emotions, codes, self.cohorts, n_subject_folds=3, **few),
        }

    def score(self, name, n_permutations=200):
        split = self.splits[name]
        probability = held_out(self.X, self.emotions, split)
        known = {"cohorts": self.cohorts, "split": split, "n_permutations": n_permutations}
        if name == "emotion":
            return valence_score(probability, self.emotions, self.levels, **known)
        return decoding_accuracy(probability, self.emotions, **known)


@pytest.fixture(scope="module")
def clip_twin():
    return Twin("clip", 2.5)


@pytest.fixture(scope="module")
def valence_twin():
    return Twin("valence", 0.4)


def test_recognised_clips_look_like_emotions_until_the_clips_are_new(clip_twin):
    known = clip_twin.score("subject").attrs
    assert known["mean"][0] > 4 * CHANCE
    assert known["p"][0] < 0.01
    for name in ("both", "stimulus"):
        score = clip_twin.score(name).attrs
        # Three folds of nine or ten clips that answer alike in all subjects: about 28 independent clips.
        assert abs(score["mean"][0] - CHANCE) < 2.5 * np.sqrt(CHANCE * (1 - CHANCE) / 28)
        assert score["p"][0] > 0.05
    # The patterns are free of valence over all clips at once: what training shows of it by chance, the left-out pair
    # has the other way round, so the AUC lies below one half.
    new = clip_twin.score("emotion").attrs
    assert new["mean"][0] < 0.5
    assert new["p_pairs"] > 0.5


def test_planted_valence_is_told_from_new_clips_and_from_new_emotions(valence_twin):
    for name in ("both", "stimulus"):
        score = valence_twin.score(name).attrs
        assert score["mean"][0] > CHANCE
        assert score["p"][0] < 0.01
    new = valence_twin.score("emotion").attrs
    assert new["mean"][0] > 0.8
    assert new["low"][0] > 0.5
    assert new["p_pairs"] == 1 / 16  # four pairs: the smallest there is
    assert len(new["by_pair"]) == 4


def test_with_nothing_planted_nothing_is_told():
    twin = Twin("none", 0.1, n_subjects=12)
    for name in ("subject", "stimulus", "emotion"):
        assert twin.score(name).attrs["p"][0] > 0.02


def test_one_clip_per_emotion_makes_recognition_easier_than_emotions(clip_twin):
    """With one clip in each class an emotion is a clip: accuracy rises where clips are what is recognised."""
    kept = one_clip_per_emotion(clip_twin.emotions, 0)
    split = on_stimuli(clip_twin.splits["subject"], kept, "one clip per emotion")
    probability = held_out(clip_twin.X, clip_twin.emotions, split)
    one = decoding_accuracy(probability, clip_twin.emotions, cohorts=clip_twin.cohorts, split=split, n_permutations=50)
    assert one.attrs["mean"][0] > clip_twin.score("subject", 2).attrs["mean"][0]
    assert one.cv.endswith("one clip per emotion")


def test_numbers_are_those_of_scikit_learn(clip_twin):
    for name in ("subject", "stimulus"):
        split, score = clip_twin.splits[name], clip_twin.score(name, 3)
        best = held_out(clip_twin.X, clip_twin.emotions, split)
        names = best["emotion"].values
        for s, row in enumerate(best.values):
            rows = np.isfinite(row).all(axis=1)
            expected = balanced_accuracy_score(clip_twin.emotions[rows], names[row[rows].argmax(axis=1)])
            assert score.data.values[s, 0] == pytest.approx(expected, abs=1e-12)
        cohort = score.data["cohort"].values == "2"
        assert score.attrs["by_cohort"]["2"][0] == pytest.approx(score.data.values[cohort].mean())
    score = clip_twin.score("emotion", 3)
    probability = held_out(clip_twin.X, clip_twin.emotions, clip_twin.splits["emotion"])
    positive = probability[0][:, [clip_twin.levels[str(e)] == 1 for e in probability["emotion"].values]].sum("emotion")
    pairs = [pair.split(" | ") for pair in score.attrs["by_pair"]]
    each = []
    for pair in pairs:
        rows = np.isin(clip_twin.emotions, pair)
        each.append(roc_auc_score(clip_twin.emotions[rows] == pair[1], positive.values[rows]))
    assert score.data.values[0, 0] == pytest.approx(np.mean(each), abs=1e-12)


def test_a_score_says_what_is_new_and_whether_clips_are_shared(clip_twin):
    known, new = (clip_twin.score(name, 3) for name in ("subject", "both"))
    assert known.cv == clip_twin.splits["subject"].name
    assert (known.attrs["held_out"], known.attrs["shares_stimuli"]) == ("subject", True)
    assert (new.attrs["held_out"], new.attrs["shares_stimuli"]) == ("stimulus and subject", False)
    for score in (known, new):
        assert all(not set(fold["train"]) & set(fold["test"]) for fold in score.attrs["folds"])
        again = Score.from_xarray(score.to_xarray())
        assert again.attrs == score.attrs
        assert again.null.shape == (3, 24, 1)


def test_windows_stand_beside_their_clips(clip_twin):
    """Three noisy copies as windows: single ones are worse than the mean, which is scored as the clip."""
    rng, split = np.random.default_rng(0), clip_twin.splits["subject"]
    noisy = clip_twin.X[None] + 2 * rng.standard_normal((3, *clip_twin.X.shape))
    each = [held_out(X, clip_twin.emotions, split) for X in noisy]
    both = window_accuracy(
        xr.concat(each, "window"), clip_twin.emotions, cohorts=clip_twin.cohorts, split=split, n_permutations=3
    )
    assert both.data["attribute"].values.tolist() == ["window", "clip"]
    single, clip = both.attrs["mean"]
    assert single < clip
    known = {"cohorts": clip_twin.cohorts, "split": split, "n_permutations": 3}
    alone = [decoding_accuracy(one, clip_twin.emotions, **known).data.values for one in each]
    np.testing.assert_allclose(both.data.values[:, :1], np.mean(alone, axis=0), atol=1e-12)
    mean = decoding_accuracy(sum(each) / 3, clip_twin.emotions, **known).data.values
    np.testing.assert_allclose(both.data.values[:, 1:], mean, atol=1e-12)


def test_what_does_not_fit_is_said(clip_twin):
    split = clip_twin.splits["stimulus"]
    probability = held_out(clip_twin.X, clip_twin.emotions, split)
    known = {"cohorts": clip_twin.cohorts, "split": split}
    with pytest.raises(InvalidInput, match="stimuli of 'joy'"):
        decoding_accuracy(probability.drop_sel(emotion="joy"), clip_twin.emotions, **known)
    with pytest.raises(InvalidInput, match="Select one snapshot"):
        decoding_accuracy(probability.expand_dims("snapshot"), clip_twin.emotions, **known)
    with pytest.raises(InvalidInput, match="the dimension 'window'"):
        window_accuracy(probability, clip_twin.emotions, **known)
    with pytest.raises(InvalidInput, match="not tested by the split"):
        decoding_accuracy(probability.fillna(0.1), clip_twin.emotions, **known)
    with pytest.raises(InvalidInput, match="24 subjects and 28 stimuli"):
        decoding_accuracy(probability, clip_twin.emotions[:-1], **known)
    with pytest.raises(InvalidInput, match="no level for the emotions 'anger'"):
        valence_score(
            probability, clip_twin.emotions, {k: v for k, v in clip_twin.levels.items() if k != "anger"}, **known
        )


@pytest.mark.data
def test_faced_is_decoded_through_its_clips(data_folder):
    """Clip means of real people: .383 was measured on other folds; within three SE of a difference over subjects."""
    data = load_faced_windows(data_folder / "faced", window_s=15)
    found = {}
    for scaling in ("subject", "none"):
        tensor = window_tensor(data, window_s=30, shifts_s=(0,), scaling=scaling)
        X, emotions, cohorts = (
            tensor.values.reshape(*tensor.shape[:2], -1),
            tensor["emotion"].values,
            tensor["cohort"].values,
        )
        splits = {"subject": subject_folds(cohorts, 10, 28, seed=0), "both": stimulus_folds(emotions, cohorts, seed=0)}
        for name, split in splits.items():
            if (scaling, name) != ("none", "both"):
                known = {"cohorts": cohorts, "split": split, "n_permutations": 20}
                found[scaling, name] = decoding_accuracy(held_out(X, emotions, split), emotions, **known)
    known, unscaled, new = (
        found[key].attrs for key in (("subject", "subject"), ("none", "subject"), ("subject", "both"))
    )
    error = known["half_width"][0] / 1.96
    assert abs(known["mean"][0] - 0.383) < 3 * np.sqrt(2) * error
    assert known["low"][0] > unscaled["high"][0] > CHANCE
    assert known["low"][0] > new["high"][0]
    assert new["mean"][0] > CHANCE
