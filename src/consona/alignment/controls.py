"""What a projection score must survive: known predictors held constant, classes of one pole, each cohort alone."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.projection import N_DRAWS, ClassOrders, in_order
from consona.alignment.responses import HoldOut, Responses, held_out, responses
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names
from consona.stats.permutation import all_orders, p_value, random_orders
from consona.stats.readout import Readout
from consona.stats.refitting import mean_predictions, order_comparisons, order_correlations, predict_targets
from consona.stats.reliability import split_half_reliability
from consona.stats.seeds import rng_for

Array = npt.NDArray[np.float64]
N_ORDERS = 5000


def residual_map(given: Array) -> Array:
    """The matrix ``(n, n)`` that takes a linear fit to ``given`` (and a constant) out of a vector."""
    G = np.column_stack([np.ones(len(given)), given])
    return np.asarray(np.eye(len(given)) - G @ np.linalg.pinv(G))


def within_levels(classes: npt.NDArray[np.str_], levels: Array) -> npt.NDArray[np.int8]:
    """All orders of the classes that exchange classes of one level only, in lexicographic order."""
    labels, first = np.unique(classes, return_index=True)
    level = levels[first]
    orders = np.arange(len(labels), dtype=np.int8)[None]
    for each in np.unique(level):
        members = np.flatnonzero(level == each)
        exchanged = members[all_orders(len(members))]
        orders = np.repeat(orders, len(exchanged), axis=0)
        orders[:, members] = np.tile(exchanged, (len(orders) // len(exchanged), 1))
    return orders[np.lexsort(orders.T[::-1])]


def controlled_projection(dataset: Dataset, goals: xr.DataArray, *, hold_out: HoldOut, seed: int = 0) -> xr.Dataset:
    """The agreement that is left when something simpler is held constant, each beside its refitted null.

    ``goals`` must hold ``three-level code`` and ``rated valence``; every other goal is controlled for them. A null must
    leave the control intact. *Given three-level code* and within one pole: only classes of the same level change places
    (576 orders for 4 + 1 + 4 classes). *Given rated valence*: what a linear fit to the ratings leaves of the goal is
    exchanged between classes, added back to the fit (Freedman and Lane 1983), and refitted. *Within classes*: clips
    change places within their class, means taken out.

    Returns
    -------
    xr.Dataset
        ``r, null_mean, p, n`` over ``(goal, control)``.

    Raises
    ------
    InvalidInput
        When a control is not among the goals.
    """
    data = responses(dataset)
    goals = in_order(goals, data.ids, dataset.name)
    return controlled_of(held_out(data, hold_out, seed=seed), data, goals, seed=seed).assign_attrs(hold_out=hold_out)


def controlled_of(readout: Readout, data: Responses, goals: xr.DataArray, *, seed: int) -> xr.Dataset:
    """As :func:`controlled_projection`, for a read-out that is there already."""
    names = as_names(goals["goal"].values).tolist()
    for needed in ("three-level code", "rated valence"):
        if needed not in names:
            raise InvalidInput(f"The goals must hold '{needed}' to control for it; found {names}.")
    code, rated = (goals.sel(goal=name).values for name in ("three-level code", "rated valence"))
    left = [name for name in names if name != "three-level code"]
    facts = [_all_controls(readout, data, np.asarray(goals.sel(goal=name), float), code, rated, seed) for name in left]
    table = np.array([list(each.values()) for each in facts])
    variables = {
        key: (("goal", "control"), table[:, :, i]) for i, key in enumerate(("r", "null_mean", "p", "n_orders"))
    }
    return xr.Dataset(variables, {"goal": left, "control": list(facts[0])})


Row = tuple[float, float, float, float]


def _all_controls(readout: Readout, data: Responses, y: Array, code: Array, rated: Array, seed: int) -> dict[str, Row]:
    """Every control for one goal: r, mean of its null, p and number of orders."""
    whole = ClassOrders.of(y, data.emotions)
    local = within_levels(data.emotions, code)
    poles = [np.eye(len(code))[code > 0], np.eye(len(code))[code < 0]]
    given_code = whole.correlations(readout, local, [residual_map(code), *poles])
    sampled = _sampled(data, seed)
    M = residual_map(rated)
    rest = M @ y
    given_rated = ClassOrders.of(rest, data.emotions).beside(y - rest).correlations(readout, sampled, [M])[0]
    found = dict(zip(("given three-level code", "within positive", "within negative"), given_code, strict=True))
    views = {"given three-level code": residual_map(code), "within positive": poles[0], "within negative": poles[1]}
    rows = {name: _row(null, views[name] @ y, y, exact=True) for name, null in found.items()}
    rows["given rated valence"] = _row(given_rated, rest, y, exact=False)
    rows["within classes"] = _within_classes(readout, whole, y, seed)
    return rows


def _row(null: Array, shown: Array, y: Array, *, exact: bool) -> Row:
    """The observed order is in front; NaN where nothing of the goal is left to be shown."""
    n = float(len(null))
    if np.ptp(shown) <= 1e-9 * np.ptp(y):
        return float("nan"), float("nan"), float("nan"), n
    p = float(p_value(null[0], null if exact else null[1:], exact=exact))
    return float(null[0]), float(np.nanmean(null)), p, n


def _within_classes(readout: Readout, whole: ClassOrders, y: Array, seed: int) -> Row:
    """What varies within classes, with the class means taken out of both sides; clips change places in their class."""
    of = whole.indicators.argmax(axis=1)
    view = np.eye(len(y)) - whole.indicators @ np.linalg.pinv(whole.indicators)
    orders = np.argsort(of[None] + rng_for(seed, "within classes").random((N_DRAWS, len(y))), axis=1)
    places = np.argsort(of, kind="stable")
    permuted = np.tile(y, (N_DRAWS + 1, 1))
    permuted[1:, places] = y[orders]
    null = order_comparisons(readout, np.eye(len(y)), permuted, [view])[0]
    return _row(null, view @ y, y, exact=False)


def _sampled(data: Responses, seed: int) -> npt.NDArray[np.int32]:
    """The observed order of the classes, then a sample of all."""
    n_classes = len(np.unique(data.emotions))
    first = np.arange(n_classes, dtype=np.int32)[None]
    return np.vstack([first, random_orders(n_classes, N_ORDERS, seed=seed)])


def cohort_projection(dataset: Dataset, goals: xr.DataArray, *, hold_out: HoldOut, seed: int = 0) -> xr.Dataset:
    """The same score in every recording cohort alone (other devices, other people), everything refitted.

    Returns
    -------
    xr.Dataset
        ``r, null_mean, p`` over ``(cohort, goal)`` and ``n_subjects (cohort)``.
    """
    data = responses(dataset)
    goals = in_order(goals, data.ids, dataset.name)
    every = np.unique(data.cohorts)
    facts, counts = [], []
    for cohort in every:
        mine = _subset(data, data.cohorts == cohort)
        readout = held_out(mine, hold_out, seed=seed)
        orders = _sampled(mine, seed)
        nulls = [
            ClassOrders.of(np.asarray(y, float), data.emotions).correlations(readout, orders)[0] for y in goals.values
        ]
        facts.append([(null[0], null.mean(), float(p_value(null[0], null[1:]))) for null in nulls])
        counts.append(len(mine.subjects))
    table = np.array(facts)
    variables: dict[str, tuple[tuple[str, ...], Array]] = {
        key: (("cohort", "goal"), table[:, :, i]) for i, key in enumerate(("r", "null_mean", "p"))
    }
    variables["n_subjects"] = (("cohort",), np.array(counts, dtype=float))
    return xr.Dataset(variables, {"cohort": every, "goal": as_names(goals["goal"].values)}, {"hold_out": hold_out})


def _subset(data: Responses, mask: npt.NDArray[np.bool_]) -> Responses:
    subjects = tuple(np.array(data.subjects)[mask].tolist())
    return replace(data, values=data.values[mask], subjects=subjects, cohorts=data.cohorts[mask])


def class_decoding(dataset: Dataset, *, hold_out: HoldOut, seed: int = 0) -> xr.Dataset:
    """Nine one-hot targets: how often the largest mean prediction names the class of a clip, beside its null.

    The null permutes the labels of single clips and refits: exchanging whole classes would only rename the answers.
    Under hold-out of a whole emotion the class was never seen, so the score is undefined there.
    """
    data = responses(dataset)
    return classes_of(held_out(data, hold_out, seed=seed), data, hold_out, seed=seed)


def classes_of(readout: Readout, data: Responses, hold_out: HoldOut, *, seed: int) -> xr.Dataset:
    """As :func:`class_decoding`, for a read-out that is there already."""
    labels, of = np.unique(data.emotions, return_inverse=True)
    attrs = {"hold_out": hold_out, "metric": "balanced accuracy over clips", "null": "labels of clips permuted"}
    if hold_out == "emotion":
        return xr.Dataset({"accuracy": np.nan, "null_mean": np.nan, "p": np.nan}, attrs=attrs)
    orders = np.vstack([np.arange(len(of))[None], random_orders(len(of), N_DRAWS // 4, seed=seed)])
    permuted = of[orders]
    targets = (permuted[:, None, :] == np.arange(len(labels))[None, :, None]).astype(float)
    predicted = mean_predictions(readout, targets.reshape(-1, len(of))).reshape(targets.shape)
    right = predicted.argmax(axis=1) == permuted
    accuracy = np.array([_balanced_accuracy(hit, truth) for hit, truth in zip(right, permuted, strict=True)])
    values = {"accuracy": accuracy[0], "null_mean": accuracy[1:].mean(), "p": float(p_value(accuracy[0], accuracy[1:]))}
    return xr.Dataset(values, attrs=attrs)


def _balanced_accuracy(hit: npt.NDArray[np.bool_], truth: npt.NDArray[np.integer]) -> float:
    """Mean over classes of the share of right answers."""
    return float(np.mean(np.bincount(truth, weights=hit) / np.bincount(truth)))


def many_correlations(readout: Readout, values: Array) -> Array:
    """Correlations over stimuli for many goals ``(n, n_stimuli)``, each refitted with its own choice of penalty."""
    return order_correlations(readout, np.eye(values.shape[1]), np.asarray(values, dtype=float))


def readout_reliability(dataset: Dataset, goals: xr.DataArray, *, hold_out: HoldOut, seed: int = 0) -> xr.Dataset:
    """Neural reliability: split-half over subjects of the held-out read-out, with Spearman-Brown, per goal.

    It says how well another group of people of the same size would repeat the read-out; its square root bounds r.
    """
    data = responses(dataset)
    goals = in_order(goals, data.ids, dataset.name)
    readout = held_out(data, hold_out, seed=seed)
    return reliability_of(readout, goals, seed=seed).assign_attrs(hold_out=hold_out)


def reliability_of(readout: Readout, goals: xr.DataArray, *, seed: int) -> xr.Dataset:
    """As :func:`readout_reliability`, for a read-out that is there already."""
    rows = predict_targets(readout, np.asarray(goals.values, dtype=float).T)
    values = [split_half_reliability(rows[:, :, i], n_splits=200, seed=seed)[0] for i in range(rows.shape[2])]
    return xr.Dataset({"reliability": ("goal", values)}, {"goal": as_names(goals["goal"].values)})
