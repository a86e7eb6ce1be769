"""What is planted in a twin is found there at the stated size; what is not planted is not."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.faced_clips import BANDS, CHANNELS, clip_stimuli
from consona.datasets.faced_twins import rated_valence_z, target_smoothing
from consona.datasets.goemotions import POSITIVE, goemotions_valence
from consona.datasets.texts import load_rated
from consona.datasets.twin_clauses import COMMENTS, GRADES, PRAISE
from consona.datasets.twins import emobank_twin, faced_ratings_twin, faced_twin, goemotions_twin, sentiment_twin

N_SUBJECTS = 40


def responses(dataset):
    """Clip responses with the level of each target removed and each subject brought to root mean square 1."""
    X = np.stack([recording.mean() for recording in dataset.recordings])
    X = X - X.mean(axis=1, keepdims=True)
    return X / np.sqrt((X**2).mean(axis=(1, 2), keepdims=True)) * np.sqrt(27 / 28)  # centring takes 1 / 28 of the noise


def shared(slopes):
    """Mean product of two subjects' rows: noise of different people cancels."""
    total = slopes.sum(axis=0)
    n = len(slopes)
    return float(((total**2).sum() - (slopes**2).sum()) / (n * (n - 1)))


def valence_share(dataset):
    """Share of the variance between clips that is one pattern, the same in all subjects, times rated valence."""
    slopes = np.einsum("c,sct->st", rated_valence_z(), responses(dataset)) / 28
    return shared(slopes) / slopes.shape[1]


def clip_share(dataset):
    """Share of the variance between clips that all subjects share."""
    return shared(responses(dataset).reshape(len(dataset.recordings), -1)) / (28 * 160)


def tolerance(share, n_rows):
    """Four standard errors of the mean product over pairs of subjects.

    A subject's ``n_rows`` rows of noise are smooth over the targets with covariance C, so each holds ``160² / |C|²``
    independent values. Their variance per cell is ``(1 - share) / 28`` for slopes (one row) and ``1 - share`` for clips
    (28 rows): ``(1 - share) * n_rows / 28``. A pair adds noise times noise, and each subject noise times signal; a wide
    signal meets, at worst, the largest eigenvalue of C.
    """
    C = target_smoothing() @ target_smoothing().T
    spread = np.linalg.norm(C) ** 2 / 160**2
    pairs = N_SUBJECTS * (N_SUBJECTS - 1) / 2
    noise = (1 - share) * (n_rows / 28)
    own = noise**2 * spread / n_rows / pairs
    cross = 4 * share * noise / n_rows * (np.linalg.eigvalsh(C)[-1] / 160) / N_SUBJECTS
    return 4 * np.sqrt(own + cross)


def test_smooth_noise_has_unit_variance_and_twins_have_the_real_shape():
    smooth = target_smoothing()
    np.testing.assert_allclose(np.diag(smooth @ smooth.T), 1)
    dataset = faced_twin(n_subjects=3)
    data = dataset.recordings[2].data
    assert data.shape == (1, 28, 160)
    assert data["channel"].values[::5].tolist() == list(CHANNELS)
    assert data["band"].values[:5].tolist() == list(BANDS)
    assert [recording.attrs["cohort"] for recording in dataset.recordings] == [1, 1, 2]
    assert dataset.synthetic
    assert list(dataset.stimuli.table) == list(clip_stimuli().table)


@pytest.mark.parametrize("strength", [0.15, 0.4])
def test_planted_valence_has_its_stated_size(strength):
    dataset = faced_twin("valence", n_subjects=N_SUBJECTS, strength=strength, seed=3)
    share = strength**2 / (1 + strength**2)
    assert dataset.truth["valence_share"] == dataset.truth["variance_share"] == pytest.approx(share)
    assert valence_share(dataset) == pytest.approx(share, abs=tolerance(share, 1))
    assert clip_share(dataset) == pytest.approx(share, abs=tolerance(share, 28))
    assert valence_share(dataset) > tolerance(0, 1)


def test_clip_identity_without_valence():
    dataset = faced_twin("clip", n_subjects=N_SUBJECTS, strength=0.4, seed=3)
    share = 0.16 / 1.16
    assert dataset.truth["valence_share"] == 0
    assert clip_share(dataset) == pytest.approx(share, abs=tolerance(share, 28))
    assert valence_share(dataset) == pytest.approx(0, abs=tolerance(0, 1))


def test_nothing_planted():
    dataset = faced_twin("none", n_subjects=N_SUBJECTS, seed=3)
    assert dataset.truth["variance_share"] == 0
    assert clip_share(dataset) == pytest.approx(0, abs=tolerance(0, 28))
    assert valence_share(dataset) == pytest.approx(0, abs=tolerance(0, 1))


def test_the_tolerances_are_about_right():
    """Without an effect, 16 estimates spread as the tolerance says: four times their standard deviation."""
    found = [valence_share(faced_twin("none", n_subjects=N_SUBJECTS, seed=seed)) for seed in range(16)]
    assert 4 * np.std(found) == pytest.approx(tolerance(0, 1), rel=0.6)  # SD of an SD from 16: 18 %, heavy tails on top


