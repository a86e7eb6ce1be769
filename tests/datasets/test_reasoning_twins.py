"""Twins of people who reason: what was planted is there at its size, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.reasoning_twins import PARTS, reasoning_twin, solved_states, twin_behaviour

N = 80


@pytest.fixture(scope="module")
def problems() -> Stimuli:
    """Problems of two kinds, labels of both sorts."""
    rng = np.random.default_rng(0)
    table = {
        "text": ["Ann is a trab."] * N,
        "kind": ["syllogism"] * 40 + ["transitive"] * 40,
        "label": rng.random(N) < 0.6,
    }
    return Stimuli(pd.DataFrame(table, index=[f"p{i:02d}" for i in range(N)]))


@pytest.fixture(scope="module")
def states(problems: Stimuli) -> Features:
    """States of three layers, one far larger than the others, of these problems in another order."""
    values = np.random.default_rng(1).standard_normal((N, 3, 24)) * np.array([1.0, 1.0, 50.0])[:, None]
    return Features.of(values, problems.ids[::-1].copy())


def _centred(data: Dataset, subject: int) -> np.ndarray:
    values = data.recordings[subject].mean()
    return values - values.mean(axis=0)


def _share(values: np.ndarray, predictors: np.ndarray) -> float:
    """Share of the variance of all targets that predictors explain, without what as many columns of noise would."""
    X = np.linalg.qr(predictors - predictors.mean(axis=0))[0]
    raw = ((X.T @ values) ** 2).sum() / (values**2).sum()
    return float((raw - X.shape[1] / (N - 1)) / (1 - X.shape[1] / (N - 1)))


def test_a_trial_agrees_with_its_signal_as_asked(problems: Stimuli, states: Features) -> None:
    # The signal is what is left without noise: the same seed, noise=1. Over 80 x 400 cells r has an SE of .005.
    noisy, clear = (reasoning_twin(states, problems, noise=r, n_subjects=1, n_targets=400) for r in (0.5, 1.0))
    a, b = (_centred(each, 0).ravel() for each in (noisy, clear))
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.5, abs=0.02)
    mean = noisy.recordings[0].mean().mean(axis=0)
    trials = noisy.recordings[0].mean()
    cosine = (trials @ mean) / np.linalg.norm(trials, axis=1) / np.linalg.norm(mean)
    assert cosine.mean() == pytest.approx(np.sqrt(0.5), abs=0.04)


@pytest.mark.parametrize(
    ("plant", "task", "rest"), [("states", 0.25, 0.6), ("confound", 0.625, 0.0), ("none", 0.0, 0.0)]
)
def test_every_part_has_its_share(problems: Stimuli, states: Features, plant: str, task: float, rest: float) -> None:
    # Kinds and times are drawn apart from states: over 80 problems they overlap by about 1 in sqrt(80).
    data = reasoning_twin(states, problems, plant=plant, noise=0.7, n_subjects=4, n_targets=300)
    bit = (problems["kind"] == "transitive")[:, None].astype(float)
    own = states.select(problems.ids).data.values.astype(float)
    own = (own / own.std(axis=(0, 2), keepdims=True)).reshape(N, -1)
    size = 0.7**2 if plant != "none" else 1.0
    found = np.mean([_share(_centred(data, i), bit) for i in range(4)]) / size
    assert found == pytest.approx(task + PARTS["response time"] * 0.5 * (task > 0), abs=0.13)
    with_states = np.mean([_share(_centred(data, i), np.hstack([bit, own[:, :40]])) for i in range(4)]) / size
    assert (with_states - found > 0.2) == (rest > 0)
    assert data.synthetic
    assert data.truth["plant"] == plant
    assert sum(data.truth["shares"].values()) == pytest.approx(float(plant != "none"))


def test_response_times_go_with_the_kind_and_are_those_in_the_betas(problems: Stimuli, states: Features) -> None:
    behaviour = twin_behaviour(problems, n_subjects=40, seed=3)
    by_kind = behaviour["response_time"].mean("subject").groupby("kind").mean().values
    assert by_kind == pytest.approx([1.37, 2.50], rel=0.1)  # 40 items of a log-normal, SD .25 of the shared part
    assert float(behaviour["correct"].mean()) == pytest.approx((0.889 + 0.838) / 2, abs=0.02)
    missed = behaviour["correct"].isnull()
    assert (missed == behaviour["response_time"].isnull()).all()
    assert 0 < float(missed.mean()) < 0.03
    clear = reasoning_twin(states, problems, plant="confound", noise=1.0, n_subjects=2, seed=3)
    bit = (problems["kind"] == "transitive").astype(float)
    for i in range(2):  # without noise, two numbers of the trial say everything
        X = np.column_stack([bit, behaviour["planned_time"].values[i]])
        assert _share(_centred(clear, i), X) == pytest.approx(1.0, abs=1e-6)


def test_a_solver_is_moved_as_little_as_makes_it_right(problems: Stimuli, states: Features) -> None:
    rng = np.random.default_rng(5)
    towards = xr.DataArray(rng.standard_normal((3, 24)), {"layer": [0, 1, 2]}, ("layer", "feature"))
    margins = rng.standard_normal(N) * 2
    solved = solved_states(states, problems, towards[::-1], margins, goal=1.5)
    moved = solved.data.values.astype(float) - states.select(problems.ids).data.values
    after = margins + (moved * towards.values).sum(axis=(1, 2))
    sign = np.where(problems["label"], 1, -1)
    assert (sign * after >= 1.5 - 1e-4).all()  # float32 states of size 50
    right = sign * margins >= 1.5
    assert np.abs(moved[right]).max() == 0
    assert sign[~right] * after[~right] == pytest.approx(1.5, abs=1e-4)
    data = reasoning_twin(solved, problems, plant="answer", n_subjects=1)
    assert data.truth["solved"].startswith(f"{(~right).sum()} of {N}")


def test_a_solver_says_the_answer_loudly_unless_told_how_much(problems: Stimuli, states: Features) -> None:
    towards = xr.DataArray(np.random.default_rng(6).standard_normal((3, 24)), dims=("layer", "feature"))
    solved = solved_states(states, problems, towards, np.zeros(N)).data.values.astype(float)
    before = states.select(problems.ids).data.values
    moves = ((solved - before) ** 2).sum(axis=(1, 2)).mean()
    variance = ((before - before.mean(axis=0)) ** 2).sum(axis=(1, 2)).mean()
    assert moves / (moves + variance) == pytest.approx(1 / 3, abs=1e-4)  # margins of 0: all are moved equally far


def test_the_same_seed_gives_the_same_people_however_many(problems: Stimuli, states: Features) -> None:
    few, many = (reasoning_twin(states, problems, n_subjects=n, n_targets=20, seed=2) for n in (1, 3))
    assert np.array_equal(few.recordings[0].mean(), many.recordings[0].mean())
    assert not np.array_equal(many.recordings[0].mean(), many.recordings[1].mean())
    assert few.subjects == twin_behaviour(problems, n_subjects=1)["subject"].values.tolist()


def test_what_cannot_be_made_is_refused(problems: Stimuli, states: Features) -> None:
    with pytest.raises(InvalidInput, match="no plant 'brain'"):
        reasoning_twin(states, problems, plant="brain")
    with pytest.raises(InvalidInput, match="solved_states"):
        reasoning_twin(states, problems, plant="answer")
    with pytest.raises(InvalidInput, match="noise 0"):
        reasoning_twin(states, problems, noise=0.0)
    flat = xr.DataArray(np.zeros((3, 24)), dims=("layer", "feature"))
    with pytest.raises(InvalidInput, match="zero"):
        solved_states(states, problems, flat, np.zeros(N))
    with pytest.raises(InvalidInput, match="same layers and features"):
        solved_states(states, problems, flat[:, :5], np.zeros(N))
    with pytest.raises(InvalidInput, match="Margins"):
        solved_states(states, problems, flat + 1, np.full(N, np.nan))
