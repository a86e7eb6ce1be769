"""A run folder in, one self-contained HTML file out: no network, no script, every text from outside escaped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from consona.core.errors import InvalidInput
from consona.engine.store import write_atomically
from consona.report import wording
from consona.report.figures import figure_file, figure_svg, is_drawn
from consona.report.interactive_views import views
from consona.report.methods import methods, settings
from consona.report.palette import themed
from consona.report.provenance import citations, facts, provenance, steps
from consona.report.read import Material, Result, read_run
from consona.report.tables import Table, frames_of, tables_of
from consona.report.threats import threats

# Style attributes of the drawings need 'unsafe-inline'; with nothing to load, a style can send nothing anywhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Shown:
    """One figure as the page shows it: a drawing or a reason why there is none, and the numbers as tables."""

    label: str
    title: str
    caption: str
    n: str
    notes: str
    svg: Markup | None
    tables: tuple[Table, ...]
    fault: str
    synthetic: bool


def build_report(run_folder: Path | str) -> Path:
    """Write ``report.html`` into a run folder and return its path; the same run gives the same bytes.

    Raises
    ------
    MissingData
        When the folder, or one of manifest.json, claims.json and checks.json, does not exist.
    InvalidInput
        When one of them has another form.
    StoreError
        When a result cannot be opened, or the report cannot be written.
    """
    material = read_run(Path(run_folder))
    path = material.folder / "report.html"
    write_atomically(path, render(material).encode("utf-8"))
    return path


def save_figures(run_folder: Path | str, folder: Path | str) -> list[Path]:
    """Write every drawn figure of a run as SVG and PDF, every table as CSV, into ``folder``; returns the paths.

    A map on the whole of fsaverage5 comes as two more pages, one per hemisphere, that turn in a browser.

    Files are numbered as in the report: ``figure-10-scalp-class-text.svg``, ``table-03-cohort-mean.csv``.

    Raises
    ------
    MissingData, InvalidInput, StoreError
        As ``build_report``; a figure that cannot be drawn is an error here.
    """
    written = []
    for kind, k, result in _counted(read_run(Path(run_folder)).results):
        stem = f"{kind.lower()}-{k:02d}{_slug(result.name)}"
        for ending, content in _files(result):
            path = Path(folder) / f"{stem}{ending}"
            write_atomically(path, content)
            written.append(path)
    return written


def _files(result: Result) -> Iterator[tuple[str, bytes]]:
    """What is kept of a result outside the report, each with the end of its file name."""
    if is_drawn(result.data):
        for suffix in ("svg", "pdf"):
            yield f".{suffix}", figure_file(result.data, suffix=suffix, name=result.name)
        yield from ((f"-{ending}.html", page) for ending, page in views(result.data))
    else:
        for i, frame in enumerate(frames_of(result.data), start=1):
            yield f"-part-{i}.csv" if i > 1 else ".csv", frame.to_csv(index=False, lineterminator="\n").encode()


def render(material: Material) -> str:
    """The page of a run as text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("consona.report", "templates"),
        autoescape=True,  # for every template, whatever its name ends with
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        each.__name__: each
        for each in (
            wording.number,
            wording.p_value,
            wording.null_of,
            wording.interval_of,
            wording.ceiling_of,
            wording.whisker,
            wording.duration,
            wording.typeset,
        )
    }
    return environment.get_template("report.html").render(_page(material))


def _page(material: Material) -> dict[str, Any]:
    """Everything the template shows."""
    return {
        "policy": POLICY,
        "style": Markup(_style()),  # ours: from this package, nothing of the run is in it
        "material": material,
        "study": material.manifest.study,
        "question": material.manifest.question or material.manifest.study,
        "facts": facts(material),
        "claims": material.claims,
        "verdicts": wording.VERDICTS,
        "checks": wording.check_rows(material.checks),
        "check_summary": wording.check_summary(material.checks),
        "figures": [shown(result, f"{kind} {k}") for kind, k, result in _counted(material.results)],
        "threats": threats(material),
        "methods": methods(material),
        "settings": settings(material),
        "citations": citations(material),
        "steps": steps(material),
        "provenance": provenance(material),
    }


def _counted(results: Sequence[Result]) -> Iterator[tuple[str, int, Result]]:
    """The results in order, as "Figure" or "Table" with a number; the two are counted each on their own."""
    counts = {"Figure": 0, "Table": 0}
    for result in results:
        kind = "Figure" if is_drawn(result.data) else "Table"
        counts[kind] += 1
        yield kind, counts[kind], result


def shown(result: Result, label: str) -> Shown:
    """A result as the page shows it. One that cannot be drawn says so in its place and keeps its table."""
    attrs = {key: str(result.data.attrs.get(key, "")) for key in ("title", "caption", "n", "notes")}
    svg, fault = None, ""
    if is_drawn(result.data):
        try:
            svg = Markup(figure_svg(result.data, name=result.name))  # checked there: shapes and text only
        except InvalidInput as error:
            fault = f"This figure could not be drawn: {error}"
    elif result.kind != "table":
        fault = f"There is no drawing for figures of kind “{result.kind}”; its numbers follow."
    attrs["title"] = attrs["title"] or result.name
    made_up = bool(result.data.attrs.get("synthetic", 0))
    return Shown(label=label, svg=svg, tables=tuple(tables_of(result.data)), fault=fault, synthetic=made_up, **attrs)


def _style() -> str:
    """The style sheet, after the inks of both themes (printing takes those for paper)."""
    template = jinja2.PackageLoader("consona.report", "templates")
    sheet, _, _ = template.get_source(jinja2.Environment(autoescape=True), "style.css")
    paper = "".join(f"--{name}:{light};" for name, (light, _) in themed().items())
    dark = "".join(f"--{name}:{ink};" for name, (_, ink) in themed().items())
    return f":root{{{paper}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{sheet}"


def _slug(name: str) -> str:
    """A result's name after a number in a file name: no number of its own, only letters, digits, dots and hyphens."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    kept = re.sub(r"^(figure|table)-\d+[a-z]?(-|$)", "", kept.strip(".-")).strip(".-")
    return f"-{kept}" if kept else ""
