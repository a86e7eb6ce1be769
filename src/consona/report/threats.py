"""What may still be wrong with a run, read off its checks, controls, ceilings and notes: no study can leave it out."""

from collections.abc import Sequence

from consona.engine.claims import ClaimEntry, FindingEntry
from consona.report.read import Material
from consona.report.wording import typeset

LEAKAGE = {"CON001", "CON002", "CON006", "CON011"}
CEILING = {"CON003"}


def threats(material: Material) -> list[tuple[str, list[str]]]:
    """Headings (leakage, ceiling, controls, this run) with the sentences under each; none is ever empty."""
    checks, others = material.checks, LEAKAGE | CEILING
    return [
        ("Leakage", _leakage([each for each in checks if each.code in LEAKAGE])),
        ("Ceiling", _fired([each for each in checks if each.code in CEILING]) + _ceilings(material.claims)),
        ("Controls", _controls(material.claims)),
        (
            "This run",
            _run(material) + _fired([each for each in checks if each.code not in others]) or ["Nothing else."],
        ),
    ]


def _fired(checks: Sequence[FindingEntry]) -> list[str]:
    said = {"fired": "fired", "error": "could not be carried out"}
    return [f"{each.code} {said[each.outcome]}. {each.message}" for each in checks if each.outcome in said]


def _leakage(checks: Sequence[FindingEntry]) -> list[str]:
    said = _fired(checks)
    passed = [each.code for each in checks if each.outcome == "passed"]
    idle = [each.code for each in checks if each.outcome == "not applicable"]
    if passed:
        said.append(f"Looked for and not found: {', '.join(passed)}.")
    if idle:
        said.append(f"Not looked for, for want of evidence: {', '.join(idle)}.")
    return said or ["No check of this run looked for leakage."]


def _ceilings(claims: Sequence[ClaimEntry]) -> list[str]:
    without: dict[str, list[str]] = {}
    for k, claim in enumerate(claims, start=1):
        if not isinstance(claim.ceiling, float):
            without.setdefault(claim.ceiling or "no reason was given", []).append(str(k))
    said = [
        f"Claim{'s' * (len(ks) > 1)} {' and '.join(ks)} {'have' if len(ks) > 1 else 'has'} no ceiling: {_stop(reason)}"
        for reason, ks in without.items()
    ]
    return said or ["Every claim has its ceiling beside it; no score was divided by one."]


def _controls(claims: Sequence[ClaimEntry]) -> list[str]:
    words = {"did not hold": "did not hold", "not testable here": "could not be tested here"}
    said = []
    for k, claim in enumerate(claims, start=1):
        for verdict, verb in words.items():
            those = [
                f"{name} ({typeset(each.value)})" for name, each in claim.controls.items() if each.verdict == verdict
            ]
            said += [f"Claim {k}, {verb}: {', '.join(those)}."] if those else []
    return said or ["Every control of every claim held." if claims else "There is no claim, so no control."]


def _run(material: Material) -> list[str]:
    manifest, said = material.manifest, []
    if material.synthetic:
        said.append("The data are synthetic, with a planted effect: nothing here describes a brain.")
    elif material.made_up:
        said.append(f"Synthetic, and behind no claim: {', '.join(material.made_up)}.")
    if manifest.status != "finished":
        said.append(f"The run is {manifest.status}, so results may be missing.")
    commit = manifest.environment.consona
    if commit is not None and commit.dirty:
        said.append("The code of this package had changes that no commit holds.")
    unnamed = [step.name for step in manifest.steps if step.key is None]
    if unnamed:
        said.append(f"Not identified well enough to be stored for re-use: {', '.join(unnamed)}.")
    warned = [f"Step {step.name}: {_stop(each)}" for step in manifest.steps for each in step.warnings]
    return said + [_stop(note) for note in manifest.notes] + warned


def _stop(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
