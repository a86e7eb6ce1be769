"""Names beside points, moved until none lies on another name or on a point."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from consona.report.palette import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where a name may stand from its point: right, up, and which end of the name is there.
SIDES = (
    (1.0, 0.0, "left"),
    (-1.0, 0.0, "right"),
    (0.0, 1.0, "center"),
    (0.0, -1.0, "center"),
    (0.75, 0.75, "left"),
    (0.75, -0.75, "left"),
    (-0.75, 0.75, "right"),
    (-0.75, -0.75, "right"),
)
STEPS = (5.0, 8.0, 11.5, 15.5, 20.0, 25.0, 31.0, 38.0)  # points from the middle of a mark
JOINED = 12.0  # from here on a thin line says to which point a name belongs
LETTER, NARROW, WIDE = 0.67, "fijlrtI.,:;'|()- ", "mwMW…@"  # width of a letter over the size of the type
ROUNDS = 8
MARK = 3.4  # half the side of a mark, in points
STARTS = {"left": 0.0, "center": 0.5, "right": 1.0}


def name_points(
    ax: "Axes", places: np.ndarray, names: Sequence[str], *, size: float = 7.5, strokes: Sequence[np.ndarray] = ()
) -> None:
    """Write a name beside every point of ``places`` (n, 2), in data units; undefined points have none.

    Every name takes the side where it covers least: other names, points, ``strokes`` (straight lines by their ends,
    each (2, 2)) and the outside of the axes cost by area, distance a little. Set the limits of the axes before.
    """
    defined = np.isfinite(places).all(axis=1)
    if not defined.any():
        return
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]  # an axes here is of a figure, never of a subfigure
    shown = [name for name, each in zip(names, defined, strict=True) if each]
    at = _in_points(ax, places[defined])
    lines = [_along(_in_points(ax, each)) for each in strokes if np.isfinite(each).all()]
    frame = _in_points(ax, np.array([(ax.get_xlim()[i], ax.get_ylim()[i]) for i in (0, 1)])).ravel()
    boxes = np.stack([_boxes(point, name, size) for point, name in zip(at, shown, strict=True)])
    for point, name, k in zip(places[defined], shown, _chosen(boxes, np.concatenate([at, *lines]), frame), strict=True):
        _write(ax, point, name, k, size)


def _in_points(ax: "Axes", places: np.ndarray) -> np.ndarray:
    """Places in data units as points of print."""
    return np.asarray(ax.transData.transform(places)) * 72 / ax.figure.dpi


def _along(ends: np.ndarray) -> np.ndarray:
    """Points on a straight line, as far apart as a mark is wide."""
    steps = 2 + int(np.hypot(*(ends[1] - ends[0])) / (2 * MARK))
    return np.linspace(ends[0], ends[1], steps)


def _offset(k: int) -> tuple[float, float, str]:
    """Right, up and alignment of the k-th place that a name can take."""
    right, up, end = SIDES[k % len(SIDES)]
    step = STEPS[k // len(SIDES)]
    return right * step, up * (step + 3 * (right == 0)), end


def _letters(name: str) -> float:
    """Width of a name over the size of its type, rather too wide than too narrow."""
    return LETTER * sum(0.62 if each in NARROW else 1.5 if each in WIDE else 1.0 for each in name)


def _boxes(point: np.ndarray, name: str, size: float) -> np.ndarray:
    """Left, bottom, right and top of a name at every place that it can take, (places, 4)."""
    width, height = size * _letters(name), 1.15 * size
    found = []
    for k in range(len(SIDES) * len(STEPS)):
        right, up, end = _offset(k)
        left, bottom = point[0] + right - STARTS[end] * width, point[1] + up - height / 2
        found.append((left, bottom, left + width, bottom + height))
    return np.array(found)


def _chosen(boxes: np.ndarray, points: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The place of every name, boxes (names, places, 4): the cheapest given the others, in a few rounds."""
    marks = np.concatenate([points - MARK, points + MARK], axis=1)
    area = np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
    outside = area - _shared(boxes, frame[None])[..., 0]
    far = np.repeat(STEPS, len(SIDES)) + 0.4 * np.tile(np.arange(len(SIDES)), len(STEPS))
    alone = 3 * _shared(boxes, marks).sum(axis=-1) + 6 * outside + 1.5 * far
    chosen, everyone = alone.argmin(axis=1), np.arange(len(boxes))
    for _ in range(ROUNDS):
        for i in everyone:
            others = boxes[everyone, chosen][everyone != i]
            chosen[i] = int((alone[i] + 12 * _shared(boxes[i], others).sum(axis=-1)).argmin())
    return chosen


def _shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Area that every box shares with each of the others, (..., n_others)."""
    low = np.maximum(boxes[..., None, :2], others[:, :2])
    high = np.minimum(boxes[..., None, 2:], others[:, 2:])
    return np.asarray(np.prod(np.maximum(0.0, high - low), axis=-1))


def _write(ax: "Axes", point: np.ndarray, name: str, k: int, size: float) -> None:
    right, up, end = _offset(int(k))
    joined = STEPS[int(k) // len(SIDES)] >= JOINED
    look: Any = {"ha": end, "va": "center", "fontsize": size, "color": INK, "annotation_clip": False, "zorder": 4}
    line: Any = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 3} if joined else None
    said = ax.annotate(name, tuple(point), (right, up), textcoords="offset points", arrowprops=line, **look)
    said.set_in_layout(False)  # the axes keep the size for which the places were found
