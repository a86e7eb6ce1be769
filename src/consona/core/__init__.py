"""The nouns of consona: what was shown, what was measured, what was found."""

from consona.core.claim import Claim, Interval, Null, Verdict
from consona.core.dataset import Dataset
from consona.core.direction import Direction
from consona.core.errors import ConsonaError
from consona.core.features import Features
from consona.core.intervention import AblateNeurons, Intervention, Patch, ProjectOut, Resample, Steer
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.separable import separable
from consona.core.stimuli import Stimuli

__all__ = [
    "RDM",
    "AblateNeurons",
    "Claim",
    "ConsonaError",
    "Dataset",
    "Direction",
    "Features",
    "Interval",
    "Intervention",
    "Null",
    "Patch",
    "ProjectOut",
    "Recording",
    "Resample",
    "Score",
    "Steer",
    "Stimuli",
    "Verdict",
    "separable",
]
