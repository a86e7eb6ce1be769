"""Dataset: stimuli and the recordings of every subject, with their papers in order."""

from dataclasses import dataclass, field
from typing import Any

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_unique
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli


@dataclass(frozen=True, eq=False)
class Dataset:
    """What ``load_<corpus>`` returns: the stimuli and one recording per subject.

    ``synthetic`` is true for twins; ``truth`` then states what was planted. ``checksums`` maps file names to SHA-256.

    Raises
    ------
    InvalidInput
        When a subject occurs twice or a recorded stimulus is not listed.
    """

    stimuli: Stimuli
    recordings: tuple[Recording, ...]
    name: str
    version: str
    licence: str
    citation: str
    checksums: dict[str, str] = field(default_factory=dict)
    synthetic: bool = False
    truth: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check subjects and ids."""
        object.__setattr__(self, "recordings", tuple(self.recordings))
        require_unique(as_names(self.subjects), "subjects", f"Dataset '{self.name}'")
        known = set(self.stimuli.ids.tolist())
        for recording in self.recordings:
            unknown = [name for name in recording.ids if name not in known]
            if unknown:
                raise InvalidInput(
                    f"Dataset '{self.name}': subject '{recording.subject}' has responses to {listed(unknown)}, "
                    "which are not among the stimuli. List them, or drop them from the recording."
                )

    @property
    def subjects(self) -> list[str]:
        """The subjects, in order."""
        return [recording.subject for recording in self.recordings]

    def recording(self, subject: str) -> Recording:
        """The recording of one subject."""
        for recording in self.recordings:
            if recording.subject == subject:
                return recording
        raise InvalidInput(f"Dataset '{self.name}' has no subject '{subject}'; it has {listed(self.subjects)}.")
