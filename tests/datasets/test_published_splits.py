"""Published splits have their published sizes, and the order of presentation is read whole or not at all."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput, MissingData
from consona.datasets.faced_order import load_faced_order
from consona.datasets.published_splits import (
    FACED_SEGMENTS,
    SEED_V_SEGMENTS,
    cbramod_faced_split,
    cbramod_seed_v_split,
    require_segments,
    segment_counts,
)
from consona.datasets.seed_v_trials import seed_v_trials, whole_windows

EVERYONE = [f"sub{i:03d}" for i in range(123)]


def test_faced_has_the_published_sizes_and_new_people():
    split = cbramod_faced_split(EVERYONE)
    assert segment_counts(split, np.full(28, 3)) == FACED_SEGMENTS == (6720, 1680, 1932)
    require_segments(split, np.full(28, 3), FACED_SEGMENTS)
    assert (split.shares_subjects, split.shares_stimuli) == (False, True)
    assert np.flatnonzero(split.test[0, :, 0]).tolist() == list(range(100, 123))


def test_seed_v_has_the_published_sizes_and_the_same_people():
    split = cbramod_seed_v_split([f"sub{i:02d}" for i in range(1, 17)])
    seconds = list(whole_windows(1).values())
    assert segment_counts(split, seconds) == SEED_V_SEGMENTS
    assert sum(SEED_V_SEGMENTS) == 117_744
    assert (split.shares_subjects, split.shares_stimuli) == (True, False)
    trials = seed_v_trials()
    for part in (split.train, split.validation, split.test):
        held = trials[part[0, 0]]
        assert (held.groupby("session")["emotion"].nunique() == 5).all()


def test_fewer_subjects_keep_their_part_and_are_said():
    split = cbramod_faced_split(EVERYONE[1:])
    assert "79/20/23 of 80/20/23" in split.name
    with pytest.raises(InvalidInput, match=r"\(6636, 1680, 1932\)"):
        require_segments(split, np.full(28, 3), FACED_SEGMENTS)
    with pytest.raises(InvalidInput, match="80/20/0 of 80/20/23 subjects; no part may be empty"):
        cbramod_faced_split(EVERYONE[:100])
    with pytest.raises(InvalidInput, match="found 's1'"):
        cbramod_faced_split(["s1"])


def order_folder(tmp_path, trial):
    np.savez(tmp_path / "derived_ratings.npz", trial=trial, subject=np.array(["sub000", "sub001"]))
    return tmp_path


def test_the_order_of_presentation_holds_each_place_once(tmp_path):
    rng = np.random.default_rng(0)
    trial = np.stack([rng.permutation(28) + 1 for _ in range(2)])
    order = load_faced_order(order_folder(tmp_path, trial))
    assert np.array_equal(order.values, trial)
    assert order.sel(subject="sub001", stimulus="clip07") == trial[1, 6]
    trial[1, 0] = trial[1, 1]
    with pytest.raises(InvalidInput, match="'sub001' .* expected each of 1 to 28 once"):
        load_faced_order(order_folder(tmp_path, trial))
    (tmp_path / "derived_ratings.npz").unlink()
    with pytest.raises(MissingData, match="no order of presentation"):
        load_faced_order(tmp_path)


@pytest.mark.data
def test_both_sources_of_the_order_agree(data_folder, tmp_path):
    subjects = ["sub000", "sub050", "sub099"]
    released = load_faced_order(data_folder / "faced", subjects=subjects)
    (tmp_path / "derived_ratings.npz").symlink_to(data_folder / "faced" / "derived_ratings.npz")
    assert np.array_equal(released.values, load_faced_order(tmp_path, subjects=subjects).values)
