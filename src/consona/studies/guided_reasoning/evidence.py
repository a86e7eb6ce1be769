"""What the checks are told."""

from typing import TYPE_CHECKING

import numpy as np

from consona.core.claim import Claim
from consona.studies.guided_reasoning.names import ALL, PERMUTED, SYLLOGISM, TRANSITIVE
from consona.studies.guided_reasoning.predictivity import MEASURE
from consona.studies.guided_reasoning.verdicts import reached

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.parts import Parts


def evidence(run: "Run", parts: "Parts", claims: list[Claim]) -> None:
    """Folds, choices, ceilings, permutations, corrections and controls."""
    forms = np.asarray(parts.material.problems["form"])
    for kind in (ALL, SYLLOGISM, TRANSITIVE):
        best = reached(parts, kind)
        facts = {"score": best.score, "ceiling": best.ceiling, "half_width": best.half_width}
        run.evidence("CON012", where=f"{kind}, as released", trivial=best.name, **facts)
        for name, scores in parts.predicted.rest[kind].items():
            one, top = scores.sel(measure=MEASURE), parts.predicted.people_rest[kind].sel(measure=MEASURE)
            half = float(one["high"].max() - one["low"].min()) / 2
            given = {"score": float(one["total"]), "ceiling": float(top["high"].max()), "half_width": half}
            run.evidence("CON003", where=f"{name}, {kind}", **given)
    run.evidence("CON002", where="predictivity", what="layer and penalty", n_candidates=2, chosen_on="training folds")
    for claim in claims:
        if claim.null is not None:
            tests = {"n_tests": len(claims), "correction": "holm"}
            run.evidence("CON004", where=f"claim {claim.id}", n_permutations=claim.null.n, **tests)
    run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
    if parts.steered is not None:
        run.evidence("CON002", where="guidance", what="layers and strength", n_candidates=2, chosen_on="training folds")
        n_random = int((parts.steered.nested["condition"] == PERMUTED).sum())
        matched = ["spectrum", "mean pattern", "length of the shift", "number of tries"]
        run.evidence(
            "CON010", where="guidance", intervention="shift of attention", n_random=n_random, matched_on=matched
        )
    run.note(f"{len(set(forms.tolist()))} forms of problems; whole forms were held out.")
