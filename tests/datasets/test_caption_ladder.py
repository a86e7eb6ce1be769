"""A rung takes away what it says and nothing else; taggers, categories and word vectors say what they are."""

import json
import pickle
import shutil
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import textblob
from scipy.spatial.distance import pdist

from consona.core.errors import ConfigError, InvalidInput, MissingData, MissingExtra, ModelError
from consona.core.stimuli import Stimuli
from consona.datasets import part_of_speech as tagging
from consona.datasets.caption_ladder import ladder
from consona.datasets.coco_categories import COCO_91, COCO_CATEGORIES, categories_of, category_number, multi_hot
from consona.datasets.part_of_speech import part_of_speech, parts_of_speech
from consona.datasets.word_vectors import category_vectors, load_word_vectors, mean_word_vectors

CAPTIONS = [
    ("A woman feeds three brown horses near a wooden fence.", "TWO HORSES EATING GRASS", "Horses & a woman!"),
    ("Very slowly, and then not at all.",),
]


def captioned(rows=CAPTIONS, **columns) -> Stimuli:
    names = [f"image{i}" for i in range(len(rows))]
    table = {"text": pd.Series(rows, index=names, dtype=object)}
    return Stimuli(pd.DataFrame(table | {key: pd.Series(v, index=names) for key, v in columns.items()}))


def texts(rung, **options):
    return list(ladder(captioned(), rung, **options).table["text"])


def test_captions_are_kept_joined_or_reduced_to_the_first():
    assert texts("caption mean") == CAPTIONS
    assert texts("single caption") == [row[:1] for row in CAPTIONS]
    assert texts("joined")[0] == (" ".join(CAPTIONS[0]),)
    # of other images nothing is needed
    assert list(ladder(captioned(CAPTIONS[1:]), "joined").table["text"]) == [CAPTIONS[1]]


def test_scrambling_moves_words_and_nothing_else():
    made = ladder(captioned(), "scrambled", seed=4)
    assert len(made) == 2
    for row, before in zip(made.table["text"], CAPTIONS):
        for text, caption in zip(row, before):
            assert Counter(text.rstrip(".!").split()) == Counter(caption.rstrip(".!").split())
            assert text[-1] == caption[-1] or caption[-1].isalpha()
    assert made.table["text"].iloc[0][0] != CAPTIONS[0][0]
    # the same seed, the same order, whatever the company
    alone = ladder(captioned().select(["image1"]), "scrambled", seed=4)
    assert alone.table["text"].iloc[0] == made.table["text"].iloc[1]
    assert texts("scrambled", seed=5) != texts("scrambled", seed=4) == list(made.table["text"])


def test_every_order_of_words_is_equally_likely():
    n = 600
    rows = [("red blue green",)] * n
    orders = Counter(row[0] for row in ladder(captioned(rows), "scrambled").table["text"])
    assert len(orders) == 6
    # chi-squared with 5 degrees of freedom: above 20.5 once in a thousand
    assert sum((count - n / 6) ** 2 / (n / 6) for count in orders.values()) < 20.5


def test_words_by_part_of_speech_are_single_or_joined_and_stand_ins_are_counted():
    assert texts("word average")[1] == ("very", "slowly", "and", "then", "not", "at", "all")
    nouns = ladder(captioned(), "nouns")
    expected = ("woman", "horses", "fence", "horses", "grass", "horses", "woman")
    assert list(nouns.table["text"]) == [expected, ("something",)]
    assert nouns["fallback"].tolist() == [False, True]
    assert nouns["n_words"].tolist() == [7, 1]
    assert texts("nouns", mode="paper") == [(" ".join(expected),), ("something",)]
    assert texts("verbs", mode="released")[1] == ("is",)
    assert "feeds" in texts("verbs")[0]
    assert set(texts("adjectives")[0]) == {"brown", "wooden"}


