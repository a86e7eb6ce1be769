"""What the small reasoner is taught, in which order, and how problems are worded for it."""

import random
from typing import TYPE_CHECKING

from consona.datasets.deduction_problems import Posed, held_out, posed
from consona.datasets.deduction_words import ADJECTIVES, ATTRIBUTES, NAMES, NOUNS

if TYPE_CHECKING:
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
    "in",
    *ATTRIBUTES,
    *(value for values in ATTRIBUTES.values() for value in values),
)
"""Every word that problems of the generator use."""

# Shares of the training. Transitive problems come first and alone: in the chain's order with one comparative, then in
# ever more orders and with "not" ever more often. Then come all kinds; from the middle on, all words and up to six
# premises.
_ORDERED, _MIXED, _ALL_KINDS, _LONGER = 0.045, 0.17, 0.21, 0.5
_KINDS = ("transitive", "transitive", "syllogism", "propositional", "relational", "relational")
_N_QUESTIONS = 6


def lesson(rng: random.Random, done: float) -> "Exercise":
    """One exercise at a share of the training; conclusions of forms that are held out are left away."""
    while True:
        kind = rng.choice(_KINDS) if done >= _ALL_KINDS else "transitive"
        n = rng.choice((2, 3, 3) if done < _LONGER else (2, 3, 3, 4, 5, 6))
        drawn = posed(
            kind,
            rng,
            n_premises=n,
            n_questions=_N_QUESTIONS,
            ordered=rng.random() > (done - _ORDERED) / (_MIXED - _ORDERED),
            negated=0.5 * min(1.0, done / _ALL_KINDS),
            n_words=5 if done < _ORDERED else 6 if done < _LONGER else 12,
        )
        if exercise := _known(drawn):
            return exercise


def _known(drawn: Posed) -> "Exercise | None":
    from consona.training.small_reasoner import Exercise

    asked = [(f" Therefore {q.conclusion}. Answer:", q.label) for q in drawn.questions if not held_out(q.form)]
    return Exercise(f"{'. '.join(drawn.premises)}.", tuple(asked)) if asked else None
