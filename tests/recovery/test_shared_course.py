"""A course that every run shares is no answer to the stimuli: the null of a time series must keep it."""

import numpy as np
import pandas as pd
import pytest

from consona.alignment.encoding import encoding_score
from consona.alignment.regions import region_means, target_tests
from consona.alignment.split import Split
from consona.core import Features, Recording, Stimuli
from consona.stats.surrogates import circular_shifts, common_shifts

N_RUNS, N_VOLUMES = 3, 60


def smooth(rng, n_columns):
    window = np.exp(-0.5 * (np.arange(-9, 10) / 3) ** 2)
    return np.apply_along_axis(np.convolve, 0, rng.standard_normal((N_VOLUMES + 18, n_columns)), window, mode="valid")


@pytest.mark.parametrize("shared", [True, False])
def test_p_holds_its_level_where_three_runs_share_a_course(shared):
    table = {"run": np.repeat(list("abc"), N_VOLUMES), "time": np.tile(np.arange(N_VOLUMES), N_RUNS)}
    stimuli = Stimuli(pd.DataFrame(table, index=[f"v{i:03d}" for i in range(N_RUNS * N_VOLUMES)]))
    split = Split.of_runs(stimuli, n_folds=3, purge=8)
    found = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        parts = [[smooth(rng, k)] * N_RUNS if shared else [smooth(rng, k) for _ in range(N_RUNS)] for k in (4, 3)]
        X, Y = (np.concatenate(each) + 0.2 * rng.standard_normal((180, each[0].shape[1])) for each in parts)
        score = encoding_score(
            Features.of(X, stimuli.ids), Recording.of(Y, stimuli.ids, "one"), split=split, n_permutations=39
        )
        found.append(float(target_tests(region_means(score))["p"].item()))
    # P(6 or more of 24 at a true level of .05) is below .002
    assert np.sum(np.array(found) <= 0.05) < 6


def test_common_shifts_keep_what_runs_share_and_single_ones_do_not():
    runs = np.repeat([0, 1, 2], [40, 40, 44])
    course = np.random.default_rng(0).standard_normal(44)
    series = np.concatenate([course[:40], course[:40], course])
    kept = series[common_shifts(runs, 20, min_shift=5, seed=1).rows]
    np.testing.assert_array_equal(kept[:, :40], kept[:, 40:80])
    lost = series[circular_shifts(runs, 20, min_shift=5, seed=1).rows]
    assert not np.array_equal(lost[:, :40], lost[:, 40:80])
    with pytest.raises(ValueError, match="Use a smaller gap"):
        common_shifts(runs, 20, min_shift=30, seed=1)
