"""The claim about pools: what seeds and training lengths together gain, and what else was tried."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import DID_NOT_HOLD, HELD, Claim, Interval, Null, Verdict, exceeds, not_testable
from consona.stats.fdr import holm
from consona.studies.eeg_emotion.names import ENSEMBLE_CONTROLS, FOLDS, LEVEL
from consona.studies.eeg_emotion.pools import DIVERSE, HALF, LONGER, MIXED, OUTPUTS, PLAIN, SNAPSHOTS
from consona.studies.eeg_emotion.verdicts import FLIPS, OVER_SUBJECTS, above, is_synthetic, of_folds, p_of_both

if TYPE_CHECKING:
    from consona.studies.eeg_emotion.parts import Parts

N_FLIPS = 10_000
DIVERSE_HOLM = "(Holm over those tried, of subjects and of folds)"


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
        synthetic=is_synthetic(parts),
    )
    words = "from a uniform pool of seeds and training lengths, over its mean member"
    return claim, (f"Decoders gain {words}", f"Decoders do not reliably gain {words}")


def _ensemble_verdicts(parts: "Parts") -> dict[str, Verdict]:
    pools, gains = parts.pools, parts.pools.gains
    every = gains["subject_accuracy"]

    def against(name: str, of: str) -> Verdict:
        return above(every.sel(pool=MIXED).values - every.sel(pool=name).values, of=of)

    chosen = pools.selected.values - every.sel(pool=PLAIN).values
    verdicts = {
        FOLDS: of_folds(parts, every.sel(pool=MIXED).values - _members(gains, MIXED)),
        "same size, one length": against(
            _better(gains, PLAIN, LONGER), "as many seeds of the better of the two lengths"
        ),
        "same size, one seed": against(SNAPSHOTS, "snapshots of one training"),
        "chosen on validation": above(chosen, of="seeds of one length, members chosen on validation people"),
        "members that carry the axis add more": _contributed(pools.contributions),
        "residual-diverse recipe": _diverse(parts),
        "second corpus": _second(parts),
    }
    return {name: verdicts[name] for name in ENSEMBLE_CONTROLS}


def _better(gains: xr.Dataset, *names: str) -> str:
    accuracy = gains["accuracy"].sel(pool=list(names))
    return str(accuracy["pool"].values[int(accuracy.values.argmax())])


def _contributed(found: xr.Dataset) -> Verdict:
    """Members of one length: what a member adds and what it carries both change with the length."""
    facts = found.attrs
    rule = f"positive correlation over seeds of one length, p at most {LEVEL}"
    if not np.isfinite(facts["r"]):
        return not_testable("too few members, or none carries it", rule=rule)
    shown = f"r = {facts['r']:.2f} [{facts['low']:.2f}, {facts['high']:.2f}], p = {facts['p']:.2g}, n = {facts['n']}"
    return Verdict(HELD if facts["p"] <= LEVEL and facts["r"] > 0 else DID_NOT_HOLD, rule, shown)


def _members(gains: xr.Dataset, pool: str) -> np.ndarray:
    return np.asarray(gains["subject_single"].sel(pool=pool).values)


def _diverse(parts: "Parts") -> Verdict:
    """Every recipe that was tried is in the value, also those that did not help."""
    gains = parts.pools.gains
    rule = (
        f"a pool whose members differ by more than their seed beats as many seeds of its best ingredient {DIVERSE_HOLM}"
    )
    every, tried = gains["subject_accuracy"], [each for each in DIVERSE if each in gains["pool"].values]
    references = [_ingredient(gains, name) for name in tried]
    pairs = zip(tried, references, strict=True)
    differences = [every.sel(pool=name).values - every.sel(pool=reference).values for name, reference in pairs]
    p = holm(np.array([p_of_both(parts, each) for each in differences]))
    held = any(each <= LEVEL and np.nanmean(gain) > 0 for each, gain in zip(p, differences, strict=True))
    shown = [
        f"{name} {np.nanmean(gain):+.3f} over {reference}, p = {each:.2g}"
        for name, reference, gain, each in zip(tried, references, differences, p, strict=True)
    ]
    return Verdict(HELD if held else DID_NOT_HOLD, rule, "; ".join(shown))


def _ingredient(gains: xr.Dataset, name: str) -> str:
    return _better(gains, PLAIN, OUTPUTS) if name == HALF else PLAIN


def _second(parts: "Parts") -> Verdict:
    other = parts.pools.other
    rule = "gain over the mean member in the second corpus (lower end of the interval)"
    if other is None:
        return not_testable("there is no second corpus", rule=rule)
    mixed = other.sel(pool=MIXED)
    shown = f"{float(mixed['gain']):+.3f} [{float(mixed['gain_low']):+.3f}, {float(mixed['gain_high']):+.3f}]"
    if other.attrs.get("synthetic", 0) and not is_synthetic(parts):
        return not_testable(f"the second corpus is synthetic ({shown} on it)", rule=rule)
    return Verdict(exceeds(float(mixed["gain_low"]), 0.0, of="no gain").verdict, rule, shown)
