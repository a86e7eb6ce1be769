"""Comments with several labels: who carries which emotion, and balanced items for tests of inference."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_dims
from consona.core.stimuli import Stimuli
from consona.stats.seeds import rng_for

__all__ = ["balanced_items", "comment_labels", "equal_labels", "sampled_comments", "unseen_comments"]

LABELS = "labels"
NEUTRAL = "neutral"
LEAST = 30
"""An emotion with fewer carriers in a split is shown and not tested."""


def comment_labels(stimuli: Stimuli, names: Sequence[str]) -> xr.DataArray:
    """Which comment carries which emotion: bool ``(stimulus, emotion)``, from the column ``labels`` (joined by commas).

    Raises
    ------
    InvalidInput
        When there is no such column, a name repeats, or no comment carries it.
    """
    wanted = as_names(list(names))
    if len(wanted) == 0 or len(set(wanted.tolist())) < len(wanted):
        raise InvalidInput(f"Emotions must be named, each once; found {listed(wanted, 30)}. Check the names.")
    labels = _carried(stimuli, wanted)
    empty = wanted[~labels.any(axis=0)]
    if len(empty):
        known = sorted({name for each in stimuli[LABELS] for name in str(each).split(",")})
        raise InvalidInput(
            f"None of the {len(stimuli)} comments carries {listed(empty)}; their labels are {listed(known, 30)}. "
            "Check the spelling of the emotions, or take more comments."
        )
    coords = {"stimulus": stimuli.ids, "emotion": wanted}
    return xr.DataArray(labels, coords, ("stimulus", "emotion"), name="labels")


def equal_labels(labels: xr.DataArray, *, seed: int) -> xr.DataArray:
    """The same number of comments for every emotion, each carrying one emotion alone: bool ``(stimulus, emotion)``.

    Means over classes of different sizes have different noise, and classes that share comments share noise; then noise
    alone has a geometry of its own. With equal sizes and no shared comment emotions are exchangeable where activations
    have nothing to do with them. The number is that of the rarest emotion, made even.

    Raises
    ------
    InvalidInput
        When an emotion is carried alone by fewer than two comments.
    """
    require_dims(labels, ("stimulus", "emotion"), "Labels")
    told = np.asarray(labels.values, dtype=bool)
    alone = told & (told.sum(axis=1) == 1)[:, None]
    names = as_names(labels["emotion"].values)
    n = int(alone.sum(axis=0).min()) // 2 * 2
    if n < 2:
        few = names[alone.sum(axis=0) < 2]
        raise InvalidInput(
            f"Fewer than two comments carry {listed(few)} alone; concepts are means over comments of one emotion. Take "
            "more comments."
        )
    kept = np.column_stack([_drawn(alone[:, i], n, seed, f"equal {name}") for i, name in enumerate(names.tolist())])
    return labels.copy(data=kept)


def sampled_comments(stimuli: Stimuli, names: Sequence[str], *, n_each: int, seed: int) -> Stimuli:
    """Up to ``n_each`` carriers of every emotion and ``n_each`` neutral comments, in corpus order, no text twice.

    A comment that is drawn for one emotion may carry others, so that frequent companions have more carriers. The draw
    of an emotion does not depend on which others are asked for. Neutral are comments with that label alone.

    Raises
    ------
    InvalidInput
        As :func:`comment_labels`; when ``n_each`` is below 1.
    """
    _require_count(n_each, 1)
    distinct = _distinct(stimuli)
    labels = comment_labels(distinct, names)
    kept = _neutral(distinct, n_each, seed)
    for name in labels["emotion"].values.tolist():
        kept |= _drawn(labels.sel(emotion=name).values, n_each, seed, name)
    return distinct.select(kept)


def unseen_comments(stimuli: Stimuli, *others: Stimuli) -> Stimuli:
    """The comments whose text is in none of the other splits (letters in lower case, white space reduced).

    Raises
    ------
    InvalidInput
        When none is left.
    """
    known = {text for other in others for text in _plain(other)}
    unseen = np.array([text not in known for text in _plain(stimuli)])
    if not unseen.any():
        raise InvalidInput(f"All {len(stimuli)} comments are in the other splits as well. Take different splits.")
    return stimuli.select(unseen)


def balanced_items(stimuli: Stimuli, names: Sequence[str], *, n_each: int, seed: int) -> xr.Dataset:
    """Items of one yes-or-no question per emotion: half of the comments carry it, half carry another or none.

    At most ``n_each`` items per emotion, of distinct texts: carriers, then as many comments without the emotion. The
    latter are drawn from the carriers of all other emotions and ``n_each / 2`` neutral comments, so that emotions share
    comments and a model reads fewer of them.

    Returns
    -------
    xr.Dataset
        ``stimulus (emotion, item)``: ids, empty where there are fewer; ``label (emotion, item)``: 1, 0, or -1 where
        there is no item. Coordinates of ``emotion``: ``n_available`` carriers in these stimuli (distinct texts) and
        ``tested``, whether these are at least 30.

    Raises
    ------
    InvalidInput
        As :func:`comment_labels`; when ``n_each`` is below 2, or an emotion has no comment without it.
    """
    _require_count(n_each, 2)
    distinct = _distinct(stimuli)
    labels = comment_labels(distinct, names)
    carried = labels.values
    emotions = labels["emotion"].values.tolist()
    half = n_each // 2
    carriers = [np.flatnonzero(_drawn(carried[:, i], half, seed, name)) for i, name in enumerate(emotions)]
    pool = _neutral(distinct, half, seed)
    pool[np.concatenate(carriers)] = True
    ids = np.full((len(emotions), 2 * half), "", dtype=distinct.ids.dtype)
    label = np.full(ids.shape, -1, dtype=np.int64)
    for i, name in enumerate(emotions):
        without = np.flatnonzero(_drawn(pool & ~carried[:, i], len(carriers[i]), seed, f"without {name}"))
        _require_without(without, name)
        n = min(len(without), len(carriers[i]))
        ids[i, : 2 * n] = distinct.ids[np.concatenate([carriers[i][:n], without[:n]])]
        label[i, : 2 * n] = np.repeat([1, 0], n)
    return _items(ids, label, emotions, carried.sum(axis=0))


def _items(ids: np.ndarray, label: np.ndarray, emotions: list[str], available: np.ndarray) -> xr.Dataset:
    coords = {
        "emotion": emotions,
        "n_available": ("emotion", available.astype(np.int64)),
        "tested": ("emotion", available >= LEAST),
    }
    return xr.Dataset({"stimulus": (("emotion", "item"), ids), "label": (("emotion", "item"), label)}, coords)


def _carried(stimuli: Stimuli, wanted: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    place = {name: i for i, name in enumerate(wanted.tolist())}
    labels = np.zeros((len(stimuli), len(place)), dtype=bool)
    for row, each in enumerate(stimuli[LABELS]):
        labels[row, [place[name] for name in str(each).split(",") if name in place]] = True
    return labels


def _neutral(stimuli: Stimuli, n: int, seed: int) -> npt.NDArray[np.bool_]:
    return _drawn(np.asarray(stimuli[LABELS] == NEUTRAL), n, seed, NEUTRAL)


def _drawn(among: npt.NDArray[np.bool_], n: int, seed: int, name: str) -> npt.NDArray[np.bool_]:
    """At most ``n`` of the marked rows, as marks."""
    rows = np.flatnonzero(among)
    chosen = rng_for(seed, "comments", name).permutation(rows)[:n]
    marks = np.zeros(len(among), dtype=bool)
    marks[chosen] = True
    return marks


def _plain(stimuli: Stimuli) -> list[str]:
    return [" ".join(text.lower().split()) for text in stimuli.texts]


def _distinct(stimuli: Stimuli) -> Stimuli:
    again = pd.Series(_plain(stimuli)).duplicated().to_numpy()
    return stimuli.select(~again)


def _require_count(n_each: int, least: int) -> None:
    if n_each < least:
        raise InvalidInput(f"n_each is {n_each}; at least {least} comments per emotion are needed.")


def _require_without(without: np.ndarray, name: str) -> None:
    if len(without) == 0:
        raise InvalidInput(
            f"Every comment that was drawn carries '{name}'; a question needs comments without it. Give stimuli with "
            "other emotions or neutral ones."
        )
