"""Dataset: stimuli and the recording or RDM of every subject, with their papers in order."""

from dataclasses import dataclass, field
from typing import Any

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_unique
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli


@dataclass(frozen=True, eq=False)
class Dataset:
    """What ``load_<corpus>`` returns: the stimuli and, per subject, one recording or one RDM.

    ``rdms`` are for corpora of which only dissimilarities were published. ``synthetic`` is true for twins; ``truth``
    then states what was planted. ``checksums`` maps file names to SHA-256.

    Raises
    ------
    InvalidInput
        When a subject occurs twice, an RDM names no subject, or a recorded stimulus is not listed.
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
    rdms: tuple[RDM, ...] = ()

    def __post_init__(self) -> None:
        """Check subjects and ids."""
        object.__setattr__(self, "recordings", tuple(self.recordings))
        object.__setattr__(self, "rdms", tuple(self.rdms))
        if not all(rdm.subject for rdm in self.rdms):
            raise InvalidInput(f"Dataset '{self.name}' holds an RDM without subject. Make it with RDM(…, subject=…).")
        require_unique(as_names(self.subjects), "subjects", f"Dataset '{self.name}'")
        known = set(self.stimuli.ids.tolist())
        for each in self._each:
            unknown = [name for name in each.ids if name not in known]
            if unknown:
                raise InvalidInput(
                    f"Dataset '{self.name}': subject '{each.subject}' has responses to {listed(unknown)}, "
                    "which are not among the stimuli. List them, or drop them from the recording."
                )

    @property
    def subjects(self) -> list[str]:
        """The subjects, in order."""
        return [each.subject for each in self._each]

    @property
    def _each(self) -> tuple[Recording | RDM, ...]:
        return (*self.recordings, *self.rdms)

    def recording(self, subject: str) -> Recording:
        """The recording of one subject."""
        for recording in self.recordings:
            if recording.subject == subject:
                return recording
        held = listed(recording.subject for recording in self.recordings)
        raise InvalidInput(f"Dataset '{self.name}' has no recording of '{subject}'; it has those of: {held or 'none'}.")

    def rdm(self, subject: str) -> RDM:
        """The RDM of one subject."""
        for rdm in self.rdms:
            if rdm.subject == subject:
                return rdm
        held = listed(rdm.subject for rdm in self.rdms)
        raise InvalidInput(f"Dataset '{self.name}' has no RDM of '{subject}'; it has those of: {held or 'none'}.")
