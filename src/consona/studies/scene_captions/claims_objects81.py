"""Claims about one person and 81 categories: categories are exchanged, and other sentences are drawn."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Null, Verdict, not_testable
from consona.core.figure import figure
from consona.stats.permutation import p_value
from consona.studies.scene_captions.claims import CAPTIONS_SAY, NETWORKS_SAY, corrected
from consona.studies.scene_captions.names import (
    CAPTION_CONTROLS,
    NETWORK_CONTROLS,
    READOUT_CONTROLS,
    SELECTIVITY_CONTROLS,
)
from consona.studies.scene_captions.objects81 import CAPTION, FACE, SCENE, Objects81, apart, in_spread, region_means
from consona.studies.scene_captions.verdicts import by_null, is_true, untested

if TYPE_CHECKING:
    from consona.engine.run import Run

NAMES_ONLY = "the categories have names and no captions"
NO_IMAGES = "the images are not at hand"
ONE_PERSON = "one person"
READOUT_SAYS = "Sentences about categories are read out of one person's visual cortex above chance"
SELECTIVITY_SAYS = "Encoders of sentences expect more of people, less of places, in face than in scene regions"


def small_claims(found: Objects81) -> list[Claim]:
    """Read-out and selectivity; the rest has nothing to be tested on."""
    return corrected(
        [
            (untested("captions", CAPTION_CONTROLS, NAMES_ONLY, synthetic=False), CAPTIONS_SAY),
            (_selectivity(found), SELECTIVITY_SAYS),
            (_read_out(found), READOUT_SAYS),
            (untested("networks", NETWORK_CONTROLS, NO_IMAGES, synthetic=False), NETWORKS_SAY),
        ]
    )


def _read_out(found: Objects81) -> Claim:
    score = found.read_out["all regions"]
    value = float(score.data.isel(layer=0).sel(attribute="two-way"))
    assert score.null is not None  # made with permutations
    null = score.null.isel(layer=0).sel(attribute="two-way").values
    top = float(score.data.isel(layer=0).sel(attribute="top1"))
    each = {name: float(one.data.isel(layer=0).sel(attribute="two-way")) for name, one in found.read_out.items()}
    made = {
        "first among the test images more often than by chance": by_null(
            float(p_value(top, score.null.isel(layer=0).sel(attribute="top1").values)),
            "categories exchanged",
            f"{top:.3f}",
        ),
        "in every subject": not_testable(
            "two-way " + ", ".join(f"{name} {one:.2f}" for name, one in each.items()), rule="one person"
        ),
    }
    rest = not_testable("81 categories without captions", rule="not looked at")
    return Claim(
        id="read-out",
        statement="",
        effect=value - float(null.mean()),
        unit=f"share of pairs of categories told apart (two-way {value:.3f}), above the null ({null.mean():.3f}), all "
        "regions together",
        interval=None,
        p=float(p_value(value, null)),
        null=Null("categories exchanged", "penalties and read-out fitted anew", len(null)),
        n=81,
        n_of="categories (1 person)",
        ceiling="no repetitions, so no ceiling",
        controls={name: made.get(name, rest) for name in READOUT_CONTROLS},
    )


def _selectivity(found: Objects81) -> Claim:
    scaled = {name: in_spread(found, getattr(found, name)) for name in ("contrast", "pool", "exchanged")}
    value = float(apart(scaled["contrast"]))
    pool, exchanged = apart(scaled["pool"]).values, apart(scaled["exchanged"]).values
    p_pool, p_exchanged = (float(p_value(abs(value), np.abs(each))) for each in (pool, exchanged))
    halves = [float(apart(in_spread(found, each))) for each in found.halves]
    regions = {str(name): float(scaled["contrast"].sel(region=name)) for name in scaled["contrast"]["region"].values}
    rest = [each for name, each in regions.items() if name not in (*FACE, *SCENE)]
    between = min(regions[name] for name in FACE) > max(rest) and max(regions[name] for name in SCENE) < min(rest)
    made = {
        "beyond other sentences drawn at random": by_null(p_pool, "groups of other sentences", f"{value:+.3f}"),
        "not with captions of other images": by_null(p_exchanged, "encoders of exchanged categories", f"{value:+.3f}"),
        "with half of the sentences": is_true(
            min(halves) > 0, "both halves above 0", ", ".join(f"{each:+.3f}" for each in halves)
        ),
        "beyond other regions": is_true(
            between,
            "every face region above, and every scene region below, all other regions",
            ", ".join(f"{name} {each:+.2f}" for name, each in regions.items()),
        ),
    }
    left: Verdict = not_testable(ONE_PERSON, rule="not looked at")
    return Claim(
        id="selectivity",
        statement="",
        effect=value,
        unit=f"predicted response, people less places in {' and '.join(FACE)}, less the same in {' and '.join(SCENE)}, "
        "every region in SD over encoders of exchanged categories",
        interval=None,
        p=max(p_pool, p_exchanged),
        null=Null("categories exchanged, or other sentences", "the larger of both p", len(exchanged)),
        n=81,
        n_of="categories (1 person)",
        ceiling="a difference of predictions has none",
        controls={name: made.get(name, left) for name in SELECTIVITY_CONTROLS},
    )


def draw(run: "Run", found: Objects81) -> None:
    """Encoding by region and features, read-out by region, contrasts by region."""
    run.step("figure-encoding", encoding_figure, found)
    run.step("figure-readout", readout_figure, found)
    run.step("figure-contrasts", contrast_figure, found)


def encoding_figure(found: Objects81) -> xr.Dataset:
    """Mean held-out r of the voxels of every region, by features."""
    rows = {name: region_means(score) for name, score in found.encoding.items()}
    regions = list(next(iter(rows.values())))
    data = xr.Dataset(
        {"value": (("row", "column"), [[row[region] for region in regions] for row in rows.values()])},
        {"row": list(rows), "column": regions},
    )
    caption = "Mean r over voxels, nine folds of categories, penalty chosen inside. One person, no ceiling."
    return figure(data, "heatmap", "Encoding of 81 categories", caption, label="held-out r")


def readout_figure(found: Objects81) -> xr.Dataset:
    """Two-way identification by region beside its null."""
    values, low, high = [], [], []
    for score in found.read_out.values():
        assert score.null is not None  # made with permutations
        null = score.null.isel(layer=0).sel(attribute="two-way").values
        values.append(float(score.data.isel(layer=0).sel(attribute="two-way")))
        low.append(float(np.quantile(null, 0.025)))
        high.append(float(np.quantile(null, 0.975)))
    data = xr.Dataset(
        {"effect": ("label", values), "null_low": ("label", low), "null_high": ("label", high)},
        {"label": list(found.read_out)},
    )
    caption = "Two-way identification of held-out categories among all 81. Bands: categories exchanged (95 %)."
    return figure(data, "bars", f"Read-out: {CAPTION} from responses", caption, xlabel="two-way identification")


def contrast_figure(found: Objects81) -> xr.Dataset:
    """People less places, predicted for every region."""
    pool = found.pool.sel(region=found.contrast["region"].values)
    data = xr.Dataset(
        {
            "effect": ("label", found.contrast.values),
            "null_low": ("label", pool.quantile(0.025, "draw").values),
            "null_high": ("label", pool.quantile(0.975, "draw").values),
        },
        {"label": [str(each) for each in found.contrast["region"].values]},
    )
    caption = (
        "Predicted response to sentences on people less sentences on places. Bands: groups of other sentences (95 %)."
    )
    return figure(data, "bars", "Contrasts of sentences", caption, xlabel="people less places")
