"""What lies around each voxel or vertex: neighbourhoods within a radius, and who touches whom."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from consona.core.errors import InvalidInput
from consona.stats.searchlight import Neighbourhoods
from consona.stats.shapes import Int, Real

__all__ = [
    "mostly_inside",
    "nearest_neighbourhoods",
    "sphere_size",
    "surface_adjacency",
    "surface_neighbourhoods",
    "volume_adjacency",
    "volume_neighbourhoods",
]

_ROUNDING = 1e-6  # a voxel at exactly the radius is inside, whatever the affine's last digit
_CENTRES = 256  # of a surface at a time: the patch around them is small enough for a dense table of distances


def volume_neighbourhoods(
    voxels: Int[np.ndarray, "n_targets 3"], affine: Real[np.ndarray, "4 4"], *, radius_mm: float, strict: bool = False
) -> Neighbourhoods:
    """The voxels within ``radius_mm`` of each voxel, itself among them, in the order of the targets.

    Distances are those of the affine, so voxels may be anisotropic or sheared. Only the voxels given take part: a
    sphere ends where the mask ends. A voxel at exactly the radius is inside, unless the sphere is ``strict``: of the
    voxels around one, 925 lie within six and 895 nearer than six.

    Parameters
    ----------
    voxels
        Indices ``i, j, k`` of the voxels of the mask, one row per target.
    affine
        From indices to millimetres, as the image has it.
    radius_mm
        Half the width of a neighbourhood.
    strict
        Whether a voxel at exactly the radius is left out.

    Raises
    ------
    InvalidInput
        When the radius is not positive, a voxel is there twice, or the affine cannot be inverted.
    """
    return _compressed(_stepped(voxels, _sphere(affine, radius_mm, strict)))


def sphere_size(affine: Real[np.ndarray, "4 4"], *, radius_mm: float, strict: bool = False) -> int:
    """How many voxels a sphere has that lies wholly in the mask, as :func:`volume_neighbourhoods` draws it.

    Raises
    ------
    InvalidInput
        When the radius is not positive, or the affine cannot be inverted.
    """
    return len(_sphere(affine, radius_mm, strict))


def mostly_inside(
    neighbourhoods: Neighbourhoods, *, size: int, share: float = 0.5, strict: bool = True
) -> Neighbourhoods:
    """Neighbourhoods of which more than a share lies in the mask; the others are left empty, and have no score.

    Parameters
    ----------
    neighbourhoods
        Spheres that end where the mask ends.
    size
        Members of a whole one, as :func:`sphere_size` counts them.
    share
        Of the whole that has to be there.
    strict
        Whether exactly the share is too little. With an odd ``size`` and half of it, nothing is exactly that.

    Raises
    ------
    InvalidInput
        When the share is not between 0 and 1, or a neighbourhood has more members than a whole one.
    """
    n_each = np.diff(neighbourhoods.indptr)
    if not 0 <= share <= 1 or n_each.max(initial=0) > size:
        raise InvalidInput(
            f"A share of {share:g} of {size} voxels was asked for, and the largest neighbourhood has "
            f"{n_each.max(initial=0)}; a share is from 0 to 1, and a whole sphere the largest. Use sphere_size."
        )
    kept = n_each > share * size if strict else n_each >= share * size
    indptr = np.concatenate([[0], np.cumsum(np.where(kept, n_each, 0))])
    return Neighbourhoods(indptr, neighbourhoods.indices[np.repeat(kept, n_each)])


def _sphere(affine: np.ndarray, radius_mm: float, strict: bool) -> Int[np.ndarray, "n_steps 3"]:
    """The steps, in voxels, from the centre of a sphere to each of its members."""
    linear = np.asarray(affine, dtype=np.float64)[:3, :3]
    if radius_mm <= 0 or not np.isfinite(linear).all() or np.linalg.matrix_rank(linear) < 3:
        raise InvalidInput(
            f"A sphere of radius {radius_mm:g} mm was asked for, with the affine {linear.tolist()}; a radius is "
            "positive and an affine spans three dimensions. Check both."
        )
    limit = radius_mm * (1 - _ROUNDING if strict else 1 + _ROUNDING)
    # Along index axis a the sphere reaches radius * |row a of the inverse| voxels.
    reach = np.floor(limit * np.linalg.norm(np.linalg.inv(linear), axis=1)).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    inside: np.ndarray = steps[np.linalg.norm(steps @ linear.T, axis=1) <= limit]
    return inside


def surface_neighbourhoods(
    positions_mm: Real[np.ndarray, "n_targets 3"], triangles: Int[np.ndarray, "n_triangles 3"], *, radius_mm: float
) -> Neighbourhoods:
    """The vertices within ``radius_mm`` of each vertex along the edges of the mesh, itself among them.

    The shortest way along edges is never shorter than the way across triangles, and the longer the coarser the mesh.

    Raises
    ------
    InvalidInput
        When the radius is not positive, or a triangle names a vertex that is not there.
    """
    where = np.asarray(positions_mm, dtype=np.float64)
    if radius_mm <= 0:
        raise InvalidInput(f"A radius of {radius_mm:g} mm was asked for; it is positive. Give millimetres.")
    touching = surface_adjacency(triangles, n_vertices=len(where)).tocoo()
    length = np.linalg.norm(where[touching.row] - where[touching.col], axis=1)
    graph = csr_array((length, (touching.row, touching.col)), shape=touching.shape)
    limit = radius_mm * (1 + _ROUNDING)
    order = cKDTree(where).indices  # neighbours in space stand together
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(order), _CENTRES):
        centres = order[start : start + _CENTRES]
        low, high = where[centres].min(axis=0) - limit, where[centres].max(axis=0) + limit
        patch = np.flatnonzero(((where >= low) & (where <= high)).all(axis=1))
        local = graph[patch][:, patch]
        distance = dijkstra(local, indices=np.searchsorted(patch, centres), limit=limit)
        row, column = np.nonzero(distance <= limit)
        found.append((centres[row], patch[column]))
    centre, member = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _sorted_rows(centre, member, len(where))


def nearest_neighbourhoods(positions_mm: Real[np.ndarray, "n_targets 3"], *, n_nearest: int) -> Neighbourhoods:
    """The ``n_nearest`` targets nearest to each, itself among them, in a straight line: equally many everywhere.

    Raises
    ------
    InvalidInput
        When there are fewer targets than that.
    """
    where = np.asarray(positions_mm, dtype=np.float64)
    if not 1 <= n_nearest <= len(where):
        raise InvalidInput(
            f"The {n_nearest} nearest of {len(where)} targets were asked for; from 1 to {len(where)} there are."
        )
    _, near = cKDTree(where).query(where, k=range(1, n_nearest + 1))
    return Neighbourhoods(np.arange(len(where) + 1) * n_nearest, np.sort(near, axis=1).reshape(-1))


def volume_adjacency(voxels: Int[np.ndarray, "n_targets 3"], *, shared: str = "corner") -> csr_array:
    """Which voxels touch: at a ``face`` (6 neighbours), an ``edge`` (18) or a ``corner`` (26); symmetric, no diagonal.

    Raises
    ------
    InvalidInput
        When ``shared`` is none of the three, or a voxel is there twice.
    """
    furthest = {"face": 1, "edge": 2, "corner": 3}
    if shared not in furthest:
        raise InvalidInput(f"Voxels touch at a face, an edge or a corner; found '{shared}'. Choose one of the three.")
    steps = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    size = np.abs(steps).sum(axis=1)
    indptr, indices = _compressed(_stepped(voxels, steps[(size > 0) & (size <= furthest[shared])]))
    return csr_array((np.ones(len(indices), dtype=bool), indices, indptr), shape=(len(voxels), len(voxels)))


def surface_adjacency(triangles: Int[np.ndarray, "n_triangles 3"], *, n_vertices: int) -> csr_array:
    """Which vertices share an edge of a triangle; symmetric, no diagonal.

    Raises
    ------
    InvalidInput
        When a triangle names a vertex that is not there.
    """
    corners = np.asarray(triangles)
    if corners.size and not 0 <= int(corners.min()) <= int(corners.max()) < n_vertices:
        raise InvalidInput(
            f"Triangles name vertices {int(corners.min())} to {int(corners.max())} and there are {n_vertices}, counted "
            "from 0. Use the triangles of the same surface."
        )
    a, b = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]).T
    row, column = np.concatenate([a, b]), np.concatenate([b, a])
    touching = csr_array((np.ones(len(row), dtype=np.int32), (row, column)), shape=(n_vertices, n_vertices))
    touching.setdiag(0)
    touching.eliminate_zeros()
    return touching.astype(bool)


def _stepped(voxels: np.ndarray, steps: np.ndarray) -> Int[np.ndarray, "n_targets n_steps"]:
    """The target that lies each step away from each voxel, -1 where there is none."""
    place = np.asarray(voxels, dtype=np.int64)
    if len(place) == 0:
        return np.empty((0, len(steps)), dtype=np.int32)
    reach = np.abs(steps).max(axis=0, initial=0)
    place = place - place.min(axis=0) + reach
    table = np.full(place.max(axis=0) + reach + 1, -1, dtype=np.int32)
    table[tuple(place.T)] = np.arange(len(place))
    if np.count_nonzero(table >= 0) != len(place):
        twice = len(place) - np.count_nonzero(table >= 0)
        raise InvalidInput(f"{twice} of {len(place)} voxels are listed twice; each target is one voxel. Drop them.")
    flat = np.ravel_multi_index(tuple(place.T), table.shape)
    found = np.empty((len(place), len(steps)), dtype=np.int32)
    for column, step in enumerate(steps @ np.array([table.shape[1] * table.shape[2], table.shape[2], 1])):
        found[:, column] = table.reshape(-1)[flat + step]
    return found


def _compressed(found: np.ndarray) -> Neighbourhoods:
    ordered = np.sort(found, axis=1)
    inside = ordered >= 0
    return Neighbourhoods(np.concatenate([[0], np.cumsum(inside.sum(axis=1))]), ordered[inside])


def _sorted_rows(centre: np.ndarray, member: np.ndarray, n_targets: int) -> Neighbourhoods:
    order = np.lexsort((member, centre))
    return Neighbourhoods(np.concatenate([[0], np.cumsum(np.bincount(centre, minlength=n_targets))]), member[order])
