"""What the small reasoner is taught, in which order, and how problems are worded for it."""

import random

from consona.datasets.deduction_problems import ADJECTIVES, ATTRIBUTES, NAMES, NOUNS, Posed, held_out, posed
from consona.training.small_reasoner import Exercise

WORDING = "{premises} Therefore {conclusion}. Answer:"
"""How a problem is put to the small reasoner; the answer follows."""

_FUNCTION = ("All", "are", "things", "is", "not", "a", "than", "If", "then", "or", "and", "differ", "as", "Therefore")
WORDS = (
    *_FUNCTION,
    *"ABCD",
    *NAMES,
    *NOUNS,
    *(f"{noun}s" for noun in NOUNS),
    *ADJECTIVES,
    *ADJECTIVES.values(),
    *(value for values in ATTRIBUTES.values() for value in values),
)
"""Every word that problems of the generator use."""

# Shares of the training: in the chain's order only; then ever more in any order; then with up to six premises.
_ORDERED, _MIXED = 0.08, 0.36
_LONGER = 0.45
# Transitive problems are learnt last: a share of a half.
_KINDS = ("transitive", "transitive", "transitive", "syllogism", "propositional", "relational", "relational")
_N_QUESTIONS = 6


def lesson(rng: random.Random, done: float) -> Exercise:
    """One exercise at a share of the training: first ordered premises without "not" and few words, then all.

    Conclusions of forms that are held out are left away.
    """
    while True:
        kind = rng.choice(_KINDS)
        n = rng.choice((2, 3, 3) if done < _LONGER else (2, 3, 3, 4, 5, 6))
        drawn = posed(
            kind,
            rng,
            n_premises=n,
            n_questions=_N_QUESTIONS,
            ordered=rng.random() > (done - _ORDERED) / (_MIXED - _ORDERED),
            negated=0.5 * min(1.0, done / _LONGER),
            n_words=6 if done < _LONGER else 12,
        )
        if exercise := _known(drawn):
            return exercise


def _known(drawn: Posed) -> Exercise | None:
    asked = [(f" Therefore {q.conclusion}. Answer:", q.label) for q in drawn.questions if not held_out(q.form)]
    return Exercise(f"{'. '.join(drawn.premises)}.", tuple(asked)) if asked else None
