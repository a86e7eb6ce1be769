"""Claims about training: what supervision by the axis does, and whether it saturates."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import DID_NOT_HOLD, HELD, Claim, Interval, Null, Verdict, not_testable, significant
from consona.core.figure import typeset
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.eeg_emotion.names import FOLDS, HARM_CONTROLS, LEVEL, SATURATION_CONTROLS
from consona.studies.eeg_emotion.verdicts import (
    FEWEST_FOLDS,
    FLIPS,
    N_FLIPS,
    OVER_SUBJECTS,
    interval_of,
    is_synthetic,
    n_folds,
    of_folds,
    p_of_both,
    p_of_mean,
)

if TYPE_CHECKING:
    from consona.studies.eeg_emotion.parts import Parts

CORRECTED = "(Holm over strategies, of subjects and of folds)"


def harm_claim(parts: "Parts") -> tuple[Claim, tuple[str, str]]:
    """Mean effect of the added losses against their random-target twins: what the axis itself does."""
    weak = parts.supervised.weak.sel(strategy=_added(parts))
    gains = weak["gains"].sel(reference="twin").mean("strategy").values
    whole = weak["gains"].sel(reference="base").mean("strategy").values
    n_orders = weak.sizes["strategy"] * int(weak.attrs["n_seeds"])
    claim = Claim(
        id="harm",
        statement="",
        effect=float(np.nanmean(gains)),
        unit=typeset(
            f"balanced accuracy, strategy minus its random-target twin, mean over {weak.sizes['strategy']} losses "
            f"and {n_orders} exchanged orders (minus the base: {np.nanmean(whole):+.3f})"
        ),
        interval=interval_of(gains, f"{OVER_SUBJECTS}; seeds and strategies averaged"),
        p=p_of_mean(gains),
        null=Null("sign flip", FLIPS, N_FLIPS),
        n=int(np.isfinite(gains).sum()),
        n_of="subjects",
        ceiling="a difference of accuracies",
        controls=_harm_verdicts(parts),
        synthetic=is_synthetic(parts),
    )
    worse = "worse" if claim.effect < 0 else "better"
    than = "than decoders trained on exchanged class values"
    words = (f"trained on the axis do {worse} {than}", f"trained on the axis do not reliably do {worse} {than}")
    return claim, (f"Decoders {words[0]}", f"Decoders {words[1]}")


def _added(parts: "Parts") -> list[str]:
    """Strategies that add a loss to the same training on real data; those in stages train for another length."""
    rows = parts.supervised.rows
    names = [str(each) for each in parts.supervised.weak["strategy"].values]
    added = [name for name in names if rows[name].regime == "together" and rows[name].family != "distance"]
    return added or names


def _on_real_data(parts: "Parts") -> list[str]:
    """All strategies but those that start from a second corpus which is made up, where the first is not."""
    other, rows = parts.material.other, parts.supervised.rows
    names = [str(each) for each in parts.supervised.weak["strategy"].values]
    if other is None or is_synthetic(parts) or not other.attrs.get("synthetic", 0):
        return names
    return [name for name in names if rows[name].regime != "transfer"] or names


def _harm_verdicts(parts: "Parts") -> dict[str, Verdict]:
    weak = parts.supervised.weak.sel(strategy=_on_real_data(parts))
    base, twin, random = (weak.sel(reference=name) for name in ("base", "twin", "twin-base"))
    n, names = weak.sizes["strategy"], weak["strategy"].values
    own, paired, also = (_corrected(each, parts) for each in (base, twin, random))
    harmed, worse = (int((p <= LEVEL)[each["effect"].values < 0].sum()) for p, each in ((own, base), (paired, twin)))
    helped = names[(own <= LEVEL) & (base["effect"].values > 0)]
    by_twins = int((also <= LEVEL)[random["effect"].values < 0].sum())
    equal, power = int((twin["p_equal"] <= LEVEL).sum()), float(np.nanmedian(twin["power"]))
    gains = weak["gains"].sel(reference="twin", strategy=_added(parts)).mean("strategy").values
    verdicts = {
        FOLDS: of_folds(parts, gains),
        "random-target twins": _count(
            worse, n, f"some strategy is worse than its twin {CORRECTED}", f"; twins harm in {by_twins}"
        ),
        "rank among exchanged orders": _rank(parts.supervised.exchanged),
        "no strategy helps (Holm)": Verdict(
            DID_NOT_HOLD if len(helped) else HELD,
            f"no effect against the base is above 0 {CORRECTED}",
            f"{len(helped)} of {n}" + (f": {', '.join(helped)}" if len(helped) else ""),
        ),
        "harm survives Holm": _count(harmed, n, f"some effect against the base is below 0 {CORRECTED}", ""),
        "equivalent to its twin": _count(
            equal,
            n,
            "every difference from the twin is within ±.01 (TOST, each at .05)",
            f"; median power {power:.2f}",
            all_of=n,
        ),
        "strong base": _strong(parts),
    }
    return {name: verdicts[name] for name in HARM_CONTROLS}


def _corrected(effects: xr.Dataset, parts: "Parts") -> np.ndarray:
    """Holm over strategies of the larger of the p over subjects and, with enough folds, the p over folds."""
    p = effects["p"].values
    return np.asarray(holm(np.fmax(p, effects["p_folds"].values) if n_folds(parts) >= FEWEST_FOLDS else p))


def _rank(accuracy: xr.DataArray) -> Verdict:
    """The same loss with the axis and with many orders of its classes: is the axis the worst of them?"""
    means = accuracy.mean("subject").values
    p = float(p_value(-means[0], -means[1:]))
    rule = f"accuracy with the axis is below that with exchanged orders of its classes, p at most {LEVEL}"
    shown = f"p = {p:.2g}: {means[0]:.3f}; {len(means) - 1} orders {means[1:].min():.3f} to {means[1:].max():.3f}"
    if 1 / len(means) > LEVEL:
        return not_testable(f"{len(means) - 1} orders give no p below {1 / len(means):.2g}", rule=rule)
    return Verdict(HELD if p <= LEVEL else DID_NOT_HOLD, rule, shown)


def _strong(parts: "Parts") -> Verdict:
    rule = "on the strong base, strategies are worse than their twins, p at most 0.05 over subjects and over folds"
    strong = parts.supervised.strong
    if strong is None:
        return not_testable("no strategy was asked for on the strong base", rule=rule)
    gains = strong["gains"].sel(reference="twin").mean("strategy").values
    own, p = interval_of(gains, OVER_SUBJECTS), p_of_both(parts, gains)
    size = f"{np.nanmean(gains):+.3f} [{own.low:+.3f}, {own.high:+.3f}]"
    shown = f"{size}, p = {p:.2g}, {strong.sizes['strategy']} strategies"
    return Verdict(HELD if p <= LEVEL and np.nanmean(gains) < 0 else DID_NOT_HOLD, rule, shown)


def _count(found: int, of: int, rule: str, more: str, *, all_of: int = 1) -> Verdict:
    return Verdict(HELD if found >= all_of else DID_NOT_HOLD, rule, f"{found} of {of}{more}")


def saturation_claim(parts: "Parts") -> tuple[Claim, tuple[str, str]]:
    """A threshold in the strength of the axis, where one is supported; else the claim says that none is."""
    axis, twin = parts.doses.axis, parts.doses.twin
    threshold, p = float(axis.attrs["threshold"]), float(axis.attrs["p_slope"])
    found = np.isfinite(threshold)
    interval = Interval(axis.attrs["threshold_low"], axis.attrs["threshold_high"], OVER_SUBJECTS) if found else None
    above_it = f"Supervision by the axis stops to help where decoders carry it with |r| above {threshold:.2f}"
    first = float(axis["p_gain"].values[int(np.argmin(axis["strength"].values))])
    rule = "the threshold and its interval lie inside the observed strengths, and the gain is gone beyond it"
    verdicts = {
        FOLDS: _falling(of_folds(parts, axis["subject_slope"].values), axis),
        "gain at the weakest axis": significant(first, of="gain of the dose with the weakest axis (Holm over doses)"),
        "gain falls with strength": significant(p, of="slope over doses, signs of subjects flipped"),
        "random-target twins do not": _twin_silent(axis, twin),
        "interval": Verdict(HELD if found else DID_NOT_HOLD, rule, axis.attrs["failed"] or f"{threshold:.2f}"),
    }
    claim = Claim(
        id="saturation",
        statement="",
        effect=float(axis.attrs["slope"]),
        unit="slope: gain of balanced accuracy per unit of |r| of the axis in the unsupervised decoder",
        interval=interval,
        p=p,
        null=Null("sign flip", FLIPS, int(axis.attrs["n_draws"])),
        n=axis.sizes["dose"],
        n_of=f"doses ({int(axis.attrs['n_subjects'])} subjects)",
        ceiling="a slope",
        controls={name: verdicts[name] for name in SATURATION_CONTROLS},
        synthetic=is_synthetic(parts),
    )
    return claim, (
        above_it if found else "",
        "No threshold is supported above which supervision by the axis stops to help",
    )


def _falling(verdict: Verdict, axis: xr.Dataset) -> Verdict:
    """A slope that rises is no saturation, however small its p."""
    if verdict.verdict == HELD and axis.attrs["slope"] >= 0:
        return replace(verdict, verdict=DID_NOT_HOLD, value=f"the gain rises; {verdict.value}")
    return verdict


def _twin_silent(axis: xr.Dataset, twin: xr.Dataset) -> Verdict:
    rule = "no threshold with the classes of the axis exchanged"
    if not np.isfinite(axis.attrs["threshold"]):
        return not_testable("there is no threshold with the axis to compare", rule=rule)
    threshold = float(twin.attrs["threshold"])
    if np.isfinite(threshold):
        return Verdict(DID_NOT_HOLD, rule, f"threshold {threshold:.2f}")
    return Verdict(HELD, rule, str(twin.attrs["failed"]))
