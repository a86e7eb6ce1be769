"""The two claims about silence: what it costs beyond random masks, and whether it costs in proportion to people."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.stats.mask_effects import MaskTest, mask_test
from consona.stats.mask_specificity import extremity, specificity
from consona.stats.permutation import p_value
from consona.studies.emotion_neurons.names import (
    DISJOINT,
    LEVEL,
    LINK_CONTROLS,
    NECESSITY_CONTROLS,
    ORDINARY,
    PROBE,
    PROTOTYPE,
    RESAMPLED,
    SHUFFLED,
    ZERO,
)
from consona.studies.emotion_neurons.published import FEATURED
from consona.studies.emotion_neurons.verdicts import by_masks, effect_of, emotion_losses, losses

if TYPE_CHECKING:
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons


def necessity_claim(study: "EmotionNeurons", parts: "Parts") -> Claim:
    """Loss under selected masks beyond that under random ones, all attributes together; the mask is the unit."""
    condition = parts.silenced.declared
    found = effect_of(condition, study.readout)
    places = np.flatnonzero(condition.accuracy["tested"].values)
    intact = float(condition.intact["accuracy"].sel(readout=study.readout).isel(emotion=places).mean())
    _, random = losses(condition, study.readout)
    return Claim(
        id="necessity",
        statement="",
        effect=100 * found.pooled,
        unit=f"points of accuracy that {condition.n} selected neurons cost beyond random ones of the same layers and "
        f"activation, mean of {_defined(found)} attributes and {len(places)} tested emotions (intact {intact:.3f}; "
        f"random masks cost {100 * random.mean():.1f} points)",
        interval=Interval(
            100 * found.pooled_low, 100 * found.pooled_high, "bootstrap over emotions, masks as they are"
        ),
        p=found.pooled_p,
        null=Null(
            "random masks",
            "neurons change places within layer and activation, for all attributes together",
            len(found.pooled_null),
        ),
        n=len(found.pooled_null),
        n_of="joint draws of random masks",
        ceiling=f"intact {intact:.3f}, chance 0.5",
        controls=_necessity_verdicts(study, parts, found),
        synthetic=parts.material.synthetic,
    )


def _necessity_verdicts(study: "EmotionNeurons", parts: "Parts", found: MaskTest) -> dict[str, Verdict]:
    silenced, how = parts.silenced, study.readout
    declared = silenced.declared
    other = PROTOTYPE if how == PROBE else PROBE
    families = silenced.families
    verdicts = {
        "some attribute by itself (largest of all)": _largest(parts, found),
        "by the other read-out": by_masks(effect_of(declared, other), f"by the {other}"),
        "by the area under the curve": by_masks(effect_of(declared, how, "auc"), "whatever the threshold"),
        "zero in place of the mean": by_masks(effect_of(silenced.kinds[ZERO], how), "neurons at zero"),
        "resampled in place of the mean": by_masks(effect_of(silenced.kinds[RESAMPLED], how), "values of other tokens"),
        "grows with the number of neurons": _dose(study, parts, found),
        "without any selected neuron in the random masks": by_masks(
            effect_of(families[DISJOINT], how), "disjoint masks"
        ),
        "above neurons of a shuffled attribute": by_masks(effect_of(families[SHUFFLED], how), "attributes shuffled"),
        "more than other capabilities": _beyond_capabilities(parts, how),
        "hurts the emotions that the attribute marks": _specific(study, parts),
        "without outlier units": by_masks(effect_of(families[ORDINARY], how), "outlier units left alone"),
    }
    return {name: verdicts[name] for name in NECESSITY_CONTROLS}


def _defined(found: MaskTest) -> str:
    """How many attributes took part; a mask that leaves the model without outputs is left out, and said."""
    n, known = len(found.effect), int(np.isfinite(found.effect).sum())
    return str(n) if n == known else f"{known} of {n} (the others left the model without outputs)"


def _largest(parts: "Parts", found: MaskTest) -> Verdict:
    p = found.p_max
    rule = "largest of all attributes in every draw of random masks"
    if not np.isfinite(p).any():
        return not_testable("no mask left the model with outputs", rule=rule)
    passed = [name for name, each in zip(parts.material.names, p, strict=True) if each <= LEVEL]
    verdict = significant(float(np.nanmin(p)), of=rule)
    return replace(verdict, value=f"{verdict.value}; {len(passed)} of {len(p)}: {', '.join(passed) or 'none'}")


def _dose(study: "EmotionNeurons", parts: "Parts", found: MaskTest) -> Verdict:
    """Descriptive: the excess at every size, in order."""
    excess = {share: 100 * effect_of(each, study.readout).pooled for share, each in parts.silenced.doses.items()}
    excess[study.share] = 100 * found.pooled
    sizes = sorted(excess)
    values = [excess[size] for size in sizes]
    rule = "excess above zero, and larger at every larger number of neurons"
    shown = ", ".join(f"{100 * size:.1f} %: {excess[size]:+.1f}" for size in sizes)
    if len(sizes) < 3:
        return not_testable(f"two sizes make no curve; {shown}", rule=rule)
    verdict = exceeds(min(values[0], float(np.min(np.diff(values)))), 0.0, of="the next smaller size")
    return replace(verdict, rule=rule, value=shown)


def _beyond_capabilities(parts: "Parts", how: str) -> Verdict:
    """Is the loss at emotions larger than at anything else, each in SD of its random masks? Draws take part as ever."""
    drop = parts.silenced.capabilities.drop
    n = drop.sizes["mask"]
    selected, random = emotion_losses(parts.silenced.declared, how)
    ours = mask_test(selected, random[:, : n - 1], seed=0)
    others = {
        str(name): mask_test(
            drop.sel(capability=name).values[:, :1], drop.sel(capability=name).values[:, 1:, None], seed=0
        )
        for name in drop["capability"].values
    }
    most = max(each.pooled_z for each in others.values())
    null = ours.pooled_z_null - np.max([each.pooled_z_null for each in others.values()], axis=0)
    rule = "loss at emotions beyond the largest loss at anything else, in SD of random masks, which take its place"
    shown = ", ".join([f"{name} {each.pooled_z:+.2f}" for name, each in {"emotions": ours, **others}.items()])
    if 1 / n > LEVEL:
        return not_testable(f"{n - 1} random masks give no p below {1 / n:.2g}; {shown}", rule=rule)
    verdict = significant(float(p_value(ours.pooled_z - most, null)) if ours.pooled_z > 0 else 1.0, of=rule)
    return replace(verdict, value=f"{verdict.value} ({shown})")


def _specific(study: "EmotionNeurons", parts: "Parts") -> Verdict:
    condition = parts.silenced.declared
    tested = np.flatnonzero(condition.accuracy["tested"].values)
    scores = parts.material.attributes.sel(emotion=condition.accuracy["emotion"].values).transpose(
        "attribute", "emotion"
    )
    loading = extremity(scores.values)[:, tested]
    found = specificity(*emotion_losses(condition, study.readout), loading)
    n = condition.accuracy.sizes["mask"] - 1
    rule = "rank correlation over emotions with extremity, and above that with other attributes', against random masks"
    if 1 / (n + 1) > LEVEL:
        return not_testable(
            f"{n} random masks give no p below {1 / (n + 1):.2g}; mean rho {found.mean:+.2f}", rule=rule
        )
    p = max(found.p_mean, found.p_other)
    verdict = significant(p, of=rule)
    return replace(
        verdict, value=f"{verdict.value} (mean rho {found.mean:+.2f}; with other attributes {found.other:+.2f})"
    )


def link_claim(study: "EmotionNeurons", parts: "Parts") -> Claim:
    """Correlation over attributes of what silence costs and of the weight for people."""
    link = parts.people.link
    facts = link.attrs
    low, high = facts["low"], facts["high"]
    return Claim(
        id="human-link",
        statement="",
        effect=float(facts["r"]),
        unit="Pearson r over attributes of the loss beyond random masks and tau with people's similarities",
        interval=Interval(float(low), float(high), "Fisher's z, as if attributes were independent"),
        p=float(max(facts["p_above"], facts["p_masks"])),
        null=_link_null(facts),
        n=link.sizes["attribute"],
        n_of=f"attributes ({int(parts.people.importance.attrs['n_raters'])} raters)",
        ceiling="not known: both sides are measured with error",
        controls=_link_verdicts(parts),
        synthetic=parts.material.synthetic,
    )


def _link_null(facts: dict[str, float]) -> Null:
    """The wider of the two: attributes exchanged, or random masks in place of the selected."""
    if facts["p_masks"] >= facts["p_above"]:
        return Null(
            "random masks",
            "random masks of every attribute, drawn together, in the place of the selected ones",
            int(facts["n_random"]),
        )
    return Null("attributes exchanged", "importances change places among attributes", 10_000)


def _link_verdicts(parts: "Parts") -> dict[str, Verdict]:
    link = parts.people.link
    facts = link.attrs
    rule = f"|r| below {facts['margin']:.1f} cannot be claimed (two one-sided tests, p above {LEVEL})"
    equal = exceeds(facts["p_equal"], LEVEL, of="")
    verdicts = {
        "given the layers": _by_random(facts, "layers", f"{int(facts['n_covariates'])} shares of layers taken out"),
        "given how well the neurons are tuned": _by_random(
            facts, "tuning", "mean tau of the selected neurons taken out"
        ),
        "every attribute left out once": _without_one(link),
        "by ranks": _by_random(facts, "ranks", "Spearman's rho"),
        "not equivalent to none": replace(
            equal, rule=rule, value=f"p = {facts['p_equal']:.2g}; least margin {facts['least_margin']:.2f}"
        ),
        "published tables": _published(parts),
    }
    return {name: verdicts[name] for name in LINK_CONTROLS}


def _without_one(link: xr.Dataset) -> Verdict:
    left, words = link["leave_one_out"].values, "r = 0, without any one attribute"
    if not np.isfinite(left).any():
        return not_testable("undefined (NaN)", rule=f"above {words}")
    weakest = int(np.nanargmin(left))
    shown = f"smallest r = {left[weakest]:+.2f}, without {link['attribute'].values[weakest]}"
    return replace(exceeds(float(left[weakest]), 0.0, of=words), value=shown)


def _by_random(facts: dict[str, float], name: str, words: str) -> Verdict:
    n = int(facts["n_random"])
    rule = f"{words}, random masks in the place of the selected"
    shown = f"r = {facts[f'r_{name}']:+.2f}"
    if 1 / (n + 1) > LEVEL:
        return not_testable(f"{n} draws give no p below {1 / (n + 1):.2g}; {shown}", rule=rule)
    verdict = significant(facts[f"p_{name}"], of=rule)
    return replace(verdict, value=f"{verdict.value} ({shown})")


def _published(parts: "Parts") -> Verdict:
    rule = f"r above zero and p at most {LEVEL}, attributes exchanged, corrected for all sizes that were looked at"
    if parts.published is None:
        return not_testable("the published tables were not analysed", rule=rule)
    row = parts.published.attributes.isel(against=1).sel(n=FEATURED)
    old = parts.published.emotions
    p = float(row["p_any"]) if float(row["r"]) > 0 else 1.0
    shown = f"r = {float(row['r']):+.2f}, p = {float(row['p_any']):.2g}; as published: t = {float(old['t']):.1f}"
    return replace(significant(p, of=""), rule=rule, value=shown)
