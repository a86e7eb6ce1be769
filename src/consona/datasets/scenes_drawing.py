"""Draw scenes: objects become small stencils once, and every scene is put together from stencils and a background."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from consona.datasets.scenes_objects import COLOURS, OBJECTS, PAINTS, Shape, drawings
from consona.datasets.scenes_places import backgrounds
from consona.datasets.scenes_plan import ScenePlan

FINER = 4
"""Stencils are drawn this many times finer than they are shown, and averaged: edges without steps."""
OUTLINE = (25.0, 25.0, 30.0)
BLOCK = 256
"""Scenes that are held as floating-point numbers at one time."""

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stencil:
    """A drawing that can take any colour: shown is ``below * (1 - cover) + tint * colour + fixed``.

    ``cover`` and ``tint`` are ``(size, size, 1)``, ``fixed`` is ``(size, size, 3)`` in 8-bit units.
    """

    cover: Floats
    tint: Floats
    fixed: Floats


def draw_scenes(plan: ScenePlan, size: int) -> npt.NDArray[np.uint8]:
    """All scenes of a plan as images ``(n_scenes, size, size, 3)``."""
    images = np.empty((len(plan), size, size, 3), dtype=np.uint8)
    grounds = backgrounds(size)
    palette = np.array(list(COLOURS.values()), dtype=np.float32)
    for start in range(0, len(plan), BLOCK):
        rows = slice(start, start + BLOCK)
        canvas = grounds[plan.place[rows], plan.variant[rows]] * plan.light[rows, None, None, :]
        for row, scene in enumerate(canvas, start=start):
            for place in range(plan.n_objects[row]):
                _paste(scene, plan, (row, plan.order[row, place]), palette)
        grain = np.random.default_rng([plan.seed, start]).standard_normal(canvas.shape[:3], dtype=np.float32)
        images[rows] = np.clip(np.rint(canvas + 4 * grain[..., None]), 0, 255)
    return images


def _paste(scene: Floats, plan: ScenePlan, which: tuple[int, int], palette: Floats) -> None:
    """Put one object of a plan into its scene ``(size, size, 3)``, cut at the edges."""
    size = len(scene)
    side = max(round(float(plan.boxes[which][2]) * size), 6)
    left, top = (round(float(edge) * size) for edge in plan.boxes[which][:2])
    stencil = object_stencil(int(plan.kind[which]), side)
    flip = slice(None, None, -1) if plan.mirrored[which] else slice(None)
    y, x = slice(max(top, 0), min(top + side, size)), slice(max(left, 0), min(left + side, size))
    part = (slice(y.start - top, y.stop - top), slice(x.start - left, x.stop - left))
    cover, tint, fixed = (each[:, flip][part] for each in (stencil.cover, stencil.tint, stencil.fixed))
    below = scene[y, x]
    below *= 1 - cover
    below += tint * palette[plan.colour[which]] + fixed


@cache
def object_stencil(kind: int, side: int) -> Stencil:
    """The stencil of one kind of object at a side length in pixels, with a dark outline."""
    fine = side * FINER
    cover = np.zeros((fine, fine), dtype=bool)
    tint = np.zeros((fine, fine), dtype=np.float32)
    fixed = np.zeros((fine, fine, 3), dtype=np.float32)
    for shape in drawings()[OBJECTS[kind].name]:
        inside = _inside(shape, fine)
        share, colour = _paint(shape.paint)
        cover[inside], tint[inside], fixed[inside] = shape.paint != "hole", share, colour
    edge = binary_dilation(cover, iterations=max(FINER * side // 40, FINER // 2)) & ~cover
    fixed[edge] = OUTLINE
    return Stencil(*(_averaged(each) for each in ((cover | edge)[..., None], tint[..., None], fixed)))


def _paint(paint: str) -> tuple[float, tuple[float, float, float]]:
    """How much of the object's own colour a paint takes, and what it adds to it."""
    shades = {"main": (1.0, 0.0), "dark": (0.65, 0.0), "light": (0.55, 110.0), "hole": (0.0, 0.0)}
    if paint in shades:
        share, white = shades[paint]
        return share, (white, white, white)
    red, green, blue = PAINTS[paint]
    return 0.0, (float(red), float(green), float(blue))


def _inside(shape: Shape, side: int) -> Mask:
    """Which pixels of a square canvas lie in a shape."""
    y, x = np.meshgrid(*[(np.arange(side) + 0.5) / side] * 2, indexing="ij")
    if shape.form == "disc":
        return ((x - shape.numbers[0]) / shape.numbers[2]) ** 2 + ((y - shape.numbers[1]) / shape.numbers[3]) ** 2 <= 1
    if shape.form == "box":
        left, top, right, bottom = shape.numbers
        return (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    if shape.form == "bar":
        x0, y0, x1, y1, width = shape.numbers
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        return (x - x0 - along * (x1 - x0)) ** 2 + (y - y0 - along * (y1 - y0)) ** 2 <= (width / 2) ** 2
    return _inside_corners(np.reshape(shape.numbers, (-1, 2)), x, y)


def _inside_corners(corners: npt.NDArray[np.float64], x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Mask:
    """Even-odd rule: a point is inside when a ray to its right crosses the outline an odd number of times."""
    inside = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0)):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def _averaged(fine: npt.NDArray[Any]) -> Floats:
    side, channels = len(fine) // FINER, fine.shape[-1]
    return fine.astype(np.float32).reshape(side, FINER, side, FINER, channels).mean(axis=(1, 3))
