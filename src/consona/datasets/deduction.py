"""Does a conclusion follow? A reader of plain sentences and an exact solver for four kinds of deduction problem.

Sentences and what they mean:

* ``All trabs are fast``, ``No trabs are fast``, ``All fast things are brown``, ``Abe is (not) a trab``, ``Abe is (not)
  fast``, ``If p, then q``, ``p or q``: clauses about names, solved by trying truth values (complete). Universal
  sentences do not say that anything of the kind exists; "or" is inclusive.
* ``Nat is (not) slower than Max``: an order with ties. "Not slower" is "as fast or faster". Slower is the reverse of
  faster, and so on for :data:`OPPOSITES`; other comparatives are scales of their own.
* ``A is blurred and zoomed out`` with the conclusion ``C and D differ as A and B``: every attribute (by its place
  in the sentence) in which A and B differ is one in which C and D differ, and there is one.
"""

import re
from collections.abc import Iterable, Sequence

from consona.core.errors import InvalidInput

Atom = tuple[str, str]
Literal = tuple[Atom, bool]
Clause = frozenset[Literal]
Order = tuple[str, str, str, bool]

OPPOSITES = {
    "slower": "faster",
    "smaller": "bigger",
    "shorter": "taller",
    "younger": "older",
    "weaker": "stronger",
    "poorer": "richer",
}

_ANYONE = "*"
_ALL = re.compile(r"(all|no) ([\w-]+)( things)? are (not )?([\w-]+)")
_IF = re.compile(r"if (.+?),? then (.+)")
_OR = re.compile(r"(?:either )?(.+) or (.+)")
_THAN = re.compile(r"([\w-]+) is (not )?((?:more |less )?[\w-]+) than ([\w-]+)")
_DIFFER = re.compile(r"([\w-]+) and ([\w-]+) differ as ([\w-]+) and ([\w-]+)")
_IS = re.compile(r"([\w-]+) is (not )?(an? )?([\w-]+)")
_HAS = re.compile(r"([\w-]+) is (.+)")


def derive(premises: Sequence[str], conclusion: str) -> bool:
    """Whether the conclusion follows from the premises, for every way the world could be.

    Raises
    ------
    InvalidInput
        When a sentence is of no known form, or the premises contradict each other (anything would follow).
    """
    if contradictory(premises):
        raise InvalidInput(f"These premises contradict each other, so anything follows: {' / '.join(premises)}.")
    end = _plain(conclusion)
    if _DIFFER.fullmatch(end):
        return _differ_alike(premises, end)
    if _THAN.fullmatch(end):
        return _ordered(premises, end)
    nouns = _nouns([*premises, conclusion])
    given = [clause for each in premises for clause in _clauses(each, nouns)]
    denied = [_denied(clause) for clause in _clauses(conclusion, nouns)]
    names = {atom[0] for clause in given for atom, _ in clause} | {a[0] for d in denied for c in d for a, _ in c}
    return not any(_possible(_grounded([*given, *each], names)) for each in denied)


def contradictory(premises: Sequence[str]) -> bool:
    """Whether the premises cannot all be true; :class:`InvalidInput` when a sentence is of no known form."""
    plain = [_plain(each) for each in premises]
    if any(_THAN.fullmatch(each) for each in plain):
        reach = _reach([_order(each) for each in premises])
        return any(one == two and strict for (_, one, two), strict in reach.items())
    if plain and all(_described(each) for each in plain):
        return len(set(plain)) != len({each.split(" is ")[0] for each in plain})
    nouns = _nouns(premises)
    clauses = [clause for each in premises for clause in _clauses(each, nouns)]
    return not _possible(_grounded(clauses, {atom[0] for clause in clauses for atom, _ in clause}))


def _plain(sentence: str) -> str:
    return " ".join(sentence.split()).removesuffix(".").strip().lower()


def _unreadable(sentence: str) -> InvalidInput:
    return InvalidInput(
        f"The sentence '{sentence}' is of no form that can be solved; expected one such as 'All trabs are fast', "
        "'Abe is not a trab', 'Nat is slower than Max', 'If p, then q', 'p or q'. Reword it."
    )


# --- clauses about names ------------------------------------------------------------------------------------------


def _nouns(sentences: Iterable[str]) -> dict[str, str]:
    """Singular of every plural that stands for a kind of thing; a plural without a singular stands for itself."""
    singular: set[str] = set()
    plural: set[str] = set()
    for sentence in map(_plain, sentences):
        singular.update(found[3] for found in _IS.findall(sentence) if found[2])
        plural.update(found[1] for found in _ALL.findall(sentence) if not found[2])
    forms = {form: one for one in singular for form in (f"{one}s", f"{one}es", f"{one[:-1]}ies")}
    return {**{each: each for each in plural}, **forms}


