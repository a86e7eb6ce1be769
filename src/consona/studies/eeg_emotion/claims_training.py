"""Claims about training: what supervision by the axis does, whether it saturates, and what pools gain."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import DID_NOT_HOLD, HELD, Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.core.figure import typeset
from consona.stats.fdr import holm
from consona.stats.subject_test import subject_test
from consona.studies.eeg_emotion.names import ENSEMBLE_CONTROLS, FOLDS, HARM_CONTROLS, LEVEL, SATURATION_CONTROLS
from consona.studies.eeg_emotion.pools import DIVERSE, HALF, MIXED, OUTPUTS, PLAIN, SNAPSHOTS
from consona.studies.eeg_emotion.verdicts import OVER_SUBJECTS, above, interval_of

if TYPE_CHECKING:
    from consona.studies.eeg_emotion.parts import Parts

FLIPS = "signs of subjects flipped"
N_FLIPS = 9999
FEWEST_FOLDS = 6


def harm_claim(parts: "Parts") -> tuple[Claim, tuple[str, str]]:
    """Mean effect of the strategies against their random-target twins: what the axis itself does."""
    weak = parts.supervised.weak
    gains = weak["gains"].sel(reference="twin").mean("strategy").values
    whole = weak["gains"].sel(reference="base").mean("strategy").values
    p = _p_of_mean(gains)
    claim = Claim(
        id="harm",
        statement="",
        effect=float(np.nanmean(gains)),
        unit=typeset(
            f"balanced accuracy, strategy minus its random-target twin, mean over {weak.sizes['strategy']} strategies "
            f"(minus the base: {np.nanmean(whole):+.3f})"
        ),
        interval=interval_of(gains, f"{OVER_SUBJECTS}; seeds and strategies averaged"),
        p=p,
        null=Null("sign flip", FLIPS, N_FLIPS),
        n=int(np.isfinite(gains).sum()),
        n_of="subjects",
        ceiling="a difference of accuracies",
        controls=_harm_verdicts(parts),
        synthetic=_synthetic(parts),
    )
    worse = "worse" if claim.effect < 0 else "better"
    than = "than decoders trained on exchanged class values"
    return claim, (f"trained on the axis do {worse} {than}", f"trained on the axis do not reliably do {worse} {than}")


def _harm_verdicts(parts: "Parts") -> dict[str, Verdict]:
    weak, strong = parts.supervised.weak, parts.supervised.strong
    base, twin, random = (weak.sel(reference=name) for name in ("base", "twin", "twin-base"))
    n, names = weak.sizes["strategy"], weak["strategy"].values
    harmed = int(((base["holm"] <= LEVEL) & (base["effect"] < 0)).sum())
    also = int(((random["holm"] <= LEVEL) & (random["effect"] < 0)).sum())
    helped = names[((base["holm"] <= LEVEL) & (base["effect"] > 0)).values]
    worse = int(((twin["holm"] <= LEVEL) & (twin["effect"] < 0)).sum())
    equal = int((twin["p_equal"] <= LEVEL).sum())
    power = float(np.nanmedian(twin["power"]))
    by_seeds = int(((base["p_seeds"] <= LEVEL) & (base["effect"] < 0)).sum())
    verdicts = {
        FOLDS: _of_folds(parts, weak["gains"].sel(reference="twin").mean("strategy").values),
        "random-target twins": _count(
            worse, n, "some strategy is worse than its twin (Holm)", f"; the twins harm in {also}"
        ),
        "no strategy helps (Holm)": Verdict(
            DID_NOT_HOLD if len(helped) else HELD,
            "no effect against the base is above 0 (Holm over strategies)",
            f"{len(helped)} of {n}" + (f": {', '.join(helped)}" if len(helped) else ""),
        ),
        "harm survives Holm": _count(harmed, n, "some effect against the base is below 0 (Holm over strategies)", ""),
        "equivalent to its twin": _count(
            equal,
            n,
            "every difference from the twin is within ±.01 (TOST, each at .05)",
            f"; median power {power:.2f}",
            all_of=n,
        ),
        "strong base": _strong(strong),
        "p over seeds, as published": _count(
            by_seeds, n, "paired t over seeds, which repeat trainings and not people", ""
        ),
    }
    return {name: verdicts[name] for name in HARM_CONTROLS}


def _strong(strong: xr.Dataset | None) -> Verdict:
    rule = "on the strong base, strategies are worse than their twins (interval over subjects below 0)"
    if strong is None:
        return not_testable("no strategy was asked for on the strong base", rule=rule)
    gains = strong["gains"].sel(reference="twin").mean("strategy").values
    own = interval_of(gains, OVER_SUBJECTS)
    shown = f"{np.nanmean(gains):+.3f} [{own.low:+.3f}, {own.high:+.3f}] over {strong.sizes['strategy']} strategies"
    return Verdict(HELD if own.high < 0 else DID_NOT_HOLD, rule, shown)


def _count(found: int, of: int, rule: str, more: str, *, all_of: int = 1) -> Verdict:
    return Verdict(HELD if found >= all_of else DID_NOT_HOLD, rule, f"{found} of {of}{more}")


def saturation_claim(parts: "Parts") -> tuple[Claim, tuple[str, str]]:
    """A threshold in the strength of the axis, where one is supported; else the claim says that none is."""
    axis, twin = parts.doses.axis, parts.doses.twin
    threshold, p = float(axis.attrs["threshold"]), float(axis.attrs["p_slope"])
    found = np.isfinite(threshold)
    interval = Interval(axis.attrs["threshold_low"], axis.attrs["threshold_high"], OVER_SUBJECTS) if found else None
    words = (
        f"Supervision by the axis stops to help where decoders carry it with |r| above {threshold:.2f}."
        if found
        else "No threshold is supported above which supervision by the axis stops to help."
    )
    first = float(axis["p_gain"].values[int(np.argmin(axis["strength"].values))])
    verdicts = {
        "gain at the weakest axis": significant(first, of="gain of the dose with the weakest axis (Holm over doses)"),
        "gain falls with strength": significant(p, of="slope over doses, signs of subjects flipped"),
        "random-target twins do not": _twin_silent(twin),
        "interval": exceeds(float(found), 0.5, of="an interval of the threshold inside the observed range"),
    }
    verdicts["interval"] = replace(verdicts["interval"], value=axis.attrs["failed"] or f"{threshold:.2f}")
    claim = Claim(
        id="saturation",
        statement=words,
        effect=float(axis.attrs["slope"]),
        unit="slope: gain of balanced accuracy per unit of |r| of the axis in the unsupervised decoder",
        interval=interval,
        p=p,
        null=Null("sign flip", FLIPS, N_FLIPS),
        n=axis.sizes["dose"],
        n_of=f"doses ({int(axis.attrs['n_subjects'])} subjects)",
        ceiling="a slope",
        controls={name: verdicts[name] for name in SATURATION_CONTROLS},
        synthetic=_synthetic(parts),
    )
    return claim, ("", "")


def _twin_silent(twin: xr.Dataset) -> Verdict:
    rule = "no threshold with the classes of the axis exchanged"
    threshold = float(twin.attrs["threshold"])
    if np.isfinite(threshold):
        return Verdict(DID_NOT_HOLD, rule, f"threshold {threshold:.2f}")
    return Verdict(HELD, rule, str(twin.attrs["failed"]))


def ensemble_claim(parts: "Parts") -> tuple[Claim, tuple[str, str]]:
    """Gain of seeds by lengths over its own members."""
    gains = parts.pools.gains
    mixed = gains.sel(pool=MIXED)
    claim = Claim(
        id="ensemble-gain",
        statement="",
        effect=float(mixed["gain"]),
        unit=f"balanced accuracy over the mean member (pool {float(mixed['accuracy']):.3f}, "
        f"member {float(mixed['single']):.3f})",
        interval=Interval(float(mixed["gain_low"]), float(mixed["gain_high"]), OVER_SUBJECTS),
        p=float(mixed["p"]),
        null=Null("sign flip", FLIPS, N_FLIPS),
        n=gains.sizes["subject"],
        n_of="subjects; their clips are known from training",
        ceiling="a difference of accuracies",
        controls=_ensemble_verdicts(parts),
        synthetic=_synthetic(parts),
    )
    words = "from a uniform pool of seeds and training lengths, over its mean member"
    return claim, (f"gain {words}", f"do not reliably gain {words}")


def _ensemble_verdicts(parts: "Parts") -> dict[str, Verdict]:
    pools, gains = parts.pools, parts.pools.gains
    every = gains["subject_accuracy"]

    def against(name: str, of: str) -> Verdict:
        return above(every.sel(pool=MIXED).values - every.sel(pool=name).values, of=of)

    chosen = pools.selected.values - every.sel(pool=PLAIN).values
    contributed = significant(float(pools.contributions.attrs["p"]), of="correlation over members, both signs")
    r = pools.contributions.attrs
    verdicts = {
        FOLDS: _of_folds(parts, every.sel(pool=MIXED).values - _members(gains, MIXED)),
        "over its members": above(every.sel(pool=MIXED).values - _members(gains, MIXED), of="the mean member"),
        "same size, one length": against(PLAIN, "as many seeds of one length"),
        "same size, one seed": against(SNAPSHOTS, "snapshots of one training"),
        "chosen on validation": above(chosen, of="seeds of one length, members chosen on validation people"),
        "contribution follows the axis": replace(
            contributed, value=f"r = {r['r']:.2f} [{r['low']:.2f}, {r['high']:.2f}], n = {r['n']}, {contributed.value}"
        ),
        "residual-diverse recipe": _diverse(gains),
        "second corpus": _second(pools.other),
    }
    return {name: verdicts[name] for name in ENSEMBLE_CONTROLS}


def _members(gains: xr.Dataset, pool: str) -> np.ndarray:
    return np.asarray(gains["subject_single"].sel(pool=pool).values)


def _diverse(gains: xr.Dataset) -> Verdict:
    """Every recipe that was tried is in the value, also those that did not help."""
    rule = "a pool whose members differ by more than their seed beats as many seeds of its best ingredient (Holm)"
    every, tried = gains["subject_accuracy"], [each for each in DIVERSE if each in gains["pool"].values]
    references = [_ingredient(gains, name) for name in tried]
    pairs = zip(tried, references, strict=True)
    differences = [every.sel(pool=name).values - every.sel(pool=reference).values for name, reference in pairs]
    p = holm(np.array([_p_of_mean(each) for each in differences]))
    held = any(each <= LEVEL and np.nanmean(gain) > 0 for each, gain in zip(p, differences, strict=True))
    shown = [
        f"{name} {np.nanmean(gain):+.3f} over {reference}, p = {each:.2g}"
        for name, reference, gain, each in zip(tried, references, differences, p, strict=True)
    ]
    return Verdict(HELD if held else DID_NOT_HOLD, rule, "; ".join(shown))


def _ingredient(gains: xr.Dataset, name: str) -> str:
    outputs = name == HALF and float(gains["accuracy"].sel(pool=OUTPUTS)) > float(gains["accuracy"].sel(pool=PLAIN))
    return OUTPUTS if outputs else PLAIN


def _second(other: xr.Dataset | None) -> Verdict:
    rule = "gain over the mean member in the second corpus (lower end of the interval)"
    if other is None:
        return not_testable("there is no second corpus", rule=rule)
    mixed = other.sel(pool=MIXED)
    verdict = exceeds(float(mixed["gain_low"]), 0.0, of="no gain")
    made_up = " (synthetic)" if other.attrs.get("synthetic", 0) else ""
    shown = f"{float(mixed['gain']):+.3f} [{float(mixed['gain_low']):+.3f}, {float(mixed['gain_high']):+.3f}]{made_up}"
    return Verdict(verdict.verdict, rule, shown)


def _p_of_mean(gains: np.ndarray) -> float:
    """Two-sided p over subjects, by sign flips."""
    known = gains[np.isfinite(gains)][:, None]
    up, down = (float(subject_test(sign * known, n_permutations=N_FLIPS, seed=0).p[0]) for sign in (1, -1))
    return min(1.0, 2 * min(up, down))


def _of_folds(parts: "Parts", gains: np.ndarray) -> Verdict:
    """By the means of folds: the people of a fold are tested by the same networks and share their luck."""
    fold = parts.material.split.test.any(axis=2).argmax(axis=0)
    means = np.array([np.nanmean(gains[fold == each]) for each in np.unique(fold)])
    rule = "signs of folds flipped: people of a fold share their networks"
    if len(means) < FEWEST_FOLDS:
        return not_testable(
            f"{len(means)} folds give no p below {2 / 2 ** len(means):.2g}", rule=f"p at most {LEVEL}, {rule}"
        )
    return significant(_p_of_mean(means), of=rule)


def _synthetic(parts: "Parts") -> bool:
    return bool(parts.material.tensor.attrs.get("synthetic", 0))
