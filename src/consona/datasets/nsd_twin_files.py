"""The files of a made-up Natural Scenes Dataset as bytes: every format as the real one has it."""

import gzip
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import require_extra
from consona.datasets.nsd_targets import STREAMS

Single = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

SCALE = 300
"""Betas of a volume are stored as whole numbers, this many to a percent of signal change."""

_MGH_HEADER = struct.Struct(">7ih15f")
_MGH_BEGIN = 284  # bytes before the first number
_MGH_TYPES = {"f": 3, "i": 1}
_UNTIMED = b"MATLAB 5.0 MAT-file, made up by consona"


def mgh_bytes(frames: npt.NDArray[np.generic]) -> bytes:
    """An ``.mgh`` file of values ``(n_frames, n_vertices)`` or ``(n_vertices,)``: float32 or int32, big-endian."""
    rows = np.atleast_2d(frames)
    kind = _MGH_TYPES[rows.dtype.kind]
    axes = (1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)  # spacing, directions, centre
    header = _MGH_HEADER.pack(1, rows.shape[1], 1, 1, len(rows), kind, 0, 1, *axes)
    return header.ljust(_MGH_BEGIN, b"\0") + rows.astype(f">{rows.dtype.kind}4").tobytes()


def mgz_bytes(values: npt.NDArray[np.generic]) -> bytes:
    """The same, compressed; the same values always give the same bytes."""
    return gzip.compress(mgh_bytes(values), mtime=0)


def colour_table(names: Sequence[str] = STREAMS) -> bytes:
    """A ``.ctab`` file: number and name of every label, the first being none."""
    return "".join(f"{number} {name or 'Unknown'}\n" for number, name in enumerate(names)).encode()


def volume_bytes(values: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]) -> bytes:
    """A ``.nii.gz`` file; needs nibabel (``consona[fmri]``)."""
    nibabel = require_extra("nibabel", "fmri")
    return gzip.compress(nibabel.Nifti1Image(values, affine).to_bytes(), mtime=0)


def betas_hdf5(values: Single) -> bytes:
    """Betas of one session of a volume: ``(n_trials, Z, Y, X)``, percent of signal change, kept as int16 times 300."""
    limits = np.iinfo(np.int16)
    whole = np.clip(np.rint(values * SCALE), limits.min, limits.max).astype(np.int16)
    return _hdf5("betas", whole, (len(whole), 1, 1, whole.shape[3]))


def stimuli_hdf5(images: npt.NDArray[np.uint8]) -> bytes:
    """All images ``(n, y, x, 3)`` in one file, uint8."""
    return _hdf5("imgBrick", images, (1, *images.shape[1:]))


def design_mat(order: Counts, subject_images: Counts, shared: Counts, n_sessions: int) -> bytes:
    """``nsd_expdesign.mat``: everything counted from 1.

    Parameters
    ----------
    order
        ``(n_trials,)``, the place of the image among a subject's images, the same for all subjects.
    subject_images
        ``(n_subjects, n_images)``, numbers of images; the shared ones first.
    shared
        ``(n_shared,)``.
    n_sessions
        Of the longest experiment.
    """
    from scipy.io import savemat

    per_session = len(order) // n_sessions
    content = {
        "masterordering": order[None].astype(np.float64),
        "basiccnt": _times_shown(order, n_sessions),
        "sharedix": shared[None].astype(np.float64),
        "subjectim": subject_images.astype(np.float64),
        "stimpattern": np.ones((n_sessions, 1, per_session)),
    }
    buffer = BytesIO()
    savemat(buffer, content)
    return _UNTIMED.ljust(116) + buffer.getvalue()[116:]  # the header would hold the time of writing


def responses_tsv(shown: pd.DataFrame, number: int) -> bytes:
    """``responses.tsv`` of one subject: a row per trial with session, run, trial, image and place, counted from 1."""
    table = pd.DataFrame(
        {
            "SUBJECT": number,
            "SESSION": shown["session"],
            "RUN": shown["run"],
            "TRIAL": shown["trial"],
            "73KID": shown["image"],
            "10KID": shown["place"],
            "TIME": np.round(4.0 * np.arange(len(shown)) / 86400, 6),
            "ISOLD": shown.duplicated("image").astype(int),
        }
    )
    return table.to_csv(sep="\t", index=False, lineterminator="\n").encode()


