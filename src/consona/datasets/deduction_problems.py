"""Generated deduction problems with known forms: four kinds, 3 to 6 premises, every order of them, balanced labels."""

import itertools
import random
import zlib
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.datasets.deduction_words import ADJECTIVES, ATTRIBUTES, NAMES, NOUNS
from consona.datasets.problems import KINDS, problems

__all__ = ["Posed", "Question", "deduction_problems", "held_out", "posed"]

_SHARE_HELD_OUT = 5
_DISJUNCTIONS = 0.35
_FEW = 5  # words; then there is one comparative


class Question(NamedTuple):
    """A conclusion, whether it follows, and the form: kind, premises and their order, what is asked."""

    conclusion: str
    label: bool
    form: str


class Posed(NamedTuple):
    """Premises and one or more questions about them."""

    premises: tuple[str, ...]
    questions: tuple[Question, ...]


class _Draw(NamedTuple):
    """What a problem is drawn with: see :func:`posed`."""

    rng: random.Random
    n_premises: int
    n_questions: int
    ordered: bool
    negated: float
    n_words: int
    matched: float

    def words(self, given: tuple[str, ...], n: int) -> list[str]:
        """Different words, of the first ``n_words`` where these are enough."""
        return self.rng.sample(given[: max(self.n_words, n)], n)

    def arranged(self, premises: list[str]) -> tuple[tuple[str, ...], str]:
        """The premises in an order, and its name."""
        order = list(range(len(premises)))
        if not self.ordered:
            self.rng.shuffle(order)
        return tuple(premises[i] for i in order), "".join(map(str, order))


def posed(
    kind: str,
    rng: random.Random,
    *,
    n_premises: int,
    n_questions: int = 1,
    ordered: bool = False,
    negated: float = 0.5,
    n_words: int = 12,
) -> Posed:
    """Draw a problem with one or more questions about the same premises.

    Parameters
    ----------
    kind
        "syllogism", "transitive", "propositional" or "relational" (always four premises and one question).
    rng
        Python's own generator: millions of small draws.
    n_premises
        2 to 6.
    n_questions
        About the same premises, drawn apart; behind "or" there is one. The first relational one is always whether C and
        D differ as A and B; half of the others ask for one attribute of two objects.
    ordered
        Premises in the order of the chain; otherwise in any order.
    negated
        Share of facts and conclusions with "not".
    n_words
        How many names, nouns and adjectives are used, at most or as many as are needed; with five or fewer there is one
        comparative.

    Raises
    ------
    InvalidInput
        When the kind is unknown or the number of premises is not 2 to 6.
    """
    return _made(kind, _Draw(rng, n_premises, n_questions, ordered, negated, n_words, 0.8))


def _made(kind: str, draw: _Draw) -> Posed:
    if kind not in _MAKERS or not 2 <= draw.n_premises <= 6:
        raise InvalidInput(
            f"Problems are of the kinds {', '.join(KINDS)} with 2 to 6 premises; found '{kind}' with {draw.n_premises}."
        )
    return _MAKERS[kind](draw)


def held_out(form: str) -> bool:
    """Whether a form is kept from training: a fifth of those whose premises do not lie in the chain's order.

    Forms are kept with their counterparts: same kind, premises, order and *pair* of places, whichever of the two is
    given, with or without "not". So neither label of what is held out is known from training.
    """
    kind, n, order, what, *more = form.split()
    kept = [kind, n, order, *((what, more[0]) if what == "or" else sorted(what) if what.isdigit() else (what,))]
    return list(order) != sorted(order) and zlib.crc32(" ".join(kept).encode()) % _SHARE_HELD_OUT == 0


