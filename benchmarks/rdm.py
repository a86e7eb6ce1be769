"""RDMs, crossnobis and the bootstrap of RSA, beside NumPy, SciPy and rsatoolbox, at the stated and at fresh sizes.

``python benchmarks/rdm.py [--repeats 3]``. Everybody is given arrays in the precision of their own (float32 for
consona's correlation and crossnobis RDMs, float64 for all peers and for the bootstraps), so no conversion is timed.
The limit is the fewest operations at the rate of a square matrix product in the same precision and process: n^2 v for
an RDM of n stimuli and v targets (it is symmetric), (runs + 1) n^2 v for crossnobis, the weighted sums for the Pearson
bootstrap. Ranks are bound by sorting and sums, so the Spearman bootstrap has no such limit. NumPy is the loop-free code
one would write: centre, scale, product, upper triangle (NumPy itself uses the symmetry of the product).
"""

import resource
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from rates import Facts, Measurement, cpu_seconds, gemm_gflops, report

RDM_SIZES = {"1000 x 10,000": (1000, 10_000), "700 x 6,000": (700, 6_000)}
RUN_SIZES = {"300 x 4 x 2,000": (4, 300, 2_000), "200 x 6 x 1,500": (6, 200, 1_500)}
DRAW_SIZES = {"1,000 draws, 3, 10, 100": (1_000, 3, 10, 100), "500 draws, 5, 6, 60": (500, 5, 6, 60)}
CHECKED_DRAWS = 20


