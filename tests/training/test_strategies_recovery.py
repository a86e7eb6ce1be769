"""An axis that is in the data is learnt when it is asked for, its random twin is not; all strategies pass the loop."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from consona.stats.axis_twins import random_axis, standardised
from consona.stats.splits import ThreeWay
from consona.training.loop import train_decoders
from consona.training.recipe import Recipe
from consona.training.strategies import Strategy
from consona.training.strategies_table import PAPER
from consona.training.strategies_transfer import Transfer

N_TRAIN, N_VALIDATION, N_TEST = 4, 2, 30
EMOTIONS = np.repeat([f"emotion {k}" for k in range(9)], 2)
RECIPE = Recipe(width=16, depth=1, epochs=20, batch=24, noise=0.3, drop=0.0, gain=0.0)


def planted(strength, seed):
    """White noise of SD 1, plus the axis along one pattern of length 1: the classes differ in nothing else."""
    rng = np.random.default_rng(seed)
    axis = standardised(rng.permutation(np.linspace(-1, 1, 9)).repeat(2))
    n_subjects = N_TRAIN + N_VALIDATION + N_TEST
    pattern = rng.normal(size=(3, 12, 2))
    x = rng.normal(size=(n_subjects, 18, 1, 3, 12, 2))
    x += strength * axis[None, :, None, None, None, None] * pattern / np.linalg.norm(pattern)
    coords = {
        "subject": [f"s{i}" for i in range(n_subjects)],
        "stimulus": [f"c{i}" for i in range(18)],
        "shift": [0.0],
        "channel": [f"channel {i}" for i in range(12)],
        "band": ["a", "b"],
        "emotion": ("stimulus", EMOTIONS),
    }
    dims = ("subject", "stimulus", "shift", "window", "channel", "band")
    return xr.DataArray(x.astype(np.float32), dims=dims, coords=coords), axis


def few_to_train_on():
    """One fold with few training subjects."""
    train, validation, test = np.zeros((3, 1, N_TRAIN + N_VALIDATION + N_TEST, 18), bool)
    train[0, :N_TRAIN], validation[0, N_TRAIN:-N_TEST], test[0, -N_TEST:] = True, True, True
    return ThreeWay(train, validation, test, "planted")


def axis_strength(found, axis):
    """R2 of the axis from the features of half of the test subjects, read by ridge from the other half."""
    features = found["features"].values[-N_TEST:].astype(float)
    halves = [each.reshape(-1, features.shape[-1]) for each in np.array_split(features, 2)]
    y, scores = np.tile(axis, N_TEST // 2), []
    for fitted, tested in (halves, halves[::-1]):
        X, Z = ((each - fitted.mean(axis=0)) / fitted.std() for each in (fitted, tested))
        w = np.linalg.solve(X.T @ X + 10 * np.eye(X.shape[1]), X.T @ y)
        scores.append(1 - ((Z @ w - y) ** 2).sum() / (y**2).sum())
    return float(np.mean(scores))


def strengths(strength, seed):
    """Without supervision, with the axis, with its twin."""
    tensor, axis = planted(strength, seed)
    twin = random_axis(axis, EMOTIONS, seed=seed)
    regression = Strategy("regression", "regression", 5.0)
    ways = ((None, None), (regression, axis), (regression, twin))
    split = few_to_train_on()
    return [
        axis_strength(train_decoders(tensor, split, RECIPE, seed=seed, strategy=strategy, axis=values), axis)
        for strategy, values in ways
    ]


def test_regression_strengthens_an_axis_that_is_there_and_its_twin_does_not():
    found = np.array([strengths(2.0, seed) for seed in range(3)])
    plain, with_axis, with_twin = found.mean(axis=0)
    assert with_axis > plain + 0.1
    assert with_twin < plain + 0.05
    # The pattern itself holds 2^2 / (2^2 + 1) of the variance; a mean over 270 rows of a half strays by about .02.
    assert found.max() < 0.8 + 0.06


def test_nothing_is_found_where_the_axis_is_not_in_the_data():
    assert max(strengths(0.0, 0)) < 0.03  # 16 features, 270 rows: above 0 by chance only


def test_without_weight_a_training_is_the_plain_one_bit_for_bit():
    tensor, axis = planted(1.0, 0)
    recipe = replace(RECIPE, epochs=2)
    plain = train_decoders(tensor, few_to_train_on(), recipe, seed=0)
    for family in ("regression", "rsa", "uncertainty"):
        strategy = Strategy("none", family, 0.0)
        found = train_decoders(tensor, few_to_train_on(), recipe, seed=0, strategy=strategy, axis=axis)
        xr.testing.assert_equal(plain["probability"], found["probability"])


@pytest.mark.parametrize("number", [9, 13, 18, 19, 20, 21, 22, 23, 25])
def test_every_regime_passes_the_loop(number):
    tensor, axis = planted(1.0, 0)
    recipe = replace(RECIPE, epochs=4)
    strategy = PAPER[number - 1]
    if strategy.regime == "transfer":
        strategy = Transfer(strategy, tensor[:4], axis, recipe)
    axes = np.stack([axis, axis[::-1]], axis=1)
    found = train_decoders(tensor, few_to_train_on(), recipe, seed=0, strategy=strategy, axis=axes)
    assert np.isfinite(found["probability"].sel(snapshot=0).values[-N_TEST:]).all()
    first = [stage.epochs for stage in strategy.stages(recipe)][:-1]
    assert int(found["chosen"].item()) > sum(first)  # the epoch is one of the last stage
