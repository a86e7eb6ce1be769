"""A planted concept axis is found, with its sign, beside a nuisance; other labels and texts do not find it."""

import numpy as np
import pytest

from consona.concepts.axis import (
    EMOTIONS,
    NEGATIVE,
    POSITIVE,
    VALENCE_CODE,
    AxisRule,
    difference_axis,
    explained_share,
    level_axis,
    principal_axis,
    random_axes,
    shuffled_axes,
)
from consona.concepts.curves import layer_sweep, shot_curve
from consona.concepts.removal import removal_cost
from consona.concepts.treatments import apart_from_massive, standardised
from consona.concepts.zero_shot import zero_shot_score
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli

N_FEATURES, PER_CLASS = 40, 20
TRUTH = np.eye(N_FEATURES)[3]
LABELS = np.repeat(np.array(EMOTIONS), PER_CLASS)
CODE = np.array([VALENCE_CODE[name] for name in LABELS])


def texts(effect=2.0, seed=0, layers=2, massive=False):
    """Nine classes along dimension 3; noise of SD 1, and a nuisance of SD 6 that has nothing to do with the classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(LABELS), layers, N_FEATURES))
    x[:, :, 7] += 6 * rng.normal(size=(len(LABELS), 1))
    x[:, -1] += effect * CODE[:, None] * TRUTH
    if massive:
        x[:, :, 11] += 400 + 30 * rng.normal(size=(len(LABELS), 1))
    return Features.of(x, [f"t{i}" for i in range(len(LABELS))], {"model": "planted", "site": "resid.post"})


def sentiment(effect=1.0, seed=1, massive=False):
    rng = np.random.default_rng(seed)
    labels = np.arange(600) % 2
    x = rng.normal(size=(600, 2, N_FEATURES))
    x[:, -1] += effect * (labels[:, None] - 0.5) * TRUTH
    if massive:
        x[:, :, 11] += 400 + 30 * rng.normal(size=(600, 1))
    stimuli = Stimuli.of([f"text {i}" for i in range(600)]).with_columns(label=labels)
    return Features.of(x, stimuli.ids), stimuli


def expected_auc(effect):
    """Two normal distributions, SD 1, ``effect`` apart."""
    from scipy.stats import norm

    return float(norm.cdf(effect / np.sqrt(2)))


@pytest.mark.parametrize(
    "kind", ["principal", "difference", "levels", "principal by rule", "difference by rule", "levels by rule"]
)
def test_planted_axis_is_found_with_its_sign(kind):
    features = texts()
    axis = {
        "principal": lambda: principal_axis(features, LABELS, layer=-1, positive=POSITIVE),
        "difference": lambda: difference_axis(features, LABELS, layer=-1, positive=POSITIVE, negative=NEGATIVE),
        "levels": lambda: level_axis(features, LABELS, layer=-1, levels=VALENCE_CODE),
        "principal by rule": lambda: AxisRule("principal").fit(features, LABELS, layer=-1),
        "difference by rule": lambda: AxisRule("difference").fit(features, LABELS, layer=-1),
        "levels by rule": lambda: AxisRule("levels").fit(features, LABELS, layer=-1),
    }[kind]()
    # noise of class means: SD 1/sqrt(20) in 38 dimensions and 6/sqrt(20) in one, against an effect of 2 in 9 classes
    assert axis.values @ TRUTH > 0.9
    assert axis.project(features)[CODE > 0].mean() > axis.project(features)[CODE < 0].mean()


def test_the_sign_follows_the_named_pole():
    features = texts()
    up = principal_axis(features, LABELS, layer=-1, positive=POSITIVE)
    down = principal_axis(features, LABELS, layer=-1, positive=NEGATIVE)
    np.testing.assert_allclose(up.values, -down.values)


def test_another_concept_by_the_same_call():
    features = texts()
    own = np.array(["warm" if c > 0 else "cold" for c in CODE])
    axis = principal_axis(features, own, layer=1, positive="warm", name="temperature")
    assert axis.values @ TRUTH > 0.9
    assert (axis.name, axis.positive, axis.layer) == ("temperature", "warm", 1)


def test_share_of_the_first_component():
    between = np.var([VALENCE_CODE[name] for name in EMOTIONS]) * 4
    noise = 1 / PER_CLASS
    nuisance = 36 / PER_CLASS
    expected = (between + noise) / (between + noise * (N_FEATURES - 1) + nuisance)
    assert explained_share(texts(), LABELS, layer=-1) == pytest.approx(expected, abs=0.12)


def test_zero_shot_auc_is_the_planted_one_and_chance_where_nothing_is():
    features, stimuli = sentiment(1.0)
    axis = principal_axis(texts(), LABELS, layer=-1, positive=POSITIVE)
    score = zero_shot_score(axis, features, stimuli, corpus="planted", seed=0)
    shown = float(axis.values @ TRUTH)
    # SE of an AUC with 300 against 300 is at most sqrt(1 / (12 * 300) * 2) = .024
    assert float(score.data[0]) == pytest.approx(expected_auc(shown), abs=0.05)
    assert score.attrs["low"] < float(score.data[0]) < score.attrs["high"]
    lower = zero_shot_score(axis, *sentiment(0.0), corpus="planted", seed=0)
    assert float(lower.data[0]) == pytest.approx(0.5, abs=0.06)


def test_content_free_axes_do_not_point_anywhere():
    axis = principal_axis(texts(), LABELS, layer=-1, positive=POSITIVE)
    cosines = [each.values @ TRUTH for each in random_axes(axis, n=200, seed=0)]
    assert np.std(cosines) == pytest.approx(1 / np.sqrt(N_FEATURES), rel=0.2)
    shuffled = shuffled_axes(texts(), LABELS, rule=AxisRule(), layer=-1, n=20, seed=0)
    assert np.mean([abs(each.values @ TRUTH) for each in shuffled]) < 0.5


def test_massive_dimensions_hide_the_axis_until_they_are_handled():
    reference, (test, stimuli) = texts(massive=True), sentiment(1.5, massive=True)
    sweep = layer_sweep(reference, LABELS, rule=AxisRule(), test=test, stimuli=stimuli)
    last = sweep["score"].isel(layer=-1)
    assert float(last.sel(treatment="all dimensions")) < 0.65
    assert float(last.sel(treatment="without massive dimensions")) > 0.75
    assert float(last.sel(treatment="standardised")) > 0.75
    assert sweep["n_massive"].values.tolist() == [1, 1]
    assert abs(float(sweep["score"].isel(layer=0).sel(treatment="standardised")) - 0.5) < 0.1


def test_a_layer_that_is_the_same_for_all_texts_is_left_out_and_the_sweep_goes_on():
    features, (test, stimuli) = texts(), sentiment()
    flat = Features(features.data.where(features.data["layer"] > 0, 1.0))
    sweep = layer_sweep(flat, LABELS, rule=AxisRule(), test=test, stimuli=stimuli)
    assert np.isnan(sweep["score"].isel(layer=0)).all()
    assert np.isfinite(sweep["score"].isel(layer=1)).all()


def test_labels_follow_their_ids():
    features, stimuli = sentiment()
    axis = principal_axis(texts(), LABELS, layer=-1, positive=POSITIVE)
    mixed = stimuli.select(np.random.default_rng(0).permutation(stimuli.ids))
    first, second = (zero_shot_score(axis, features, each, corpus="c", seed=0) for each in (stimuli, mixed))
    np.testing.assert_array_equal(first.data.values, second.data.values)


def test_treatments_learn_from_the_axis_texts_only():
    reference, (test, _) = texts(massive=True), sentiment(massive=True)
    np.testing.assert_allclose(standardised(reference, reference).layer(0).std(axis=0), 1, atol=1e-3)
    assert not apart_from_massive(test, reference).layer(0)[:, 11].any()


def test_more_texts_make_a_better_axis():
    test, stimuli = sentiment(1.5)
    fit = {"layer": -1, "rule": AxisRule(), "test": test, "stimuli": stimuli}
    curve = shot_curve(texts(2.0), LABELS, seed=0, **fit)["y"].values[0]
    assert curve[-1] > curve[0] + 0.05


def test_removal_costs_more_than_equal_variance_only_where_something_is():
    axis = principal_axis(texts(4.0), LABELS, layer=-1, positive=POSITIVE)
    found = removal_cost(axis, *sentiment(1.5), n_directions=39, seed=0)
    assert float(found["p"]) == pytest.approx(1 / 40)
    assert float(found["without_axis"]) < 0.65 < float(found["whole"])
    absent = removal_cost(axis, *sentiment(0.0), n_directions=39, seed=0)
    assert float(absent["p"]) > 0.05 or abs(float(absent["loss"])) < 0.02


@pytest.mark.parametrize(
    ("labels", "positive", "words"),
    [
        (np.full(len(LABELS), "joy"), "joy", "at least two classes"),
        (LABELS, "delight", "found 'delight'"),
        (LABELS, EMOTIONS, "some, not all"),
        (LABELS[:-1], "joy", "179 labels"),
    ],
)
def test_bad_labels_are_named(labels, positive, words):
    with pytest.raises(InvalidInput, match=words):
        principal_axis(texts(), labels, layer=-1, positive=positive)
