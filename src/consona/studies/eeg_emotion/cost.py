"""What the study will take, from how many networks it trains and rates measured on one core."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep

if TYPE_CHECKING:
    from consona.studies.eeg_emotion.study import EEGEmotion

FACED_SUBJECTS = 100
SECONDS = {"linear": 10.0, "mlp": 30.0, "eegnet": 43.0, "graph": 38.0, "transformer": 58.0, "recurrent": 45.0}
"""Ten folds of the default recipe, 80 people in training, one core."""
WEAK_SECONDS = 5.0
N_PAPER = 25
MEMORY_MB = 2000.0
SHARD_MB = 1.6


def planned(study: "EEGEmotion") -> list[PlannedStep]:
    """Seconds of one worker; every shard is a recipe and a seed with all folds."""
    counts = study.counts
    people = (len(study.subjects) or FACED_SUBJECTS) if study.corpus == "faced" else study.n_subjects
    share = counts.n_folds / 10 * people / FACED_SUBJECTS * max(counts.effort, 0.1)
    n_regimes = len(study.regimes) * counts.n_seeds
    n_weak, n_strong = (
        2 * counts.strategy_seeds * sum(N_PAPER if name == "paper" else 1 for name in names)
        for names in (study.strategies, study.strong)
    )
    n_weak += 1 + counts.n_exchanged
    n_doses = 3 * counts.strategy_seeds * sum(map(len, (counts.subject_doses, counts.epoch_doses, counts.depth_doses)))
    n_members = 8 * counts.n_members + 1 + (3 * counts.n_members if study.other != "none" else 0)
    one = SECONDS["mlp"] * share
    parts = (
        (
            "classifiers",
            n_regimes * len(study.networks),
            n_regimes * sum(SECONDS[name] for name in study.networks) * share,
        ),
        ("hold-outs", 2 * 9, 12 * one),
        ("strategies, weak base", n_weak, n_weak * WEAK_SECONDS * share),
        ("strategies, strong base", n_strong, n_strong * one),
        ("doses", n_doses, n_doses * one * 0.7),
        ("ensembles", n_members, n_members * one * 1.1),
    )
    steps = [
        PlannedStep(name, seconds, MEMORY_MB, n * SHARD_MB * people / FACED_SUBJECTS, "", max(1, n))
        for name, n, seconds in parts
    ]
    return [*steps, PlannedStep("statistics and figures", 60.0, MEMORY_MB, 10.0)]
