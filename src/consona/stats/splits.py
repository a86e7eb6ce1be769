"""Training, validation and test rows of subject x stimulus: new people, new stimuli, new classes, each by name."""

from typing import NamedTuple

import numpy as np

from consona.stats.dealing import dealt_stimuli, dealt_subjects, drawn_subjects, emotion_pairs, rotated_subjects
from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Shaped

__all__ = [
    "ThreeWay",
    "absent_classes",
    "emotion_folds",
    "familiar_stimulus_folds",
    "fewer_subjects",
    "on_stimuli",
    "one_clip_per_emotion",
    "require_classes",
    "stimulus_folds",
    "subject_folds",
    "three_way",
]

N_STIMULUS_FOLDS = 3
N_SUBJECT_FOLDS = 5


class ThreeWay(NamedTuple):
    """Rows to train on, to choose on and to test on: three masks ``(n_folds, n_subjects, n_stimuli)``, and a name.

    No row is in two of them within a fold, and no row is tested in two folds; a row may be in none. ``name`` says in
    words what is new at test, and goes into every score.
    """

    train: Bool[np.ndarray, "n_folds n_subjects n_stimuli"]
    validation: Bool[np.ndarray, "n_folds n_subjects n_stimuli"]
    test: Bool[np.ndarray, "n_folds n_subjects n_stimuli"]
    name: str = "unnamed split"

    @property
    def shares_stimuli(self) -> bool:
        """Whether a tested stimulus is also in the training rows of its fold, seen by whomever."""
        return bool((self.train.any(axis=1) & self.test.any(axis=1)).any())

    @property
    def shares_subjects(self) -> bool:
        """Whether a tested subject is also in the training rows of its fold, with whatever stimulus."""
        return bool((self.train.any(axis=2) & self.test.any(axis=2)).any())


def three_way(
    train: Bool[np.ndarray, "n_folds n_subjects n_stimuli"],
    validation: Bool[np.ndarray, "n_folds n_subjects n_stimuli"],
    test: Bool[np.ndarray, "n_folds n_subjects n_stimuli"],
    name: str,
) -> ThreeWay:
    """A split from masks of one's own, checked.

    Raises
    ------
    ValueError
        When it has no name, a row is in two parts of a fold or tested twice, or a fold trains or tests on nothing.
    """
    twice = (train & validation) | (train & test) | (validation & test)
    if twice.any():
        fold, subject, stimulus = np.argwhere(twice)[0]
        raise ValueError(
            f"{int(twice.sum())} rows are in two parts of a fold, the first is subject {subject}, stimulus {stimulus} "
            f"in fold {fold}; training, validation and test must not share rows. Take them out of one part."
        )
    again = test.sum(axis=0) > 1
    empty = ~(train.any(axis=(1, 2)) & test.any(axis=(1, 2)))
    if not name or again.any() or empty.any():
        raise ValueError(
            f"split '{name}': {int(again.sum())} rows are tested in more than one fold and {int(empty.sum())} of "
            f"{len(train)} folds train or test on nothing; each row is tested once at most, no fold is empty, and a "
            "split has a name. Mend the masks."
        )
    return ThreeWay(train, validation, test, name)


def subject_folds(
    cohorts: Shaped[np.ndarray, " n_subjects"], n_folds: int, n_stimuli: int, *, validation: int = 10, seed: int
) -> ThreeWay:
    """New people, the same stimuli: every subject is tested once, ``validation`` others choose, the rest train.

    Each cohort is spread over the folds so that the numbers of its subjects in any two folds differ by at most one, and
    so do the sizes of the folds. Validation subjects are drawn from the other folds, by the shares of the cohorts.

    Raises
    ------
    ValueError
        When there are fewer subjects than folds, fewer than two folds, or nobody is left to train on.
    """
    fold = dealt_subjects(cohorts, n_folds, seed=seed)
    test = np.arange(n_folds)[:, None] == fold
    chosen = np.stack([drawn_subjects(cohorts, ~own, validation, fold=k, seed=seed) for k, own in enumerate(test)])
    rows = np.ones(n_stimuli, bool)
    name = (
        f"new people: {len(cohorts)} subjects in {n_folds} folds balanced by cohort, "
        f"{validation} more for validation; the same {n_stimuli} stimuli in training"
    )
    return three_way((~test & ~chosen)[:, :, None] & rows, chosen[:, :, None] & rows, test[:, :, None] & rows, name)


