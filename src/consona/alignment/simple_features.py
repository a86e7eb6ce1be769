"""Features that know no meaning: what a model must beat before its score says anything about it."""

import re

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.stimuli import Stimuli
from consona.stats.seeds import rng_for

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
LENGTHS = ("characters", "words", "sentences", "mean word length", "position", "squared position")


def length_features(stimuli: Stimuli) -> Features:
    """Length and position alone: characters, words, sentences, mean word length, and the place in the table.

    Counts are logarithms of one more than the count. The place runs from 0 to 1, with its square. Several texts of one
    stimulus are taken together.

    Raises
    ------
    InvalidInput
        When the stimuli have no text.
    """
    texts = _texts(stimuli)
    words = [_WORD.findall(text) for text in texts]
    place = np.linspace(0.0, 1.0, len(texts))
    columns: list[npt.ArrayLike] = [
        np.log1p([len(text) for text in texts]),
        np.log1p([len(each) for each in words]),
        np.log1p([len(re.findall(r"[.!?…]+", text)) for text in texts]),
        [float(np.mean([len(word) for word in each])) if each else 0.0 for each in words],
        place,
        place**2,
    ]
    return _features(
        np.stack([np.asarray(each) for each in columns], axis=1), stimuli.ids, "length and position", LENGTHS
    )


def bag_of_words(stimuli: Stimuli, *, max_words: int = 2000) -> Features:
    """Which words occur, without order or meaning: log(1 + count) of every word that two stimuli share.

    Case is ignored. Of more than ``max_words`` words, those in most stimuli are kept. Nothing here sees a response.

    Raises
    ------
    InvalidInput
        When the stimuli have no text, or no word occurs in two of them.
    """
    words = [[word.casefold() for word in _WORD.findall(text)] for text in _texts(stimuli)]
    in_stimuli: dict[str, int] = {}
    for each in words:
        for word in set(each):
            in_stimuli[word] = in_stimuli.get(word, 0) + 1
    shared = sorted((word for word, n in in_stimuli.items() if n > 1), key=lambda word: (-in_stimuli[word], word))
    if not shared:
        raise InvalidInput(
            f"No word occurs in two of the {len(words)} stimuli, so a bag of words has nothing to carry over to new "
            "stimuli."
        )
    column = {word: i for i, word in enumerate(shared[:max_words])}
    counts = np.zeros((len(words), len(column)))
    for row, each in enumerate(words):
        for word in each:
            if word in column:
                counts[row, column[word]] += 1
    return _features(np.log1p(counts), stimuli.ids, "bag of words", tuple(column))


def shuffled_within(features: Features, labels: npt.ArrayLike, *, seed: int) -> Features:
    """The same features given to other stimuli of the same group: what the group alone explains.

    Raises
    ------
    InvalidInput
        When the labels are not one per stimulus, or every group is a single stimulus, so that nothing can be shuffled.
    """
    names = as_names(labels)
    if len(names) != len(features):
        raise InvalidInput(f"{len(features)} stimuli and {len(names)} labels; one label per stimulus is needed.")
    order, rng = np.arange(len(names)), rng_for(seed, "shuffled within groups")
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        order[rows] = rng.permutation(rows)
    if len(np.unique(names)) == len(names):
        raise InvalidInput("Every group is a single stimulus; within groups nothing can be shuffled.")
    data = features.data[order].assign_coords(stimulus=features.ids)
    return Features(data.assign_attrs(shuffled="within groups"))


def from_next_run(features: Features, runs: npt.ArrayLike) -> Features:
    """For a time series: the features of the next run at the same place; of a single run, turned by half.

    What a course that every run shares predicts, these predict as well; what the stimuli themselves predict, they do
    not. A run that is shorter than the place asked for starts again.

    Raises
    ------
    InvalidInput
        When there is not one run per stimulus.
    """
    names = as_names(runs)
    if len(names) != len(features):
        raise InvalidInput(f"{len(features)} stimuli and {len(names)} runs; one run per stimulus is needed.")
    rows = [np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())]
    order = np.arange(len(names))
    for own, following in zip(rows, [*rows[1:], rows[0]], strict=True):
        turn = len(own) // 2 if len(rows) == 1 else 0
        order[own] = following[(np.arange(len(own)) + turn) % len(following)]
    data = features.data[order].assign_coords(stimulus=features.ids)
    return Features(data.assign_attrs(shuffled="features of the next run"))


def _texts(stimuli: Stimuli) -> list[str]:
    if "text" not in stimuli:
        raise InvalidInput("These stimuli have no text; controls made of words need the column 'text'.")
    return ["\n".join(text) if isinstance(text, tuple) else str(text) for text in stimuli.table["text"]]


def _features(values: npt.ArrayLike, ids: npt.NDArray[np.str_], name: str, columns: tuple[str, ...]) -> Features:
    array = np.asarray(values, dtype=np.float32)[:, None, :]
    coords = {"stimulus": ids, "layer": [0], "feature": as_names(columns)}
    return Features(xr.DataArray(array, coords, ("stimulus", "layer", "feature"), attrs={"model": name}))
