"""What the study stands for: at most five claims, each with every control's verdict by a rule written here."""

import numpy as np

from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, not_testable, significant, stays_below
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.valence_axis.brain import BrainHalf
from consona.studies.valence_axis.figures import typeset
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
    "invented words",
    "removal against equal variance",
    "other corpora",
)
BRAIN_CONTROLS = (
    "new emotion",
    "beyond a three-level code",
    "beyond rated valence",
    "within positive clips",
    "within negative clips",
    "each cohort alone",
    "random directions of the model",
    "invented words stay silent",
    "more than invented words",
    "Holm over the claims",
)
CONTROLS = (*TEXT_CONTROLS, *BRAIN_CONTROLS)


def all_claims(texts: TextHalf, brains: BrainHalf) -> list[Claim]:
    """Sentiment from stories; then brains: rated valence, the axis by class and by plot, and new people."""
    tested = (("rated valence", "clip"), ("class text", "clip"), ("plot lines", "clip"), ("class text", "subject"))
    p = [float(brains.scores[h]["p"].sel(goal=g, null="class block")) for g, h in tested]
    corrected = holm(np.array([_text_p(texts), *p]))
    claims = [_text_claim(texts)]
    for (goal, hold_out), p_corrected in zip(tested, corrected[1:], strict=True):
        claims.append(_brain_claim(texts, brains, goal, hold_out, float(p_corrected)))
    texts.fitted.run.evidence("CON007", where="claims", n_tests=len(claims), correction="holm")
    return claims


def _text_p(texts: TextHalf) -> float:
    return float(p_value(np.asarray(texts.scores[texts.fitted.primary].data[0]), texts.chance["random directions"]))


def _text_claim(texts: TextHalf) -> Claim:
    f = texts.fitted
    score = texts.scores[f.primary]
    value, low, high = float(score.data[0]), float(score.attrs["low"]), float(score.attrs["high"])
    p, n = _text_p(texts), len(texts.chance["random directions"])
    outcome = "orders" if p <= LEVEL else "does not order"
    return Claim(
        id="text-transfer",
        statement=f"The axis of nine story classes {outcome} sentences of {f.primary} by sentiment better than random "
        "directions, without any label.",
        effect=value,
        unit="area under the ROC curve",
        interval=Interval(low, high, "bootstrap over texts, 2,000 draws"),
        p=p,
        null=Null("random directions", "direction drawn evenly from the sphere", n),
        n=int(score.attrs["n"]),
        n_of="texts",
        ceiling=float(texts.references["effect"].sel(label="logistic regression, same features")),
        controls=_text_verdicts(texts, value),
        synthetic=f.primary.endswith("twin"),
    )


def _text_verdicts(texts: TextHalf, value: float) -> dict[str, Verdict]:
    upper = {name: float(np.quantile(values, 0.975)) for name, values in texts.chance.items()}
    verdicts = {
        "random directions": exceeds(value, upper["random directions"], of="97.5 % of random directions"),
        "invented words": stays_below(
            float(np.mean(texts.chance["invented words"])), upper["random directions"], of="97.5 % of random directions"
        ),
        "removal against equal variance": significant(
            float(texts.removal["p"]), of="loss against directions of equal variance"
        ),
    }
    if "shuffled labels" in upper:
        verdicts["shuffled labels"] = exceeds(value, upper["shuffled labels"], of="97.5 % of shuffled axes")
    else:
        verdicts["shuffled labels"] = not_testable("one text per class", rule="above 97.5 % of shuffled axes")
    others = [s for name, s in texts.scores.items() if name in texts.fitted.labelled and name != texts.fitted.primary]
    if others:
        lowest = min(float(score.attrs["low"]) for score in others)
        verdicts["other corpora"] = exceeds(lowest, 0.5, of="chance in every other corpus (lower end of its interval)")
    else:
        verdicts["other corpora"] = not_testable("one labelled corpus", rule="above chance in every other corpus")
    return verdicts