def information_csv(images: pd.DataFrame, shared: Counts, shown: Sequence[pd.DataFrame]) -> bytes:
    """``nsd_stim_info_merged.csv``: a row per image, with the trials (counted from 1) in which each subject saw it."""
    n = len(images)
    columns: dict[str, object] = {
        "cocoId": images["coco_id"],
        "cocoSplit": images["split"],
        "cropBox": "(0.0, 0.0, 0.0, 0.0)",
        "loss": 0.0,
        "nsdId": np.arange(n),
        "flagged": False,
        "BOLD5000": False,
        "shared1000": np.isin(np.arange(1, n + 1), shared),
    }
    seen = {number: _trials_of(each, n) for number, each in enumerate(shown, start=1)}
    columns |= {f"subject{number}": (each[:, 0] > 0).astype(int) for number, each in seen.items()}
    for number, each in seen.items():
        columns |= {f"subject{number}_rep{k}": each[:, k] for k in range(each.shape[1])}
    return pd.DataFrame(columns).to_csv(lineterminator="\n").encode()


def captions_json(images: pd.DataFrame, split: str) -> bytes:
    """``captions_<split>.json`` in the form of COCO."""
    own = images[images["split"] == split]
    pairs = [(image, text) for image, texts in zip(own["coco_id"], own["text"], strict=True) for text in texts]
    notes = [{"image_id": int(image), "id": k, "caption": text} for k, (image, text) in enumerate(pairs, start=1)]
    return _json({"images": _images(own), "annotations": notes})


def instances_json(images: pd.DataFrame, split: str, kinds: Mapping[str, int]) -> bytes:
    """``instances_<split>.json`` in the form of COCO: one entry per object of an image."""
    own = images[images["split"] == split]
    pairs = [(image, kind) for image, each in zip(own["coco_id"], own["categories"], strict=True) for kind in each]
    notes = [
        {"image_id": int(image), "id": k, "category_id": kinds[kind], "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0}
        for k, (image, kind) in enumerate(pairs, start=1)
    ]
    listed = [{"id": number, "name": name, "supercategory": "made up"} for name, number in kinds.items()]
    return _json({"images": _images(own), "annotations": notes, "categories": listed})


def png_bytes(image: npt.NDArray[np.uint8]) -> bytes:
    """A ``.png`` file of one image ``(y, x, 3)``."""
    height, width = image.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1)  # no filter in any row
    parts = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _hdf5(name: str, values: npt.NDArray[np.generic], chunks: tuple[int, ...]) -> bytes:
    import h5py

    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)  # in memory: the store alone writes files
    made = h5py.h5f.create(b"memory", fapl=access)
    with h5py.File(made) as file:
        file.create_dataset(name, data=values, chunks=chunks, track_times=False)
        file.flush()
        return bytes(made.get_file_image())


def _times_shown(order: Counts, n_sessions: int) -> npt.NDArray[np.float64]:
    """After each session: how many images were shown at least once, twice and so on."""
    parts = order.reshape(n_sessions, -1)
    counts = np.stack([np.bincount(parts[: k + 1].ravel(), minlength=int(order.max()) + 1) for k in range(n_sessions)])
    return np.array([(counts >= k).sum(axis=1) for k in range(1, int(counts.max()) + 1)], dtype=np.float64)


def _trials_of(trials: pd.DataFrame, n_images: int) -> Counts:
    """By image: the numbers of the trials that showed it, ``(n_images, 3)`` at least; 0 where it was not shown."""
    times = trials.groupby("image").cumcount().to_numpy()
    found = np.zeros((n_images, max(3, int(times.max()) + 1)), dtype=np.int64)
    found[trials["image"].to_numpy() - 1, times] = np.arange(1, len(trials) + 1)
    return found


def _images(own: pd.DataFrame) -> list[dict[str, object]]:
    return [{"id": int(image), "file_name": f"{int(image):012d}.jpg"} for image in own["coco_id"]]


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps({"info": {"description": "made up by consona"}, **content}, ensure_ascii=False).encode()
