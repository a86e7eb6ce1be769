"""Claims about steering: what the own brain adds, and whether it carries over to new problems."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.concepts.guidance_effects import NO_GUIDANCE
from consona.core.claim import Claim, Interval, Null, Verdict, exceeds, not_testable
from consona.studies.guided_reasoning.names import (
    GAUSSIAN,
    GUIDANCE_CONTROLS,
    LABEL,
    OTHER,
    OWN,
    PERMUTED,
    RANDOM,
    TIME,
    TRANSFER_CONTROLS,
)
from consona.studies.guided_reasoning.verdicts import above_zero

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
        ceiling=1.0 - float(steered.flips["accuracy_before"].mean()),
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
    }
    verdicts = {name: _difference(steered, control) for name, control in named.items()}
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
    """Mean directions of the own brain on generated problems of held-out forms, at a strength chosen elsewhere."""
    steered = parts.steered
    assert steered is not None
    strength = float(steered.chosen.sel(condition=OWN))
    new = steered.new.sel(strength=strength)
    found = bool(np.abs(steered.directions.sel(condition=OWN).values).max() > 0)
    effect = 100 * float(new["net"].sel(condition=OWN) - new["random_net"])
    low, high = (100 * float(new["net"].sel(condition=OWN) - new[end]) for end in ("high", "low"))
    n_random = int(steered.new.attrs.get("n_random", 0))
    controls = _transfer_verdicts(steered) if found else _untested("the model made no error that guidance could mend")
    return Claim(
        id="transfer",
        statement="",
        effect=effect if found else float("nan"),
        unit="percentage points of accuracy on generated problems of held-out forms, own brain's mean direction less "
        f"random ones of equal length, strength {strength:g} chosen on validation problems",
        interval=Interval(low, high, "band of random directions") if found else None,
        p=float(new["p"].sel(condition=OWN)) if found else None,
        null=Null("random directions", "of equal length in every kind and layer", n_random) if found else None,
        n=int(steered.new.attrs.get("n_problems", 0)),
        n_of="generated problems",
        ceiling=NO_CEILING if found else "the model made no error that guidance could mend",
        controls=controls,
        synthetic=parts.material.synthetic,
    )


def _untested(reason: str) -> dict[str, Verdict]:
    return {name: not_testable(reason, rule="net gain above that of controls") for name in TRANSFER_CONTROLS}


def _transfer_verdicts(steered: "Steered") -> dict[str, Verdict]:
    strength = float(steered.chosen.sel(condition=OWN))
    generated = {name: each for name, each in steered.doses.items() if not name.startswith("published")}
    longer = [each for name, each in generated.items() if name.endswith(LONGER) and "relational" not in name]
    strange = [each for name, each in generated.items() if name.startswith(("propositional", "relational"))]
    own = float(steered.new["net"].sel(condition=OWN, strength=strength))
    permuted = float(steered.new["net"].sel(condition=PERMUTED, strength=float(steered.chosen.sel(condition=PERMUTED))))
    costs = steered.validation.sel(strength=strength)
    price, usual = float(costs["cost"].sel(condition=OWN)), float(costs["random_cost"])
    verdicts = {
        "beyond random directions of equal length": _above_band([steered.new], strength),
        "beyond directions from permuted similarity": exceeds(
            own, permuted, of="net gain of permuted brains, each at its own strength"
        ),
        "more premises": _above_band(longer, strength),
        "the other kind of problem": _above_band([steered.swapped], strength),
        "propositional and relational problems": _above_band(strange, strength),
        "language stays as it was": exceeds(
            usual + 1e-9, price, of="surprisal of other texts under the same shift, random directions at least as much"
        ),
    }
    return {name: verdicts[name] for name in TRANSFER_CONTROLS}


def _above_band(doses: list[xr.Dataset], strength: float) -> Verdict:
    """Held where the net gain lies above 97.5 % of random directions, mean over the sets."""
    chosen = [each.sel(strength=strength) for each in doses]
    net = float(np.mean([float(each["net"].sel(condition=OWN)) for each in chosen]))
    high = float(np.mean([float(each["high"]) for each in chosen]))
    return exceeds(100 * net, 100 * high, of="97.5 % of random directions, net gain in points")
