"""What the study stands for: five claims, each with every control's verdict by a rule written here."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import HELD, Claim, Interval, Verdict, exceeds, not_testable, significant
from consona.core.score import Score
from consona.stats.fdr import holm
from consona.studies.eeg_emotion.claims_training import ensemble_claim, harm_claim, saturation_claim
from consona.studies.eeg_emotion.decoding import LDA
from consona.studies.eeg_emotion.material import RATED, SUPERVISING
from consona.studies.eeg_emotion.names import DECODING_CONTROLS, FOLDS, HOLM, LEVEL, REDISCOVERY_CONTROLS
from consona.studies.eeg_emotion.verdicts import above, interval_of, null_named, p_at_most

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.parts import Parts
    from consona.studies.eeg_emotion.study import EEGEmotion

CLIPS = "new people and new clips"


def all_claims(study: "EEGEmotion", run: "Run", parts: "Parts") -> list[Claim]:
    """Decoding of new clips, rediscovery, harm, saturation, ensemble; words follow the p corrected for all five."""
    drafts = [
        (_decoding_claim(parts), _both("tell nine emotions apart in clips that no training saw, in new people")),
        (_rediscovery_claim(parts), _both("order the classes along the axis, untold, more than along exchanged ones")),
        harm_claim(parts),
        saturation_claim(parts),
        ensemble_claim(parts),
    ]
    corrected = holm(np.array([np.nan if draft.p is None else draft.p for draft, _ in drafts]))
    return [_finished(draft, words, float(p)) for (draft, words), p in zip(drafts, corrected, strict=True)]


def _both(words: str) -> tuple[str, str]:
    return words, f"do not reliably {words}"


def _finished(draft: Claim, words: tuple[str, str], corrected: float) -> Claim:
    controls = {**draft.controls, HOLM: significant(corrected, of="corrected for the claims of this study")}
    if draft.statement:
        return replace(draft, controls=controls)
    # Networks are few where people are many: an effect that folds do not share may be the luck of some networks.
    holds = corrected <= LEVEL and controls.get(FOLDS, controls[HOLM]).verdict == HELD
    return replace(draft, statement=f"Decoders {words[0] if holds else words[1]}.", controls=controls)


def _fact(score: Score, name: str, place: int = 0) -> float:
    return float(score.attrs[name][place])


def _decoding_claim(parts: "Parts") -> Claim:
    scores, synthetic = parts.decoded.scores, bool(parts.material.tensor.attrs.get("synthetic", 0))
    score = scores[CLIPS]
    chance = _fact(score, "null_mean")
    bounds = (_fact(score, "low"), _fact(score, "high"))
    return Claim(
        id="decoding-new-clips",
        statement="",
        effect=_fact(score, "mean"),
        unit=f"balanced accuracy of nine classes per clip (chance 0.111, mean of its null {chance:.3f}; "
        f"people new, clips known: {_fact(scores['new people'], 'mean'):.3f})",
        interval=Interval(*bounds, "bootstrap over subjects; of other people, not of other clips"),
        p=_fact(score, "p"),
        null=null_named("labels of whole clips", str(score.attrs["null"]), score),
        n=parts.material.tensor.sizes["stimulus"],
        n_of=f"clips in nine classes ({int(score.attrs['n_subjects'])} subjects)",
        ceiling="how well these emotions can be told from EEG at all is not known",
        controls=_decoding_verdicts(parts),
        synthetic=synthetic,
    )


def _decoding_verdicts(parts: "Parts") -> dict[str, Verdict]:
    scores = parts.decoded.scores
    people = scores["new people"]
    single = [score for name, score in scores.items() if name.startswith("one clip per emotion")]
    verdicts = {
        "new clips, the same people": p_at_most(scores["new clips, the same people"], "labels of clips exchanged"),
        "one clip per emotion": _clip_identity(people, single),
        "new emotions, valence": p_at_most(scores["new people and new emotions"], "valence of left-out emotions"),
        "scaled by clips seen before": not_testable(
            "this is the scaling of the study", rule="known clips, causal scale"
        ),
        "single windows": p_at_most(scores["single windows"], "known clips, single windows of five seconds"),
        "each cohort alone": _cohorts(scores[CLIPS]),
        "above shrinkage LDA": _against_lda(scores[CLIPS], scores[f"{CLIPS}, {LDA}"]),
    }
    if "scaled: causal" in scores:
        verdicts["scaled by clips seen before"] = p_at_most(scores["scaled: causal"], "known clips, causal scale")
    return {name: verdicts[name] for name in DECODING_CONTROLS}


def _clip_identity(people: Score, single: list[Score]) -> Verdict:
    """Held when telling nine single clips apart is no easier than telling nine emotions of several clips apart."""
    rule = "accuracy with one clip per emotion is not above that with all clips (else clips are recognised)"
    alone = float(np.mean([_fact(each, "mean") for each in single]))
    below = _fact(people, "high")
    held = exceeds(below, alone, of="accuracy with one clip per emotion")
    return replace(held, rule=rule, value=f"{alone:.3f} with one clip, {_fact(people, 'mean'):.3f} with all")


def _cohorts(score: Score) -> Verdict:
    values = {name: float(each[0]) for name, each in score.attrs["by_cohort"].items()}
    rule = "above the mean of its null, in every cohort"
    if len(values) < 2:
        return not_testable("one cohort", rule=rule)
    verdict = exceeds(min(values.values()), _fact(score, "null_mean"), of="the mean of its null")
    shown = ", ".join(f"{name}: {each:.3f}" for name, each in values.items())
    return replace(verdict, rule=rule, value=shown)


def _against_lda(score: Score, reference: Score) -> Verdict:
    gain = score.data.values[:, 0] - reference.data.values[:, 0]
    return above(gain, of="shrinkage LDA on the same folds (lower end of the difference over subjects)")


def _rediscovery_claim(parts: "Parts") -> Claim:
    classes = parts.found.classes.sel(axis=SUPERVISING)
    null = classes["null"].values
    effect = float(classes["mean"]) - float(null.mean())
    scores = classes["score"].values
    spread = interval_of(scores - float(null.mean()), "bootstrap over classifiers, which share clips and labels")
    return Claim(
        id="rediscovery",
        statement="",
        effect=effect,
        unit="|r| of the first class component with the axis above the mean of its null "
        f"(|r| = {float(classes['mean']):.2f}, null {null.mean():.2f}), mean over classifiers",
        interval=spread,
        p=float(classes["p_mean"]),
        null=null_named(
            "classes exchanged", "the nine class values of the axis change places, the same for all", len(null)
        ),
        n=9,
        n_of=f"classes ({len(scores)} classifiers, no pool among them)",
        ceiling="|r| over nine classes is bounded by 1",
        controls=_rediscovery_verdicts(parts),
        synthetic=bool(parts.material.tensor.attrs.get("synthetic", 0)),
    )


def _correlation(row: xr.Dataset, verdict: Verdict) -> str:
    return f"r = {float(row['r']):.2f} [{float(row['low']):.2f}, {float(row['high']):.2f}], {verdict.value}"


def _rediscovery_verdicts(parts: "Parts") -> dict[str, Verdict]:
    found = parts.found
    classes, residual = found.classes.sel(axis=SUPERVISING), found.residual.sel(axis=RATED)
    table, removal = found.table.sel(selection="all, architecture taken out"), found.removal.attrs
    whole = found.table.sel(selection="all")
    given = significant(float(table["p_order"]), of="architecture taken out, orders within architectures")
    lost = float(removal["high"])
    verdicts = {
        "beyond an untrained search": significant(
            float(classes["p_mean"]), of="mean over classifiers, same orders for all"
        ),
        "with a sign": significant(float(classes["p_signed"]), of="signed by the poles, which are exchanged as well"),
        "within classes, best of all components": significant(
            float(residual["p_mean"]), of="rated valence within classes, the search inside the null"
        ),
        "architecture taken out": replace(
            given,
            rule=f"correlation with accuracy: {given.rule}",
            value=_correlation(table, given) + f"; architecture left in: r = {float(whole['r']):.2f}"
            if np.isfinite(table["r"])
            else "no two classifiers of one architecture and further ones to compare",
        ),
        "removal against equal variance": replace(
            exceeds(0.0, lost, of="the drop beyond directions of equal variance (upper end over subjects)"),
            value=f"{float(removal['excess']):+.4f} [{float(removal['low']):+.4f}, {lost:+.4f}]",
        ),
    }
    return {name: verdicts[name] for name in REDISCOVERY_CONTROLS}
