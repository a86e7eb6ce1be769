"""The claim about what regions prefer among sentences."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Verdict, not_testable
from consona.stats.permutation import p_value
from consona.studies.scene_captions.names import LEVEL, PEOPLE_PLACES, SELECTIVITY_CONTROLS
from consona.studies.scene_captions.selectivity import Selective
from consona.studies.scene_captions.verdicts import (
    Array,
    by_null,
    fewest_p,
    is_true,
    people_interval,
    people_null,
    signs_p,
    weakest,
)

if TYPE_CHECKING:
    from consona.studies.scene_captions.parts import Parts

LATERAL, VENTRAL = "lateral", "ventral"


def apart(regions: xr.Dataset) -> Array:
    """People less places in lateral cortex, less the same in ventral cortex, by subject."""
    each = regions["difference"].sel(contrast=PEOPLE_PLACES)
    return np.asarray((each.sel(region=LATERAL) - each.sel(region=VENTRAL)).values, dtype=float)


def selectivity_claim(parts: "Parts") -> Claim | None:
    """How far the two regions differ in what they prefer; None where there are no such regions."""
    made = parts.selective
    if made is None or not {LATERAL, VENTRAL} <= set(made.regions["region"].values.tolist()):
        return None
    values = apart(made.regions)
    n, testable = len(values), len(values) > 1
    p = _largest_p(made, values) if testable else None
    return Claim(
        id="selectivity",
        statement="",
        effect=float(values.mean()),
        unit="SD of responses: predicted for sentences on people less sentences on places, in lateral less in ventral "
        "cortex (p: the largest of both regions alone, both together, and other sentences)",
        interval=people_interval(values) if testable else None,
        p=p,
        null=people_null(n) if testable else None,
        n=n,
        n_of="people",
        ceiling="a difference of predictions has none",
        controls=_verdicts(made),
        synthetic=parts.material.synthetic,
    )


def _largest_p(made: Selective, values: Array) -> float:
    """Of people above places in lateral cortex, the other way round in ventral, both together, and other sentences."""
    sides = {"lateral": side(made.regions, LATERAL), "ventral": -side(made.regions, VENTRAL), "both": values}
    each = [signs_p(one) if one.mean() > 0 else 1.0 for one in sides.values()]
    return max(*each, _pool_p(made) if made.pool is not None else 0.0)


def side(regions: xr.Dataset, region: str) -> Array:
    """People less places in one region, by subject."""
    return np.asarray(regions["difference"].sel(contrast=PEOPLE_PLACES, region=region).values, dtype=float)


def _beyond_others(regions: xr.Dataset) -> Verdict:
    """Lateral above, and ventral below, every other region."""
    others = [str(name) for name in regions["region"].values if name not in (LATERAL, VENTRAL, "")]
    if not others:
        return not_testable("there are no other regions", rule="lateral and ventral beyond other regions")
    pairs = {f"lateral less {name}": side(regions, LATERAL) - side(regions, name) for name in others}
    pairs |= {f"{name} less ventral": side(regions, name) - side(regions, VENTRAL) for name in others}
    return weakest(pairs, "people less places,")


def _pool_p(made: Selective) -> float:
    assert made.pool is not None  # the caller has looked
    null = made.pool.sel(region=LATERAL) - made.pool.sel(region=VENTRAL)
    return float(p_value(abs(float(apart(made.regions).mean())), np.abs(null.mean("subject").values)))


def _verdicts(made: Selective) -> dict[str, Verdict]:
    pool = (
        by_null(_pool_p(made), "groups of other sentences drawn at random", f"{apart(made.regions).mean():+.3f}")
        if made.pool is not None
        else not_testable("too few other sentences", rule="groups of other sentences")
    )
    other = apart(made.exchanged)
    rule = f"no difference (p above {LEVEL}) where encoders were fitted to captions of other images, one exchange"
    p = signs_p(other)
    few = fewest_p(len(other)) > LEVEL
    q = made.both if made.both is not None else made.maps["q"]
    against = "t over people and other sentences, both" if made.both is not None else "signs of people flipped"
    n_over = int((q <= LEVEL).sum())
    shown = f"{n_over} of {made.maps.attrs['n_tests']} targets and contrasts; by signs of people "
    shown += f"{int((made.maps['q'] <= LEVEL).sum())}"
    verdicts = {
        "beyond other sentences drawn at random": pool,
        "with half of the sentences": weakest(
            {name: apart(each) for name, each in made.halves.items()}, "lateral less ventral,"
        ),
        "not with captions of other images": not_testable(f"{len(other)} people give no p below {LEVEL}", rule=rule)
        if few
        else is_true(not p <= LEVEL, rule, f"p = {p:.2g} ({other.mean():+.3f})"),
        "beyond other regions": _beyond_others(made.regions),
        "corrected over targets and contrasts": is_true(
            n_over > 0, f"some target with q at most {LEVEL}, {against}", shown
        ),
    }
    return {name: verdicts[name] for name in SELECTIVITY_CONTROLS}
