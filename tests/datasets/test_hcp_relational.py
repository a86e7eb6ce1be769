"""The layout of the relational task, on a folder that is made up here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.deduction import derive
from consona.datasets.hcp_relational import BETAS, MAPPING, load_hcp_relational, load_hcp_relational_behaviour

OBJECTS = {  # shapes and textures at A, B, C, D
    "int_load_inhib_NO_SHA.1": [(1, 3), (2, 3), (5, 1), (5, 5)],
    "int_load_noinhib_YES_SHA.2": [(1, 3), (2, 3), (5, 1), (4, 1)],
    "int_noload_inhib_YES_TEX.1": [(4, 4), (4, 6), (2, 5), (3, 2)],
    "int_noload_noinhib_NO_TEX.3": [(4, 4), (4, 6), (2, 5), (2, 5)],
}
CORNERS = ("TopLeft", "TopRight", "BottomLeft", "BottomRight")


def _mapping(root: Path, objects: dict[str, list[tuple[int, int]]]) -> None:
    lines = [
        {"stimulus_file": "Prac1_top.bmp", "n_objects": 2, "positions": {"Left": {"shape_id": 1, "texture_id": 4}}}
    ]
    for name, held in objects.items():
        positions = {c: {"shape_id": s, "texture_id": t} for c, (s, t) in zip(CORNERS, held, strict=True)}
        lines.append({"stimulus_file": f"{name}.bmp", "n_objects": 4, "positions": positions})
    (root / MAPPING).write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")


def _person(root: Path, group: str, subject: str, names: list[str], n_rows: int) -> np.ndarray:
    (root / BETAS / group).mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(int(subject)).standard_normal((n_rows, 5)).astype(np.float32)
    scipy.io.savemat(root / BETAS / group / f"{subject}.mat", {"all_voxels": values})
    table = pd.DataFrame({"Stimulus": [f"{name}.bmp" for name in names], "ACC": [1, 0] * 2})
    table.to_csv(root / BETAS / group / f"{subject}_trialinfo.csv", index=False)
    return values


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two people of two groups; the second saw the images in the reverse order."""
    _mapping(tmp_path, OBJECTS)
    _person(tmp_path, "90+", "101", list(OBJECTS), 4)
    _person(tmp_path, "100", "102", list(OBJECTS)[::-1], 4)
    return tmp_path


def test_images_become_problems_that_the_solver_agrees_with(root: Path) -> None:
    data = load_hcp_relational(root)
    assert data.stimuli.ids.tolist() == list(OBJECTS)
    assert data.stimuli["label"].tolist() == [False, True, True, False]
    table = data.stimuli.table
    assert table["premises"].iloc[0][0] == "A is a circle and zigzag-dashed"
    solved = [derive(premises, end) for premises, end in zip(table["premises"], table["conclusion"], strict=True)]
    assert solved == data.stimuli["label"].tolist()
    assert data.stimuli["form"].tolist()[0] == "relational load inhib shape false"


def test_rows_go_to_the_images_of_each_person(root: Path) -> None:
    data = load_hcp_relational(root)
    assert data.subjects == ["102", "101"]  # in the order of the folders of groups
    stored = scipy.io.loadmat(root / BETAS / "100" / "102.mat")["all_voxels"]
    assert np.array_equal(data.recording("102").mean(), stored[::-1])
    assert data.recording("101").attrs["group"] == "90+"
    assert "one stimulus duration" in data.recording("101").attrs["duration"]
    behaviour = load_hcp_relational_behaviour(root, subjects=["101", "102"])
    assert behaviour["correct"].values.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    assert behaviour["response_time"].isnull().all()


def test_what_does_not_fit_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="not shipped"):
        load_hcp_relational(tmp_path / "nowhere")
    with pytest.raises(MissingData, match="'103'"):
        load_hcp_relational(root, subjects=["103"])
    _person(root, "90+", "101", list(OBJECTS), 3)
    with pytest.raises(InvalidInput, match="'101' has betas of 3 trials and 101_trialinfo.csv 4 rows"):
        load_hcp_relational(root)
    _person(root, "90+", "101", ["int_load_inhib_NO_SHA.9", *list(OBJECTS)[1:]], 4)
    with pytest.raises(InvalidInput, match="1 of 4 trials show images"):
        load_hcp_relational(root)
    _mapping(root, {**OBJECTS, "int_load_inhib_YES_SHA.7": OBJECTS["int_load_inhib_NO_SHA.1"]})
    with pytest.raises(InvalidInput, match="other objects than its name says"):
        load_hcp_relational(root)
    (root / BETAS / "100" / "102_trialinfo.csv").unlink()
    with pytest.raises(MissingData, match="no 102_trialinfo.csv"):
        load_hcp_relational(root)
