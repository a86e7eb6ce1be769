"""How well responses predict values of the stimuli (a concept axis, ratings), beside nulls that refit everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.responses import CV, HOLD_OUTS, HoldOut, Responses, Rows, held_out, responses
from consona.core.dataset import Dataset
from consona.core.invariants import aligned, as_names
from consona.stats.correlation import pearson
from consona.stats.permutation import all_orders, p_value, random_orders
from consona.stats.readout import Readout
from consona.stats.refitting import chosen_alphas, order_comparisons, order_correlations, predict_targets
from consona.stats.seeds import rng_for

__all__ = ["HOLD_OUTS", "ClassOrders", "goals_of", "projection"]

NULLS = ("class block", "iid", "random nine-level")
N_DRAWS = 2000
N_BOOT = 1000
N_BOOT_ORDERS = 200
Z_95 = 1.959964
Array = npt.NDArray[np.float64]


def goals_of(values: Mapping[str, npt.ArrayLike], ids: npt.ArrayLike) -> xr.DataArray:
    """Values of the stimuli to be predicted, ``(goal, stimulus)``."""
    table = np.array([np.asarray(each, dtype=float) for each in values.values()])
    return xr.DataArray(table, {"goal": list(values), "stimulus": as_names(ids)}, ("goal", "stimulus"))


def in_order(goals: xr.DataArray, ids: npt.NDArray[np.str_], name: str) -> xr.DataArray:
    """The goals in the order of the recorded stimuli, found by id.

    Raises
    ------
    InvalidInput
        When they are about other stimuli.
    """
    return goals[:, aligned(ids, as_names(goals["stimulus"].values), (f"Stimuli of '{name}'", "goals"))]


@dataclass(frozen=True)
class ClassOrders:
    """A goal taken apart into class means and what varies within classes, ready for exchanging whole classes."""

    indicators: Array
    means: Array
    residual: Array

    @classmethod
    def of(cls, y: Array, classes: npt.NDArray[np.str_]) -> "ClassOrders":
        """Classes in sorted order of their labels."""
        labels, of = np.unique(classes, return_inverse=True)
        indicators = np.eye(len(labels))[of]
        means = indicators.T @ y / indicators.sum(axis=0)
        residual = y - indicators @ means
        return cls(indicators, means, np.where(np.abs(residual) < 1e-12 * np.abs(y).max(initial=1.0), 0.0, residual))

    def beside(self, kept: Array) -> "ClassOrders":
        """The same, with a part that stays where it is whatever the order."""
        return ClassOrders(self.indicators, self.means, self.residual + kept)

    def correlations(
        self, readout: Readout, orders: npt.NDArray[np.integer], compare: Sequence[Array] | None = None
    ) -> Array:
        """Correlations after each order of the class means, all refitted; ``(n_comparisons, n_orders)``.

        Residuals stay with their stimuli. Without ``compare`` there is one comparison, of all stimuli. Orders that give
        the same values (classes with equal means) are fitted once.
        """
        views = [np.eye(len(self.residual))] if compare is None else list(compare)
        chosen, again = _distinct(self.means, orders)
        levels = self.means[chosen]
        r = order_comparisons(readout, self.indicators, levels, views, offset=self.residual)
        return r if again is None else r[:, again]


def _distinct(
    means: Array, orders: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer] | None]:
    """Orders that differ in the values they give, and which of them every order is; None where all differ."""
    unit = np.ptp(means) or 1.0
    levels, kind = np.unique(np.round((means - means.min()) / unit, 9), return_inverse=True)
    if len(levels) == len(means):
        return orders, None
    code = kind[orders].astype(np.int64) @ len(levels) ** np.arange(len(means), dtype=np.int64)
    _, first, again = np.unique(code, return_index=True, return_inverse=True)
    return orders[first], again


def _iid(readout: Readout, y: Array, seed: int) -> Array:
    n = len(y)
    return order_correlations(readout, np.eye(n), y[random_orders(n, N_DRAWS, seed=seed)])


def _random_levels(readout: Readout, indicators: Array, seed: int) -> Array:
    levels = rng_for(seed, "random levels").standard_normal((N_DRAWS, indicators.shape[1]))
    return order_correlations(readout, indicators, levels)


def _standard_error(readout: Readout, goal: ClassOrders, y: Array, seed: int) -> float:
    """Bootstrap over subjects of r minus the mean of its null (on a sample of orders), fits kept; NaN for one row."""
    rng = rng_for(seed, "bootstrap over subjects")
    orders = random_orders(goal.indicators.shape[1], N_BOOT_ORDERS, seed=seed)
    null = (goal.indicators @ goal.means[orders].T) + goal.residual[:, None]
    targets = np.hstack([y[:, None], null])
    rows = predict_targets(readout, targets)
    n = len(rows)
    if n < 2:
        return float("nan")
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOT) / n
    means = (weights @ rows.reshape(n, -1)).reshape(N_BOOT, *rows.shape[1:])
    centred, target = means - means.mean(axis=1, keepdims=True), targets - targets.mean(axis=0)
    scale = np.linalg.norm(centred, axis=1) * np.linalg.norm(target, axis=0)
    r = np.einsum("bcq,cq->bq", centred, target) / scale
    return float(np.std(r[:, 0] - r[:, 1:].mean(axis=1), ddof=1))


def _subject_r(rows: Array, y: Array) -> Array:
    return np.array([pearson(row, y) for row in rows])


@dataclass(frozen=True)
class _Nulls:
    """The observed r, over stimuli and over class means, with every null and its p."""

    r: float
    r_classes: float
    by_stimuli: dict[str, Array]
    by_classes: Array
    p_equal_sizes: float
    exact: bool

    @classmethod
    def of(cls, readout: Readout, goal: ClassOrders, y: Array, *, exact: bool, seed: int) -> "_Nulls":
        """All orders of the classes where ``exact``, else a sample with the observed order in front."""
        n_classes = goal.indicators.shape[1]
        sample = [np.arange(n_classes)[None], random_orders(n_classes, N_DRAWS, seed=seed)]
        orders = all_orders(n_classes) if exact else np.vstack(sample)
        averages = (goal.indicators / goal.indicators.sum(axis=0)).T
        block, by_class = goal.correlations(readout, orders, [np.eye(len(y)), averages])
        kept = slice(None) if exact else slice(1, None)
        nulls = {
            "class block": block[kept],
            "iid": _iid(readout, y, seed),
            "random nine-level": _random_levels(readout, goal.indicators, seed),
        }
        sizes = goal.indicators.sum(axis=0)
        same = (sizes[orders] == sizes).all(axis=1)
        p_equal = float(p_value(block[0], block[same], exact=True)) if exact else float("nan")
        return cls(float(block[0]), float(by_class[0]), nulls, by_class[kept], p_equal, exact)

    def facts(self) -> dict[str, npt.ArrayLike]:
        """Means, ranges and p of the nulls, in the order of ``NULLS``."""
        every = [self.by_stimuli[name] for name in NULLS]
        exact = [self.exact, False, False]
        p = [float(p_value(np.asarray(self.r), null, exact=e)) for null, e in zip(every, exact, strict=True)]
        return {
            "r": self.r,
            "null_mean": [null.mean() for null in every],
            "null_low": [np.quantile(null, 0.025) for null in every],
            "null_high": [np.quantile(null, 0.975) for null in every],
            "p": p,
            "p_equal_sizes": self.p_equal_sizes,
            "r_classes": self.r_classes,
            "null_mean_classes": self.by_classes.mean(),
            "p_classes": float(p_value(np.asarray(self.r_classes), self.by_classes, exact=self.exact)),
            "null_counts": np.histogram(every[0], np.linspace(-1, 1, 81))[0],
        }


def _facts(
    readout: Readout, y: Array, classes: npt.NDArray[np.str_], *, exact: bool, seed: int
) -> dict[str, npt.ArrayLike]:
    """Everything that is said of one goal."""
    goal = ClassOrders.of(y, classes)
    rows = predict_targets(readout, y[:, None])[:, :, 0]
    chosen = chosen_alphas(readout, y[:, None])
    nulls = _Nulls.of(readout, goal, y, exact=exact, seed=seed)
    difference = nulls.r - float(nulls.by_stimuli["class block"].mean())
    half = Z_95 * _standard_error(readout, goal, y, seed)
    return {
        **nulls.facts(),
        "low": difference - half,
        "high": difference + half,
        "predicted": rows.mean(axis=0),
        "r_subject": _subject_r(rows, y),
        "n_values": len(np.unique(np.round((y - y.min()) / (np.ptp(y) or 1.0), 9))),
        "alpha_lowest": np.mean(chosen == 0),
        "alpha_highest": np.mean(chosen == len(readout.alphas) - 1),
    }


_DIMS = {
    **dict.fromkeys(("null_mean", "null_low", "null_high", "p"), ("goal", "null")),
    "predicted": ("goal", "stimulus"),
    "r_subject": ("goal", "subject"),
    "null_counts": ("goal", "bin"),
}


def projection(
    dataset: Dataset, goals: xr.DataArray, *, hold_out: HoldOut, rows: Rows = "subject x clip", seed: int = 0
) -> xr.Dataset:
    """Ridge from responses to values of the stimuli, held out, averaged per stimulus, beside three refitted nulls.

    Parameters
    ----------
    dataset
        Stimuli with the column ``emotion`` and one recording per subject.
    goals
        ``(goal, stimulus)``, see :func:`goals_of`.
    hold_out
        What is new at test: nothing, the subject, the clip, or its whole emotion.
    rows
        Every subject's clips as rows, or the mean over subjects (then ``subject`` cannot be held out).
    seed
        For the folds of subjects, the sampled nulls and the bootstrap.

    Returns
    -------
    xr.Dataset
        For each goal: ``r`` over stimuli; mean and 95 % range of each null and p; ``low``/``high``, the 95 % interval
        (1.96 bootstrap SE over subjects) of r minus the mean of its class-block null; r over class means; predictions;
        r per subject; the histogram of the class-block null over 80 bins from -1 to 1; how many distinct values the
        goal has. The class-block null lists all orders for rows of subjects, and 2,000 for mean rows.

    Raises
    ------
    InvalidInput
        When ids differ, or there are too few groups to hold out.
    """
    data = responses(dataset)
    goals = in_order(goals, data.ids, dataset.name)
    return score_of(
        held_out(data, hold_out, rows=rows, seed=seed), data, goals, hold_out=hold_out, rows=rows, seed=seed
    )


def score_of(
    readout: Readout, data: Responses, goals: xr.DataArray, *, hold_out: HoldOut, rows: Rows, seed: int
) -> xr.Dataset:
    """As :func:`projection`, for a read-out that is there already."""
    exact = rows == "subject x clip"
    facts = [_facts(readout, np.asarray(y, float), data.emotions, exact=exact, seed=seed) for y in goals.values]
    variables = {name: (_DIMS.get(name, ("goal",)), np.array([each[name] for each in facts])) for name in facts[0]}
    subjects = list(data.subjects) if rows == "subject x clip" else ["mean of all"]
    coords = {
        "goal": as_names(goals["goal"].values),
        "null": list(NULLS),
        "stimulus": data.ids,
        "emotion": ("stimulus", data.emotions),
        "subject": subjects,
        "cohort": ("subject", data.cohorts if rows == "subject x clip" else ["all"]),
    }
    variables["fold"] = (("subject", "stimulus"), readout.fold)
    return xr.Dataset(variables, coords, _described(data, hold_out, rows))


def _described(data: Responses, hold_out: HoldOut, rows: Rows) -> dict[str, str | int]:
    return {
        "metric": "pearson r over stimuli, predictions averaged over subjects",
        "cv": f"{CV[hold_out]}; penalty chosen in inner folds of the same kind; predictions pooled over folds",
        "hold_out": hold_out,
        "rows": rows,
        "n_subjects": len(data.subjects),
        "n_stimuli": len(data.ids),
        "n_dropped_targets": len(data.dropped),
    }
