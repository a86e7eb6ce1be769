"""What the study stands for: encoding, geometry, decoding, each with the verdict of every control."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consona.alignment.regions import region_means
from consona.core.claim import DID_NOT_HOLD, Claim, Interval, Null, Verdict, exceeds, not_testable, significant
from consona.core.figure import typeset
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.alignment.decoding import Decoded
from consona.studies.alignment.encoding import Encoded, null_mean_of, null_of_mean
from consona.studies.alignment.figures import counted
from consona.studies.alignment.geometry import Geometry, fact, null_of_effect
from consona.studies.alignment.material import CONTROLS, SERIES, SHUFFLED, Material
from consona.studies.alignment.parts import Parts
from consona.studies.alignment.reading import MODEL
from consona.studies.alignment.verdicts import FEWEST_SUBJECTS, LEVEL, exceeds_control, mean_interval

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.study import Alignment

HOLM = "Holm over the claims"
NAMES = (*CONTROLS, HOLM)
Array = npt.NDArray[np.float64]
_WORDS = {
    "encoding": (
        "{} predict responses to {} that were held out.",
        "{} do not reliably predict responses to {} that were held out.",
    ),
    "geometry": ("{} arrange {} as the responses do.", "{} do not reliably arrange {} as the responses do."),
    "decoding": (
        "Responses tell {1} that were held out apart, by {0}.",
        "Responses do not reliably tell {1} that were held out apart, by {0}.",
    ),
    "classes": (
        "Responses tell the classes apart in runs that were held out.",
        "Responses do not reliably tell the classes apart in runs that were held out.",
    ),
}


def all_claims(study: "Alignment", run: "Run", material: Material, parts: Parts) -> list[Claim]:
    """One claim per analysis; what a sentence says follows the p that is corrected for all of them."""
    drafts: list[Claim] = []
    if parts.encoded is not None:
        drafts.append(_encoding_claim(study, run, material, parts.encoded))
    if parts.geometry is not None:
        drafts.append(_geometry_claim(study, material, parts.geometry))
    if parts.decoded is not None:
        drafts.append(_decoding_claim(study, material, parts.decoded))
    corrected = holm(np.array([np.nan if draft.p is None else draft.p for draft in drafts]))
    run.evidence("CON007", where="claims", n_tests=len(drafts), correction="holm")
    for draft in drafts:
        if draft.null is not None:
            smallest = {"n_permutations": draft.null.n, "n_tests": len(drafts), "correction": "holm"}
            run.evidence("CON004", where=f"claim {draft.id}", **smallest)
    return [_worded(study, draft, float(p)) for draft, p in zip(drafts, corrected, strict=True)]


def _worded(study: "Alignment", draft: Claim, corrected: float) -> Claim:
    held, not_held = _WORDS["classes" if draft.id == "decoding" and study.hold_out == "runs" else draft.id]
    # With few runs only these tell a course that runs share from an answer to the stimuli.
    orders = [draft.controls[name].verdict for name in (SERIES, SHUFFLED)] if study.hold_out == "time" else []
    beyond_order = DID_NOT_HOLD not in orders
    if draft.id == "encoding" and study.hold_out == "runs":
        held, not_held = (f"As features that tell the conditions apart, {each}" for each in (held, not_held))
    sentence = (held if corrected <= LEVEL and beyond_order else not_held).format(
        f"the features of {_named(study.model or study.features or '')}", _what(study)
    )
    controls = {**draft.controls, HOLM: significant(corrected, of="corrected for the claims of this study")}
    return replace(draft, statement=sentence[0].upper() + sentence[1:], controls=controls)


def _named(source: str) -> str:
    """A file or folder by its last name; an id of the Hub as it is."""
    return (
        source.rstrip("/").rsplit("/", 1)[-1] if source.startswith(("/", ".", "~")) or source.count("/") > 1 else source
    )


def _what(study: "Alignment") -> str:
    if study.hold_out == "stimuli":
        return f"stimuli of new '{study.group}'" if study.group else "stimuli"
    return "parts of the story" if study.hold_out == "time" else "the same conditions in runs"


def _encoding_claim(study: "Alignment", run: "Run", material: Material, encoded: Encoded) -> Claim:
    values, draws = _values(encoded, MODEL)
    null, chance = null_of_mean(encoded), null_mean_of(encoded, MODEL) if encoded.pooled else 0.0
    effect = float(np.nanmean(values))
    split = next(iter(material.splits.values()))
    below = f" (pooled over folds; mean of its null {chance:.2f})"
    reasons = {**material.not_testable, **encoded.without}
    controls: dict[str, Verdict] = {}
    for name in CONTROLS:
        if name not in encoded.draws:
            controls[name] = not_testable(reasons[name], rule=f"above {name}")
            continue
        other, other_draws = _values(encoded, name)
        # A control below chance is no easier to beat than chance.
        least = null_mean_of(encoded, name) if encoded.pooled else 0.0
        values_above, draws_above = np.maximum(other - least, 0.0), np.maximum(other_draws - least, 0.0)
        controls[name] = exceeds_control(
            values - chance - values_above, draws - chance - draws_above, of=name, seed=study.seed
        )
    n, n_of = _counted(material)
    interval, ceiling = mean_interval(draws, seed=study.seed), _ceiling(encoded)
    if interval is not None and isinstance(ceiling, float):
        width = interval.high - interval.low
        run.evidence("CON003", where="encoding", score=effect, ceiling=ceiling, half_width=width / 2)
    return Claim(
        id="encoding",
        statement="",
        effect=effect,
        unit=typeset(f"r{below if encoded.pooled else ''}, mean over targets and {counted(len(values))}"),
        interval=interval,
        p=float(p_value(np.asarray(effect), null)) if np.isfinite(effect) else float("nan"),
        null=Null(f"{split.null_words()}; the best layer of each", split.null_words().split(",")[0], len(null)),
        n=n,
        n_of=n_of,
        ceiling=ceiling,
        controls=controls,
    )


def _values(encoded: Encoded, name: str) -> tuple[Array, Array]:
    """Score of every subject over all targets ``(n_subjects,)``, and its draws ``(n_subjects, n_draws)``."""
    each = [drawn.sel(target="all targets") for drawn in encoded.draws[name].values()]
    return np.array([float(one["score"]) for one in each]), np.stack([one["draws"].values for one in each])


def _counted(material: Material) -> tuple[int, str]:
    if len(material.recordings) >= FEWEST_SUBJECTS:
        return len(material.recordings), "subjects; p is over the stimuli, in these people"
    split = next(iter(material.splits.values()))
    together = {label for each in material.splits.values() for label in each.labels.tolist()}
    return (len(split.ids), "volumes") if split.kind == "time" else (len(together), f"groups ({split.column})")


def _ceiling(encoded: Encoded) -> float | str:
    whole = [region_means(score) for score in encoded.scores.values()]
    known = [float(score.ceiling.mean()) for score in whole if score.ceiling is not None]
    if len(known) == len(whole) and np.isfinite(known).any():
        return float(np.nanmean(known))
    return str(next(iter(encoded.scores.values())).attrs.get("no_ceiling", "it cannot be estimated from these data"))


def _geometry_claim(study: "Alignment", material: Material, geometry: Geometry) -> Claim:
    null = null_of_effect(geometry)
    low, high = fact(geometry.score, "low"), fact(geometry.score, "high")
    interval = Interval(low, high, str(geometry.score.attrs["interval"])) if np.isfinite([low, high]).all() else None
    n, n_of = _counted(material)
    return Claim(
        id="geometry",
        statement="",
        effect=fact(geometry.score, "effect"),
        unit=f"{study.comparison} of dissimilarities ({study.dissimilarity}), layer {study.layer}, mean over subjects",
        interval=interval,
        p=fact(geometry.score, "p"),
        null=Null("stimuli of the model relabelled", "whole groups" if study.group else "stimuli", len(null)),
        n=n,
        n_of=n_of,
        ceiling=_bounds(geometry),
        controls={name: _geometry_verdict(material, geometry, name) for name in CONTROLS},
    )


def _bounds(geometry: Geometry) -> str:
    facts = geometry.score.attrs
    if "ceiling_upper" not in facts:
        return "one subject: agreement between subjects is unknown"
    low, high = (float(np.mean(facts[name])) for name in ("ceiling_lower", "ceiling_upper"))
    return f"{low:.2f} to {high:.2f}, lower and upper bound"


def _geometry_verdict(material: Material, geometry: Geometry, name: str) -> Verdict:
    rule = f"above {name}: lower end of the difference, by bootstrap, above 0"
    if name not in geometry.models or geometry.differences is None:
        return not_testable({**material.not_testable, **geometry.without}[name], rule=rule)
    table = geometry.differences
    here = table.isel(pair=np.flatnonzero((table["first"] == MODEL).values & (table["second"] == name).values))
    return replace(exceeds(float(here["low"].item()), 0.0, of="0"), rule=rule)


def _decoding_claim(study: "Alignment", material: Material, decoded: Decoded) -> Claim:
    values, (n, n_of) = decoded.values(), _counted(material)
    effect, classes = float(np.nanmean(values)), decoded.kind == "classes"
    what = (
        "classes of held-out runs, told apart by mean patterns"
        if classes
        else "held-out stimuli, identified by features"
    )
    how = "classes exchanged within runs" if classes else next(iter(material.splits.values())).null_words()
    reasons = {**material.not_testable, **decoded.without}
    controls = {name: _decoding_verdict(study, decoded, reasons, name) for name in CONTROLS}
    return Claim(
        id="decoding",
        statement="",
        effect=effect,
        unit=f"two-way identification (chance 0.5) of {what}, mean over {counted(len(values))}",
        interval=_over_subjects(values, study.seed),
        p=float(p_value(np.asarray(effect), decoded.null)) if np.isfinite(effect) else float("nan"),
        null=Null(how, how.split(",")[0], len(decoded.null)),
        n=n,
        n_of=n_of,
        ceiling="no bound is known for identification",
        controls=controls,
    )


def _over_subjects(values: Array, seed: int) -> Interval | None:
    """Interval of a mean over six subjects or more; identification of the same stimuli, by other people."""
    if len(values) < FEWEST_SUBJECTS:
        return None
    low, high = bootstrap_interval(values, seed=seed)
    return Interval(float(low), float(high), "bootstrap over subjects; of other people, the same stimuli")


def _decoding_verdict(study: "Alignment", decoded: Decoded, reasons: dict[str, str], name: str) -> Verdict:
    of = f"the identification by {name}"
    if name not in decoded.scores:
        return not_testable(reasons[name], rule=f"above {of}")
    own, other = decoded.values(), decoded.values(name)
    interval = _over_subjects(own - other, study.seed)
    if interval is None:
        shown = (
            f"{np.nanmean(own):.3f} and {np.nanmean(other):.3f}: no interval with fewer than {FEWEST_SUBJECTS} subjects"
        )
        return not_testable(shown, rule=f"above {of}")
    return exceeds(interval.low, 0.0, of=f"0: lower end of the difference to {of}, over subjects")