def test_category_words_are_one_text():
    made = ladder(captioned(categories=['["fire hydrant", "dog"]', "[]"]), "category words")
    assert list(made.table["text"]) == [("fire hydrant dog",), ("something",)]
    assert made["fallback"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("rows", "rung", "said"),
    [
        ([("a dog",), ()], "nouns", "image1"),
        ([("a dog",), ("a cat", " . ")], "scrambled", "image1"),
        ([("a dog",)], "haiku", "no rung 'haiku'; there are caption mean"),
        ([("a dog",)], "category words", "no column 'categories'"),
    ],
)
def test_what_has_no_caption_or_no_rung_is_named(rows, rung, said):
    with pytest.raises(InvalidInput, match=said):
        ladder(captioned(rows), rung)


def test_the_tagger_unpickles_and_downloads_nothing(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a pickle was opened or something fetched")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr("nltk.download", refuse)
    tags = part_of_speech("Two dogs ran along a narrow beach.")
    assert tags == [
        ("two", "CD"),
        ("dogs", "NNS"),
        ("ran", "VBD"),
        ("along", "IN"),
        ("a", "DT"),
        ("narrow", "JJ"),
        ("beach", "NN"),
        (".", "."),
    ]


def test_other_tables_are_refused(tmp_path):
    place = tmp_path / "en"
    shutil.copytree(tagging.Path(textblob.__file__).parent / "en", place)
    tagging.require_tables(place)
    with (place / "en-context.txt").open("a") as file:
        file.write("NN VB PREVTAG TO\n")
    with pytest.raises(ModelError, match=r"en-context.txt is not that of textblob 0.20.1"):
        tagging.require_tables(place)


def test_a_spacy_model_is_used_where_there_is_one(monkeypatch):
    def load(name, *, exclude):
        if name != "en_small":
            raise OSError(name)

        def pipe(texts):
            words = [[SimpleNamespace(text=w, tag_="NN", is_space=False) for w in text.split()] for text in texts]
            return iter([*words[:1], *words[1:]])

        return SimpleNamespace(pipe=pipe)

    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=load))
    assert parts_of_speech(["A dog"], tagger="spacy:en_small") == [[("a", "NN"), ("dog", "NN")]]
    with pytest.raises(MissingExtra, match="python -m spacy download en_large"):
        parts_of_speech(["A dog"], tagger="spacy:en_large")
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtra, match="spacy"):
        parts_of_speech(["A dog"], tagger="spacy:en_small")
    with pytest.raises(ConfigError, match="no tagger 'guess'"):
        parts_of_speech(["A dog"], tagger="guess")


def test_coco_has_eighty_categories_in_ninety_places():
    assert (len(COCO_91), len(COCO_CATEGORIES)) == (91, 80)
    numbers = {name: category_number(name) for name in COCO_CATEGORIES}
    # as in the annotations of 2017
    known = {"person": 1, "stop sign": 13, "bench": 15, "zebra": 24, "dining table": 67, "tv": 72, "toothbrush": 90}
    assert known.items() <= numbers.items()
    assert sorted(set(range(1, 91)) - set(numbers.values())) == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    with pytest.raises(InvalidInput, match="'unicorn' is no category"):
        category_number("unicorn")


def test_released_vectors_are_one_place_off_their_list_and_alike_as_geometry():
    stimuli = captioned([("a",)] * 3, categories=["person, hot dog", '["dog", "cat"]', "toothbrush"])
    ours, theirs = multi_hot(stimuli), multi_hot(stimuli, mode="released")
    place = np.flatnonzero(theirs.layer(0)[2])
    # the place is COCO's number, so the list of names, which is counted from 0, says another thing there
    assert place == [category_number("toothbrush")] == [90]
    assert COCO_91[place[0]] == "hair brush"
    for features, name in ((ours, "toothbrush"), (theirs, "toothbrush")):
        row = features.data.sel(stimulus="image2", layer=0)
        assert row["name"].values[row.values > 0].tolist() == [name]
    np.testing.assert_array_equal(pdist(ours.layer(0), "correlation"), pdist(theirs.layer(0), "correlation"))
    assert ours.data["n_categories"].values.tolist() == [2, 2, 1]
    with pytest.raises(InvalidInput, match="no place in the released"):
        multi_hot(captioned([("a",)], categories=["hair brush"]), mode="released")
    with pytest.raises(InvalidInput, match="'image0' shows 'unicorn'"):
        multi_hot(captioned([("a",)], categories=["unicorn"]))


