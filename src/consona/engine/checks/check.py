"""What a check is, and how its verdict comes about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["serious", "caution", "note"]
Outcome = Literal["fired", "passed", "not applicable", "error"]

_SHOWN = 3

# What a faulty rule or faulty evidence raises. A crash is reported as an error, never as "not applicable".
_CRASHES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Evidence:
    """Facts for one check, and the step or place they are about."""

    code: str
    where: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a check found; ``where`` names the places it is about, ``page`` explains the check."""

    code: str
    title: str
    severity: Severity
    outcome: Outcome
    message: str
    where: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class Check:
    """A rule with a code. ``complaint`` says what is wrong with some facts, or returns None when nothing is.

    ``facts`` names the facts a rule needs, each with its meaning; the page of the check lists the same.
    """

    code: str
    title: str
    severity: Severity
    facts: Mapping[str, str]
    complaint: Callable[[Mapping[str, Any]], str | None]

    @property
    def page(self) -> str:
        """The page that explains the check."""
        return f"docs/checks/{self.code}.md"

    def examine(self, evidence: Sequence[Evidence], promised: bool = False) -> Finding:
        """Fired, passed, not applicable (there was no evidence), or error (a rule that crashed, a broken promise)."""
        if not evidence:
            missing = "The study promised evidence for this check and gave none."
            return (
                self._finding("error", missing) if promised else self._finding("not applicable", "Nothing to look at.")
            )
        complaints: dict[str, str] = {}
        for each in evidence:
            try:
                complaint = self.complaint(each.facts)
            except _CRASHES as error:
                return self._finding("error", f"{type(error).__name__} at '{each.where}': {error}", (each.where,))
            if complaint is not None:
                complaints[each.where] = complaint
        if not complaints:
            return self._finding("passed", f"Looked at {len(evidence)}.", tuple(each.where for each in evidence))
        return self._finding("fired", _told(complaints), tuple(complaints))

    def _finding(self, outcome: Outcome, message: str, where: tuple[str, ...] = ()) -> Finding:
        return Finding(self.code, self.title, self.severity, outcome, message, where, self.page)


def _told(complaints: Mapping[str, str]) -> str:
    shown = [f"{where}: {complaint}" for where, complaint in list(complaints.items())[:_SHOWN]]
    more = len(complaints) - len(shown)
    return " ".join([*shown, f"And {more} more like these."] if more else shown)
