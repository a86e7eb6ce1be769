"""The tables of the report: networks on new scenes, read-outs both ways, modes, consistency of captions."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.figure import figure
from consona.studies.scene_captions.encoding import Encoded
from consona.studies.scene_captions.names import MODES, OBJECTIVES
from consona.studies.scene_captions.networks import Networks
from consona.studies.scene_captions.reading import Texts
from consona.studies.scene_captions.readout import ReadOut
from consona.studies.scene_captions.rsa import Geometry

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions

READ = ("raw_r", "baseline_r", "centred_r", "two_way", "top1", "top5")


def draw_tables(study: "SceneCaptions", run: "Run", parts: "Parts") -> None:
    """Every table whose part was carried out."""
    run.step("figure-table-captions", consistency_table, parts.texts)
    run.step("figure-table-modes", mode_table, parts.encoded, parts.read_out)
    run.step("figure-table-regions", region_table, parts.geometry, parts.encoded, parts.material.regions)
    if parts.geometry.pairs is not None:
        run.step("figure-table-pairs", pair_table, parts.geometry.pairs, parts.material.higher)
    if parts.networks is not None:
        run.step("figure-table-networks", network_table, parts.networks)


def _table(rows: pd.DataFrame, title: str, caption: str) -> xr.Dataset:
    data = {str(name): ("label", rows[name].to_numpy()) for name in rows}
    return figure(xr.Dataset(data, {"label": [str(each) for each in rows.index]}), "table", title, caption)


def consistency_table(texts: Texts) -> xr.Dataset:
    """How much captions of one image have in common."""
    rows = {
        ("captions of the study" if name == "seen" else name): {
            "images": each.sizes["stimulus"],
            "r": float(each["r_mean"]),
            "low": float(each["r_low"]),
            "high": float(each["r_high"]),
            "with other images": float(each["r_mismatched"]),
            "r of dissimilarities": float(each["rdm_pearson_mean"]),
        }
        for name, each in texts.consistency.items()
    }
    caption = "One caption of an image with the mean of its others: what a perfect read-out of one caption could reach."
    return _table(pd.DataFrame(rows).T, "Do captions of one image agree?", caption)


def mode_table(encoded: Encoded, made: ReadOut) -> xr.Dataset:
    """The three modes side by side."""
    rows = {}
    for mode in MODES:
        scores = made.scores[mode]
        regions = encoded.modes[mode].mean("subject")
        rows[mode] = {f"encoding, {each}": float(regions.sel(region=each)) for each in regions["region"].values if each}
        rows[mode] |= {
            f"read-out, {name}": float(np.mean([float(each["mean"].sel(measure=name)) for each in scores.values()]))
            for name in READ
        }
    caption = (
        "Paper: fractions .05 to 1, one per target. Released: .05 to 1.05, one for all targets, and no intercept, "
        "which lowers the raw correlation of read-outs and nothing else. Corrected: as the paper, folds dealt by a "
        "seed. Means over people."
    )
    return _table(pd.DataFrame(rows).T, "Paper, released code and good practice", caption)


def region_table(found: Geometry, encoded: Encoded, regions: list[str]) -> xr.Dataset:
    """Captions in every region: as measured, the ceiling, on matched images, and from other sets."""
    rows = {}
    for region in regions:
        row = {"r": float(found.r.sel(region=region, model="caption mean").mean())}
        row["r, other sets"] = float(found.again.sel(region=region, model="caption mean").mean())
        row["SD over sets"] = float(found.spread.sel(region=region, model="caption mean").mean())
        if found.beside is not None and found.matched is not None:
            row["ceiling, all shared images"] = float(found.beside["ceiling"].sel(region=region).mean())
            row["ratio"] = float(found.beside["ratio"].sel(region=region, model="caption mean").mean())
            row["r, matched"] = float(found.matched["r"].sel(region=region, model="caption mean").mean())
            row["ceiling, matched"] = float(found.matched["ceiling"].sel(region=region).mean())
            row["ratio, matched"] = float(found.matched["ratio"].sel(region=region, model="caption mean").mean())
        row["encoding"] = float(encoded.rungs["caption mean"].sel(region=region).mean())
        row["encoding, captions exchanged"] = float(encoded.shuffled.sel(region=region).mean())
        rows[region] = row
    caption = (
        "Means over people. The ratio divides r of own images by a ceiling over all shared ones, as published: two "
        "numbers of which neither bounds the other. Matched: both on the same sets of shared images. Ratios are "
        "means of people's own."
    )
    return _table(pd.DataFrame(rows).T, "Captions and ceilings", caption)


def pair_table(pairs: dict[str, xr.Dataset], regions: list[str]) -> xr.Dataset:
    """Full captions with every other model: differences and the q of all three modes."""
    rows = {}
    for region in regions:
        one = pairs["corrected"].sel(region=region)
        for k, (first, second) in enumerate(zip(one["first"].values, one["second"].values, strict=True)):
            if str(first) != "caption mean" or str(second).rsplit(" ", 1)[-1].isdigit():
                continue
            rows[f"{region}: {second}"] = {
                "difference": float(one["difference"][k]),
                "low": float(one["low"][k]),
                "high": float(one["high"][k]),
                **{f"q, {mode}": float(pairs[mode].sel(region=region)["q"][k]) for mode in MODES},
            }
    caption = (
        "Full captions less every other model, paired over people (interval: t). q: false discovery rate within a "
        "region, by the test of each mode: paired t (paper), unpaired t (released), flips of signs (corrected)."
    )
    return _table(pd.DataFrame(rows).T, "Full captions beside every other model", caption)


def network_table(made: Networks) -> xr.Dataset:
    """What networks say of new scenes, and what can be read from their last layer."""
    rows = {}
    for name, check in made.checks.items():
        rows[name] = {
            "cosine": float(check["mean"].sel(measure="cosine")),
            "mean vector": float(check["mean"].sel(measure="baseline")),
            "gain, low": float(check["low"].sel(measure="gain")),
            **{
                f"{goal} read from it": float(made.probes[f"{name} to {goal}"]["mean"].sel(measure="cosine"))
                for goal in OBJECTIVES
            },
            **{
                f"{goal}, mean vector": float(made.probes[f"{name} to {goal}"]["mean"].sel(measure="mean vector"))
                for goal in OBJECTIVES
            },
        }
    caption = (
        f"Trained on {made.n_scenes:,} rendered scenes. Cosine of output and target on new scenes beside that of the "
        "mean target of training; then linear read-outs of both targets from the last layer."
    )
    return _table(pd.DataFrame(rows).T, "Networks on scenes they never saw", caption)
