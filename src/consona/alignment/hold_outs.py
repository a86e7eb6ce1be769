"""How well emotions are told from the EEG of new people, new clips or new emotions, by name of the split."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.core.score import Score
from consona.stats.balanced_accuracy import balanced_accuracy, most_probable
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.pairwise import block_auc, orders_within
from consona.stats.permutation import all_sign_flips, p_value
from consona.stats.splits import ThreeWay

__all__ = ["decoding_accuracy", "held_out_together", "valence_score", "window_accuracy"]

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
N_PERMUTATIONS = 1000


def decoding_accuracy(
    probability: xr.DataArray,
    emotions: npt.ArrayLike,
    *,
    cohorts: npt.ArrayLike,
    split: ThreeWay,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> Score:
    """Balanced accuracy of each subject over clips, for emotions of which ``probability`` is largest.

    Parameters
    ----------
    probability
        ``(subject, stimulus, emotion)``, held out; NaN where a row was not tested. The coordinate ``emotion`` names the
        classes.
    emotions
        The emotion of each stimulus.
    cohorts
        The cohort of each subject.
    split
        What was held out: its name becomes the ``cv`` of the score.
    n_permutations
        Orders of whole clips under the null, within the blocks of clips that are held out together and the same for all
        subjects: who saw the same clips answers alike, also where a classifier knows nothing of emotions.
    seed
        Of these orders.

    Returns
    -------
    Score
        ``accuracy`` over ``(subject, attribute)`` with ``attribute = clip`` and the coordinate ``cohort``; ``attrs``
        hold the mean, its interval (subjects drawn again), ``by_cohort``, ``p`` and the mean of the null, ``chance``,
        and what the checks read.

    Raises
    ------
    InvalidInput
        When dimensions, numbers or names of classes do not fit, or rows were tested that the split does not test.
    """
    values, labels = _aligned(probability, emotions, cohorts, split)
    return _accuracy({"clip": values}, labels, (probability, as_names(cohorts)), split, (n_permutations, seed))


def window_accuracy(
    probability: xr.DataArray,
    emotions: npt.ArrayLike,
    *,
    cohorts: npt.ArrayLike,
    split: ThreeWay,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> Score:
    """As :func:`decoding_accuracy` for ``probability (subject, stimulus, window, emotion)``: windows beside clips.

    ``attribute = window`` is the balanced accuracy of single windows, averaged over the windows of a clip; ``clip``
    that of the mean probability over the windows. Windows of a clip stay together under the null.
    """
    if "window" not in probability.dims:
        raise InvalidInput(
            f"Single windows need the dimension 'window'; found {probability.dims}. Give the probabilities of the "
            "windows, or use decoding_accuracy."
        )
    windows = [
        _aligned(each.drop_vars("window", errors="ignore"), emotions, cohorts, split) for each in _each(probability)
    ]
    labels = windows[0][1]
    values = np.stack([each for each, _ in windows])
    means = {"window": values, "clip": values.mean(axis=0)}
    return _accuracy(means, labels, (probability, as_names(cohorts)), split, (n_permutations, seed))


def valence_score(
    probability: xr.DataArray,
    emotions: npt.ArrayLike,
    levels: Mapping[str, int],
    *,
    cohorts: npt.ArrayLike,
    split: ThreeWay,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> Score:
    """Does the probability of the positive emotions tell positive from negative clips? AUC within subject and fold.

    Made for :func:`consona.stats.splits.emotion_folds`, where neither emotion of the tested pair was in training: what
    is carried over is valence, or what goes with it. For new clips and new people it works as well.

    Parameters
    ----------
    probability
        As in :func:`decoding_accuracy`; summed over the emotions whose level is 1.
    emotions
        The emotion of each stimulus.
    levels
        -1, 0 or 1 for each emotion; clips of level 0 are not compared.
    cohorts, split, n_permutations, seed
        As in :func:`decoding_accuracy`.

    Returns
    -------
    Score
        ``auc`` over ``(subject, attribute)`` with ``attribute = valence``; ``attrs`` as in :func:`decoding_accuracy`.
        Clips of one emotion are alike, and a left-out pair is told apart by chance in one direction or the other: where
        pairs are left out, ``by_pair`` holds the AUC of each, and ``p_pairs`` exchanges both emotions of a pair, all
        ``2^n`` ways, so four pairs cannot give less than 1/16. Several draws of pairs (seeds of the split) tell more.

    Raises
    ------
    InvalidInput
        As :func:`decoding_accuracy`, or when an emotion has no level.
    """
    names, own = as_names(probability["emotion"].values), as_names(emotions)
    unknown = [name for name in dict.fromkeys([*names.tolist(), *own.tolist()]) if name not in levels]
    if unknown or not set(levels.values()) <= {-1, 0, 1}:
        raise InvalidInput(
            f"Levels are -1, 0 or 1; found {listed(sorted(set(levels.values())))}, and no level for the emotions "
            f"{listed(unknown) or 'none'}. Give each emotion its level."
        )
    values, signs = _checked(probability, len(own), cohorts, split), np.array([levels[name] for name in own])
    positive = values[..., [levels[name] == 1 for name in names]].sum(axis=-1)
    blocks = held_out_together(split)
    orders = orders_within(blocks, n_permutations, seed=seed)
    observed = block_auc(positive, signs[None], blocks)[0]
    null = block_auc(positive, signs[orders], blocks)[..., None]
    score = _score("auc", {"valence": observed}, null, (probability, as_names(cohorts)), split)
    score.attrs.update(_pairs(positive, own, signs, blocks))
    return score


def _pairs(positive: Array, own: Names, signs: npt.NDArray[np.intp], blocks: npt.NDArray[np.intp]) -> dict[str, object]:
    """AUC of every block that is one negative and one positive emotion; nothing where blocks are something else."""
    found: dict[str, float] = {}
    for block in np.unique(blocks):
        rows = blocks == block
        below, above = (np.unique(own[rows & (signs == sign)]).tolist() for sign in (-1, 1))
        if len(below) == len(above) == 1:
            each = block_auc(positive[:, rows], signs[None, rows], blocks[rows])
            found[f"{below[0]} | {above[0]}"] = float(np.nanmean(each))
        elif below or above:
            return {}
    if not found:
        return {}
    effect = np.array(list(found.values())) - 0.5
    null = all_sign_flips(len(effect)) @ effect
    return {"by_pair": found, "p_pairs": float(p_value(float(effect.sum()), null, exact=True))}


def _each(probability: xr.DataArray) -> list[xr.DataArray]:
    return [probability.isel(window=i) for i in range(probability.sizes["window"])]


def _accuracy(
    values: dict[str, Array],
    labels: npt.NDArray[np.intp],
    facts: tuple[xr.DataArray, Names],
    split: ThreeWay,
    draws: tuple[int, int],
) -> Score:
    """``values`` are probabilities ``(…, n_subjects, n_stimuli, n_classes)``; what stands in front is averaged."""
    orders = orders_within(held_out_together(split), draws[0], seed=draws[1])
    observed, null = {}, []
    for name, each in values.items():
        predicted = most_probable(each)
        observed[name] = _over_windows(balanced_accuracy(predicted, labels))
        null.append(np.stack([_over_windows(balanced_accuracy(predicted[..., order], labels)) for order in orders]))
    score = _score("balanced accuracy", observed, np.stack(null, axis=-1), facts, split)
    score.attrs["chance"] = 1.0 / len(np.unique(labels))
    return score


def _over_windows(accuracy: Array) -> Array:
    return accuracy if accuracy.ndim == 1 else accuracy.mean(axis=0)


def _aligned(
    probability: xr.DataArray, emotions: npt.ArrayLike, cohorts: npt.ArrayLike, split: ThreeWay
) -> tuple[Array, npt.NDArray[np.intp]]:
    names, own = as_names(emotions), as_names(probability["emotion"].values)
    unknown = sorted(set(names.tolist()) - set(own.tolist()))
    if unknown:
        raise InvalidInput(
            f"The probabilities are about {listed(own, 12)}; there are stimuli of {listed(unknown)}. A class that was "
            "never in training cannot be named: leave its stimuli out, or use valence_score."
        )
    labels = np.array([own.tolist().index(name) for name in names], dtype=np.intp)
    return _checked(probability, len(names), cohorts, split), labels


def _checked(probability: xr.DataArray, n_stimuli: int, cohorts: npt.ArrayLike, split: ThreeWay) -> Array:
    dims = ("subject", "stimulus", "emotion")
    if set(probability.dims) != set(dims):
        raise InvalidInput(
            f"Probabilities have the dimensions {dims}; found {probability.dims}. Select one snapshot or seed, or take "
            "the mean over them, first."
        )
    values = np.asarray(probability.transpose(*dims).values, dtype=np.float64)
    shape, tested = values.shape[:2], split.test.any(axis=0)
    if not shape == tested.shape == (len(as_names(cohorts)), n_stimuli):
        raise InvalidInput(
            f"Probabilities hold {shape[0]} subjects and {shape[1]} stimuli, the split {tested.shape[0]} and "
            f"{tested.shape[1]}, and there are {len(as_names(cohorts))} cohorts and {n_stimuli} labels of stimuli. "
            "Align them first."
        )
    further = np.isfinite(values).all(axis=-1) & ~tested
    if further.any():
        raise InvalidInput(
            f"{int(further.sum())} rows have probabilities and are not tested by the split '{split.name}'; they may be "
            "training rows. Set them to NaN, or give the split they come from."
        )
    return values


def held_out_together(split: ThreeWay) -> npt.NDArray[np.intp]:
    """The block of each stimulus, ``(n_stimuli,)``: those that the same folds test."""
    return np.unique(split.test.any(axis=1).T, axis=0, return_inverse=True)[1].reshape(-1)


def _score(
    metric: str, observed: dict[str, Array], null: Array, facts: tuple[xr.DataArray, Names], split: ThreeWay
) -> Score:
    """``null (n_permutations, n_subjects, n_attributes)``."""
    probability, cohorts = facts
    table = np.stack(list(observed.values()), axis=1)
    coords = {
        "subject": as_names(probability["subject"].values),
        "cohort": ("subject", cohorts),
        "attribute": list(observed),
    }
    dims = ("subject", "attribute")
    mean, null_mean = np.nanmean(table, axis=0), np.nanmean(null, axis=1)
    low, high = bootstrap_interval(table, seed=0)
    summary = {
        "mean": mean,
        "low": low,
        "high": high,
        "half_width": (high - low) / 2,
        "null_mean": null_mean.mean(axis=0),
    }
    attrs: dict[str, object] = {name: each.tolist() for name, each in summary.items()}
    attrs |= {
        "p": p_value(mean, null_mean).tolist(),
        "smallest_p": 1.0 / (len(null) + 1),
        "null": "labels of whole clips exchanged within the clips held out together, the same for all subjects",
        "by_cohort": {str(c): np.nanmean(table[cohorts == c], axis=0).tolist() for c in np.unique(cohorts)},
        "n_subjects": int(np.isfinite(table).all(axis=1).sum()),
    }
    attrs |= _held_out(split, probability) | {k: v for k, v in probability.attrs.items() if k in ("scaling", "note")}
    return Score(
        xr.DataArray(table, coords, dims),
        metric,
        split.name,
        xr.DataArray(null, coords, ("permutation", *dims)),
        attrs=attrs,
    )


def _held_out(split: ThreeWay, probability: xr.DataArray) -> dict[str, object]:
    """What is new at test, and the names of it on both sides of every fold."""
    new = {"stimulus": not split.shares_stimuli, "subject": not split.shares_subjects}
    names = {name: as_names(probability[name].values) for name in new}

    def named(rows: npt.NDArray[np.bool_]) -> list[str]:
        found = {"stimulus": rows.any(axis=0), "subject": rows.any(axis=1)}
        return [str(each) for name, is_new in new.items() if is_new for each in names[name][found[name]]]

    pairs = zip(split.train, split.test, strict=True)
    folds = [{"train": named(train), "test": named(test)} for train, test in pairs]
    words = " and ".join(name for name, is_new in new.items() if is_new)
    return {"held_out": words or "rows", "shares_stimuli": split.shares_stimuli, "folds": folds}
