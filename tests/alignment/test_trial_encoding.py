"""Trial-wise encoding on made-up betas: found when planted, not found when only the confounds are there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ortho_group

from consona.alignment.trial_draws import Exchange, exchanged
from consona.alignment.trial_encoding import (
    TrialSplit,
    beyond_scores,
    partialled_scores,
    people_ceiling,
    trial_scores,
)
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli

SPLIT = TrialSplit(n_folds=4, alphas=(0.1, 10.0, 1000.0), n_permutations=39, n_draws=40)
N_PEOPLE, N_TARGETS = 3, 12


def _made(seed: int, planted: float = 0.0) -> tuple[Features, Dataset, dict[str, np.ndarray]]:
    """States that know kind and label; betas of kind, own response time (longer for false ones), noise, and a plant."""
    rng = np.random.default_rng(seed)
    grid = [(k, n, label, sign) for k in ("syllogism", "transitive") for n in "23" for label in (0, 1) for sign in "+-"]
    rows = [each for each in grid for _ in range(3)]
    kind, label = np.array([row[0] for row in rows]), np.array([row[2] for row in rows], dtype=float)
    bit, n = (kind == "syllogism").astype(float), len(rows)
    run = np.where(np.arange(n) % 2, "2", "1")
    states = rng.standard_normal((n, 2, 8))
    known = states + 2 * bit[:, None, None] + 2 * label[:, None, None] * rng.standard_normal(8)
    forms = [" ".join(map(str, row)) for row in rows]
    stimuli = Stimuli(pd.DataFrame({"kind": kind, "form": forms, "run": run}, index=[f"s{i:02d}" for i in range(n)]))
    weights, shared = rng.standard_normal((8, N_TARGETS)) / np.sqrt(8), 0.8 * rng.standard_normal((n, N_TARGETS))
    recordings, given = [], {}
    for person in range(N_PEOPLE):
        time = 1.4 + 1.1 * (1 - bit) + 0.8 * (1 - label) + 0.4 * rng.standard_normal(n)
        confound = np.outer(bit, rng.standard_normal(N_TARGETS)) + np.outer(time, 1 + rng.standard_normal(N_TARGETS))
        noise = shared + rng.standard_normal((n, N_TARGETS))
        values = confound + noise + planted * states[:, 1] @ weights
        recordings.append(Recording.of(values, stimuli.ids, f"p{person}"))
        given[f"p{person}"] = np.column_stack([bit, time, label, run == "2"]).astype(float)
    return Features.of(known, stimuli.ids), Dataset(stimuli, tuple(recordings), "made", "1", "none", "none"), given


def test_with_confounds_alone_the_partialled_p_is_uniform_and_the_raw_one_is_not():
    p, raw = [], []
    for seed in range(60):
        features, dataset, given = _made(seed)
        split = replace(SPLIT, seed=seed)
        p.append(partialled_scores(features, dataset, given, split=split)["p"].values)
        if seed < 8:
            raw.append(trial_scores(features, dataset, split=split)["p"].values)
    below = (np.array(p) <= 0.05).sum(axis=0)
    assert (below <= 8).all()  # more than 8 of 60 at .05 happens in 3 of 1000 uniform sets
    assert np.all(np.abs(np.mean(p, axis=0) - 0.5) < 3 * 0.29 / np.sqrt(60))
    assert (np.median(raw, axis=0)[:2] < 0.1).all()  # r per target: labels stand in for response times


def test_planted_states_are_found_beyond_the_confounds_and_in_their_layer():
    features, dataset, given = _made(0, planted=1.0)
    found = partialled_scores(features, dataset, given, split=SPLIT)
    assert (found["p"] <= 1 / 40 + 1e-12).all()
    assert (found["layer"] == 1).mean() == 1.0
    assert (found["low"].sel(drawn="subjects") > found["null_mean"]).all()
    added = beyond_scores(features, dataset, given, split=SPLIT)
    assert (added["p"] <= 1 / 40 + 1e-12).all()
    assert (added["total"] > 0.05).all()
    width = (found["high"] - found["low"]).sel(measure="mean r")
    assert str(found["widest"].sel(measure="mean r").values) == str(width["drawn"][int(width.argmax("drawn"))].values)


def test_a_rotation_of_the_targets_changes_neither_choice_nor_pattern_score():
    features, dataset, given = _made(1, planted=1.0)
    Q = ortho_group.rvs(N_TARGETS, random_state=1)
    turned = replace(
        dataset, recordings=tuple(Recording.of(each.mean() @ Q, each.ids, each.subject) for each in dataset.recordings)
    )
    split = replace(SPLIT, n_permutations=5)
    one, other = (partialled_scores(features, each, given, split=split) for each in (dataset, turned))
    np.testing.assert_array_equal(one["layer"], other["layer"])
    np.testing.assert_array_equal(one["alpha"], other["alpha"])
    for name in ("score", "null"):
        np.testing.assert_allclose(
            one[name].sel(measure="pattern"), other[name].sel(measure="pattern"), rtol=0, atol=1e-10
        )
    assert np.abs(one["score"] - other["score"]).sel(measure="mean r").max() > 1e-4  # Pearson per target does change


def test_other_people_predict_what_is_shared_beyond_confounds_and_nothing_where_nothing_is():
    _, dataset, given = _made(2)
    assert (people_ceiling(dataset, given, split=SPLIT)["p"].sel(measure=["mean r", "pattern"]) < 0.05).all()
    rng = np.random.default_rng(0)
    noise = tuple(
        Recording.of(rng.standard_normal((48, N_TARGETS)), each.ids, each.subject) for each in dataset.recordings
    )
    assert (people_ceiling(replace(dataset, recordings=noise), given, split=SPLIT)["p"] > 0.05).all()


def test_gram_matrices_of_the_null_are_those_of_its_responses():
    rng = np.random.default_rng(0)
    Y, given, strata = rng.standard_normal((20, 5)), rng.standard_normal((20, 2)), np.repeat(["a", "b"], 10)
    orders = exchanged(strata, 6, seed=0)
    assert (strata[orders] == strata).all()
    for confounds in (None, given):
        exchange = Exchange.of(Y, confounds, orders)
        drawn = exchange.responses(slice(None))
        np.testing.assert_allclose(exchange.grams(), drawn @ drawn.transpose(0, 2, 1), atol=1e-12)


@pytest.mark.parametrize("hold_out", ["form", "item", "run"])
def test_whole_groups_are_held_out_and_settings_chosen_within(hold_out):
    _, dataset, _ = _made(0)
    split = replace(SPLIT, hold_out=hold_out, kind="syllogism")
    stimuli = split.of(dataset.stimuli)
    outer, inner = split.folds(stimuli)
    assert (outer.test.sum(axis=0) == 1).all()
    for train, test, own in zip(outer.train, outer.test, inner, strict=True):
        column = "form" if hold_out == "item" else hold_out
        if hold_out != "item":
            assert not set(stimuli[column][train]) & set(stimuli[column][test])
        assert not ((own.train | own.test) & ~train).any()
        assert (own.test.sum(axis=0) == train).all()


def test_a_missing_target_is_left_out_and_people_may_differ_in_number_of_targets():
    features, dataset, given = _made(3, planted=1.0)
    values = dataset.recordings[0].mean()
    gap = np.column_stack([values, np.full(len(values), np.nan)])
    more = replace(dataset, recordings=(Recording.of(gap, dataset.stimuli.ids, "p0"), *dataset.recordings[1:]))
    split = replace(SPLIT, n_permutations=0)
    one, other = (partialled_scores(features, each, given, split=split) for each in (dataset, more))
    np.testing.assert_allclose(one["score"], other["score"], atol=1e-12)
    assert np.isnan(other["r"][:, -1]).all()
    assert np.isnan(other["p"]).all()


def test_what_does_not_fit_is_named():
    features, dataset, given = _made(0)
    with pytest.raises(InvalidInput, match="trivial features of 'p1'"):
        partialled_scores(features, dataset, {"p0": given["p0"]}, split=SPLIT)
    with pytest.raises(InvalidInput, match="48 values missing"):
        partialled_scores(features, dataset, {**given, "p2": np.full(48, np.nan)}, split=SPLIT)
    with pytest.raises(InvalidInput, match="kinds are"):
        trial_scores(features, dataset, split=replace(SPLIT, kind="riddle"))
    with pytest.raises(InvalidInput, match="same for all stimuli"):
        trial_scores(Features.of(np.ones((48, 3)), features.ids), dataset, split=SPLIT)
    with pytest.raises(InvalidInput, match="two of them"):
        people_ceiling(replace(dataset, recordings=dataset.recordings[:1]), split=SPLIT)
