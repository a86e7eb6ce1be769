"""Rendered scenes: small pictures of a few objects in a place, with five captions each, drawn from a seed.

They need no download, and everything about them is known: which objects, colours and places, and who is where.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.scenes_captions import captions
from consona.datasets.scenes_drawing import draw_scenes
from consona.datasets.scenes_objects import COLOURS, GROUPS, KINDS, OBJECTS
from consona.datasets.scenes_places import PLACES
from consona.datasets.scenes_plan import INVERSE, RELATIONS, ScenePlan, named, plan_scenes

__all__ = ["contact_sheet", "render_scenes", "scene_categories", "scene_relations"]

CHANNELS = ("red", "green", "blue")
SMALLEST = 32
_GROUP_OF = {kind.name: kind.group for kind in OBJECTS}


def render_scenes(n: int, *, seed: int, size: int = 64) -> tuple[Stimuli, xr.DataArray]:
    """``n`` scenes with captions, and their images ``(stimulus, y, x, colour)``, uint8.

    A scene has one to three objects of 24 kinds in nine colours, in one of eight places. The same seed gives the same
    bytes, and scene ``i`` is the same whatever ``n`` is. Stimuli are ``scene00000``, ``scene00001`` … with the columns

    * ``text``: five captions in different wordings, with objects, colours, relation and place;
    * ``categories``: the kinds, separated by spaces, first object first; ``objects``: the same with colours;
    * ``place``; ``relation``: where the first object is, seen from the second (``alone`` for a single object);
    * ``n_objects``; ``people``, ``food``, ``places``: whether a person, something to eat, a tree or house is in it.

    Raises
    ------
    InvalidInput
        When fewer than one scene is asked for, or images of less than 32 pixels.
    """
    if n < 1 or size < SMALLEST:
        raise InvalidInput(f"{n} scenes of {size} pixels; expected one or more of at least {SMALLEST}. Ask for more.")
    plan = plan_scenes(n, seed)
    stimuli = Stimuli(_table(plan))
    coords = {"stimulus": stimuli.ids, "colour": list(CHANNELS)}
    attrs = {"seed": seed, "size": size, "made_by": "consona.datasets.scenes"}
    return stimuli, xr.DataArray(draw_scenes(plan, size), coords, ("stimulus", "y", "x", "colour"), attrs=attrs)


def scene_categories(stimuli: Stimuli) -> Features:
    """Which kinds of objects are in every scene: multi-hot ``(stimulus, 1, 24)``, coordinate ``feature`` with names.

    Raises
    ------
    InvalidInput
        When the stimuli have no column ``categories`` or name kinds that scenes do not have.
    """
    values = np.zeros((len(stimuli), len(KINDS)), dtype=np.float32)
    for row, kinds in enumerate(_kinds(stimuli)):
        values[row, [KINDS.index(kind) for kind in kinds]] = 1
    return _features(stimuli, values, KINDS, "scene categories")


def scene_relations(stimuli: Stimuli, *, of: Literal["kinds", "groups"] = "kinds") -> Features:
    """Who is where in every scene: one column per relation and kind (or group of kinds) that stands in it.

    Each scene has two ones: *a dog left of a tree* sets ``left of: dog`` and ``right of: tree``, which is also what
    *a tree right of a dog* sets. *Next to* has no sides, and an object on its own has one entry, ``alone: dog``. The
    third object stands in no relation.

    Returns
    -------
    Features
        ``(stimulus, 1, 8 x 24)`` for kinds and ``(stimulus, 1, 8 x 6)`` for groups, coordinate ``feature`` with names.

    Raises
    ------
    InvalidInput
        When the stimuli have no columns ``categories`` and ``relation``, or hold others than scenes do.
    """
    names = KINDS if of == "kinds" else GROUPS
    values = np.zeros((len(stimuli), len(RELATIONS), len(names)), dtype=np.float32)
    for row, (kinds, relation) in enumerate(zip(_kinds(stimuli), stimuli["relation"].tolist())):
        if relation not in RELATIONS:
            raise InvalidInput(f"Scenes have no relation '{relation}'; they have {listed(RELATIONS, 8)}.")
        told = (relation,) if relation == "alone" else (relation, INVERSE[relation])
        for each, kind in zip(told, kinds):
            values[row, RELATIONS.index(each), names.index(kind if of == "kinds" else _GROUP_OF[kind])] += 1
    columns = tuple(f"{relation}: {name}" for relation in RELATIONS for name in names)
    return _features(stimuli, values.reshape(len(stimuli), -1), columns, f"scene relations of {of}")


def contact_sheet(images: xr.DataArray, *, columns: int = 10) -> npt.NDArray[np.uint8]:
    """Images side by side, row by row, with a white line between them: ``(height, width, 3)``."""
    n, size = images.sizes["stimulus"], images.sizes["y"]
    rows = -(-n // columns)
    sheet = np.full((rows * columns, size + 2, size + 2, 3), 255, dtype=np.uint8)
    sheet[:n, :size, :size] = images.values
    tiles = sheet.reshape(rows, columns, size + 2, size + 2, 3).swapaxes(1, 2)
    return tiles.reshape(rows * (size + 2), columns * (size + 2), 3)


def _table(plan: ScenePlan) -> pd.DataFrame:
    kinds = named(plan.kind, KINDS)
    groups = named(np.array([GROUPS.index(_GROUP_OF[kind]) for kind in KINDS])[plan.kind], GROUPS)
    there = np.arange(3) < plan.n_objects[:, None]
    table = {
        "text": captions(plan),
        "objects": [", ".join(_coloured(plan, row)) for row in range(len(plan))],
        "categories": [" ".join(kinds[row][: plan.n_objects[row]]) for row in range(len(plan))],
        "place": named(plan.place, PLACES),
        "relation": named(plan.relation, RELATIONS),
        "n_objects": plan.n_objects,
        "people": ((groups == "people") & there).any(axis=1),
        "food": ((groups == "food") & there).any(axis=1),
        "places": (np.isin(kinds, ["tree", "house"]) & there).any(axis=1),
    }
    return pd.DataFrame(table, index=[f"scene{row:05d}" for row in range(len(plan))])


def _coloured(plan: ScenePlan, row: int) -> list[str]:
    names = tuple(COLOURS)
    objects = [(OBJECTS[k], names[c]) for k, c in zip(plan.kind[row], plan.colour[row])][: plan.n_objects[row]]
    return [f"{colour} {kind.name}" if kind.colours else kind.name for kind, colour in objects]


def _kinds(stimuli: Stimuli) -> list[list[str]]:
    kinds = [text.split() for text in stimuli["categories"].tolist()]
    odd = sorted({kind for each in kinds for kind in each} - set(KINDS))
    if odd:
        raise InvalidInput(f"Scenes hold no {listed(odd)}; their kinds are {listed(KINDS, 24)}. Give rendered scenes.")
    return kinds


def _features(stimuli: Stimuli, values: npt.NDArray[np.float32], columns: tuple[str, ...], model: str) -> Features:
    features = Features.of(values, stimuli.ids, {"model": model})
    return Features(features.data.assign_coords(feature=list(columns)))
