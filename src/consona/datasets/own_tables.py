"""A user's own tables: what was shown, which row of a file belongs to which stimulus, what the targets are."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.textcorpus import read_columns

MISSING = "n/a"
STIMULUS = "stimulus"
TABLES = (".csv", ".tsv")


def load_own_stimuli(path: Path | str) -> Stimuli:
    """What was shown, from a CSV or TSV file with the column ``stimulus`` (unique ids), one row per stimulus.

    The optional column ``text`` is what a language model reads; all others are groups and labels (run, time, category
    …). A column in which every cell is a number becomes numbers. ``n/a`` (as in BIDS) and empty cells are missing: an
    empty text, NaN among numbers, an empty label.

    Raises :class:`MissingData` where there is no file; :class:`InvalidInput` when the column ``stimulus`` is missing,
    an id is empty or occurs twice, or the file is damaged.
    """
    file = require_file(path, "a table of stimuli (CSV or TSV, with the column stimulus)")
    table = read_cells(file, (STIMULUS,))
    ids = require_ids(table[STIMULUS], file)
    columns = {
        str(name): table[name].to_numpy() if name == "text" else plain(table[name])
        for name in table
        if name != STIMULUS
    }
    return Stimuli(pd.DataFrame(columns, index=ids))


def read_cells(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A CSV or TSV file as text, ``n/a`` and blanks around a cell taken away; these columns must be there."""
    if path.suffix not in TABLES:
        raise InvalidInput(f"{path.name} is no table; expected a file that ends in .csv or .tsv.")
    table = read_columns(path, columns)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise InvalidInput(f"{path.name} has the columns {listed(twice)} more than once. Rename them.")
    if not len(table):
        raise InvalidInput(f"{path.name} has a header and no row; expected one row per stimulus. Fill it in.")
    return table.apply(lambda cells: cells.str.strip().replace(MISSING, ""))


def require_ids(cells: "pd.Series[str]", path: Path) -> list[str]:
    """The ids of a column; :class:`InvalidInput` names the rows without one."""
    empty = np.flatnonzero(cells == "") + 1
    if len(empty):
        raise InvalidInput(
            f"{path.name}: rows {listed(empty)} have no id in the column '{cells.name}' (empty or n/a). Give each row "
            "its id, or drop the row."
        )
    return [str(cell) for cell in cells]


def plain(cells: "pd.Series[str]") -> npt.NDArray[np.generic]:
    """Numbers where every cell that is there is one (whole ones stay whole), else text."""
    there = ~cells.isin(("", "nan", "NaN"))
    numbers = pd.to_numeric(cells.where(there), errors="coerce").to_numpy(dtype=float)
    if not there.any() or not np.isfinite(numbers[there.to_numpy()]).all():
        return cells.to_numpy()
    whole = there.all() and (numbers == np.round(numbers)).all() and not cells.str.contains(r"[.eE]").any()
    return numbers.astype(np.int64) if whole else numbers


def row_ids(path: Path, order: Path | str | None) -> list[str]:
    """The id of every row (volume) of a file: from the table ``order``, else from the table of the same name beside it.

    ``sub-01.npy`` goes with ``sub-01.csv`` or ``sub-01.tsv``. A row that shows no stimulus (rest) is empty or ``n/a``
    in the table, and empty in the answer. Raises :class:`InvalidInput` where there is no table, or no row names a
    stimulus: without ids nothing can be aligned.
    """
    beside = [path.with_name(stem(path) + suffix) for suffix in TABLES]
    tables = [Path(order)] if order is not None else [table for table in beside if table.is_file()]
    if not tables:
        raise InvalidInput(
            f"{path.name} carries no ids, and neither {listed(table.name for table in beside)} lies beside it. Write "
            "one with the column stimulus and a row per row of the file, or name that table as order; without ids "
            "nothing is aligned."
        )
    table = require_file(tables[0], "the table that names the stimulus of every row")
    ids = read_cells(table, (STIMULUS,))[STIMULUS]
    require_ids(ids[ids != ""] if (ids != "").any() else ids, table)
    return [str(each) for each in ids]


def target_labels(path: Path | str, n_targets: int) -> dict[str, npt.NDArray[np.generic]]:
    """Coordinates of the targets (roi, voxel, channel …) from a CSV or TSV file with one row per target."""
    file = require_file(path, "a table with one row per target (CSV or TSV)")
    table = read_cells(file, ())
    if len(table) != n_targets:
        raise InvalidInput(
            f"{file.name} names {len(table)} targets; the recording has {n_targets}. Give one row per target."
        )
    return {str(name): plain(table[name]) for name in table}


def require_file(path: Path | str, expected: str) -> Path:
    """The file; :class:`MissingData` says what was expected there."""
    if Path(path).is_file():
        return Path(path)
    what = "is a folder" if Path(path).is_dir() else "does not exist"
    raise MissingData(f"{path} {what}; expected {expected}. Check the path.")


def stem(path: Path) -> str:
    """The name of a file without its suffixes, ``.nii.gz`` and ``.fif.gz`` taken as one."""
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]
