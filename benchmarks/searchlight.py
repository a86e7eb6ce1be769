"""RSA in 5,000 neighbourhoods of about 80 voxels, 100 stimuli, one model, beside rsatoolbox and a plain NumPy loop.

``python benchmarks/searchlight.py``. consona in float32; rsatoolbox computes in float64. Its comparison
is timed twice: ``evaluate_models_searchlight``, which its documentation uses, and one call of ``compare`` for all
centres, which is faster. The neighbourhoods are the same for all and not part of these times; finding them is timed
apart. The limit is the matrix products of the distances alone, at the rate of a square product measured in the same
process: gathering, normalising and sorting, which take most of the time, have no part in it.
"""

import contextlib
import io
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

N_STIMULI, N_CENTRES, RADIUS_MM = sized((100, 5_000, 7.3), (12, 10, 4.0))
N_ACROSS = sized(24, 9)  # the mask is a ball in a cube of so many voxels
N_PERMUTATIONS = sized(1000, 10)
AFFINE = np.diag([2.5, 2.5, 2.5, 1.0])
METHODS = {"pearson": "corr", "spearman": "spearman"}


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Responses, a model, and the voxels of a ball-shaped mask, of which 5,000 are centres."""
    rng = np.random.default_rng(70)
    grid, half = np.argwhere(np.ones((N_ACROSS,) * 3)), N_ACROSS / 2 - 0.5
    voxels = grid[np.linalg.norm(grid - half, axis=1) <= half - 0.2]
    Y = rng.standard_normal((N_STIMULI, len(voxels)), dtype=np.float32)
    return Y, rng.random(N_STIMULI * (N_STIMULI - 1) // 2), voxels, rng.choice(len(voxels), N_CENTRES, replace=False)


def neighbourhoods(voxels: np.ndarray, centres: np.ndarray) -> "Neighbourhoods":  # noqa: F821  (imported inside)
    """Those of the centres."""
    from consona.brain.searchlight import volume_neighbourhoods
    from consona.stats.searchlight import Neighbourhoods

    every = volume_neighbourhoods(voxels, AFFINE, radius_mm=RADIUS_MM)
    members = [every.indices[every.indptr[c] : every.indptr[c + 1]] for c in centres]
    return Neighbourhoods(np.concatenate([[0], np.cumsum([len(m) for m in members])]), np.concatenate(members))


def each_way(scores: Callable[[str], np.ndarray], *, flops: float | None = None, warm: bool = True) -> Facts:
    """What both comparisons take, and how far the scores are from those of consona."""
    from consona.stats.searchlight import searchlight_rsa

    Y, model, voxels, centres = data()
    facts: Facts = {}
    for how in METHODS:
        kept: list[np.ndarray] = []
        found = timed(lambda how=how, kept=kept: kept.append(scores(how)), flops=flops, repeats=1, warm=warm)
        ours = searchlight_rsa(Y, neighbourhoods(voxels, centres), model[None], comparison=how)[:, 0]
        found["difference of scores"] = float(np.abs(kept[-1] - ours).max())
        facts |= {f"{how}, {fact}": value for fact, value in found.items()}
    return facts


def ours() -> Facts:
    """Both comparisons, and their limit."""
    from consona.stats.searchlight import searchlight_rsa

    Y, model, voxels, centres = data()
    around = neighbourhoods(voxels, centres)
    flops = 2 * N_STIMULI**2 * len(around.indices)
    return each_way(lambda how: searchlight_rsa(Y, around, model[None], comparison=how)[:, 0], flops=flops)


def permuted() -> Facts:
    """Pearson with 1,000 orders of the stimuli, and how far the scores are from those without."""
    from consona.stats.permutation import random_orders
    from consona.stats.searchlight import searchlight_rsa, searchlight_test

    Y, model, voxels, centres = data()
    around, orders = neighbourhoods(voxels, centres), random_orders(N_STIMULI, N_PERMUTATIONS, seed=0)
    tested: list = []
    found = timed(lambda: tested.append(searchlight_test(Y, around, model[None], orders)), repeats=1, warm=False)
    apart = np.abs(tested[0].scores - searchlight_rsa(Y, around, model[None])).max()
    return found | {"difference to scores alone": float(apart)}


def by_loop(dtype: type) -> Facts:
    """One centre after the other, as one writes it."""
    from scipy.stats import rankdata

    Y, model, voxels, centres = data()
    around = neighbourhoods(voxels, centres)
    upper = np.triu_indices(N_STIMULI, 1)

    def loop(how: str) -> np.ndarray:
        order = rankdata if how == "spearman" else np.asarray
        m, values = order(model), Y.astype(dtype)
        m = ((m - m.mean()) / np.linalg.norm(m - m.mean())).astype(dtype)
        scores = np.empty(N_CENTRES)
        for centre in range(N_CENTRES):
            P = values[:, around.indices[around.indptr[centre] : around.indptr[centre + 1]]]
            P = P - P.mean(axis=1, keepdims=True)
            P /= np.linalg.norm(P, axis=1, keepdims=True)
            d = order((1 - P @ P.T)[upper])
            d = d - d.mean()
            scores[centre] = d @ m / np.linalg.norm(d)
        return scores

    return each_way(loop, warm=False)


def by_rsatoolbox(all_at_once: bool) -> Facts:
    """The toolbox's RDMs, then its comparison, centre by centre or in one call."""
    import rsatoolbox
    from rsatoolbox.util.searchlight import evaluate_models_searchlight, get_searchlight_RDMs

    Y, model, voxels, centres = data()
    around = neighbourhoods(voxels, centres)
    members = np.split(around.indices, around.indptr[1:-1])
    fixed = rsatoolbox.model.ModelFixed("model", model)

    def scores(how: str) -> np.ndarray:
        rdms = get_searchlight_RDMs(Y, centres, members, np.arange(N_STIMULI), method="correlation", verbose=False)
        if all_at_once:
            return rsatoolbox.rdm.compare(rsatoolbox.rdm.RDMs(model[None]), rdms, method=METHODS[how])[0]
        every = evaluate_models_searchlight(rdms, fixed, rsatoolbox.inference.eval_fixed, method=METHODS[how])
        return np.array([float(each.evaluations.squeeze()) for each in every])

    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():  # a progress bar; one RDM at a time
        warnings.simplefilter("ignore")
        return each_way(scores, warm=False)


