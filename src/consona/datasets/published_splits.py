"""The splits that published EEG decoders were compared on: FACED by subjects, SEED-V by clips of the same people."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_unique
from consona.datasets.faced_clips import N_CLIPS
from consona.datasets.seed_v_trials import N_SESSIONS, N_TRIALS
from consona.stats.splits import ThreeWay, three_way

__all__ = [
    "FACED_SEGMENTS",
    "SEED_V_SEGMENTS",
    "cbramod_faced_split",
    "cbramod_seed_v_split",
    "require_segments",
    "segment_counts",
]

FACED_SEGMENTS = (6720, 1680, 1932)
"""Segments of 10 s for training, validation and test: three from each of the 28 clips of 80, 20 and 23 subjects."""

SEED_V_SEGMENTS = (34_432, 42_960, 40_352)
"""Segments of 1 s for training, validation and test, 117,744 in all, of 16 subjects."""

_N_FACED, _FIRST_VALIDATION, _FIRST_TEST = 123, 80, 100


def cbramod_faced_split(subjects: Sequence[str]) -> ThreeWay:
    """FACED as in Wang et al. (2025, CBraMod): subjects 0 to 79 train, 80 to 99 choose, 100 to 122 are tested.

    New people, the same 28 clips: whoever recognises clips does well. The test subjects are all of the second cohort.
    Where some of the 123 subjects are not at hand, the others keep their part, and the name of the split says how many
    there are.

    Parameters
    ----------
    subjects
        Names as in the release, ``sub000`` to ``sub122``, in the order of the tensor.

    Raises
    ------
    InvalidInput
        When a name is not one of the release, or a part is left without a subject.
    """
    names = as_names(subjects)
    require_unique(names, "subjects", "A split")
    known = {f"sub{number:03d}": number for number in range(_N_FACED)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidInput(f"FACED has the subjects sub000 to sub122; found {listed(unknown)}. Use the released names.")
    part = np.digitize([known[str(name)] for name in names], [_FIRST_VALIDATION, _FIRST_TEST])
    n_train, n_validation, n_test = (int(n) for n in np.bincount(part, minlength=3))
    found = f"{n_train}/{n_validation}/{n_test} of 80/20/23 subjects"
    if min(n_train, n_validation, n_test) == 0:
        raise InvalidInput(
            f"CBraMod's split of FACED finds {found}; no part may be empty (the test subjects are sub100 to sub122). "
            "Complete the folder, or use consona.stats.splits.subject_folds."
        )
    train, validation, test = (np.repeat((part == k)[None, :, None], N_CLIPS, axis=2) for k in range(3))
    return three_way(
        train, validation, test, f"new people: CBraMod's split of FACED, {found}; the same clips in training"
    )


def cbramod_seed_v_split(subjects: Sequence[str]) -> ThreeWay:
    """SEED-V as in Wang et al. (2025, CBraMod): clips 1 to 5 of a session train, 6 to 10 choose, 11 to 15 are tested.

    New clips, the same people in the same session; each part of a session holds one clip of each of the five emotions.
    Stimuli are the 45 clips ``s1t01`` to ``s3t15``, in order. It is not disjoint in subjects.

    Raises
    ------
    InvalidInput
        When a subject occurs twice.
    """
    names = as_names(subjects)
    require_unique(names, "subjects", "A split")
    part = np.tile(np.arange(N_TRIALS) * 3 // N_TRIALS, N_SESSIONS)
    train, validation, test = (np.repeat((part == k)[None, None], len(names), axis=1) for k in range(3))
    name = (
        f"new stimuli, the same people: CBraMod's split of SEED-V by clips within session, {len(names)} of 16 subjects"
    )
    return three_way(train, validation, test, name)


def segment_counts(split: ThreeWay, n_segments: npt.ArrayLike) -> tuple[int, int, int]:
    """How many segments train, choose and test, where each stimulus is cut into ``n_segments (n_stimuli,)``.

    3 for FACED in segments of 10 s, ``consona.datasets.seed_v_trials.whole_windows(1)`` for SEED-V in segments of 1 s.
    """
    each = np.asarray(n_segments)
    train, validation, test = (int((rows * each).sum()) for rows in (split.train, split.validation, split.test))
    return train, validation, test


def require_segments(split: ThreeWay, n_segments: npt.ArrayLike, published: tuple[int, int, int]) -> None:
    """The split has as many segments as were published.

    Raises
    ------
    InvalidInput
        With both counts: a score on another number of segments is not to be put beside the published ones.
    """
    found = segment_counts(split, n_segments)
    if found != published:
        raise InvalidInput(
            f"The split '{split.name}' has {found} segments for training, validation and test; published are "
            f"{published}. Complete the subjects, or do not compare with published scores."
        )
