"""Problems: sentences made plain, labels checked, premises in other orders; the solver against trying every world."""

import itertools
import random

import numpy as np
import pandas as pd
import pytest

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.deduction import contradictory, derive
from consona.datasets.problems import MOST_ORDERS, all_orders, condition, problems, reordered


def rows(**columns):
    table = pd.DataFrame(
        {
            "premises": [
                ("All trabs are fast. ", " Abe is  a trab"),
                ("Nat is slower than Max.", "Max is slower than Sam"),
            ],
            "conclusion": ["Abe is fast ", "Sam is not slower than Nat."],
            "kind": ["syllogism", "transitive"],
            "label": [True, True],
        },
        index=["one", "two"],
    )
    return table.assign(**columns)


def test_a_problem_is_plain_text_with_what_follows_from_its_sentences():
    made = problems(rows(source=["a", "b"]))
    assert made.texts == [
        "All trabs are fast. Abe is a trab. Abe is fast.",
        "Nat is slower than Max. Max is slower than Sam. Sam is not slower than Nat.",
    ]
    assert made.table["premises"]["one"] == ("All trabs are fast", "Abe is a trab")
    assert made["negated"].tolist() == [False, True]
    assert made["form"].tolist() == ["syllogism 2 true affirm", "transitive 2 true negate"]
    assert made["n_integrated"].tolist() == made["n_premises"].tolist() == [2, 2]
    assert made["run"].tolist() == ["", ""]
    assert made["source"].tolist() == ["a", "b"]
    again = Stimuli.from_xarray(made.to_xarray())
    assert again.table["premises"].tolist() == made.table["premises"].tolist()
    assert condition("modus_ponens_false", "propositional", 2) == (2, False, "propositional modus ponens false")
    assert condition("3_true_negate", "syllogism", 3) == (3, True, "syllogism 3 true negate")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"label": [True, "valid"]}, "neither true nor false: 'two'"),
        ({"label": [2, 1]}, "neither true nor false: 'one'"),
        ({"kind": ["syllogism", "riddle"]}, "kind other than .*: 'two'"),
        ({"conclusion": ["Abe is fast", " . "]}, "an empty sentence: 'two'"),
        ({"premises": ["All trabs are fast", "Nat"]}, "a sequence of sentences"),
        ({"n_integrated": [2, 3]}, "n_integrated than 1 to all premises: 'two'"),
    ],
)
def test_an_odd_problem_is_named(columns, said):
    with pytest.raises(InvalidInput, match=said):
        problems(rows(**columns))
    with pytest.raises(InvalidInput, match="lack 'label'"):
        problems(rows().drop(columns="label"))
    with pytest.raises(InvalidInput, match="no true or false"):
        condition("2_maybe", "syllogism", 3)


def test_every_order_of_the_premises_is_there_once_and_named():
    premises = [("Nat is slower than Max", "Max is slower than Sam", "Sam is slower than Rob"), ("A is x", "B is y")]
    made = problems(rows(premises=premises))
    orders = all_orders(made)
    assert orders.ids.tolist()[:2] == ["one-012", "one-021"]
    assert orders["problem"].tolist() == ["one"] * 6 + ["two"] * 2
    assert len(set(orders.texts)) == 8
    first = reordered(made.select(["one"]), (2, 0, 1))
    assert first.texts[0].startswith("Sam is slower than Rob. Nat is slower than Max. Max")
    assert orders.table.loc["one-201", "text"] == first.texts[0]
    with pytest.raises(InvalidInput, match="another number of premises than 3: 'two'"):
        reordered(made, (0, 1, 2))
    with pytest.raises(InvalidInput, match="no order of premises"):
        reordered(made, (0, 0, 1))
    many = problems(pd.concat([rows(premises=[("A is x",) * 8] * 2)] * 2).set_axis(list("abcd")))
    with pytest.raises(InvalidInput, match=f"at most {MOST_ORDERS}"):
        all_orders(many)


