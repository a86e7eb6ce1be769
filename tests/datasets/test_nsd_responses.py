"""Responses on disk: what was written is read, in parts, and what was not finished is not there."""

import socket
import subprocess
import sys

import numpy as np
import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.response_files import open_responses, prepared_from, write_responses
from consona.engine.fingerprint import fingerprint

IDS = [f"nsd{i:05d}" for i in range(9)]
ROI = np.array(["early", "", "ventral"] * 4)


@pytest.fixture
def values():
    found = np.random.default_rng(0).standard_normal((9, 12)).astype(np.float32)
    found[:, 4] = np.nan
    return found


def written(path, values, *, key="inputs", interrupted=False):
    def fill(mapped):
        mapped[:5] = values[:5]
        if interrupted:
            raise KeyboardInterrupt
        mapped[5:] = values[5:]
        return {"roi": ROI, "ncsnr": np.linspace(0, 1, 12)}

    facts = {"space": "fsaverage", "key": key}
    return write_responses(path, IDS, 12, fill, subject="subj01", repetitions=[3] * 9, facts=facts)


def test_parts_come_in_the_order_asked_for(tmp_path, values):
    file = written(tmp_path / "a.npy", values)
    some, mask = ["nsd00007", "nsd00002"], ROI == "ventral"
    for targets in (None, slice(3, 8), mask, np.array([5, 2, 9])):
        chosen = values[[7, 2]] if targets is None else values[[7, 2]][:, targets]
        np.testing.assert_array_equal(file.values(some, targets), chosen)
    recording = file.recording(some, mask)
    assert recording.ids.tolist() == some
    assert recording.data["roi"].values.tolist() == ["ventral"] * 4
    assert recording.attrs == {"space": "fsaverage"}
    assert file.repetitions().tolist() == [3] * 9
    assert file.labels()["roi"].tolist() == ROI.tolist()


def test_the_path_does_not_count_and_the_values_do(tmp_path, values):
    first, moved = (written(tmp_path / name, values) for name in ("a.npy", "b.npy"))
    other = written(tmp_path / "c.npy", values + 1)
    assert fingerprint(first) == fingerprint(moved) != fingerprint(other)
    assert open_responses(tmp_path / "a.npy") == first


def test_an_unfinished_file_is_not_there(tmp_path, values):
    path = tmp_path / "a.npy"
    assert prepared_from(path) == ""
    with pytest.raises(KeyboardInterrupt):
        written(path, values, interrupted=True)
    assert list(tmp_path.iterdir()) == []
    written(path, values)
    assert prepared_from(path) == "inputs"
    with pytest.raises(KeyboardInterrupt):
        written(path, values, key="others", interrupted=True)
    assert prepared_from(path) == ""
    with pytest.raises(MissingData, match=r"a\.nc"):
        open_responses(path)


def test_what_a_killed_process_left_is_removed(tmp_path, values):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stray = tmp_path / f".tmp-{socket.gethostname()}-{dead.pid}-0123abcd"
    stray.write_bytes(b"half an array")
    written(tmp_path / "a.npy", values)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "a.npy"]


def test_what_is_not_there_is_named(tmp_path, values):
    file = written(tmp_path / "a.npy", values)
    with pytest.raises(InvalidInput, match="'nsd00099'"):
        file.values(["nsd00001", "nsd00099"])
    with pytest.raises(InvalidInput, match="12 targets"):
        file.values(None, np.array([12]))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:200])
    with pytest.raises(InvalidInput, match=r"a\.npy is damaged"):
        file.values()
