"""Betas, behaviour and items of deductive reasoning: published figures, defects found, damaged copies refused."""

import shutil

import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.deduction import contradictory, derive
from consona.datasets.reasoning_events import load_reasoning_events
from consona.datasets.reasoning_fmri import (
    BETAS,
    PEOPLE,
    load_reasoning_behaviour,
    load_reasoning_fmri,
    load_reasoning_problems,
    regions_at_hand,
)
from consona.datasets.reasoning_items import SPLITS, load_reasoning_items

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def events(data_folder):
    return load_reasoning_events(data_folder / "ds003076_events")


@pytest.fixture
def copied(data_folder, tmp_path):
    """A writable copy of one corpus, with the others out of sight."""

    def copy(name):
        folder = tmp_path / name
        shutil.copytree(data_folder / name, folder, copy_function=shutil.copyfile)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        return folder

    return copy


def test_betas_and_problems_have_the_published_figures(data_folder):
    folder = data_folder / "reasoning_fmri"
    every, kept = load_reasoning_fmri(folder, contradictory="keep"), load_reasoning_fmri(folder)
    values = np.stack([recording.mean() for recording in every.recordings])
    assert values.shape == (10, 72, 313)
    assert (values.mean(), values.std()) == pytest.approx((0.593, 0.787), abs=5e-4)
    assert every.subjects == list(PEOPLE)
    wrong = [
        row for row, p in zip(every.stimuli["row"], every.stimuli.table["premises"], strict=True) if contradictory(p)
    ]
    assert wrong == [43, 49]
    assert (len(kept.stimuli), int(kept.stimuli["label"].sum())) == (70, 46)
    assert kept.recordings[3].attrs["dropped"].endswith("transitive07, transitive13")
    np.testing.assert_array_equal(kept.recordings[3].mean(), np.delete(values[3], [43, 49], axis=0))
    assert len(kept.checksums) == 11
    table = kept.stimuli.table
    assert all(derive(row.premises, row.conclusion) == row.label for row in table.itertuples())
    assert (table["negated"] == table["form"].str.endswith("negate")).all()
    assert table.groupby("form").size().shape == (16,)


def test_problems_are_those_of_the_table_of_items(data_folder):
    table = pd.read_csv(data_folder / "reasoning_fmri" / "derived_task_items.csv")
    made = load_reasoning_problems(data_folder / "reasoning_fmri", contradictory="keep").table
    assert made["conclusion"].tolist() == table["conclusion"].str.strip().tolist()
    assert [p[1] for p in made["premises"]] == table["premise2"].str.strip().tolist()
    assert [f.split(" ", 1)[1].replace(" ", "_") for f in made["form"]] == table["trial_type"].tolist()
    assert made["row"].tolist() == table["row"].tolist()
    assert made["place"].tolist() == table["item"].tolist()


def test_behaviour_has_the_published_figures(data_folder):
    folder = data_folder / "reasoning_fmri"
    found = load_reasoning_behaviour(folder)
    assert dict(found.sizes) == {"subject": 10, "stimulus": 70}
    assert found["stimulus"].values.tolist() == load_reasoning_problems(folder).ids.tolist()
    right = found["correct"].fillna(0)
    assert right.groupby("kind").mean(...).values == pytest.approx([0.889, 0.838], abs=5e-4)
    assert float(right.mean()) == pytest.approx(0.864, abs=5e-4)
    assert found["correct"].isnull().equals(found["response_time"].isnull())
    assert int(found["correct"].isnull().sum()) == 12
    time = found["response_time"].where(found["correct"] == 1)
    assert time.groupby("kind").mean(...).values == pytest.approx([1.372, 2.489], abs=5e-4)
    others = load_reasoning_behaviour(folder, subjects=("sub-1021", "sub-1001"), contradictory="keep")
    assert dict(others.sizes) == {"subject": 2, "stimulus": 72}
    assert others["correct"].fillna(0).values[0].mean() == pytest.approx(61 / 72)
    with pytest.raises(InvalidInput, match="sub-1026 has no events of 'Syllogisms run 1'"):
        load_reasoning_behaviour(folder, subjects=("sub-1026",))


def test_defects_are_found_where_they_are(events):
    assert len(events.answers) == 67 * 18
    counts = events.defects.groupby("defect")["count"].sum()
    wrong = events.defects[events.defects["defect"] == "wrong number of premises"]
    assert wrong.groupby("run")["count"].agg(["sum", "size", "max"]).to_numpy().tolist() == [[153, 17, 9]] * 2
    assert wrong["run"].str.startswith("Transitive").all()
    assert (counts["premises contradict each other"], counts["no answer"], counts["no table"]) == (2, 79, 1)
    assert "labels 48 true to 24 false" in counts
    blank = events.defects[events.defects["defect"] == "stray blanks or full stops"]
    assert sorted(set(zip(blank["run"], blank["count"], strict=True))) == [
        ("Syllogisms 1", 5), ("Syllogisms 2", 8), ("Transitive 2", 4)
    ]  # fmt: skip
    absent = {"right without an answer", "impossible response time", "another problem at this place"}
    assert not absent & set(counts.index)


