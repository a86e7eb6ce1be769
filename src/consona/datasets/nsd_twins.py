"""A twin of the Natural Scenes Dataset on disk: made-up people, small shapes, and every file in its real layout."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, require_dims, require_same_ids
from consona.core.stimuli import Stimuli
from consona.datasets import nsd_twin_files as files
from consona.datasets.nsd_twin_brains import stream_numbers, write_once, write_subject
from consona.datasets.nsd_twin_design import Experiment, TwinDesign
from consona.datasets.planted_responses import Planted
from consona.datasets.twin_regions import surface_positions, twin_regions
from consona.engine.fingerprint import fingerprint
from consona.engine.store import write_atomically
from consona.stats.seeds import rng_for

__all__ = ["TwinDesign", "nsd_twin_key", "write_nsd_twin"]

TRUTH = "twin.json"
EXPERIMENT, ANNOTATIONS = "nsddata/experiments/nsd", "nsddata_stimuli/stimuli/nsd/annotations"
LABELS = "nsddata/freesurfer/fsaverage/label"
SPLITS = ("train2017", "val2017")
_VERSION = 1
"""Of the recipe: another one makes another twin."""


def write_nsd_twin(
    folder: Path | str,
    images: xr.DataArray,
    stimuli: Stimuli,
    signals: Mapping[str, npt.ArrayLike],
    design: TwinDesign | None = None,
    *,
    planted: Planted | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write a made-up Natural Scenes Dataset, or complete one that was interrupted; return what is planted in it.

    Image number *i* (from 0) is the *i*-th of the images given. A trial of a vertex is its planted response plus noise,
    the noise of SD 1, then made into percent of signal change: a level of the vertex, and an offset and a gain of the
    session. No more than one session is in memory; every file is written whole or not at all, and a file that is there
    is not written again. The ``ncsnr`` files hold what is planted, not an estimate.

    Parameters
    ----------
    folder
        New, empty, or holding the same twin, whole or in part.
    images
        uint8 ``(stimulus, y, x, colour)``.
    stimuli
        The same, in the same order: ``text`` (captions), and ``categories`` where known.
    signals
        By region (early, ventral, lateral, parietal): features of all images, ``(n_images, d)``. Regions that are not
        named hold noise alone.
    design
        How many of everything.
    planted
        How strong the signal is and what people share.
    seed
        Of the experiment, the weights and the noise.

    Returns
    -------
    dict
        JSON-able: ``ncsnr`` by subject and region, ``best_r`` (correlation of a perfect model with the mean over
        repetitions, by region), shared image numbers, trials, settings. It is also in ``twin.json``.

    Raises
    ------
    InvalidInput
        When images, stimuli and signals differ, there are too few images, or the folder holds something else.
    MissingExtra
        Where nilearn or nibabel is not installed (``consona[fmri]``).
    StoreError
        When the disk is full.
    """
    plan, what, root = design or TwinDesign(), planted or Planted(), Path(folder)
    _require_same(images, stimuli, signals, plan)
    key = nsd_twin_key(images, stimuli, signals, plan, planted=what, seed=seed)
    known = _state(root, key)
    if known.get("finished") and known.get("n_files") == _n_files(root):
        return dict(known["truth"])
    write_atomically(root / TRUTH, _json({"key": key, "finished": False}))
    experiment = Experiment(plan, len(stimuli), seed)
    for path, make in _experiment_files(experiment, images, stimuli):
        write_once(root / path, make)
    people = {
        f"subj{number + 1:02d}": write_subject(root, experiment, number, signals, what)
        for number in range(plan.n_subjects)
    }
    shared = (experiment.shared - 1).tolist()
    truth = {"settings": _settings(plan, what, seed), "shared_nsd_ids": shared, "subjects": people}
    write_atomically(root / TRUTH, _json({"key": key, "finished": True, "n_files": _n_files(root), "truth": truth}))
    return dict(_state(root, key)["truth"])


def nsd_twin_key(
    images: xr.DataArray,
    stimuli: Stimuli,
    signals: Mapping[str, npt.ArrayLike],
    design: TwinDesign | None = None,
    *,
    planted: Planted | None = None,
    seed: int = 0,
) -> str:
    """What a twin is made of, in one hash: with another one, :func:`write_nsd_twin` needs another folder.

    Parameters as there.
    """
    arrays = {name: np.asarray(each) for name, each in signals.items()}
    settings = _settings(design or TwinDesign(), planted or Planted(), seed)
    return str(fingerprint([images, stimuli, arrays, settings]))


def _settings(design: TwinDesign, planted: Planted, seed: int) -> dict[str, Any]:
    numbers = {name: getattr(planted, name) for name in ("shared", "smoothness_mm", "ncsnr", "spread")}
    tilt = {name: np.asarray(each, dtype=np.float64).tolist() for name, each in planted.tilt.items()}
    return {**asdict(design), "planted": {**numbers, "tilt": tilt}, "seed": seed, "version": _VERSION}


