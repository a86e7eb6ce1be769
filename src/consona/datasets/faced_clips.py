"""What was shown and measured in FACED: 28 film clips, 32 channels, five bands, two groups of participants."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.stimuli import Stimuli

CITATION = (
    "Chen J, Wang X, Huang C, Hu X, Shen X, Zhang D (2023). A large finer-grained affective computing EEG dataset. "
    "Scientific Data 10:740. doi:10.1038/s41597-023-02650-w"
)
LICENCE = "conditions of use of Synapse syn50614194; not to be passed on"

N_CLIPS, N_CHANNELS, N_SECONDS, N_BANDS = 28, 32, 30, 5

BANDS = ("delta", "theta", "alpha", "beta", "gamma")

_SCALP = "Fp1 Fp2 Fz F3 F4 F7 F8 FC1 FC2 FC5 FC6 Cz C3 C4 T7 T8 CP1 CP2 CP5 CP6 Pz P3 P4 P7 P8 PO3 PO4 Oz O1 O2"
CHANNELS = (*_SCALP.split(), "A2", "A1")
"""Names as in the 10-20 system of MNE. The last two lie at the right and the left ear, by the electrode positions."""

ITEMS = (
    "joy",
    "tenderness",
    "inspiration",
    "amusement",
    "anger",
    "disgust",
    "fear",
    "sadness",
    "arousal",
    "valence",
    "familiarity",
    "liking",
)
"""The twelve ratings of each clip, 0 to 7; valence 0 is very negative, 7 very positive."""

EMOTIONS = ("anger", "disgust", "fear", "sadness", "neutral", "amusement", "inspiration", "joy", "tenderness")
_CLIPS_PER_EMOTION = (3, 3, 3, 3, 4, 3, 3, 3, 3)
_FILMS = (
    "The Tokyo Trial",
    "Documentary about the Nanjing Massacre",
    "City of Life and Death",
    "Trainspotting",
    "Indiana Jones and the Last Crusade",
    "Hellraiser",
    "The Shining",
    "The Shining",
    "The Exorcist",
    "In Bruges",
    "Departures",
    "Gangs of New York",
    "Blue",
    "Blue",
    "Blue",
    "Blue",
    "Modern Times",
    "Minions",
    "Mr. Bean",
    "Forrest Gump",
    "The Theory of Everything",
    "The Shawshank Redemption",
    "My Neighbor Totoro",
    "Night at the Museum 3",
    "Harry Potter 1",
    "The Pursuit of Happiness",
    "Juno",
    "Sex and the City 2",
)
_LAST_OF_COHORT_1 = 60


def clip_id(vid: int) -> str:
    """The stimulus id of a video index: ``clip01`` to ``clip28``."""
    return f"clip{vid:02d}"


def clip_stimuli() -> Stimuli:
    """The 28 clips: ``vid``, ``emotion``, ``valence_code`` (-1 negative, 0 neutral, +1 positive) and ``film``."""
    vid = np.arange(1, N_CLIPS + 1)
    emotion = np.repeat(EMOTIONS, _CLIPS_PER_EMOTION)
    code = np.select([vid <= 12, vid <= 16], [-1, 0], 1)
    table = pd.DataFrame({"vid": vid, "emotion": emotion, "valence_code": code, "film": _FILMS})
    return Stimuli(table.set_axis([clip_id(int(v)) for v in vid]))


def window_stimuli(n_windows: int) -> Stimuli:
    """The 28 clips cut into equal windows: ids ``clip01w1`` …, with ``clip`` (the group), ``window``, ``start_s``."""
    clips = clip_stimuli()
    window = np.tile(np.arange(1, n_windows + 1), N_CLIPS)
    clip = np.repeat(clips.ids, n_windows)
    width = len(str(n_windows))
    table = clips.to_frame().loc[clip].assign(clip=clip, window=window, start_s=(window - 1) * N_SECONDS / n_windows)
    return Stimuli(table.set_axis([f"{c}w{w:0{width}d}" for c, w in zip(clip, window, strict=True)]))


def target_coords() -> dict[str, tuple[str, npt.NDArray[np.str_]]]:
    """``channel`` and ``band`` of the 160 targets; the band varies fastest."""
    return {
        "channel": ("target", np.repeat(CHANNELS, N_BANDS)),
        "band": ("target", np.tile(BANDS, N_CHANNELS)),
    }


def recording_notes(root: Path, subjects: list[str]) -> dict[str, dict[str, int | str]]:
    """Cohort and device of each subject, from ``Recording_info.csv`` or, without it, by number.

    Two cohorts were recorded with different equipment; a split that follows the cohort measures the equipment.
    """
    notes: dict[str, dict[str, int | str]] = {}
    path = root / "Recording_info.csv"
    table = pd.read_csv(path, keep_default_na=False).rename(columns=str.strip) if path.is_file() else None
    rows = {} if table is None else table.set_index("sub").to_dict("index")
    for subject in subjects:
        if subject in rows and "Cohort" in rows[subject]:
            row = rows[subject]
            device = f"cohort {row['Cohort']} equipment, {row.get('Sample_rate', '?')} Hz, {row.get('Unit', '?')}"
            notes[subject] = {"cohort": int(row["Cohort"]), "device": device}
        else:
            cohort = 1 if int(subject.removeprefix("sub")) <= _LAST_OF_COHORT_1 else 2
            notes[subject] = {"cohort": cohort, "device": f"cohort {cohort} equipment (by the subject's number)"}
    return notes
