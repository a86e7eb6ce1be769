"""What the study stands for: up to five sentences, each with the verdict of every control."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.guided_reasoning.claims_guidance import guidance_claim, transfer_claim
from consona.studies.guided_reasoning.claims_tuning import gain_claim, tuning_claim
from consona.studies.guided_reasoning.names import (
    ALIGNMENT_CONTROLS,
    ALL,
    GAIN_CONTROLS,
    GUIDANCE_CONTROLS,
    HOLM,
    LEVEL,
    SYLLOGISM,
    TRANSFER_CONTROLS,
    TRANSITIVE,
    TUNING_CONTROLS,
)
from consona.studies.guided_reasoning.predictivity import MEASURE
from consona.studies.guided_reasoning.reading import TWIN, WORDS
from consona.studies.guided_reasoning.verdicts import reached, untested

if TYPE_CHECKING:
    from consona.studies.guided_reasoning.parts import Parts
    from consona.studies.guided_reasoning.study import GuidedReasoning

ALIGNED = "States predict brains beyond the trivial features of trials that were taken out"
CARRIED = "Mean directions from own brains help on new problems more than those from permuted brains"
LEFT_OUT = "left out by the settings"
TUNED = "Tuning by brains and labels beats tuning by permuted brains and labels"
GAINED = "Tuning by brains makes states that predict other people better"
GUIDED = "Steering by the own brain mends more answers than it spoils, and more than permuted brains do"
BOTH = "people and problems drawn again; the widest of people, problems and both"


def all_claims(study: "GuidedReasoning", parts: "Parts") -> list[Claim]:
    """Alignment, guidance, transfer, tuning, gain; words follow the p corrected for all that are made."""
    drafts = [
        (
            _alignment_claim(study, parts),
            ALIGNED,
        )
    ]
    synthetic = parts.material.synthetic
    steered, tuned = parts.steered is not None, parts.arms is not None and parts.gain is not None
    drafts += [
        (guidance_claim(parts) if steered else untested("guidance", GUIDANCE_CONTROLS, LEFT_OUT, synthetic), GUIDED),
        (transfer_claim(parts) if steered else untested("transfer", TRANSFER_CONTROLS, LEFT_OUT, synthetic), CARRIED),
        (tuning_claim(parts) if tuned else untested("tuning", TUNING_CONTROLS, LEFT_OUT, synthetic), TUNED),
        (gain_claim(parts) if tuned else untested("gain", GAIN_CONTROLS, LEFT_OUT, synthetic), GAINED),
    ]
    corrected = holm(np.array([np.nan if draft.p is None else draft.p for draft, _ in drafts]))
    n = sum(draft.p is not None for draft, _ in drafts)
    return [_finished(draft, words, float(p), n) for (draft, words), p in zip(drafts, corrected, strict=True)]


def _finished(draft: Claim, words: str, corrected: float, n_claims: int) -> Claim:
    """Too few draws to say anything are said to be that."""
    holm_of = f"corrected for the {n_claims} claims of this study"
    lower = f"{words[0].lower()}{words[1:]}"
    if draft.null is None:
        reason = str(draft.ceiling)
        controls = {**draft.controls, HOLM: not_testable(reason, rule=f"p at most {LEVEL}, {holm_of}")}
        return replace(draft, statement=f"It cannot be tested here whether {lower}.", controls=controls)
    verdict, floor = significant(corrected, of=holm_of), min(1.0, n_claims / (draft.null.n + 1))
    if corrected <= LEVEL:
        sentence = words
    elif floor > LEVEL:
        sentence = f"With {draft.null.n} draws it cannot be tested here whether {lower}"
        verdict = not_testable(f"{draft.null.n} draws give no corrected p below {floor:.2g}", rule=verdict.rule)
    else:
        sentence = f"It was not shown that {lower}"
    return replace(draft, statement=f"{sentence}.", controls={**draft.controls, HOLM: verdict})


def _alignment_claim(study: "GuidedReasoning", parts: "Parts") -> Claim:
    found, model = parts.predicted, study.model
    rest = found.rest[ALL][model].sel(measure=MEASURE)
    drawn = str(rest["widest"].values)
    offset = float(rest["null_mean"])
    low, high = (float(rest[end].sel(drawn=drawn)) - offset for end in ("low", "high"))
    top = found.people_rest[ALL].sel(measure=MEASURE)
    others = float(top["total"]) - float(top["null_mean"])
    return Claim(
        id="alignment",
        statement="",
        effect=float(rest["total"]) - offset,
        unit="r of predicted and measured responses to held-out forms, mean over voxels and people, less that of the "
        "null; trivial features taken out of both",
        interval=Interval(low, high, BOTH),
        p=float(rest["p"]),
        null=Null(
            "problems exchanged",
            "within kind and run, in one order for all people; layer and penalty chosen anew",
            found.rest[ALL][model].sizes["permutation"],
        ),
        n=rest.sizes["subject"],
        n_of=f"people ({len(parts.material.problems)} problems)",
        ceiling=f"brains of the others predict {others:.3f} by the same code, which is a lower bound",
        controls=_alignment_verdicts(study, parts),
        synthetic=parts.material.synthetic,
    )


def _alignment_verdicts(study: "GuidedReasoning", parts: "Parts") -> dict[str, Verdict]:
    found, model = parts.predicted, study.model
    verdicts = {
        "for syllogisms alone": _p_of(found.rest[SYLLOGISM][model], "syllogisms alone"),
        "for transitive problems alone": _p_of(found.rest[TRANSITIVE][model], "transitive problems alone"),
        "above an untrained twin of the model": _above(found.rest[ALL], model, TWIN),
        "above the words of the problems": _above(found.rest[ALL], model, WORDS),
        "above the trivial features themselves": _p_of(found.beyond, "both together less trivial features alone"),
        "whole runs held out": _p_of(found.runs, "whole runs held out"),
        "beyond products of the codes of trials": _p_of(
            found.products, "products of two codes of a trial taken out as well"
        ),
        "no trivial feature reaches the ceiling": _below_ceiling(parts),
    }
    return {name: verdicts[name] for name in ALIGNMENT_CONTROLS}


def _p_of(score: xr.Dataset, of: str) -> Verdict:
    one = score.sel(measure=MEASURE)
    verdict = significant(float(one["p"]), of=f"problems exchanged, {of}")
    return replace(verdict, value=f"{verdict.value} ({float(one['total']) - float(one['null_mean']):+.3f})")


def _above(scores: dict[str, xr.Dataset], first: str, second: str) -> Verdict:
    """Both see the same exchanged problems, so that their difference has a null of its own."""
    a, b = (scores[name].sel(measure=MEASURE) for name in (first, second))
    null = (a["null"] - b["null"]).mean("subject").values
    difference = float(a["total"] - b["total"])
    verdict = significant(float(p_value(difference, null)), of=f"more than {second}, problems exchanged")
    return replace(verdict, value=f"{verdict.value} ({difference - float(null.mean()):+.3f})")


def _below_ceiling(parts: "Parts") -> Verdict:
    """As released: the best trivial feature against the median ceiling, both without any division."""
    best = [reached(parts, kind) for kind in (ALL, SYLLOGISM, TRANSITIVE)]
    worst = max(best, key=lambda each: each.score - each.ceiling)
    verdict = exceeds(worst.ceiling, worst.score, of="the best trivial feature, for every kind (as released)")
    return replace(
        verdict, value=f"{worst.name}, {worst.kind}: {worst.score:.3f} beside a ceiling of {worst.ceiling:.3f}"
    )
