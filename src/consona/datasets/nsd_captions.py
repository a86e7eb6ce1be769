"""Captions and object names of photographs: COCO's files, the shared images of NSD, and captions without images."""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_file, corpus_folder
from consona.datasets.textcorpus import read_table, read_text

__all__ = ["coco_captions", "coco_categories", "load_coco_captions", "load_nsd_shared1000"]

_SHARED = "source_code/pressures/brain_data/image_sets/shared1000.csv"
_CAPTIONS = "derived_ms_coco_nsd_captions_val.json"
_DECODER = json.JSONDecoder()


def load_nsd_shared1000(folder: Path | str | None = None) -> Stimuli:
    """The 1,000 images that all subjects of NSD saw, in the order of their COCO ids, ``coco000000000584`` …

    ``text`` holds the captions (five; six for three images), ``coco_id`` is COCO's number, ``categories`` are the names
    of the objects, each once. NSD's own numbers are not in the file. No image and no response comes with it.

    Raises
    ------
    MissingData
        When the file is not there.
    InvalidInput
        When it has other rows or columns.
    """
    path = corpus_file(corpus_folder("nsd_shared1000", folder), _SHARED, "nsd_shared1000")
    table = read_table(path, ("image_id", "coco_categs", "coco_captions"))
    rows = [_row(row, number, path) for number, row in enumerate(table.to_dict("records"), start=1)]
    return Stimuli(pd.DataFrame(rows, index=[f"coco{row['coco_id']:012d}" for row in rows]))


def load_coco_captions(folder: Path | str | None = None) -> Stimuli:
    """2,051 photographs of COCO that are *not* in NSD, ``caption0000`` …, by their captions alone.

    ``text`` holds five captions each (six for six of them). There are neither images nor their ids.

    Raises
    ------
    MissingData
        When the file is not there.
    InvalidInput
        When it holds something else than lists of captions.
    """
    path = corpus_file(corpus_folder("nsd_captions", folder), _CAPTIONS, "nsd_captions")
    try:
        found = json.loads(read_text(path))
    except ValueError as error:
        raise InvalidInput(f"{path} is no JSON ({error}). Get the file again.") from error
    odd = [i for i, row in enumerate(found, start=1) if not _is_captions(row)] if isinstance(found, list) else [1]
    if odd or not found:
        raise InvalidInput(f"{path}: entries {listed(odd)} are no lists of captions. Get the file again.")
    texts = [tuple(map(_line, row)) for row in found]
    return Stimuli(pd.DataFrame({"text": texts}, index=[f"caption{i:04d}" for i in range(len(texts))]))


def coco_captions(
    annotations: Path, splits: Sequence[str], coco: npt.NDArray[np.int64], table: Path
) -> list[tuple[str, ...]]:
    """Captions of these images of COCO, in their order, from ``captions_<split>.json``.

    Raises
    ------
    MissingData
        When a file is not there.
    InvalidInput
        When an image has no caption; its row (from 1) in ``table`` is named.
    """
    wanted = set(coco.tolist())
    texts: dict[int, list[tuple[int, str]]] = {}
    paths = [annotations / f"captions_{split}.json" for split in splits]
    for path in paths:
        for note in _notes(path, "annotations"):
            if note.get("image_id") in wanted and str(note.get("caption", "")).strip():
                texts.setdefault(int(note["image_id"]), []).append((int(note.get("id", 0)), _line(note["caption"])))
    without = [i for i, image in enumerate(coco.tolist(), start=1) if image not in texts]
    if without:
        raise InvalidInput(
            f"{len(without)} of {len(coco)} images have no caption in {listed(p.name for p in paths)}: the first is "
            f"row {without[0]} of {table.name}, COCO image {coco[without[0] - 1]}. Get the annotations of COCO 2017."
        )
    return [tuple(text for _, text in sorted(texts[image])) for image in coco.tolist()]


def coco_categories(
    annotations: Path, splits: Sequence[str], coco: npt.NDArray[np.int64]
) -> list[tuple[str, ...]] | None:
    """Names of the objects in these images of COCO, each once, in the order of COCO's categories.

    From ``instances_<split>.json``; None where one of these files is not there. An image without objects has none.
    """
    paths = [annotations / f"instances_{split}.json" for split in splits]
    if not all(path.is_file() for path in paths):
        return None
    wanted = set(coco.tolist())
    kinds: dict[int, set[int]] = {}
    names: dict[int, str] = {}
    for path in paths:
        names |= {int(each["id"]): str(each["name"]) for each in _notes(path, "categories")}
        for note in _notes(path, "annotations"):
            if note.get("image_id") in wanted:
                kinds.setdefault(int(note["image_id"]), set()).add(int(note["category_id"]))
    unknown = sorted(set().union(*kinds.values()) - set(names)) if kinds else []
    if unknown:
        raise InvalidInput(f"{listed(p.name for p in paths)} name no categories {listed(unknown)}. Get them again.")
    return [tuple(names[kind] for kind in sorted(kinds.get(image, ()))) for image in coco.tolist()]


def _notes(path: Path, part: str) -> Iterator[Mapping[str, Any]]:
    """The entries of one list in a file of COCO, one by one: as Python objects the whole would take gigabytes."""
    if not path.is_file():
        raise MissingData(f"There is no {path}; expected the annotations of COCO 2017. Get them: cocodataset.org.")
    text = read_text(path)
    begin = re.search(rf'"{part}"\s*:\s*\[', text)
    if begin is None:
        raise InvalidInput(f"{path} holds no list '{part}'. Get the file again.")
    place, number = begin.end(), 0
    while True:
        while text[place : place + 1] in (" ", "\n", "\r", "\t", ","):
            place += 1
        if text[place : place + 1] == "]":
            return
        number += 1
        try:
            entry, place = _DECODER.raw_decode(text, place)
        except ValueError as error:
            raise InvalidInput(f"{path}: entry {number} of '{part}' is damaged ({error}). Get it again.") from error
        if not isinstance(entry, dict):
            raise InvalidInput(f"{path}: entry {number} of '{part}' is no record. Get the file again.")
        yield entry


def _row(row: Mapping[Any, str], number: int, path: Path) -> dict[str, Any]:
    try:
        kinds, texts, coco = (
            ast.literal_eval(row["coco_categs"]),
            ast.literal_eval(row["coco_captions"]),
            row["image_id"],
        )
        found = {"text": tuple(map(_line, texts)), "coco_id": int(coco), "categories": tuple(dict.fromkeys(kinds))}
    except (ValueError, SyntaxError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{path}: row {number} cannot be read ({error}). Get the file again.") from error
    if not found["text"]:
        raise InvalidInput(f"{path}: row {number} has no caption. Get the file again.")
    return found


def _line(text: str) -> str:
    """A caption on one line: some end in a line break or hold two blanks."""
    return " ".join(str(text).split())


def _is_captions(row: object) -> bool:
    return isinstance(row, list) and len(row) > 0 and all(isinstance(each, str) and each.strip() for each in row)
