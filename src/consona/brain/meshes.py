"""The surface of the average brain that comes with nilearn: fsaverage5, 10,242 vertices per hemisphere."""

from typing import Any, Literal

import numpy as np

from consona.core.errors import InvalidInput, require_extra
from consona.stats.shapes import Int, Real

__all__ = ["COARSER", "N_VERTICES", "Hemisphere", "fsaverage5_mesh", "nearest_coarse", "sulcal_depth", "to_fsaverage5"]

Hemisphere = Literal["left", "right"]

N_VERTICES = 10_242
"""Vertices of a hemisphere of fsaverage5."""

COARSER = (2562, 642, 162, 42)
"""So many of the first vertices are a mesh of their own: a finer mesh halves the edges of a coarser one."""

_FINER = {163_842: "fsaverage", 40_962: "fsaverage6", N_VERTICES: "fsaverage5"}
_FILES = {"flat": "flat", "inflated": "infl", "pial": "pial", "sphere": "sphere"}
_CUT = 4.0  # an edge so many times as long as the middle one reaches across a cut of the flat map


def fsaverage5_mesh(
    kind: Literal["flat", "inflated", "pial", "sphere"], hemisphere: Hemisphere
) -> tuple[Real[np.ndarray, "n_vertices 3"], Int[np.ndarray, "n_triangles 3"]]:
    """Where the vertices of fsaverage5 lie, in mm, and the triangles between them.

    The first axis points to the right, the second to the front, the third up; triangles are counter-clockwise when
    seen from outside. Nothing is downloaded. The inflated surfaces of both hemispheres lie around the origin.

    On the flat map the medial wall is cut out, and the surface is cut open so that it lies flat: vertices that are in
    no triangle are NaN, triangles that would reach across a cut (an edge beyond four times the median one) are left
    out, the third axis is 0, and the map is seen from outside.

    Raises
    ------
    InvalidInput
        For a surface or hemisphere of another name.
    MissingExtra
        Where nilearn or nibabel is not installed (``consona[fmri]``).
    """
    if kind not in _FILES:
        raise InvalidInput(f"There is no surface '{kind}'; choose one of {', '.join(_FILES)}.")
    arrays = _packed(_FILES[kind], hemisphere)
    positions, triangles = np.asarray(arrays[0], dtype=np.float64), np.asarray(arrays[1], dtype=np.int64)
    if kind != "flat":
        return positions, triangles
    positions[:, 2] = 0.0
    edges = np.linalg.norm(positions[triangles] - positions[np.roll(triangles, 1, axis=1)], axis=2)
    triangles = triangles[edges.max(axis=1) <= _CUT * np.median(edges)]
    positions[np.setdiff1d(np.arange(N_VERTICES), triangles)] = np.nan
    return positions, triangles


def sulcal_depth(hemisphere: Hemisphere) -> Real[np.ndarray, " n_vertices"]:
    """How deep every vertex lies, positive in a sulcus and negative on a gyrus, as FreeSurfer measures it.

    Raises
    ------
    InvalidInput, MissingExtra
        As :func:`fsaverage5_mesh`.
    """
    return np.asarray(_packed("sulc", hemisphere)[0], dtype=np.float64)


def to_fsaverage5(values: Real[np.ndarray, "*other n_targets"]) -> Real[np.ndarray, "*other n_kept"]:
    """Values on fsaverage or fsaverage6 at the vertices of fsaverage5: of each hemisphere the first 10,242.

    Parameters
    ----------
    values
        The last axis holds one hemisphere (163,842, 40,962 or 10,242 vertices) or both, left then right.

    Raises
    ------
    InvalidInput
        For any other number of vertices.
    """
    values = np.asarray(values)
    n = values.shape[-1] if values.ndim else 0
    if n in _FINER:
        return values[..., :N_VERTICES]
    if n % 2 == 0 and n // 2 in _FINER:
        left, right = values[..., : n // 2], values[..., n // 2 :]
        return np.concatenate([left[..., :N_VERTICES], right[..., :N_VERTICES]], axis=-1)
    known = ", ".join(f"{name} {each:,}" for each, name in _FINER.items())
    raise InvalidInput(f"Values at {n:,} vertices found; a hemisphere has {known}, or twice that for both. Check both.")


def nearest_coarse(n_vertices: int, hemisphere: Hemisphere) -> Int[np.ndarray, " n_vertices"]:
    """For every vertex of fsaverage5 the nearest, on the sphere, of the first ``n_vertices``.

    Raises
    ------
    InvalidInput
        When so many vertices make no mesh.
    MissingExtra
        As :func:`fsaverage5_mesh`.
    """
    from scipy.spatial import cKDTree

    if n_vertices not in (N_VERTICES, *COARSER):
        meshes = ", ".join(map(str, (N_VERTICES, *COARSER)))
        raise InvalidInput(f"{n_vertices} vertices make no mesh; a hemisphere has {meshes}.")
    sphere, _ = fsaverage5_mesh("sphere", hemisphere)
    _, nearest = cKDTree(sphere[:n_vertices]).query(sphere)
    return np.asarray(nearest, dtype=np.int64)


def _packed(name: str, hemisphere: str) -> list[Any]:
    """Data arrays of one of nilearn's files."""
    if hemisphere not in ("left", "right"):
        raise InvalidInput(f"There is no hemisphere '{hemisphere}'; choose 'left' or 'right'.")
    nibabel, nilearn = require_extra("nibabel", "fmri"), require_extra("nilearn.datasets", "fmri")
    packed = nilearn.fetch_surf_fsaverage("fsaverage5")  # lies in the package: nothing is downloaded
    arrays = [np.array(each.data) for each in nibabel.load(packed[f"{name}_{hemisphere}"]).darrays]
    if len(arrays[0]) != N_VERTICES:
        raise InvalidInput(
            f"nilearn's '{name}_{hemisphere}' has {len(arrays[0])} vertices, expected {N_VERTICES}. "
            "This version packs another surface; report it."
        )
    return arrays
