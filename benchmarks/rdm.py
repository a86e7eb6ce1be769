"""RDMs, crossnobis and the bootstrap of RSA, beside NumPy, SciPy and rsatoolbox, at the stated and at fresh sizes.

``python benchmarks/rdm.py``. Everybody is given arrays in the precision of their own (float32 for
consona's correlation and crossnobis RDMs, float64 for all peers and for the bootstraps), so no conversion is timed.
The limit is the fewest operations at the rate of a square matrix product in the same precision and process: n^2 v for
an RDM of n stimuli and v targets (it is symmetric), (runs + 1) n^2 v for crossnobis, the weighted sums for the Pearson
bootstrap. Ranks are bound by sorting and sums, so the Spearman bootstrap has no such limit. NumPy is the loop-free code
one would write: centre, scale, product, upper triangle (NumPy itself uses the symmetry of the product).
"""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

RDM_SIZES = {"1000 x 10,000": sized((1000, 10_000), (30, 50)), "700 x 6,000": sized((700, 6_000), (20, 40))}
RUN_SIZES = {
    "300 x 4 x 2,000": sized((4, 300, 2_000), (4, 12, 30)),
    "200 x 6 x 1,500": sized((6, 200, 1_500), (6, 9, 20)),
}
DRAW_SIZES = {
    "1,000 draws, 3 models, 10 RDMs, 100 stimuli": sized((1_000, 3, 10, 100), (20, 2, 3, 12)),
    "500 draws, 5 models, 6 RDMs, 60 stimuli": sized((500, 5, 6, 60), (10, 2, 2, 11)),
}
METHODS = {"pearson": "corr", "spearman": "spearman"}
CHECKED_DRAWS = sized(20, 3)


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
    found = timed(lambda: correlation_rdm(X), flops=size[0] ** 2 * size[1])
    return found | {"difference to float64": float(np.abs(correlation_rdm(X) - numpy_rdm(X.astype("float64"))).max())}


def their_rdm(size: tuple[int, int], peer: str) -> Facts:
    """NumPy or SciPy in float64."""
    from scipy.spatial.distance import pdist

    X = patterns(size, "float64")
    call = partial(numpy_rdm, X) if peer == "NumPy float64" else partial(pdist, X, "correlation")
    return timed(call, flops=size[0] ** 2 * size[1], dtype="float64", repeats=3 if peer == "NumPy float64" else 1)


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
    """R + 1 Grams."""
    from consona.stats.crossnobis import crossnobis_rdm

    B = patterns(size, dtype)
    return timed(lambda: crossnobis_rdm(B), flops=(size[0] + 1) * size[1] ** 2 * size[2], dtype=dtype)


def their_crossnobis(size: tuple[int, int, int]) -> Facts:
    """rsatoolbox, without a precision, and how far consona is in both precisions."""
    from consona.stats.crossnobis import crossnobis_rdm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call = runs_of_rsatoolbox(patterns(size, "float64"))
        found, theirs = timed(call), call()
    apart = {dtype: np.abs(crossnobis_rdm(patterns(size, dtype)) - theirs).max() for dtype in ("float32", "float64")}
    return found | {f"difference, {dtype}": float(value) for dtype, value in apart.items()}


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
    flops = 2 * size[0] * A.shape[1] * cells if comparison == "pearson" else None
    found = timed(call, flops=flops, dtype="float64")
    apart = []
    for counts, r in zip(drawn(n, size[0], seed=0, of="stimuli")[:CHECKED_DRAWS], call(), strict=False):
        rows = np.repeat(np.arange(n), counts)
        kept = condensed(rows[:, None] != rows)
        sides = ([condensed(square(v)[np.ix_(rows, rows)])[kept] for v in side] for side in (A, B))
        apart.append(np.abs(r - compare_rdms(*(np.array(side) for side in sides), comparison=comparison)).max())
    return found | {"difference to resampling": float(np.max(apart))}


def their_bootstrap(size: tuple[int, int, int, int], comparison: str) -> Facts:
    """rsatoolbox over patterns, its ceiling switched off."""
    import tqdm
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    A, B = rdms_of(size)
    models, data = [ModelFixed(f"m{k}", a) for k, a in enumerate(A)], RDMs(B)
    tqdm.trange = range
    method = METHODS[comparison]
    call = partial(eval_bootstrap_pattern, models, data, method=method, N=size[0], boot_noise_ceil=False)
    return timed(call, repeats=1, warm=False)


def sides() -> dict[str, Side]:
    """All implementations at all sizes."""
    found, toolbox = {}, ("rsatoolbox",)
    for name, rdm in RDM_SIZES.items():
        found[f"consona @ {name}"] = Side(partial(our_rdm, rdm))
        for peer in ("NumPy float64", "SciPy pdist"):
            found[f"{peer} @ {name}"] = Side(partial(their_rdm, rdm, peer), ("scipy",), "float64")
    for name, runs in RUN_SIZES.items():
        for dtype in ("float32", "float64"):
            found[f"consona {dtype} @ {name}"] = Side(partial(our_crossnobis, runs, dtype), dtype=dtype)
        found[f"rsatoolbox @ {name}"] = Side(
            partial(their_crossnobis, runs), toolbox, "float64", "no precision; the Dataset made before"
        )
    for name, draws in DRAW_SIZES.items():
        for how, method in METHODS.items():
            found[f"consona @ {how}, {name}"] = Side(partial(our_bootstrap, draws, how), dtype="float64")
            found[f"rsatoolbox @ {how}, {name}"] = Side(
                partial(their_bootstrap, draws, how), toolbox, "float64", f"method={method}, boot_noise_ceil=False"
            )
    return found


def rows() -> tuple[Row, ...]:
    """Those with a reach are the stated sizes in float32, the others fresh ones."""
    found = []
    for name, reach in zip(RDM_SIZES, ({"NumPy": 3, "SciPy": 10}, {}), strict=True):
        found.append(
            Row(
                f"correlation RDM {name}", f"consona @ {name}", (f"NumPy float64 @ {name}", f"SciPy pdist @ {name}"),
                reach, {"difference to float64": ("<=", 1e-6)},
            )
        )  # fmt: skip
    for name in RUN_SIZES:
        for dtype, bound in (("float32", 2e-5), ("float64", 1e-12)):
            reach = {"rsatoolbox": 14} if (name, dtype) == ("300 x 4 x 2,000", "float32") else {}
            agreement = {f"difference, {dtype}": ("<=", bound)}
            ours = f"consona {dtype} @ {name}"
            found.append(Row(f"crossnobis {name}, {dtype}", ours, (f"rsatoolbox @ {name}",), reach, agreement))
    for name, reach in zip(DRAW_SIZES, ({"pearson": 25, "spearman": 10}, {}), strict=True):
        for how in METHODS:
            peers = (f"rsatoolbox @ {how}, {name}",)
            wanted = {"rsatoolbox": reach[how]} if reach else {}
            agreement = {"difference to resampling": ("<=", 1e-12)}
            found.append(Row(f"bootstrap, {how}, {name}", f"consona @ {how}, {name}", peers, wanted, agreement))
    return tuple(found)


SIDES, ROWS = sides(), rows()

if __name__ == "__main__":
    show(__file__)
