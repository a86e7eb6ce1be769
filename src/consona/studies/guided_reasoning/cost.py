"""What the study will take, from how much is drawn and rates measured on one core with the small reasoner."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep
from consona.studies.guided_reasoning.names import REASONER

if TYPE_CHECKING:
    from consona.studies.guided_reasoning.study import GuidedReasoning

N_PEOPLE, N_PROBLEMS, N_MODELS, N_ARMS, N_PLANTS = 10, 70, 5, 8, 4
SECONDS_PER_SHIFT = 1.1e-4
"""One shifted last token of the small reasoner; large models by ``docs/method/large_models.md``."""
SECONDS_PER_ORDER = 0.004
"""One exchange of problems for ten people, layer and penalty chosen anew."""
SECONDS_PER_EPOCH = 0.045
"""A step of tuning with its share of the validation; the tests of an arm take about 40 of them."""
MEMORY_MB = 3000.0


def planned(study: "GuidedReasoning") -> list[PlannedStep]:
    """Seconds of one worker."""
    size, note = study.counts, "" if study.model == REASONER else "as if the model were the small reasoner"
    n_settings, n_tests = 3 * len(size.strengths), 10 * size.n_test
    per_guide = N_PEOPLE * N_PROBLEMS * (size.n_inner * n_settings + 2) * SECONDS_PER_SHIFT
    n_guides = 1 + size.n_permuted + min(19, size.n_permuted) + 2 * size.n_controls + 4
    orders = 3 * (3 * N_MODELS + 3) * (size.n_permutations + 20) * SECONDS_PER_ORDER
    shifts = (size.n_permuted + 22) * 5 * (n_tests + 160) + 23 * 5 * (n_tests + 3640 * size.published)
    arm = (size.epochs + 40) * SECONDS_PER_EPOCH
    twin = (1 + min(19, size.n_permuted)) * per_guide + 20.0
    pieces = [
        ("states, answers and baselines", 60.0, 1, 20.0),
        ("predictivity, ceilings, trivial features", orders + 60.0, 3 * N_MODELS, 40.0),
    ]
    if study.steering or study.tuning:
        pieces += [
            ("guidance, as released and nested", n_guides * per_guide + size.n_permuted + 10.0, 1, 60.0),
            ("directions on new problems", shifts * SECONDS_PER_SHIFT + 30.0, 1, 20.0),
        ]
    if study.tuning:
        n_arms = N_ARMS * size.n_seeds + size.n_permuted
        pieces.append(("arms of tuning", n_arms * arm, n_arms, 5.0))
        n_gains = 2 * (size.n_permuted + 2)
        pieces.append(("other people's brains after tuning", n_gains * 0.6 * arm, n_gains, 1.0))
    if study.twins:
        pieces += [("made-up people", N_PLANTS * twin, N_PLANTS, 5.0), ("power", 9 * 1.5 * size.n_twins, 9, 1.0)]
    return [PlannedStep(name, seconds, MEMORY_MB, mb, note, n) for name, seconds, n, mb in pieces]
