"""A searchlight of 895 voxels, 2,000 centres, one set of 100 images, 10 models; and regions with their null.

``python benchmarks/sampled_searchlight.py``. consona in float32, from features to maps; rsatoolbox in float64, RDMs of
the brain once for all models and one call of ``compare``; the NumPy loop in float32, one product per centre. The
neighbourhoods are the same for all and not part of these times. The limit is the product of the distances alone, at
the rate of a square product measured in the same process. ``per second`` counts centres, of all models at once.
"""

import contextlib
import io
from functools import partial

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

N_STIMULI, N_CENTRES, N_ACROSS, RADIUS = sized((100, 2_000, 42, 6.0), (12, 20, 12, 2.5))
N_MODELS, N_FEATURES = 10, sized(384, 8)
N_SETS, N_VERTICES, N_PERMUTATIONS = sized((10, 11_168, 1000), (2, 50, 10))
IDS = np.array([f"image{i:05d}" for i in range(N_STIMULI * N_SETS)])


def models(n_stimuli: int) -> dict[str, np.ndarray]:
    """Features of ten models."""
    rng = np.random.default_rng(71)
    return {f"model {k}": rng.standard_normal((n_stimuli, N_FEATURES), dtype=np.float32) for k in range(N_MODELS)}


def brain() -> tuple[np.ndarray, "Neighbourhoods"]:  # noqa: F821  (imported inside)
    """Responses in a ball of voxels, and whole spheres around some of them."""
    from consona.brain.searchlight import mostly_inside, sphere_size, volume_neighbourhoods
    from consona.stats.searchlight import Neighbourhoods

    grid, half = np.argwhere(np.ones((N_ACROSS,) * 3)), N_ACROSS / 2 - 0.5
    voxels = grid[np.linalg.norm(grid - half, axis=1) <= half]
    size = sphere_size(np.eye(4), radius_mm=RADIUS, strict=True)
    around = volume_neighbourhoods(voxels, np.eye(4), radius_mm=RADIUS, strict=True)
    whole = mostly_inside(around, size=size, share=1.0, strict=False)
    wanted = np.cumsum(np.diff(whole.indptr) > 0) <= N_CENTRES
    n_each = np.where(wanted, np.diff(whole.indptr), 0)
    kept = Neighbourhoods(np.concatenate([[0], np.cumsum(n_each)]), whole.indices[: n_each.sum()])
    Y = np.random.default_rng(70).standard_normal((N_STIMULI, len(voxels)), dtype=np.float32)
    return Y, kept


def named(values: dict[str, np.ndarray]) -> "dict[str, Features]":  # noqa: F821
    """As the library takes them."""
    from consona.core.features import Features

    return {name: Features.of(each, IDS[: len(each)]) for name, each in values.items()}


def by_consona(Y: np.ndarray, around: "Neighbourhoods") -> np.ndarray:  # noqa: F821
    """Maps of all models, of the centres only."""
    from consona.alignment.sampled_searchlight import sampled_searchlight
    from consona.alignment.sampled_sets import sampled_sets
    from consona.core.recording import Recording

    ids = IDS[:N_STIMULI]
    sets = sampled_sets(ids, n=N_STIMULI, seed=0)
    found = sampled_searchlight(Recording.of(Y, ids, "one"), named(models(N_STIMULI)), sets, neighbourhoods=around)
    return found["r"].values[np.diff(around.indptr) > 0]


def loop(Y: np.ndarray, around: "Neighbourhoods") -> np.ndarray:  # noqa: F821
    """One centre after the other, as one writes it, with the RDM made once for all models."""
    upper = np.triu_indices(N_STIMULI, 1)
    M = np.stack([1 - np.corrcoef(each)[upper] for each in models(N_STIMULI).values()])
    M = M - M.mean(axis=1, keepdims=True)
    M = (M / np.linalg.norm(M, axis=1, keepdims=True)).astype(np.float32)
    scores = []
    for centre in np.flatnonzero(np.diff(around.indptr)):
        P = Y[:, around.indices[around.indptr[centre] : around.indptr[centre + 1]]]
        P = P - P.mean(axis=1, keepdims=True)
        P /= np.linalg.norm(P, axis=1, keepdims=True)
        d = (1 - P @ P.T)[upper]
        d = d - d.mean()
        scores.append(M @ d / np.linalg.norm(d))
    return np.stack(scores)


