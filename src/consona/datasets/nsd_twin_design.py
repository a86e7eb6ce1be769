"""Who sees which image when in a made-up Natural Scenes Dataset."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import InvalidInput
from consona.datasets.twin_regions import N_VERTICES
from consona.stats.seeds import rng_for

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TwinDesign:
    """How many people, images, sessions and vertices a twin has.

    Parameters
    ----------
    n_subjects, n_images, n_shared
        People; images that a person was to see; how many of these all people were to see.
    n_sessions
        Of every person, or one number for each: who came less often saw some images less often, or never.
    n_repetitions
        How often an image was to be seen.
    n_vertices
        Of a hemisphere: 10,242 (fsaverage5), or 2,562, 642, 162 or 42.
    n_volumes
        How many people have a volume beside the surface.
    """

    n_subjects: int = 8
    n_images: int = 200
    n_shared: int = 20
    n_sessions: int | tuple[int, ...] = 6
    n_repetitions: int = 3
    n_vertices: int = N_VERTICES
    n_volumes: int = 0

    def __post_init__(self) -> None:
        """The numbers fit each other."""
        counts = (self.n_subjects, self.n_shared, self.n_repetitions, *self.sessions)
        fewest = min(*counts, self.n_images - self.n_shared + 1)
        if len(self.sessions) != self.n_subjects or fewest < 1 or not 0 <= self.n_volumes <= self.n_subjects:
            raise InvalidInput(
                f"{self} is no experiment: at least one of everything, sessions for every subject (one number or "
                f"{self.n_subjects}), and no more shared images than images."
            )
        if (self.n_images * self.n_repetitions) % max(self.sessions):
            raise InvalidInput(
                f"{self.n_images} images shown {self.n_repetitions} times do not make {max(self.sessions)} sessions of "
                "equal length. Choose numbers that divide."
            )

    @property
    def sessions(self) -> tuple[int, ...]:
        """Sessions of every subject."""
        return (self.n_sessions,) * self.n_subjects if isinstance(self.n_sessions, int) else self.n_sessions

    @property
    def n_trials(self) -> int:
        """Trials of a session."""
        return self.n_images * self.n_repetitions // max(self.sessions)

    @property
    def n_needed(self) -> int:
        """Different images that the experiment takes."""
        return self.n_shared + self.n_subjects * (self.n_images - self.n_shared)


class Experiment:
    """Who sees which image when; images, sessions, runs and trials are counted from 1."""

    def __init__(self, design: TwinDesign, n_all: int, seed: int) -> None:
        rng = rng_for(seed, "experiment")
        self.design, self.seed = design, seed
        chosen = rng.permutation(n_all)[: design.n_needed] + 1
        self.shared: Counts = np.sort(chosen[: design.n_shared])
        own = chosen[design.n_shared :].reshape(design.n_subjects, -1)
        self.images: Counts = np.hstack([np.tile(self.shared, (design.n_subjects, 1)), own])
        self.order: Counts = rng.permutation(np.repeat(np.arange(1, design.n_images + 1), design.n_repetitions))

    @property
    def numbers(self) -> tuple[Counts, Counts, Counts]:
        """Order of places, images of every subject and shared images, as ``nsd_expdesign.mat`` has them."""
        return self.order, self.images, self.shared

    def trials(self, number: int) -> pd.DataFrame:
        """What one subject saw: session, run, trial, place (among the subject's images) and image."""
        per_session = self.design.n_trials
        within = np.tile(np.arange(per_session), self.design.sessions[number])
        run = within * min(12, per_session) // per_session
        place = self.order[: len(within)]
        first = np.concatenate([[True], np.diff(run) != 0])
        begin = np.maximum.accumulate(np.where(first, np.arange(len(run)), 0))
        return pd.DataFrame(
            {
                "session": np.arange(len(within)) // per_session + 1,
                "run": run + 1,
                "trial": np.arange(len(run)) - begin + 1,
                "place": place,
                "image": self.images[number][place - 1],
            }
        )