def _experiment_files(
    experiment: Experiment, images: xr.DataArray, stimuli: Stimuli
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What is not of one subject: design, images, captions, labels of the surface."""
    n_subjects = experiment.design.n_subjects
    trials = [experiment.trials(number) for number in range(n_subjects)]
    coco = _coco(stimuli, experiment.seed)
    kinds = {name: k for k, name in enumerate(sorted({kind for each in coco["categories"] for kind in each}), start=1)}
    most = max(experiment.design.sessions)
    yield f"{EXPERIMENT}/nsd_stim_info_merged.csv", partial(files.information_csv, coco, experiment.shared, trials)
    yield f"{EXPERIMENT}/nsd_expdesign.mat", partial(files.design_mat, *experiment.numbers, most)
    for number, each in enumerate(trials, start=1):
        yield f"nsddata/ppdata/subj{number:02d}/behav/responses.tsv", partial(files.responses_tsv, each, number)
    for split in SPLITS:
        yield f"{ANNOTATIONS}/captions_{split}.json", partial(files.captions_json, coco, split)
        yield f"{ANNOTATIONS}/instances_{split}.json", partial(files.instances_json, coco, split, kinds)
    yield "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5", partial(files.stimuli_hdf5, images.values)
    for place, number in enumerate(experiment.shared.tolist(), start=1):
        path = f"nsddata/stimuli/nsd/shared1000/shared{place:04d}_nsd{number:05d}.png"
        yield path, partial(files.png_bytes, images.values[number - 1])
    yield from _label_files(experiment.design.n_vertices)


def _label_files(n_vertices: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    streams = stream_numbers(twin_regions(*surface_positions(n_vertices))).astype(np.float32)
    general = (streams > 0).astype(np.float32)
    for side, where in (("lh", slice(None, n_vertices)), ("rh", slice(n_vertices, None))):
        yield f"{LABELS}/{side}.streams.mgz", partial(files.mgz_bytes, streams[where])
        yield f"{LABELS}/{side}.nsdgeneral.mgz", partial(files.mgz_bytes, general[where])
    yield f"{LABELS}/streams.mgz.ctab", files.colour_table
    yield f"{LABELS}/nsdgeneral.mgz.ctab", partial(files.colour_table, ("", "nsdgeneral"))


def _require_same(
    images: xr.DataArray, stimuli: Stimuli, signals: Mapping[str, npt.ArrayLike], design: TwinDesign
) -> None:
    require_dims(images, ("stimulus", "y", "x", "colour"), "images")
    require_same_ids(as_names(images["stimulus"].values), stimuli.ids, ("the images", "the stimuli"))
    if images.dtype != np.uint8 or images.sizes["colour"] != 3 or "text" not in stimuli:
        raise InvalidInput(
            f"Images of type {images.dtype} with {images.sizes['colour']} colours, stimuli with the columns "
            f"{list(stimuli.table)}; expected uint8 in three colours, and captions in the column 'text'."
        )
    rows = {name: len(np.asarray(each)) for name, each in signals.items()}
    if any(n != len(stimuli) for n in rows.values()):
        raise InvalidInput(f"Signals have {rows} rows for {len(stimuli)} images; expected a row for every image.")
    if len(stimuli) < design.n_needed:
        raise InvalidInput(
            f"{len(stimuli)} images for an experiment that takes {design.n_needed} (shared {design.n_shared}, and "
            f"{design.n_images - design.n_shared} of their own for {design.n_subjects} subjects). Give more images, or "
            "choose another TwinDesign."
        )


def _state(root: Path, key: str) -> dict[str, Any]:
    """What the folder says of the twin in it; refused where it holds anything else."""
    path = root / TRUTH
    if not path.is_file():
        if root.is_dir() and any(root.iterdir()):
            raise InvalidInput(f"{root} holds files and no {TRUTH}. A twin needs a new folder; nothing was written.")
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{path} is damaged. Delete the folder and write the twin again.") from error
    if not isinstance(found, dict) or found.get("key") != key:
        raise InvalidInput(
            f"{root} holds another twin (images, signals, design or seed differ). Give a new folder, or delete it."
        )
    return found


def _coco(stimuli: Stimuli, seed: int) -> pd.DataFrame:
    """What COCO would say of the images: made-up ids, the split, captions, and names of the objects."""
    rng = rng_for(seed, "coco")
    texts = [(text,) if isinstance(text, str) else text for text in stimuli.table["text"]]
    named = stimuli.table["categories"] if "categories" in stimuli else [""] * len(texts)
    return pd.DataFrame(
        {
            "coco_id": rng.choice(600_000, len(texts), replace=False) + 1,
            "split": np.where(rng.random(len(texts)) < 0.96, *SPLITS),  # as 70,051 of the 73,000
            "text": texts,
            "categories": [_kinds(each) for each in named],
        }
    )


def _kinds(value: object) -> tuple[str, ...]:
    """Names of objects from a list, its JSON, or words."""
    if isinstance(value, str):
        value = json.loads(value) if value.startswith("[") else value.split()
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()


def _n_files(root: Path) -> int:
    return sum(path.is_file() for path in root.rglob("[!.]*"))


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()
