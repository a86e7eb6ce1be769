"""What the small reasoner is taught: true answers, known words, and no form that is held out."""

import random
import re

import pytest

from consona.datasets.deduction import derive
from consona.datasets.deduction_problems import deduction_problems
from consona.datasets.deduction_words import ADJECTIVES, ATTRIBUTES, NAMES, NOUNS
from consona.datasets.problem_wordings import worded
from consona.studies.guided_reasoning.lessons import WORDING, WORDS, lesson

SHARES = (0.0, 0.03, 0.1, 0.19, 0.3, 0.49, 0.6, 0.8, 0.99)
ASKED = re.compile(r" Therefore (.+)\. Answer:")
SORTS = {word: sort for sort, words in {"name": NAMES, "noun": NOUNS, "more": ADJECTIVES.values()}.items()
         for word in words} | {f"{noun}s": "noun" for noun in NOUNS} | {
         word: sort for sort, words in {"adjective": ADJECTIVES, **ATTRIBUTES}.items() for word in words}  # fmt: skip


def structure(premises, conclusion):
    """A problem with its words replaced by their sort and order, and without "not"."""
    seen = {}

    def place(found):
        word = found[0]
        one = word.removesuffix("s") if SORTS.get(word) == "noun" else word
        return f"{SORTS[word]}{seen.setdefault(one, len(seen))}" if word in SORTS else word

    plain = ". ".join((*premises, conclusion)).replace(" not ", " ").replace(" a ", " ")
    return re.sub(r"\w+", place, plain)


def structures(stimuli):
    return {structure(p, c) for p, c in zip(stimuli.table["premises"], stimuli["conclusion"], strict=True)}


@pytest.fixture(scope="module")
def taught():
    """Premises, conclusion and label of every question of 1,350 exercises, and the exercises."""
    rng = random.Random(0)
    exercises = [lesson(rng, share) for share in SHARES for _ in range(150)]
    questions = [
        (tuple(e.premises.removesuffix(".").split(". ")), ASKED.fullmatch(asked)[1], label)
        for e in exercises
        for asked, label in e.questions
    ]
    return exercises, questions


def differs(premises, conclusion):
    """Whether two objects differ in one attribute."""
    one, two, attribute = re.fullmatch(r"(\w) and (\w) differ in (\w+)", conclusion).groups()
    values = {each[0]: {word for word in each.split() if word in ATTRIBUTES[attribute]} for each in premises}
    return values[one] != values[two]


def test_every_answer_is_that_of_the_solver(taught):
    exercises, questions = taught
    assert len(questions) > 4_000
    for premises, conclusion, label in questions:
        solved = differs if " differ in " in conclusion else derive
        assert solved(premises, conclusion) == label, (premises, conclusion)
    assert {word for e in exercises for text in (e.premises, *(q for q, _ in e.questions))
            for word in re.findall(r"\w+", text)} <= {*WORDS, "Answer"}  # fmt: skip


@pytest.mark.parametrize(("kind", "n_premises"), [("syllogism", 3), ("transitive", 3), ("transitive", 4),
                                                  ("propositional", 3), ("relational", 4)])  # fmt: skip
def test_no_form_that_is_held_out_is_taught(taught, kind, n_premises):
    known = {structure(premises, conclusion) for premises, conclusion, _ in taught[1]}
    kept = structures(deduction_problems(kind, 300, n_premises=n_premises, seed=21))
    others = structures(deduction_problems(kind, 300, n_premises=n_premises, forms="training", seed=21))
    assert known & kept == set()
    assert known & others != set()  # structures are comparable


def test_lessons_become_harder(taught):
    exercises = [taught[0][i : i + 150] for i in range(0, len(taught[0]), 150)]
    by_share = dict(zip(SHARES, exercises, strict=True))
    first = " ".join(e.premises for e in by_share[0.0])
    assert {SORTS[word] for word in re.findall(r"\w+", first) if word in SORTS} == {"name", "more"}
    assert not any(" not " in q for e in by_share[0.0] for q, _ in e.questions)
    assert max(e.premises.count(".") for e in by_share[0.3]) == 4  # relational problems
    assert max(e.premises.count(".") for e in by_share[0.99]) == 6
    assert all(any(word in e.premises for e in by_share[0.99]) for word in ("All", "If", " or ", "than", " and "))


def test_the_wording_of_problems_is_that_of_the_lessons():
    made = deduction_problems("syllogism", 2, seed=0)
    premises = " ".join(f"{each}." for each in made.table["premises"].iloc[0])
    assert worded(made, WORDING).texts[0] == f"{premises} Therefore {made['conclusion'][0]}. Answer:"
