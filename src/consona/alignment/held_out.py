"""What every held-out score of one recording needs: rows in order, folds, orders of the null, facts to state."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consona.alignment.split import FEWEST_IN_FOLD, Split
from consona.alignment.time_courses import gap_in_words
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.folds import Folds

__all__ = ["HeldOut", "in_precision", "target_coords", "varying_layers"]

CELLS = 20_000_000  # of permuted values held at once
MANY_ROWS = 4096  # from here on the precision of the features is kept: double precision costs twice the memory and time
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """The responses in the order of a split, and everything the split says, asked once.

    ``orders`` are rows under the null; ``pooled`` is true where a fold tests too few stimuli for a score of its own.
    """

    responses: Array
    folds: Folds
    inner: list[Folds]
    orders: npt.NDArray[np.intp]
    pooled: bool
    split: Split

    @classmethod
    def of(cls, recording: Recording, split: Split, n_permutations: int) -> "HeldOut":
        """Align and check.

        Raises
        ------
        InvalidInput
            When recording and split are about other stimuli, or a time series is split by shuffled groups.

        Warns
        -----
        UserWarning
            When the blocks of a time series touch their training without a gap.
        """
        _require_fit(recording, split)
        responses = recording.mean()[split.of(recording.ids, f"recording '{recording.subject}'")]
        orders = split.orders(n_permutations) if n_permutations else np.empty((0, len(responses)), dtype=np.intp)
        return cls(responses, split.folds(), split.inner(), orders, not split.fold_wise, split)

    def require_null(self) -> None:
        """Refuse scores that are pooled over folds without a null beside them.

        Raises
        ------
        InvalidInput
            When folds are small and no null was asked for.
        """
        if self.pooled and len(self.orders) == 0:
            raise InvalidInput(
                f"A fold tests fewer than {FEWEST_IN_FOLD} stimuli, so scores are pooled over folds, and those mean "
                "nothing without their null. Ask for n_permutations, or for fewer folds."
            )

    def words(self, chosen: str) -> str:
        """The cross-validation in words; ``chosen`` says what was chosen within the training stimuli."""
        how = "held-out predictions pooled over folds" if self.pooled else "mean of the scores of each fold"
        return f"{self.split.words()}; {how}; {chosen} chosen in folds within the training stimuli"

    def facts(self) -> dict[str, object]:
        """What the checks read from a score."""
        facts: dict[str, object] = {
            "cv": "pooled" if self.pooled else "fold-wise",
            "held_out": self.split.column,
            "shares_stimuli": self.split.kind in ("sessions", "shuffled"),
            "folds": self.split.named_folds(),
        }
        if len(self.orders):
            facts["null"] = self.split.null_words()
            facts["smallest_p"] = 1.0 / (len(self.orders) + 1)
        return facts

    def blocks(self, n_columns: int) -> Iterator[slice]:
        """Blocks of orders whose permuted values fit in memory, for tables of ``n_columns``."""
        size = max(1, CELLS // max(1, n_columns * len(self.responses)))
        return (slice(first, min(first + size, len(self.orders))) for first in range(0, len(self.orders), size))


def target_coords(recording: Recording) -> dict[str, object]:
    """The coordinates that lie along the targets of a recording; labels as text, whatever the file made of them."""
    along = {str(name): each for name, each in recording.data.coords.items() if each.dims == ("target",)}
    return {name: ("target", as_names(e.values) if e.dtype.kind in "OUST" else e.values) for name, e in along.items()}


def in_precision(values: npt.NDArray[np.float32]) -> npt.NDArray[np.floating]:
    """Features in double precision, or as they are where there are many stimuli."""
    return values.astype(np.float64) if len(values) < MANY_ROWS else values


def varying_layers(features: Features, split: Split) -> tuple[list[int], dict[int, npt.NDArray[np.floating]]]:
    """Layers that are the same for all stimuli, and the values of the others, in the order of the split.

    Raises
    ------
    InvalidInput
        When no layer varies.
    """
    chosen = features.select(split.ids)
    values = {int(layer): in_precision(chosen.layer(int(layer))) for layer in chosen.layers}
    constant = [layer for layer, each in values.items() if not (np.ptp(each, axis=0) > 0).any()]
    kept = {layer: each for layer, each in values.items() if layer not in constant}
    if not kept:
        raise InvalidInput(
            f"All {len(values)} layers are the same for all {len(split.ids)} stimuli; nothing can be told from them. "
            "Check how the features were made."
        )
    return constant, kept


def _is_series(recording: Recording) -> bool:
    """Whether rows have times; the times of targets within an epoch are another matter."""
    return "time" in recording.data.coords and recording.data["time"].dims == ("stimulus",)


def _require_fit(recording: Recording, split: Split) -> None:
    if _is_series(recording) and split.kind == "groups":
        raise InvalidInput(
            f"Recording '{recording.subject}' is a time series (it has the coordinate 'time'); held out by "
            f"'{split.column}', neighbours of test volumes would be in training. Use Split.of_runs with a gap; or, to "
            "show what goes wrong, Split.of_shuffled_rows."
        )
    if split.kind == "time" and split.purge == 0 and split.n_groups < split.n_folds:
        warnings.warn(
            f"Blocks of a time series touch their training without a gap: neighbours in time are alike and scores too "
            f"high. {gap_in_words(recording, split.labels)}",
            stacklevel=4,
        )
