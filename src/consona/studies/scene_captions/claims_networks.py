"""The claim about networks that learn captions and the same networks that learn categories."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Null, Verdict, not_testable
from consona.studies.scene_captions.names import (
    ARCHITECTURES,
    CAPTION,
    CATEGORY,
    EMBEDDING,
    FEEDFORWARD,
    HIGHER,
    LEVEL,
    NAMED,
    NETWORK_CONTROLS,
    UNTRAINED,
    network_name,
)
from consona.studies.scene_captions.verdicts import (
    fewest_p,
    is_true,
    over_people,
    people_interval,
    people_null,
    signs_p,
    weakest,
)

if TYPE_CHECKING:
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions


def arm(r: xr.DataArray, architecture: str, objective: str, n_seeds: int) -> xr.DataArray:
    """Scores of all seeds of one architecture and objective, ``(subject, seed)``."""
    names = [network_name(architecture, objective, seed) for seed in range(n_seeds)]
    return r.sel(model=names).rename(model="seed").assign_coords(seed=np.arange(n_seeds))


def advantage(r: xr.DataArray, n_seeds: int, against: str = CATEGORY) -> xr.DataArray:
    """Trained to captions less trained to something else, ``(architecture, subject, seed)``; ``r (subject, model)``."""
    each = [arm(r, a, EMBEDDING, n_seeds) - arm(r, a, against, n_seeds) for a in ARCHITECTURES]
    return xr.concat(each, xr.IndexVariable("architecture", list(ARCHITECTURES)))


def network_claim(study: "SceneCaptions", parts: "Parts") -> Claim:
    """Mean over both architectures and all seeds; people are the unit."""
    r = parts.geometry.r.sel(region=parts.material.higher).mean("region")
    every = advantage(r, study.counts.n_seeds)
    people = every.mean(["architecture", "seed"]).values
    n, testable = len(people), len(people) > 1
    spread = float(every.mean("subject").std(ddof=1))
    return Claim(
        id="networks",
        statement="",
        effect=float(people.mean()),
        unit="r of dissimilarities of the last layer, trained to captions less trained to categories, mean "
        f"over people, regions, {len(ARCHITECTURES)} architectures and {study.counts.n_seeds} first weights (SD over "
        f"pairs of networks {spread:.3f})",
        interval=people_interval(people) if testable else None,
        p=max(signs_p(people), signs_p(every.mean("subject").values.ravel())) if testable else None,
        null=_null(n, every) if testable else None,
        n=n,
        n_of=f"people ({2 * every.sizes['seed'] * every.sizes['architecture']} networks)",
        ceiling=_ceiling(parts),
        controls=_verdicts(study, parts, r, every),
        synthetic=parts.material.synthetic,
    )


def _null(n: int, every: xr.DataArray) -> Null:
    """Whoever are fewer: people, or pairs of networks with the same first weights."""
    n_pairs = every.sizes["architecture"] * every.sizes["seed"]
    of = "signs of people, and signs of pairs of networks with the same first weights: the larger p, two-sided"
    return replace(people_null(min(n, n_pairs)), name="signs of people and of networks", permuted=of)


def _ceiling(parts: "Parts") -> str:
    if parts.geometry.beside is None:
        return "one person has no ceiling"
    ceiling = parts.geometry.beside["ceiling"].sel(region=parts.material.higher)
    return f"RDMs of the others reach {float(ceiling.mean()):.3f} on the shared images"


def _verdicts(study: "SceneCaptions", parts: "Parts", r: xr.DataArray, every: xr.DataArray) -> dict[str, Verdict]:
    n = study.counts.n_seeds
    by_architecture = {a: every.sel(architecture=a).mean("seed").values for a in ARCHITECTURES}
    untrained = advantage(r, n, UNTRAINED)
    beside = {a: untrained.sel(architecture=a).mean("seed").values for a in ARCHITECTURES}
    own = {a: (arm(r, a, EMBEDDING, n).mean("seed") - r.sel(model=CAPTION)).values for a in ARCHITECTURES}
    verdicts = {
        "in both architectures": weakest(by_architecture, "captions less categories,"),
        "over first weights": over_people(
            every.mean("subject").values.ravel(), "pairs of networks with the same first weights", name="pairs"
        ),
        "above the untrained network": weakest(beside, "trained to captions less random weights,"),
        "above the captions themselves": weakest(own, "trained to captions less the captions,"),
        "encoding says the same": _encoding(parts, n),
        "above networks that learn kinds, places and colours": over_people(
            (arm(r, FEEDFORWARD, EMBEDDING, n) - arm(r, FEEDFORWARD, NAMED, n)).mean("seed").values,
            "feed-forward, trained to captions less trained to everything that captions name",
        ),
        "not where the brain holds categories alone": _planted(parts, n, "categories"),
        "not where the brain holds places and colours alone": _planted(parts, n, "places and colours"),
    }
    return {name: verdicts[name] for name in NETWORK_CONTROLS}


def _encoding(parts: "Parts", n_seeds: int) -> Verdict:
    assert parts.seen is not None  # made with the networks
    r = parts.seen.encoding.sel(region=parts.material.higher).mean("region")
    return over_people(
        advantage(r, n_seeds).mean(["architecture", "seed"]).values, "held-out r of encoding, captions less categories"
    )


def _planted(parts: "Parts", n_seeds: int, plant: str) -> Verdict:
    """No advantage where people hold something that is no sentence, and one where they hold captions."""
    rule = f"made-up people who hold {plant}: no advantage (p at most {LEVEL}); who hold captions: one"
    if parts.planted is None:
        return not_testable("no people were made up", rule=rule)
    found = {}
    for name, scores in (("RSA", parts.planted.r), ("encoding", parts.planted.encoding)):
        r = scores.sel(region=list(HIGHER)).mean("region")
        for each in (plant, "captions"):
            found[f"{name}, {each}"] = advantage(r.sel(plant=each), n_seeds).mean(["architecture", "seed"]).values
    n = len(next(iter(found.values())))
    if fewest_p(n) > LEVEL:
        return not_testable(f"{n} people give no p below {fewest_p(n):.2g}", rule=rule)
    shown = "; ".join(f"{name} {each.mean():+.3f} (p = {signs_p(each):.2g})" for name, each in found.items())
    above = {name: signs_p(each) <= LEVEL and each.mean() > 0 for name, each in found.items()}
    return is_true(above == {name: name.endswith("captions") for name in found}, rule, shown)
