"""What the study will take, from how many passes it makes and rates measured on one core."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep
from consona.studies.emotion_neurons.sizes import Size

if TYPE_CHECKING:
    from consona.studies.emotion_neurons.study import EmotionNeurons

N_ATTRIBUTES, N_EMOTIONS = 14, 27
SECONDS_PER_COMMENT = 0.0038
"""MiniLM, 18 tokens, float32, one core; other models by their note."""
SHARING = 0.95
"""Comments that are in the items of one emotion alone; the others serve several."""
MEMORY_MB = 3000.0


def planned(study: "EmotionNeurons") -> list[PlannedStep]:
    """Seconds of one worker; every shard is a block of masks of one attribute."""
    size, note = study.counts, "" if study.model == "minilm" else "as if the model were MiniLM"
    declared, described = (N_EMOTIONS * n / 2 * SHARING for n in (size.n_test, size.n_described))
    n_declared = N_ATTRIBUTES * (1 + size.n_masks + 1 + size.n_few)  # with those of shuffled attributes
    n_few = _described_masks(size)
    n_train = N_EMOTIONS * size.n_train * SHARING * SECONDS_PER_COMMENT
    pieces = (
        ("neurons of the model and of its untrained twin", 2.5 * n_train, 4, 300.0),
        ("neurons and attributes", 90.0 * size.n_permutations / 1000 + 20, 1, 60.0),
        (
            "declared masks, and those of shuffled attributes",
            n_declared * declared * SECONDS_PER_COMMENT,
            _shards(n_declared, size),
            20.0,
        ),
        ("other kinds, sizes and families", n_few * described * SECONDS_PER_COMMENT, _shards(n_few, size), 15.0),
        ("other capabilities", N_ATTRIBUTES * (1 + size.n_few) * 0.6, N_ATTRIBUTES, 2.0),
        ("statistics and figures", 60.0, 1, 10.0),
    )
    return [PlannedStep(name, seconds, MEMORY_MB, mb, note, n) for name, seconds, n, mb in pieces]


def _described_masks(size: Size) -> int:
    """Two kinds, the doses and two families, and wholly random masks that serve all attributes."""
    return N_ATTRIBUTES * (1 + size.n_few) * (2 + len(size.doses) + 2) + size.n_few


def _shards(n_masks: int, size: Size) -> int:
    return max(1, n_masks // size.block)
