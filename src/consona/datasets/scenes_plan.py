"""What is in every rendered scene and where: drawn by lot, one row of random numbers per scene."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.datasets.scenes_objects import COLOURS, KINDS, OBJECTS
from consona.datasets.scenes_places import N_VARIANTS, PLACES

RELATIONS = ("left of", "right of", "above", "below", "in front of", "behind", "next to", "alone")
"""Where the first object is, seen from the second; ``alone`` where there is one object only."""

INVERSE = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "in front of": "behind",
    "behind": "in front of",
    "next to": "next to",
}
"""The same scene, said from the other object."""

SIZES = ("small", "", "large")
ABSENT = {
    "field": ("lamp", "cup", "boat", "chair"),
    "beach": ("lamp", "bus", "house", "sheep"),
    "street": ("boat", "lamp", "sheep", "cup"),
    "room": ("boat", "bus", "plane", "car", "horse", "sheep", "tree", "house"),
    "kitchen": ("boat", "bus", "plane", "car", "horse", "sheep", "tree", "house"),
    "snow": ("boat", "lamp", "banana", "flower"),
    "lake": ("lamp", "bus", "car", "chair"),
    "forest": ("boat", "bus", "plane", "lamp"),
}
"""Kinds that a place never has."""

N_OBJECTS = (0.15, 0.70)
"""Share of scenes with one object, and with at most two; the others have three."""

_FIRST_KIND, _FIRST_WORD, N_WORDS = 24, 24 + len(KINDS), 24
_N_NUMBERS = _FIRST_WORD + N_WORDS
_CENTRES = {
    "left of": ((0.26, 0.62, 0.36), (0.74, 0.62, 0.36)),
    "above": ((0.50, 0.26, 0.36), (0.50, 0.74, 0.36)),
    "in front of": ((0.50, 0.74, 0.32), (0.50, 0.46, 0.54)),
    "next to": ((0.35, 0.64, 0.32), (0.65, 0.64, 0.32)),
    "alone": ((0.50, 0.58, 0.50), (0.50, 0.58, 0.10)),
}
"""Centre (x, y) and side of both objects, in units of the image; mirrored relations exchange the two."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ScenePlan:
    """What is in ``n`` scenes: numbers into the lists of places, kinds and colours, and boxes in units of the image.

    Arrays of objects are ``(scene, 3)`` in the order first (whose relation is said), second, third; ``n_objects`` says
    how many count. ``boxes`` are ``(scene, 3, 3)``: left, top, side. ``order`` says who is drawn when.
    """

    seed: int
    place: Indices
    variant: Indices
    light: npt.NDArray[np.float32]
    n_objects: Indices
    relation: Indices
    kind: Indices
    colour: Indices
    size: Indices
    mirrored: npt.NDArray[np.bool_]
    boxes: npt.NDArray[np.float32]
    order: Indices
    words: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.place)


def plan_scenes(n: int, seed: int) -> ScenePlan:
    """Plans of scenes 0 to ``n - 1``; a scene does not depend on how many follow."""
    lot = np.random.default_rng(seed).random((n, _N_NUMBERS))
    place = (lot[:, 0] * len(PLACES)).astype(np.intp)
    n_objects = 1 + np.searchsorted(N_OBJECTS, lot[:, 1], side="right")
    relation = np.where(n_objects == 1, RELATIONS.index("alone"), lot[:, 2] * (len(RELATIONS) - 1)).astype(np.intp)
    kind = np.argsort(lot[:, _FIRST_KIND:_FIRST_WORD] + 2 * _absent()[place], axis=1)[:, :3]
    size = (lot[:, 8:11] * len(SIZES)).astype(np.intp)
    return ScenePlan(
        seed=seed,
        place=place,
        variant=(lot[:, 3] * N_VARIANTS).astype(np.intp),
        light=(0.86 + 0.14 * lot[:, 4:5] + 0.08 * lot[:, 20:23]).astype(np.float32),
        n_objects=n_objects,
        relation=relation,
        kind=kind,
        colour=_colours(kind, lot[:, 5:8]),
        size=size,
        mirrored=lot[:, 11:14] < 0.5,
        boxes=_boxes(relation, kind, size, lot[:, 14:20]),
        order=_order(n_objects, relation),
        words=lot[:, _FIRST_WORD:],
    )


def _absent() -> npt.NDArray[np.bool_]:
    return np.array([[kind in ABSENT[place] for kind in KINDS] for place in PLACES])


def _colours(kind: Indices, lot: npt.NDArray[np.float64]) -> Indices:
    """A colour out of those that the kind comes in; 0, which is never shown, where it has none."""
    names = list(COLOURS)
    counts = np.array([max(len(each.colours), 1) for each in OBJECTS])
    table = np.zeros((len(OBJECTS), counts.max()), dtype=np.intp)
    for row, each in enumerate(OBJECTS):
        table[row, : len(each.colours)] = [names.index(colour) for colour in each.colours]
    return table[kind, (lot * counts[kind]).astype(np.intp)]


def _boxes(relation: Indices, kind: Indices, size: Indices, lot: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Left, top and side of the three objects ``(scene, 3, 3)``, moved a little by lot."""
    centres = np.array([_centres(name, third) for name in RELATIONS for third in (0, 1)])
    chosen = centres.reshape(len(RELATIONS), 2, 3, 3)[relation, (lot[:, 5] < 0.5).astype(np.intp)]
    scale = np.array([each.scale for each in OBJECTS])[kind] * np.array([0.82, 1.0, 1.18])[size]
    side = np.minimum(chosen[..., 2] * scale, 0.72)
    free = np.isin(relation, [RELATIONS.index("alone"), RELATIONS.index("in front of"), RELATIONS.index("behind")])
    level = np.isin(relation, [RELATIONS.index("above"), RELATIONS.index("below")])
    across = np.where(free | level, 0.12, 0.04)[:, None] * (2 * lot[:, [0, 1, 4]] - 1)
    along = np.where(free | level, 0.03, 0.07)[:, None] * (2 * lot[:, [2, 3, 4]] - 1)
    x, y = chosen[..., 0] + across * [1, 1, 0.4], chosen[..., 1] + along * [1, 1, 0.4]
    return np.stack([x - side / 2, y - side / 2, side], axis=-1).astype(np.float32)


def _centres(name: str, third: int) -> list[tuple[float, float, float]]:
    """Centres and sides of first, second and third object; ``third`` chooses one of two free corners."""
    twin = name if name in _CENTRES else INVERSE[name]
    pair = _CENTRES[twin] if (twin == name) else _CENTRES[twin][::-1]
    if name == "next to" and third:
        pair = pair[::-1]
    height = 0.50 if twin == "above" else 0.20
    return [*pair, ((0.16, 0.84)[third], height, 0.24)]


def _order(n_objects: Indices, relation: Indices) -> Indices:
    """Who is drawn first: the third object, then whoever is further away."""
    behind = (relation == RELATIONS.index("behind"))[:, None]
    two = np.where(behind, [[0, 1]], [[1, 0]])
    order = np.concatenate([two, np.full((len(two), 1), 2)], axis=1)
    order[n_objects == 3] = np.roll(order[n_objects == 3], 1, axis=1)
    order[n_objects == 1] = [0, 1, 2]
    return order


def named(values: Indices, names: tuple[str, ...]) -> npt.NDArray[Any]:
    """Numbers as the names they stand for."""
    return np.array(names, dtype=object)[values]
