"""On real EEG: people's positive and negative clips are told apart by a ridge that never saw them, as published."""

import numpy as np
import pytest

from consona.stats.ridge import leave_group_out_ridge
from consona.stats.scaling import constant_within, zscore_within


@pytest.mark.data
def test_positive_and_negative_clips_of_new_people(data_folder):
    """65.2 % by the description of the data: penalty 200, no intercept, ten folds of ten consecutive people."""
    with np.load(data_folder / "faced" / "derived_DE_5s_windows.npz") as released:
        X = released["de"].mean(axis=3).reshape(100 * 28, -1).astype(np.float64)
    subject, clip = np.repeat(np.arange(100), 28), np.tile(np.arange(1, 29), 100)
    everything = np.ones(len(X), dtype=bool)  # scaling within a person reads no label
    assert not constant_within(X, subject, everything).any()
    Z = zscore_within(X, subject, everything)
    kept = (clip <= 12) | (clip >= 17)
    y = np.where(clip >= 17, 0.5, -0.5)[kept]
    predicted = leave_group_out_ridge(Z[kept], y[:, None], subject[kept] // 10, np.array([200.0]))[0, :, 0]
    # Ours has an intercept: with as many positive as negative clips it moves few of the 2400 predictions across zero.
    assert np.mean((predicted > 0) == (y > 0)) == pytest.approx(0.652, abs=0.01)
