"""Claims about steering: what the own brain adds, and whether it carries over to new problems."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.concepts.guidance_effects import NO_GUIDANCE
from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, significant
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.permutation import p_value
from consona.studies.guided_reasoning.names import (
    GAUSSIAN,
    GUIDANCE_CONTROLS,
    LABEL,
    OTHER,
    OWN,
    PERMUTED,
    PRESSED,
    RANDOM,
    TIME,
    TRANSFER_CONTROLS,
    WITHIN,
)
from consona.studies.guided_reasoning.verdicts import above_zero, untested

if TYPE_CHECKING:
    from consona.studies.guided_reasoning.parts import Parts
    from consona.studies.guided_reasoning.steering import Steered

CHOSEN, MATCHED = "after", "matched"
NO_CEILING = "accuracy of 1: no answer of the model would be wrong"
LONGER = ("4 premises", "5 premises", "6 premises")
_MAY_RISE = 0.05


def effect_of(steered: "Steered", control: str, version: str = CHOSEN, measure: str = "net") -> xr.Dataset:
    """The own brain minus one control."""
    return steered.effects.sel(version=version, measure=measure, control=control)


def guidance_claim(parts: "Parts") -> Claim:
    """The own brain minus permuted brains, in answers mended less answers spoilt."""
    steered = parts.steered
    assert steered is not None
    main = effect_of(steered, PERMUTED)
    push = effect_of(steered, PERMUTED, measure="push")
    alone = effect_of(steered, NO_GUIDANCE)
    return Claim(
        id="guidance",
        statement="",
        effect=100 * float(main["effect"]),
        unit="percentage points of accuracy over all problems, right to wrong counted, own brain less the mean of "
        f"permuted ones, settings chosen on other forms (margins {float(push['effect']):+.3f} nats toward the label)",
        interval=Interval(100 * float(main["low"]), 100 * float(main["high"]), f"drawn again: {main['widest'].values}"),
        p=max(float(main["p_draws"]), float(alone["p_subjects"])),
        null=Null(
            "permuted brains",
            "problems exchange their patterns within their kind, alike in all people; settings chosen anew; the larger "
            "of this p and that of a net gain above none (signs of people exchanged)",
            int(main["n_drawn"]),
        ),
        n=steered.nested.sizes["subject"],
        n_of=f"people ({steered.nested.sizes['stimulus']} problems)",
        ceiling=100 * (1.0 - float(steered.flips["accuracy_before"].mean())),
        controls=_guidance_verdicts(steered),
        synthetic=parts.material.synthetic,
    )


def _guidance_verdicts(steered: "Steered") -> dict[str, Verdict]:
    named = {
        "better than the model alone": NO_GUIDANCE,
        "beyond random directions of equal length": RANDOM,
        "beyond the label of the training items": LABEL,
        "beyond the brains of all others": OTHER,
        "beyond response time as brain": TIME,
        "beyond a Gaussian brain": GAUSSIAN,
        "beyond the answer that was pressed": PRESSED,
    }
    verdicts = {name: _difference(steered, control) for name, control in named.items()}
    within = effect_of(steered, WITHIN)
    verdicts["beyond brains permuted within the label"] = replace(
        significant(float(within["p_draws"]), of="brains of problems of the same kind and label exchanged"),
        value=f"p = {float(within['p_draws']):.2g} ({100 * float(within['effect']):+.1f} points)",
    )
    verdicts["in the settings of the own brain"] = _difference(steered, PERMUTED, MATCHED)
    alone, moved = (float(steered.neither[name]) for name in ("alone", "moved"))
    rule = f"no answer at most {_MAY_RISE} more often, under random shifts as long as the chosen ones"
    held = exceeds(alone + _MAY_RISE, moved - 1e-12, of=rule)
    verdicts["answers stay answers"] = Verdict(held.verdict, rule, f"{moved:.3f} against {alone:.3f}")
    return {name: verdicts[name] for name in GUIDANCE_CONTROLS}


def _difference(steered: "Steered", control: str, version: str = CHOSEN) -> Verdict:
    one = effect_of(steered, control, version)
    points = 100 * float(one["effect"]), 100 * float(one["low"])
    return above_zero(*points, f"net gain in points, own brain less {control}", digits=1)


def transfer_claim(parts: "Parts") -> Claim:
    """Mean directions on generated problems of held-out forms; every brain at the strength validation chose for it."""
    steered = parts.steered
    assert steered is not None
    if not np.abs(steered.directions.sel(condition=OWN).values).max() > 0:
        reason = "the model made no error that guidance could mend"
        return untested("transfer", TRANSFER_CONTROLS, reason, parts.material.synthetic)
    others = [name for name in steered.directions["condition"].values.tolist() if name.startswith(PERMUTED)]
    own, null = _at_chosen(steered.new, steered, [OWN]), _at_chosen(steered.new, steered, others)
    by_test = [
        100 * float(_at_chosen(each, steered, [OWN])[0] - _at_chosen(each, steered, others[:1])[0])
        for each in _generated(steered).values()
    ]
    low, high = bootstrap_interval(np.array(by_test), seed=0)
    return Claim(
        id="transfer",
        statement="",
        effect=100 * float(own[0] - null.mean()),
        unit="percentage points of accuracy on generated problems of held-out forms, own brain's mean direction less "
        f"those of permuted brains (own: {100 * float(own[0]):+.1f} points), each at the strength validation chose",
        interval=Interval(float(low), float(high), "bootstrap over test sets, own less the first permuted brain"),
        p=float(p_value(float(own[0]), null)),
        null=Null(
            "permuted brains", "problems exchange their patterns; guided as released, averaged, chosen anew", len(null)
        ),
        n=int(steered.new.attrs.get("n_problems", 0)),
        n_of="generated problems",
        ceiling=NO_CEILING,
        controls=_transfer_verdicts(steered),
        synthetic=parts.material.synthetic,
    )


def _at_chosen(doses: xr.Dataset, steered: "Steered", conditions: list[str]) -> np.ndarray:
    """Net gains of conditions, each at its own strength, ``(n_conditions,)``, rounded: equal counts are equal."""
    chosen = [float(steered.chosen.sel(condition=name)) for name in conditions]
    nets = [float(doses["net"].sel(condition=name, strength=s)) for name, s in zip(conditions, chosen, strict=True)]
    return np.round(nets, 12)


def _generated(steered: "Steered") -> dict[str, xr.Dataset]:
    return {name: each for name, each in steered.doses.items() if not name.startswith("published")}


def _transfer_verdicts(steered: "Steered") -> dict[str, Verdict]:
    strength, generated = float(steered.chosen.sel(condition=OWN)), _generated(steered)
    longer = [each for name, each in generated.items() if name.endswith(LONGER) and "relational" not in name]
    strange = [each for name, each in generated.items() if name.startswith(("propositional", "relational"))]
    costs = steered.price.sel(strength=strength)
    price, usual = float(costs["cost"].sel(condition=OWN)), float(steered.price["cost_before"])
    net = 100 * float(_at_chosen(steered.new, steered, [OWN])[0])
    stays = exceeds(usual + _MAY_RISE, price, of=f"surprisal of other texts without a shift, and {_MAY_RISE} nats")
    verdicts = {
        "beyond random directions of equal length": _above_band([steered.new], strength),
        "more mended than spoilt": exceeds(net, 0.0, of="no gain, in points"),
        "more premises": _above_band(longer, strength),
        "the other kind of problem": _above_band([steered.swapped], strength),
        "propositional and relational problems": _above_band(strange, strength),
        "language stays as it was": replace(stays, value=f"{price:.3f} against {usual:.3f} nats"),
    }
    return {name: verdicts[name] for name in TRANSFER_CONTROLS}


def _above_band(doses: list[xr.Dataset], strength: float) -> Verdict:
    """Held where the net gain lies above 97.5 % of random directions, mean over the sets, and above none."""
    chosen = [each.sel(strength=strength) for each in doses]
    net = float(np.mean([float(each["net"].sel(condition=OWN)) for each in chosen]))
    high = max(0.0, float(np.mean([float(each["high"]) for each in chosen])))
    return exceeds(100 * net, 100 * high, of="97.5 % of random directions and above 0, net gain in points")