def test_categories_are_read_from_lists_and_texts():
    columns = ['["hot dog"]', "hot dog", "hot dog, cat", "dog cat", "", "[]"]
    expected = [("hot dog",), ("hot dog",), ("hot dog", "cat"), ("dog", "cat"), (), ()]
    assert categories_of(captioned([("a",)] * 6, categories=columns)) == expected
    for bad in ('["dog"', '[["dog"]]'):
        with pytest.raises(InvalidInput, match="image0"):
            categories_of(captioned([("a",)], categories=[bad]))


VECTORS = {"dog": [1, 2, 3], "cat": [0, 0, 6], "something": [9, 9, 9], "baseball": [2, 0, 0], "bat": [0, 2, 0]}


@pytest.fixture
def vectors(tmp_path):
    """``vectors(rows, header=...)``: a file of word vectors."""

    def write(rows, header=True):
        lines = [f"{len(rows)} 3"] * header + rows
        (tmp_path / "some.vec").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / "some.vec"

    return write


ROWS = [f"{word} {' '.join(map(str, values))}" for word, values in VECTORS.items()]


@pytest.mark.parametrize("header", [True, False])
def test_only_the_words_asked_for_are_read(vectors, header):
    path = vectors(["the 5 5 5", ". . 7 7 7", *ROWS, "dog 8 8 8", "broken 1"], header)
    found = load_word_vectors(path, ["cat", "dog", "unicorn", "cat"])
    assert found["word"].values.tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(found, [[0, 0, 6], [1, 2, 3]])
    assert found.attrs["n_missing"] == 1
    with pytest.raises(InvalidInput, match=f"row {9 + header} of 'some.vec' holds 1 of 3 numbers"):
        load_word_vectors(path, ["broken"])
    with pytest.raises(InvalidInput, match="none of the 1 words"):
        load_word_vectors(path, ["Dog"])
    with pytest.raises(MissingData, match=r"other\.vec"):
        load_word_vectors(path.with_name("other.vec"), ["dog"])


def test_words_and_categories_are_averaged_and_gaps_counted(vectors):
    table = load_word_vectors(vectors(ROWS), VECTORS)
    stimuli = captioned([("dog", "cat", "unicorn", "cat"), ("dog",)], categories=['["baseball bat", "dog"]', "[]"])
    found = mean_word_vectors(stimuli, table)
    np.testing.assert_allclose(found.layer(0), [[1 / 3, 2 / 3, 5], [1, 2, 3]], rtol=1e-6)
    assert found.data["n_missing"].values.tolist() == [1, 0]
    named = category_vectors(stimuli, table).layer(0)
    np.testing.assert_allclose(named, [[1, 1.5, 1.5], [9, 9, 9]])  # the bat is the mean of its two words
    with pytest.raises(InvalidInput, match="image0"):
        mean_word_vectors(captioned([("unicorn",)]), table)


def test_three_real_images_have_captions_without_a_verb(data_folder):
    path = data_folder / "nsd_captions" / "derived_ms_coco_nsd_captions_val.json"
    stimuli = captioned([tuple(row) for row in json.loads(path.read_text())])
    verbs = ladder(stimuli, "verbs")
    assert len(stimuli) == 2051
    assert verbs["fallback"].sum() == 3
    assert set(verbs.table["text"][verbs["fallback"]]) == {("is",)}
