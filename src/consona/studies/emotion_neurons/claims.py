"""What the study stands for: four sentences, each with the verdict of every control."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Interval, Null, Verdict, not_testable, significant
from consona.core.score import Score
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.emotion_neurons.claims_masks import link_claim, necessity_claim
from consona.studies.emotion_neurons.names import DISTINCTNESS_CONTROLS, HOLM, LEVEL, REPRESENTATION_CONTROLS
from consona.studies.emotion_neurons.people import MODEL
from consona.studies.emotion_neurons.selection import TWIN, WORDS

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons

N_CLAIMS = 4
RANDOM = "random neurons of the same layers and activation"
OVER_ATTRIBUTES = "bootstrap over attributes, which depend on each other: how they differ, not a test"
NO_CEILING = "people's attributes are taken as they were published, without their raters"


def all_claims(study: "EmotionNeurons", run: "Run", parts: "Parts") -> list[Claim]:
    """Representation, distinctness, necessity, the link with people; words follow the p corrected for all four."""
    drafts = [
        (_representation_claim(parts), "More neurons than by chance follow people's attributes of emotions"),
        (_distinctness_claim(parts), "Neurons of one attribute are others than those of another"),
        (necessity_claim(study, parts), f"Silencing an attribute's neurons costs more than silencing {RANDOM}"),
        (link_claim(study, parts), "What silence costs goes with what an attribute weighs for people"),
    ]
    corrected = holm(np.array([np.nan if draft.p is None else draft.p for draft, _ in drafts]))
    return [_finished(draft, words, float(p)) for (draft, words), p in zip(drafts, corrected, strict=True)]


def _finished(draft: Claim, words: str, corrected: float) -> Claim:
    """Too few draws to say anything are said to be that."""
    holm_of = "corrected for the claims of this study"
    verdict, n = significant(corrected, of=holm_of), draft.null.n if draft.null else 0
    lower = f"{words[0].lower()}{words[1:]}"
    if corrected <= LEVEL:
        sentence = words
    elif N_CLAIMS / (n + 1) > LEVEL:
        sentence = f"With {n} draws it cannot be tested here whether {lower}"
        verdict = not_testable(
            f"{n} draws give no corrected p below {min(1.0, N_CLAIMS / (n + 1)):.2g}", rule=verdict.rule
        )
    else:
        sentence = f"It was not shown that {lower}"
    return replace(draft, statement=f"{sentence}.", controls={**draft.controls, HOLM: verdict})


def _representation_claim(parts: "Parts") -> Claim:
    rsa = parts.selected.rsa
    share, null = float(rsa["share"].mean()), rsa["share_null"].mean("attribute").values
    low, high = bootstrap_interval(rsa["share"].values, seed=0)
    naive = float((rsa["p_naive"] <= LEVEL).mean())
    p = max(float(p_value(share, null)), *(_above_p(parts, other) for other in (TWIN, WORDS)))
    return Claim(
        id="representation",
        statement="",
        effect=share,
        unit=f"share of neurons whose RDM goes with an attribute's, p at most {LEVEL} by emotions permuted, mean of "
        f"{rsa.sizes['attribute']} attributes (by chance {null.mean():.3f}; as if pairs were independent {naive:.3f})",
        interval=Interval(float(low), float(high), OVER_ATTRIBUTES),
        p=p,
        null=Null(
            "emotions permuted",
            "the emotions of all attributes change places together; the largest p of chance, untrained twin and words",
            len(null),
        ),
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
        "above a bag of words": _above(parts, WORDS),
        "the same neurons from comments and from names": _again(chosen.agreed),
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


def _above_p(parts: "Parts", other: str) -> float:
    """Paired over permutations: both see the same orders, so their difference has a null of its own."""
    a, b = parts.selected.rsa, parts.selected.others[other]
    null = (a["share_null"] - b["share_null"]).mean("attribute").values
    return float(p_value(float(a["share"].mean() - b["share"].mean()), null))


def _above(parts: "Parts", other: str) -> Verdict:
    a, b = (float(each["share"].mean()) for each in (parts.selected.rsa, parts.selected.others[other]))
    verdict = significant(_above_p(parts, other), of=f"more neurons than in the {other}, emotions permuted")
    return replace(verdict, value=f"{verdict.value} ({a:.3f} against {b:.3f})")


def _again(agreed: xr.Dataset) -> Verdict:
    """Do neurons that follow an attribute in comments follow it when concepts are only named?"""
    n, rule = agreed.sizes["permutation"], "r over neurons of tau from comments and from names, emotions permuted"
    shown = f"mean r = {float(agreed['r'].mean()):.2f}, shuffled {float(agreed['null'].mean()):.2f}"
    if 1 / (n + 1) > LEVEL:
        return not_testable(f"{n} orders give no p below {1 / (n + 1):.2g}; {shown}", rule=rule)
    verdict = significant(float(agreed.attrs["p"]), of=rule)
    return replace(verdict, value=f"{verdict.value} ({shown})")


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
        interval=Interval(float(low - null.mean()), float(high - null.mean()), OVER_ATTRIBUTES),
        p=float(found["p"]),
        null=Null("emotions permuted", "the emotions of all attributes change places together", len(null)),
        n=len(each),
        n_of=f"attributes ({parts.selected.n} neurons each)",
        ceiling="1 would be the same neurons in both halves and none shared",
        controls=_distinctness_verdicts(parts),
        synthetic=parts.material.synthetic,
    )


def _distinctness_verdicts(parts: "Parts") -> dict[str, Verdict]:
    found = parts.selected.distinct
    repeat = significant(float(found["p_names"]), of="the attributes of the second half change their names")
    names, rows = parts.material.names, parts.selected.jaccard.values
    i, j = np.triu_indices(len(names), 1)
    most = int(np.argmax(rows[i, j]))
    alone = _share_alone(parts.selected.masks)
    null = np.array([_share_alone(parts.silenced.shuffled.sel(mask=each)) for each in parts.silenced.shuffled["mask"]])
    rule = "share of chosen neurons in exactly one set, attributes shuffled"
    both = f"{names[i[most]]} and {names[j[most]]}, {rows[i[most], j[most]]:.2f}"
    shown = f"{alone:.3f}, shuffled {null.mean():.3f}; largest overlap: {both}"
    single = significant(float(p_value(alone, null)), of=rule)
    if 1 / (len(null) + 1) > LEVEL:
        single = not_testable(f"{len(null)} draws are too few", rule=single.rule)
    verdicts = {
        "an attribute's sets repeat at all": repeat,
        "more neurons in one set alone than for shuffled attributes": replace(
            single, value=f"{single.value} ({shown})"
        ),
    }
    return {name: verdicts[name] for name in DISTINCTNESS_CONTROLS}


def _share_alone(masks: xr.DataArray) -> float:
    sets = masks.transpose("attribute", ...).values.reshape(masks.sizes["attribute"], -1).sum(axis=0)
    return float((sets == 1).sum() / max((sets > 0).sum(), 1))
