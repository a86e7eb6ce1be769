"""How a problem is put to a model: the frame of its sentences, and other words for the same structure."""

import random
import re
from collections.abc import Sequence

import numpy as np

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.deduction_words import ADJECTIVES, ATTRIBUTES, NAMES, NOUNS
from consona.datasets.problems import problems

__all__ = ["NUMBERED", "reworded", "worded"]

NUMBERED = "Premises:\n{numbered}\nConclusion:\n{conclusion}"
"""The frame of the paper: premises in numbered lines."""

_KEPT = {"all", "no", "are", "things", "is", "not", "a", "an", "if", "then", "or", "either", "and", "than", "differ"}
_COMPARED = re.compile(r"is (?:not )?((?:more |less )?[\w-]+) than")
_NOUN = re.compile(r"\bis (?:not )?an? ([\w-]+)|^All ([\w-]+?)s are|\bare ([\w-]+?)s$")
_PARTS = re.compile(r"[\w-]+|[^\w\s]")


def worded(problems: Stimuli, wording: str) -> Stimuli:
    """The same problems with another ``text``.

    Parameters
    ----------
    problems
        With ``premises`` and ``conclusion``.
    wording
        With ``{premises}`` (one after the other, each ended by a full stop) or ``{numbered}`` (in numbered lines), and
        ``{conclusion}`` (without full stop).

    Raises
    ------
    InvalidInput
        When the wording leaves out the premises or the conclusion.
    """
    lacking = [name for name in ("{conclusion}",) if name not in wording]
    lacking += ["{premises} or {numbered}"] * ("{premises}" not in wording and "{numbered}" not in wording)
    if lacking:
        raise InvalidInput(f"The wording {wording!r} leaves out {listed(lacking)}; every problem needs both.")
    texts = []
    for premises, conclusion in zip(problems.table["premises"], problems["conclusion"]):
        numbered = "\n".join(f"{i}. {each}." for i, each in enumerate(premises, 1))
        joined = " ".join(f"{each}." for each in premises)
        texts.append(wording.format(premises=joined, numbered=numbered, conclusion=conclusion))
    return problems.with_columns(text=np.array(texts, dtype=object))


def reworded(stimuli: Stimuli, *, seed: int) -> Stimuli:
    """The same structures in the words of the generator, exchanged one for one within each problem.

    For models that know few words. Names become names, nouns nouns, adjectives and comparatives those of the
    generator, values of an attribute values of one attribute; which ones is drawn per problem from its id.

    Raises
    ------
    InvalidInput
        When a problem has more different words of a sort than the generator.
    """
    table = stimuli.table.copy()
    for name, premises, conclusion, kind in zip(table.index, table["premises"], table["conclusion"], table["kind"]):
        sentences = [*premises, conclusion]
        new = _exchanged(sentences, kind, random.Random(f"{seed} {name}"), str(name))
        table.at[name, "premises"], table.at[name, "conclusion"] = tuple(new[:-1]), new[-1]
    return problems(table)


def _exchanged(sentences: Sequence[str], kind: str, rng: random.Random, name: str) -> list[str]:
    if kind == "relational":
        return _exchanged_values(sentences, rng, name)
    nouns = {word for each in sentences for found in _NOUN.findall(each) for word in found if word}
    compared = {word for each in sentences for word in _COMPARED.findall(each)}
    if kind == "propositional":
        nouns = {words[i - 1] for each in sentences for words in [_PARTS.findall(each)] for i in _verbs(words)}
    names: list[str] = []
    adjectives: list[str] = []
    for word in dict.fromkeys(part for each in sentences for part in _PARTS.findall(each)):
        plain = word.lower()
        if plain in _KEPT or not word[0].isalpha() or word in nouns | compared or word.removesuffix("s") in nouns:
            continue
        (names if word[0].isupper() else adjectives).append(word)
    given = dict(zip(names, _drawn(rng, NAMES, len(names), name)))
    given |= dict(zip(adjectives, _drawn(rng, tuple(ADJECTIVES), len(adjectives), name)))
    given |= dict(zip(sorted(compared), _drawn(rng, tuple(ADJECTIVES.values()), len(compared), name)))
    for old, new in zip(sorted(nouns), _drawn(rng, NOUNS, len(nouns), name)):
        given |= {old: new, f"{old}s": f"{new}s"}
    return [
        _PARTS.sub(lambda found: given.get(found[0], found[0]), each).replace(", then", " then") for each in sentences
    ]


def _verbs(words: Sequence[str]) -> list[int]:
    return [i for i, word in enumerate(words) if word == "is" and i]


def _exchanged_values(sentences: Sequence[str], rng: random.Random, name: str) -> list[str]:
    """``A is v and w``: the values in each place become values of one attribute."""
    described = [each.partition(" is ") for each in sentences[:-1]]
    places = list(zip(*(values.split(" and ") for _, _, values in described)))
    attributes = _drawn(rng, tuple(ATTRIBUTES), len(places), name)
    new = []
    for values, attribute in zip(places, attributes):
        different = list(dict.fromkeys(values))
        given = dict(zip(different, _drawn(rng, ATTRIBUTES[attribute], len(different), name)))
        new.append([given[each] for each in values])
    return [*(f"{who} is {' and '.join(each)}" for (who, _, _), each in zip(described, zip(*new))), sentences[-1]]


def _drawn(rng: random.Random, words: Sequence[str], n: int, name: str) -> list[str]:
    if n > len(words):
        raise InvalidInput(f"Problem '{name}' has {n} different words where the generator has {len(words)}.")
    return rng.sample(words, n)
