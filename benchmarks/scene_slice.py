"""One hemisphere of a subject of NSD in its true size, made up: what the study of scenes takes on it, part by part.

``python benchmarks/scene_slice.py --folder FOLDER``: 163,842 vertices, 9,485 + 515 images, captions of 384 features,
four regions of 5,700 vertices in which the captions are planted under noise; 6.6 GB are written to ``FOLDER`` and
removed at the end. The study's own functions run on the file, in the corrected mode. ``--share 0.05`` takes fewer
vertices. The read-out, whose time grows with the cube of the images, runs on 3,000 of them and is extrapolated from its
operations; ``--readout 9485`` takes all. Peaks of memory count the pages of the file that are mapped. One thread: on a
machine that others use, several wait for each other.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

from rates import Facts, Row, Side, forget_peak, gemm_gflops, peak_mb, sized  # first: it pins the threads

# isort: split
import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from consona.alignment.caption_readout import readout_scores
from consona.alignment.sampled_searchlight import averaged_maps, sampled_searchlight
from consona.alignment.sampled_sets import sampled_sets
from consona.alignment.selectivity import contrast_maps
from consona.brain.meshes import fsaverage5_mesh
from consona.brain.searchlight import surface_neighbourhoods
from consona.core.features import Features
from consona.datasets.response_files import ResponseFile, write_responses
from consona.datasets.twin_regions import twin_regions
from consona.engine.cost import ridge_flops
from consona.studies.scene_captions.encoding import whole_encoding
from consona.studies.scene_captions.material import Division
from consona.studies.scene_captions.readout import subject_readout
from consona.studies.scene_captions.rsa import region_rsa
from consona.studies.scene_captions.searchlight import N_FSAVERAGE5, SETS_AT_ONCE
from consona.studies.scene_captions.selectivity import told_maps

REGIONS = ("early", "ventral", "lateral", "parietal")
RELIABILITY = 0.43
"""Of a mean over three presentations at a signal-to-noise ratio of 0.5, about that of good vertices."""
N_MODELS, N_SENTENCES, N_GROUP, N_SEARCHED = 10, 74, 10, 3
RADIUS_MM = 10.8


class Task(NamedTuple):
    """Sizes."""

    n_vertices: int
    n_region: int
    n_train: int
    n_test: int
    n_features: int
    n_set: int
    n_permutations: int


WHOLE = Task(163_842, 5_700, 9_485, 515, 384, 100, 199)
SMALL = sized(Task(12_000, 285, 2_000, 200, 384, 100, 99), Task(700, 100, 260, 60, 12, 20, 19))


class Planted(NamedTuple):
    """The file, what is planted in it and where: ``weights (n_features, n_planted)`` give one unit of variance."""

    file: ResponseFile
    embedding: Features
    division: Division
    targets: np.ndarray
    weights: np.ndarray


class Measured(NamedTuple):
    """One part: seconds of the clock and of the processor, peak of memory, and what was found of what was planted."""

    part: str
    seconds: float
    cpu: float
    peak: float
    found: str
    share: float


def embedding_of(n: int, n_features: int, seed: int) -> np.ndarray:
    """Rows of unit length whose features differ in variance, as those of sentence embeddings do."""
    scale = np.linspace(1.5, 0.5, n_features)
    made = np.random.default_rng(seed).standard_normal((n, n_features)) * scale
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def regions_of(task: Task) -> np.ndarray:
    """Region of every vertex: patches on the coarse surface that comes first, scattered vertices beyond it."""
    n_coarse = N_FSAVERAGE5 if task.n_vertices >= N_FSAVERAGE5 else 0
    roi = np.full(task.n_vertices, "", dtype="<U8")
    if n_coarse:
        roi[:n_coarse] = twin_regions(fsaverage5_mesh("pial", "left")[0], np.repeat("left", n_coarse))
    rest = np.random.default_rng(1).permutation(np.arange(n_coarse, task.n_vertices))
    for name in REGIONS:
        few = max(0, task.n_region - int((roi == name).sum()))
        roi[rest[:few]], rest = name, rest[few:]
    return roi


def planted(task: Task, folder: str) -> Planted:
    """Write the responses, 500 images at a time: captions and noise in the regions, noise elsewhere."""
    roi = regions_of(task)
    n, targets = task.n_train + task.n_test, np.flatnonzero(roi != "")
    ids = [f"nsd{k:05d}" for k in range(n)]
    E = embedding_of(n, task.n_features, 2)
    W = np.random.default_rng(3).standard_normal((task.n_features, len(targets)), dtype=np.float32)
    W /= np.sqrt(np.einsum("ft,ft->t", W, np.cov(E.T).astype(np.float32) @ W))
    rng = np.random.default_rng(4)

    def fill(mapped: np.memmap) -> dict[str, np.ndarray]:
        for start in range(0, n, 500):
            rows = slice(start, min(start + 500, n))
            block = rng.standard_normal((rows.stop - start, task.n_vertices), dtype=np.float32)
            noise = np.float32(np.sqrt(1 - RELIABILITY)) * block[:, targets]
            block[:, targets] = np.float32(np.sqrt(RELIABILITY)) * (E[rows] @ W) + noise
            mapped[rows] = block
        places = {"vertex": np.arange(task.n_vertices), "hemisphere": np.repeat("left", task.n_vertices)}
        return {"roi": roi, **places}

    path = os.path.join(folder, "slice.npy")
    facts = {"made up": True}
    file = write_responses(path, ids, task.n_vertices, fill, subject="slice", repetitions=np.full(n, 3), facts=facts)
    division = Division(tuple(ids[: task.n_train]), tuple(ids[task.n_train :]))
    return Planted(file, Features.of(E, ids), division, targets, W)


def measured(part: str, work: Callable[[], tuple[str, float]]) -> Measured:
    """Do a part and print its line."""
    forget_peak()
    clock, cpu = time.perf_counter(), time.process_time()
    found, share = work()
    done = Measured(part, time.perf_counter() - clock, time.process_time() - cpu, peak_mb(), found, share)
    print(f"{part:<12} {done.seconds:7.1f} s {done.cpu:7.1f} CPU s {done.peak / 1024:6.2f} GiB   {found}", flush=True)
    return done


def encoding(made: Planted, task: Task) -> tuple[str, float]:
    """Every vertex; mean r where captions are planted, and where nothing is."""
    settings = {"mode": "corrected", "n_permutations": task.n_permutations, "seed": 0}
    scores = whole_encoding(made.file, made.embedding, made.division, **settings)
    r, q = scores["r"].values, scores["q"].values
    inside = np.isin(np.arange(len(r)), made.targets)
    best, got = np.sqrt(RELIABILITY), float(r[inside].mean())
    rest = f"elsewhere {r[~inside].mean():.4f}, {100 * (q[~inside] <= 0.05).mean():.2f} % at q <= .05"
    return f"mean r {got:.3f} of {best:.3f}; {rest}", got / float(best)


def expected_rsa(made: Planted, sets: xr.DataArray) -> float:
    """What RSA of the planted model can reach: noise within images, and noise of finitely many vertices."""
    E = made.embedding.select(sets.values[0]).layer(-1)
    G = E @ np.cov(made.weights) @ E.T
    G *= RELIABILITY / np.mean(np.diag(G))
    length = np.sqrt(np.diag(G) + 1 - RELIABILITY)
    upper = np.triu_indices(len(G), 1)
    brain, model = (G / np.outer(length, length))[upper], np.corrcoef(E)[upper]
    n = len(made.targets) / len(REGIONS)
    return float(np.corrcoef(brain, model)[0, 1] * brain.std() / np.sqrt(brain.var() + 1 / n))


def models_of(made: Planted, n: int) -> dict[str, Features]:
    """From the planted embedding to one that has nothing to do with it."""
    E, ids = made.embedding.layer(-1), made.embedding.ids
    other = embedding_of(len(E), E.shape[1], 5)
    shares = np.linspace(1, 0, n)
    return {f"{share:.2f}": Features.of(np.sqrt(share) * E + np.sqrt(1 - share) * other, ids) for share in shares}


def geometry(made: Planted, task: Task) -> tuple[str, float]:
    """All regions, all sets, ten models, with the null."""
    sets = sampled_sets(made.embedding.ids, n=task.n_set, seed=0)
    models = models_of(made, N_MODELS)
    found = region_rsa(made.file, models, sets, n_permutations=task.n_permutations, seed=0)
    r, best = found["mean"].mean("region").values, expected_rsa(made, sets)
    text = f"r {r[0]:.3f} of {best:.3f}; unrelated {r[-1]:.4f}; {sets.sizes['set']} sets, {N_MODELS} models"
    return text, float(r[0]) / best


def contrasts(made: Planted, task: Task) -> tuple[str, float]:
    """Maps of sentences, and the contrast of two groups of ten beside the true one."""
    S = embedding_of(N_SENTENCES, task.n_features, 6)
    S[:N_GROUP] += S[:1]  # what the first group is about
    told = Features.of(S, [f"sentence{k:03d}" for k in range(N_SENTENCES)])
    train = list(made.division.train)
    maps = told_maps(made.file, made.embedding, told, train, mode="corrected", seed=0)
    names = told.ids.tolist()
    given = maps.expand_dims(subject=["slice"]).transpose("subject", "sentence", "target")
    found = contrast_maps(given, {"two groups": (names[:N_GROUP], names[N_GROUP : 2 * N_GROUP])})["difference"].values[
        0, 0
    ]
    truth = (S[:N_GROUP].mean(axis=0) - S[N_GROUP : 2 * N_GROUP].mean(axis=0)) @ made.weights
    r = float(np.corrcoef(found[made.targets], truth)[0, 1])
    return f"r over planted vertices with the true contrast {r:.3f} of at most 1; {N_SENTENCES} sentences", r


def searchlight(made: Planted, task: Task) -> tuple[str, float]:
    """Three models around the vertices of the coarse surface, a few sets at a time, as in the study."""
    around = surface_neighbourhoods(*fsaverage5_mesh("pial", "left"), radius_mm=RADIUS_MM)
    sets, targets = sampled_sets(made.embedding.ids, n=task.n_set, seed=0), np.arange(N_FSAVERAGE5)
    models, parts = models_of(made, N_SEARCHED), []
    for start in range(0, sets.sizes["set"], SETS_AT_ONCE):
        some = sets.isel(set=slice(start, start + SETS_AT_ONCE))
        recording = made.file.recording(np.unique(some.values).tolist(), targets)
        parts.append(sampled_searchlight(recording, models, some, neighbourhoods=around))
    r = averaged_maps(parts)["r"].values[:, 0]
    inside = np.isin(targets, made.targets)
    rate = f"{N_FSAVERAGE5:,} centres of {np.diff(around.indptr).mean():.0f} vertices"
    got, rest = float(np.nanmean(r[inside])), float(np.nanmean(r[~inside]))
    return f"r {got:.3f} at planted centres, {rest:.3f} elsewhere; {rate}", got - rest


def readout(made: Planted, n_train: int) -> tuple[str, float]:
    """Captions of the test images from the regions."""
    some = Division(made.division.train[:n_train], made.division.test)
    decoded = subject_readout(made.file, made.embedding, some, mode="corrected", seed=0)
    scores = readout_scores(decoded, made.embedding, train=list(some.train), n_permutations=0)
    mean = dict(zip(scores["measure"].values.tolist(), scores["mean"].values.tolist(), strict=True))
    text = f"centred r {mean['centred_r']:.3f}, first {100 * mean['top1']:.0f} %, {len(some.train):,} training images"
    return text, mean["centred_r"]


def everything(task: Task, folder: str, n_readout: int) -> list[Measured]:
    """All parts on one file."""
    kept: list[Planted] = []

    def written() -> tuple[str, float]:
        kept.append(planted(task, folder))
        return f"{os.path.getsize(kept[0].file.path) / 1e9:.2f} GB", 1.0

    done = [measured("writing", written)]
    made = kept[0]
    parts = {"encoding": encoding, "rsa": geometry, "contrasts": contrasts}
    if task.n_vertices >= N_FSAVERAGE5:
        parts["searchlight"] = searchlight
    done += [measured(name, lambda part=part: part(made, task)) for name, part in parts.items()]
    return [*done, measured("read-out", lambda: readout(made, n_readout))]


def small() -> Facts:
    """A slice that takes seconds."""
    before = gemm_gflops("float32")
    with tempfile.TemporaryDirectory() as folder:
        done = {each.part: each for each in everything(SMALL, folder, SMALL.n_train)}
    cpu = sum(each.cpu for each in done.values())
    operations = cpu * (before + gemm_gflops("float32")) / 2
    shares = {f"{name}, share found": done[name].share for name in ("encoding", "rsa", "contrasts", "read-out")}
    return {"seconds": cpu, "Gflop at the rate of the product": operations, **shares}


SIDES = {"consona": Side(small)}
ROWS = (
    Row(
        "study of scenes, 12,000 vertices, 2,200 images: file, encoding, RSA, contrasts, searchlight, read-out",
        "consona",
        agreement={
            "encoding, share found": (">=", sized(0.85, 0.5)),
            "rsa, share found": (">=", sized(0.9, 0.5)),
            "contrasts, share found": (">=", sized(0.8, 0.5)),
            "read-out, share found": (">=", sized(0.5, 0.2)),
        },
    ),
)


def main() -> None:
    """Print one line per part, and the read-out of all images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of the vertices")
    parser.add_argument("--readout", type=int, default=3000, help="training images of the read-out")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    task = WHOLE._replace(
        n_vertices=round(WHOLE.n_vertices * asked.share), n_region=round(WHOLE.n_region * asked.share)
    )
    print(f"{task}\nmatrix product, float64, one thread: {gemm_gflops('float64'):.0f} GFLOP/s")
    os.makedirs(asked.folder, exist_ok=True)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder, threadpool_limits(limits=asked.threads):
        done = everything(task, folder, min(asked.readout, task.n_train))
    print(f"together {time.perf_counter() - begun:.0f} s, {sum(each.cpu for each in done):.0f} CPU s")
    width = task.n_region * len(REGIONS)
    n_used = min(asked.readout, task.n_train)
    now, then = (ridge_flops(n, width, 5, 20)[0] for n in (n_used, task.n_train))
    if n_used < task.n_train < width:
        print(
            f"read-out of {task.n_train:,} training images, from its operations: {done[-1].cpu * then / now:.0f} CPU s"
        )


if __name__ == "__main__":
    main()
