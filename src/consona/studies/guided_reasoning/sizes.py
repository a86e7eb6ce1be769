"""How much of everything the study does: the declared size, and a quick one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Counts that decide how long the study takes.

    ``n_permutations`` and ``n_draws`` of every score of predictivity; ``n_pools`` other people per ceiling, at most;
    ``n_permuted`` brains with items exchanged, ``n_controls`` draws of the other controls of guidance, in ``n_folds``
    folds and ``strengths``; ``n_seeds`` of tuning with ``epochs``; ``n_test`` generated problems per test set;
    ``n_twins`` per point of the power curve; ``n_made_up`` problems of a kind for made-up
    people; ``published``: directions are carried to the published sets as well.
    """

    n_permutations: int
    n_draws: int
    n_pools: int
    n_permuted: int
    n_controls: int
    n_folds: int
    n_inner: int
    strengths: tuple[float, ...]
    n_seeds: int
    epochs: int
    n_test: int
    n_twins: int
    n_made_up: int
    published: bool


SIZES = {
    "full": Size(199, 1000, 252, 99, 5, 5, 2, (0.5, 1.0, 2.0, 4.0), 5, 100, 200, 20, 36, True),
    "quick": Size(19, 200, 6, 9, 1, 3, 1, (1.0, 4.0), 2, 30, 60, 3, 36, False),
}
