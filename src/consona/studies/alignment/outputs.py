"""Files for other programs: every score as CSV, and maps of voxels or vertices as NIfTI and GIFTI."""

from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from consona.brain.maps import gifti_bytes, nifti_bytes
from consona.core.score import Score
from consona.engine.store import write_atomically
from consona.studies.alignment.encoding import Encoded
from consona.studies.alignment.material import Material

if TYPE_CHECKING:
    from consona.engine.run import Run


def write_outputs(run: "Run", material: Material, encoded: Encoded) -> None:
    """``results/scores.csv`` and, where targets are voxels or vertices, ``maps/SUBJECT_*.nii.gz`` or ``.func.gii``."""
    run.step("scores", score_table, encoded.scores, encoded.tests)
    for subject, score in encoded.scores.items():
        recording = material.recordings[subject]
        maps = {"r": score.data, "p": encoded.tests[subject]["p_max"]}
        for name, values in maps.items():
            stem = run.folder / "maps" / f"{subject}_{name}"
            if {"i", "j", "k"} <= set(score.data.coords) and "affine" in recording.attrs:
                write_atomically(stem.with_name(f"{stem.name}.nii.gz"), nifti_bytes(values, recording, compressed=True))
            elif "vertex" in score.data.coords and "n_vertices" in recording.attrs:
                write_atomically(stem.with_name(f"{stem.name}.func.gii"), gifti_bytes(values, recording))


def score_table(scores: dict[str, Score], tests: dict[str, xr.Dataset]) -> pd.DataFrame:
    """One row per subject, layer and target: score, ceiling, p, p corrected by the maximum, q, labels of the target."""
    return pd.concat(
        [_rows(score, tests[subject]).assign(subject=subject) for subject, score in scores.items()], ignore_index=True
    ).pipe(lambda table: table[["subject", *(column for column in table if column != "subject")]])


def _rows(score: Score, tests: xr.Dataset) -> pd.DataFrame:
    data = tests.assign(r=score.data)
    if score.ceiling is not None:
        data["ceiling"] = score.ceiling
    if "target" not in data.coords:
        data = data.assign_coords(target=range(data.sizes["target"]))
    return data.to_dataframe().reset_index()