def _clauses(sentence: str, nouns: dict[str, str]) -> list[Clause]:
    plain = _plain(sentence)
    if found := _ALL.fullmatch(plain):
        quantity, subject, things, negation, predicate = found.groups()
        one = subject if things else f"a {nouns[subject]}"
        two = f"a {nouns[predicate]}" if predicate in nouns else predicate
        holds = (quantity == "all") != bool(negation)
        return [frozenset({((_ANYONE, one), False), ((_ANYONE, two), holds)})]
    if found := _IF.fullmatch(plain):
        condition, outcome = (_literal(part, sentence) for part in found.groups())
        return [frozenset({_not(condition), outcome})]
    if found := _OR.fullmatch(plain):
        return [frozenset(_literal(part, sentence) for part in found.groups())]
    return [frozenset({_literal(plain, sentence)})]


def _literal(part: str, sentence: str) -> Literal:
    found = _IS.fullmatch(part)
    if found is None:
        raise _unreadable(sentence)
    name, negation, article, word = found.groups()
    return (name, f"a {word}" if article else word), not negation


def _not(literal: Literal) -> Literal:
    return literal[0], not literal[1]


def _denied(clause: Clause) -> list[Clause]:
    """What holds where a clause does not; one who breaks a universal sentence gets a name of its own."""
    named = [((f"{_ANYONE}1" if name == _ANYONE else name, what), holds) for (name, what), holds in clause]
    return [frozenset({_not(each)}) for each in named]


def _grounded(clauses: Iterable[Clause], names: set[str]) -> list[Clause]:
    """Universal clauses said of every name."""
    who = sorted(names - {_ANYONE}) or [f"{_ANYONE}1"]
    return [
        frozenset(((one if name == _ANYONE else name, what), holds) for (name, what), holds in clause)
        for clause in clauses
        for one in who
    ]


def _possible(clauses: Iterable[Clause]) -> bool:
    """Whether some truth values make every clause true: the shortest clause is tried literal by literal."""
    left = set(clauses)
    if not left:
        return True
    shortest = sorted(left, key=len)[0]
    if not shortest:
        return False
    literal = next(iter(shortest))
    return any(
        _possible({clause - {_not(each)} for clause in left if each not in clause}) for each in (literal, _not(literal))
    )


# --- orders -------------------------------------------------------------------------------------------------------


def _order(sentence: str) -> Order:
    """``(scale, upper, lower, strictly)``; "not above" is "below or level"."""
    found = _THAN.fullmatch(_plain(sentence))
    if found is None:
        raise _unreadable(sentence)
    one, negation, word, two = found.groups()
    reverse = word in OPPOSITES or word.startswith("less ")
    scale = OPPOSITES.get(word, word.replace("less ", "more "))
    upper, lower = (two, one) if reverse != bool(negation) else (one, two)
    return scale, upper, lower, not negation


def _reach(orders: Sequence[Order]) -> dict[tuple[str, str, str], bool]:
    """Who stands above or level with whom by any chain; true where one link of a chain is strict."""
    reach: dict[tuple[str, str, str], bool] = {}
    for scale, upper, lower, strict in orders:
        reach[scale, upper, lower] = reach.get((scale, upper, lower), False) or strict
    names = sorted({name for _, upper, lower, _ in orders for name in (upper, lower)})
    for middle in names:
        for scale, one, two in [(key[0], key[1], other) for key in list(reach) if key[2] == middle for other in names]:
            if (scale, middle, two) in reach:
                strict = reach[scale, one, middle] or reach[scale, middle, two]
                reach[scale, one, two] = reach.get((scale, one, two), False) or strict
    return reach


def _ordered(premises: Sequence[str], conclusion: str) -> bool:
    scale, upper, lower, strict = _order(conclusion)
    reach = _reach([_order(each) for each in premises])
    if upper == lower:
        return not strict
    return reach.get((scale, upper, lower), False) if strict else (scale, upper, lower) in reach


# --- attributes ---------------------------------------------------------------------------------------------------


def _described(plain: str) -> bool:
    return " and " in plain and _HAS.fullmatch(plain) is not None


def _differ_alike(premises: Sequence[str], conclusion: str) -> bool:
    found = _DIFFER.fullmatch(conclusion)
    values: dict[str, list[str]] = {}
    for premise in premises:
        has = _HAS.fullmatch(_plain(premise))
        if has is None:
            raise _unreadable(premise)
        values[has[1]] = re.split(r", | and ", has[2])
    asked = list(found.groups()) if found else []
    if any(name not in values for name in asked) or len({len(each) for each in values.values()}) != 1:
        raise InvalidInput(f"'{conclusion}' needs one description with the same attributes of each; found {values}.")
    three, four, one, two = (values[name] for name in asked)
    differ = [place for place, (x, y) in enumerate(zip(one, two, strict=True)) if x != y]
    return bool(differ) and all(three[place] != four[place] for place in differ)
