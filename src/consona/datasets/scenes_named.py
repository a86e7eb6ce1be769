"""Everything that captions of rendered scenes name, one word at a time: kinds, places, colours, as zeros and ones."""

from collections.abc import Sequence

import numpy as np

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.scenes_objects import COLOURS, KINDS
from consona.datasets.scenes_places import PLACES

__all__ = ["NAMED", "scene_named"]

NAMED = {"kinds": KINDS, "places": PLACES, "colours": tuple(COLOURS)}


def scene_named(stimuli: Stimuli, parts: Sequence[str] = ("kinds", "places", "colours")) -> Features:
    """Which kinds of objects, places and colours are in every scene, without who has which colour or stands where.

    Returns
    -------
    Features
        ``(stimulus, 1, n)``: 24 kinds, 8 places and 9 colours, as far as asked for; coordinate ``feature`` with names.

    Raises
    ------
    InvalidInput
        When a part is none of the three, or the stimuli are no rendered scenes.
    """
    if not parts or not set(parts) <= set(NAMED) or not {"objects", "categories", "place"} <= set(stimuli.table):
        raise InvalidInput(
            f"Parts {listed(parts)} were asked for; there are {listed(NAMED)}, and stimuli need the columns objects, "
            "categories and place of rendered scenes."
        )
    names = [name for part in parts for name in NAMED[part]]
    told = [
        {*kinds.split(), place, *(word for each in objects.split(", ") for word in each.split()[:-1])}
        for kinds, place, objects in zip(stimuli["categories"], stimuli["place"], stimuli["objects"], strict=True)
    ]
    values = np.array([[name in row for name in names] for row in told], dtype=np.float32)
    features = Features.of(values, stimuli.ids, {"model": f"scene {', '.join(parts)}"})
    return Features(features.data.assign_coords(feature=names))
