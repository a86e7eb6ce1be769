"""What the study stands for: four sentences, each with the verdict of every control."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Verdict, not_testable
from consona.stats.fdr import holm
from consona.stats.permutation import p_value
from consona.studies.scene_captions.claims_networks import network_claim
from consona.studies.scene_captions.claims_readout import readout_claim
from consona.studies.scene_captions.claims_selectivity import selectivity_claim
from consona.studies.scene_captions.names import (
    BELOW,
    CAPTION,
    CAPTION_CONTROLS,
    CATEGORIES,
    CATEGORY_WORDS,
    LEVEL,
    MODES,
    NETWORK_CONTROLS,
    NOUNS,
    NOUNS_JOINED,
    SCRAMBLED,
    SELECTIVITY_CONTROLS,
    WORDS,
)
from consona.studies.scene_captions.rsa import Geometry
from consona.studies.scene_captions.verdicts import (
    Array,
    by_null,
    finished,
    is_true,
    over_people,
    people_interval,
    people_null,
    signs_p,
    untested,
    weakest,
    weakest_of,
)

if TYPE_CHECKING:
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions

CAPTIONS_SAY = "Visual cortex is closer in geometry to captions than to scrambled ones, words, nouns and categories"
SELECTIVITY_SAYS = "Encoders of captions expect people in lateral and places in ventral cortex"
READOUT_SAYS = "Captions are read out of visual cortex above chance"
NETWORKS_SAY = "Networks that learn captions are closer to visual cortex than those that learn object categories"
LEFT_OUT = "left out by the settings, or there are no images"


def all_claims(study: "SceneCaptions", parts: "Parts") -> list[Claim]:
    """Captions, selectivity, read-out, networks; words follow the p corrected for all that were planned."""
    synthetic = parts.material.synthetic
    chosen = selectivity_claim(parts) if parts.selective is not None else None
    failed = parts.networks.failed if parts.networks is not None else []
    reason = f"{len(failed)} networks say no more of new scenes than the mean vector: {', '.join(failed)}"
    trained = network_claim(study, parts) if parts.networks is not None and not failed else None
    left = reason if failed else LEFT_OUT
    drafts = [
        (caption_claim(parts), CAPTIONS_SAY),
        (chosen or untested("selectivity", SELECTIVITY_CONTROLS, NO_REGIONS, synthetic=synthetic), SELECTIVITY_SAYS),
        (readout_claim(study, parts), READOUT_SAYS),
        (trained or untested("networks", NETWORK_CONTROLS, left, synthetic=synthetic), NETWORKS_SAY),
    ]
    return corrected(drafts, n_failed=int(bool(failed)))


NO_REGIONS = "people do not share a surface with lateral and ventral regions"


def corrected(drafts: list[tuple[Claim, str]], *, n_failed: int = 0) -> list[Claim]:
    """Holm over the claims that were planned: one that failed on the way counts as one with p = 1."""
    p = np.array([np.nan if draft.p is None else draft.p for draft, _ in drafts])
    adjusted = holm(np.concatenate([p, np.ones(n_failed)]))[: len(p)]
    n = int(np.isfinite(p).sum()) + n_failed
    return [finished(draft, words, float(each), n) for (draft, words), each in zip(drafts, adjusted, strict=True)]


def higher(r: xr.DataArray, parts: "Parts") -> xr.DataArray:
    """Mean over ventral, lateral and parietal cortex."""
    return r.sel(region=parts.material.higher).mean("region")


def differences(r: xr.DataArray, others: tuple[str, ...], parts: "Parts") -> dict[str, Array]:
    """Full captions minus each other rung, by subject."""
    mean = higher(r, parts)
    held = [name for name in others if name in mean["model"].values]
    return {name: (mean.sel(model=CAPTION) - mean.sel(model=name)).values for name in held}


def caption_claim(parts: "Parts") -> Claim:
    """The least certain advantage of captions over anything less: the largest p of all, 1 where it is no advantage."""
    found = parts.geometry
    every = differences(found.r, BELOW, parts)
    name = weakest_of(every)
    least = every[name]
    p = signs_p(least) if least.mean() > 0 else 1.0
    n, testable = len(least), len(least) > 1
    full = higher(found.r, parts).sel(model=CAPTION)
    top = "one person has no ceiling"
    if found.beside is not None:
        ceiling = float(higher(found.beside["ceiling"], parts).mean())
        top = f"RDMs of the others reach {ceiling:.3f} on the shared images (full captions {float(full.mean()):.3f})"
    return Claim(
        id="captions",
        statement="",
        effect=float(least.mean()),
        unit=f"r of dissimilarities, full captions less the rung they are least certainly above ({name}), mean over "
        f"people, over {', '.join(parts.material.higher)} and over sets of images",
        interval=people_interval(least) if testable else None,
        p=p if testable else None,
        null=people_null(n) if testable else None,
        n=n,
        n_of=f"people ({sum(found.n_sets.values())} sets of images)",
        ceiling=top,
        controls=_caption_verdicts(parts, every),
        synthetic=parts.material.synthetic,
    )


def _caption_verdicts(parts: "Parts", every: dict[str, Array]) -> dict[str, Verdict]:
    found, encoded = parts.geometry, parts.encoded
    scrambled = differences(found.r, (SCRAMBLED,), parts)[SCRAMBLED]
    categories = {name: every[name] for name in (CATEGORY_WORDS, CATEGORIES) if name in every}
    coded = higher(xr.concat(list(encoded.rungs.values()), xr.IndexVariable("model", list(encoded.rungs))), parts)
    by_encoding = {
        name: (coded.sel(model=CAPTION) - coded.sel(model=name)).values
        for name in (NOUNS_JOINED, WORDS, NOUNS, CATEGORY_WORDS, CATEGORIES)
        if name in encoded.rungs
    }
    no_categories = not_testable("these images have no categories", rule="captions less categories")
    verdicts = {
        "above scrambled captions": over_people(scrambled, "full less scrambled captions"),
        "above words averaged": over_people(every[WORDS], "full captions less words averaged"),
        "above nouns alone": weakest({name: every[name] for name in (NOUNS, NOUNS_JOINED)}, "full captions less"),
        "above categories": weakest(categories, "full captions less") if categories else no_categories,
        "in ventral, lateral and parietal cortex alike": weakest(
            _by_region(found, parts), "full captions less the best in"
        ),
        "encoding says the same": weakest(by_encoding, "held-out r of encoding, full captions less"),
        "on the images of the ceiling": _matched(found, parts),
        "other sets of images": weakest(
            differences(found.again, BELOW, parts), "other sets of images, full captions less"
        ),
        "images and captions exchanged": _exchanged(found, parts),
        "in people whom the encoder was not fitted to": _transfer(parts),
        "the same in all three modes": _modes(found, parts),
    }
    return {name: verdicts[name] for name in CAPTION_CONTROLS}


def _by_region(found: Geometry, parts: "Parts") -> dict[str, Array]:
    """In every region: captions less what comes nearest to them there."""
    made = {}
    for region in parts.material.higher:
        r = found.r.sel(region=region)
        others = [name for name in BELOW if name in r["model"].values]
        best = max(others, key=lambda name: float(r.sel(model=name).mean()))
        made[f"{region} ({best})"] = (r.sel(model=CAPTION) - r.sel(model=best)).values
    return made


def _matched(found: Geometry, parts: "Parts") -> Verdict:
    if found.matched is None:
        return not_testable("people share too few images", rule="sets of shared images")
    every = differences(found.matched["r"], BELOW, parts)
    return weakest(every, "sets of shared images, full captions less")


def _exchanged(found: Geometry, parts: "Parts") -> Verdict:
    null = higher(found.null.sel(model=CAPTION), parts).mean("subject").values
    value = float(higher(found.r.sel(model=CAPTION), parts).mean())
    return by_null(float(p_value(value, null)), "full captions, images exchanged within sets", f"r = {value:.3f}")


def _transfer(parts: "Parts") -> Verdict:
    """Encoders of the other people: captions less what they are least certainly above."""
    made = parts.encoded.transfer
    if made is None:
        return not_testable("fewer than two people with one surface", rule="encoders of the others")
    others = {name: higher(scores["others"], parts).values for name, scores in made.items()}
    own = float(higher(made[CAPTION]["own"], parts).mean())
    differences_of = {name: others[CAPTION] - each for name, each in others.items() if name != CAPTION}
    shown = f"encoders of the others, r {others[CAPTION].mean():.3f} (own {own:.3f}); full captions less"
    return weakest(differences_of, shown)


def _modes(found: Geometry, parts: "Parts") -> Verdict:
    """Do the tests of all modes find captions above the same rungs in the same regions, and above some?"""
    rule = "the tests of all modes find full captions above the same rungs in the same regions, and above some"
    if found.pairs is None:
        return not_testable("fewer than two people", rule=rule)
    above = {mode: _above(found.pairs[mode], parts) for mode in MODES}
    shown = ", ".join(f"{mode} {len(each)}" for mode, each in above.items())
    same = len({frozenset(each) for each in above.values()}) == 1
    return is_true(same and bool(above[MODES[0]]), rule, f"above {shown} of rungs and regions")


def _above(pairs: xr.Dataset, parts: "Parts") -> set[tuple[str, str]]:
    """Regions and rungs where full captions are above what is less."""
    held = set()
    for region in parts.material.higher:
        one = pairs.sel(region=region)
        columns = (one[name].values for name in ("first", "second", "q", "difference"))
        for first, second, q, difference in zip(*columns, strict=True):
            sign = {first: 1, second: -1}.get(CAPTION, 0)
            other = str(second if sign > 0 else first)
            if sign and other in BELOW and q <= LEVEL and sign * difference > 0:
                held.add((region, other))
    return held
