"""Simple properties of problems: found where they tell the label, at chance on generated problems."""

import numpy as np
import pytest

from consona.alignment.problem_baselines import BASELINES, problem_baselines, problem_features
from consona.core.errors import InvalidInput
from consona.datasets.deduction_problems import deduction_problems

KINDS = [("syllogism", 3), ("transitive", 3), ("propositional", 3), ("relational", 4)]
N = 400


@pytest.mark.parametrize(("kind", "n_premises"), KINDS)
def test_problems_of_new_forms_cannot_be_answered_by_simple_properties(kind, n_premises):
    train = deduction_problems(kind, 800, n_premises=n_premises, forms="training", seed=11)
    test = deduction_problems(kind, N, n_premises=n_premises, seed=12)
    found = problem_baselines(train, test, n_draws=200)
    binomial = 0.5 / np.sqrt(N)
    single = found.sel(baseline=list(BASELINES[:3]))
    assert (abs(single.accuracy - 0.5) < 4 * binomial).all(), single.accuracy.values
    assert ((single.low < 0.5 + 2 * binomial) & (single.high > 0.5 - 2 * binomial)).all()
    # A sum of polarity and position is right in one, two or three of the four cells of a form, by chance: the error
    # is that of the forms, of which there are few.
    forms = {" ".join([each.split()[2], *sorted(each.split()[3])]) for each in test["form"]}
    joint = found.accuracy.sel(baseline="polarity and position").item()
    assert abs(joint - 0.5) < 3 * np.sqrt(0.25**2 / len(forms) + binomial**2)
    rule = found.accuracy.sel(baseline="place of a term with polarity").item()
    if kind == "relational":  # no place of a term tells whether two pairs are alike
        assert abs(rule - 0.5) < 4 * binomial
    else:  # a rule about places, which a model may have learnt instead of a chain: it is said, not hidden
        assert 0.5 + 3 * binomial < rule < 0.95


PLANTS = {
    "bag of words": lambda table: ["Ada" in text for text in table["text"]],
    "polarity": lambda table: [" not " in each for each in table["conclusion"]],
    "position": lambda table: [
        c.split()[0] in p[0] for p, c in zip(table["premises"], table["conclusion"], strict=True)
    ],
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_property_that_tells_the_label_is_found(plant):
    made = [deduction_problems("transitive", 400, forms="training", seed=seed) for seed in (0, 1)]
    train, test = (each.with_columns(label=np.array(PLANTS[plant](each.table))) for each in made)
    found = problem_baselines(train, test, n_draws=50)
    assert found.accuracy.sel(baseline=plant) > 0.97
    blind = {"polarity", "position"} if plant == "bag of words" else {"position", "polarity"} - {plant}
    for other in blind:  # no better than the commoner answer
        share = max(test["label"].mean(), 1 - test["label"].mean())
        assert found.accuracy.sel(baseline=other) < share + 3 * np.sqrt(share * (1 - share) / 400) + 0.02
    assert (found.low <= found.accuracy).all()
    assert (found.accuracy <= found.high).all()


def test_what_cannot_be_asked_is_refused():
    made = deduction_problems("syllogism", 20, seed=0)
    with pytest.raises(InvalidInput, match="no baseline 'luck'"):
        problem_features(made, "luck")
    with pytest.raises(InvalidInput, match="one label only"):
        problem_baselines(made.select(made["label"]), made)
    sizes = [problem_features(made, name).shape for name in BASELINES]
    assert all(n == 20 for n, _ in sizes)