def facts(function: Callable[[], object], flops: float | None = None, dtype: str = "float32") -> Facts:
    """Seconds, times the limit where there is one, and the peak memory of the process."""
    before = gemm_gflops(dtype)
    seconds = cpu_seconds(function)
    rate = (before + gemm_gflops(dtype)) / 2
    found = {"seconds": seconds}
    if flops is not None:
        found["times the limit"] = seconds * rate * 1e9 / flops
    return found | {"peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def patterns(size: tuple[int, ...], dtype: str) -> np.ndarray:
    """Patterns with an offset per stimulus."""
    rng = np.random.default_rng(40)
    X = rng.standard_normal(size) + rng.standard_normal((*size[:-1], 1))
    return X.astype(dtype)


def numpy_rdm(X: np.ndarray) -> np.ndarray:
    """As one writes it."""
    Z = X - X.mean(axis=1, keepdims=True)
    Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    return (1 - Z @ Z.T)[np.triu_indices(len(X), 1)]


def our_rdm(size: tuple[int, int]) -> Facts:
    """float32, and how far it is from float64."""
    from consona.stats.rdm import correlation_rdm

    X = patterns(size, "float32")
    found = facts(lambda: correlation_rdm(X), size[0] ** 2 * size[1])
    return found | {"largest difference": float(np.abs(correlation_rdm(X) - numpy_rdm(X.astype("float64"))).max())}


def their_rdm(size: tuple[int, int], peer: str) -> Facts:
    """NumPy or SciPy in float64."""
    from scipy.spatial.distance import pdist

    X = patterns(size, "float64")
    call = partial(numpy_rdm, X) if peer == "NumPy float64" else partial(pdist, X, "correlation")
    return facts(call, size[0] ** 2 * size[1], "float64")


def runs_of_rsatoolbox(B: np.ndarray) -> Callable[[], np.ndarray]:
    """Its crossnobis, the data set already made."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    n_runs, n_stimuli, n_targets = B.shape
    labels = {"run": np.repeat(np.arange(n_runs), n_stimuli), "stimulus": np.tile(np.arange(n_stimuli), n_runs)}
    data = Dataset(B.reshape(-1, n_targets), obs_descriptors=labels)
    given = {"descriptor": "stimulus", "cv_descriptor": "run"}
    return lambda: calc_rdm(data, "crossnobis", **given).get_vectors()[0]


def our_crossnobis(size: tuple[int, int, int], dtype: str) -> Facts:
    """And how far it is from rsatoolbox."""
    from consona.stats.crossnobis import crossnobis_rdm

    B = patterns(size, dtype)
    found = facts(lambda: crossnobis_rdm(B), (size[0] + 1) * size[1] ** 2 * size[2], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = runs_of_rsatoolbox(B.astype("float64"))()
    return found | {"largest difference": float(np.abs(crossnobis_rdm(B) - theirs).max())}


def their_crossnobis(size: tuple[int, int, int]) -> Facts:
    """rsatoolbox, without a precision."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return facts(runs_of_rsatoolbox(patterns(size, "float64")))


def rdms_of(size: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Models, and RDMs of subjects that hold the first."""
    _, n_models, n_rdms, n = size
    rng = np.random.default_rng(41)
    models = rng.random((n_models, n * (n - 1) // 2))
    return models, models[0] + rng.random((n_rdms, models.shape[1]))


def our_bootstrap(size: tuple[int, int, int, int], comparison: str) -> Facts:
    """And how far some draws are from resampling rows and columns."""
    from consona.stats.pair_weights import weighted_comparisons
    from consona.stats.rdm import condensed, square
    from consona.stats.rdm_bootstrap import drawn
    from consona.stats.rdm_comparison import compare_rdms

    (A, B), n = rdms_of(size), size[3]

    def call() -> np.ndarray:
        counts = drawn(n, size[0], seed=0, of="stimuli")
        return weighted_comparisons(A, B, counts, comparison=comparison)

    cells = 2 * len(A) + 2 * len(B) + len(A) * len(B)
    found = facts(call, 2 * size[0] * A.shape[1] * cells if comparison == "pearson" else None, "float64")
    apart = []
    for counts, r in zip(drawn(n, size[0], seed=0, of="stimuli")[:CHECKED_DRAWS], call(), strict=False):
        rows = np.repeat(np.arange(n), counts)
        kept = condensed(rows[:, None] != rows)
        sides = ([condensed(square(v)[np.ix_(rows, rows)])[kept] for v in side] for side in (A, B))
        apart.append(np.abs(r - compare_rdms(*(np.array(side) for side in sides), comparison=comparison)).max())
    return found | {"largest difference": float(np.max(apart))}


def their_bootstrap(size: tuple[int, int, int, int], comparison: str) -> Facts:
    """rsatoolbox over patterns, its ceiling switched off."""
    import tqdm
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    A, B = rdms_of(size)
    models, data = [ModelFixed(f"m{k}", a) for k, a in enumerate(A)], RDMs(B)
    tqdm.trange = range
    method = {"pearson": "corr", "spearman": "spearman"}[comparison]
    call = partial(eval_bootstrap_pattern, models, data, method=method, N=size[0], boot_noise_ceil=False)
    seconds = cpu_seconds(call, repeats=1, warm=False)
    return {"seconds": seconds, "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Print all figures, and the ratios of medians."""
    measured: dict[str, Measurement] = {}
    pairs: list[tuple[str, str]] = []

    def add(task: str, ours: Measurement, peers: dict[str, Measurement]) -> None:
        measured[f"{task}, consona"] = ours
        for peer, theirs in peers.items():
            measured[f"{task}, {peer}"] = theirs
            pairs.append((f"{task}, consona", f"{task}, {peer}"))

    for name, rdm in RDM_SIZES.items():
        peers = {peer: partial(their_rdm, rdm, peer) for peer in ("NumPy float64", "SciPy pdist")}
        add(f"correlation RDM {name}", partial(our_rdm, rdm), peers)
    for name, runs in RUN_SIZES.items():
        add(
            f"crossnobis {name}",
            partial(our_crossnobis, runs, "float32"),
            {"rsatoolbox": partial(their_crossnobis, runs)},
        )
        measured[f"crossnobis {name}, consona float64"] = partial(our_crossnobis, runs, "float64")
        pairs.append((f"crossnobis {name}, consona float64", f"crossnobis {name}, rsatoolbox"))
    for name, draws in DRAW_SIZES.items():
        for comparison in ("pearson", "spearman"):
            theirs = {"rsatoolbox": partial(their_bootstrap, draws, comparison)}
            add(f"{comparison} bootstrap {name}", partial(our_bootstrap, draws, comparison), theirs)
    found = report(__file__, measured, repeats=3)
    for ours, theirs in pairs:
        print(f"{ours}: {found[theirs]['seconds'] / found[ours]['seconds']:.1f} times as fast as {theirs}")


if __name__ == "__main__":
    main()
