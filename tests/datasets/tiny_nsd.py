"""A folder of NSD with a few vertices, written by hand: every file in its layout, nothing taken from the package."""

import json

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
from scipy.io import savemat

BETAS = "betas_fithrf_GLMdenoise_RR"
N_IMAGES, N_SESSIONS, N_TRIALS, N_VERTICES = 40, 3, 32, 7
SHAPE = (4, 5, 3)  # x, y, z of the volume


def trials(seed):
    """Images, from 0: 24 of them three times, 12 twice, over all sessions; image 39 is never shown."""
    shown = np.repeat(np.arange(36), [3] * 24 + [2] * 12)
    return np.random.default_rng(seed).permutation(shown)


def response(order, n_targets, *, ncsnr=1.0, seed=0):
    """Percent of signal change ``(n_trials, n_targets)``: a value per image, noise, gain and level per session."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((N_IMAGES, n_targets)) * ncsnr
    values = signal[order] + rng.standard_normal((len(order), n_targets))
    gain, level = rng.uniform(1, 3, (N_SESSIONS, n_targets)), rng.normal(0, 5, (N_SESSIONS, n_targets))
    session = np.repeat(np.arange(N_SESSIONS), N_TRIALS)
    return (values * gain[session] + level[session]).astype(np.float32)


def mgh(path, values):
    """Values ``(n_vertices,)`` or ``(n_vertices, n_trials)``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    shape = (len(values), 1, 1) if values.ndim == 1 else (len(values), 1, 1, values.shape[1])
    nib.save(nib.freesurfer.mghformat.MGHImage(values.reshape(shape), np.eye(4)), path)


def nifti(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, np.diag([1.8, 1.8, 1.8, 1])), path)


def write_tiny_nsd(root, subjects=2):
    """The folder; returns the order of images and the percent of signal change by subject."""
    made = {}
    orders = [trials(seed) for seed in range(subjects)]
    for number, order in enumerate(orders, start=1):
        subject = f"subj{number:02d}"
        made[subject] = (order, response(order, 2 * N_VERTICES, seed=number))
        _behaviour(root, subject, order)
        _surface(root, subject, made[subject][1])
    _experiment(root, orders)
    _labels(root)
    return made


def _behaviour(root, subject, order):
    path = root / f"nsddata/ppdata/{subject}/behav/responses.tsv"
    path.parent.mkdir(parents=True)
    session, trial = np.divmod(np.arange(len(order)), N_TRIALS)
    table = pd.DataFrame({"SUBJECT": 1, "SESSION": session + 1, "RUN": 1, "TRIAL": trial + 1, "73KID": order + 1})
    table.to_csv(path, sep="\t", index=False)


def _surface(root, subject, percent):
    home = root / f"nsddata_betas/ppdata/{subject}/fsaverage/{BETAS}"
    for session in range(N_SESSIONS):
        part = percent[session * N_TRIALS : (session + 1) * N_TRIALS].T
        for side, half in (("lh", part[:N_VERTICES]), ("rh", part[N_VERTICES:])):
            mgh(home / f"{side}.betas_session{session + 1:02d}.mgh", half)
    for side in ("lh", "rh"):
        mgh(home / f"{side}.ncsnr.mgh", np.full(N_VERTICES, 1, np.float32))


def _experiment(root, orders):
    home = root / "nsddata/experiments/nsd"
    home.mkdir(parents=True)
    # One order of places for all; every subject has images of its own at these places.
    places = np.arange(len(orders[0]))
    savemat(
        home / "nsd_expdesign.mat",
        {"masterordering": places[None] + 1.0, "subjectim": np.stack(orders) + 1.0, "sharedix": np.arange(1.0, 25.0)},
    )
    coco = 100 + 3 * np.arange(N_IMAGES)
    split = np.where(np.arange(N_IMAGES) % 5 == 0, "val2017", "train2017")
    pd.DataFrame(
        {
            "cocoId": coco,
            "cocoSplit": split,
            "cropBox": "(0.0, 0.0, 0.1, 0.1)",
            "loss": 0.1,
            "nsdId": np.arange(N_IMAGES),
            "flagged": False,
            "shared1000": np.arange(N_IMAGES) < 24,
        }
    ).to_csv(home / "nsd_stim_info_merged.csv")
    stimuli = root / "nsddata_stimuli/stimuli/nsd"
    (stimuli / "annotations").mkdir(parents=True)
    with h5py.File(stimuli / "nsd_stimuli.hdf5", "w") as file:
        brick = np.broadcast_to(np.arange(N_IMAGES, dtype=np.uint8)[:, None, None, None], (N_IMAGES, 6, 5, 3)).copy()
        brick[..., 1] += 100
        file["imgBrick"] = brick
    for each in ("train2017", "val2017"):
        _annotations(stimuli / "annotations", each, coco[split == each])


def _annotations(home, split, coco):
    captions = [
        {"image_id": int(i), "id": 10 * int(i) + k, "caption": f"caption {k} of {i}."} for i in coco for k in range(5)
    ]
    kinds = [{"id": 1, "name": "person"}, {"id": 17, "name": "cat"}, {"id": 67, "name": "dining table"}]
    notes = [{"image_id": int(i), "id": int(i), "category_id": k, "bbox": [0, 0]} for i in coco for k in (67, 1, 1)]
    (home / f"captions_{split}.json").write_text(json.dumps({"info": {}, "annotations": captions[::-1]}))
    (home / f"instances_{split}.json").write_text(json.dumps({"annotations": notes[2:], "categories": kinds}, indent=1))


def _labels(root):
    home = root / "nsddata/freesurfer/fsaverage/label"
    mgh(home / "lh.streams.mgz", np.array([0, 1, 2, 5, 5, 6, 7], dtype=np.int32))
    mgh(home / "rh.streams.mgz", np.array([7, 6, 5, 3, 4, 1, 0], dtype=np.int32))
    names = ("Unknown", "early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")
    (home / "streams.mgz.ctab").write_text("".join(f"{i} {name} 0 0 0 0\n" for i, name in enumerate(names)))


def write_tiny_volume(root, subject, order, *, image=False):
    """Responses in a volume, as HDF5 or as NIfTI; returns the percent of signal change ``(n_trials, x, y, z)``."""
    home = root / f"nsddata/ppdata/{subject}/func1pt8mm"
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[1:, :4] = 1
    nifti(home / "brainmask.nii.gz", mask)
    streams = np.full(SHAPE, -1, dtype=np.int16)
    streams[1:, :4] = np.arange(3)[:, None, None] * 5 - 4  # 1 and 6 by x, outside the cortex where x is 1
    streams[1] = -1
    nifti(home / "roi/streams.nii.gz", streams)
    whole = np.rint(300 * response(order, int(np.prod(SHAPE)), seed=5)).astype(np.int16).reshape(-1, *SHAPE)
    whole *= mask
    betas = root / f"nsddata_betas/ppdata/{subject}/func1pt8mm/{BETAS}"
    betas.mkdir(parents=True, exist_ok=True)
    for session in range(N_SESSIONS):
        part = whole[session * N_TRIALS : (session + 1) * N_TRIALS]
        path = betas / f"betas_session{session + 1:02d}"
        if image:
            nifti(path.with_suffix(".nii.gz"), np.moveaxis(part, 0, -1))
            continue
        with h5py.File(path.with_suffix(".hdf5"), "w") as file:
            file.create_dataset("betas", data=part.transpose(0, 3, 2, 1), chunks=(N_TRIALS, 1, 1, 1))
    return whole / np.float32(300), mask > 0