def _brain_claim(texts: TextHalf, brains: BrainHalf, goal: str, hold_out: str, p_corrected: float) -> Claim:
    f = texts.fitted
    score = brains.scores[hold_out].sel(goal=goal)
    block = score.sel(null="class block")
    r, null_mean, p = (float(block[key]) for key in ("r", "null_mean", "p"))
    new = "clips that no fit has seen" if hold_out == "clip" else "people that no fit has seen, watching the same clips"
    outcome = "exceeds" if p <= LEVEL else "does not exceed"
    reliability = float(brains.reliability["reliability"].sel(goal=goal))
    what = WHAT[goal]
    return Claim(
        id=f"eeg-{goal.replace(' ', '-')}-new-{hold_out}",
        statement=f"In {new}, the EEG read-out of {what} {outcome} what other orders of the nine "
        "classes reach when they are fitted in the same way.",
        effect=r - null_mean,
        unit=typeset(f"r over 28 clips above the mean of its null (r = {r:.2f}, null {null_mean:.2f})"),
        interval=Interval(float(score["low"]), float(score["high"]), OVER_SUBJECTS),
        p=p,
        null=Null("class block, refitted", "the nine class means change places; all orders", 362_880, exact=True),
        n=9 if goal == "class text" else score.sizes["stimulus"],
        n_of=f"classes ({score.sizes['stimulus']} clips, {score.sizes['subject']} subjects)"
        if goal == "class text"
        else f"clips in 9 classes ({score.sizes['subject']} subjects)",
        ceiling=float(np.sqrt(reliability))
        if reliability > 0
        else "the read-out does not repeat over halves of subjects",
        controls=_brain_verdicts(brains, goal, r, p_corrected),
        synthetic=f.material.eeg.synthetic,
    )


def _brain_verdicts(brains: BrainHalf, goal: str, r: float, p_corrected: float) -> dict[str, Verdict]:
    held = brains.controlled.sel(goal=goal)
    p = {str(name): float(held["p"].sel(control=name)) for name in held["control"].values}
    emotion = float(brains.scores["emotion"]["p"].sel(goal=goal, null="class block"))
    silent = float(brains.scores["clip"]["p"].sel(goal="invented words", null="class block"))
    words = float(brains.scores["clip"]["r"].sel(goal="invented words"))
    upper = float(np.quantile(brains.random, 1 - LEVEL))
    clip_r = float(brains.scores["clip"]["r"].sel(goal=goal))
    worst = float(brains.cohorts["p"].sel(goal=goal).max())
    few = brains.cohorts.sizes["cohort"] < 2
    within = "orders within one level, clip held out"
    return {
        "new emotion": significant(emotion, of="whole emotion held out"),
        "beyond a three-level code": _or_reason(p["given three-level code"], f"partial r, {within}"),
        "beyond rated valence": _or_reason(p["given rated valence"], "partial r, all orders, clip held out"),
        "within positive clips": _or_reason(p["within positive"], within),
        "within negative clips": _or_reason(p["within negative"], within),
        "each cohort alone": not_testable("one cohort", rule=f"p at most {LEVEL}, every cohort")
        if few
        else significant(worst, of="larger p of the cohorts, clip held out"),
        "random directions of the model": not_testable("no model takes part", rule="above 95 % of random directions")
        if goal == "rated valence"
        else exceeds(clip_r, upper, of="95 % of random directions, clip held out"),
        "invented words stay silent": exceeds(
            silent, LEVEL, of=f"p = {LEVEL} (content-free class values, clip held out)"
        ),
        "more than invented words": exceeds(clip_r, words, of="r of class values from invented words, clip held out"),
        "Holm over the claims": significant(p_corrected, of="corrected for all claims"),
    }


def _or_reason(p: float, of: str) -> Verdict:
    if np.isfinite(p):
        return significant(p, of=of)
    return not_testable("the value is constant there", rule=f"p at most {LEVEL}, {of}")
