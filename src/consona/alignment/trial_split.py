"""What is held out of single trials: whole logical forms, single stimuli or runs; and what may change places."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.stats.folds import Folds, grouped_folds

__all__ = ["TrialSplit", "strata"]

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-2, 4, 7))  # times the mean diagonal of the kernel
HoldOut = Literal["form", "item", "run"]


@dataclass(frozen=True)
class TrialSplit:
    """What is held out together, and how much is drawn.

    Attributes
    ----------
    hold_out
        ``form``: all stimuli of a logical form at once. ``item``: single stimuli. ``run``: a whole run of a kind.
        Layer and penalty are chosen in inner folds that hold out forms (single stimuli for ``item``).
    kind
        Stimuli of this kind alone; ``all`` for every kind.
    n_folds
        Outer and inner folds, fewer where there are fewer groups; runs are held out one by one.
    alphas
        Ridge penalties, as multiples of the mean squared length of training features after scaling.
    n_permutations, n_draws, seed
        Size of the null and of the bootstrap; folds, orders and draws follow from the seed.
    """

    hold_out: HoldOut = "form"
    kind: str = "all"
    n_folds: int = 5
    alphas: tuple[float, ...] = ALPHAS
    n_permutations: int = 200
    n_draws: int = 1000
    seed: int = 0

    def of(self, stimuli: Stimuli) -> Stimuli:
        """The stimuli of the kind.

        Raises
        ------
        InvalidInput
            When there is no such kind.
        """
        kinds = as_names(stimuli["kind"])
        if self.kind == "all":
            return stimuli
        if self.kind not in kinds:
            raise InvalidInput(
                f"No stimulus is of the kind '{self.kind}'; kinds are {listed(np.unique(kinds))}, or all."
            )
        return stimuli.select(kinds == self.kind)

    def folds(self, stimuli: Stimuli) -> tuple[Folds, list[Folds]]:
        """Outer folds, and the inner folds of each.

        Raises
        ------
        InvalidInput
            When there are fewer than two groups, outside or inside, or a held-out text is also in training.
        """
        named = stimuli.with_columns(run_of_kind=strata(stimuli), item=stimuli.ids)
        column, inside = ("run_of_kind", "form") if self.hold_out == "run" else (self.hold_out, self.hold_out)
        n_groups = len(np.unique(named[column]))
        n_folds = n_groups if self.hold_out == "run" else min(self.n_folds, n_groups)
        outer = Split.of_groups(named, column, n_folds=max(2, n_folds), seed=self.seed).folds()
        groups = as_names(named[inside])
        return outer, [_inside(train, groups, self.n_folds, self.seed) for train in outer.train]


def strata(stimuli: Stimuli) -> npt.NDArray[np.str_]:
    """Kind and, where stimuli have one, run: what stays in place when trials are exchanged."""
    runs = as_names(stimuli["run"]) if "run" in stimuli else np.full(len(stimuli), "")
    return as_names([f"{kind} {run}".strip() for kind, run in zip(as_names(stimuli["kind"]), runs, strict=True)])


def _inside(train: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_], n_folds: int, seed: int) -> Folds:
    """Folds of the training rows, as masks over all rows."""
    n_groups = len(np.unique(groups[train]))
    if n_groups < 2:
        raise InvalidInput(
            f"A training set holds {n_groups} group of stimuli; layer and penalty are chosen by holding one out of at "
            "least two. Hold out single items, or fewer runs."
        )
    own = grouped_folds(groups[train], min(n_folds, n_groups), seed=seed)
    masks = np.zeros((2, len(own.test), len(train)), dtype=bool)
    masks[:, :, train] = own
    return Folds(masks[0], masks[1])
