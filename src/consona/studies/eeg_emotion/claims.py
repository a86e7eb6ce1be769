"""What the study stands for: five claims, each with every control's verdict by a rule written here."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.refitted import widened_p
from consona.core.claim import DID_NOT_HOLD, HELD, Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.core.score import Score
from consona.stats.fdr import holm
from consona.studies.eeg_emotion.claims_pools import ensemble_claim
from consona.studies.eeg_emotion.claims_training import harm_claim, saturation_claim
from consona.studies.eeg_emotion.decoding import CAUSAL_CLIPS, LDA
from consona.studies.eeg_emotion.material import RATED, SUPERVISING
from consona.studies.eeg_emotion.names import DECODING_CONTROLS, FOLDS, HOLM, LEVEL, REDISCOVERY_CONTROLS
from consona.studies.eeg_emotion.verdicts import above, null_of_mean

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
    return f"Decoders {words}", f"Decoders do not reliably {words}"


def _finished(draft: Claim, words: tuple[str, str], corrected: float) -> Claim:
    controls = {**draft.controls, HOLM: significant(corrected, of="corrected for the claims of this study")}
    # Networks are few where people are many: an effect that folds do not share may be the luck of some networks.
    holds = corrected <= LEVEL and controls.get(FOLDS, controls[HOLM]).verdict == HELD
    sentence = words[0] if holds and words[0] else words[1]
    return replace(draft, statement=f"{sentence}.", controls=controls)


def _fact(score: Score, name: str, place: int = 0) -> float:
    return float(score.attrs[name][place])


def _decoding_claim(parts: "Parts") -> Claim:
    scores, synthetic = parts.decoded.scores, bool(parts.material.tensor.attrs.get("synthetic", 0))
    score, ratio = scores[CLIPS], float(parts.decoded.refitted[CLIPS].attrs["ratio"])
    chance, null = _fact(score, "null_mean"), null_of_mean(score)
    bounds = (_fact(score, "low"), _fact(score, "high"))
    return Claim(
        id="decoding-new-clips",
        statement="",
        effect=_fact(score, "mean"),
        unit=f"balanced accuracy of nine classes per clip (chance 0.111, mean of its null {chance:.3f}; "
        f"people new, clips known: {_fact(scores['new people'], 'mean'):.3f})",
        interval=Interval(*bounds, "bootstrap over subjects; of other people, not of other clips"),
        p=widened_p(_fact(score, "mean"), null, ratio),
        null=Null("labels of whole clips, widened", f"{score.attrs['null']}; {_widened(ratio)}", len(null)),
        n=parts.material.tensor.sizes["stimulus"],
        n_of=f"clips in nine classes ({int(score.attrs['n_subjects'])} subjects)",
        ceiling="how well these emotions can be told from EEG at all is not known",
        controls=_decoding_verdicts(parts),
        synthetic=synthetic,
    )


def _widened(ratio: float) -> str:
    return f"deviations times {ratio:.2f}, as a decoder that is fitted again under every order needs"


def _decoding_verdicts(parts: "Parts") -> dict[str, Verdict]:
    scores, refitted = parts.decoded.scores, parts.decoded.refitted
    people, same = scores["new people"], "new clips, the same people"
    single = [score for name, score in scores.items() if name.startswith("one clip per emotion")]
    ratio = float(refitted[CLIPS].attrs["ratio"])
    emotions = scores["new people and new emotions"]
    verdicts = {
        "fitted again under every order": _nearest_mean(refitted[CLIPS]),
        same: _by_clips(scores[same], float(refitted[same].attrs["ratio"])),
        "one clip per emotion": _clip_identity(people, single),
        "new emotions, valence": _of_pairs(emotions),
        "scaled by clips seen before": not_testable("this is the scaling of the study", rule="new clips, causal scale"),
        "each cohort alone": _cohorts(scores[CLIPS], ratio),
        "above shrinkage LDA": _against_lda(scores[CLIPS], scores[f"{CLIPS}, {LDA}"]),
    }
    if CAUSAL_CLIPS in scores:
        verdicts["scaled by clips seen before"] = _by_clips(scores[CAUSAL_CLIPS], ratio)
    return {name: verdicts[name] for name in DECODING_CONTROLS}


def _nearest_mean(found: xr.Dataset) -> Verdict:
    observed = float(found.attrs["observed"])
    p = widened_p(observed, found["refitted"].values, 1.0)
    verdict = significant(p, of="nearest class mean, labels exchanged before the fit")
    return replace(verdict, value=f"{verdict.value} ({observed:.3f}, null {found['refitted'].values.mean():.3f})")


def _by_clips(score: Score, ratio: float) -> Verdict:
    p = widened_p(_fact(score, "mean"), null_of_mean(score), ratio)
    verdict = significant(p, of="labels of whole clips, widened null")
    return replace(verdict, value=f"{verdict.value} ({_fact(score, 'mean'):.3f}, null {_fact(score, 'null_mean'):.3f})")


def _of_pairs(score: Score) -> Verdict:
    """Clips of a left-out emotion are alike, so pairs of emotions are exchanged as wholes."""
    p, n_pairs = float(score.attrs.get("p_pairs", np.nan)), len(score.attrs.get("by_pair", ()))
    rule = f"p at most {LEVEL}, emotions of a left-out pair exchanged as wholes"
    shown = f"AUC {_fact(score, 'mean'):.3f}, p = {p:.2g}"
    if n_pairs and 1 / 2**n_pairs > LEVEL:
        return not_testable(f"{n_pairs} pairs give no p below {1 / 2**n_pairs:.2g}; {shown}", rule=rule)
    return replace(significant(p, of="emotions of a left-out pair exchanged as wholes"), value=shown)


def _clip_identity(people: Score, single: list[Score]) -> Verdict:
    """Held when telling nine single clips apart is no easier than telling nine emotions of several clips apart."""
    rule = "accuracy with one clip per emotion is not above that with all clips (else clips are recognised)"
    alone = float(np.mean([_fact(each, "mean") for each in single]))
    below = _fact(people, "high")
    held = exceeds(below, alone, of="accuracy with one clip per emotion")
    return replace(held, rule=rule, value=f"{alone:.3f} with one clip, {_fact(people, 'mean'):.3f} with all")


def _cohorts(score: Score, ratio: float) -> Verdict:
    """Against the null of each cohort's own people."""
    rule = f"p at most {LEVEL}, in every cohort (labels of whole clips, widened null)"
    cohorts = np.asarray(score.data["cohort"].values)
    if len(np.unique(cohorts)) < 2 or score.null is None:
        return not_testable("one cohort", rule=rule)
    found = {}
    for cohort in np.unique(cohorts):
        own = cohorts == cohort
        observed = float(np.nanmean(score.data.values[own, 0]))
        found[str(cohort)] = (observed, widened_p(observed, np.nanmean(score.null.values[:, own, 0], axis=1), ratio))
    shown = ", ".join(f"{name}: {value:.3f} (p = {p:.2g})" for name, (value, p) in found.items())
    return replace(significant(max(p for _, p in found.values()), of="in every cohort"), rule=rule, value=shown)


