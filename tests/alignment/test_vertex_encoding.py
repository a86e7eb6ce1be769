"""Encoding per vertex: planted vertices are found, others are not, and every mode says what it drops."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from consona.alignment.encoding_blocks import best_fraction, fraction_scores, joined_blocks
from consona.alignment.subject_transfer import transfer_score
from consona.alignment.vertex_ceilings import between_subjects, ncsnr_ceiling, region_table, stacked_scores
from consona.alignment.vertex_encoding import fitted_encoder, mean_responses, predicted, vertex_encoding
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.stats.fractional_settings import OrdinarySettings

N, P, PLANTED, ALL = 600, 15, 40, 80
IDS = [f"nsd{i:05d}" for i in range(N)]
TRAIN, TEST = IDS[:400], IDS[400:]
SNR = 1.0


def twin(own=0.0, seed=0, snr=SNR, n_subjects=4):
    """Subjects whose first 40 targets follow the embedding; ``own`` is the share of their own weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)).astype(np.float32)
    common = rng.standard_normal((P, ALL))
    people = {}
    for number in range(n_subjects):
        B = np.sqrt(1 - own) * common + np.sqrt(own) * rng.standard_normal((P, ALL))
        signal = X @ B / np.linalg.norm(B, axis=0) * (np.arange(ALL) < PLANTED) * snr
        Y = (signal + rng.standard_normal((N, ALL)) + 2).astype(np.float32)
        labels = {"roi": np.where(np.arange(ALL) < PLANTED, "ventral", "lateral")}
        people[f"subj{number + 1:02d}"] = Recording.of(Y, IDS, f"subj{number + 1:02d}", targets=labels)
    return Features.of(X, IDS, {"model": "planted"}), people


def test_planted_vertices_reach_their_ceiling_and_others_are_chance():
    embedding, people = twin()
    scores = vertex_encoding(people["subj01"], embedding, train=TRAIN, test=TEST, n_permutations=200, seed=1)
    expected = np.sqrt(SNR**2 / (SNR**2 + 1))  # r of the planted signal with the response
    # Known weights would give it; 15 weights from 400 images add P / 400 of the noise to the prediction.
    expected *= 1 / np.sqrt(1 + P / len(TRAIN))
    error = (1 - expected**2) / np.sqrt(len(TEST) * PLANTED)
    assert abs(float(scores.r[:PLANTED].mean()) - expected) < 5 * error
    assert (scores.q[:PLANTED] < 0.05).all()
    absent = scores.p[PLANTED:].values
    assert abs(float(scores.r[PLANTED:].mean())) < 4 / np.sqrt(len(TEST) * (ALL - PLANTED))
    assert 0.3 < absent.mean() < 0.7
    assert (scores.q[PLANTED:] < 0.05).sum() <= 4
    np.testing.assert_allclose(scores.r2[:PLANTED], np.square(scores.r[:PLANTED]), atol=0.1)
    assert scores.attrs["n_train"] == 400
    assert scores.attrs["n_test"] == 200
    assert scores.roi[0] == "ventral"


def test_captions_of_other_images_predict_nothing():
    embedding, people = twin()
    mixed = Features.of(embedding.layer(0)[np.random.default_rng(5).permutation(N)], IDS)
    scores = vertex_encoding(people["subj01"], mixed, train=TRAIN, test=TEST, n_permutations=100)
    assert abs(float(scores.r.mean())) < 4 / np.sqrt(len(TEST) * ALL)
    assert (scores.q < 0.05).mean() <= 0.05


def test_modes_agree_in_r_and_only_the_released_one_loses_the_mean():
    embedding, people = twin()
    found = {
        mode: vertex_encoding(people["subj01"], embedding, train=TRAIN, test=TEST, mode=mode)
        for mode in ("paper", "released", "corrected")
    }
    for mode in ("released", "corrected"):
        np.testing.assert_allclose(found[mode].r[:PLANTED], found["paper"].r[:PLANTED], atol=0.03)
    assert len(np.unique(found["released"].fraction)) == 1 < len(np.unique(found["paper"].fraction))
    assert (found["released"].r2 < -1).all()
    assert (found["paper"].r2[:PLANTED] > 0).all()
    assert np.isnan(found["paper"].p).all()
    assert np.isnan(found["paper"].q).all()


