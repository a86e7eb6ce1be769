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

_MAY_RISE, _SMALLEST, _STIRRED = 0.05, 0.001, 0.05
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
    null = np.round(permuted.mean("test").values, 12)
    alone = 100 * float((held_out_accuracy(arms.made[BRAIN_ARM]) - held_out_accuracy(arms.made[LABEL_ONLY])).mean())
    return Claim(
        id="tuning",
        statement="",
        effect=float(by_test.mean()),
        unit="percentage points of accuracy on generated problems of held-out forms, own brains less permuted ones "
        f"(less the label alone, mean over seeds: {alone:+.1f})",
        interval=Interval(float(low), float(high), "bootstrap over test sets: how they differ, not over brains"),
        p=float(p_value(round(float(own.mean()), 12), null)),
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
    moved = float(abs(arms.made[BRAIN_ARM]["margin"] - arms.made[LABEL_ONLY]["margin"]).mean())
    verdicts["the brain moves answers"] = exceeds(
        moved, _STIRRED, of="nats between margins and those of the label alone"
    )
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
    found = {kind: by_seeds(each, f"accuracy beyond the label alone, {kind}") for kind, each in differences.items()}
    failed = [kind for kind, verdict in found.items() if verdict.verdict != HELD]
    kind = failed[0] if failed else KINDS[0]
    return replace(found[kind], rule="p at most 0.05 over seeds, for every kind", value=f"{kind}: {found[kind].value}")


def gain_claim(parts: "Parts") -> Claim:
    """Other people, other kind of problems: predicted better after tuning by own brains than by permuted ones?"""
    gain = parts.gain
    assert gain is not None
    permuted = gain.sel(arm=[each for each in gain["arm"].values if str(each).startswith("permuted")])
    own, label, null = gain.sel(arm=BRAIN), gain.sel(arm=LABEL), np.round(permuted.mean("part").values, 9)
    by_part = (own - permuted.mean("arm")).values
    verdicts = {
        "better than before tuning": _change(float(own.mean()), "no change of r"),
        "beyond the label alone": _change(float((own - label).mean()), "the change after the label alone"),
        "in both kinds of problems": _change(float(by_part.min()), "permuted brains, in the kind with the least"),
    }
    return Claim(
        id="gain",
        statement="",
        effect=float(by_part.mean()),
        unit="change of r in people and a kind of problem that were not tuned with, trivial features taken out, own "
        f"brains less the mean of permuted ones (own {float(own.mean()):+.4f}, label alone {float(label.mean()):+.4f})",
        interval=None,
        p=float(p_value(round(float(own.mean()), 9), null)),
        null=Null("permuted brains", "problems exchange their patterns within their kind; tuned anew", len(null)),
        n=len(by_part),
        n_of="parts: a kind and half of the people each",
        ceiling="brains of others predict too little of these responses for a ceiling per part",
        controls={name: verdicts[name] for name in GAIN_CONTROLS},
        synthetic=parts.material.synthetic,
    )


def _change(value: float, than: str) -> Verdict:
    """Held above the smallest change of r that is worth the name."""
    return exceeds(value, _SMALLEST, of=f"{than}, by {_SMALLEST}")
