"""Nouns, verbs and adjectives of equal lengths that come with consona, and have nothing to do with emotion."""

from importlib.resources import as_file, files

from consona.core.stimuli import Stimuli
from consona.datasets.textcorpus import read_table, require_split, require_texts

__all__ = ["WORD_CLASSES", "load_word_classes"]

WORD_CLASSES = ("noun", "verb", "adjective")
SPLITS = ("train", "dev", "test")


def load_word_classes(split: str = "train") -> Stimuli:
    """Single words: columns ``text``, ``word_class`` (noun, verb, adjective) and ``split``; ids are class and word.

    Every split has as many words of each length (4 to 9 letters) in each class: 46, 12 and 30 words per class in train,
    dev and test. :class:`InvalidInput` names the splits there are.
    """
    require_split(split, SPLITS, "The list of words")
    with as_file(files("consona.datasets") / "tables" / "word_classes.csv") as path:
        table = require_texts(read_table(path, ("text", "word_class", "split")), path)
    chosen = table[table["split"] == split]
    return Stimuli(chosen.set_index(chosen["word_class"] + "-" + chosen["text"]))
