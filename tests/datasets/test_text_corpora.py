"""Text corpora on files made in the test: words that look like gaps, odd rows, labels with and without a pole."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.emobank import load_emobank
from consona.datasets.goemotions import LABELS, NEGATIVE, POSITIVE, comments, goemotions_valence, load_goemotions
from consona.datasets.lexicon import load_lexicon
from consona.datasets.sst2 import load_sst2


def written(root, relative, content):
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def test_words_that_look_like_missing_values_stay_words(tmp_path):
    written(
        tmp_path,
        "corpus/emobank.csv",
        'id,split,V,A,D,text\na,dev,3,3,3,None\nb,dev,2,3,3,"n/a, he said"\nc,test,1,2,3,NA\n',
    )
    stimuli = load_emobank(folder=tmp_path).stimuli
    assert stimuli.texts == ["None", "n/a, he said", "NA"]
    assert load_emobank("dev", folder=tmp_path).stimuli.ids.tolist() == ["a", "b"]
    written(tmp_path, "data/SST2/dev.tsv", 'null\t0\n"odd quotes \t1\n<script>alert(1)</script> مرحبا 🎬\t1')
    assert load_sst2("dev", folder=tmp_path).stimuli.texts == [
        "null",
        '"odd quotes ',
        "<script>alert(1)</script> مرحبا 🎬",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("good\t1\nbad\n", r"dev.tsv, line 2: 1 cells"),
        ("good\t1\nbad\t2\n", r"labels '2'; expected 0 and 1"),
        ("good\t1\n \t0\n", r"text of rows '2' is empty"),
        (b"\xff\xfe\t1\n", r"no UTF-8 text"),
    ],
)
def test_odd_rows_are_named(tmp_path, content, message):
    written(tmp_path, "data/SST2/dev.tsv", content)
    with pytest.raises(InvalidInput, match=message):
        load_sst2(folder=tmp_path)


def test_wrong_names_are_answered_with_the_right_ones(tmp_path):
    for load in (load_sst2, load_goemotions, load_emobank):
        with pytest.raises(InvalidInput, match="no split 'valid'"):
            load("valid", folder=tmp_path)
        with pytest.raises(MissingData, match=r"lacks the file .*consona fetch"):
            load(folder=tmp_path)
    with pytest.raises(InvalidInput, match="perspective 'author'"):
        load_emobank(perspective="author", folder=tmp_path)


def test_emobank_by_perspective_is_joined_by_id(tmp_path):
    written(tmp_path, "corpus/emobank.csv", "id,split,V,A,D,text\na,dev,3,3,3,one\nb,dev,3,3,3,two\n")
    written(tmp_path, "corpus/reader.csv", "id,V,A,D,N\nx,9,9,9,1\nb,2,2,2,1\na,1,1,1,1\n")
    assert load_emobank(perspective="reader", folder=tmp_path).stimuli["valence"].tolist() == [1, 2]
    written(tmp_path, "corpus/writer.csv", "id,V,A,D\na,1,1,1\n")
    with pytest.raises(InvalidInput, match=r"writer.csv lacks 1 sentences: 'b'"):
        load_emobank(perspective="writer", folder=tmp_path)
    written(tmp_path, "corpus/emobank.csv", "id,split,V,A,D,text\na,dev,high,3,3,one\n")
    with pytest.raises(InvalidInput, match=r"column 'V' holds no number in rows '1'"):
        load_emobank(folder=tmp_path)


def test_goemotions_labels_become_names(tmp_path):
    written(tmp_path, "data/original/dev.tsv", "I like it\t0,17\tid1\nand so on\t27\tid2\n")
    stimuli = load_goemotions(folder=tmp_path).stimuli
    assert stimuli["labels"].tolist() == ["admiration,joy", "neutral"]
    assert stimuli["n_labels"].tolist() == [2, 1]
    for wrong in ("28", "-1", "joy", ""):
        written(tmp_path, "data/original/dev.tsv", f"I like it\t{wrong}\tid1\n")
        with pytest.raises(InvalidInput, match=r"labels .*numbers from 0 to 27"):
            load_goemotions(folder=tmp_path)


def test_only_comments_with_one_pole_are_kept():
    assert (len(POSITIVE), len(NEGATIVE), len(LABELS)) == (12, 11, 28)
    assert set(LABELS) - POSITIVE - NEGATIVE == {"confusion", "curiosity", "realization", "surprise", "neutral"}
    labels = [
        ("joy",),
        ("joy", "pride"),
        ("joy", "sadness"),
        ("joy", "surprise"),
        ("neutral",),
        ("fear",),
        ("fear", "curiosity"),
    ]
    stimuli = comments([f"text {i}" for i in range(7)], labels, [f"c{i}" for i in range(7)])
    kept = goemotions_valence(stimuli)
    assert kept.ids.tolist() == ["c0", "c1", "c5"]
    assert kept["label"].tolist() == [1, 1, 0]
    with pytest.raises(InvalidInput, match="None of the 2 comments"):
        goemotions_valence(stimuli.select(np.array(["c3", "c4"])))


def test_a_word_list_of_ones_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("# my notes\nword,valence\nnull,-1\ngood,2.5\n")
    dataset = load_lexicon(path)
    assert dataset.stimuli.texts == ["null", "good"]
    assert dataset.stimuli["valence"].tolist() == [-1, 2.5]
    for content, message in (
        ("word,score\ngood,1\n", "missing: 'valence'"),
        ("word,valence\ngood,1\ngood,2\n", "unique and not empty; found 'good'"),
        ("word,valence\ngood,high\n", "no number in rows '1'"),
        ("word,valence\ngood\n", "rows '1' do not have 2 cells"),
        ("", "missing: 'word', 'valence'"),
    ):
        path.write_text(content)
        with pytest.raises(InvalidInput, match=message):
            load_lexicon(path)
    with pytest.raises(MissingData, match="no word list"):
        load_lexicon(tmp_path / "none.csv")
