"""Made-up single-trial betas of people who reason, with a known part of a model's states, task and response time."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.text_twins import CITATION, LICENCE
from consona.stats.seeds import rng_for

Array = npt.NDArray[np.float64]
Plant = Literal["answer", "states", "confound", "none"]

PARTS = {"states": 0.6, "task": 0.25, "response time": 0.15}
"""Shares of the variance of the signal, where all three parts are planted."""
RESPONSE_TIMES_S = {"syllogism": 1.37, "transitive": 2.50}
"""Mean response time by kind, as in ds003076; 2 s for other kinds."""
ACCURACIES = {"syllogism": 0.889, "transitive": 0.838}

_N_COMPONENTS = 64  # of the states that people share
_ANSWER = 1 / 3  # of the variance of a solver's states
_MISSED = 0.01  # of the answers
_SPREAD = 0.25  # SD of the logarithm of response times, for the item and once more for the person with the item


def reasoning_twin(
    states: Features,
    problems: Stimuli,
    *,
    plant: Plant = "states",
    noise: float = 0.5,
    n_subjects: int = 10,
    n_targets: int = 313,
    seed: int = 0,
) -> Dataset:
    r"""Made-up betas ``(1, n_problems, n_targets)`` of every person, from known states of a model.

    .. math:: y_i = m + A B r_i + t_{kind(i)} + u\,z_i + e_i

    *r* are the states of all layers given, each layer centred and brought to one size; *B* (Gaussian, 64 rows) is
    common to all people, *A* (Gaussian), the pattern *t* of every kind, the pattern *u* of the response time *z* of
    this person, and the mean pattern *m* are each person's own. *m* is as large as the rest, so that trials and their
    mean have a cosine of about .7, as the betas of ds003076 have. Noise *e* is white.

    Parameters
    ----------
    states
        ``(stimulus, layer, feature)``, of these problems and perhaps of others.
    problems
        With the column ``kind``.
    plant
        ``"states"``: everything above. ``"answer"``: the same, where ``states`` are those of a solver, made by
        :func:`solved_states`. ``"confound"``: task and response time alone. ``"none"``: mean pattern and noise.
    noise
        Expected correlation of a single-trial pattern with its signal, both without the mean pattern: 1 is no noise.
    n_subjects, n_targets
        People, called ``twin01`` and so on, and targets (voxels) of each.
    seed
        With the same seed, :func:`twin_behaviour` gives the response times that are in the betas.

    Returns
    -------
    Dataset
        ``truth`` states plant, noise and the share of every part in the variance of the signal.

    Raises
    ------
    InvalidInput
        For an unknown plant, ``"answer"`` with states that are not a solver's, a noise outside (0, 1], fewer than one
        subject or two targets, problems without kind, or states that lack a problem.
    """
    if plant not in get_args(Plant):
        raise InvalidInput(f"There is no plant '{plant}'; choose one of {listed(get_args(Plant))}.")
    if not 0 < noise <= 1 or n_subjects < 1 or n_targets < 2:
        raise InvalidInput(
            f"noise {noise}, {n_subjects} subjects and {n_targets} targets found; a twin needs a noise (correlation of "
            "a trial with its signal) above 0 and up to 1, a subject and two targets."
        )
    if plant == "answer" and "solved" not in states.attrs:
        raise InvalidInput(
            "The plant 'answer' needs the states of a solver that answers correctly, and these are not. Make them with "
            "solved_states(states, problems, towards, margins)."
        )
    times = twin_behaviour(problems, n_subjects=n_subjects, seed=seed)["planned_time"]
    parts = {"states": _components(states.select(problems.ids), seed), "task": _one_hot(problems["kind"])}
    shares = _shares(plant, parts["task"].shape[1])
    recordings = []
    for subject in times["subject"].values.tolist():
        rng = rng_for(seed, "betas", subject)
        each = {**parts, "response time": times.sel(subject=subject).values[:, None]}
        values = _betas([(share, each[name]) for name, share in shares.items()], noise, (len(problems), n_targets), rng)
        attrs = {"region": "twin", "n_voxels": n_targets}
        recordings.append(Recording.of(values.astype(np.float32), problems.ids, subject, attrs))
    truth = {"plant": plant, "noise": noise if shares else 0.0, "shares": shares, "n_subjects": n_subjects}
    truth |= {"n_targets": n_targets, "seed": seed, "solved": states.attrs.get("solved", "no")}
    name = f"reasoning-twin-{plant}"
    return Dataset(problems, tuple(recordings), name, "1", LICENCE, CITATION, {}, True, truth)


def twin_behaviour(problems: Stimuli, *, n_subjects: int = 10, seed: int = 0) -> xr.Dataset:
    """Answers and response times of the people of :func:`reasoning_twin`.

    Response times (s from the conclusion) are log-normal around the mean of their kind, so they go with the kind;
    half the variance of their logarithm is the item's and common to all people. Right answers are as frequent as in
    ds003076 (.889 and .838; .85 for other kinds). One answer in a hundred is missed.

    Returns
    -------
    xr.Dataset
        ``(subject, stimulus)``: ``correct`` (1, 0, NaN where there is no answer), ``response_time`` (s, NaN where there
        is no answer) and ``planned_time`` (s, that which is in the betas, always there); coordinates ``kind`` and,
        where the problems have it, ``run``.

    Raises
    ------
    InvalidInput
        When the problems have no kind.
    """
    kinds = problems["kind"].tolist()
    typical = np.array([RESPONSE_TIMES_S.get(kind, 2.0) for kind in kinds])
    right = np.array([ACCURACIES.get(kind, 0.85) for kind in kinds])
    shared = rng_for(seed, "items").standard_normal(len(problems))
    names = [f"twin{number:02d}" for number in range(1, n_subjects + 1)]
    made: dict[str, list[Array]] = {"correct": [], "response_time": [], "planned_time": []}
    for name in names:
        rng = rng_for(seed, "behaviour", name)
        log = _SPREAD * (shared + rng.standard_normal(len(problems))) - _SPREAD**2  # a log-normal of mean 1
        correct = (rng.random(len(problems)) < right).astype(float)
        missed = rng.random(len(problems)) < _MISSED
        times = typical * np.exp(log)
        made["planned_time"].append(times)
        made["response_time"].append(np.where(missed, np.nan, times))
        made["correct"].append(np.where(missed, np.nan, correct))
    dims = ("subject", "stimulus")
    columns = {name: ("stimulus", problems[name]) for name in ("run", "kind") if name in problems}
    coords = {"subject": names, "stimulus": problems.ids, **columns}
    return xr.Dataset({name: (dims, np.stack(rows)) for name, rows in made.items()}, coords)


def solved_states(
    states: Features, problems: Stimuli, towards: xr.DataArray, margins: npt.ArrayLike, *, goal: float | None = None
) -> Features:
    r"""The states of a solver that answers correctly: those of a model, moved where its answer is wrong or too unsure.

    .. math:: r'_i = r_i + \frac{\max(0,\; g - s_i m_i)}{\sum_l \lVert w_{il} \rVert^2}\; s_i w_i

    is the smallest move after which a model whose margin *m* rises by *w* per unit of its states has the margin *g* on
    the right side (:math:`s_i = \pm 1`, the label).

    Parameters
    ----------
    states, problems
        *r*, ``(stimulus, layer, feature)``; the problems wanted, with the column ``label``.
    towards
        *w*, the direction of the answer True: by how much the margin rises with the states, ``(layer, feature)`` or
        ``(stimulus, layer, feature)``, nats per unit.
    margins
        *m*, log p(True) - log p(False) of every problem, nats, ``(n_problems,)``.
    goal
        *g*, nats. Not given, it is so large that the moves have a third of the variance of the states: a brain that
        says much of the answer. A nat or two is hardly seen among all the directions in which states differ.

    Returns
    -------
    Features
        Of the problems; ``attrs["solved"]`` says how many were moved.

    Raises
    ------
    InvalidInput
        When layers, features or stimuli of the direction are others than those of the states, the direction is zero,
        margins are not finite or of another number, or problems have no label.
    """
    own = states.select(problems.ids).data
    given = np.asarray(margins, dtype=np.float64)
    if given.shape != (len(problems),) or not np.isfinite(given).all():
        raise InvalidInput(
            f"Margins of shape {given.shape} for {len(problems)} problems, {int((~np.isfinite(given)).sum())} of them "
            "not finite; give a finite margin per problem."
        )
    w = _as_states(towards, own)
    square = (w**2).sum(axis=(1, 2))
    if not (square > 0).all():
        raise InvalidInput("The direction of the answer is zero for a problem; it must lead somewhere.")
    sign = np.where(problems["label"].astype(bool), 1.0, -1.0)
    if goal is None:
        variance = float(((own - own.mean("stimulus")) ** 2).sum(("layer", "feature")).mean())
        goal = float(np.sqrt(_ANSWER / (1 - _ANSWER) * variance * square.mean()))
    size = np.maximum(0.0, goal - sign * given) / square
    moved = own.astype(np.float64) + (sign * size)[:, None, None] * w
    n_moved = int((size > 0).sum())
    return Features(
        moved.assign_attrs(own.attrs | {"solved": f"{n_moved} of {len(problems)} moved to {goal:.3g} nats"})
    )


def _as_states(towards: xr.DataArray, own: xr.DataArray) -> Array:
    """The direction in the shape of the states, its stimuli and layers in their order."""
    try:
        for dim in ("stimulus", "layer"):
            if dim in towards.dims and dim in towards.coords:
                towards = towards.sel({dim: own[dim].values})
        return np.asarray(np.broadcast_to(towards.values, own.shape), dtype=np.float64)
    except (KeyError, ValueError):
        raise InvalidInput(
            f"The direction of the answer has the shape {dict(towards.sizes)} and the states {dict(own.sizes)}; "
            "expected the same layers and features, for every problem or for all alike."
        ) from None


def _components(states: Features, seed: int) -> Array:
    """What of the states people share, ``(n_problems, 64)``."""
    values = states.data.values.astype(np.float64)
    values = values - values.mean(axis=0)
    sizes = np.sqrt((values**2).mean(axis=(0, 2), keepdims=True))
    flat = np.divide(values, sizes, out=np.zeros_like(values), where=sizes > 0).reshape(len(values), -1)
    return np.asarray(flat @ rng_for(seed, "components").standard_normal((flat.shape[1], _N_COMPONENTS)))


def _shares(plant: Plant, n_kinds: int) -> dict[str, float]:
    """The part of each in the variance of the signal; problems of one kind have no task part."""
    left_out = {"none": set(PARTS), "confound": {"states"}}.get(plant, set()) | ({"task"} if n_kinds == 1 else set())
    kept = {name: share for name, share in PARTS.items() if name not in left_out}
    return {name: share / sum(kept.values()) for name, share in kept.items()}


def _betas(parts: list[tuple[float, Array]], noise: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """One person's trials: every part by its share, together of variance 1; noise; a mean pattern as large as both."""
    signal = np.zeros(shape)
    for share, part in parts:
        pattern = rng.standard_normal((part.shape[1], shape[1]))
        signal += np.sqrt(share) * _unit((part - part.mean(axis=0)) @ pattern)
    variance = 1 / noise**2  # of a trial, where that of the signal is 1
    spread = np.sqrt(variance - 1 if parts else variance)
    mean = np.sqrt(variance) * rng.standard_normal(shape[1])
    return np.asarray(mean + _unit(signal) + spread * rng.standard_normal(shape))


def _unit(values: Array) -> Array:
    size = np.sqrt((values**2).mean())
    return np.asarray(values / size if size > 0 else values)


def _one_hot(kinds: npt.NDArray[np.str_]) -> Array:
    return np.asarray(pd.get_dummies(pd.Series(kinds)).to_numpy(dtype=np.float64))
