"""Does the published score find what was planted, and is it the released formula, ceiling and trivial features too?"""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.linear_model import RidgeCV

from consona.alignment.item_reliability import item_reliability
from consona.alignment.published_predictivity import (
    PUBLISHED_ALPHAS,
    own_target_scores,
    published_folds,
    published_own_scores,
    published_scores,
    published_target_scores,
)
from consona.alignment.trial_ceiling import ceiling_summary, pool_curves, published_ratio, released_ceiling
from consona.alignment.trivial_features import TRIVIAL, filled_response_times, random_features, trivial_features
from consona.core import Dataset, Features, Recording, Stimuli
from consona.core.errors import InvalidInput
from consona.datasets.reasoning_fmri import load_reasoning_behaviour, load_reasoning_fmri

N, PEOPLE, VOXELS = 40, 4, 12
KINDS = np.repeat(["syllogism", "transitive"], N // 2)
IDS = [f"{kind}{i:02d}" for i, kind in enumerate(KINDS)]


def people(*, states=0.0, task=0.0, seconds=0.0, noise=1.0, seed=0):
    """People whose voxels hold shared states, the task or their own response time, each by the size given."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, 6))
    times = 1.5 + rng.gamma(2.0, 0.4, (PEOPLE, N))
    recordings = []
    for row in range(PEOPLE):
        Y = states * X @ rng.standard_normal((6, VOXELS)) / np.sqrt(6)
        Y += task * (KINDS == "transitive")[:, None] + seconds * times[row][:, None]
        recordings.append(Recording.of(Y + noise * rng.standard_normal((N, VOXELS)), IDS, f"sub-{row}"))
    columns = {"kind": KINDS, "run": np.tile(["1", "2"], N // 2), "label": rng.random(N) > 0.4}
    columns |= {"negated": rng.random(N) > 0.5, "n_integrated": rng.integers(2, 4, N)}
    stimuli = Stimuli(pd.DataFrame(columns, index=IDS))
    behaviour = xr.Dataset(
        {"response_time": (("subject", "stimulus"), times)},
        {"subject": [each.subject for each in recordings], "stimulus": IDS},
    )
    return Dataset(stimuli, tuple(recordings), "people", "1", "none", "none"), behaviour, Features.of(X, IDS)


def test_it_is_the_released_formula():
    dataset, _, features = people(states=1.0)
    scores = published_target_scores(features, dataset, seed=1)
    Y, X = dataset.recordings[1].mean(), features.layer(0).astype(float)
    folds = []
    for train, test in published_folds(KINDS):
        predicted = RidgeCV(alphas=PUBLISHED_ALPHAS).fit(X[train], Y[train]).predict(X[test])
        folds.append([np.corrcoef(predicted[:, v], Y[test, v])[0, 1] for v in range(VOXELS)])
    np.testing.assert_allclose(scores[1, 0], np.mean(folds, axis=0), atol=1e-12)
    summary = published_scores(features, dataset)
    assert summary.attrs["best_score"] == pytest.approx(float(scores.median("target").median("subject").max()))


def test_planted_states_task_and_times_are_found_where_they_are_and_not_elsewhere():
    chance = 2 / np.sqrt(VOXELS * PEOPLE * N)  # two standard errors of a mean over voxels, people and problems
    dataset, behaviour, features = people(states=1.0)
    # signal and noise of equal variance: a perfect model has r = .71; six weights from 32 rows cost about a tenth of it
    assert 0.5 < published_scores(features, dataset).attrs["best_score"] < 0.72
    trivial = published_own_scores(trivial_features(dataset, behaviour), dataset)["score"]
    assert float(trivial.sel(feature="response time")) < 3 * chance
    dataset, behaviour, features = people(task=2.0, seconds=1.0)
    own = trivial_features(dataset, behaviour)
    trivial = published_own_scores(own, dataset)["score"]
    assert float(trivial.sel(feature="task")) > 0.5
    within = published_own_scores(own, dataset, kind="transitive")["score"]
    assert np.isnan(within.sel(feature="task"))
    assert float(within.sel(feature="response time")) > 0.25
    assert published_scores(features, dataset, kind="transitive").attrs["best_score"] < 0.2


def test_the_ceiling_is_that_of_what_people_share():
    dataset, _, _ = people(states=1.0, noise=0.3)
    ceiling = released_ceiling(dataset)
    assert ceiling["curve"].dims == ("subject", "n_others", "target")
    assert np.all(np.diff(ceiling["curve"].mean(("subject", "target"))) > -0.02)
    shared = ceiling_summary(ceiling)
    assert float(shared["plain"]) > 0.7
    curve = pool_curves(dataset)
    one = own_target_scores({"other": {"sub-0": dataset.recordings[1].mean()}}, _first(dataset))
    others = [own_target_scores({"o": {"sub-0": dataset.recordings[i].mean()}}, _first(dataset)) for i in (2, 3)]
    expected = (one.values + sum(each.values for each in others)) / 3
    np.testing.assert_allclose(curve.values[0, 0], expected[0, 0], atol=1e-10)  # pools of one, each by the other way
    ratio = published_ratio(
        published_target_scores(random_features(dataset, n_layers=2, n_features=5), dataset), ceiling
    )
    assert ratio.dims == ("subject", "layer")
    nothing = ceiling_summary(released_ceiling(people(noise=1.0)[0]))
    assert abs(float(nothing["plain"])) < 0.1
    assert float(nothing["near_zero"]) > 0.25  # noise has no limit: half of the curves are below zero


def _first(dataset):
    return Dataset(dataset.stimuli, dataset.recordings[:1], "one", "1", "none", "none")


def test_agreement_of_people_follows_what_they_share():
    task = item_reliability(people(task=1.0, noise=1.0)[0], n_draws=200)
    means, patterns = (task.sel(measure=each) for each in ("stimulus means", "pattern similarity"))
    assert np.all(means["low"] > 0)
    assert float(means["t"]) > 5
    assert float(patterns["low"].min()) < 0  # the task moves all voxels alike, which Pearson's r of patterns ignores
    states = item_reliability(people(states=1.0, task=1.0, noise=0.5)[0], n_draws=200)
    assert np.all(states["low"] > 0)
    none = [item_reliability(people(noise=1.0, seed=seed)[0], n_draws=100) for seed in range(20)]
    covered = sum((each["low"] < 0) & (each["high"] > 0) for each in none).sel(over="stimuli")
    assert int(covered.min()) >= 16  # of twenty intervals of 95 %, fewer than 16 cover nothing once in 400 times
    mean = xr.concat([each["mean"] for each in none], "seed")
    assert np.all(abs(mean.mean("seed")) < 3 * mean.std("seed") / np.sqrt(len(none)))


def test_trivial_features_say_what_they_fill_and_bad_input_is_named():
    dataset, behaviour, features = people()
    behaviour["response_time"][0, 1] = np.nan
    filled = filled_response_times(dataset, behaviour)
    expected = float(behaviour["response_time"][0, : N // 2].mean())
    assert float(filled["response_time"][0, 1]) == pytest.approx(expected)
    assert filled["n_filled"].values.tolist() == [1, 0, 0, 0]
    own = trivial_features(dataset, behaviour)
    assert tuple(own) == TRIVIAL
    assert own["task"]["sub-0"].shape == (N, 1)
    assert own["run"]["sub-2"].sum(axis=1).tolist() == [1.0] * N
    behaviour["response_time"][2, : N // 2] = np.nan
    with pytest.raises(InvalidInput, match="'sub-2' has no response time for any problem of kind 'syllogism'"):
        trivial_features(dataset, behaviour)
    with pytest.raises(InvalidInput, match="sub-3"):
        trivial_features(dataset, behaviour.isel(subject=slice(3)))
    with pytest.raises(InvalidInput, match="no problem of kind 'relational'"):
        published_scores(features, dataset, kind="relational")
    with pytest.raises(InvalidInput, match="5 folds"):
        published_folds(["a"] * 4)
    fewer = Dataset(dataset.stimuli, (*dataset.recordings[:3], dataset.recordings[3].select(IDS[1:])), "p", "1", "", "")
    with pytest.raises(InvalidInput, match="sub-3.* have other problems"):
        published_scores(features, fewer)


PUBLISHED_KINDS = ("all", "syllogism", "transitive")


@pytest.mark.data
def test_published_rows_of_trivial_features_are_found_in_the_released_betas(data_folder):
    folder = data_folder / "reasoning_fmri"
    dataset, behaviour = load_reasoning_fmri(folder), load_reasoning_behaviour(folder)
    missing = int(behaviour["response_time"].isnull().sum())
    assert int(filled_response_times(dataset, behaviour)["n_filled"].sum()) == missing == 12
    limit = behaviour.fillna({"response_time": 6.0})  # as published
    assert int(filled_response_times(dataset, limit)["n_filled"].sum()) == 0
    own = trivial_features(dataset, limit)
    own = {name: own[name] for name in ("task", "response time", "run")}
    own["response time, mean"] = trivial_features(dataset, behaviour)["response time"]
    found = [published_own_scores(own, dataset, kind=kind)["score"] for kind in PUBLISHED_KINDS]
    rows = {
        "task": (0.199, np.nan, np.nan),
        "response time": (0.155, 0.146, 0.181),
        "run": (0.156, 0.012, -0.032),
        "response time, mean": (0.185, 0.146, 0.195),
    }
    for name, row in rows.items():
        scores = [float(each.sel(feature=name)) for each in found]
        np.testing.assert_allclose(scores, row, atol=5e-4, err_msg=name)  # printed with three places
