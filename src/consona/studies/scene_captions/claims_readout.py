"""The claim about captions that are read out of the brain."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Verdict, not_testable
from consona.stats.fdr import holm
from consona.studies.scene_captions.names import LEVEL, MODES, READOUT_CONTROLS
from consona.studies.scene_captions.verdicts import (
    Array,
    is_true,
    over_people,
    people_interval,
    people_null,
    signs_p,
)

if TYPE_CHECKING:
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions

CHANCE = 0.5


def of_people(scores: dict[str, xr.Dataset], measure: str, variable: str = "mean") -> Array:
    """One measure of every subject."""
    return np.array([float(each[variable].sel(measure=measure)) for each in scores.values()])


def readout_claim(study: "SceneCaptions", parts: "Parts") -> Claim:
    """Two-way identification among the test images, above one half."""
    scores = parts.read_out.scores[study.mode]
    above = of_people(scores, "two_way") - CHANCE
    raw, centred, baseline = (of_people(scores, name).mean() for name in ("raw_r", "centred_r", "baseline_r"))
    n, testable = len(above), len(above) > 1
    ceiling = parts.texts.consistency.get("seen")
    top = (
        "unknown"
        if ceiling is None
        else f"one caption of an image with the mean of its others: r {float(ceiling['r_mean']):.3f}"
    )
    return Claim(
        id="read-out",
        statement="",
        effect=float(above.mean()),
        unit=f"share of pairs of test images told apart by the read-out, above 1/2 (raw r {raw:.3f}, of which the mean "
        f"caption alone has {baseline:.3f}; centred r {centred:.3f})",
        interval=people_interval(above) if testable else None,
        p=signs_p(above) if testable else None,
        null=people_null(n) if testable else None,
        n=n,
        n_of=f"people ({next(iter(scores.values())).sizes['stimulus']} test images)",
        ceiling=top,
        controls=_verdicts(study, parts, scores),
        synthetic=parts.material.synthetic,
    )


def _verdicts(study: "SceneCaptions", parts: "Parts", scores: dict[str, xr.Dataset]) -> dict[str, Verdict]:
    made = parts.read_out
    first = next(iter(scores.values()))
    top, base = of_people(scores, "top1"), 1.0 / first.sizes["stimulus"]
    beyond = (
        over_people(of_people(made.beyond, "centred_r"), "r with what captions hold beyond their categories")
        if made.beyond
        else not_testable("these images have no categories", rule="captions less what categories predict")
    )
    verdicts = {
        "above the mean caption": over_people(
            of_people(scores, "raw_r") - of_people(scores, "baseline_r"), "r of read-out less that of the mean caption"
        ),
        "centred correlation above zero": over_people(of_people(scores, "centred_r"), "r without the mean caption"),
        "first among the test images more often than by chance": over_people(top - base, f"first less {base:.4f}"),
        "nearer than most training captions": over_people(
            made.nearer.values - CHANCE, "share of training captions that the true one beats, less 1/2"
        ),
        "beyond categories": beyond,
        "without images that have a twin in training": _without_twins(parts, scores),
        "in every subject": _each(scores, study.counts.n_permutations),
        "the same in all three modes": _modes(parts),
    }
    return {name: verdicts[name] for name in READOUT_CONTROLS}


def _without_twins(parts: "Parts", scores: dict[str, xr.Dataset]) -> Verdict:
    """Test images whose captions are no more alike to any training image's than captions of one image are."""
    rule = "two-way identification, less 1/2, of test images without a twin in training"
    twins = parts.read_out.twins
    kept = {
        who: each["two_way"].values[~twins[who].sel(stimulus=each["stimulus"].values).values]
        for who, each in scores.items()
    }
    share = float(np.mean([each.mean() for each in twins.values()]))
    if not all(len(each) for each in kept.values()):
        return not_testable(f"{share:.0%} of test images have a twin in training", rule=rule)
    return over_people([each.mean() - CHANCE for each in kept.values()], f"{rule} ({share:.0%} have one)")


def _each(scores: dict[str, xr.Dataset], n_permutations: int) -> Verdict:
    """Every subject by itself, its captions exchanged among the test images, corrected by Holm."""
    p = holm(of_people(scores, "two_way", "p"))
    rule = f"two-way identification, captions of test images exchanged, p at most {LEVEL} in everybody (Holm)"
    if len(p) / (n_permutations + 1) > LEVEL:
        return not_testable(f"{n_permutations} exchanges are too few for {len(p)} people", rule=rule)
    return is_true(
        bool((p <= LEVEL).all()), rule, f"{int((p <= LEVEL).sum())} of {len(p)} people, largest p {p.max():.2g}"
    )


def _modes(parts: "Parts") -> Verdict:
    rule = "two-way identification above 1/2 by flips of signs in every mode"
    values = {mode: of_people(parts.read_out.scores[mode], "two_way") - CHANCE for mode in MODES}
    raw = {mode: of_people(parts.read_out.scores[mode], "raw_r").mean() for mode in MODES}
    shown = ", ".join(f"{mode} {CHANCE + values[mode].mean():.3f} (raw r {raw[mode]:.3f})" for mode in MODES)
    if len(values[MODES[0]]) < 2:
        return not_testable(f"one person; {shown}", rule=rule)
    return is_true(all(signs_p(each) <= LEVEL and each.mean() > 0 for each in values.values()), rule, shown)
