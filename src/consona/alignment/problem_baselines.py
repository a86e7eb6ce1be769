"""How far problems can be answered without reasoning: from their words, from "not", and from places of terms."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.stats.seeds import rng_for

__all__ = ["BASELINES", "problem_baselines", "problem_features"]

Array = npt.NDArray[np.float64]

BASELINES = ("bag of words", "polarity", "position", "polarity and position", "place of a term with polarity")
_WORD = re.compile(r"[\w-]+")
_FRAME = {"all", "are", "things", "is", "not", "a", "an", "than", "if", "then", "or", "and", "differ", "as", "no"}
_MOST = 6  # premises


def problem_features(problems: Stimuli, name: str) -> Array:
    """Features of problems that know no logic, ``(n_problems, n_features)``.

    ``bag of words``: counts in the whole text. ``polarity``: which premise and whether the conclusion has "not", and
    how many there are. ``position``: in which premise, and where in it, the first and the last term of the conclusion
    stand first and last. ``place of a term with polarity`` multiplies the places with polarity: it knows which place
    together with "not" means True, which is a rule, though no chain of inference.

    Raises
    ------
    InvalidInput
        When there is no such set.
    """
    sentences = [[*map(str, p), str(c)] for p, c in zip(problems.table["premises"], problems["conclusion"])]
    words = [[_WORD.findall(each) for each in problem] for problem in sentences]
    if name == "bag of words":
        known = sorted({word for problem in words for each in problem for word in each})
        return np.array([[sum(each.count(word) for each in problem) for word in known] for problem in words], float)
    polarity = np.array([_polarity(problem) for problem in words], dtype=np.float64)
    if name == "polarity":
        return polarity
    places = np.array([_places(problem) for problem in words], dtype=np.float64)
    if name == "position":
        return places
    if name == "polarity and position":
        return np.hstack([polarity, places])
    if name == BASELINES[-1]:
        signs = polarity[:, -2:]
        return np.hstack([polarity, places, *(places * sign[:, None] for sign in signs.T)])
    raise InvalidInput(f"There is no baseline '{name}'; there are {', '.join(BASELINES)}.")


def problem_baselines(train: Stimuli, test: Stimuli, *, n_draws: int = 1000, seed: int = 0) -> xr.Dataset:
    """Accuracy on test problems of what training problems teach a logistic regression about each set of features.

    Parameters
    ----------
    train, test
        Problems of one kind, half of them true; the test ones of forms that training has not.
    n_draws, seed
        Of the bootstrap over test problems.

    Returns
    -------
    xr.Dataset
        ``accuracy, low, high (baseline)``, shares, with the middle 95 % of problems drawn again.

    Raises
    ------
    InvalidInput
        When training has one label only.
    """
    if len(set(train["label"].tolist())) < 2:
        raise InvalidInput("Training problems have one label only; a baseline needs both. Draw more of them.")
    tables = [
        each.table.set_axis([f"{of} {name}" for name in each.ids]) for of, each in (("train", train), ("test", test))
    ]
    joint = Stimuli(pd.concat(tables))
    draws = rng_for(seed, "baselines").integers(len(test), size=(n_draws, len(test)))
    rows = []
    for name in BASELINES:
        X = problem_features(joint, name)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        model.fit(X[: len(train)], train["label"])
        right = model.predict(X[len(train) :]) == test["label"]
        rows.append([right.mean(), *np.quantile(right[draws].mean(axis=1), [0.025, 0.975])])
    values = np.array(rows).T
    return xr.Dataset(
        {key: ("baseline", each) for key, each in zip(("accuracy", "low", "high"), values)},
        {"baseline": list(BASELINES)},
    )


def _polarity(problem: Sequence[Sequence[str]]) -> list[float]:
    """Which premises have "not" (six places), how many have, and whether the conclusion has."""
    *premises, conclusion = ["not" in each for each in problem]
    return [*premises, *[False] * (_MOST - len(premises)), sum(premises), conclusion]


def _places(problem: Sequence[Sequence[str]]) -> list[float]:
    """Of the first and the last term of the conclusion: in which premise and where in it they stand, first and last."""
    *premises, conclusion = [[word.lower() for word in each] for each in problem]
    terms = [word for word in conclusion if word not in _FRAME]
    values: list[float] = []
    for term in (terms[0], terms[-1]):
        found = [
            (i / len(premises), j / len(words), j + 1 == len(words))
            for i, words in enumerate(premises)
            for j, word in enumerate(words)
            if word in (term, f"{term}s")
        ] or [(-1.0, -1.0, False)]
        values += [*map(float, found[0]), *map(float, found[-1]), float(len(found))]
    return values
