"""A file of regions holds the same responses as the file it was made from, and is made once."""

import numpy as np
import pytest

from consona.datasets.region_files import region_file
from consona.datasets.response_files import write_responses

ROI = np.array(["", "early", "", "ventral", "early"])


@pytest.fixture
def file(tmp_path):
    values = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)

    def fill(mapped):
        mapped[:] = values
        return {"roi": ROI, "vertex": np.arange(5)}

    ids = [f"nsd{k:05d}" for k in range(300)]
    return write_responses(tmp_path / "all.npy", ids, 5, fill, subject="subj01", repetitions=[3] * 300, facts={"a": 1})


def test_targets_in_regions_keep_their_responses_and_labels(file, tmp_path):
    found = region_file(file, tmp_path / "regions.npy")
    np.testing.assert_array_equal(found.values(), file.values(None, np.flatnonzero(ROI != "")))
    assert found.labels()["vertex"].tolist() == [1, 3, 4]
    assert found.labels()["roi"].tolist() == ["early", "ventral", "early"]
    assert found.ids == file.ids
    assert found.repetitions().tolist() == [3] * 300
    made = (tmp_path / "regions.npy").stat().st_mtime_ns
    assert region_file(file, tmp_path / "regions.npy") == found
    assert (tmp_path / "regions.npy").stat().st_mtime_ns == made
    assert region_file(found, tmp_path / "again.npy") is found
