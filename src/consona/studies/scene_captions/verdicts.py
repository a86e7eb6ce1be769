"""Rules that several claims of the study share."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from consona.core.claim import DID_NOT_HOLD, HELD, Claim, Interval, Null, Verdict, not_testable, significant
from consona.stats.paired_models import subject_effect
from consona.studies.scene_captions.names import HOLM, LEVEL

Array = npt.NDArray[np.float64]
SIGNS = Null("signs of people", "the sign of every person's difference is flipped, two-sided", 0, exact=True)


def signs_p(values: npt.ArrayLike) -> float:
    """Two-sided p of the mean over people by flips of signs; NaN with fewer than two."""
    each = np.asarray(values, dtype=float)
    each = each[np.isfinite(each)]
    return float(subject_effect(each[:, None]).p_signs[0]) if len(each) > 1 else float("nan")


def fewest_p(n: int) -> float:
    """The smallest two-sided p that flips of the signs of ``n`` people can give."""
    return 2.0 / 2.0**n


def over_people(values: npt.ArrayLike, of: str, *, name: str = "people") -> Verdict:
    """Held where the mean over people (or pairs of networks) is above zero by flips of signs; said where too few."""
    each = np.asarray(values, dtype=float)
    each = each[np.isfinite(each)]
    rule = f"mean over {name} above 0, p at most {LEVEL} by flips of signs, {of}"
    shown = f"{each.mean():+.3f}, {int((each > 0).sum())} of {len(each)} {name}" if len(each) else "nothing"
    if fewest_p(len(each)) > LEVEL:
        return not_testable(f"{len(each)} {name} give no p below {fewest_p(len(each)):.2g}; {shown}", rule=rule)
    p = signs_p(each)
    return Verdict(HELD if p <= LEVEL and each.mean() > 0 else DID_NOT_HOLD, rule, f"p = {p:.2g} ({shown})")


def weakest(values: Mapping[str, Array], of: str) -> Verdict:
    """Held where every one of several differences is above zero: the one with the largest p is shown."""
    name = weakest_of(values)
    return over_people(values[name], f"{of} {name}, the weakest of {len(values)}")


def weakest_of(values: Mapping[str, Array]) -> str:
    """The difference with the largest p, one that is not above zero before all others."""
    each = {name: np.asarray(value, dtype=float) for name, value in values.items()}
    return max(each, key=lambda key: (signs_p(each[key]) if each[key].mean() > 0 else 2.0, -each[key].mean()))


def is_true(holds: bool, rule: str, shown: str) -> Verdict:
    """A rule without a p."""
    return Verdict(HELD if holds else DID_NOT_HOLD, rule, shown)


def by_null(p: float, of: str, shown: str) -> Verdict:
    """A p of a named null with the figures behind it."""
    verdict = significant(p, of=of)
    return replace(verdict, value=f"{verdict.value} ({shown})")


def people_interval(values: npt.ArrayLike) -> Interval:
    """Mean over people by Student's t: draws of so few people again would be too narrow."""
    each = np.asarray(values, dtype=float)
    each = each[np.isfinite(each)]
    found = subject_effect(each[:, None])
    return Interval(float(found.low[0]), float(found.high[0]), f"t over {len(each)} people")


def people_null(n: int) -> Null:
    """All flips of the signs of ``n`` people."""
    return replace(SIGNS, n=2**n if n <= 13 else 10000, exact=n <= 13)


def untested(name: str, controls: tuple[str, ...], reason: str, *, synthetic: bool) -> Claim:
    """A claim that nothing here can test, with the reason in the place of every verdict."""
    verdicts = {each: not_testable(reason, rule="not looked at") for each in controls}
    return Claim(
        id=name,
        statement="",
        effect=float("nan"),
        unit=reason,
        interval=None,
        p=None,
        null=None,
        n=0,
        n_of="people",
        ceiling=reason,
        controls=verdicts,
        synthetic=synthetic,
    )


def finished(draft: Claim, words: str, corrected: float, n_claims: int) -> Claim:
    """Words follow the p corrected for all claims; too few people or draws to say anything are said to be that."""
    of, lower = f"corrected for the {n_claims} claims of this study", f"{words[0].lower()}{words[1:]}"
    if draft.null is None:
        controls = {**draft.controls, HOLM: not_testable(str(draft.ceiling), rule=f"p at most {LEVEL}, {of}")}
        return replace(draft, statement=f"It cannot be tested here whether {lower}.", controls=controls)
    verdict = significant(corrected, of=of)
    floor = min(1.0, n_claims * (2.0 / draft.null.n if draft.null.exact else 1.0 / (draft.null.n + 1)))
    if corrected <= LEVEL and draft.effect > 0:
        sentence = words
    elif corrected <= LEVEL and draft.id == "networks":  # one difference; the others are several at once
        sentence = f"The opposite was found of this: {lower}"
    elif floor > LEVEL:
        sentence = f"With {draft.null.n} draws it cannot be tested here whether {lower}"
        verdict = not_testable(f"{draft.null.n} draws give no corrected p below {floor:.2g}", rule=verdict.rule)
    else:
        sentence = f"It was not shown that {lower}"
    return replace(draft, statement=f"{sentence}.", controls={**draft.controls, HOLM: verdict})
