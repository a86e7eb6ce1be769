"""What captions name is what was drawn: every word of the columns is a one, and nothing else is."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.scenes import render_scenes, scene_categories
from consona.datasets.scenes_named import NAMED, scene_named


def test_kinds_places_and_colours_are_those_of_the_columns():
    stimuli, _ = render_scenes(60, seed=2, size=32)
    found = scene_named(stimuli)
    names = found.data["feature"].values
    assert len(names) == sum(len(each) for each in NAMED.values()) == len(set(names.tolist()))
    np.testing.assert_array_equal(found.layer(-1)[:, :24], scene_categories(stimuli).layer(-1))
    assert (scene_named(stimuli, ("places",)).layer(-1).sum(axis=1) == 1).all()
    for row, captions, values in zip(stimuli.table.itertuples(), stimuli.table["text"], found.layer(-1), strict=True):
        colours = [name for name in names[values > 0] if name in NAMED["colours"]]
        assert all(colour in row.objects for colour in colours)
        assert all(any(colour in caption for caption in captions) for colour in colours)


def test_other_parts_and_stimuli_are_refused():
    stimuli, _ = render_scenes(3, seed=2, size=32)
    with pytest.raises(InvalidInput, match="'sounds'"):
        scene_named(stimuli, ("sounds",))
