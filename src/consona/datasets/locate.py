"""Where the corpora lie: ``$CONSONA_DATA/<name>`` first, then the folder that ``consona fetch`` fills."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from consona.core.errors import MissingData
from consona.core.invariants import listed

Found = TypeVar("Found")


def fetch_folder(name: str) -> Path:
    """The folder that ``consona fetch`` fills for one corpus; it need not exist."""
    import pooch  # a tenth of a second that most commands need not wait for

    return Path(pooch.os_cache("consona")) / "data" / name


def places(name: str) -> tuple[Path, ...]:
    """Where a corpus is looked for, in this order."""
    named = os.environ.get("CONSONA_DATA", "")
    first = (Path(named) / name,) if named else ()
    return (*first, fetch_folder(name))


def corpus_folder(name: str, folder: Path | str | None = None) -> Path:
    """The folder of a corpus: the one given, or the first place where it exists.

    Raises
    ------
    MissingData
        When there is none; the message names the places and the ``consona fetch`` line. Nothing is downloaded here.
    """
    if folder is not None:
        if Path(folder).is_dir():
            return Path(folder)
        raise MissingData(f"There is no folder {folder}; expected the corpus '{name}' there. Check the path.")
    for place in places(name):
        if place.is_dir():
            return place
    looked = " nor ".join(str(place) for place in places(name))
    hint = "" if os.environ.get("CONSONA_DATA") else " (CONSONA_DATA is not set)"
    raise MissingData(
        f"The corpus '{name}' is neither in {looked}{hint}. Put it there, or get it with: consona fetch {name}"
        if " nor " in looked
        else f"The corpus '{name}' is not in {looked}{hint}. Set CONSONA_DATA to the folder that holds '{name}', "
        f"or get it with: consona fetch {name}"
    )


def corpus_file(root: Path, relative: str, name: str) -> Path:
    """One file of a corpus that lies in ``root``; :class:`MissingData` names it where it is not there."""
    path = root / relative
    if path.is_file():
        return path
    raise MissingData(
        f"{root} lacks the file {relative} of '{name}'. Complete the folder, or run: consona fetch {name}"
    )


def wanted_subjects(found: Mapping[str, Found], subjects: Sequence[str] | None, said: str) -> dict[str, Found]:
    """What was found of these subjects, in their order, or of all where none is named.

    ``said`` begins the error: which corpus has how many of them.

    Raises
    ------
    MissingData
        When a subject is not among those that were found.
    """
    missing = [subject for subject in subjects or () if subject not in found]
    if missing:
        raise MissingData(
            f"{said}; not among them: {listed(missing)}. Leave them out of subjects=, or complete the folder."
        )
    return {subject: found[subject] for subject in subjects or found}


def checksums(root: Path, files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file, by its path inside ``root``."""
    return {path.relative_to(root).as_posix(): sha256(path) for path in sorted(set(files))}


def sha256(path: Path) -> str:
    """SHA-256 of one file, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
