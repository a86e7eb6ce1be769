"""The list of words keeps what is said about it."""

from collections import Counter

import pytest
from test_texts import EMOTION_WORDS

from consona.core.errors import InvalidInput
from consona.datasets.goemotions import LABELS
from consona.datasets.word_classes import WORD_CLASSES, load_word_classes


def test_words_are_distinct_matched_in_length_and_without_emotion():
    every = []
    for split, n in (("train", 46), ("dev", 12), ("test", 30)):
        words = load_word_classes(split)
        assert set(words["split"]) == {split}
        lengths = [Counter(len(t) for t, c in zip(words.texts, words["word_class"]) if c == k) for k in WORD_CLASSES]
        assert lengths[0] == lengths[1] == lengths[2]
        assert lengths[0].total() == n
        assert set(lengths[0]) == set(range(4, 10))
        every += words.texts
    assert len(set(every)) == len(every) == 264
    assert not [word for word in every if EMOTION_WORDS.search(word) or word in LABELS]
    with pytest.raises(InvalidInput, match="no split 'all'"):
        load_word_classes("all")
