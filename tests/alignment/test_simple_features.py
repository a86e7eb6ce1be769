"""Features that know no meaning: what each of them keeps, and what it takes away."""

import numpy as np
import pytest

from consona.alignment.simple_features import from_next_run
from consona.core.errors import InvalidInput
from consona.core.features import Features


def numbered(n):
    """One feature, which is the number of the row."""
    return Features.of(np.arange(float(n))[:, None], np.array([f"v{i:02d}" for i in range(n)]))


def rows_of(features):
    return features.layer(0)[:, 0].astype(int).tolist()


def test_every_volume_gets_the_features_of_the_next_run_at_its_place():
    """Runs b, a and c, as they stand in the table; c is shorter than b, so that b's last volume starts c again."""
    features = numbered(11)
    taken = from_next_run(features, ["b"] * 4 + ["a"] * 4 + ["c"] * 3)
    assert rows_of(taken) == [4, 5, 6, 7, 8, 9, 10, 8, 0, 1, 2]
    np.testing.assert_array_equal(taken.ids, features.ids)
    assert taken.data.attrs["shuffled"] == "features of the next run"
    assert rows_of(features) == list(range(11))


@pytest.mark.parametrize(("n", "expected"), [(6, [3, 4, 5, 0, 1, 2]), (5, [2, 3, 4, 0, 1])])
def test_a_single_run_is_turned_by_half(n, expected):
    assert rows_of(from_next_run(numbered(n), ["a"] * n)) == expected


def test_a_course_that_runs_share_stays_and_a_response_to_the_stimuli_goes():
    rng = np.random.default_rng(0)
    course, own = np.tile(rng.standard_normal(50), 4), rng.standard_normal(200)
    ids = np.array([f"v{i:03d}" for i in range(200)])
    taken = from_next_run(Features.of(np.stack([course, own], axis=1), ids), np.repeat(list("abcd"), 50)).layer(0)
    assert np.corrcoef(taken[:, 0], course)[0, 1] == pytest.approx(1.0)
    assert abs(np.corrcoef(taken[:, 1], own)[0, 1]) < 4 / np.sqrt(200)


def test_a_run_for_every_stimulus_is_needed():
    with pytest.raises(InvalidInput, match="6 stimuli and 5 runs"):
        from_next_run(numbered(6), ["a"] * 5)
