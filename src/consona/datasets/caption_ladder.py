"""Captions taken apart step by step: order, words, nouns, categories; what of a sentence is needed for a match?"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.coco_categories import categories_of
from consona.datasets.part_of_speech import DEFAULT_TAGGER, parts_of_speech
from consona.stats.fractional_settings import Mode

__all__ = ["RUNGS", "Rung", "ladder"]

Rung = Literal[
    "caption mean",
    "single caption",
    "joined",
    "scrambled",
    "word average",
    "nouns",
    "verbs",
    "adjectives",
    "category words",
]
RUNGS: tuple[Rung, ...] = get_args(Rung)
# Tags of the Penn Treebank and what stands in where a caption has no such word.
_TAGS = {"nouns": ("NN", "NNS"), "verbs": ("VB",), "adjectives": ("JJ",)}
_FALLBACK = {"nouns": "something", "verbs": "is", "adjectives": "something", "category words": "something"}
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_CLOSING = ".!?"


def ladder(
    captions: Stimuli,
    rung: Rung,
    *,
    seed: int = 0,
    mode: Mode = "corrected",
    tagger: str = DEFAULT_TAGGER,
) -> Stimuli:
    """The texts of one rung, a tuple per stimulus: each is to be embedded by itself, and the embeddings averaged.

    ================  ==================================================================================
    caption mean      the captions as they are
    single caption    the first
    joined            all in one text
    scrambled         each with its words in random order (the closing mark stays at the end)
    word average      every word of all captions by itself, as often as it stands there
    nouns             words tagged NN and NNS; where there is none: ``something``
    verbs             words tagged VB and what follows (VBZ, VBG …); else ``is``
    adjectives        words tagged JJ and what follows; else ``something``
    category words    the names of the categories in one text; else ``something``
    ================  ==================================================================================

    Parameters
    ----------
    captions
        With the column ``text``: a tuple of captions, or one; for the category words also ``categories``.
    rung
        One of :data:`RUNGS`.
    seed
        Of the random orders. The order of a caption depends on seed, stimulus and place only, not on its company.
    mode
        ``paper``: nouns, verbs and adjectives are joined to one text; ``released`` and ``corrected``: each word by
        itself.
    tagger
        As in :func:`consona.datasets.part_of_speech.parts_of_speech`.

    Returns
    -------
    Stimuli
        All columns of ``captions``, with ``text`` replaced, and ``rung``, ``n_words`` (of the texts) and ``fallback``
        (whether a stand-in was taken).

    Raises
    ------
    InvalidInput
        When there is no such rung, or a stimulus has no caption or an empty one; it is named.
    """
    if rung not in RUNGS:
        raise InvalidInput(f"There is no rung '{rung}'; there are {', '.join(RUNGS)}.")
    if rung == "category words":
        made = [_in_one(names) for names in categories_of(captions)]
    elif rung in _TAGS:
        made = _of_tags(captions, _TAGS[rung], tagger, joined=mode == "paper")
    else:
        made = _RECIPES[rung](captions, seed)
    fallback = [not texts for texts in made]
    texts = [each or (_FALLBACK[rung],) for each in made]
    n_words = [sum(len(text.split()) for text in each) for each in texts]
    table = captions.to_frame()
    # a list of tuples would become an array of two dimensions where all are equally long
    table["text"] = pd.Series(texts, index=table.index, dtype=object)
    return Stimuli(table.assign(rung=rung, n_words=n_words, fallback=fallback))


def _captions(stimuli: Stimuli) -> list[tuple[str, ...]]:
    if "text" not in stimuli:
        raise InvalidInput(f"Captions stand in the column 'text'; there are {listed(stimuli.table.columns)}.")
    rows = [(text,) if isinstance(text, str) else tuple(text) for text in stimuli.table["text"]]
    bare = [name for name, row in zip(stimuli.ids, rows) if not row or not all(_WORD.search(text) for text in row)]
    if bare:
        raise InvalidInput(
            f"No caption, or one without any word: {listed(bare)}. Drop these stimuli or mend their text."
        )
    return rows


def _of_tags(stimuli: Stimuli, tags: Sequence[str], tagger: str, *, joined: bool) -> list[tuple[str, ...]]:
    """The words with these tags: NN and NNS exactly (not names), verbs and adjectives with all their forms."""
    rows = _captions(stimuli)
    tagged = iter(parts_of_speech([text for row in rows for text in row], tagger=tagger))
    exact = len(tags) > 1
    made = []
    for row in rows:
        pairs = [pair for _ in row for pair in next(tagged)]
        words = tuple(word for word, tag in pairs if _WORD.search(word) and _fits(tag, tags, exact=exact))
        made.append(_in_one(words) if joined else words)
    return made


def _in_one(words: tuple[str, ...]) -> tuple[str, ...]:
    """All words in one text; no text where there is no word."""
    return (" ".join(words),) if words else ()


def _fits(tag: str, tags: Sequence[str], *, exact: bool) -> bool:
    return tag in tags if exact else tag.startswith(tuple(tags))


def _word_average(stimuli: Stimuli, _seed: int) -> list[tuple[str, ...]]:
    return [tuple(word.lower() for text in row for word in _WORD.findall(text)) for row in _captions(stimuli)]


def _scrambled(stimuli: Stimuli, seed: int) -> list[tuple[str, ...]]:
    rows = zip(stimuli.ids, _captions(stimuli))
    return [tuple(_shuffled(text, f"{seed}/{name}/{place}") for place, text in enumerate(row)) for name, row in rows]


def _shuffled(text: str, key: str) -> str:
    """The words in another order, drawn by the key; a closing mark stays where it is."""
    bare = text.strip().rstrip(_CLOSING).rstrip()
    closing = text.strip()[len(bare) :].strip()
    words = bare.split()
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
    order = np.random.default_rng(number).permutation(len(words))
    return " ".join(words[i] for i in order) + closing


_RECIPES: dict[str, Callable[[Stimuli, int], list[tuple[str, ...]]]] = {
    "caption mean": lambda stimuli, seed: _captions(stimuli),
    "single caption": lambda stimuli, seed: [row[:1] for row in _captions(stimuli)],
    "joined": lambda stimuli, seed: [(" ".join(text.strip() for text in row),) for row in _captions(stimuli)],
    "scrambled": _scrambled,
    "word average": _word_average,
}
