"""What the checks are told."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from consona.alignment.trial_split import TrialSplit
from consona.core.claim import Claim
from consona.studies.guided_reasoning.names import ALL, OWN, PERMUTED, SYLLOGISM, TRANSITIVE
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
    _folds(run, parts)
    model = next(iter(parts.read.features.values()))
    n = len(model.layers) * len(TrialSplit().alphas)
    run.evidence("CON002", where="predictivity", what="layer and penalty", n_candidates=n, chosen_on="training folds")
    for claim in claims:
        if claim.null is not None:
            tests = {"n_tests": len(claims), "correction": "holm"}
            run.evidence("CON004", where=f"claim {claim.id}", n_permutations=claim.null.n, **tests)
    run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
    if parts.steered is not None:
        _strengths(run, parts)
        n = parts.steered.nested.sizes["setting"]
        run.evidence("CON002", where="guidance", what="layers and strength", n_candidates=n, chosen_on="training folds")
        n_random = int((parts.steered.nested["condition"] == PERMUTED).sum())
        matched = ["spectrum", "mean pattern", "length of the shift", "number of tries"]
        run.evidence(
            "CON010", where="guidance", intervention="shift of attention", n_random=n_random, matched_on=matched
        )
    run.note(f"{len(set(forms.tolist()))} forms of problems; whole forms were held out.")


def _folds(run: "Run", parts: "Parts") -> None:
    """Which forms are trained on and tested on, and how many voxels had no score."""
    problems, split = parts.material.brain.stimuli, TrialSplit()
    outer, _ = split.folds(problems)
    named = [f"{kind} {form}" for kind, form in zip(problems["kind"], problems["form"], strict=True)]
    forms = np.asarray(named)
    sides = zip(outer.train, outer.test, strict=True)
    folds = [{"train": sorted(set(forms[a].tolist())), "test": sorted(set(forms[b].tolist()))} for a, b in sides]
    run.evidence("CON001", where="predictivity", held_out="form", folds=folds)
    first = next(iter(parts.predicted.rest[ALL].values()))
    usable = np.concatenate([np.isfinite(each.mean()).all(axis=0) for each in parts.material.brain.recordings])
    n_scored = int(np.isfinite(first["r"].values).sum())
    run.evidence("CON005", where="voxels", n_targets=len(usable), n_undefined=len(usable) - n_scored)


def _strengths(run: "Run", parts: "Parts") -> None:
    """How far mean directions go, beside what states do by themselves; in SD of the problems of the scanner."""
    steered, states = parts.steered, parts.read.states
    assert steered is not None
    strength = float(steered.chosen.sel(condition=OWN))
    own = steered.directions.sel(condition=OWN, drop=True)
    for kind, layer in product(own["kind"].values, own["layer"].values):
        vector = own.sel(kind=kind, layer=layer).values
        length = float(np.linalg.norm(vector))
        if length == 0:
            continue
        values = states.layer(int(layer)) @ (vector / length)
        spread = float(values.std())
        reach, values = strength * length / spread, (values - values.mean()) / spread
        ends = {"lowest": float(values.min()), "highest": float(values.max())}
        run.evidence("CON009", where=f"{kind}, layer {layer}", strength=reach, **ends)