def _against_lda(score: Score, reference: Score) -> Verdict:
    gain = score.data.values[:, 0] - reference.data.values[:, 0]
    return above(gain, of="shrinkage LDA on the same folds (lower end of the difference over subjects)")


def _rediscovery_claim(parts: "Parts") -> Claim:
    classes = parts.found.classes.sel(axis=SUPERVISING)
    null = classes["null"].values
    low, high = np.quantile(null, [0.025, 0.975])
    return Claim(
        id="rediscovery",
        statement="",
        effect=float(classes["mean"]) - float(null.mean()),
        unit="|r| of the first class component with the axis above the mean of its null, mean over trained networks "
        f"(|r| = {float(classes['mean']):.2f}; null {null.mean():.2f}, 95 % of it {low:.2f} to {high:.2f})",
        interval=None,
        p=float(classes["p_mean"]),
        null=Null("classes exchanged", "the class values of the axis change places, the same for all", len(null)),
        n=9,
        n_of=f"classes ({classes.sizes['model']} classifiers, no pool among them)",
        ceiling="|r| over nine classes is bounded by 1",
        controls=_rediscovery_verdicts(parts),
        synthetic=bool(parts.material.tensor.attrs.get("synthetic", 0)),
    )


def _correlation(row: xr.Dataset, verdict: Verdict) -> str:
    return f"r = {float(row['r']):.2f} [{float(row['low']):.2f}, {float(row['high']):.2f}], {verdict.value}"


def _rediscovery_verdicts(parts: "Parts") -> dict[str, Verdict]:
    found = parts.found
    classes, residual = found.classes.sel(axis=SUPERVISING), found.residual.sel(axis=RATED)
    removal = found.removal.attrs
    lost = float(removal["high"])
    verdicts = {
        "beyond the cells themselves": _beyond_cells(parts),
        "with a sign": significant(float(classes["p_signed"]), of="signed by the poles, which are exchanged as well"),
        "within classes, best of all components": significant(
            float(residual["p_mean"]), of="rated valence within classes, the search inside the null"
        ),
        "architecture and regime taken out": _with_accuracy(found.table),
        "removal against equal variance": replace(
            exceeds(0.0, lost, of="the drop beyond directions of equal variance (upper end over subjects)"),
            value=f"{float(removal['excess']):+.4f} [{float(removal['low']):+.4f}, {lost:+.4f}]",
        ),
        "removal against other orders of the axis": significant(
            float(removal["p_orders"]),
            of="drop against clips exchanged within classes, other components in their place",
        ),
    }
    return {name: verdicts[name] for name in REDISCOVERY_CONTROLS}


def _beyond_cells(parts: "Parts") -> Verdict:
    rule = f"p at most {LEVEL}, trained networks above the class means of the cells, the same orders for both"
    if parts.found.raw is None:
        return not_testable("no linear classifier beside trained networks", rule=rule)
    trained, raw = (each.sel(axis=SUPERVISING) for each in (parts.found.classes, parts.found.raw))
    difference = float(trained["mean"]) - float(raw["mean"])
    p = widened_p(difference, trained["null"].values - raw["null"].values, 1.0)
    shown = f"p = {p:.2g} (networks {float(trained['mean']):.2f}, cells {float(raw['mean']):.2f})"
    return replace(significant(p, of=""), rule=rule, value=shown)


def _with_accuracy(table: xr.Dataset) -> Verdict:
    """Held where classifiers of one architecture and regime decode better the more they carry the axis."""
    row, whole = table.sel(selection="all, architecture taken out"), table.sel(selection="all")
    rule = f"positive correlation with accuracy, p at most {LEVEL}, within architecture and regime"
    if not np.isfinite(row["r"]):
        return not_testable("there are no two classifiers of one architecture and regime to compare", rule=rule)
    verdict = significant(float(row["p_order"]), of="orders within")
    outcome = verdict.verdict if float(row["r"]) > 0 else DID_NOT_HOLD
    return Verdict(outcome, rule, f"{_correlation(row, verdict)}; left in: r = {float(whole['r']):.2f}")
