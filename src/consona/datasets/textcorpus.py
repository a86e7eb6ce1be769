"""Read a text corpus of separated values without guessing: every cell is text, and every odd row has a name."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.invariants import listed


def require_split(split: str, splits: Mapping[str, str] | Sequence[str], corpus: str) -> None:
    """The split exists."""
    if split not in splits:
        raise InvalidInput(f"{corpus} has no split '{split}'; choose one of {listed(splits)}.")


def read_text(path: Path) -> str:
    """The file as text; :class:`InvalidInput` where it is no UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path.name} is no UTF-8 text ({error.reason} at byte {error.start}). Get it again."
        ) from error


def read_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A tab-separated file without header: text cells, quotation marks taken as they are.

    Raises :class:`InvalidInput` naming the first line with another number of cells, or without text.
    """
    rows = []
    for number, line in enumerate(read_text(path).removesuffix("\n").split("\n"), start=1):
        cells = line.removesuffix("\r").split("\t")
        if len(cells) != len(columns):
            raise InvalidInput(
                f"{path.name}, line {number}: {len(cells)} cells, expected {len(columns)} ({', '.join(columns)}). "
                "Mend the line, or get the file again."
            )
        rows.append(cells)
    return require_texts(pd.DataFrame(rows, columns=list(columns), dtype=object), path)


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """These columns of a comma-separated file with header, see :func:`read_columns`."""
    return read_columns(path, columns)[list(columns)]


def read_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """All columns of a file with header, these among them: text cells (the word ``None`` stays a word).

    Cells are separated by commas, in a file that ends in ``.tsv`` by tabs. Notes in front open with #.

    Raises :class:`InvalidInput` when a column is missing or a row has another number of cells.
    """
    lines = StringIO(read_text(path), newline="").readlines()
    notes = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    reader = csv.reader(lines[notes:], delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    try:
        header, *rows = list(reader) or [[]]
    except csv.Error as error:
        raise InvalidInput(
            f"{path.name}, line {notes + reader.line_num}: {error}. Mend the quotation marks."
        ) from error
    missing = [column for column in columns if column not in header]
    if missing:
        raise InvalidInput(f"{path.name} has the columns {listed(header)}; missing: {listed(missing)}. Check the file.")
    odd = [str(i) for i, row in enumerate(rows, start=1) if len(row) != len(header)]
    if odd:
        raise InvalidInput(f"{path.name}: rows {listed(odd)} do not have {len(header)} cells. Mend them.")
    return pd.DataFrame(rows, columns=header, dtype=object)


def require_texts(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """No text is empty; the message names the rows."""
    empty = np.flatnonzero(table["text"].str.strip() == "") + 1
    if len(empty):
        raise InvalidInput(
            f"{path.name}: the text of rows {listed(empty)} is empty. Drop these rows, or get the file again."
        )
    return table


def numbers(table: pd.DataFrame, column: str, path: Path) -> "pd.Series[float]":
    """A column as numbers; :class:`InvalidInput` names the rows that hold none."""
    values = pd.to_numeric(table[column], errors="coerce").astype(float)
    bad = np.flatnonzero(~np.isfinite(values)) + 1
    if len(bad):
        raise InvalidInput(f"{path.name}: column '{column}' holds no number in rows {listed(bad)}. Mend these rows.")
    return values
