"""Three ways to choose the fraction of a ridge: what a paper says, what its code does, and good practice."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from consona.stats.folds import Folds, group_folds

__all__ = ["FractionalSettings", "Mode", "OrdinarySettings", "fractional_folds", "mode_settings"]

Mode = Literal["paper", "released", "corrected"]


@dataclass(frozen=True)
class FractionalSettings:
    """How the fraction of a ridge is chosen and used.

    Parameters
    ----------
    fractions
        Lengths of the weights beside the unpenalised ones, ascending; from 1 on there is no penalty.
    shared
        Whether all targets have one fraction, the best on the average, or each its own.
    intercept
        Whether predictions hold the mean of the targets, or lack it as in published code.
    shuffled
        Whether rows are dealt to folds by a seed, or folds are consecutive.
    n_folds
        Folds in which fractions are tried; not needed for a single fraction.
    """

    fractions: tuple[float, ...]
    shared: bool
    intercept: bool = True
    shuffled: bool = False
    n_folds: int = 5


@dataclass(frozen=True)
class OrdinarySettings:
    """The same for a ridge whose penalties are numbers and not fractions.

    Parameters
    ----------
    alphas
        Penalties on features as they are; extended once where the edge is chosen.
    shared, intercept, shuffled, n_folds
        As in :class:`FractionalSettings`.
    """

    alphas: tuple[float, ...] = tuple(float(alpha) for alpha in np.logspace(-4, 6, 21))
    shared: bool = False
    intercept: bool = True
    shuffled: bool = True
    n_folds: int = 5


def mode_settings(mode: Mode) -> FractionalSettings:
    """What a paper says, what its code does, and what good practice would be.

    ``"paper"``: fractions 0.05 to 1 in steps of 0.05, one per target (one "per embedding feature", as is written,
    cannot be: a fraction belongs to the weights of a target). ``"released"``: ``linspace(1/20, 21/20, 20)``, one for
    all targets, and no intercept at prediction. ``"corrected"``: as the paper, rows dealt to folds by a seed.

    Raises
    ------
    ValueError
        When the mode is another word.
    """
    twentieths = tuple(round(0.05 * step, 2) for step in range(1, 21))
    released = tuple(float(each) for each in np.linspace(1 / 20, 1 + 1 / 20, 20))
    settings = {
        "paper": FractionalSettings(twentieths, shared=False),
        "released": FractionalSettings(released, shared=True, intercept=False),
        "corrected": FractionalSettings(twentieths, shared=False, shuffled=True),
    }
    if mode not in settings:
        raise ValueError(f"the mode is {mode!r}; it is one of {', '.join(settings)}.")
    return settings[mode]


def fractional_folds(n_rows: int, settings: FractionalSettings | OrdinarySettings, *, seed: int = 0) -> Folds:
    """The folds of the settings: consecutive and as equal as can be, or dealt by the seed.

    Raises
    ------
    ValueError
        When there are fewer rows than folds, or fewer than two folds.
    """
    dealt = group_folds(np.arange(n_rows), settings.n_folds, seed=seed)  # also looks at the numbers
    larger = np.arange(settings.n_folds) < n_rows % settings.n_folds
    consecutive = np.repeat(np.arange(settings.n_folds), n_rows // settings.n_folds + larger)
    codes = dealt if settings.shuffled else consecutive
    test = codes[None, :] == np.arange(settings.n_folds)[:, None]
    return Folds(~test, test)
