"""What the study stands for: at most five claims, each with every control's verdict by a rule written here."""

from dataclasses import replace

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.core.figure import typeset
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.valence_axis.brain import BrainHalf
from consona.studies.valence_axis.text import TextHalf

LEVEL = 0.05
OVER_SUBJECTS = "1.96 bootstrap SE over subjects, fits kept; of other people, not of other clips"
WHAT = {
    "rated valence": "the valence that people rated (28 values; no model takes part)",
    "class text": "the model's valence axis (nine values, one per class of clip)",
    "plot lines": "the model's valence axis (28 values, one plot line per clip)",
}
TEXT_CONTROLS = (
    "random directions",
    "shuffled labels",
    "more than invented words",
    "more than affectless texts",
    "removal against equal variance",
    "other corpora",
)
BRAIN_CONTROLS = (
    "positive control: rated valence",
    "new emotion",
    "beyond a three-level code",
    "beyond rated valence",
    "within positive clips",
    "within negative clips",
    "within classes",
    "classes of equal size only",
    "each cohort alone",
    "random directions of the model",
    "more than invented words",
    "invented words stay silent",
    "Holm over the claims",
)
CONTROLS = tuple(dict.fromkeys((*TEXT_CONTROLS, *BRAIN_CONTROLS)))
TESTED = (("rated valence", "clip"), ("class text", "clip"), ("plot lines", "clip"), ("class text", "subject"))


def all_claims(texts: TextHalf, brains: BrainHalf) -> list[Claim]:
    """Sentiment from stories; then brains: rated valence, the axis by class and by plot, and new people."""
    p = [float(brains.scores[h]["p"].sel(goal=g, null="class block")) for g, h in TESTED]
    corrected = [float(each) for each in holm(np.array([_text_p(texts), *p]))]
    claims = [_text_claim(texts, corrected[0])]
    claims += [_brain_claim(texts, brains, *test, each) for test, each in zip(TESTED, corrected[1:], strict=True)]
    texts.fitted.run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
    return claims


def _outcome(verb: str, p: float, corrected: float) -> str:
    """How the sentence goes: by the p that is corrected for all claims, and by the bare one only where that is said."""
    if corrected <= LEVEL:
        return f"{verb}s"
    return f"{verb}s (only before correction for the other claims)" if p <= LEVEL else f"does not {verb}"


def _text_p(texts: TextHalf) -> float:
    return float(p_value(np.asarray(texts.scores[texts.fitted.primary].data[0]), texts.chance["random directions"]))


def _text_claim(texts: TextHalf, corrected: float) -> Claim:
    f = texts.fitted
    score = texts.scores[f.primary]
    value, low, high = float(score.data[0]), float(score.attrs["low"]), float(score.attrs["high"])
    p, n = _text_p(texts), len(texts.chance["random directions"])
    best = float(texts.references["effect"].sel(label="logistic regression, same features"))
    return Claim(
        id="text-transfer",
        statement=f"Without any label, the axis of nine classes of text {_outcome('order', p, corrected)} sentences of "
        f"{f.primary} by sentiment better than random directions.",
        effect=value,
        unit="area under the ROC curve",
        interval=Interval(low, high, "bootstrap over texts, 2,000 draws"),
        p=p,
        null=Null("random directions", "direction drawn evenly from the sphere", n),
        n=int(score.attrs["n"]),
        n_of="texts",
        ceiling=f"no bound is known; a regression trained on labels of the same features reaches {best:.2f}",
        controls=_text_verdicts(texts, p, low),
        synthetic=f.primary.endswith("twin"),
    )


def _text_verdicts(texts: TextHalf, p: float, low: float) -> dict[str, Verdict]:
    value = float(texts.scores[texts.fitted.primary].data[0])
    verdicts = {
        "random directions": significant(p, of="against random directions"),
        "removal against equal variance": significant(
            float(texts.removal["p"]), of="loss against directions of equal variance"
        ),
    }
    for name in ("invented words", "affectless texts"):
        free = float(np.mean(texts.chance[name]))
        verdicts[f"more than {name}"] = exceeds(low, free, of=f"the AUC of {name} (lower end of the interval)")
    if "shuffled labels" in texts.chance:
        shuffled = float(p_value(np.asarray(value), texts.chance["shuffled labels"]))
        verdicts["shuffled labels"] = significant(shuffled, of="against axes of shuffled labels")
    else:
        verdicts["shuffled labels"] = not_testable("one text per class", rule="against axes of shuffled labels")
    others = [s for name, s in texts.scores.items() if name in texts.fitted.labelled and name != texts.fitted.primary]
    if others:
        lowest = min(float(score.attrs["low"]) for score in others)
        verdicts["other corpora"] = exceeds(lowest, 0.5, of="chance in every other corpus (lower end of its interval)")
    else:
        verdicts["other corpora"] = not_testable("one labelled corpus", rule="above chance in every other corpus")
    return {name: verdicts[name] for name in TEXT_CONTROLS}


