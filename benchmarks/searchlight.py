"""RSA in 5,000 neighbourhoods of about 80 voxels, 100 stimuli, one model, beside rsatoolbox and a plain NumPy loop.

``python benchmarks/searchlight.py [--repeats 3]``. consona in float32; rsatoolbox computes in float64. Its comparison
is timed twice: ``evaluate_models_searchlight``, which its documentation uses, and one call of ``compare`` for all
centres, which is faster. The neighbourhoods are the same for all and not part of these times; finding them is timed
apart. The limit is the matrix products of the distances alone, at the rate of a square product measured in the same
process: gathering, normalising and sorting, which take most of the time, have no part in it.
"""

import contextlib
import io
import resource
import warnings
from collections.abc import Callable

import numpy as np

from rates import Facts, cpu_seconds, gemm_gflops, report

N_STIMULI, N_CENTRES, RADIUS_MM = 100, 5_000, 7.3
AFFINE = np.diag([2.5, 2.5, 2.5, 1.0])
METHODS = {"pearson": "corr", "spearman": "spearman"}


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Responses, a model, and the voxels of a ball-shaped mask, of which 5,000 are centres."""
    rng = np.random.default_rng(70)
    grid = np.argwhere(np.ones((24, 24, 24)))
    voxels = grid[np.linalg.norm(grid - 11.5, axis=1) <= 11.3]
    Y = rng.standard_normal((N_STIMULI, len(voxels)), dtype=np.float32)
    return Y, rng.random(N_STIMULI * (N_STIMULI - 1) // 2), voxels, rng.choice(len(voxels), N_CENTRES, replace=False)


def neighbourhoods(voxels: np.ndarray, centres: np.ndarray) -> "Neighbourhoods":  # noqa: F821  (imported inside)
    """Those of the centres."""
    from consona.brain.searchlight import volume_neighbourhoods
    from consona.stats.searchlight import Neighbourhoods

    every = volume_neighbourhoods(voxels, AFFINE, radius_mm=RADIUS_MM)
    members = [every.indices[every.indptr[c] : every.indptr[c + 1]] for c in centres]
    return Neighbourhoods(np.concatenate([[0], np.cumsum([len(m) for m in members])]), np.concatenate(members))


def peak_mb() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours() -> Facts:
    """Both comparisons, 1,000 permutations, and the limit."""
    from consona.stats.permutation import random_orders
    from consona.stats.searchlight import searchlight_rsa, searchlight_test

    Y, model, voxels, centres = data()
    around = neighbourhoods(voxels, centres)
    facts = {
        f"{how}, seconds": cpu_seconds(lambda how=how: searchlight_rsa(Y, around, model[None], comparison=how))
        for how in METHODS
    }
    facts["peak MB"] = peak_mb()
    flops = 2 * N_STIMULI**2 * len(around.indices)
    facts["pearson, times the limit"] = facts["pearson, seconds"] / (flops / gemm_gflops("float32") / 1e9)
    orders = random_orders(N_STIMULI, 1000, seed=0)
    null = cpu_seconds(lambda: searchlight_test(Y, around, model[None], orders), repeats=1, warm=False)
    return {
        **facts,
        "pearson with 1,000 permutations, seconds": null,
        "targets around": len(around.indices) / N_CENTRES,
    }


def by_loop(dtype: type) -> Facts:
    """One centre after the other, as one writes it."""
    from scipy.stats import rankdata

    from consona.stats.searchlight import searchlight_rsa

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

    facts = {}
    for how in METHODS:
        facts[f"{how}, seconds"] = cpu_seconds(lambda how=how: loop(how), repeats=1)
        apart = loop(how) - searchlight_rsa(Y, around, model[None], comparison=how)[:, 0]
        facts[f"{how}, largest difference to consona"] = float(np.abs(apart).max())
    return {**facts, "peak MB": peak_mb()}


def by_rsatoolbox(all_at_once: bool) -> Facts:
    """The toolbox's RDMs, then its comparison, centre by centre or in one call."""
    import rsatoolbox
    from rsatoolbox.util.searchlight import evaluate_models_searchlight, get_searchlight_RDMs

    from consona.stats.searchlight import searchlight_rsa

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

    facts = {}
    for how in METHODS:
        found: list[np.ndarray] = []
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():  # a progress bar; one RDM at a time
            warnings.simplefilter("ignore")
            facts[f"{how}, seconds"] = cpu_seconds(
                lambda how=how, found=found: found.append(scores(how)), repeats=1, warm=False
            )
        apart = found[0] - searchlight_rsa(Y, around, model[None], comparison=how)[:, 0]
        facts[f"{how}, largest difference to consona"] = float(np.abs(apart).max())
    return {**facts, "peak MB": peak_mb()}


def finding() -> Facts:
    """The neighbourhoods of all voxels of the mask, consona's and rsatoolbox's."""
    from rsatoolbox.util.searchlight import get_volume_searchlight

    from consona.brain.searchlight import volume_neighbourhoods

    _, _, voxels, _ = data()
    mask = np.zeros((24, 24, 24))
    mask[tuple(voxels.T)] = 1
    theirs = {"radius": RADIUS_MM / 2.5, "threshold": 0.0, "truncate_at_boundary": True}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        seconds = cpu_seconds(lambda: get_volume_searchlight(mask, **theirs), repeats=1, warm=False)
    ours = cpu_seconds(lambda: volume_neighbourhoods(voxels, AFFINE, radius_mm=RADIUS_MM))
    return {"consona, seconds": ours, "rsatoolbox, seconds": seconds}


def main() -> None:
    """Print all figures and the ratios."""
    peers: dict[str, Callable[[], Facts]] = {
        "rsatoolbox": lambda: by_rsatoolbox(False),
        "rsatoolbox, compare at once": lambda: by_rsatoolbox(True),
        "NumPy loop, float64": lambda: by_loop(np.float64),
        "NumPy loop, float32": lambda: by_loop(np.float32),
    }
    found = report(__file__, {"consona": ours, **peers, "finding neighbourhoods": finding}, repeats=3)
    for name in peers:
        fast, ranked = (found[name][f"{how}, seconds"] / found["consona"][f"{how}, seconds"] for how in METHODS)
        print(f"consona is {fast:.1f} (Pearson) and {ranked:.1f} (Spearman) times as fast as {name}")


if __name__ == "__main__":
    main()
