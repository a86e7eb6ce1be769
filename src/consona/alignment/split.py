"""Which stimuli are held out together, and what may change places under the null."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.invariants import aligned, as_names, listed
from consona.core.stimuli import Stimuli
from consona.stats.folds import Folds, blocked_folds, grouped_folds, inner_folds, repeated_texts
from consona.stats.seeds import rng_for
from consona.stats.surrogates import common_shifts, group_orders

Kind = Literal["groups", "sessions", "time", "shuffled"]
N_FOLDS = 5
FEWEST_RUNS = 5
FEWEST_IN_FOLD = 20
RISK = "LEAKAGE RISK"


@dataclass(frozen=True)
class Split:
    """How stimuli are held out; make one with :meth:`of_groups`, :meth:`of_runs` or :meth:`of_shuffled_rows`.

    Attributes
    ----------
    ids
        The stimuli, in the order of the rows.
    labels
        Group or run of each.
    kind
        ``groups``: whole groups are held out and change places. ``sessions``: whole runs are held out, the same
        conditions in each; rows change places within a run. ``time``: contiguous blocks of a time series with a
        purge gap, whose null shifts every run in a circle. ``shuffled``: single rows of a time series, asked for.
    """

    ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    kind: Kind
    column: str
    n_folds: int = N_FOLDS
    purge: int = 0
    seed: int = 0

    @classmethod
    def of_groups(
        cls, stimuli: Stimuli, column: str | None = None, *, n_folds: int = N_FOLDS, seed: int = 0
    ) -> "Split":
        """Whole groups named by a column of the stimuli; each stimulus by itself where no column is given.

        Raises
        ------
        InvalidInput
            When there is no such column, there are fewer groups than folds, rows are volumes in time, or the text of a
            held-out stimulus is also in its training (the pairs are listed; blanks and case do not hide it).
        """
        if column is None and "time" in stimuli and "run" in stimuli:
            raise InvalidInput(
                "These stimuli are volumes of a time series (they have 'run' and 'time'); held out one by one, their "
                'neighbours would be in training. Use Split.of_runs with a gap (hold_out = "time").'
            )
        labels = stimuli.ids if column is None else as_names(stimuli[column])
        split = cls(stimuli.ids, labels, "groups", column or "stimulus", n_folds, 0, seed)
        _require_new_texts(stimuli, split.folds())
        return split

    @classmethod
    def of_sessions(cls, stimuli: Stimuli, column: str = "run", *, n_folds: int = N_FOLDS, seed: int = 0) -> "Split":
        """Whole runs that each show the same conditions: a new measurement is predicted, not a new stimulus.

        One row per condition and run; repetitions of a condition within a run belong to the same stimulus. Neighbouring
        volumes as rows of their own would not be exchangeable.

        Raises
        ------
        InvalidInput
            When there is no such column, or there are fewer runs than folds.
        """
        split = cls(stimuli.ids, as_names(stimuli[column]), "sessions", column, n_folds, 0, seed)
        split.folds()
        return split

    @classmethod
    def of_runs(cls, stimuli: Stimuli, column: str = "run", *, n_folds: int = N_FOLDS, purge: int) -> "Split":
        """Contiguous blocks of a time series, whose rows are volumes in order; ``purge`` volumes beside each unused.

        Raises
        ------
        InvalidInput
            When there is no such column, runs are not contiguous, or nothing is left to train on.
        """
        split = cls(stimuli.ids, as_names(stimuli[column]), "time", column, n_folds, purge)
        split.folds()
        return split

    @classmethod
    def of_shuffled_rows(cls, stimuli: Stimuli, *, n_folds: int = N_FOLDS, seed: int = 0) -> "Split":
        """Single rows, also of a time series: neighbours of a test row are in training. Every score says so."""
        return cls(stimuli.ids, stimuli.ids, "shuffled", "row", n_folds, 0, seed)

    def folds(self) -> Folds:
        """Training and test rows of every fold."""
        try:
            if self.kind == "time":
                return blocked_folds(self.labels, self.n_folds, purge=self.purge)
            return grouped_folds(self.labels, self.n_folds, seed=self.seed)
        except ValueError as error:
            raise InvalidInput(f"Held out by '{self.column}': {error}") from None

    def inner(self) -> list[Folds]:
        """For every fold the folds within its training rows, where penalties and layers are chosen."""
        folds = self.folds()
        try:
            return [inner_folds(folds, fold) for fold in range(self.n_folds)]
        except ValueError as error:
            raise InvalidInput(f"Held out by '{self.column}': {error}") from None

    def of(self, ids: npt.NDArray[np.str_], noun: str) -> npt.NDArray[np.intp]:
        """Where each stimulus of the split stands among ``ids``."""
        return aligned(self.ids, ids, ("The stimuli of the split", noun))

    def orders(self, n_permutations: int) -> npt.NDArray[np.intp]:
        """Orders of the rows under the null, ``(n_permutations, n_stimuli)``, the observed one not counted.

        Groups exchange their places with groups of the same size, keeping the order within; rows of a session change
        places within it. Runs of a time series change places whole where there are five of one length; otherwise all
        are shifted in a circle by one number of volumes, never less than the gap. Where there are fewer orders than
        asked for, all: ``(k + 1) / (n + 1)`` is then exact.

        Raises
        ------
        InvalidInput
            When nothing can change places: every group has a size of its own, or the gap leaves no shift.
        """
        try:
            if self.kind == "sessions":
                return _within(self.labels, n_permutations, rng_for(self.seed, "orders within sessions"))
            if self.exchanges_runs:
                found = group_orders(self.labels, n_permutations, seed=self.seed)
            elif self.kind == "time":
                least = max(1, self.purge)
                found = common_shifts(self.labels, n_permutations, min_shift=least, seed=self.seed)
            else:
                found = group_orders(self.labels, n_permutations, seed=self.seed)
        except ValueError as error:
            raise InvalidInput(f"Permuted by '{self.column}': {error}") from None
        return found.rows[1:] if found.exact else found.rows

    @property
    def fold_wise(self) -> bool:
        """Whether scores are computed per fold: every fold tests at least 20 stimuli."""
        return bool(self.folds().test.sum(axis=1).min() >= FEWEST_IN_FOLD)

    @property
    def exchanges_runs(self) -> bool:
        """Whether the null of a time series exchanges whole runs: five or more, of one length.

        They have more orders than there are shifts. Either keeps a course that every run shares; shifting each run by
        itself does not, and rejects a true null in 95 of 100 such cases.
        """
        sizes = np.unique(self.labels, return_counts=True)[1]
        return self.kind == "time" and len(sizes) >= FEWEST_RUNS and len(np.unique(sizes)) == 1

    @property
    def share_exchanged(self) -> float:
        """The share of stimuli whose group has another one of its size: what stays put costs power silently."""
        if self.kind not in ("groups", "shuffled"):
            return 1.0
        sizes = np.unique(self.labels, return_counts=True)[1]
        alike = np.array([np.sum(sizes == size) > 1 for size in sizes])
        return float(sizes[alike].sum() / sizes.sum())

    @property
    def n_groups(self) -> int:
        """How many groups or runs there are."""
        return len(np.unique(self.labels))

    def words(self) -> str:
        """The cross-validation in words."""
        if self.kind == "time":
            gap = f"{self.purge} volumes beside each left out of training" if self.purge else "no gap beside them"
            return f"{self.n_folds} contiguous blocks of '{self.column}', {gap}"
        if self.kind == "shuffled":
            return f"{RISK}: {self.n_folds} folds of shuffled rows"
        if self.kind == "sessions":
            return f"{self.n_folds} folds of whole '{self.column}', the same conditions in training"
        what = "stimuli" if self.column == "stimulus" else f"groups of '{self.column}'"
        return f"{self.n_folds} folds of whole {what}"

    def null_words(self) -> str:
        """What changes places under the null."""
        names = {
            "time": "responses of whole runs exchanged"
            if self.exchanges_runs
            else "responses of all runs shifted in a circle, by as much",
            "sessions": f"responses exchanged within every '{self.column}'",
            "groups": f"responses of whole '{self.column}' exchanged",
            "shuffled": "responses of single rows exchanged",
        }
        return f"{names[self.kind]}, fitted and tuned again"

    def named_folds(self) -> list[dict[str, list[str]]]:
        """What every fold trained and tested on: names of the groups, or of the rows where runs are cut."""
        folds = self.folds()
        names = self.labels if self.kind == "groups" else self.ids
        pairs = zip(folds.train, folds.test, strict=True)
        return [{"train": np.unique(names[a]).tolist(), "test": np.unique(names[b]).tolist()} for a, b in pairs]


def _within(labels: npt.NDArray[np.str_], n_permutations: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    orders = np.tile(np.arange(len(labels)), (n_permutations, 1))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        orders[:, rows] = rng.permuted(orders[:, rows], axis=1)
    return orders


def _require_new_texts(stimuli: Stimuli, folds: Folds) -> None:
    if "text" not in stimuli.table.columns:
        return
    texts = ["\n".join(text) if isinstance(text, tuple) else str(text) for text in stimuli.table["text"]]
    pairs = [
        f"{stimuli.ids[each.train]} and {stimuli.ids[each.test]}"
        for train, test in zip(folds.train, folds.test, strict=True)
        for each in repeated_texts(texts, train, test)
    ]
    if pairs:
        raise InvalidInput(
            f"{len(pairs)} held-out stimuli have a text that is also in training: {listed(pairs)}. Give stimuli with "
            "one text the same group, and hold out by that group; or drop the repeats."
        )
