"""Two corpora on what they share; an axis that both hold is found from one in the other."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.faced_twins import faced_twin, target_smoothing
from consona.datasets.seed_v_twins import clip_valence_z, rough_place, seed_v_twin
from consona.datasets.shared_cells import common_cells

SHARED = ["disgust", "fear", "joy", "neutral", "sadness"]


@pytest.fixture(scope="module")
def pairs():
    return {
        plant: common_cells(
            faced_twin(plant, n_subjects=8, strength=1.0, seed=5),
            seed_v_twin(plant, n_subjects=3, strength=1.0, seed=5),
        )
        for plant in ("valence", "clip")
    }


def test_channels_bands_and_emotions_are_those_of_both(pairs):
    faced, seed = pairs["valence"]
    for each, n_stimuli in ((faced, 16), (seed, 1823)):
        assert each.recordings[0].data.shape == (1, n_stimuli, 150)
        assert sorted(set(each.stimuli["emotion"].tolist())) == SHARED
    for label in ("channel", "band"):
        assert np.array_equal(faced.recordings[0].data[label], seed.recordings[2].data[label])
    assert faced.recordings[0].data["channel"].values[::5].tolist()[:3] == ["Fp1", "Fp2", "Fz"]
    assert sorted(set(seed.stimuli["own_emotion"].tolist())) == ["disgust", "fear", "happy", "neutral", "sad"]
    whole = seed_v_twin("valence", n_subjects=3, strength=1.0, seed=5).recordings[1].data
    there = whole.isel(target=((whole["channel"] == "PO3") & (whole["band"] == "gamma")).values)
    here = seed.recordings[1].data
    here = here.isel(target=((here["channel"] == "PO3") & (here["band"] == "gamma")).values)
    np.testing.assert_array_equal(here, there)
    assert seed.synthetic
    assert seed.truth["plant"] == "valence"


def by_emotion(dataset):
    """Means of emotions over people and stimuli, centred: (n_emotions, n_targets)."""
    values = np.mean([recording.mean() for recording in dataset.recordings], axis=0)
    means = np.array([values[dataset.stimuli["emotion"] == emotion].mean(axis=0) for emotion in SHARED])
    return means - means.mean(axis=0)


def test_an_axis_planted_in_both_leads_from_one_to_the_other_and_back(pairs):
    valence = np.array([clip_valence_z()[i] for i in (4, 1, 0, 2, 3)])  # disgust, fear, happy, neutral, sad

    def transferred(a, b):
        axis = valence @ by_emotion(a)
        return np.corrcoef(by_emotion(b) @ axis, valence)[0, 1]

    for a, b in (pairs["valence"], pairs["valence"][::-1]):
        assert transferred(a, b) > 0.95
    # Five classes without valence in them: the mean of both directions and of the sign must not stand out.
    other = [transferred(a, b) for a, b in (pairs["clip"], pairs["clip"][::-1])]
    assert min(np.abs(other)) < 0.95


def test_places_on_the_head_are_those_of_the_faced_twin():
    faced = faced_twin("none", n_subjects=2).recordings[0].data["channel"].values[::5].tolist()[:30]
    places = np.array([rough_place(name) for name in faced])
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    smooth = target_smoothing()
    covariance = (smooth @ smooth.T).reshape(32, 5, 32, 5)[:30, 0, :30, 0]
    np.testing.assert_allclose(covariance, np.exp(-distance / 2), atol=1e-12)


def test_corpora_that_share_nothing_are_refused(pairs):
    faced, seed = pairs["valence"]
    bored = type(faced)(seed.stimuli.with_columns(emotion=["boredom"] * 1823), seed.recordings, "bored", "1", "", "")
    with pytest.raises(InvalidInput, match=r"share 150 cells.*the emotions none.*'boredom': name the.*emotions="):
        common_cells(faced, bored)
    bare = type(faced.recordings[0])(faced.recordings[0].data.drop_vars("band"), "sub000")
    with pytest.raises(InvalidInput, match=r"labels .*expected channel and band"):
        common_cells(type(faced)(faced.stimuli, (bare,), "bare", "1", "", ""), seed)
    few = type(bare)(faced.recordings[1].data[:, :, 1:], "sub001")
    uneven = type(faced)(faced.stimuli, (faced.recordings[0], few), "uneven", "1", "", "")
    with pytest.raises(InvalidInput, match=r"'uneven': subject 'sub001' lacks the cells 'fp1 delta'"):
        common_cells(uneven, seed)
