"""p holds its level where nothing is to be found: 28 clips in classes of three and one of four, all refitted."""

import numpy as np
import pytest

from consona.alignment import controls
from consona.alignment.controls import controlled_of, residual_map
from consona.alignment.projection import ClassOrders, goals_of
from consona.alignment.responses import Responses
from consona.stats.permutation import p_value, random_orders
from consona.stats.readout import stimulus_readout, subject_readout

SIZES = [3, 3, 3, 3, 4, 3, 3, 3, 3]
CLASSES = np.repeat(np.array(list("abcdefghi")), SIZES)
OF = np.unique(CLASSES, return_inverse=True)[1]
ALPHAS = np.logspace(-1, 4, 6)
N_RUNS, N_ORDERS = 200, 99
# Binomial(200, .05): 20 or more has probability .003
MOST = 19


def orders(seed):
    return np.vstack([np.arange(9)[None], random_orders(9, N_ORDERS, seed=seed)])


def readout_of(X, hold_out):
    if hold_out == "subject":
        return subject_readout(X, np.arange(len(X)), ALPHAS)
    return stimulus_readout(X, CLASSES if hold_out == "emotion" else np.arange(28), ALPHAS)


def people(pattern, rng, noise=1.0):
    return pattern[None] + noise * rng.normal(size=(4, *pattern.shape))


@pytest.mark.parametrize("hold_out", ["subject", "emotion"])
@pytest.mark.parametrize("residual", [0.0, 1.0])
def test_class_block_p_holds_its_level_under_clip_identity(hold_out, residual):
    """Every clip has its own response, tied to nothing; values with and without a part that varies within classes."""
    rng, hits = np.random.default_rng(7), 0
    for run in range(N_RUNS):
        readout = readout_of(people(rng.normal(size=(28, 4)), rng), hold_out)
        y = rng.normal(size=9)[OF] + residual * rng.normal(size=28)
        null = ClassOrders.of(y, CLASSES).correlations(readout, orders(run))[0]
        hits += float(p_value(null[0], null[1:])) <= 0.05
    assert hits <= MOST


def controls_of(readout, X, y, rated, run):
    """The controls that the claims quote, with as many orders as these tests need."""
    data = Responses(X, tuple("abcd"), np.full(4, "1"), CLASSES, np.arange(28).astype(str), ())
    code = np.sign(np.arange(9) - 4.0)[OF]
    goals = goals_of({"goal": y, "rated valence": rated, "three-level code": code}, data.ids)
    held = controlled_of(readout, data, goals, seed=run)
    return held["p"].sel(goal="goal")


@pytest.fixture
def few_orders(monkeypatch):
    monkeypatch.setattr(controls, "N_ORDERS", N_ORDERS)
    monkeypatch.setattr(controls, "N_DRAWS", N_ORDERS)


@pytest.mark.parametrize("hold_out", ["subject", "emotion"])
def test_given_the_ratings_p_holds_its_level_when_the_eeg_follows_the_ratings_alone(few_orders, hold_out):
    """The goal is the ratings plus noise; the responses know the ratings and nothing else of the goal.

    Exchanging the goal itself while the ratings are held constant, the obvious shortcut, fails on unseen emotions.
    """
    rng, hits, shortcut = np.random.default_rng(8), 0, 0
    for run in range(N_RUNS):
        rated = rng.normal(size=9)[OF] + 0.2 * rng.normal(size=28)
        y = rated + 0.7 * rng.normal(size=28)
        X = people(np.outer(rated, rng.normal(size=4)), rng)
        readout = readout_of(X, hold_out)
        hits += float(controls_of(readout, X, y, rated, run).sel(control="given rated valence")) <= 0.05
        whole = ClassOrders.of(y, CLASSES)
        naive = whole.correlations(readout, orders(run), [residual_map(rated)])[0]
        shortcut += float(p_value(naive[0], naive[1:])) <= 0.05
    assert hits <= MOST
    assert hold_out == "subject" or shortcut > MOST


def test_within_classes_p_holds_its_level_when_only_classes_differ_and_finds_what_does(few_orders):
    rng, hits, found = np.random.default_rng(9), 0, 0
    for run in range(N_RUNS):
        rated, y = rng.normal(size=28), rng.normal(size=9)[OF] + 0.5 * rng.normal(size=28)
        absent = people(rng.normal(size=(9, 4))[OF], rng)
        held = controls_of(readout_of(absent, "subject"), absent, y, rated, run)
        hits += float(held.sel(control="within classes")) <= 0.05
    for run in range(20):
        y = rng.normal(size=9)[OF] + 0.5 * rng.normal(size=28)
        present = people(np.outer(y, [1.0, -1.0, 2.0, 0.5]), rng, noise=0.3)
        held = controls_of(readout_of(present, "subject"), present, y, rng.normal(size=28), run)
        found += float(held.sel(control="within classes")) <= 0.05
    assert hits <= MOST
    assert found == 20
