"""Surfaces as pixels: which triangle every pixel shows, and the colours of values, folds and outlines on it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from consona.brain.meshes import Hemisphere, fsaverage5_mesh, sulcal_depth

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]
View = Literal["flat", "lateral", "medial", "ventral"]

COLOURS = "RdBu_r"  # safe for every common colour blindness, pale at zero
LEVELS = 32  # shades on either side of zero: so few that a picture stays small as a file
GYRUS, SULCUS = 0.80, 0.62  # grey where there is no value
SHADED = 0.90  # a value in a sulcus is darker by so much, so folds are seen through the colours
LINE, CASING = (17, 17, 17), (255, 255, 255)

_X, _Y, _Z = np.eye(3)
_TURNED: dict[tuple[str, str], tuple[Floats, Floats]] = {  # what points to the right and up in the picture
    ("left", "flat"): (_X, _Y),
    ("right", "flat"): (_X, _Y),
    ("left", "lateral"): (-_Y, _Z),
    ("left", "medial"): (_Y, _Z),
    ("left", "ventral"): (-_X, _Y),
    ("right", "lateral"): (_Y, _Z),
    ("right", "medial"): (-_Y, _Z),
    ("right", "ventral"): (-_X, _Y),
}


@dataclass(frozen=True)
class Picture:
    """One hemisphere from one side: the pixels that show it, and of each the three vertices and their shares."""

    shape: tuple[int, int]
    pixels: Ints
    corners: Ints
    shares: Floats
    light: Floats
    sulcus: npt.NDArray[np.bool_]


@lru_cache(maxsize=16)
def picture(hemisphere: Hemisphere, view: View, density: float) -> Picture:
    """The folded or flat surface as seen from one side, ``density`` pixels to a millimetre; hidden faces are hidden."""
    positions, triangles = fsaverage5_mesh("flat" if view == "flat" else "inflated", hemisphere)
    right, up = _TURNED[hemisphere, view]
    turned = positions @ np.stack([right, up, np.cross(right, up)], axis=1)
    a, b, c = np.moveaxis(turned[triangles], 1, 0)
    normals = np.cross(b - a, c - a)
    seen = normals[:, 2] > 0
    smooth = np.zeros_like(turned)
    for corner in range(3):
        np.add.at(smooth, triangles[:, corner], normals)
    facing = smooth[:, 2] / np.maximum(np.linalg.norm(smooth, axis=1), 1e-12)
    flat = density * turned[:, :2] * [1, -1]
    flat -= np.nanmin(flat, axis=0) - 1
    width, height = (int(each) + 2 for each in np.nanmax(flat, axis=0))
    pixels, corners, shares = _covered(flat, density * turned[:, 2], triangles[seen], width)
    lit = np.ones(len(pixels)) if view == "flat" else np.clip((shares * facing[corners]).sum(axis=1), 0, 1)
    deep = (shares * sulcal_depth(hemisphere)[corners]).sum(axis=1) > 0
    return Picture((height, width), pixels, corners, shares, 0.7 + 0.3 * np.round(5 * lit) / 5, deep)


def _covered(flat: Floats, depth: Floats, triangles: Ints, width: int) -> tuple[Ints, Ints, Floats]:
    """Pixels inside triangles, the corners of the foremost and their shares; ``flat`` is column and row."""
    low = np.ceil(flat[triangles].min(axis=1)).astype(np.int64)
    size = np.maximum(0, np.floor(flat[triangles].max(axis=1)).astype(np.int64) - low + 1)
    n_each = size.prod(axis=1)
    which = np.repeat(np.arange(len(triangles)), n_each)
    k = np.arange(len(which)) - np.repeat(np.cumsum(n_each) - n_each, n_each)
    at = low[which] + np.stack([k % size[which, 0], k // size[which, 0]], axis=1)
    a, b, c = np.moveaxis(flat[triangles], 1, 0)[:, which]
    area = _cross(b - a, c - a)
    shares = np.stack([_cross(b - at, c - at), _cross(c - at, a - at), _cross(a - at, b - at)], axis=1) / area[:, None]
    inside = (shares >= -1e-9).all(axis=1)
    at, corners, shares = at[inside], triangles[which[inside]], np.clip(shares[inside], 0, 1)
    pixels = at[:, 1] * width + at[:, 0]
    order = np.lexsort((-(shares * depth[corners]).sum(axis=1), pixels))
    pixels, first = np.unique(pixels[order], return_index=True)
    return pixels, corners[order[first]], shares[order[first]]


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def painted(of: Picture, values: Floats, colours: Pixels) -> Pixels:
    """The picture with values from -1 to 1 (NaN: grey) in ``2 LEVELS + 1`` colours, ``(row, column, 4)``."""
    known = np.isfinite(values[of.corners])
    shares = of.shares * known
    total = shares.sum(axis=1)
    shown = total >= 0.5
    mean = (shares * np.where(known, values[of.corners], 0)).sum(axis=1) / np.where(total > 0, total, 1)
    level = np.rint(LEVELS * (1 + np.clip(mean, -1, 1))).astype(np.int64)
    coloured = colours[level] * np.where(of.sulcus, SHADED, 1.0)[:, None]
    grey = 255 * np.where(of.sulcus, SULCUS, GYRUS)[:, None]
    sheet = np.zeros((of.shape[0] * of.shape[1], 4), dtype=np.uint8)
    sheet[of.pixels, :3] = np.rint(np.where(shown[:, None], coloured, grey) * of.light[:, None])
    sheet[of.pixels, 3] = 255
    return sheet.reshape(*of.shape, 4)


def labelled(of: Picture, codes: Ints) -> Ints:
    """The code of every pixel, ``(row, column)``, -1 beside the surface: that of most of its triangle's share."""
    corner = codes[of.corners]
    votes = (of.shares[:, None, :] * (corner[:, :, None] == corner[:, None, :])).sum(axis=2)
    sheet = np.full(of.shape[0] * of.shape[1], -1, dtype=np.int64)
    sheet[of.pixels] = np.take_along_axis(corner, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
    return sheet.reshape(of.shape)


def outlined(sheet: Pixels, codes: Ints, *, cased: bool, width: int = 2) -> None:
    """Draw a line, in place, where neighbouring pixels of the surface have different codes; white with dark sides."""
    from scipy.ndimage import binary_dilation

    edge = np.zeros(codes.shape, dtype=bool)
    for axis in (0, 1):
        here, there = (np.take(codes, np.arange(codes.shape[axis] - 1) + step, axis=axis) for step in (0, 1))
        between = (here != there) & (here >= 0) & (there >= 0)
        edge |= np.pad(between, [(0, int(axis == 0)), (0, int(axis == 1))])
    wide = binary_dilation(edge, np.ones((width, width), dtype=bool)) if width > 1 else edge
    if cased:
        sheet[binary_dilation(wide, iterations=1) & (codes >= 0), :3] = LINE
    sheet[wide & (codes >= 0), :3] = CASING if cased else LINE