def test_ordinary_ridge_finds_the_same_and_keeps_the_intercept():
    embedding, people = twin()
    fractional, ordinary = (
        vertex_encoding(people["subj01"], embedding, train=TRAIN, test=TEST, mode=mode)
        for mode in ("corrected", OrdinarySettings())
    )
    np.testing.assert_allclose(ordinary.r[:PLANTED], fractional.r[:PLANTED], atol=0.02)
    np.testing.assert_allclose(ordinary.r2[:PLANTED], fractional.r2[:PLANTED], atol=0.04)
    assert np.isnan(ordinary.fraction).all()
    X, Y = embedding.layer(0)[:400], mean_responses(people["subj01"], TRAIN)
    encoder = fitted_encoder(people["subj01"], embedding, train=TRAIN, mode=OrdinarySettings())
    for target in (0, 60):
        model = Ridge(float(encoder.alpha[target])).fit(X.astype(np.float64), Y[:, target].astype(np.float64))
        np.testing.assert_allclose(encoder.weights[:, target], model.coef_, atol=1e-5)
        np.testing.assert_allclose(encoder.intercept[target], model.intercept_, atol=1e-5)


def test_blocks_of_targets_make_the_same_table():
    embedding, people = twin()
    whole = people["subj01"]
    blocks = [Recording(whole.data[:, :, part], whole.subject) for part in (slice(0, 30), slice(30, ALL))]
    settings = best_fraction([fraction_scores(block, embedding, train=TRAIN) for block in blocks])
    options = {"train": TRAIN, "test": TEST, "n_permutations": 50}
    joined = joined_blocks([vertex_encoding(block, embedding, mode=settings, **options) for block in blocks])
    once = vertex_encoding(whole, embedding, mode="released", **options)
    for name in ("r", "r2", "p", "q", "fraction"):
        np.testing.assert_allclose(joined[name], once[name], atol=1e-5)
    assert joined.roi.values.tolist() == once.roi.values.tolist()


def test_order_of_stimuli_does_not_matter_and_missing_vertices_stay_missing():
    embedding, people = twin()
    order = np.random.default_rng(2).permutation(N)
    data = people["subj01"].data.copy()
    data[:, :, 3], data[:, :, 4] = np.nan, 1.0
    whole = vertex_encoding(Recording(data, "subj01"), embedding, train=TRAIN, test=TEST)
    moved = vertex_encoding(Recording(data[:, order], "subj01"), embedding, train=TRAIN, test=TEST)
    np.testing.assert_allclose(whole.r, moved.r, atol=1e-6)
    assert np.flatnonzero(np.isnan(whole.r)).tolist() == [3, 4]
    assert whole.attrs["n_undefined"] == 2
    twice = np.concatenate([data.values, data.values + 2])
    np.testing.assert_allclose(
        mean_responses(Recording.of(twice, IDS, "s"), TEST)[:, 0], data[0, 400:, 0] + 1, rtol=1e-6
    )


def test_predictions_are_weights_times_features():
    embedding, people = twin()
    encoder = fitted_encoder(people["subj01"], embedding, train=TRAIN, mode="released")
    expected = predicted(encoder, embedding.select(TEST))
    np.testing.assert_allclose(expected, embedding.select(TEST).layer(0) @ encoder.weights.values, rtol=1e-5, atol=1e-5)
    with pytest.raises(InvalidInput, match="15 features"):
        predicted(encoder, Features.of(np.zeros((2, 3)), ["a", "b"]))