def stimulus_folds(
    emotions: Shaped[np.ndarray, " n_stimuli"],
    cohorts: Shaped[np.ndarray, " n_subjects"],
    n_folds: int = N_STIMULUS_FOLDS,
    *,
    n_subject_folds: int = N_SUBJECT_FOLDS,
    validation: int = 10,
    seed: int,
) -> ThreeWay:
    """New people and new stimuli: the stimuli of every emotion are dealt to the folds, so each fold tests every one.

    Each fold of stimuli is crossed with each fold of subjects (``n_folds * n_subject_folds`` fits): training sees
    neither the tested people nor the tested stimuli, and every row is tested once. Validation people see the training
    stimuli: the tested stimuli choose nothing, by nobody's recording.

    Raises
    ------
    ValueError
        When an emotion has fewer stimuli than there are folds (it would be missing from the test, or with a single one
        from training), or as :func:`subject_folds`.
    """
    people = subject_folds(cohorts, n_subject_folds, len(emotions), validation=validation, seed=seed)
    new = np.arange(n_folds)[:, None] == dealt_stimuli(emotions, n_folds, seed=seed)
    name = (
        f"new stimuli and new people: the stimuli of each emotion in {n_folds} folds, crossed with {n_subject_folds} "
        f"folds of {len(cohorts)} subjects balanced by cohort, {validation} more for validation"
    )
    return _crossed(people, ~new, new, name)


def familiar_stimulus_folds(
    emotions: Shaped[np.ndarray, " n_stimuli"],
    cohorts: Shaped[np.ndarray, " n_subjects"],
    n_folds: int = N_STIMULUS_FOLDS,
    *,
    validation: int = 10,
    seed: int,
) -> ThreeWay:
    """New stimuli, the same people: tested on the held-out stimuli of the very subjects that are trained on.

    The ``validation`` subjects of a fold are not tested in it (they would be new people); they change from fold to
    fold, so a subject misses the stimuli of one fold at most where there are enough subjects.

    Raises
    ------
    ValueError
        As :func:`stimulus_folds`.
    """
    new = np.arange(n_folds)[:, None] == dealt_stimuli(emotions, n_folds, seed=seed)
    chosen = rotated_subjects(cohorts, n_folds, validation, seed=seed)[:, :, None]
    name = (
        f"new stimuli, the same people: the stimuli of each emotion in {n_folds} folds, {len(cohorts)} subjects, "
        f"{validation} others in each fold for validation"
    )
    old = ~new[:, None]
    return three_way(~chosen & old, chosen & old, ~chosen & ~old, name)


def emotion_folds(
    emotions: Shaped[np.ndarray, " n_stimuli"],
    levels: Shaped[np.ndarray, " n_stimuli"],
    cohorts: Shaped[np.ndarray, " n_subjects"],
    *,
    n_subject_folds: int = N_SUBJECT_FOLDS,
    validation: int = 10,
    seed: int,
) -> ThreeWay:
    """New emotions and new people: a negative and a positive emotion are left out together, and told apart by valence.

    ``levels`` are -1, 0 or 1 per stimulus, one level per emotion. The negative emotions are paired with the positive
    ones at random (four pairs of FACED, neutral always trains), each pair is a fold, crossed with the folds of
    subjects. A left-out emotion cannot be named by a classifier that never saw it; what is scored is how much
    probability goes to the positive emotions that it did see.

    Raises
    ------
    ValueError
        When an emotion has several levels, there are fewer than two pairs, or as :func:`subject_folds`.
    """
    pairs = emotion_pairs(emotions, levels, seed=seed)
    people = subject_folds(cohorts, n_subject_folds, len(emotions), validation=validation, seed=seed)
    new = np.stack([np.isin(emotions, pair) for pair in pairs])
    name = (
        f"new emotions and new people: {len(pairs)} pairs of a negative and a positive emotion, crossed with "
        f"{n_subject_folds} folds of {len(cohorts)} subjects balanced by cohort, {validation} more for validation"
    )
    return _crossed(people, ~new, new, name)