def deduction_problems(kind: str, n: int, *, n_premises: int = 3, forms: str = "held out", seed: int) -> Stimuli:
    """Problems of one kind, half of them true, drawn so that no simple property tells the label.

    Conclusions carry "not" exactly where the fact does (or, behind "or", where a conditional decides), so that within
    every pattern of "not" half of the problems are true; true and false ones use the same words equally often and
    their premises stand in all orders. A rule over *which place* a term has together with "not" can still be right
    for some: :func:`consona.alignment.problem_baselines.problem_baselines` says for how many.

    Parameters
    ----------
    kind
        See :func:`posed`.
    n
        Even; half of the problems are true.
    n_premises
        3 to 6 (a relational problem has four).
    forms
        "held out" or "training", see :func:`held_out`.
    seed
        What is drawn.

    Raises
    ------
    InvalidInput
        When ``n`` is odd, or kind, forms or number of premises are unknown.
    """
    if n < 2 or n % 2 or forms not in ("held out", "training") or not 3 <= n_premises <= 6:
        raise InvalidInput(
            f"An even number of problems with 3 to 6 premises, of forms 'held out' or 'training', can be drawn; found "
            f"{n} with {n_premises} and '{forms}'."
        )
    rng = random.Random(f"{kind} {n_premises} {forms} {seed}")
    left = {True: n // 2, False: n // 2}
    rows = []
    while any(left.values()):
        premises, (question, *_) = _made(kind, _Draw(rng, n_premises, 1, False, 0.5, 12, 1.0))
        if left[question.label] and held_out(question.form) == (forms == "held out"):
            left[question.label] -= 1
            rows.append({"premises": premises, "kind": kind, **question._asdict()})
    name = f"{kind}-{n_premises}-{'new' if forms == 'held out' else 'known'}"
    return problems(pd.DataFrame(rows, index=[f"{name}-{i:04d}" for i in range(n)]))


# --- the four kinds -----------------------------------------------------------------------------------------------


def _transitive(draw: _Draw) -> Posed:
    names = draw.words(NAMES, draw.n_premises + 1)
    more = draw.rng.choice(tuple(ADJECTIVES.values())[: draw.n_words if draw.n_words > _FEW else 1])
    premises, order = draw.arranged([f"{a} is {more} than {b}" for a, b in itertools.pairwise(names)])

    def ask() -> Question:
        i, j = draw.rng.sample(range(len(names)), 2)
        negated = draw.rng.random() < draw.negated
        said = f"{names[i]} is {_not(negated)}{more} than {names[j]}"
        return Question(said, (i < j) != negated, f"transitive {draw.n_premises} {order} {i}{j} {_sign(negated)}")

    return Posed(premises, tuple(ask() for _ in range(draw.n_questions)))


def _syllogism(draw: _Draw) -> Posed:
    n_rules = draw.n_premises - 1
    n_nouns = draw.rng.randint(1, max(1, draw.n_premises - 2))
    adjectives = draw.words(tuple(ADJECTIVES), n_rules + 1 - n_nouns)
    terms = [(word, True) for word in draw.words(NOUNS, n_nouns)] + [(word, False) for word in adjectives]
    rules = [f"All {_subject(*a)} are {_predicate(*b)}" for a, b in itertools.pairwise(terms)]
    name = draw.rng.choice(NAMES[: draw.n_words])

    def said(place: int, negated: bool) -> str:
        word, noun = terms[place]
        return f"{name} is {_not(negated)}{'a ' if noun else ''}{word}"

    return _chain("syllogism", draw, rules, said)


def _propositional(draw: _Draw) -> Posed:
    n_rules = draw.n_premises - 1
    things = draw.words(NOUNS, n_rules + 1)
    states = [draw.rng.choice(tuple(ADJECTIVES)[: draw.n_words]) for _ in things]

    def said(place: int, negated: bool) -> str:
        return f"{things[place]} is {_not(negated)}{states[place]}"

    if draw.n_premises > 2 and draw.rng.random() < _DISJUNCTIONS:
        return _disjunction(draw, said)
    rules = [f"If {said(i, False)} then {said(i + 1, False)}" for i in range(n_rules)]
    return _chain("propositional", draw, rules, said)


def _chain(kind: str, draw: _Draw, rules: list[str], said: Callable[[int, bool], str]) -> Posed:
    """Rules from each term to the next, a fact about one term, questions about others.

    A fact leads forwards, a denied fact backwards; a conclusion of the other sign never follows.
    """
    places = range(len(rules) + 1)
    known, denied = draw.rng.choice(places), draw.rng.random() < draw.negated
    premises, order = draw.arranged([*rules, said(known, denied)])

    def ask() -> Question:
        place = draw.rng.choice([each for each in places if each != known])
        negated = denied if draw.rng.random() < draw.matched else not denied
        label = negated == denied and (place < known if denied else place > known)
        what = f"{known}{place} {_sign(denied)} {_sign(negated)}"
        return Question(said(place, negated), label, f"{kind} {draw.n_premises} {order} {what}")

    return Posed(premises, tuple(ask() for _ in range(draw.n_questions)))


def _disjunction(draw: _Draw, said: Callable[[int, bool], str]) -> Posed:
    """One of two holds, the first does not; a chain leads away from the second, or towards it."""
    last = draw.n_premises - 1
    away = draw.rng.random() < 0.5
    steps = [(i, i + 1) if away else (i + 1, i) for i in range(1, last)]
    either = [said(0, False), said(1, False)]
    draw.rng.shuffle(either)
    rules = [" or ".join(either), *(f"If {said(a, False)} then {said(b, False)}" for a, b in steps)]
    premises, order = draw.arranged([*rules, said(0, True)])
    place = draw.rng.randint(2, last)
    form = f"propositional {draw.n_premises} {order} or {place} {'away' if away else 'towards'}"
    return Posed(premises, (Question(said(place, False), away, form),))


def _relational(draw: _Draw) -> Posed:
    one, other = draw.rng.sample(tuple(ATTRIBUTES), 2)
    alike = draw.rng.random() < 0.5
    places = [one, other]
    draw.rng.shuffle(places)
    pairs = _pair(draw.rng, one, other), _pair(draw.rng, *((one, other) if alike else (other, one)))
    held = dict(zip("ABCD", (tuple(each[place] for place in places) for pair in pairs for each in pair)))
    premises, order = draw.arranged([f"{x} is {first} and {second}" for x, (first, second) in held.items()])
    form = f"relational 4 {order} {'first' if places[0] == one else 'second'}"
    asked = ["CDAB", *("".join(draw.rng.sample("ABCD", 4)) for _ in range((draw.n_questions - 1) // 2))]
    questions = [Question(*_differ_as(held, each), f"{form} {each}") for each in asked]
    while len(questions) < draw.n_questions:  # a step on the way, which is not asked of held-out problems
        (a, b), place = draw.rng.sample("ABCD", 2), draw.rng.randrange(2)
        questions.append(Question(f"{a} and {b} differ in {places[place]}", held[a][place] != held[b][place], form))
    return Posed(premises, tuple(questions))


def _differ_as(held: dict[str, tuple[str, ...]], asked: str) -> tuple[str, bool]:
    """Whether the first two differ wherever the last two do, and these differ somewhere."""
    a, b, c, d = tuple(asked)
    where = [i for i, (one, two) in enumerate(zip(held[c], held[d])) if one != two]
    return f"{a} and {b} differ as {c} and {d}", bool(where) and all(held[a][i] != held[b][i] for i in where)


def _pair(rng: random.Random, differing: str, shared: str) -> list[dict[str, str]]:
    same = rng.choice(ATTRIBUTES[shared])
    return [{differing: value, shared: same} for value in rng.sample(ATTRIBUTES[differing], 2)]


def _not(negated: bool) -> str:
    return "not " if negated else ""


def _sign(negated: bool) -> str:
    return "not" if negated else "is"


def _subject(word: str, noun: bool) -> str:
    return f"{word}s" if noun else f"{word} things"


def _predicate(word: str, noun: bool) -> str:
    return f"{word}s" if noun else word


_MAKERS: dict[str, Callable[[_Draw], Posed]] = {
    "syllogism": _syllogism,
    "transitive": _transitive,
    "propositional": _propositional,
    "relational": _relational,
}
