"""CON001: a group is in both training and test."""

from collections.abc import Mapping
from typing import Any

from consona.core.invariants import listed
from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when any fold has a group on both sides."""
    shared: dict[str, None] = {}
    for fold in facts["folds"]:
        shared |= dict.fromkeys(sorted({str(g) for g in fold["train"]} & {str(g) for g in fold["test"]}))
    if not shared:
        return None
    return f"{len(shared)} of the groups named by '{facts['held_out']}' are in training and test: {listed(shared)}."


CHECK = Check(
    "CON001",
    "A group is in both training and test",
    "serious",
    {
        "held_out": "what a group is: clip, subject, story",
        "folds": "a list of {'train': names of groups, 'test': names of groups}",
    },
    complaint,
)
