"""What may still be wrong with a run: read off its checks, controls, ceilings and notes, so that no study can leave it out."""

from collections.abc import Mapping, Sequence
from typing import Any

from consona.report.read import Material
from consona.report.wording import CEILING, LEAKAGE, check_rows


def threats(material: Material) -> list[tuple[str, list[str]]]:
    """Headings (leakage, ceiling, controls, this run) with the sentences under each; none is ever empty."""
    rows = check_rows(material.checks)
    known = LEAKAGE | CEILING
    headings = [
        ("Leakage", _checks([row for row in rows if row["code"] in LEAKAGE], "leakage")),
        ("Ceiling", _ceilings(material.claims) + _fired([row for row in rows if row["code"] in CEILING])),
        ("Controls", _controls(material.claims)),
        ("This run", _run(material) + _fired([row for row in rows if row["code"] not in known])),
    ]
    return [(heading, said or ["Nothing was recorded."]) for heading, said in headings]


def _fired(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return [f"{row['code']} {row['outcome']}: {row['found'] or row['title']}" for row in rows if row["mark"] in ("fired", "error")]


def _checks(rows: Sequence[Mapping[str, str]], subject: str) -> list[str]:
    passed = [row["code"] for row in rows if row["mark"] == "passed"]
    idle = [row["code"] for row in rows if row["mark"] == "idle"]
    said = _fired(rows)
    if passed:
        said.append(f"Passed: {', '.join(passed)}.")
    if idle:
        said.append(f"Not applicable here, so not ruled out: {', '.join(idle)}.")
    return said or [f"No check of this run looked for {subject}."]


def _ceilings(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    without: dict[str, list[str]] = {}
    for k, claim in enumerate(claims, start=1):
        ceiling = claim.get("ceiling")
        if not isinstance(ceiling, int | float):
            without.setdefault(str(ceiling or "no reason was given"), []).append(str(k))
    said = [f"Claim{'s' * (len(ks) > 1)} {', '.join(ks)} without a ceiling: {reason}" for reason, ks in without.items()]
    return said or ["Every claim has its ceiling beside it; no score was divided by one."]


def _controls(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    said = []
    for k, claim in enumerate(claims, start=1):
        for name, control in claim.get("controls", {}).items():
            if control.get("verdict") != "held":
                said.append(f"Claim {k}: “{name}” {_was(control)} ({control.get('value', '')}).")
    return said or ["Every control of every claim held."]


def _was(control: Mapping[str, Any]) -> str:
    return "could not be tested here" if control.get("verdict") == "not testable here" else "did not hold"


def _run(material: Material) -> list[str]:
    manifest = material.manifest
    said = []
    if material.synthetic:
        said.append("The data are synthetic, with a planted effect: nothing here describes a brain.")
    if (manifest.get("git") or {}).get("dirty"):
        said.append("The code had changes that no commit holds.")
    if not material.claims:
        said.append("The study made no claim.")
    return said + [str(note) for note in [*manifest.get("notes", []), *manifest.get("warnings", [])]]
