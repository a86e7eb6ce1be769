"""Decoding: which held-out stimulus was shown, told from the responses; or which class, run by run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consona.alignment.classes import class_score
from consona.alignment.decoding import retrieval_score
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.score import Score
from consona.studies.alignment.encoding import same_stimuli
from consona.studies.alignment.reading import MODEL

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.material import Material
    from consona.studies.alignment.study import Alignment

MOST_STIMULI = 3000
REFERENCE_NULL = 19
TWO_WAY = "two-way"


@dataclass(frozen=True)
class Decoded:
    """Two-way identification by set of features and subject (chance 0.5), and the null of the model's mean.

    ``kind`` is ``stimuli`` (identified by their features) or ``classes`` (told apart by their patterns, without them).
    ``without`` gives for every set of features that identified nothing the reason.
    """

    kind: str
    scores: dict[str, dict[str, Score]]
    null: npt.NDArray[np.float64]
    without: dict[str, str]

    def values(self, name: str = MODEL) -> npt.NDArray[np.float64]:
        """Two-way identification of every subject."""
        return np.array([_two_way(score) for score in self.scores[name].values()])


def decoding_part(study: "Alignment", run: "Run", material: "Material") -> Decoded | None:
    """Identification of stimuli, or of classes where runs are held out; a note where there is neither."""
    reason = _reason(study, material)
    if reason:
        run.note(f"No decoding: {reason}.")
        return None
    if study.hold_out == "runs":
        return _classes(study, run, material)
    return _stimuli(study, run, material)


def _classes(study: "Alignment", run: "Run", material: "Material") -> Decoded:
    given = {}
    for subject, recording in material.recordings.items():
        rows = material.stimuli.select(recording.ids)
        given[subject] = (recording, as_names(rows[study.group or ""]), as_names(rows[study.run]))
    scores = run.each("classes", class_score, given, n_permutations=study.n_permutations_rsa, seed=study.seed)
    without = dict.fromkeys(material.features, "patterns are told apart without features")
    return Decoded("classes", {MODEL: scores}, _mean_null(scores, same_stimuli=same_stimuli(material)), without)


def _stimuli(study: "Alignment", run: "Run", material: "Material") -> Decoded:
    pooled = not all(split.fold_wise for split in material.splits.values())
    scores: dict[str, dict[str, Score]] = {}
    without: dict[str, str] = {}
    for name, features in material.features.items():
        n = study.n_permutations if name == MODEL else REFERENCE_NULL if pooled else 0
        one = _layer(study, features)
        given = {
            s: {"recording": material.recordings[s], "features": one.select(split.ids), "split": split}
            for s, split in material.splits.items()
        }
        try:
            scores[name] = run.each(f"decoding-{name.replace(' ', '-')}", retrieval_score, given, n_permutations=n)
        except InvalidInput as error:
            if name == MODEL:
                raise
            without[name] = str(error)
    return Decoded("stimuli", scores, _mean_null(scores[MODEL], same_stimuli=same_stimuli(material)), without)


def _layer(study: "Alignment", features: Features) -> Features:
    """The layer that was fixed for decoding; the only one, where features have one."""
    number = study.layer if len(features.layers) > 1 else -1
    return Features(features.data.sel(layer=[features.layer_number(number)]))


def _two_way(score: Score) -> float:
    data = score.data.sel(attribute=TWO_WAY)
    return float(data.isel(layer=0) if "layer" in data.dims else data)


def _mean_null(scores: dict[str, Score], *, same_stimuli: bool) -> npt.NDArray[np.float64]:
    """Null of the mean over subjects, see :func:`consona.alignment.regions.subject_mean`."""
    nulls = [score.null.sel(attribute=TWO_WAY) for score in scores.values() if score.null is not None]
    flat = [null.isel(layer=0).values if "layer" in null.dims else null.values for null in nulls]
    shortest = min(map(len, flat))
    rows = [each[:shortest] if same_stimuli else np.sort(each[:shortest]) for each in flat]
    return np.asarray(np.mean(rows, axis=0))


def _reason(study: "Alignment", material: "Material") -> str:
    if study.hold_out == "time":
        return "rows are volumes, not stimuli"
    if study.hold_out == "runs" and study.group is None:
        return "runs are held out and no 'group' names the class of a row"
    most = max(len(split.ids) for split in material.splits.values())
    return f"there are {most} stimuli, and at most {MOST_STIMULI} are decoded here" if most > MOST_STIMULI else ""