def one_clip_per_emotion(
    emotions: Shaped[np.ndarray, " n_stimuli"], draw: int, *, seed: int = 0
) -> Bool[np.ndarray, " n_stimuli"]:
    """One stimulus of every emotion, drawn at random: classes are then stimuli, and nothing else.

    Where people are new but stimuli are not, a rise in accuracy on such a selection shows that stimuli are recognised
    rather than emotions. Take the mean over many draws, ``draw = 0, 1, ...``.
    """
    rng = rng_for(seed, "one clip per emotion", draw)
    kept = np.zeros(len(emotions), bool)
    for label in np.unique(emotions):
        kept[rng.choice(np.flatnonzero(emotions == label))] = True
    return kept


def on_stimuli(split: ThreeWay, stimuli: Bool[np.ndarray, " n_stimuli"], name: str) -> ThreeWay:
    """The split on a selection of the stimuli, in training and at test; ``name`` is put behind that of the split."""
    train, validation, test = (part & stimuli for part in (split.train, split.validation, split.test))
    return three_way(train, validation, test, f"{split.name}; {name}")


def fewer_subjects(
    split: ThreeWay, cohorts: Shaped[np.ndarray, " n_subjects"], n_subjects: int, *, seed: int
) -> ThreeWay:
    """The split with that many training subjects in every fold, cohorts by their shares; validation and test stay.

    A larger number keeps the subjects of a smaller one: a dose adds people, it does not exchange them.

    Raises
    ------
    ValueError
        When a fold trains on fewer subjects than that, or fewer than one is asked for.
    """
    trained = np.asarray(split.train.any(axis=2))
    if not 1 <= n_subjects <= trained.sum(axis=1).min():
        raise ValueError(
            f"{n_subjects} training subjects were asked for; folds train on {trained.sum(axis=1).min()} or more. Ask "
            "for a number from 1 to that."
        )
    chosen = np.stack(
        [
            rows if rows.sum() == n_subjects else drawn_subjects(cohorts, rows, n_subjects, fold=fold, seed=seed)
            for fold, rows in enumerate(trained)
        ]
    )
    name = f"{split.name}; {n_subjects} training subjects"
    return three_way(split.train & chosen[:, :, None], split.validation, split.test, name)


def absent_classes(split: ThreeWay, emotions: Shaped[np.ndarray, " n_stimuli"]) -> list[tuple[int, str]]:
    """Fold and emotion wherever a fold trains without an emotion that it, or another fold, tests."""
    tested = split.test.any(axis=(0, 1))
    labels = np.unique(emotions[tested])
    trained = np.stack([split.train[:, :, emotions == label].any(axis=(1, 2)) for label in labels], axis=1)
    return [(int(fold), str(labels[which])) for fold, which in np.argwhere(~trained)]


def require_classes(split: ThreeWay, emotions: Shaped[np.ndarray, " n_stimuli"]) -> None:
    """Every fold trains on every emotion that is tested; not so, by design, for :func:`emotion_folds`.

    Raises
    ------
    ValueError
        Naming the first folds and the emotions they lack.
    """
    absent = absent_classes(split, emotions)
    if absent:
        shown = ", ".join(f"'{label}' in fold {fold}" for fold, label in absent[:5])
        raise ValueError(
            f"{len(absent)} times an emotion is absent from the training rows of a fold: {shown}; a classifier cannot "
            "name a class it never saw. Use fewer folds, or leave the emotion out of the stimuli."
        )


def _crossed(people: ThreeWay, old: np.ndarray, new: np.ndarray, name: str) -> ThreeWay:
    """Every fold of people with every fold of stimuli: ``old`` ones train and choose, ``new`` ones are tested."""
    train, validation, test = (
        (rows[None] & stimuli[:, None, None]).reshape(-1, *rows.shape[1:])
        for rows, stimuli in ((people.train, old), (people.validation, old), (people.test, new))
    )
    return three_way(train, validation, test, name)
