"""A BIDS task with single-trial betas: every way in gives the same data set, and what does not fit is named."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.glmsingle_betas import load_trial_betas
from consona.datasets.own_trials import TrialColumns, load_task_behaviour, load_task_betas

nibabel = pytest.importorskip("nibabel")

SHAPE = (3, 4, 2)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
INSIDE = np.arange(24).reshape(SHAPE) % 3 == 0  # 8 of 24 voxels
ITEMS = {"ebb": "Ebb is tall", "doc": "Doc is fast", "jen": "Jen is old"}
ORDER = {"01": ["ebb", "", "doc", "jen"], "02": ["jen", "ebb", "", "doc"]}  # empty: a null trial
COLUMNS = TrialColumns(
    task="tell",
    text=("premise", "conclusion"),
    item="name",
    labels=("condition",),
    response_time="response_time",
    correct="accuracy",
    null_names=("control",),
)
SUBJECTS = ("sub-1", "sub-2")
Betas = dict[str, np.ndarray]
Saved = tuple[Path, Path, Betas]


def _events(run: str, subject: str) -> pd.DataFrame:
    rows = []
    for i, name in enumerate(ORDER[run]):
        null = name == ""
        missed = (run, name, subject) == ("02", "doc", "sub-2")
        rows.append(
            {
                "onset": 10.0 * i,
                "duration": 6.0,
                "trial_type": "control" if null else "true",
                "name": "n/a" if null else name,
                "premise": "n/a" if null else f"All of {name} are told. ",
                "conclusion": "n/a" if null else ITEMS[name],
                "condition": "n/a" if null else str(len(name)),
                "response_time": "n/a" if null or missed else 1.0 + i,
                "accuracy": "n/a" if null or missed else int(run == "01"),
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture
def tree(tmp_path: Path) -> Saved:
    """A BIDS folder, an empty folder for betas with a mask, and the betas (n_trials, n_voxels) of every person."""
    bids, folder = tmp_path / "run-9_bids", tmp_path / "betas"  # a name above the data set must not be taken for a run
    for subject in SUBJECTS:
        (bids / subject / "func").mkdir(parents=True)
        (folder / subject).mkdir(parents=True)
        for run in ORDER:
            path = bids / subject / "func" / f"{subject}_task-tell_run-{run}_events.tsv"
            _events(run, subject).to_csv(path, sep="\t", index=False)
    nibabel.save(nibabel.Nifti1Image(INSIDE.astype(np.uint8), AFFINE), folder / "group_mask.nii.gz")
    rng = np.random.default_rng(0)
    return bids, folder, {name: rng.standard_normal((6, 8)).astype(np.float32) for name in SUBJECTS}


def _volume(betas: np.ndarray) -> np.ndarray:
    """(x, y, z, n_trials); outside the mask NaN, as GLMsingle leaves voxels without signal."""
    volume = np.full((*SHAPE, len(betas)), np.nan, dtype=np.float32)
    volume[INSIDE] = betas.T
    return volume


def _glmsingle(volume: np.ndarray) -> dict[str, Any]:
    return {
        "pcnum": np.int64(3),
        "pcregressors": [np.eye(2)],
        "HRFindex": np.zeros(SHAPE),
        "betasmd": volume,
        "x": None,
    }


def _python(folder: Path, betas: np.ndarray) -> None:
    np.save(folder / "TYPED_FITHRF_GLMDENOISE_RR.npy", _glmsingle(_volume(betas)))
    np.save(folder / "TYPEB_FITHRF.npy", _glmsingle(_volume(betas * 0)))  # a worse output, not to be taken


def _python_hdf5(folder: Path, betas: np.ndarray) -> None:
    with h5py.File(folder / "TYPED_FITHRF_GLMDENOISE_RR.hdf5", "w") as file:
        file["betasmd"], file["R2"] = _volume(betas), np.zeros(SHAPE)


def _matlab(folder: Path, betas: np.ndarray) -> None:
    scipy.io.savemat(folder / "TYPED_FITHRF_GLMDENOISE_RR.mat", {"modelmd": _volume(betas), "R2": np.zeros(SHAPE)})


def _matlab_73(folder: Path, betas: np.ndarray) -> None:
    with h5py.File(folder / "TYPED_FITHRF_GLMDENOISE_RR.mat", "w", userblock_size=512) as file:
        file["modelmd"] = _volume(betas).T  # MATLAB writes the last axis first


def _nilearn(folder: Path, betas: np.ndarray) -> None:
    for run, part in zip(ORDER, (betas[:3], betas[3:]), strict=True):
        image = nibabel.Nifti1Image(np.nan_to_num(_volume(part)), AFFINE)
        nibabel.save(image, folder / f"{folder.name}_task-tell_run-{int(run)}_stat-effect_statmap.nii.gz")


def _matrices(folder: Path, betas: np.ndarray) -> None:
    for run, part in zip(ORDER, (betas[:3], betas[3:]), strict=True):
        np.save(folder / f"{folder.name}_task-tell_run-{run}.npy", part)
        np.save(folder / f"{folder.name}_task-other_run-{run}.npy", part[:1])


def _one_matrix(folder: Path, betas: np.ndarray) -> None:
    scipy.io.savemat(folder / f"{folder.name}.mat", {"all_voxels": betas, "note": np.zeros(1)})


def _with_nulls(folder: Path, betas: np.ndarray) -> None:
    rows = np.insert(betas, (1, 5), 99.0, axis=0)  # null trials are second in the first run and third in the second
    np.savez(folder / "betas.npz", betas=rows)


WAYS = [_python, _python_hdf5, _matlab, _matlab_73, _nilearn, _matrices, _one_matrix, _with_nulls]


@pytest.mark.parametrize("write", WAYS)
def test_every_way_in_gives_the_same_data(tree: Saved, write: Callable[[Path, np.ndarray], None]) -> None:
    bids, folder, betas = tree
    for subject, values in betas.items():
        write(folder / subject, values)
    volumes = write in (_python, _python_hdf5, _matlab, _matlab_73, _nilearn)
    mask = folder / "group_mask.nii.gz" if volumes else None
    data = load_task_betas(bids, folder, COLUMNS, mask=mask)
    assert data.subjects == list(SUBJECTS)
    assert data.stimuli.ids.tolist() == ["ebb", "doc", "jen"]
    assert data.stimuli.texts[0] == "All of ebb are told. Ebb is tall."
    assert "run" not in data.stimuli  # every item was shown in both runs
    for subject, values in betas.items():
        recording = data.recording(subject)
        expected = np.stack([values[[0, 1, 2]], values[[4, 5, 3]]])  # first run: ebb, doc, jen; second: jen, ebb, doc
        assert np.array_equal(recording.data.values, expected)
        assert recording.attrs["n_dropped_voxels"] == 0
        assert recording.attrs["runs"] == ["run-01", "run-02"]
        assert ("duration" in recording.attrs) == (write in (_python, _python_hdf5, _matlab, _matlab_73))
        assert ("x" in recording.data.coords) == volumes


def test_behaviour_is_that_of_the_same_items(tree: Saved) -> None:
    bids, _, _ = tree
    found = load_task_behaviour(bids, COLUMNS)
    assert found["stimulus"].values.tolist() == ["ebb", "doc", "jen"]
    assert found["correct"].values.tolist() == [[0.5, 0.5, 0.5], [0.5, 1.0, 0.5]]  # one answer was missed
    assert found["response_time"].values.tolist() == [[1.5, 3.5, 2.5], [1.5, 3.0, 2.5]]
    one = load_task_behaviour(bids, replace(COLUMNS, correct=None), subjects=["sub-2"])
    assert one["correct"].isnull().all()
    with pytest.raises(MissingData, match="sub-3"):
        load_task_behaviour(bids, COLUMNS, subjects=["sub-3"])


def test_items_without_names_are_their_texts(tree: Saved) -> None:
    bids, folder, betas = tree
    for subject, values in betas.items():
        _one_matrix(folder / subject, values)
    data = load_task_betas(bids, folder, replace(COLUMNS, item=None))
    assert data.stimuli.ids.tolist() == ["tell000", "tell001", "tell002"]
    assert data.stimuli["conclusion"].tolist() == list(ITEMS.values())


def test_broken_voxels_are_dropped_as_wholes_and_named(tree: Saved) -> None:
    bids, folder, betas = tree
    broken = betas["sub-1"].copy()
    broken[2, 1], broken[:, 4] = np.nan, 0.5
    _matrices(folder / "sub-1", broken)
    data = load_task_betas(bids, folder, COLUMNS)
    attrs = data.recording("sub-1").attrs
    assert data.recording("sub-1").n_targets == attrs["n_voxels"] == 6
    assert (attrs["n_dropped_voxels"], attrs["dropped_voxels"]) == (2, ["1", "4"])
    assert attrs["without_betas"] == ["sub-2"]
    (folder / "sub-1" / "sub-1_task-tell_run-01.npy").unlink()
    (folder / "sub-1" / "sub-1_task-tell_run-02.npy").unlink()
    np.save(folder / "sub-1" / "TYPED_FITHRF_GLMDENOISE_RR.npy", _glmsingle(_volume(broken)))
    whole = load_task_betas(bids, folder, COLUMNS, mask=folder / "group_mask.nii.gz")
    voxels = [str(tuple(each)) for each in np.argwhere(INSIDE)[[1, 4]].tolist()]
    assert whole.recording("sub-1").attrs["dropped_voxels"] == voxels


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (5, r"Subject 'sub-1', run '01', '02' .* betas of 5 trials, and the events 6 \(8 with null"),
        (7, "betas of 7 trials"),
    ],
)
def test_other_numbers_of_trials_are_named(tree: Saved, rows: int, message: str) -> None:
    bids, folder, _ = tree
    np.save(folder / "sub-1" / "all.npy", np.random.default_rng(0).standard_normal((rows, 4)))
    with pytest.raises(InvalidInput, match=message):
        load_task_betas(bids, folder, COLUMNS)


def test_runs_must_be_in_one_file_each(tree: Saved) -> None:
    bids, folder, betas = tree
    _matrices(folder / "sub-1", betas["sub-1"])
    second = folder / "sub-1" / "sub-1_task-tell_run-02.npy"
    second.rename(folder / "sub-1" / "sub-1_task-tell_run-03.npy")
    with pytest.raises(InvalidInput, match="run-03.npy is of a run without events"):
        load_task_betas(bids, folder, COLUMNS)
    (folder / "sub-1" / "sub-1_task-tell_run-03.npy").unlink()
    with pytest.raises(InvalidInput, match="'sub-1' has events of 'run-02' and no betas"):
        load_task_betas(bids, folder, COLUMNS)
    np.save(second, betas["sub-1"][3:])
    np.save(folder / "sub-1" / "again_run-2.npy", betas["sub-1"][3:])
    with pytest.raises(InvalidInput, match="'run-02' in several files"):
        load_task_betas(bids, folder, COLUMNS)


def test_what_is_not_there_is_said(tree: Saved) -> None:
    bids, folder, betas = tree
    with pytest.raises(MissingData, match="no betas"):
        load_task_betas(bids, folder, COLUMNS)
    with pytest.raises(MissingData, match="task 'sing'"):
        load_task_betas(bids, folder, replace(COLUMNS, task="sing"))
    _python(folder / "sub-1", betas["sub-1"])
    with pytest.raises(MissingData, match="no mask"):
        load_task_betas(bids, folder, COLUMNS)
    with pytest.raises(MissingData, match="sub-2"):
        load_task_betas(bids, folder, COLUMNS, subjects=["sub-1", "sub-2"])
    smaller = nibabel.Nifti1Image(np.ones((2, 2, 2), np.uint8), AFFINE)
    nibabel.save(smaller, folder / "small_mask.nii.gz")
    with pytest.raises(InvalidInput, match=r"\(3, 4, 2, 6\) and the mask \(2, 2, 2\)"):
        load_task_betas(bids, folder, COLUMNS, mask=folder / "small_mask.nii.gz")
    _one_matrix(folder / "sub-2", np.full((6, 8), np.nan))
    with pytest.raises(InvalidInput, match="no finite beta"):
        load_task_betas(bids, folder, COLUMNS, subjects=["sub-2"])


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (0, "accuracy", "2", r"'sub-2', run '02' .*neither 1 nor 0 in rows '1' \(first 2\)"),
        (1, "response_time", "fast", "no number in rows '2'"),
        (0, "condition", "9", "'condition' differs between presentations of 1 items, first 'jen'"),
        (2, "trial_type", "rest", "rows '3' have no text"),
    ],
)
def test_odd_events_are_named(tree: Saved, row: int, column: str, value: str, message: str) -> None:
    bids, _, _ = tree
    path = bids / "sub-2" / "func" / "sub-2_task-tell_run-02_events.tsv"
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    table.loc[row, column] = value
    table.to_csv(path, sep="\t", index=False)
    with pytest.raises(InvalidInput, match=message):
        load_task_behaviour(bids, COLUMNS)


class _Command:
    """What a hostile file would hold."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def test_nothing_in_a_saved_dictionary_is_run(tmp_path: Path) -> None:
    path = tmp_path / "TYPED_FITHRF_GLMDENOISE_RR.npy"
    np.save(path, {"betasmd": np.ones((3, 2)), "odd": _Command(tmp_path / "mark")})
    with pytest.raises(InvalidInput, match="Nothing was executed"):
        load_trial_betas(path)
    assert not (tmp_path / "mark").exists()
    np.save(path, {"other": np.ones((3, 2))})
    with pytest.raises(InvalidInput, match="without 'betasmd'"):
        load_trial_betas(path)
    np.save(path, np.ones((3, 2)))
    with pytest.raises(InvalidInput, match="one saved dictionary"):
        load_trial_betas(path)