def test_transfer_reaches_own_scores_only_as_far_as_people_are_alike():
    scores = {}
    for own in (0.0, 1.0):
        embedding, people = twin(own)
        found = transfer_score(people, embedding, train=dict.fromkeys(people, TRAIN), test=TEST)
        scores[own] = found.isel(target=slice(0, PLANTED)).mean(("subject", "target"))
    assert abs(float(scores[0.0].others - scores[0.0].own)) < 0.02
    assert float(scores[0.0].others) > float(scores[0.0].single)  # three encoders are less noisy than one
    assert float(scores[1.0].own) > 0.6
    # Weights of others point elsewhere: correlations of predictions of 15 features have an SD of 1 / sqrt(15).
    assert abs(float(scores[1.0].others)) < 5 * 0.7 / np.sqrt(P * PLANTED)


def test_ceilings_are_what_they_are_called():
    _, people = twin(n_subjects=5)
    ceiling = between_subjects(people, TEST)
    signal = SNR**2
    expected = signal / np.sqrt((signal + 1) * (signal + 1 / 4))  # own response with the mean of four others
    planted, absent = ceiling[:, :PLANTED].mean("target"), ceiling[:, PLANTED:].mean("target")
    np.testing.assert_allclose(planted, expected, atol=5 * (1 - expected**2) / np.sqrt(len(TEST) * PLANTED) + 0.01)
    np.testing.assert_allclose(absent, 0, atol=5 / np.sqrt(len(TEST) * PLANTED))
    own = ncsnr_ceiling(np.array([0.0, 1.0, np.nan]), np.array([3, 1]))
    np.testing.assert_allclose(own.percent, [0, 100 / (1 + (1 / 3 + 1) / 2), np.nan])
    np.testing.assert_allclose(ncsnr_ceiling([0.5], 3).percent, 100 * 0.25 / (0.25 + 1 / 3))


def test_a_subject_without_a_vertex_is_left_out_of_the_others():
    _, people = twin(n_subjects=3)
    data = people["subj02"].data.copy()
    data[:, :, 0] = np.nan
    found = between_subjects({**people, "subj02": Recording(data, "subj02")}, TEST)
    a, c = (mean_responses(people[name], TEST)[:, 0] for name in ("subj01", "subj03"))
    np.testing.assert_allclose(found[:, 0], [np.corrcoef(a, c)[0, 1], np.nan, np.corrcoef(a, c)[0, 1]], rtol=1e-5)


def test_regions_are_means_with_ceilings_and_unclipped_ratios():
    embedding, people = twin()
    every = stacked_scores(
        [vertex_encoding(each, embedding, train=TRAIN, test=TEST, n_permutations=100) for each in people.values()]
    )
    ceilings = {"between subjects": between_subjects(people, TEST), "ncsnr": ncsnr_ceiling(np.ones(ALL), 1).r}
    table = region_table(every.r, ceilings, q=every.q)
    assert table.region.values.tolist() == ["ventral", "lateral"]
    assert table.share.sel(region="ventral").min() == 1
    np.testing.assert_allclose(table.r.sel(region="ventral"), every.r[:, :PLANTED].mean("target"))
    np.testing.assert_allclose(table.ratio.sel(kind="ncsnr"), table.r / np.sqrt(0.5))
    # The encoder is nearly the noiseless signal, three noisy subjects are not: such a ratio is above 1 and stays so.
    assert (table.ratio.sel(kind="between subjects", region="ventral") > 1).all()
    assert np.isnan(region_table(every.r, {}).share).all()


def test_what_is_wrong_is_named():
    embedding, people = twin(n_subjects=2)
    one = people["subj01"]
    with pytest.raises(InvalidInput, match="nsd00400"):
        vertex_encoding(one, embedding, train=[*TRAIN, "nsd00400"], test=TEST)
    with pytest.raises(InvalidInput, match="nsd99999"):
        vertex_encoding(one, embedding, train=TRAIN, test=["nsd99999"])
    with pytest.raises(InvalidInput, match="layers"):
        vertex_encoding(one, Features.of(np.zeros((N, 2, 3)), IDS), train=TRAIN, test=TEST)
    with pytest.raises(InvalidInput, match="least two"):
        between_subjects({"subj01": one}, TEST)
    with pytest.raises(InvalidInput, match="roi"):
        region_table(stacked_scores([vertex_encoding(one, embedding, train=TRAIN, test=TEST)]).r.drop_vars("roi"), {})
