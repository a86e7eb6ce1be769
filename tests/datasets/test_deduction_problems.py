"""Generated problems: labels are the solver's, labels are balanced, forms are kept with their counterparts."""

import itertools
import random
import re

import numpy as np
import pandas as pd
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.deduction import contradictory, derive
from consona.datasets.deduction_problems import deduction_problems, held_out, posed
from consona.datasets.deduction_words import ADJECTIVES, ATTRIBUTES, NAMES, NOUNS
from consona.datasets.problem_wordings import NUMBERED, reworded, worded
from consona.datasets.problems import KINDS, problems
from consona.datasets.reasoning_fmri import load_reasoning_problems
from consona.datasets.reasoning_items import SPLITS, load_reasoning_items

VALUES = {value for values in ATTRIBUTES.values() for value in values}
GENERATED = {*NAMES, *NOUNS, *(f"{noun}s" for noun in NOUNS), *ADJECTIVES, *ADJECTIVES.values(), *VALUES, *ATTRIBUTES}
FRAME = set(re.findall(r"\w+", "All are things is not a than If then or and differ as in A B C D"))


def solved(premises, conclusion):
    """What follows, by the solver; whether two objects differ in one attribute is looked up."""
    if found := re.fullmatch(r"(\w) and (\w) differ in (\w+)", conclusion):
        one, two, attribute = found.groups()
        (values,) = [
            {who: word for who in (one, two) for word in ATTRIBUTES[attribute] if f" {word}" in has[who]}
            for has in [{each[0]: each[1:] for each in premises}]
        ]
        return values[one] != values[two]
    return derive(premises, conclusion)


def wrong(stimuli):
    """Problems whose premises contradict each other, or whose label is not the solver's."""
    table = stimuli.table
    return [
        name
        for name, premises, conclusion, label in zip(
            table.index, table["premises"], table["conclusion"], table["label"], strict=True
        )
        if contradictory(premises) or derive(premises, conclusion) != label
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_those_of_the_solver(kind):
    rng, labels = random.Random(kind), []
    for n_premises, ordered, n_words, _ in itertools.product(range(2, 7), (True, False), (3, 5, 12), range(5)):
        drawn = posed(kind, rng, n_premises=n_premises, n_questions=4, ordered=ordered, n_words=n_words)
        assert len(drawn.premises) == (4 if kind == "relational" else n_premises)
        assert not contradictory(drawn.premises)
        for question in drawn.questions:
            assert solved(drawn.premises, question.conclusion) == question.label, (drawn.premises, question)
            assert set(re.findall(r"\w+", f"{drawn.premises} {question.conclusion}")) <= GENERATED | FRAME
            labels.append(question.label)
    assert 0.2 < np.mean(labels) < 0.8


@pytest.mark.parametrize(
    ("kind", "n_premises"), [*itertools.product(KINDS[:3], (3, 4, 5, 6)), ("relational", 4)], ids=str
)
def test_half_of_the_problems_are_true_within_every_pattern_of_not(kind, n_premises):
    made = deduction_problems(kind, 200, n_premises=n_premises, seed=5)
    assert wrong(made) == []
    assert made["label"].sum() == 100
    assert all(map(held_out, made["form"]))
    assert made["n_premises"].tolist() == [n_premises] * 200
    pattern = [tuple("not" in each for each in (*p, c)) for p, c in zip(made.table["premises"], made["conclusion"])]
    for _, labels in made.table["label"].groupby([str(each) for each in pattern]):
        assert abs(labels.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(labels))
    assert deduction_problems(kind, 200, n_premises=n_premises, seed=5).table.equals(made.table)
    assert not deduction_problems(kind, 200, n_premises=n_premises, seed=6).table.equals(made.table)


def test_training_problems_are_of_other_forms():
    made = deduction_problems("transitive", 100, forms="training", seed=0)
    assert not any(map(held_out, made["form"]))
    assert made["label"].sum() == 50
    assert wrong(made) == []


@pytest.mark.parametrize("n_premises", [3, 4, 5])
def test_a_fifth_of_the_forms_is_held_out_with_all_counterparts(n_premises):
    """Neither the other direction, nor another pattern of "not", gives away the label of a form that is held out."""
    share = []
    for order, (i, j) in itertools.product(
        itertools.permutations(range(n_premises)), itertools.combinations(range(n_premises), 2)
    ):
        name = "".join(map(str, order))
        alike = {
            held_out(f"syllogism {n_premises} {name} {what} {denied} {negated}")
            for what, denied, negated in itertools.product((f"{i}{j}", f"{j}{i}"), ("is", "not"), ("is", "not"))
        }
        assert len(alike) == 1
        assert held_out(f"propositional {n_premises} {name} or {i} away") == held_out(
            f"propositional {n_premises} {name} or {i} towards"
        )
        if list(order) == sorted(order):
            assert alike == {False}
        else:
            share += alike
    assert abs(np.mean(share) - 0.2) < 4 * np.sqrt(0.16 / len(share))


@pytest.mark.parametrize(
    "options",
    [{"n": 3}, {"n": 0}, {"n_premises": 2}, {"n_premises": 7}, {"forms": "all"}, {"kind": "riddle"}],
    ids=str,
)
def test_problems_that_cannot_be_drawn_are_refused(options):
    with pytest.raises(InvalidInput, match=r"found|expected"):
        deduction_problems(**{"kind": "syllogism", "n": 4, "seed": 0, **options})
    if "kind" in options:
        with pytest.raises(InvalidInput, match="found 'riddle' with 3"):
            posed("riddle", random.Random(0), n_premises=3)


def test_a_wording_holds_premises_and_conclusion():
    made = deduction_problems("transitive", 2, seed=0)
    (one, two, three), conclusion = made.table["premises"].iloc[0], made["conclusion"][0]
    assert worded(made, "{premises} So {conclusion}.").texts[0] == f"{one}. {two}. {three}. So {conclusion}."
    assert worded(made, NUMBERED).texts[0] == f"Premises:\n1. {one}.\n2. {two}.\n3. {three}.\nConclusion:\n{conclusion}"
    for wording, lacking in (("{premises}", "'{conclusion}'"), ("{conclusion}", "'{premises} or {numbered}'")):
        with pytest.raises(InvalidInput, match=re.escape(f"leaves out {lacking}")):
            worded(made, wording)


def read(name):
    return load_reasoning_problems() if name == "fMRI" else load_reasoning_items(name)


@pytest.mark.data
@pytest.mark.parametrize("name", ["fMRI", *SPLITS])
def test_other_words_leave_structure_and_label(name, data_folder):
    published = read(name)
    sample = published.select(published.ids[:: max(1, len(published) // 100)])
    made = reworded(sample, seed=3)
    assert wrong(made) == []
    assert set(re.findall(r"\w+", " ".join(made.texts))) <= GENERATED | FRAME
    for column in ("label", "form", "kind", "negated", "n_premises", "n_integrated"):
        assert made[column].tolist() == sample[column].tolist()
    assert reworded(sample, seed=3).table.equals(made.table)
    assert reworded(sample, seed=4).texts != made.texts


def test_more_words_than_the_generator_has_are_refused():
    many = [f"All {'xyz'[i % 3] * (i + 2)} things are {'xyz'[(i + 1) % 3] * (i + 3)}" for i in range(14)]
    table = pd.DataFrame(
        {"premises": [many], "conclusion": ["Abe is fast"], "kind": "syllogism", "label": False}, index=["long"]
    )
    with pytest.raises(InvalidInput, match=r"'long' has \d+ different words where the generator has 12"):
        reworded(problems(table), seed=0)
