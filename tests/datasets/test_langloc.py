"""The language localiser: sentences and nonword lists, and files that are not it."""

from collections import Counter

import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.langloc import FILES, load_langloc

_ROW = ",".join(["1", *"ABCDEFGHIJKL"])


@pytest.mark.data
def test_two_hundred_and_forty_of_each_sort(data_folder):
    found = load_langloc(data_folder / "langloc_stimuli")
    assert Counter(found["condition"].tolist()) == {"sentence": 240, "nonwords": 240}
    assert {len(text.split()) for text in found.texts} == {12}
    first = found.table.loc["run1set1-01"]
    assert first["text"].startswith("JUST THE BAREST")
    assert first["condition"] == "sentence"


def test_without_the_corpus_it_is_said_where_it_comes_from(monkeypatch, tmp_path):
    monkeypatch.setenv("CONSONA_DATA", str(tmp_path))
    monkeypatch.setattr("consona.datasets.locate.fetch_folder", lambda name: tmp_path / "nowhere" / name)
    with pytest.raises(MissingData, match="brain-score/language"):
        load_langloc()


def test_a_folder_without_its_files_and_a_row_of_another_sort(tmp_path):
    with pytest.raises(MissingData, match="langloc_fmri_run1_stim_set1.csv"):
        load_langloc(tmp_path)
    path = tmp_path / FILES[0]
    path.parent.mkdir(parents=True)
    header = ",".join(f"stim{i}" for i in range(1, 15))
    path.write_text(f"{header}\n{_ROW},S\n{_ROW},X\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="'2' is neither S nor N"):
        load_langloc(tmp_path)
