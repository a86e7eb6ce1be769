"""Read-outs find a planted emotion as well as it can be found, none where there is none, and equal scikit-learn's."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from consona.concepts.comments import balanced_items, comment_labels
from consona.concepts.readouts import PROBE, PROTOTYPE, fit_readouts, graded, linear_readout
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.datasets.goemotions import comments

NAMES = ("anger", "joy", "pride")
APART, N_FEATURES = 2.0, 20
SCALES = np.logspace(-2, 2, N_FEATURES)
"""Features in very different units: a map of standardised features must come out in those of the states."""


def split(name, n=900, seed=0, apart=APART):
    """Comments with one label; anger and joy lie two SD apart from the rest on an axis each, pride nowhere."""
    rng = np.random.default_rng(seed)
    labels = [((*NAMES, "neutral")[i % 4],) for i in range(n)]
    stimuli = comments([f"{name} {i}" for i in range(n)], labels, [f"{name}{i}" for i in range(n)])
    y = comment_labels(stimuli, NAMES)
    x = rng.normal(size=(n, N_FEATURES))
    x[:, :2] += apart * y.values[:, :2]
    constant = np.full((n, 1), 7.0)
    return stimuli, Features.of(np.hstack([x * SCALES + 3 * SCALES, constant]), stimuli.ids), y


@pytest.fixture(scope="module")
def fitted():
    _, train, y = split("train", seed=1)
    _, dev, z = split("dev", seed=2)
    return fit_readouts(train, y, dev, z)


def cells_of(readouts, items, features):
    readout = linear_readout(readouts, items)
    return xr.DataArray(readout.cells(features.layer(-1), features.ids)[None], dims=("mask", "cell"))


def test_a_planted_emotion_is_told_as_well_as_it_can_be(fitted):
    stimuli, test, _ = split("test", n=4000, seed=3)
    items = balanced_items(stimuli, NAMES, n_each=1000, seed=0)
    found = graded(cells_of(fitted, items, test), items, fitted)
    best, area = norm.cdf(APART / 2), norm.cdf(APART / np.sqrt(2))
    # Four binomial SD of 1,000 items, and 1.5 points that 20 weights learnt from 900 comments may cost.
    slack = 4 * np.sqrt(best * (1 - best) / 1000)
    planted = found.sel(mask=0, emotion=["anger", "joy"])
    assert (planted["accuracy"] > best - slack - 0.015).all()
    assert (planted["accuracy"] < best + slack).all()
    assert (abs(planted["auc"] - area) < 0.05).all()


def test_an_emotion_that_is_nowhere_is_not_found():
    _, train, y = split("train", seed=1, apart=0.0)
    _, dev, z = split("dev", seed=2, apart=0.0)
    stimuli, test, _ = split("test", n=4000, seed=3, apart=0.0)
    readouts = fit_readouts(train, y, dev, z)
    items = balanced_items(stimuli, NAMES, n_each=1000, seed=0)
    found = graded(cells_of(readouts, items, test), items, readouts)
    assert (abs(found["accuracy"] - 0.5) < 4 * np.sqrt(0.25 / 1000)).all()


def test_maps_are_those_of_scikit_learn(fitted):
    _, train, y = split("train", seed=1)
    stimuli, test, _ = split("test", seed=3)
    items = balanced_items(stimuli, ["joy"], n_each=200, seed=0)
    rows = items["stimulus"].values[0]
    X, label = train.layer(-1), y.sel(emotion="joy").values
    got = cells_of(fitted, items, test).values.reshape(2, -1)
    strength = float(fitted["strength"].sel(readout=PROBE, emotion="joy"))
    peer = LogisticRegression(C=1 / (strength * len(X)), class_weight="balanced", tol=1e-8)
    peer = make_pipeline(StandardScaler(), peer).fit(X, label)
    np.testing.assert_allclose(got[0], peer.decision_function(test.select(rows).layer(-1)), atol=2e-3)
    scaler = StandardScaler().fit(X)
    nearest = NearestCentroid().fit(scaler.transform(X)[:, :-1], label)  # it warns of the constant feature
    expected = nearest.predict(scaler.transform(test.select(rows).layer(-1))[:, :-1])
    np.testing.assert_array_equal(got[1] > 0, expected)


def test_labels_in_another_order_change_nothing(fitted):
    _, train, y = split("train", seed=1)
    _, dev, z = split("dev", seed=2)
    again = fit_readouts(train, y[::-1], dev, z[::-1, ::-1].T)
    xr.testing.assert_identical(again, fitted)


def test_grades_equal_those_of_scikit_learn_and_nan_stays_nan(fitted):
    stimuli, test, _ = split("test", seed=3)
    items = balanced_items(stimuli, ("pride", "anger"), n_each=30, seed=0)
    clean = cells_of(fitted, items, test)
    values = np.repeat(clean.values, 3, axis=0)
    values[1] = np.round(values[1])  # ties
    values[2, 40] = np.nan  # of the second emotion of the first read-out
    found = graded(xr.DataArray(values, {"mask": ["a", "b", "c"]}, ("mask", "cell")), items, fitted)
    assert found["accuracy"].dims == ("mask", "readout", "emotion")
    for m, mask in enumerate("ab"):
        for r, readout in enumerate((PROBE, PROTOTYPE)):
            for e, emotion in enumerate(("pride", "anger")):
                label = items["label"].values[e] == 1
                block = values[m].reshape(2, 2, 30)[r, e]
                one = found.sel(mask=mask, readout=readout, emotion=emotion)
                assert float(one["accuracy"]) == np.mean((block > 0) == label)
                assert float(one["auc"]) == pytest.approx(roc_auc_score(label, block))
    assert np.isnan(found["accuracy"].values).sum() == np.isnan(found["auc"].values).sum() == 1
    gap = found.sel(mask="c", readout=PROBE, emotion="anger")
    assert np.isnan(gap["accuracy"])
    assert int(gap["n_undefined"]) == int(found["n_undefined"].sum()) == 1
    assert found["tested"].values.tolist() == [True, True]


def test_cells_of_other_items_are_refused(fitted):
    stimuli, test, _ = split("test", seed=3)
    items = balanced_items(stimuli, NAMES, n_each=30, seed=0)
    cells = cells_of(fitted, items, test)
    with pytest.raises(InvalidInput, match=r"180 cells; found .*'cell': 179"):
        graded(cells[:, 1:], items, fitted)
    named = cells.assign_coords(stimulus=("cell", linear_readout(fitted, items).stimulus[::-1]))
    with pytest.raises(InvalidInput, match="another stimulus"):
        graded(named, items, fitted)
    with pytest.raises(InvalidInput, match="no read-out of 'joy'"):
        linear_readout(fitted.sel(emotion=["anger", "pride"]), items)


def test_what_cannot_be_fitted():
    _, train, y = split("train", n=80, seed=1)
    _, dev, z = split("dev", n=80, seed=2)
    with pytest.raises(InvalidInput, match="labels of the training split"):
        fit_readouts(train, z, dev, z)
    with pytest.raises(InvalidInput, match="differ in 'pride'"):
        fit_readouts(train, y, dev, z[:, :2])
    with pytest.raises(InvalidInput, match=r"In the dev split all comments or none carry 'joy'"):
        fit_readouts(train, y, dev, z.where(z["emotion"] != "joy", False))
    with pytest.raises(InvalidInput, match="80 comments are in both splits"):
        fit_readouts(train, y, train, y)
    with pytest.raises(InvalidInput, match="Penalties are above 0"):
        fit_readouts(train, y, dev, z, strengths=(0.0, 1.0))
    with pytest.raises(InvalidInput, match="differ in 'site'"):
        fit_readouts(train, y, Features(dev.data.assign_attrs(site="mlp.act")), z)
