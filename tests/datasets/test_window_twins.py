"""Windows that are made up keep the truth of the clips they were made from."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.faced_twins import faced_twin
from consona.datasets.window_twins import faced_window_twin


def test_the_mean_over_the_windows_of_a_clip_is_the_value_of_the_clip() -> None:
    windows = faced_window_twin("clip", n_subjects=3, strength=0.5, seed=4)
    clips = faced_twin("clip", n_subjects=3, strength=0.5, seed=4)
    assert windows.synthetic
    for fine, coarse in zip(windows.recordings, clips.recordings, strict=True):
        means = fine.data.values[0].reshape(28, 30, 160).mean(axis=1)
        np.testing.assert_allclose(means, coarse.data.values[0], rtol=1e-5, atol=1e-5)
        spread = fine.data.values[0].reshape(28, 30, 160).std(axis=1, ddof=1).mean(axis=0)
        np.testing.assert_allclose(np.median(spread / coarse.data.values[0].std(axis=0)), 1.0, rtol=0.02)


def test_noise_within_clips_is_positive() -> None:
    with pytest.raises(InvalidInput, match="positive number of SD"):
        faced_window_twin(within=0.0)
