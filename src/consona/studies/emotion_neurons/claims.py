"""What the study stands for: four sentences, each with the verdict of every control."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, significant
from consona.core.score import Score
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.emotion_neurons.claims_masks import link_claim, necessity_claim
from consona.studies.emotion_neurons.names import DISTINCTNESS_CONTROLS, HOLM, LEVEL, REPRESENTATION_CONTROLS
from consona.studies.emotion_neurons.people import MODEL, WORDS
from consona.studies.emotion_neurons.selection import PROMPTS, TWIN
from consona.studies.emotion_neurons.selection import WORDS as COUNTED

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons

NO_CEILING = "people's attributes are taken as they were published, without their raters"


def all_claims(study: "EmotionNeurons", run: "Run", parts: "Parts") -> list[Claim]:
    """Representation, distinctness, necessity, the link with people; words follow the p corrected for all four."""
    drafts = [
        (_representation_claim(parts), "More neurons than by chance follow people's attributes of emotions"),
        (_distinctness_claim(parts), "Neurons of one attribute are others than those of another"),
        (necessity_claim(study, parts), "Silencing an attribute's neurons costs more than silencing others like them"),
        (link_claim(study, parts), "What silence costs goes with what an attribute weighs for people"),
    ]
    corrected = holm(np.array([np.nan if draft.p is None else draft.p for draft, _ in drafts]))
    return [_finished(draft, words, float(p)) for (draft, words), p in zip(drafts, corrected, strict=True)]


def _finished(draft: Claim, words: str, corrected: float) -> Claim:
    controls = {**draft.controls, HOLM: significant(corrected, of="corrected for the claims of this study")}
    sentence = words if corrected <= LEVEL else f"It was not shown that {words[0].lower()}{words[1:]}"
    return replace(draft, statement=f"{sentence}.", controls=controls)


def _representation_claim(parts: "Parts") -> Claim:
    rsa = parts.selected.rsa
    share, null = float(rsa["share"].mean()), rsa["share_null"].mean("attribute").values
    low, high = bootstrap_interval(rsa["share"].values, seed=0)
    naive = float((rsa["p_naive"] <= LEVEL).mean())
    return Claim(
        id="representation",
        statement="",
        effect=share,
        unit=f"share of neurons whose RDM goes with an attribute's, p at most {LEVEL} by emotions permuted, mean of "
        f"{rsa.sizes['attribute']} attributes (by chance {null.mean():.3f}; as if pairs were independent {naive:.3f})",
        interval=Interval(float(low), float(high), "bootstrap over attributes"),
        p=float(p_value(share, null)),
        null=Null("emotions permuted", "the emotions of all attributes change places together", len(null)),
        n=27,
        n_of=f"emotions ({parts.read.n_neurons} neurons)",
        ceiling=NO_CEILING,
        controls=_representation_verdicts(parts),
        synthetic=parts.material.synthetic,
    )


def _representation_verdicts(parts: "Parts") -> dict[str, Verdict]:
    chosen, geometry = parts.selected, parts.people.geometry
    verdicts = {
        "every attribute by itself": _each(parts),
        "above an untrained twin of the model": _above(parts, TWIN),
        "above a bag of words": _above(parts, COUNTED),
        "the same neurons from concept words": _again(chosen.rsa["tau"].values, chosen.others[PROMPTS]["tau"].values),
        "people's geometry in the model": _geometry(parts),
        "geometry above a bag of words": _geometry_above(geometry),
    }
    return {name: verdicts[name] for name in REPRESENTATION_CONTROLS}


def _each(parts: "Parts") -> Verdict:
    """All attributes must pass, corrected by Holm."""
    p = holm(parts.selected.rsa["p_share"].values)
    passed = [name for name, each in zip(parts.material.names, p, strict=True) if each <= LEVEL]
    verdict = significant(float(np.max(p)), of="share of neurons, for every attribute (Holm)")
    names = ", ".join(passed) or "none"
    return replace(verdict, value=f"{len(passed)} of {len(p)}: {names}")


def _above(parts: "Parts", other: str) -> Verdict:
    """Paired over permutations: both see the same orders, so their difference has a null of its own."""
    a, b = parts.selected.rsa, parts.selected.others[other]
    difference = float(a["share"].mean() - b["share"].mean())
    null = (a["share_null"] - b["share_null"]).mean("attribute").values
    verdict = significant(float(p_value(difference, null)), of=f"more neurons than in the {other}, emotions permuted")
    shown = f"{verdict.value} ({float(a['share'].mean()):.3f} against {float(b['share'].mean()):.3f})"
    return replace(verdict, value=shown)


def _again(tau: np.ndarray, other: np.ndarray) -> Verdict:
    """Do neurons that follow an attribute in comments follow it when concepts are only named?"""
    r = []
    for first, second in zip(tau.reshape(len(tau), -1), other.reshape(len(other), -1), strict=True):
        known = np.isfinite(first) & np.isfinite(second)
        r.append(float(np.corrcoef(first[known], second[known])[0, 1]))
    low, _ = bootstrap_interval(np.array(r), seed=0)
    verdict = exceeds(float(low), 0.1, of="r = .1 over neurons between tau from comments and from names (lower end)")
    return replace(verdict, value=f"mean r = {np.mean(r):.2f}, lower end {float(low):.2f}")


def _geometry(parts: "Parts") -> Verdict:
    score = parts.people.geometry
    at = list(score.data["attribute"].values).index(MODEL)
    p, effect = float(score.attrs["p"][at]), float(score.attrs["effect"][at])
    verdict = significant(p, of="rho-a of the model's RDM with the raters', emotions permuted")
    ceiling = float(np.mean(score.attrs["ceiling_lower"]))
    shown = f"{verdict.value} (rho-a {effect:.2f} [{score.attrs['low'][at]:.2f}, {score.attrs['high'][at]:.2f}]"
    return replace(verdict, value=f"{shown}, ceiling {ceiling:.2f})")


def _geometry_above(score: Score) -> Verdict:
    names = list(score.data["attribute"].values)
    model, words = (float(score.attrs["effect"][names.index(name)]) for name in (MODEL, WORDS))
    assert score.null is not None  # made with permutations
    null = score.null.mean("subject")
    difference = (null.sel(attribute=MODEL) - null.sel(attribute=WORDS)).values
    verdict = significant(float(p_value(model - words, difference)), of="rho-a above that of word counts")
    return replace(verdict, value=f"{verdict.value} ({model:.2f} against {words:.2f})")


def _distinctness_claim(parts: "Parts") -> Claim:
    found = parts.selected.distinct
    each = found["within"].values - found["between"].values
    null = found["null"].values
    low, high = bootstrap_interval(each, seed=0)
    return Claim(
        id="distinctness",
        statement="",
        effect=float(found["difference"]) - float(null.mean()),
        unit="overlap (Jaccard) of an attribute's neurons found in two halves of the comments, minus that with other "
        f"attributes' neurons, above the same for shuffled attributes (within {float(found['within'].mean()):.3f}, "
        f"between {float(found['between'].mean()):.3f}, shuffled {null.mean():.3f})",
        interval=Interval(float(low - null.mean()), float(high - null.mean()), "bootstrap over attributes"),
        p=float(found["p"]),
        null=Null("emotions permuted", "the emotions of all attributes change places together", len(null)),
        n=len(each),
        n_of=f"attributes ({parts.selected.n} neurons each)",
        ceiling="1 would be the same neurons in both halves and none shared",
        controls=_distinctness_verdicts(parts, each),
        synthetic=parts.material.synthetic,
    )


def _distinctness_verdicts(parts: "Parts", each: np.ndarray) -> dict[str, Verdict]:
    low, _ = bootstrap_interval(each, seed=0)
    plain = exceeds(float(low), 0.0, of="overlap with other attributes, whatever shuffled ones give (lower end)")
    names, rows = parts.material.names, parts.selected.jaccard.values
    i, j = np.triu_indices(len(names), 1)
    most = int(np.argmax(rows[i, j]))
    sets = parts.selected.masks.values.reshape(len(names), -1)
    union, alone = int(sets.any(axis=0).sum()), int((sets.sum(axis=0) == 1).sum())
    half = exceeds(alone / union, 0.5, of="half of all chosen neurons in exactly one set")
    shown = f"{half.value}; largest overlap {names[i[most]]} and {names[j[most]]}, {rows[i[most], j[most]]:.2f}"
    verdicts = {
        "above other attributes at all": replace(plain, value=f"{np.mean(each):.3f}, lower end {float(low):.3f}"),
        "more neurons in one set alone": replace(half, value=shown),
    }
    return {name: verdicts[name] for name in DISTINCTNESS_CONTROLS}
