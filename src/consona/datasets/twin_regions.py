"""Made-up regions of made-up brains: four patches of posterior cortex on the coarse surface that nilearn packs."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from consona.brain.meshes import COARSER, N_VERTICES, Hemisphere, fsaverage5_mesh
from consona.core.errors import InvalidInput

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

PATCHES: Mapping[str, tuple[tuple[float, float, float, float], ...]] = {
    "early": ((9, -98, 0, 17), (9, -84, 4, 16), (18, -98, 6, 12)),
    "ventral": ((38, -55, -20, 15), (28, -46, -12, 13), (33, -68, -14, 13)),
    "lateral": ((46, -73, 0, 16), (48, -60, 8, 14), (36, -86, 4, 12)),
    "parietal": ((26, -78, 34, 15), (25, -64, 52, 16), (36, -50, 48, 12)),
}
"""Balls that make up every region: distance from the midline, front, up and radius, in mm on the pial surface."""


def surface_positions(n_vertices: int = N_VERTICES) -> tuple[Array, Names]:
    """Where the vertices of both hemispheres lie: positions ``(n, 3)`` in mm, and ``"left"`` or ``"right"`` ``(n,)``.

    The pial surface of fsaverage5, left then right, ``n_vertices`` of each hemisphere.

    Raises
    ------
    InvalidInput
        For a number of vertices that makes no mesh.
    MissingExtra
        Where nilearn or nibabel is not installed (``consona[fmri]``).
    """
    if n_vertices not in (N_VERTICES, *COARSER):
        raise InvalidInput(f"{n_vertices} vertices make no mesh; choose {N_VERTICES} or one of {COARSER}.")
    sides = [fsaverage5_mesh("pial", side)[0][:n_vertices] for side in _SIDES]
    return np.concatenate(sides).astype(np.float64), np.repeat(_SIDES, n_vertices)


def twin_regions(positions_mm: npt.ArrayLike, hemisphere: npt.ArrayLike) -> Names:
    """Region of every vertex, ``(n_vertices,)``: early, ventral, lateral, parietal, or ``""``.

    Every region is a union of balls (:data:`PATCHES`), the same on both sides; where balls overlap, the one counts that
    a vertex lies deepest in. They lie where the regions of these names lie in people, and no more than that.

    Parameters
    ----------
    positions_mm
        ``(n_vertices, 3)`` on the pial surface of fsaverage: to the right, to the front, up.
    hemisphere
        ``"left"`` or ``"right"`` for every vertex.

    Raises
    ------
    InvalidInput
        When shapes differ, a position is not finite, or a hemisphere has another name.
    """
    positions, sides = np.asarray(positions_mm, dtype=np.float64), np.asarray(hemisphere, dtype=str)
    if positions.shape != (len(sides), 3) or not np.isfinite(positions).all():
        raise InvalidInput(
            f"Positions of shape {positions.shape} for {len(sides)} hemispheres found; expected a finite row of three "
            "per vertex, in mm."
        )
    if not np.isin(sides, _SIDES).all():
        raise InvalidInput(f"Hemispheres {sorted(set(sides.tolist()))} found; expected 'left' and 'right'.")
    mirrored = positions * np.where(sides == "left", -1.0, 1.0)[:, None] ** [1, 0, 0]
    names = np.array([*(name for name, balls in PATCHES.items() for _ in balls), ""])
    balls = np.array([ball for each in PATCHES.values() for ball in each])
    depth = np.linalg.norm(mirrored[:, None] - balls[:, :3], axis=-1) / balls[:, 3]
    deepest = depth.argmin(axis=1)
    return np.asarray(names[np.where(depth.min(axis=1) < 1, deepest, len(balls))])


_SIDES: tuple[Hemisphere, Hemisphere] = ("left", "right")
