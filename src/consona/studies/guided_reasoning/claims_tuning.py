"""Claims about tuning: what brains add to labels, and whether other brains are predicted better afterwards."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from consona.core.claim import HELD, Claim, Interval, Null, Verdict, exceeds
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.permutation import p_value
from consona.studies.guided_reasoning.names import (
    BRAIN_ARM,
    GAIN_CONTROLS,
    GAUSSIAN_ARM,
    LABEL_ARM,
    LABEL_ONLY,
    MORE_ARM,
    TIME_ARM,
    TUNING_CONTROLS,
)
from consona.studies.guided_reasoning.tuning import TRAINED
from consona.studies.guided_reasoning.tuning_gain import BRAIN, LABEL
from consona.studies.guided_reasoning.verdicts import by_seeds

if TYPE_CHECKING:
    import xarray as xr

    from consona.studies.guided_reasoning.parts import Parts
    from consona.studies.guided_reasoning.tuning import Arms

_MAY_RISE, _FEW = 0.05, 2
OVER_PARTS = "bootstrap over parts (kinds and thirds of people)"
KINDS = ("syllogism", "transitive", "propositional", "relational")


def held_out_accuracy(arm: "xr.Dataset") -> "xr.DataArray":
    """Accuracy on the generated problems of held-out forms, without those that were tuned with."""
    return arm["accuracy"].sel(test=[name for name in arm["test"].values if name != TRAINED])


def tuning_claim(parts: "Parts") -> Claim:
    """Own brains and labels against permuted brains and labels, same first weights, seed and steps."""
    arms = parts.arms
    assert arms is not None
    own = held_out_accuracy(arms.made[BRAIN_ARM]).sel(seed=0)
    permuted = held_out_accuracy(arms.permuted)
    by_test = 100 * (own - permuted.mean("draw")).values
    low, high = bootstrap_interval(by_test, seed=0)
    null = permuted.mean("test").values
    alone = 100 * float((held_out_accuracy(arms.made[BRAIN_ARM]) - held_out_accuracy(arms.made[LABEL_ONLY])).mean())
    return Claim(
        id="tuning",
        statement="",
        effect=float(by_test.mean()),
        unit="percentage points of accuracy on generated problems of held-out forms, own brains less permuted ones "
        f"(less the label alone, mean over seeds: {alone:+.1f})",
        interval=Interval(float(low), float(high), "bootstrap over test sets"),
        p=float(p_value(float(own.mean()), null)),
        null=Null("permuted brains", "problems exchange their patterns within their kind; tuned anew", len(null)),
        n=len(by_test),
        n_of="test sets",
        ceiling=100 * (1.0 - float(held_out_accuracy(arms.before).mean())),
        controls=_tuning_verdicts(arms),
        synthetic=parts.material.synthetic,
    )


def _tuning_verdicts(arms: "Arms") -> dict[str, Verdict]:
    own = held_out_accuracy(arms.made[BRAIN_ARM])
    named = {
        "beyond response time as brain": TIME_ARM,
        "beyond the label as brain": LABEL_ARM,
        "beyond a Gaussian brain": GAUSSIAN_ARM,
        "beyond more problems without a brain": MORE_ARM,
    }
    verdicts = {
        name: by_seeds((own - held_out_accuracy(arms.made[arm])).mean("test").values, f"accuracy beyond {arm}")
        for name, arm in named.items()
    }
    verdicts["beyond the label alone on every kind"] = _every_kind(arms)
    n = set(arms.facts.loc[[BRAIN_ARM, LABEL_ONLY], "n_trained"])
    rule = "same first weights, seed, steps, problems, recipe and number of trained weights, or the run stops"
    verdicts["as many trained numbers, steps and problems"] = Verdict(HELD, rule, f"{', '.join(sorted(n))} weights")
    after, before = float(arms.made[BRAIN_ARM]["surprisal"].mean()), float(arms.before["surprisal"])
    stays = exceeds(before + _MAY_RISE, after, of=f"surprisal of other texts before, and {_MAY_RISE} nats")
    verdicts["language stays as it was"] = replace(stays, value=f"{after:.3f} against {before:.3f} nats")
    return {name: verdicts[name] for name in TUNING_CONTROLS}


def _every_kind(arms: "Arms") -> Verdict:
    own, label = (held_out_accuracy(arms.made[name]) for name in (BRAIN_ARM, LABEL_ONLY))
    differences = {}
    for kind in KINDS:
        tests = [name for name in own["test"].values if str(name).startswith(kind)]
        differences[kind] = (own.sel(test=tests) - label.sel(test=tests)).mean("test").values
    worst = min(differences, key=lambda kind: float(np.mean(differences[kind])))
    verdict = by_seeds(differences[worst], "accuracy beyond the label alone, for the kind with the least gain")
    return replace(verdict, value=f"{worst}: {verdict.value}")


def gain_claim(parts: "Parts") -> Claim:
    """Other people's brains, other kind of problems: predicted better after tuning by brains?"""
    gain = parts.gain
    assert gain is not None
    permuted = gain.sel(arm=[each for each in gain["arm"].values if str(each).startswith("permuted")])
    own, label = gain.sel(arm=BRAIN), gain.sel(arm=LABEL)
    null = permuted.mean("part").values
    by_part = (own - label).values
    ends = bootstrap_interval(by_part, seed=0) if len(by_part) > _FEW else None
    p = float(p_value(float(own.mean()), null))
    beyond_label = exceeds(float(own.mean()), float(label.mean()), of="the change after the label alone")
    beyond = exceeds(float(own.mean()), float(null.mean()), of="the mean change after permuted brains")
    parts_shown = f"{int((by_part > 0).sum())} of {len(by_part)} parts above the label alone"
    verdicts = {
        "beyond the label alone": beyond_label,
        "beyond permuted similarity": replace(beyond, value=f"{beyond.value}, p = {p:.2g}"),
        "in people and kinds of problems that were not used": replace(
            exceeds(float(np.mean(by_part > 0)), 0.5, of="half of the parts"), value=parts_shown
        ),
    }
    return Claim(
        id="gain",
        statement="",
        effect=float(by_part.mean()),
        unit="change of r in people and a kind of problem that were not tuned with, trivial features taken out, brains "
        "and labels less labels alone",
        interval=None if ends is None else Interval(float(ends[0]), float(ends[1]), OVER_PARTS),
        p=p,
        null=Null("permuted brains", "problems exchange their patterns within their kind; tuned anew", len(null)),
        n=len(by_part),
        n_of="parts of kind and people",
        ceiling="other people's brains predict too little of these responses for a ceiling per part",
        controls={name: verdicts[name] for name in GAIN_CONTROLS},
        synthetic=parts.material.synthetic,
    )