@pytest.mark.parametrize(
    ("premises", "conclusion", "follows"),
    [
        ("All foxes are red / Abe is a fox", "Abe is red", True),
        ("All flies are jasps / All jasps are old / Abe is not old", "Abe is not a fly", True),
        ("All goms are black / Max is not a gom", "Max is not black", False),
        ("All keefs are white / Abe is white", "Abe is a keef", False),
        ("All keefs are white / All white things are tall", "All keefs are tall", True),
        ("All keefs are white", "All white things are keefs", False),
        ("No keefs are white / Abe is white", "Abe is not a keef", True),
        ("If p is red, then q is big / q is not big", "p is not red", True),
        ("If p is red, then q is big / q is big", "p is red", False),
        ("If p is red, then q is big / If q is big, then r is old", "If p is red, then r is old", True),
        ("p is red or q is big / p is not red", "q is big", True),
        ("p is red or q is big / p is red", "q is not big", False),
        ("Nat is faster than Max / Max is not slower than Sam", "Nat is faster than Sam", True),
        ("Nat is not faster than Max", "Max is faster than Nat", False),
        ("Nat is faster than Max", "Nat is taller than Max", False),
        (
            "A is red and big / B is red and old / C is red and big / D is blue and old",
            "C and D differ as A and B",
            True,
        ),
        (
            "A is red and big / B is red and old / C is red and big / D is blue and big",
            "C and D differ as A and B",
            False,
        ),
    ],
)
def test_what_follows_in_plain_cases(premises, conclusion, follows):
    given = premises.split(" / ")
    assert derive(given, conclusion) is follows
    assert derive(given[::-1], conclusion + ". ") is follows


@pytest.mark.parametrize(
    ("premises", "wrong"),
    [
        ("Ebb is bigger than Pit / Pit is bigger than Ann / Ann is bigger than Ebb", True),
        ("Ebb is bigger than Pit / Ebb is smaller than Pit", True),
        ("Ebb is not bigger than Pit / Pit is not bigger than Ebb", False),
        ("All trabs are fast / Abe is a trab / Abe is not fast", True),
        ("If p is red, then q is big / p is red / q is not big", True),
        ("A is red and big / A is blue and big", True),
        ("A is red and big / B is blue and big", False),
    ],
)
def test_premises_that_cannot_all_be_true(premises, wrong):
    given = premises.split(" / ")
    assert contradictory(given) is wrong
    if wrong:
        with pytest.raises(InvalidInput, match="contradict each other"):
            derive(given, "Abe is fast")


@pytest.mark.parametrize("sentence", ["Some trabs are fast", "Abe runs", ""])
def test_a_sentence_that_cannot_be_read_is_named(sentence):
    with pytest.raises(InvalidInput, match=f"'{sentence}' is of no form"):
        derive(("All trabs are fast", sentence), "Abe is fast")


def test_sentences_that_do_not_go_together_are_an_error():
    with pytest.raises(InvalidInput, match="'Abe is fast' is of no form"):
        derive(("Nat is slower than Max", "Abe is fast"), "Max is slower than Nat")
    with pytest.raises(InvalidInput, match="needs one description"):
        derive(("A is red and big", "B is red and old"), "C and D differ as A and B")


def test_the_solver_agrees_with_trying_every_world():
    """Orders: all ranks of four people. Properties: all subsets of four properties of one person."""
    draw = random.Random(0)
    counts = [0, 0, 0]
    for _ in range(150):
        for case in (_order_case(draw), _property_case(draw)):
            premises, conclusion, worlds = case
            possible = [world for world in worlds if all(holds(world) for _, holds in premises)]
            texts = [text for text, _ in premises]
            assert contradictory(texts) is (not possible)
            counts[0] += not possible
            if possible:
                follows = all(conclusion[1](world) for world in possible)
                assert derive(texts, conclusion[0]) is follows
                counts[1 + follows] += 1
    assert min(counts) > 20  # all three answers occurred


def _order_case(draw):
    people = ["Nat", "Max", "Sam", "Rob"]

    def sentence():
        (i, one), (j, two) = draw.sample(list(enumerate(people)), 2)
        negated, reverse = draw.random() < 0.3, draw.random() < 0.5

        def holds(ranks):
            above = ranks[j] > ranks[i] if reverse else ranks[i] > ranks[j]
            return above != negated

        return f"{one} is {'not ' if negated else ''}{'slower' if reverse else 'faster'} than {two}", holds

    return [sentence() for _ in range(4)], sentence(), list(itertools.product(range(4), repeat=4))


def _property_case(draw):
    words = ["red", "big", "old", "wet"]

    def fact():
        i, negated = draw.randrange(4), draw.random() < 0.5
        return f"Abe is {'not ' if negated else ''}{words[i]}", lambda world: world[i] != negated

    def rule():
        i, j = draw.sample(range(4), 2)
        if draw.random() < 0.3:
            return f"No {words[i]} things are {words[j]}", lambda world: not (world[i] and world[j])
        if draw.random() < 0.3:
            return f"Abe is {words[i]} or Abe is {words[j]}", lambda world: world[i] or world[j]
        return f"All {words[i]} things are {words[j]}", lambda world: not world[i] or world[j]

    return [rule(), rule(), rule(), fact()], fact(), list(itertools.product([False, True], repeat=4))


def test_labels_may_be_numpy_and_are_stored_as_truth_values():
    made = problems(rows(label=np.array([1, 0])))
    assert made["label"].dtype == bool
    assert made["form"].tolist() == ["syllogism 2 true affirm", "transitive 2 false negate"]
