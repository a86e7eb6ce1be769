"""How much of everything the study does: the declared size, and a quick one of a few minutes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Counts that decide how long the study takes.

    A twin has ``n_subjects`` who see ``n_images`` each, ``n_shared`` of them the same, in ``sessions``, on
    ``n_vertices`` of each hemisphere. ``n_set`` images make a set of RSA. ``n_scenes`` train ``n_seeds`` networks per
    architecture and target in ``n_epochs``. ``n_dictionary`` further captions are searched by the read-out.
    """

    n_subjects: int
    n_images: int
    n_shared: int
    sessions: tuple[int, ...]
    n_vertices: int
    n_set: int
    n_scenes: int
    n_seeds: int
    n_epochs: int
    n_dictionary: int
    n_permutations: int
    searchlight: bool


SIZES = {
    "full": Size(8, 3200, 320, (12, 12, 10, 9, 12, 10, 12, 9), 10242, 100, 10000, 5, 12, 10000, 199, True),
    "quick": Size(8, 160, 40, (4,) * 8, 2562, 40, 3000, 1, 12, 1000, 99, False),
}
"""The full twin is one fiftieth of NSD: 9,600 x 20,484 numbers per person, of 30,000 x 327,684. People come to three
quarters of the sessions or to all of them, as in NSD, so that images were seen once, twice, three times or never."""
