"""The packed surface: what is cut from the flat map, and that coarser meshes are the first vertices of finer ones."""

import numpy as np
import pytest

from consona.brain.meshes import COARSER, N_VERTICES, fsaverage5_mesh, nearest_coarse, sulcal_depth, to_fsaverage5
from consona.brain.searchlight import surface_adjacency
from consona.core.errors import InvalidInput, MissingExtra

SIDES = ("left", "right")


def normals(positions, triangles):
    a, b, c = np.moveaxis(positions[triangles], 1, 0)
    return np.cross(b - a, c - a)


@pytest.mark.parametrize("side", SIDES)
def test_surfaces_are_closed_and_face_outwards(side):
    for kind in ("inflated", "sphere"):
        positions, triangles = fsaverage5_mesh(kind, side)
        assert positions.shape == (N_VERTICES, 3)
        assert len(triangles) == 2 * N_VERTICES - 4  # Euler: a closed surface without holes
        outwards = positions[triangles].mean(axis=1) - positions.mean(axis=0)
        assert (np.einsum("ij,ij->i", normals(positions, triangles), outwards) > 0).mean() > 0.999


@pytest.mark.parametrize("side", SIDES)
def test_the_flat_map_has_no_medial_wall_and_no_triangle_across_a_cut(side):
    positions, triangles = fsaverage5_mesh("flat", side)
    used = np.unique(triangles)
    assert np.isfinite(positions[used]).all()
    assert np.isnan(np.delete(positions, used, axis=0)).all()
    assert 0.05 < np.isnan(positions[:, 0]).mean() < 0.09
    assert (normals(positions, triangles)[:, 2] > 0).all()
    assert np.ptp(positions[used, 2]) == 0
    edges = np.linalg.norm(positions[triangles] - positions[np.roll(triangles, 1, axis=1)], axis=2)
    assert edges.max() < 15
    pial, _ = fsaverage5_mesh("pial", side)
    cut = pial[np.isnan(positions[:, 0])]
    assert np.abs(cut[:, 0]).max() < 45  # cortex reaches 70


def test_left_and_right_lie_on_their_sides():
    left, right = (fsaverage5_mesh("pial", side)[0][:, 0].mean() for side in SIDES)
    assert left < -20
    assert right > 20
    depth = sulcal_depth("left")
    assert depth.shape == (N_VERTICES,)
    assert -2 < depth.min() < 0 < depth.max() < 2


@pytest.mark.parametrize("n", [2562, 642])
def test_a_finer_mesh_halves_the_edges_of_a_coarser_one(n):
    """Every further vertex of the next finer mesh is the middle of an edge: it lies between just two of the first."""
    sphere, triangles = fsaverage5_mesh("sphere", "left")
    finer = 4 * n - 6
    if finer == N_VERTICES:
        touching = surface_adjacency(triangles, n_vertices=N_VERTICES)
        assert (touching[n:, :n].sum(axis=1) == 2).all()
    nearest = nearest_coarse(n, "left")
    assert (nearest[:n] == np.arange(n)).all()
    apart = np.linalg.norm(sphere - sphere[nearest], axis=1)
    assert apart.max() < 1.2 * np.sqrt(4 * np.pi * 100**2 / n)
    assert (nearest_coarse(N_VERTICES, "right") == np.arange(N_VERTICES)).all()


def test_values_of_finer_meshes_are_cut_to_the_first_of_each_hemisphere():
    for n in (163_842, 40_962, N_VERTICES):
        both = np.stack([np.arange(2 * n), -np.arange(2 * n)])
        cut = to_fsaverage5(both)
        assert cut.shape == (2, 2 * N_VERTICES)
        assert cut[0, N_VERTICES] == n
        assert cut[1, -1] == -(n + N_VERTICES - 1)
        assert (to_fsaverage5(both[0, :n]) == np.arange(N_VERTICES)).all()


def test_what_is_not_there_is_refused(monkeypatch):
    with pytest.raises(InvalidInput, match="no surface 'white'"):
        fsaverage5_mesh("white", "left")
    with pytest.raises(InvalidInput, match="no hemisphere 'lh'"):
        fsaverage5_mesh("pial", "lh")
    with pytest.raises(InvalidInput, match="327,683 vertices"):
        to_fsaverage5(np.zeros(327_683))
    with pytest.raises(InvalidInput, match="1000 vertices make no mesh"):
        nearest_coarse(1000, "left")
    assert 642 in COARSER
    monkeypatch.setitem(__import__("sys").modules, "nilearn.datasets", None)
    with pytest.raises(MissingExtra, match=r"consona\[fmri\]"):
        sulcal_depth("left")
