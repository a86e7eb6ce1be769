"""Directions taken out of features: one that decides costs more than matched ones, one that does not costs nothing."""

import numpy as np
import pytest

from consona.stats.balanced_accuracy import balanced_accuracy
from consona.stats.direction_removal import Head, matched_directions, removal_drops, removal_test

LABELS = np.repeat(np.arange(4), 3)
FOLD = np.repeat([0, 1], [6 * 12, 6 * 12]).reshape(12, 12)


def classifier(rng, n_features=24):
    """Two folds whose first two directions tell four classes apart; all features vary alike. Heads read only these."""
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * 1.6
    features, weight, basis = np.empty((12, 12, n_features)), np.zeros((2, 4, n_features)), np.empty((2, 3, n_features))
    for k in range(2):
        Q = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
        noise = rng.standard_normal((6, 12, n_features)) * np.r_[0.8, 0.8, np.full(n_features - 2, 2.0)]
        noise[..., :2] += corners[LABELS]
        features[k == FOLD] = (noise @ Q.T + 3.0).reshape(72, n_features)
        weight[k], basis[k] = corners @ Q[:, :2].T, Q[:, :3].T
    bias = -np.einsum("kcf,f->kc", weight, np.full(n_features, 3.0))
    return features, Head(weight, bias, np.arange(4)), basis


def test_removal_is_what_projecting_by_hand_gives(frozen):
    rng = np.random.default_rng(0)
    features, head, _ = classifier(rng)
    features = frozen(features.astype(np.float32))
    u = rng.standard_normal((2, 3, 24))
    u /= np.linalg.norm(u, axis=2, keepdims=True)
    found = removal_drops(features, FOLD, head, LABELS, u)
    for d in range(3):
        before, after = np.empty((12, 12), int), np.empty((12, 12), int)
        for k in range(2):
            X = features[k == FOLD].astype(float)
            reduced = X - np.outer((X - X.mean(axis=0)) @ u[k, d], u[k, d])
            before[k == FOLD] = np.argmax(X @ head.weight[k].T + head.bias[k], axis=1)
            after[k == FOLD] = np.argmax(reduced @ head.weight[k].T + head.bias[k], axis=1)
        np.testing.assert_allclose(found[d], balanced_accuracy(after, LABELS) - balanced_accuracy(before, LABELS))


def test_a_direction_that_decides_costs_more_than_matched_ones_and_an_unused_one_nothing():
    rng = np.random.default_rng(1)
    features, head, basis = classifier(rng)
    matched = matched_directions(features, FOLD, basis[:, 0], n=40, seed=0)
    np.testing.assert_allclose(matched.ratio, 1.0, rtol=1e-6)
    assert matched.reasons == ("", "")
    used = removal_drops(features, FOLD, head, LABELS, basis)
    null = removal_drops(features, FOLD, head, LABELS, matched.directions)
    test = removal_test(used[:1], null[None], seed=0)
    assert test.z[0] < -5
    assert test.p[0] == pytest.approx(1 / 41)
    assert test.p_excess < 0.01
    assert test.high < 0
    assert test.drop[0] == pytest.approx(-0.5, abs=0.1)  # one of two bits is gone
    np.testing.assert_array_equal(used[2], 0.0)
    other = removal_test(used[2:], null[None], seed=0)
    assert other.p_excess > 0.05


def test_several_classifiers_share_their_subjects():
    null = np.random.default_rng(2).normal(0, 0.01, (3, 30, 12))
    drops = np.random.default_rng(3).normal(-0.05, 0.01, (3, 12))
    drops[0, :3] = np.nan
    test = removal_test(drops, null, seed=0)
    assert test.excess == pytest.approx(-0.05, abs=0.01)
    assert test.low < test.excess < test.high < 0
    assert test.p_excess == pytest.approx(1 / 4096)
    np.testing.assert_allclose(test.drop, np.nanmean(drops, axis=1))
    with pytest.raises(ValueError, match="at least 2"):
        removal_test(drops, null[:, :1], seed=0)


def test_outputs_per_stimulus_are_added_up_to_classes():
    rng = np.random.default_rng(4)
    features, _, basis = classifier(rng)
    head = Head(rng.standard_normal((2, 12, 24)), rng.standard_normal((2, 12)), LABELS)
    found = removal_drops(features, FOLD, head, LABELS, basis[:, :1])
    predicted = {}
    for name, gone in (("before", 0.0), ("after", 1.0)):
        predicted[name] = np.empty((12, 12), int)
        for k in range(2):
            X, u = features[k == FOLD], basis[k, 0]
            logits = (X - gone * np.outer((X - X.mean(axis=0)) @ u, u)) @ head.weight[k].T + head.bias[k]
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            predicted[name][k == FOLD] = np.argmax(p.reshape(72, 4, 3).sum(axis=2), axis=1)
    expected = balanced_accuracy(predicted["after"], LABELS) - balanced_accuracy(predicted["before"], LABELS)
    np.testing.assert_allclose(found[0], expected)


def test_a_leading_component_has_no_match_and_an_undefined_direction_no_drop():
    features, head, basis = classifier(np.random.default_rng(5))
    leading = np.stack([np.linalg.svd(features[k == FOLD] - features[k == FOLD].mean(axis=0))[2][0] for k in range(2)])
    matched = matched_directions(features, FOLD, leading, n=5, seed=0)
    assert "No matched control exists" in matched.reasons[1]
    assert np.isnan(matched.directions).all()
    basis[1, 0] = np.nan
    drops = removal_drops(features, FOLD, head, LABELS, basis)
    assert np.isnan(drops[0, 6:]).all()
    assert np.isfinite(drops[0, :6]).all()
    assert np.isfinite(drops[1]).all()
    assert matched_directions(features, FOLD, basis[:, 0], n=5, seed=0).reasons[1] != ""
    with pytest.raises(ValueError, match="all need the same features"):
        removal_drops(features, FOLD, head._replace(weight=head.weight[:, :, :5]), LABELS, basis)