def found_by_consona() -> Facts:
    """The neighbourhoods of all voxels of the mask."""
    from consona.brain.searchlight import volume_neighbourhoods

    voxels = data()[2]
    return timed(lambda: volume_neighbourhoods(voxels, AFFINE, radius_mm=RADIUS_MM))


def found_by_rsatoolbox() -> Facts:
    """The same by its function, and the share of them that has other voxels in consona."""
    from rsatoolbox.util.searchlight import get_volume_searchlight

    from consona.brain.searchlight import volume_neighbourhoods

    voxels = data()[2]
    mask = np.zeros((N_ACROSS,) * 3)
    mask[tuple(voxels.T)] = 1
    result: list = []
    with contextlib.redirect_stderr(io.StringIO()):
        found = timed(
            lambda: result.append(
                get_volume_searchlight(mask, radius=RADIUS_MM / 2.5, threshold=0.0, truncate_at_boundary=True)
            ),
            repeats=1,
            warm=False,
        )
    every, (centres, members) = volume_neighbourhoods(voxels, AFFINE, radius_mm=RADIUS_MM), result[0]
    ours = np.split(np.ravel_multi_index(voxels.T, mask.shape)[every.indices], every.indptr[1:-1])
    theirs = dict(zip(np.asarray(centres).tolist(), members, strict=True))
    own = np.ravel_multi_index(voxels.T, mask.shape).tolist()
    same = [c in theirs and np.array_equal(np.sort(m), np.sort(theirs[c])) for c, m in zip(own, ours, strict=True)]
    return found | {"other neighbourhoods, share": 1 - float(np.mean(same))}


TOOLBOX = ("rsatoolbox", "rsatoolbox, compare at once")
LOOPS = ("NumPy loop, float64", "NumPy loop, float32")
SIDES = {
    "consona": Side(ours),
    "rsatoolbox": Side(partial(by_rsatoolbox, False), ("rsatoolbox",), "float64", "evaluate_models_searchlight"),
    "rsatoolbox, compare at once": Side(
        partial(by_rsatoolbox, True), ("rsatoolbox",), "float64", "one call of compare for all centres"
    ),
    "NumPy loop, float64": Side(partial(by_loop, np.float64), dtype="float64"),
    "NumPy loop, float32": Side(partial(by_loop, np.float32)),
    "permuted": Side(permuted),
    "consona @ finding": Side(found_by_consona),
    "rsatoolbox @ finding": Side(found_by_rsatoolbox, ("rsatoolbox",)),
}
ROWS = (
    *(
        Row(
            f"searchlight RSA, 5,000 centres, 100 stimuli, {how}",
            "consona",
            (*TOOLBOX, *LOOPS),
            reach={"rsatoolbox": least, "NumPy loop": 1},
            agreement={f"{how}, difference of scores": ("<=", 2e-5)},
            prefix=f"{how}, ",
        )
        for how, least in (("pearson", 25), ("spearman", 15))
    ),
    Row(
        "the same, Pearson, with 1,000 permutations",
        "permuted",
        agreement={"difference to scores alone": ("<=", 1e-6)},
    ),
    Row(
        "finding the neighbourhoods of all voxels",
        "consona @ finding",
        ("rsatoolbox @ finding",),
        agreement={"other neighbourhoods, share": ("<=", 0)},
    ),
)

if __name__ == "__main__":
    show(__file__)
