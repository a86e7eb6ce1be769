"""How much of everything the study does: the full size, more seeds of strategies, and a quick one of five minutes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Counts that decide how long the study takes; ``effort`` multiplies the epochs of every recipe.

    ``subject_doses`` are numbers of training subjects, ``epoch_doses`` epochs, ``depth_doses`` hidden layers;
    ``lengths`` are multiples of the strong base's epochs in the ensemble, with ``n_members`` seeds each.
    """

    n_folds: int
    n_validation: int
    n_seeds: int
    strategy_seeds: int
    effort: float
    subject_doses: tuple[int, ...]
    epoch_doses: tuple[int, ...]
    depth_doses: tuple[int, ...]
    lengths: tuple[float, float]
    n_members: int
    n_draws: int
    n_exchanged: int


SIZES = {
    "full": Size(10, 10, 2, 2, 1.0, (10, 20, 40), (1, 3, 8, 20), (1, 2, 4), (1.0, 1.5), 5, 3, 19),
    "paper": Size(10, 10, 2, 5, 1.0, (10, 20, 40), (1, 3, 8, 20), (1, 2, 4), (1.0, 1.5), 5, 3, 39),
    "quick": Size(2, 10, 1, 1, 0.2, (10,), (1, 2, 6), (1, 2), (1.0, 1.5), 2, 1, 4),
}
