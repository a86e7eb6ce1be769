"""How the model answers: margins between True and False, their bias, and accuracy on every set of problems."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.problem_baselines import problem_baselines
from consona.core.stimuli import Stimuli
from consona.datasets.deduction_problems import deduction_problems
from consona.stats.seeds import rng_for
from consona.studies.guided_reasoning.material import GENERATED
from consona.studies.guided_reasoning.names import FALSE, TASKS, TRUE

if TYPE_CHECKING:
    from consona.lm.model import LanguageModel

ANSWERS = (TRUE, FALSE)
_SIZES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
_MARGIN = 0.15
_N_TRAINING = 3
"""Training problems of a baseline, per problem that it is tested on."""


def margins_of(lm: "LanguageModel", problems: Stimuli, bias: float) -> xr.DataArray:
    """Log odds of True against False less the bias, in nats, ``(stimulus,)``; above 0 the model answers True."""
    from consona.lm.answer_bias import answer_margins
    from consona.lm.last_token import LastToken

    asked = LastToken.of(lm, problems, ANSWERS).answers()
    return answer_margins(asked, bias=bias).isel(variant=0, drop=True)


def bias_of(lm: "LanguageModel", problems: Stimuli) -> float:
    """The median margin of balanced problems that are tested nowhere, in nats."""
    from consona.lm.answer_bias import answer_bias
    from consona.lm.last_token import LastToken

    asked = LastToken.of(lm, problems, ANSWERS).answers().isel(variant=0, drop=True)
    return answer_bias(asked, method="median", labels=np.asarray(problems["label"], dtype=bool))


def disturbance_for(lm: "LanguageModel", validation: Stimuli, errors: float) -> list[float]:
    """Size and seed of a disturbance after which every kind and label has about so many errors; zeros where not needed.

    Of eight seeds and seven sizes, the pair whose accuracy on validation problems is nearest to ``1 - errors`` for the
    kind and label that are furthest from it, so that errors do not all lie on one side.
    """
    from consona.lm.disturbance import disturbed

    if errors == 0 or min(_by_cell(lm, validation)) <= 1 - errors + _MARGIN:
        return [0.0, 0.0]
    pairs = [(size, seed) for size in _SIZES for seed in range(8)]
    away = [
        max(abs(each - (1 - errors)) for each in _by_cell(disturbed(lm, size, seed=seed), validation))
        for size, seed in pairs
    ]
    size, seed = pairs[int(np.argmin(away))]
    return [float(size), float(seed)]


def _by_cell(lm: "LanguageModel", problems: Stimuli) -> list[float]:
    """Accuracy for every kind and label."""
    good, kinds = right(margins_of(lm, problems, bias_of(lm, problems)), problems), np.asarray(problems["kind"])
    labels = np.asarray(problems["label"], dtype=bool)
    return [float(good[(kinds == kind) & (labels == label)].mean()) for kind in TASKS for label in (True, False)]


def right(margins: xr.DataArray, problems: Stimuli) -> np.ndarray:
    """Whether every answer is right, bool ``(n_problems,)``."""
    return np.asarray((margins.values > 0) == np.asarray(problems["label"], dtype=bool))


def graded(lm: "LanguageModel", tests: Mapping[str, Stimuli], bias: float, *, seed: int) -> xr.Dataset:
    """Accuracy on every set with its interval (problems drawn again), and how often the answer is True.

    ``accuracy``, ``low``, ``high``, ``said_true``, ``constant`` (always answering True), ``n``, over ``test``.
    """
    rows = []
    for name, problems in tests.items():
        margins = margins_of(lm, problems, bias)
        good, labels = right(margins, problems), np.asarray(problems["label"], dtype=bool)
        draws = rng_for(seed, "graded", name).integers(len(good), size=(1000, len(good)))
        low, high = np.quantile(good[draws].mean(axis=1), [0.025, 0.975])
        rows.append([good.mean(), low, high, (margins.values > 0).mean(), labels.mean(), len(good)])
    names = ("accuracy", "low", "high", "said_true", "constant", "n")
    return xr.Dataset({key: ("test", each) for key, each in zip(names, np.array(rows).T)}, {"test": list(tests)})


def baselines(n: int, *, seed: int) -> xr.Dataset:
    """What words, polarity and places alone answer on the generated problems: ``accuracy (test, baseline)``."""
    found = []
    for kind, k in GENERATED:
        known = deduction_problems(kind, _N_TRAINING * n, n_premises=k, forms="training", seed=seed + 1)
        found.append(problem_baselines(known, deduction_problems(kind, n, n_premises=k, seed=seed), seed=seed))
    names = [f"{kind}, {k} premises" for kind, k in GENERATED]
    return xr.concat(found, dim="test").assign_coords(test=names)
