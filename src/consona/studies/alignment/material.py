"""What the study reads: the user's files, the features of the model, and the features of every control."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consona.alignment.simple_features import bag_of_words, from_next_run, length_features, shuffled_within
from consona.alignment.split import Split
from consona.alignment.time_courses import cleaned, estimated_gap, order_features, volume_features, zscored_within
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.own import load_own, load_own_words
from consona.datasets.own_arrays import load_own_features
from consona.studies.alignment.reading import MODEL, RANDOM, model_features

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.study import Alignment

WORDS, LENGTH = "bag of words", "length and position"
SHUFFLED, SERIES = "shuffled within groups", "autocorrelation"
CONTROLS = (RANDOM, WORDS, LENGTH, SHUFFLED, SERIES)


@dataclass(frozen=True)
class Material:
    """Everything that is scored: per subject a recording and its split; the model's features and those of controls.

    ``not_testable`` gives for every control that could not be made the reason in words.
    """

    stimuli: Stimuli
    recordings: dict[str, Recording]
    splits: dict[str, Split]
    features: dict[str, Features]
    not_testable: dict[str, str]
    region: str | None

    def dataset(self) -> Dataset:
        """Stimuli and recordings as they are scored."""
        return Dataset(self.stimuli, tuple(self.recordings.values()), "own recordings", "", "", "")


def load_material(study: "Alignment", run: "Run") -> Material:
    """Read the files, then the features; nothing is scored here.

    Raises
    ------
    MissingData, InvalidInput
        When a file is not there or does not hold what the settings say.
    """
    data = load_files(study)
    run.note_dataset(data)
    shown = {each.subject: data.stimuli.select(each.ids) for each in data.recordings}
    recordings = {each.subject: each for each in data.recordings}
    if study.hold_out == "time":
        recordings = {name: cleaned(each, shown[name][study.run]) for name, each in recordings.items()}
    elif study.hold_out == "runs":
        recordings = {name: zscored_within(each, shown[name][study.run]) for name, each in recordings.items()}
    purge = _purge(study, run, recordings, shown)
    splits = {name: split_of(study, stimuli, purge) for name, stimuli in shown.items()}
    features, missing = _features(study, run, data.stimuli)
    return Material(data.stimuli, recordings, splits, features, missing, study.region or _region(run, data))


def load_files(study: "Alignment") -> Dataset:
    """Stimuli and recordings as they are in the files; errors as those of :func:`~consona.datasets.own.load_own`."""
    return load_own(
        study.stimuli,
        study.recordings,
        mask=study.mask,
        order=study.order,
        targets=study.targets,
        column=study.column,
    )


def split_of(study: "Alignment", stimuli: Stimuli, purge: int) -> Split:
    """How the settings hold out these stimuli; errors as those of :class:`~consona.alignment.split.Split`."""
    if study.hold_out == "time":
        return Split.of_runs(stimuli, study.run, n_folds=study.n_folds, purge=purge)
    if study.hold_out == "runs":
        return Split.of_sessions(stimuli, study.run, n_folds=study.n_folds, seed=study.seed)
    return Split.of_groups(stimuli, study.group, n_folds=study.n_folds, seed=study.seed)


def _purge(study: "Alignment", run: "Run", recordings: dict[str, Recording], shown: dict[str, Stimuli]) -> int:
    if study.hold_out != "time":
        return 0
    if study.purge is not None:
        return study.purge
    gap = max(estimated_gap(each, shown[name][study.run]) for name, each in recordings.items())
    run.note(f"Gap beside test blocks: {gap} volumes, from the autocorrelation of the recordings.")
    return gap


def _region(run: "Run", data: Dataset) -> str | None:
    labelled = [each.subject for each in data.recordings if "roi" in each.data.coords]
    if labelled and len(labelled) < len(data.recordings):
        run.note(
            f"Only {listed(labelled)} of {len(data.recordings)} subjects have the label 'roi': no regions are shown."
        )
    return "roi" if len(labelled) == len(data.recordings) else None


def _features(study: "Alignment", run: "Run", stimuli: Stimuli) -> tuple[dict[str, Features], dict[str, str]]:
    """The model's features first, then those of every control that can be made; the others with a reason."""
    read = load_own_words(study.words) if study.words else stimuli
    made: dict[str, Callable[[], Features]] = {WORDS: lambda: bag_of_words(read), LENGTH: lambda: length_features(read)}
    missing: dict[str, str] = {}
    if study.features:
        features = {MODEL: load_own_features(study.features, read.ids)}
        missing[RANDOM] = "a table of features has no weights to draw anew"
    else:
        features = model_features(study, run, read)
    for name, make in made.items():
        try:
            features[name] = make()
        except InvalidInput as error:
            missing[name] = str(error)
    if study.words:
        features = {name: _on_volumes(study, each, read, stimuli) for name, each in features.items()}
    column = study.run if study.hold_out != "stimuli" else study.group
    try:
        if column is None:
            raise InvalidInput("each stimulus is a group by itself")
        if study.hold_out == "time":
            features[SHUFFLED] = from_next_run(features[MODEL].select(stimuli.ids), stimuli[study.run])
        else:
            features[SHUFFLED] = shuffled_within(features[MODEL].select(stimuli.ids), stimuli[column], seed=study.seed)
    except InvalidInput as error:
        missing[SHUFFLED] = str(error)
    if study.hold_out == "time":
        features[SERIES] = order_features(stimuli, run=study.run)
    else:
        missing[SERIES] = "the stimuli are not a time series"
    return features, missing


def _on_volumes(study: "Alignment", features: Features, words: Stimuli, volumes: Stimuli) -> Features:
    return volume_features(features, words, volumes, run=study.run, tr_s=study.tr_s, n_delays=study.n_delays)
