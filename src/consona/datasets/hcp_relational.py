"""The relational task of the Human Connectome Project, as single-trial betas and problems in words. Not shipped."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.glmsingle_betas import ONE_DURATION, load_trial_betas
from consona.datasets.locate import checksums, corpus_folder, wanted_subjects
from consona.datasets.own_arrays import Rows
from consona.datasets.own_tables import read_cells
from consona.datasets.own_trials import whole_recording
from consona.datasets.problems import problems
from consona.datasets.textcorpus import read_text

NAME = "hcp_relational"
LICENCE = "HCP data use terms; may not be shipped"
CITATION = (
    "Van Essen DC et al. (2013). The WU-Minn Human Connectome Project: an overview. NeuroImage 80:62-79; "
    "Barch DM et al. (2013), NeuroImage 80:169-189 (task); layout of arXiv:2606.11893"
)
MAPPING = "stimuli_mapping_final.jsonl"
BETAS = "hcp_fmri_results/stimdurMeanRT"
SHAPES = {1: "a circle", 2: "a cross", 3: "a triangle", 4: "a square", 5: "a star", 6: "a hexagon"}
TEXTURES = {
    1: "ring-dotted",
    2: "angular-ticked",
    3: "zigzag-dashed",
    4: "solid-blocked",
    5: "knot-woven",
    6: "swirl-hooked",
}

_CORNERS = {"A": "TopLeft", "B": "TopRight", "C": "BottomLeft", "D": "BottomRight"}
_FILE = re.compile(r"int_(?P<load>[a-z]+)_(?P<inhib>[a-z]+)_(?P<answer>YES|NO)_(?P<which>SHA|TEX)\.\d+\.bmp")
_ATTRIBUTES = {"SHA": "shape", "TEX": "texture"}


def load_hcp_relational(folder: Path | str | None = None, *, subjects: Sequence[str] | None = None) -> Dataset:
    """Betas and problems of the relational task, from a folder that you fill yourself.

    Parameters
    ----------
    folder
        With ``stimuli_mapping_final.jsonl`` (a line per image: ``stimulus_file`` and, under ``positions``, ``shape_id``
        and ``texture_id`` of the objects at ``TopLeft``, ``TopRight``, ``BottomLeft``, ``BottomRight``) and
        ``hcp_fmri_results/stimdurMeanRT/<group>/<subject>.mat`` (``all_voxels``, (n_trials, n_voxels)) with
        ``<subject>_trialinfo.csv`` beside it (``Stimulus``, ``ACC``). Else ``$CONSONA_DATA/hcp_relational``.
    subjects
        Whose; all that are there if not given.

    Returns
    -------
    Dataset
        Problems of the kind ``relational``, such as "A is a circle and ring-dotted", with the conclusion "C and D
        differ as A and B"; ids are the names of the images without ``.bmp``. Only images of four objects (``int_…``)
        are problems. ``attrs`` of a recording say the ``group`` (accuracy) and that all trials have one duration.

    Raises
    ------
    MissingData
        When the folder, a file of it or a subject is not there.
    InvalidInput
        When trials and rows of betas differ in number (both and the subject are named), a trial shows an image that is
        not in the mapping, an image has other objects, or its name says another answer than its objects do.
    """
    root = _root(folder)
    people = wanted_subjects(_people(root), subjects, f"{NAME} in {root}")
    stimuli = _stimuli(root / MAPPING)
    shown = {subject: _shown(person, stimuli) for subject, person in people.items()}
    made = tuple(_recording(person, shown[subject]["item"].tolist(), stimuli) for subject, person in people.items())
    used = set().union(*(table["item"] for table in shown.values()))
    kept = stimuli.select([name for name in stimuli.ids.tolist() if name in used])
    files = [root / MAPPING, *(path for each in people.values() for path in (each.betas, each.trials))]
    return Dataset(kept, made, NAME, "as found", LICENCE, CITATION, checksums(root, files))


def load_hcp_relational_behaviour(
    folder: Path | str | None = None, *, subjects: Sequence[str] | None = None
) -> xr.Dataset:
    """Answers: ``correct`` (1, 0, NaN where not shown) and ``response_time`` (s; NaN, the tables have none).

    Both are ``(subject, stimulus)``. Parameters and errors as :func:`load_hcp_relational`; an answer that is neither 1
    nor 0 is an :class:`InvalidInput`.
    """
    root = _root(folder)
    people = wanted_subjects(_people(root), subjects, f"{NAME} in {root}")
    stimuli = _stimuli(root / MAPPING)
    tables = {subject: _shown(person, stimuli) for subject, person in people.items()}
    ids = [name for name in stimuli.ids.tolist() if any(name in set(table["item"]) for table in tables.values())]
    rows = [table.groupby("item")["correct"].mean().reindex(ids).to_numpy() for table in tables.values()]
    correct = np.array(rows, dtype=np.float64)
    coords = {"subject": list(tables), "stimulus": ids, "kind": ("stimulus", ["relational"] * len(ids))}
    dims = ("subject", "stimulus")
    return xr.Dataset({"correct": (dims, correct), "response_time": (dims, np.full(correct.shape, np.nan))}, coords)


@dataclass(frozen=True)
class _Person:
    subject: str
    group: str
    betas: Path
    trials: Path


def _root(folder: Path | str | None) -> Path:
    """The folder; where it is not there, why it cannot be fetched."""
    try:
        return corpus_folder(NAME, folder)
    except MissingData:
        raise MissingData(
            f"The corpus '{NAME}' is not there{f' ({folder})' if folder else ''}. It is not shipped and not fetched: "
            "the terms of the Human Connectome Project let nobody pass its data on. Get access at "
            f"db.humanconnectome.org, put {MAPPING} and {BETAS} in $CONSONA_DATA/{NAME}, or name the folder."
        ) from None


def _people(root: Path) -> dict[str, _Person]:
    """Everybody of whom there are betas."""
    for needed in (root / MAPPING, root / BETAS):
        if not needed.exists():
            raise MissingData(f"{root} lacks {needed.relative_to(root)}; expected the layout of '{NAME}'. Complete it.")
    found = {}
    for path in sorted((root / BETAS).glob("*/*.mat")):
        trials = path.with_name(f"{path.stem}_trialinfo.csv")
        if not trials.is_file():
            raise MissingData(f"Subject '{path.stem}' has betas and no {trials.name}. Put it beside {path.name}.")
        found[path.stem] = _Person(path.stem, path.parent.name, path, trials)
    if not found:
        raise MissingData(f"{root / BETAS} holds no <group>/<subject>.mat. Complete the folder.")
    return found


def _stimuli(path: Path) -> Stimuli:
    """All images of four objects as problems."""
    rows = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            named = _FILE.fullmatch(str(record["stimulus_file"]))
            if named:
                rows[named.string.removesuffix(".bmp")] = _row(record["positions"], named)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"{path.name}, line {number}: {type(error).__name__} {error}; expected stimulus_file and "
                "positions with shape_id and texture_id (1 to 6) of four objects, the first two of which differ in one "
                "of them, as the name says. Mend the line."
            ) from None
    if not rows:
        raise InvalidInput(f"{path.name} holds no image int_<load>_<inhibition>_<YES|NO>_<SHA|TEX>.<n>.bmp.")
    return problems(pd.DataFrame.from_dict(rows, orient="index"))


def _row(positions: dict[str, dict[str, int]], named: re.Match[str]) -> dict[str, Any]:
    """One image in words; the name must say what the objects do."""
    objects = {
        letter: (positions[corner]["shape_id"], positions[corner]["texture_id"]) for letter, corner in _CORNERS.items()
    }
    differ = [i for i in range(2) if objects["A"][i] != objects["B"][i]]
    attribute = ("SHA", "TEX").index(named["which"])
    label = objects["C"][attribute] != objects["D"][attribute]
    if differ != [attribute] or label != (named["answer"] == "YES"):
        raise ValueError(f"{named.string} has other objects than its name says")
    premises = tuple(
        f"{letter} is {SHAPES[shape]} and {TEXTURES[texture]}" for letter, (shape, texture) in objects.items()
    )
    answer = "true" if label else "false"
    return {
        "premises": premises,
        "conclusion": "C and D differ as A and B",
        "kind": "relational",
        "label": label,
        "form": f"relational {named['load']} {named['inhib']} {_ATTRIBUTES[named['which']]} {answer}",
    }


def _shown(person: _Person, stimuli: Stimuli) -> pd.DataFrame:
    """``item`` and ``correct`` of every trial of a person."""
    cells = read_cells(person.trials, ("Stimulus", "ACC"))
    items = [Path(name).name.removesuffix(".bmp") for name in cells["Stimulus"]]
    unknown = [name for name in items if name not in set(stimuli.ids.tolist())]
    if unknown:
        raise InvalidInput(
            f"Subject '{person.subject}': {len(unknown)} of {len(items)} trials show images that {MAPPING} does not "
            f"hold as problems, first {listed(unknown, 1)}. Add them, or drop the trials and their betas."
        )
    correct = pd.to_numeric(cells["ACC"].where(cells["ACC"] != ""), errors="coerce")
    odd = np.flatnonzero((cells["ACC"] != "") & ~correct.isin((0, 1))) + 1
    if len(odd):
        raise InvalidInput(
            f"Subject '{person.subject}' ({person.trials.name}): ACC is neither 1 nor 0 in rows {listed(odd)}. Mend it."
        )
    return pd.DataFrame({"item": items, "correct": correct.astype(float)})


def _recording(person: _Person, items: list[str], stimuli: Stimuli) -> Recording:
    values = load_trial_betas(person.betas).values
    if len(values) != len(items):
        raise InvalidInput(
            f"Subject '{person.subject}' has betas of {len(values)} trials and {person.trials.name} {len(items)} rows; "
            "expected one row per trial. Complete the files, or leave the subject out."
        )
    facts = {"region": "multiple demand", "group": person.group, "duration": ONE_DURATION}
    return whole_recording([Rows(values, items)], stimuli.ids, person.subject, facts)
