"""Responses in regions alone, in a file of their own: what is read again and again need not be picked out of all."""

from pathlib import Path
from typing import Any

import numpy as np

from consona.datasets.response_files import Labels, ResponseFile, open_responses, prepared_from, write_responses

__all__ = ["region_file"]

ROWS = 256  # images that are copied at once


def region_file(file: ResponseFile, path: Path | str) -> ResponseFile:
    """The targets of a file that lie in some region (``roi``), in their order, with their labels.

    Where no regions are known, or all targets lie in some, it is the file itself; a file that was made from the same
    responses is opened.

    Raises
    ------
    StoreError
        When the disk is full or cannot be written.
    """
    labels = file.labels()
    kept = np.flatnonzero(labels["roi"] != "") if "roi" in labels else np.arange(file.n_targets)
    if len(kept) in (0, file.n_targets):
        return file
    if prepared_from(path) == file.sha256:
        return open_responses(path)

    def fill(mapped: "np.memmap[Any, Any]") -> Labels:
        for start in range(0, len(file.ids), ROWS):
            mapped[start : start + ROWS] = file.values(file.ids[start : start + ROWS], kept)
        return {name: each[kept] for name, each in labels.items()}

    facts = {**file.facts(), "key": file.sha256, "regions_of": file.n_targets}
    repetitions = file.repetitions()
    return write_responses(path, file.ids, len(kept), fill, subject=file.subject, repetitions=repetitions, facts=facts)
