"""Neighbourhoods equal those of plain distances, nilearn's and rsatoolbox's, and end where the mask ends."""

import nibabel
import numpy as np
import pytest
import rsatoolbox.util.searchlight as theirs
from nilearn.maskers import NiftiSpheresMasker
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from consona.brain.searchlight import (
    nearest_neighbourhoods,
    surface_adjacency,
    surface_neighbourhoods,
    volume_adjacency,
    volume_neighbourhoods,
)
from consona.core.errors import InvalidInput

AFFINE = np.array([[3.1, 0, 0.4, 6.0], [0, 3.75, 0, -4.0], [0.2, 0, 2.0, 0.0], [0, 0, 0, 1]])


def rows(around):
    return [set(each.tolist()) for each in np.split(around.indices, around.indptr[1:-1])]


@pytest.fixture(scope="module")
def voxels():
    return np.argwhere(np.random.default_rng(0).random((7, 6, 9)) > 0.3)


@pytest.fixture(scope="module")
def sphere():
    """A closed mesh of 600 vertices, 50 mm wide."""
    where = np.random.default_rng(1).standard_normal((600, 3))
    where *= 50 / np.linalg.norm(where, axis=1, keepdims=True)
    return where, ConvexHull(where).simplices


@pytest.mark.parametrize("radius_mm", [0.1, 4.2, 8.0])
def test_spheres_are_those_of_plain_distances(voxels, radius_mm):
    position = nibabel.affines.apply_affine(AFFINE, voxels)
    plain = [set(np.flatnonzero(row).tolist()) for row in cdist(position, position) <= radius_mm]
    assert rows(volume_neighbourhoods(voxels, AFFINE, radius_mm=radius_mm)) == plain


def test_a_voxel_at_exactly_the_radius_is_inside():
    line = np.array([[0, 0, 0], [3, 0, 0], [4, 0, 0]])
    assert rows(volume_neighbourhoods(line, np.diag([3.1, 3.1, 3.1, 1]), radius_mm=9.3))[0] == {0, 1}


def test_rsatoolbox_makes_the_same_spheres(voxels):
    mask = np.zeros((7, 6, 9))
    mask[tuple(voxels.T)] = 1
    centres, around = theirs.get_volume_searchlight(mask, radius=2.1, threshold=0.0, truncate_at_boundary=True)
    place = {int(flat): target for target, flat in enumerate(np.ravel_multi_index(voxels.T, mask.shape))}
    assert [place[int(flat)] for flat in centres] == list(range(len(voxels)))
    ours = volume_neighbourhoods(voxels, np.diag([3.0, 3.0, 3.0, 1]), radius_mm=6.2)
    assert rows(ours) == [{place[int(flat)] for flat in each} for each in around]


def test_nilearn_averages_over_the_same_spheres(voxels):
    inside = np.zeros((7, 6, 9))
    inside[tuple(voxels.T)] = 1
    values = np.random.default_rng(2).standard_normal((7, 6, 9))
    around = volume_neighbourhoods(voxels, AFFINE, radius_mm=6.0)
    masker = NiftiSpheresMasker(
        [tuple(each) for each in nibabel.affines.apply_affine(AFFINE, voxels[::37])],
        radius=6.0,
        allow_overlap=True,
        mask_img=nibabel.Nifti1Image(inside.astype(np.int8), AFFINE),
        standardize=None,
    )
    means = masker.fit_transform(nibabel.Nifti1Image(values[..., None], AFFINE)).ravel()
    at = values[tuple(voxels.T)]
    ours = [at[sorted(each)].mean() for each in rows(around)[::37]]
    np.testing.assert_allclose(means, ours, rtol=1e-5)


@pytest.mark.parametrize(("shared", "most"), [("face", 6), ("edge", 18), ("corner", 26)])
def test_who_touches_whom_in_a_volume(voxels, shared, most):
    touching = volume_adjacency(voxels, shared=shared).toarray()
    step = np.abs(voxels[:, None] - voxels[None])
    plain = (step.max(axis=2) == 1) & (step.sum(axis=2) <= {"face": 1, "edge": 2, "corner": 3}[shared])
    np.testing.assert_array_equal(touching, plain)
    block = np.argwhere(np.ones((3, 3, 3)))
    assert volume_adjacency(block, shared=shared).toarray()[13].sum() == most


def test_ways_along_a_surface(sphere):
    where, triangles = sphere
    touching = surface_adjacency(triangles, n_vertices=600)
    assert touching.nnz == 2 * 3 * len(triangles) / 2  # two triangles share an edge; each edge counts both ways
    graph = touching.toarray() * cdist(where, where)
    plain = [set(np.flatnonzero(row).tolist()) for row in dijkstra(graph) <= 20]
    assert rows(surface_neighbourhoods(where, triangles, radius_mm=20)) == plain


def test_the_nearest_are_equally_many(sphere):
    where, _ = sphere
    found = nearest_neighbourhoods(where, n_nearest=12)
    plain = np.argsort(cdist(where, where), axis=1)[:, :12]
    assert rows(found) == [set(each.tolist()) for each in plain]


def test_bad_input_is_said(voxels, sphere):
    where, triangles = sphere
    with pytest.raises(InvalidInput, match="radius -2 mm"):
        volume_neighbourhoods(voxels, AFFINE, radius_mm=-2)
    with pytest.raises(InvalidInput, match="1 of 3 voxels are listed twice"):
        volume_adjacency(voxels[[0, 1, 1]])
    with pytest.raises(InvalidInput, match="found 'point'"):
        volume_adjacency(voxels, shared="point")
    with pytest.raises(InvalidInput, match="there are 599"):
        surface_neighbourhoods(where[1:], triangles, radius_mm=3)
    with pytest.raises(InvalidInput, match="601 nearest of 600"):
        nearest_neighbourhoods(where, n_nearest=601)
