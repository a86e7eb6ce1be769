"""Sentences of contrasts: those that come with consona, and a user's own list."""

import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.contrast_sentences import CONTRASTS, contrast_ids, load_contrast_sentences


def test_every_contrast_has_ten_sentences_on_each_side():
    sentences = load_contrast_sentences()
    pairs = contrast_ids(sentences)
    assert list(pairs) == list(CONTRASTS)
    assert {len(group) for pair in pairs.values() for group in pair} == {10}
    assert (sentences["group"] == "other").sum() == 44
    assert len(set(sentences.texts)) == len(sentences)


def test_a_list_of_ones_own(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("group\ttext\ntools\tA hammer.\nbirds\tA gull, far out.\ntools\tA saw.\n")
    mine = load_contrast_sentences(path)
    assert contrast_ids(mine, {"x": ("tools", "birds")}) == {"x": (["tools 00", "tools 01"], ["birds 00"])}
    assert mine.texts[1] == "A gull, far out."
    with pytest.raises(InvalidInput, match="'people - places'"):
        contrast_ids(mine)


@pytest.mark.parametrize(
    ("rows", "said"),
    [("a,One.\nb,one.\n", "rows '2' repeat"), (",One.\n", "rows '1' have no group"), ("a, \n", "rows '1' is empty")],
)
def test_odd_rows_are_named(tmp_path, rows, said):
    path = tmp_path / "mine.csv"
    path.write_text("group,text\n" + rows)
    with pytest.raises(InvalidInput, match=said):
        load_contrast_sentences(path)


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(MissingData, match="sentences"):
        load_contrast_sentences(tmp_path / "none.csv")
