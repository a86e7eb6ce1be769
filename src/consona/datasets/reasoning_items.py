"""Published sets of generated deduction problems: training, validation and test, with all of their premises."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_file, corpus_folder
from consona.datasets.problems import condition, problems
from consona.datasets.textcorpus import read_text, require_split

NAME = "reasoning_items"
CITATION = "arXiv:2606.11893 (github.com/pkuxmq/Brain-guided_LLM, folder data)"
LICENCE = "MIT"
COMMIT = "f4c6f6b1b737a3885e198185456c7f1241fd2149"
SPLITS = {
    "test": "data/deductive_reasoning_data_test.json",
    "test 4 premises": "data/deductive_reasoning_data_test_4premises.json",
    "test 5 premises": "data/deductive_reasoning_data_test_5premises.json",
    "test 6 premises": "data/deductive_reasoning_data_test_6premises.json",
    "propositional": "data/deductive_reasoning_data_test_propositional.json",
    "validation": "data/deductive_reasoning_data_val_new.json",
    **{f"train {n}": f"data/deductive_reasoning_data_train_{n}.json" for n in (32, 64, 96, 128, 160, 192)},
    "relational test": "data/relational_test_set.jsonl",
    "relational validation": "data/relational_val_set.jsonl",
}

_KINDS = {"syllogisms": "syllogism", "transitive": "transitive", "propositional": "propositional"}
_CORNERS = {"A": "TopLeft", "B": "TopRight", "C": "BottomLeft", "D": "BottomRight"}
_NAMED = {
    "natural_photo": "a natural photo",
    "watercolor": "a watercolor",
    "sketch": "a sketch",
    "oil_painting": "an oil painting",
    "cartoon": "a cartoon",
}
Row = dict[str, Any]


def load_reasoning_items(split: str, folder: Path | str | None = None) -> Stimuli:
    """Problems of one split (a key of :data:`SPLITS`), ids ``syllogism0000`` …, half of the conclusions true.

    All premises are there: the published test of four to six premises printed only three. Records of the relational
    sets become sentences: four premises such as "A is blurred and zoomed out" and the conclusion "C and D differ as A
    and B" (in the attribute in which A and B differ).

    Raises
    ------
    MissingData
        When the folder or the file is not there.
    InvalidInput
        When there is no such split, or a record holds something else.
    """
    require_split(split, SPLITS, NAME)
    path = corpus_file(corpus_folder(NAME, folder), SPLITS[split], NAME)
    rows = _relational(path) if path.suffix == ".jsonl" else _written(path)
    table = pd.DataFrame(rows)
    place = table.groupby("kind").cumcount()
    return problems(table.set_axis([f"{kind}{i:04d}" for kind, i in zip(table["kind"], place, strict=True)]))


def _written(path: Path) -> list[Row]:
    groups = _parsed(path, read_text(path), "the file")
    if not isinstance(groups, dict) or not set(groups) <= set(_KINDS):
        raise InvalidInput(f"{path.name} holds other groups than {listed(_KINDS)}. Get the file again.")
    made = [_each(path, records, partial(_sentences, _KINDS[group])) for group, records in groups.items()]
    return [row for rows in made for row in rows]


def _sentences(kind: str, record: Row) -> Row:
    premises = tuple(record[name] for name in sorted(name for name in record if name.startswith("premise")))
    n_integrated, label, form = condition(record["trial_type"], kind, len(premises))
    return {
        "premises": premises,
        "conclusion": record["conclusion"],
        "kind": kind,
        "label": label,
        "n_integrated": n_integrated,
        "form": form,
    }


def _relational(path: Path) -> list[Row]:
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    return _each(path, [_parsed(path, line, f"line {i}") for i, line in enumerate(lines, start=1)], _described)


def _described(record: Row) -> Row:
    one, two = record["active_attributes"]
    which = [one, two].index(record["diff_attr_ab"]) + 1
    premises = tuple(
        f"{letter} is {_word(record['positions'][corner][one])} and {_word(record['positions'][corner][two])}"
        for letter, corner in _CORNERS.items()
    )
    label = {0: False, 1: True}[record["label"]]
    return {
        "premises": premises,
        "conclusion": "C and D differ as A and B",
        "kind": "relational",
        "label": label,
        "n_integrated": len(premises),
        "form": f"relational attribute {which} {'true' if label else 'false'}",
    }


def _word(value: str) -> str:
    return _NAMED.get(value, value.replace("_", " "))


def _parsed(path: Path, text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{path.name}: {where} is no JSON ({error}). Get the file again.") from error


def _each(path: Path, records: list[Row], make: Callable[[Row], Row]) -> list[Row]:
    """Rows of all records; :class:`InvalidInput` counts the one that holds something else."""
    rows = []
    for number, record in enumerate(records, start=1):
        try:
            rows.append(make(record))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise InvalidInput(
                f"{path.name}: problem {number} lacks or misspells {error}; expected premises, conclusion and "
                "trial_type, or positions, active_attributes, diff_attr_ab and label. Get the file again."
            ) from error
    return rows