def _brain_claim(texts: TextHalf, brains: BrainHalf, goal: str, hold_out: str, corrected: float) -> Claim:
    f = texts.fitted
    score = brains.scores[hold_out].sel(goal=goal)
    r, null_mean, p = (float(score.sel(null="class block")[key]) for key in ("r", "null_mean", "p"))
    new = "clips that no fit has seen" if hold_out == "clip" else "people that no fit has seen, watching the same clips"
    reliability = float(brains.found[hold_out]["reliability"]["reliability"].sel(goal=goal))
    clips, subjects = score.sizes["stimulus"], score.sizes["subject"]
    by_class = goal == "class text"
    return Claim(
        id=f"eeg-{goal.replace(' ', '-')}-new-{hold_out}",
        statement=f"In {new}, the EEG read-out of {WHAT[goal]} {_outcome('exceed', p, corrected)} what other orders "
        "of the nine classes reach when they are fitted in the same way.",
        effect=r - null_mean,
        unit=typeset(f"r over 28 clips above the mean of its null (r = {r:.2f}, null {null_mean:.2f})"),
        interval=Interval(float(score["low"]), float(score["high"]), OVER_SUBJECTS),
        p=p,
        null=Null("class block, refitted", "the nine class means change places", 362_880, exact=True),
        n=9 if by_class else clips,
        n_of=f"classes ({clips} clips, {subjects} subjects)"
        if by_class
        else f"clips, of which nine classes change places as wholes ({subjects} subjects)",
        ceiling=float(np.sqrt(reliability)) - null_mean
        if reliability > 0
        else "none: the read-out does not repeat over halves of the subjects",
        controls=_brain_verdicts(brains, goal, hold_out, corrected),
        synthetic=f.material.eeg.synthetic,
    )


def _brain_verdicts(brains: BrainHalf, goal: str, hold_out: str, corrected: float) -> dict[str, Verdict]:
    found = brains.found[hold_out]
    score = found["score"].sel(goal=goal)
    names = {
        "beyond a three-level code": "given three-level code",
        "beyond rated valence": "given rated valence",
        "within positive clips": "within positive",
        "within negative clips": "within negative",
        "within classes": "within classes",
    }
    held = found["controlled"].sel(goal=goal)
    verdicts = {name: _of_control(held.sel(control=control), control) for name, control in names.items()}
    rated = found["score"]["p"].sel(goal="rated valence", null="class block")
    emotion = brains.scores["emotion"]["p"].sel(goal=goal, null="class block")
    silent = found["score"]["p"].sel(goal="invented words", null="class block")
    verdicts |= {
        "positive control: rated valence": significant(float(rated), of=f"rated valence, {hold_out} held out"),
        "new emotion": significant(float(emotion), of="whole emotion held out"),
        "classes of equal size only": significant(float(score["p_equal_sizes"]), of="orders of classes of equal size"),
        "invented words stay silent": exceeds(float(silent), LEVEL, of=f"p = {LEVEL} (class values of invented words)"),
        "each cohort alone": _of_cohorts(brains, goal, hold_out),
        "Holm over the claims": significant(corrected, of="corrected for all claims"),
    }
    version = "plot lines" if goal == "plot lines" else "class text"
    families = {"random directions of the model": "random directions", "more than invented words": "invented words"}
    for name, family in families.items():
        null = found["families"][f"{family}, {version}"].values
        verdicts[name] = significant(float(p_value(np.asarray(float(score["r"])), null)), of=f"against {family}")
    if goal == "rated valence":
        verdicts["random directions of the model"] = not_testable(
            "no model takes part", rule="against random directions"
        )
    return {name: verdicts[name] for name in BRAIN_CONTROLS}


def _of_control(held: xr.Dataset, control: str) -> Verdict:
    """By its p, with r and the mean of its null beside it."""
    r, null_mean, p = (float(held[key]) for key in ("r", "null_mean", "p"))
    if not np.isfinite(p):
        return not_testable("the value is constant there", rule=f"p at most {LEVEL}, {control}")
    shown = typeset(f"p = {p:.2g} (r = {r:.2f}, null {null_mean:.2f})")
    return replace(significant(p, of=control), value=shown)


def _of_cohorts(brains: BrainHalf, goal: str, hold_out: str) -> Verdict:
    rule = f"p at most {LEVEL}, in every cohort"
    if hold_out not in brains.cohorts:
        return not_testable("a cohort has fewer than three subjects", rule=rule)
    cohorts = brains.cohorts[hold_out].sel(goal=goal)
    if cohorts.sizes["cohort"] < 2:
        return not_testable("one cohort", rule=rule)
    return significant(float(cohorts["p"].max()), of="larger p of the cohorts")