def test_behaviour_is_read_from_the_bids_tables_where_the_derived_one_is_not_there(copied, data_folder, monkeypatch):
    folder = copied("reasoning_fmri")
    there = load_reasoning_behaviour(folder)
    (folder / "derived_events.csv").unlink()
    monkeypatch.setenv("CONSONA_DATA", str(data_folder))
    read = load_reasoning_behaviour(folder)
    xr.testing.assert_allclose(read, there, rtol=1e-14)  # the tables differ in the last digit of some times
    assert list(read.coords) == list(there.coords)
    monkeypatch.setenv("CONSONA_DATA", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    with pytest.raises(MissingData, match="consona fetch ds003076_events"):
        load_reasoning_behaviour(folder)


def test_a_region_that_is_not_at_hand_is_not_testable_and_is_read_where_it_is(copied):
    folder = copied("reasoning_fmri")
    assert regions_at_hand(folder) == ("deductive reasoning",)
    with pytest.raises(MissingData, match="Not testable here.*'language'.*at hand are 'deductive reasoning'"):
        load_reasoning_fmri(folder, region="language")
    with pytest.raises(InvalidInput, match="no region 'visual'"):
        load_reasoning_fmri(folder, region="visual")
    other = folder / BETAS.format("language") / "sub-1004"
    other.mkdir(parents=True)
    scipy.io.savemat(other / "sub-1004.mat", {"all_voxels": np.ones((72, 5), np.float32)})
    assert regions_at_hand(folder) == ("deductive reasoning", "language")
    assert load_reasoning_fmri(folder, region="language").recordings[0].data.shape == (1, 70, 5)
    scipy.io.savemat(other / "sub-1004.mat", {"all_voxels": np.ones((70, 5), np.float32)})
    with pytest.raises(InvalidInput, match="sub-1004.*shape \\(70, 5\\); expected 72 rows"):
        load_reasoning_fmri(folder, region="language")
    (other / "sub-1004.mat").write_bytes(b"no matrix")
    with pytest.raises(InvalidInput, match="sub-1004.mat is damaged"):
        load_reasoning_fmri(folder, region="language")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2.7880000000000003", "9.5", "impossible response time"),
        ("\t1.0\t2.7880000000000003", "\t1.0\tn/a", "right without an answer"),
        ("\t1.0\t2.7880000000000003", "\t2.0\t2.788", "sub-1001, Transitive run 1: 1 accuracies are neither 0 nor 1"),
        ("is slower than Max", "is slower than Abe", "another problem at this place"),
        ("2_true_affirm\t1.0\t2.671", "control\t1.0\t2.671", "sub-1001, Transitive run 1, has 17 problems"),
        ("_2_false_affirm.wav", "_.wav", "hold no condition: '.*_.wav'"),
    ],
)
def test_what_is_wrong_in_a_table_is_a_defect_or_an_error_that_names_it(copied, tmp_path, data_folder, old, new, said):
    folder = tmp_path / "events"
    for name in ("sub-1001", "sub-1004"):
        shutil.copytree(data_folder / "ds003076_events" / name, folder / name, copy_function=shutil.copyfile)
    path = folder / "sub-1001" / "func" / "sub-1001_task-Transitive_run-01_events.tsv"
    path.parent.chmod(0o755)
    path.chmod(0o644)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if " " in said and ("sub-1001" in said or "hold no" in said):
        with pytest.raises(InvalidInput, match=said):
            load_reasoning_events(folder)
        return
    found = load_reasoning_events(folder)
    assert said in set(found.defects["defect"])
    if said == "impossible response time":
        assert found.answers["response_time"].isna().sum() == 2  # one was missed
    if said == "another problem at this place":
        with pytest.raises(InvalidInput, match="same order; not so: 'sub-1004 Transitive run 1'"):
            found.problems()


def test_all_premises_of_all_items_are_read_and_every_label_is_what_the_solver_finds(data_folder):
    sizes = {}
    for split in SPLITS:
        made = load_reasoning_items(split, data_folder / "reasoning_items")
        table = made.table
        sizes[split] = (len(table), int(table["label"].sum()), sorted(set(table["n_premises"].tolist())))
        assert all(derive(row.premises, row.conclusion) == row.label for row in table.itertuples()), split
    assert sizes["test"] == (1600, 800, [3])
    assert [sizes[f"test {n} premises"] for n in (4, 5, 6)] == [(800, 400, [4]), (160, 80, [5]), (80, 40, [6])]
    assert sizes["propositional"] == (600, 300, [2])
    assert (sizes["validation"], sizes["train 96"]) == ((160, 80, [3]), (96, 48, [3]))
    assert (sizes["relational test"], sizes["relational validation"]) == ((400, 200, [4]), (80, 40, [4]))
    assert sum(size for size, _, _ in sizes.values()) == 4552


def test_a_damaged_set_of_items_is_refused(copied):
    folder = copied("reasoning_items")
    (folder / SPLITS["validation"]).write_text('{"transitive": [{"premise1": "A is x", "conclusion": "B is y"}]}')
    with pytest.raises(InvalidInput, match="problem 1 lacks or misspells 'trial_type'"):
        load_reasoning_items("validation", folder)
    (folder / SPLITS["relational test"]).write_text("{no json}\n")
    with pytest.raises(InvalidInput, match="line 1 is no JSON"):
        load_reasoning_items("relational test", folder)
    with pytest.raises(InvalidInput, match="no split 'exam'"):
        load_reasoning_items("exam", folder)
