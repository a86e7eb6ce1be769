"""What was shown and measured in SEED-V: 45 film clips in three sessions, five emotions, 62 channels, five bands."""

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.textcorpus import read_table

NAME = "seed_v"
CITATION = (
    "Liu W, Qiu J-L, Zheng W-L, Lu B-L (2022). Comparing recognition performance and robustness of multimodal deep "
    "learning models for multimodal emotion recognition. IEEE Transactions on Cognitive and Developmental Systems "
    "14(2):715-729. doi:10.1109/TCDS.2021.3071170"
)
LICENCE = "agreement with the BCMI laboratory, Shanghai Jiao Tong University, on application; not to be passed on"
VERSION = "SEED-V"

N_SESSIONS, N_TRIALS, N_CHANNELS, N_BANDS = 3, 15, 62, 5
WINDOW_S = 4
"""Seconds of one window of the released features."""

EMOTIONS = ("disgust", "fear", "sad", "neutral", "happy")
"""In the order of the released labels, 0 to 4."""

VALENCE_CODES = {"disgust": -1, "fear": -1, "sad": -1, "neutral": 0, "happy": 1}
BANDS = ("delta", "theta", "alpha", "beta", "gamma")
_ROWS = (
    "FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8",
    "T7 C5 C3 C1 CZ C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8",
    "P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2",
)
CHANNELS = tuple(" ".join(_ROWS).split())
"""The order of the features and of the recordings once the four channels beside the scalp are gone."""


def seed_v_trials() -> pd.DataFrame:
    """The 45 trials in the order of the files: ``session`` and ``trial`` from 1, ``label``, ``emotion``, and seconds.

    ``start_s`` and ``end_s`` count from the beginning of the session's recording. The index holds ids: ``s1t01`` …
    """
    columns = ("session", "trial", "label", "emotion", "start_s", "end_s")
    with as_file(files("consona.datasets") / "tables" / "seed_v_trials.csv") as path:
        table = read_table(path, columns)
    numbers = table.drop(columns="emotion").astype(int)
    ids = [clip_id(session, trial) for session, trial in zip(numbers["session"], numbers["trial"], strict=True)]
    return numbers.assign(emotion=table["emotion"].astype(object))[list(columns)].set_axis(ids)


def clip_id(session: int, place: int) -> str:
    """The id of a clip by session (1 to 3) and place in it (1 to 15): ``s1t01`` to ``s3t15``."""
    return f"s{session}t{place:02d}"


def whole_windows(window_s: int = WINDOW_S) -> dict[str, int]:
    """How many whole windows each clip holds, by its id: 1,823 in all at 4 s, 7,359 at 1 s."""
    trials = seed_v_trials()
    return {str(clip): int(n) for clip, n in ((trials["end_s"] - trials["start_s"]) // window_s).items()}


def seed_v_stimuli(n_windows: Mapping[str, int], window_s: int = WINDOW_S) -> Stimuli:
    """Windows of the clips: ids ``s1t01w001`` …, with ``clip`` (the group), ``session``, ``window``, ``start_s``.

    Further columns: ``label`` (0 to 4, as released), ``emotion``, ``valence_code`` (-1, 0, 1). Clips last 52 to 297 s,
    so they hold different numbers of windows; ``n_windows`` says how many, by clip.
    """
    trials = seed_v_trials().loc[list(n_windows)]
    counts = np.array(list(n_windows.values()))
    window = np.concatenate([np.arange(1, n + 1) for n in counts])
    table = trials.drop(columns=["start_s", "end_s", "trial"]).loc[np.repeat(trials.index, counts)]
    clip = table.index.to_numpy()
    code = [VALENCE_CODES[emotion] for emotion in table["emotion"]]
    table = table.assign(clip=clip, valence_code=code, window=window, start_s=(window - 1.0) * window_s)
    return Stimuli(table.set_axis([window_id(c, w) for c, w in zip(clip, window.tolist(), strict=True)]))


def window_id(clip: str, window: int) -> str:
    """The id of a window of a clip, counted from 1: ``s1t01w001``."""
    return f"{clip}w{window:03d}"


def seed_v_recording(values: npt.NDArray[np.floating], ids: Sequence[str], subject: str, attrs: dict) -> Recording:
    """A recording of the 310 targets from ``(n_stimuli, 310)``, with channel and band along ``target``."""
    coords = {
        "stimulus": np.asarray(ids, dtype=np.str_),
        "channel": ("target", np.repeat(CHANNELS, N_BANDS)),
        "band": ("target", np.tile(BANDS, N_CHANNELS)),
    }
    return Recording(xr.DataArray(values[None], coords, ("repetition", "stimulus", "target")), subject, attrs)