def test_the_best_readout_of_one_subject_is_as_good_as_stated():
    """The Fisher weights of the known noise, averaged over subjects, correlate with valence as stated in the truth."""
    dataset = faced_twin("valence", n_subjects=N_SUBJECTS, strength=0.2, seed=5)
    slopes = np.einsum("c,sct->t", rated_valence_z(), responses(dataset))
    C = target_smoothing() @ target_smoothing().T
    basis = np.linalg.eigh(C)[1][:, -40:]  # the pattern is wide: it lies in the widest components
    weights = basis @ np.linalg.solve(basis.T @ C @ basis, basis.T @ slopes)
    found = np.mean([np.corrcoef(x @ weights, rated_valence_z())[0, 1] for x in responses(dataset)])
    # 40 weights from 40 subjects lose a little; one r over 28 clips varies by about (1 - r²) / sqrt(28).
    best = dataset.truth["best_single_r"]
    assert found == pytest.approx(best, abs=0.05 + 4 * (1 - best**2) / np.sqrt(28 * N_SUBJECTS))


def test_cohorts_differ_in_gain():
    dataset = faced_twin("none", n_subjects=N_SUBJECTS, seed=1)
    spread = np.array([recording.mean().std(axis=0).mean() for recording in dataset.recordings])
    cohort = np.array([recording.attrs["cohort"] for recording in dataset.recordings])
    log_ratio = np.log(spread[cohort == 2]).mean() - np.log(spread[cohort == 1]).mean()
    assert log_ratio == pytest.approx(np.log(1.6), abs=4 * 0.2 * np.sqrt(2 / 20))


def test_twins_repeat_and_differ_by_seed():
    first, again, other = (faced_twin(n_subjects=2, seed=seed).recordings[1].mean() for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert sentiment_twin(20, seed=1).stimuli.texts == sentiment_twin(20, seed=1).stimuli.texts


@pytest.mark.parametrize(
    "make",
    [
        lambda: faced_twin("arousal"),
        lambda: faced_twin(n_subjects=1),
        lambda: faced_twin(strength=0),
        lambda: faced_ratings_twin(noise=3),
        lambda: sentiment_twin(7),
        lambda: sentiment_twin(10**6),
        lambda: goemotions_twin(flip=0.7),
        lambda: emobank_twin(11),
    ],
)
def test_impossible_twins_are_refused(make):
    with pytest.raises(InvalidInput):
        make()


def test_ratings_twin_stays_on_the_scale_and_is_as_reliable_as_stated():
    dataset = faced_ratings_twin(n_subjects=60, seed=2)
    ratings = np.stack([recording.mean() for recording in dataset.recordings])
    assert ratings.min() >= 0
    assert ratings.max() <= 7
    valence = ratings[:, :, dataset.recordings[0].data["item"].values.tolist().index("valence")]
    # Reliability of the mean over 60, from both halves stepped up (Spearman-Brown).
    halves = np.corrcoef(valence[::2].mean(axis=0), valence[1::2].mean(axis=0))[0, 1]
    assert 2 * halves / (1 + halves) == pytest.approx(dataset.truth["valence_reliability"], abs=0.005)
    assert np.corrcoef(valence.mean(axis=0), load_rated()["rated_valence"])[0, 1] > 0.99


def auc(score, label):
    difference = np.subtract.outer(score[label == 1], score[label == 0])
    return (difference > 0).mean() + (difference == 0).mean() / 2


@pytest.mark.parametrize("flip", [0.0, 0.1, 0.25])
def test_a_perfect_reader_of_reviews_scores_exactly_the_stated_auc(flip):
    dataset = sentiment_twin(400, flip=flip, seed=4)
    stimuli = dataset.stimuli
    praise = np.array([any(clause in text for clause in PRAISE) for text in stimuli.texts])
    assert auc(praise.astype(float), stimuli["label"]) == pytest.approx(dataset.truth["best_auc"]) == 1 - flip
    assert len(set(stimuli.texts)) == 400
    assert stimuli["label"].mean() == 0.5


def test_a_perfect_reader_of_comments_scores_exactly_the_stated_auc():
    dataset = goemotions_twin(480, flip=0.1, seed=4)
    assert len(dataset.stimuli) == 560
    assert len(set(dataset.stimuli.texts)) == 560
    poles = goemotions_valence(dataset.stimuli)
    assert len(poles) == 480
    clauses = [clause for name in POSITIVE for clause in COMMENTS[name]]
    read = np.array([any(clause.lower() in text.lower() for clause in clauses) for text in poles.texts], dtype=float)
    assert auc(read, poles["label"]) == pytest.approx(dataset.truth["best_auc"]) == 0.9


def test_a_perfect_reader_of_sentences_reaches_exactly_the_stated_r():
    dataset = emobank_twin(200, noise=0.3, seed=4)
    stimuli = dataset.stimuli
    grade = np.array(
        [next(g for g, lines in GRADES.items() if any(x in text for x in lines)) for text in stimuli.texts]
    )
    assert np.corrcoef(grade, stimuli["valence"])[0, 1] == pytest.approx(dataset.truth["best_valence_r"])
    assert len(set(stimuli.texts)) == 200
    assert stimuli["valence"].min() >= 1
    assert stimuli["valence"].max() <= 5
    assert abs(np.corrcoef(grade, stimuli["arousal"])[0, 1]) < 4 / np.sqrt(200)
