"""Methodological checks: each has a code, a page, and a rule that fires or stays quiet."""

from collections.abc import Iterable, Sequence

from consona.engine.checks import (
    con001,
    con002,
    con003,
    con004,
    con005,
    con006,
    con007,
    con008,
    con009,
    con010,
    con011,
    con012,
)
from consona.engine.checks.check import Check, Evidence, Finding

CHECKS: tuple[Check, ...] = tuple(
    each.CHECK
    for each in (con001, con002, con003, con004, con005, con006, con007, con008, con009, con010, con011, con012)
)


def examine(evidence: Iterable[Evidence], promised: Sequence[str] = ()) -> list[Finding]:
    """Every check on all evidence for it, in the order of the codes.

    ``promised`` are codes for which a study said it gives evidence: none of it is then an error, not "not applicable".
    """
    gathered = tuple(evidence)
    return [
        check.examine([each for each in gathered if each.code == check.code], check.code in promised)
        for check in CHECKS
    ]


__all__ = ["CHECKS", "Check", "Evidence", "Finding", "examine"]
