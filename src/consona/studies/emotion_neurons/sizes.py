"""How much of everything the study does: the declared size, and a quick one of two minutes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Counts that decide how long the study takes.

    ``n_train`` comments per emotion fit read-outs and find neurons, ``n_dev`` choose penalties, ``n_test`` balanced
    ones test the declared masks and ``n_described`` all others. ``n_masks`` random masks stand against every declared
    one, ``n_few`` against every described one; ``doses`` are further shares of neurons. ``block`` masks make a shard.
    """

    n_train: int
    n_dev: int
    n_test: int
    n_described: int
    n_masks: int
    n_few: int
    doses: tuple[float, ...]
    n_permutations: int
    n_halves: int
    block: int


SIZES = {
    "full": Size(300, 100, 40, 8, 99, 19, (0.0543, 0.1628), 1000, 99, 20),
    "quick": Size(40, 20, 6, 4, 9, 2, (0.0543,), 99, 19, 10),
}
