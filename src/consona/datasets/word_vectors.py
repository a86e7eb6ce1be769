"""Vectors of single words (fastText, GloVe): read from their text files, only the words that are asked for."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.datasets.coco_categories import CATEGORY_WORDS, categories_of
from consona.datasets.locate import sha256

__all__ = ["category_vectors", "load_word_vectors", "mean_word_vectors"]


def load_word_vectors(path: Path | str, words: Iterable[str]) -> xr.DataArray:
    """The vectors of these words, ``(word, feature)``, float32, in their order, each once.

    The file is read line by line and never held: two gigabytes take as much memory as the words that were asked for.
    Both forms are read: with a first line of two numbers (fastText ``.vec``), and without (GloVe ``.txt``).

    Parameters
    ----------
    path
        A text file with a word and its numbers per line.
    words
        Words as the file spells them; capital letters count.

    Returns
    -------
    xr.DataArray
        Words that the file does not hold are left out; ``attrs`` count them in ``n_missing`` and name ``file`` and its
        ``sha256``.

    Raises
    ------
    MissingData
        When there is no such file.
    InvalidInput
        When none of the words is in it, or a line that is needed holds no numbers or another count; its row is named.
    """
    place = Path(path)
    if not place.is_file():
        raise MissingData(
            f"There are no word vectors at '{place}'. Download crawl-300d-2M.vec (fastText) or glove.840B.300d.txt."
        )
    wanted = list(dict.fromkeys(words))
    found = dict(_rows(place, {word.encode() for word in wanted}))
    there = [word for word in wanted if word in found]
    if not there:
        raise InvalidInput(f"'{place.name}' holds none of the {len(wanted)} words ({listed(wanted)}). Is it English?")
    attrs = {"file": place.name, "sha256": sha256(place), "n_missing": len(wanted) - len(there)}
    values = np.array([found[word] for word in there])
    return xr.DataArray(values, {"word": there}, ("word", "feature"), name="word_vectors", attrs=attrs)


def _rows(place: Path, wanted: set[bytes]) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Wanted words with their vectors, the first of each."""
    left, n_features = set(wanted), 0
    with place.open("rb") as file:
        for row, line in enumerate(file):
            if row == 0 and len(line.split()) == 2:
                n_features = _width(line, place)
                continue
            n_features = n_features or len(line.split()) - 1
            if line[: line.find(b" ")] in left:
                # a word of GloVe may hold blanks (". . ."), so numbers are counted from the end
                word, *numbers = line.rstrip().rsplit(b" ", n_features)
                if b" " not in word:
                    left.discard(word)
                    yield word.decode(), _vector(numbers, n_features, f"row {row + 1} of '{place.name}'")
            if not left:
                return


def _width(line: bytes, place: Path) -> int:
    try:
        return int(line.split()[1])
    except ValueError:
        raise InvalidInput(
            f"The first line of '{place.name}' is {line[:40]!r}: neither two numbers nor a vector."
        ) from None


def _vector(numbers: list[bytes], n_features: int, where: str) -> npt.NDArray[np.float32]:
    try:
        values = np.array([float(each) for each in numbers], dtype=np.float32)
    except ValueError:
        values = np.array([], dtype=np.float32)
    if len(values) != n_features or not np.isfinite(values).all():
        raise InvalidInput(f"A vector is cut short or no number: {where} holds {len(numbers)} of {n_features} numbers.")
    return values


def mean_word_vectors(stimuli: Stimuli, vectors: xr.DataArray) -> Features:
    """The mean vector of the words of each stimulus, one layer; words without a vector are passed over.

    Parameters
    ----------
    stimuli
        With the column ``text``: the tuple of words that :func:`consona.datasets.caption_ladder.ladder` made, or any
        texts, which are split at blanks.
    vectors
        Of :func:`load_word_vectors`.

    Returns
    -------
    Features
        Coordinates along stimulus: ``n_words`` that had a vector, ``n_missing`` that had none.

    Raises
    ------
    InvalidInput
        When no word of a stimulus has a vector; it is named.
    """
    rows = [(text,) if isinstance(text, str) else text for text in stimuli.table["text"]] if "text" in stimuli else None
    if rows is None:
        raise InvalidInput(f"Words stand in the column 'text'; there are {listed(stimuli.table.columns)}.")
    return _means(stimuli, [[(word,) for text in row for word in text.split()] for row in rows], vectors)


def category_vectors(stimuli: Stimuli, vectors: xr.DataArray, column: str = "categories") -> Features:
    """The mean vector of the categories of each stimulus, as :func:`mean_word_vectors`.

    A category of several words is their mean; ten are put in other words first
    (:data:`consona.datasets.coco_categories.CATEGORY_WORDS`). A stimulus without any counts as ``something``.
    """
    rows = [
        [CATEGORY_WORDS.get(name, tuple(name.split())) for name in names or ("something",)]
        for names in categories_of(stimuli, column)
    ]
    return _means(stimuli, rows, vectors)


def _means(stimuli: Stimuli, rows: list[list[tuple[str, ...]]], vectors: xr.DataArray) -> Features:
    """Means over the things of a stimulus, each the mean of its words."""
    table = dict(zip(as_names(vectors["word"].values).tolist(), np.asarray(vectors.values, dtype=np.float64)))
    made = np.full((len(rows), vectors.sizes["feature"]), np.nan)
    known = np.zeros(len(rows), dtype=int)
    for i, things in enumerate(rows):
        there = [[table[word] for word in words if word in table] for words in things]
        means = [np.mean(each, axis=0) for each in there if each]
        known[i] = len(means)
        if means:
            made[i] = np.mean(means, axis=0)
    if not known.all():
        raise InvalidInput(
            f"No word of {listed(stimuli.ids[known == 0])} has a vector. Load the vector of a stand-in as well "
            "('something'), or leave these stimuli out."
        )
    missing = np.array([len(things) for things in rows]) - known
    coords = {
        "stimulus": stimuli.ids,
        "layer": [0],
        "n_words": ("stimulus", known),
        "n_missing": ("stimulus", missing),
    }
    attrs = {"model": str(vectors.attrs.get("file", "word vectors")), "n_missing": int(missing.sum())}
    return Features(xr.DataArray(made[:, None], coords, ("stimulus", "layer", "feature"), attrs=attrs))