def by_rsatoolbox(Y: np.ndarray, around: "Neighbourhoods") -> np.ndarray:  # noqa: F821
    """The toolbox's RDMs of the brain, and its comparison of all of them with all models."""
    import rsatoolbox
    from rsatoolbox.util.searchlight import get_searchlight_RDMs

    centres = np.flatnonzero(np.diff(around.indptr))
    members = [around.indices[around.indptr[c] : around.indptr[c + 1]] for c in centres]
    upper = np.triu_indices(N_STIMULI, 1)
    M = np.stack([1 - np.corrcoef(each)[upper] for each in models(N_STIMULI).values()])
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar
        rdms = get_searchlight_RDMs(Y, centres, members, np.arange(N_STIMULI), method="correlation", verbose=False)
    return rsatoolbox.rdm.compare(rdms, rsatoolbox.rdm.RDMs(M), method="corr")


def searchlight(how: str) -> Facts:
    """What one way takes, and how far its maps are from those of consona."""
    Y, around = brain()
    ways = {"consona": by_consona, "loop": loop, "rsatoolbox": by_rsatoolbox}
    kept: list[np.ndarray] = []
    flops = 2 * N_STIMULI**2 * len(around.indices) if how == "consona" else None
    found = timed(lambda: kept.append(ways[how](Y, around)), flops=flops, repeats=1, warm=how == "consona")
    found["per second"] = len(kept[-1]) / max(found["seconds"], 1e-9)
    return found | {"difference of maps": float(np.abs(kept[-1] - by_consona(Y, around)).max())}


def regions(how: str) -> Facts:
    """One region as large as ventral cortex on fsaverage."""
    from consona.alignment.sampled_rsa import sampled_rsa
    from consona.alignment.sampled_sets import sampled_sets
    from consona.core.recording import Recording

    Y = np.random.default_rng(72).standard_normal((len(IDS), N_VERTICES), dtype=np.float32)
    features, sets = models(len(IDS)), sampled_sets(IDS, n=N_STIMULI, seed=0)
    recording, place = Recording.of(Y, IDS, "one"), {name: i for i, name in enumerate(IDS.tolist())}

    def ours(n_permutations: int = 0) -> np.ndarray:
        return sampled_rsa(recording, named(features), sets, n_permutations=n_permutations)["r"].values[0]

    def scipy() -> np.ndarray:
        from scipy.spatial.distance import pdist

        found = np.empty((N_MODELS, N_SETS))
        for k, names in enumerate(sets.values.tolist()):
            rows = [place[name] for name in names]
            d = pdist(Y[rows], "correlation")
            found[:, k] = [np.corrcoef(d, pdist(each[rows], "correlation"))[0, 1] for each in features.values()]
        return found

    ways = {"consona": ours, "null": partial(ours, N_PERMUTATIONS), "scipy": scipy}
    kept: list[np.ndarray] = []
    found = timed(lambda: kept.append(ways[how]()), repeats=1, warm=how != "scipy")
    return found | {"difference of r": float(np.abs(kept[-1] - ours()).max())}


SIDES = {
    "consona": Side(partial(searchlight, "consona")),
    "rsatoolbox": Side(partial(searchlight, "rsatoolbox"), ("rsatoolbox",), "float64", "one call of compare"),
    "NumPy loop": Side(partial(searchlight, "loop")),
    "regions": Side(partial(regions, "consona")),
    "SciPy": Side(partial(regions, "scipy"), dtype="float64"),
    "null": Side(partial(regions, "null")),
}
ROWS = (
    Row(
        "searchlight of 895 voxels, 2,000 centres, 100 images, 10 models",
        "consona",
        ("rsatoolbox", "NumPy loop"),
        reach={"rsatoolbox": 5, "NumPy loop": 1, "seconds": 2},
        agreement={"difference of maps": ("<=", 2e-5)},
    ),
    Row(
        "RSA of a region of 11,168 vertices, 10 sets of 100, 10 models",
        "regions",
        ("SciPy",),
        reach={"SciPy": 1},
        agreement={"difference of r": ("<=", 2e-5)},
    ),
    Row("the same with 1,000 permutations", "null", agreement={"difference of r": ("<=", 1e-9)}),
)

if __name__ == "__main__":
    show(__file__)
