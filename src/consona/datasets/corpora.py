"""What the catalogue says of a corpus: licence, citation, size, loader, twin, and where it may lie."""

from dataclasses import dataclass
from pathlib import Path

from consona.datasets.locate import places


@dataclass(frozen=True)
class Agreement:
    """Conditions that a person accepts before the data are theirs to use: what to read, and where to apply."""

    title: str
    url: str
    how: str


@dataclass(frozen=True)
class Corpus:
    """One corpus.

    ``loader`` and ``twin`` are importable names (``module.function``); ``evidence`` are files of which one shows that
    the corpus is there; ``size_mb`` is what the parts that consona reads take on disk; ``redistributable`` says whether
    others may pass the data on. An ``agreement`` is accepted by a person, never by a program. ``computed_from`` says of
    tables that no server has from what they were computed, and what does without them.
    """

    name: str
    title: str
    licence: str
    citation: str
    size_mb: float
    shape: str
    loader: str
    twin: str
    redistributable: bool
    evidence: tuple[str, ...]
    agreement: Agreement | None = None
    computed_from: str = ""

    def found(self) -> Path | None:
        """The folder where the corpus lies, or None; folders without its files do not count."""
        for place in places(self.name):
            if any(next(place.glob(pattern), None) for pattern in self.evidence):
                return place
        return None
