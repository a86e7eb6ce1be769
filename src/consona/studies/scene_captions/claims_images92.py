"""Claims about the 92 photographs: images are drawn again, because there are four people."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.claim import Claim, Interval, Null, Verdict, not_testable
from consona.core.figure import figure
from consona.core.score import Score
from consona.studies.scene_captions.claims import CAPTIONS_SAY, NETWORKS_SAY, READOUT_SAYS, SELECTIVITY_SAYS, corrected
from consona.studies.scene_captions.images92 import N_DRAWS, Images92, effect, of
from consona.studies.scene_captions.names import (
    ARCHITECTURES,
    BELOW,
    CAPTION,
    CAPTION_CONTROLS,
    CATEGORIES,
    CATEGORY,
    CATEGORY_WORDS,
    EMBEDDING,
    NETWORK_CONTROLS,
    NOUNS,
    NOUNS_JOINED,
    READOUT_CONTROLS,
    SCRAMBLED,
    SELECTIVITY_CONTROLS,
    WORDS,
)
from consona.studies.scene_captions.verdicts import by_null, is_true, over_people, untested

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.study import SceneCaptions

DRAWN = Null("images drawn again", "two-sided t of the difference, its error from images drawn again", N_DRAWS)
NO_RESPONSES = "of these people only dissimilarities are published"
OF_FOUR = "the IT of these four people"
NO_NETWORKS = "left out by the settings"
ONE_REGION = "only dissimilarities of one region (IT) are published"


def small_claims(study: "SceneCaptions", found: Images92) -> list[Claim]:
    """Captions and networks; nothing can be read out of dissimilarities."""
    failed = found.networks.failed if found.networks is not None else []
    networks = _networks(study, found) if found.networks is not None and not failed else None
    reason = f"no better than the mean vector on new scenes: {', '.join(failed)}" if failed else NO_NETWORKS
    left = (networks or untested("networks", NETWORK_CONTROLS, reason, synthetic=False), NETWORKS_SAY)
    return corrected(
        [
            (_captions(found), CAPTIONS_SAY.replace("visual cortex", OF_FOUR)),
            (untested("selectivity", SELECTIVITY_CONTROLS, NO_RESPONSES, synthetic=False), SELECTIVITY_SAYS),
            (untested("read-out", READOUT_CONTROLS, NO_RESPONSES, synthetic=False), READOUT_SAYS),
            (left[0], left[1].replace("visual cortex", OF_FOUR)),
        ],
        n_failed=int(bool(failed)),
    )


def _captions(found: Images92) -> Claim:
    """The smallest advantage over anything less, with the largest p."""
    rungs = [name for name in BELOW if name in found.rungs]
    name = max(rungs, key=lambda each: (of(found, each)[3] if of(found, each)[0] > 0 else 2.0, -of(found, each)[0]))
    difference, low, high, p = of(found, name)
    facts = found.score.attrs
    ceiling = tuple(float(np.mean(facts[f"ceiling_{end}"])) for end in ("lower", "upper"))
    return Claim(
        id="captions",
        statement="",
        effect=difference,
        unit=f"{found.score.metric} of dissimilarities, captions less the rung they are least surely above ({name}), "
        "mean over people",
        interval=Interval(low, high, "images drawn again"),
        p=p if difference > 0 else 1.0,
        null=DRAWN,
        n=92,
        n_of="images (4 people)",
        ceiling=f"people reach {ceiling[0]:.3f} to {ceiling[1]:.3f} of each other; captions "
        f"{effect(found, CAPTION)[0]:.3f}",
        controls=_caption_verdicts(found, rungs),
    )


def _above(found: Images92, names: list[str], of_what: str) -> Verdict:
    """Every difference above zero by its interval over images; the weakest is shown."""
    held = [name for name in names if name in found.contrasts["contrast"].values]
    if not held:
        return not_testable("there is no such model here", rule=of_what)
    name = min(held, key=lambda each: of(found, each)[1])
    difference, low, high, p = of(found, name)
    rule = f"whole interval above 0, {of_what}, images drawn again"
    return is_true(low > 0, rule, f"{name}: {difference:+.3f} [{low:+.3f}, {high:+.3f}], p = {p:.2g}")


def _caption_verdicts(found: Images92, rungs: list[str]) -> dict[str, Verdict]:
    value, _, _, p = effect(found, CAPTION)
    made = {
        "above scrambled captions": _above(found, [SCRAMBLED], "captions less scrambled ones"),
        "above words averaged": _above(found, [WORDS], "captions less words averaged"),
        "above nouns alone": _above(found, [NOUNS, NOUNS_JOINED], "captions less nouns"),
        "above categories": _above(found, [CATEGORY_WORDS, CATEGORIES], "captions less categories"),
        "images and captions exchanged": by_null(p, "captions, images exchanged", f"{value:.3f}"),
        "in ventral, lateral and parietal cortex alike": not_testable(ONE_REGION, rule="every region"),
        "on the images of the ceiling": not_testable("score and ceiling are of the same images", rule="other images"),
    }
    rest = not_testable(NO_RESPONSES, rule="not looked at")
    return {name: made.get(name, rest) for name in CAPTION_CONTROLS}


def _networks(study: "SceneCaptions", found: Images92) -> Claim:
    difference, low, high, p = of(found, "networks")
    facts = found.score.attrs
    return Claim(
        id="networks",
        statement="",
        effect=difference,
        unit=f"{found.score.metric} of dissimilarities of the last layer, trained to captions of rendered scenes less "
        f"trained to their categories, mean over people, architectures and {study.counts.n_seeds} first weights",
        interval=Interval(low, high, "images drawn again"),
        p=p,
        null=DRAWN,
        n=92,
        n_of="images (4 people)",
        ceiling=f"people reach {float(np.mean(facts['ceiling_lower'])):.3f} of each other",
        controls=_network_verdicts(found),
    )


def _network_verdicts(found: Images92) -> dict[str, Verdict]:
    made = {
        "in both architectures": _above(found, _each("networks"), "captions less categories"),
        "above the untrained network": _above(found, _each("untrained"), "less random weights"),
        "above the captions themselves": _above(
            found, [f"own target, {a}" for a in ARCHITECTURES], "less the captions"
        ),
        "above networks that learn kinds, places and colours": _above(found, ["named"], "feed-forward, captions less"),
        "over first weights": _over_weights(found),
    }
    rest = not_testable(NO_RESPONSES, rule="not looked at")
    return {name: made.get(name, rest) for name in NETWORK_CONTROLS}


def _each(kind: str) -> list[str]:
    return [f"{kind}, {architecture}" for architecture in ARCHITECTURES]


def _over_weights(found: Images92) -> Verdict:
    """Pairs of networks that began with the same weights, in the place of people."""
    names = [str(each) for each in np.asarray(found.score.data["attribute"].values)]
    mean = dict(zip(names, np.asarray(found.score.attrs["effect"], dtype=float), strict=True))
    pairs = [
        (name, name.replace(f" {EMBEDDING} ", f" {CATEGORY} "))
        for name in names
        if f" {EMBEDDING} " in name and _is_network(name)
    ]
    return over_people(
        np.array([mean[a] - mean[b] for a, b in pairs]), "pairs of networks with the same first weights", name="pairs"
    )


def draw(run: "Run", found: Images92) -> None:
    """Every model beside the ceiling, and the differences of the claims."""
    run.step("figure-models", model_figure, found.score, found.rungs)
    run.step("figure-differences", difference_figure, found.contrasts)


def model_figure(score: Score, rungs: tuple[str, ...]) -> xr.Dataset:
    """Mean over people of every model; networks as means over first weights."""
    facts = score.attrs
    names = [str(each) for each in np.asarray(score.data["attribute"].values)]
    ends = {key: dict(zip(names, facts[key], strict=True)) for key in ("effect", "low", "high")}
    rows = {name: tuple(float(ends[key][name]) for key in ends) for name in names if not _is_network(name)}
    for name in dict.fromkeys(each.rsplit(" ", 1)[0] for each in names if _is_network(each)):
        seeds = np.array([ends["effect"][each] for each in names if each.rsplit(" ", 1)[0] == name], dtype=float)
        rows[f"{name} (n = {len(seeds)})"] = (float(seeds.mean()), float(seeds.min()), float(seeds.max()))
    lower, upper = (float(np.mean(facts[f"ceiling_{end}"])) for end in ("lower", "upper"))
    data = xr.Dataset(
        {key: ("label", [row[k] for row in rows.values()]) for k, key in enumerate(("effect", "low", "high"))},
        {"label": list(rows)},
    )
    caption = (
        f"Mean over four people of {score.metric} with human IT. Bars: images drawn again (95 %); of "
        f"networks, the range over first weights. People reach {lower:.3f} to {upper:.3f} of each other. Captions and "
        f"their rungs come first ({len(rungs)}), published models next, then networks."
    )
    return figure(data, "bars", "92 photographs and human IT", caption, xlabel=score.metric)


def _is_network(name: str) -> bool:
    return name.startswith(ARCHITECTURES) and name.rsplit(" ", 1)[-1].isdigit()


def difference_figure(contrasts: xr.Dataset) -> xr.Dataset:
    """Every difference of the claims with its interval."""
    data = xr.Dataset(
        {
            "effect": ("label", contrasts["difference"].values),
            "low": ("label", contrasts["low"].values),
            "high": ("label", contrasts["high"].values),
        },
        {"label": [_label(str(name)) for name in contrasts["contrast"].values]},
    )
    caption = "Images drawn again (95 %). Rungs: captions less each. Networks: trained to captions less what is named."
    return figure(data, "bars", "Differences between models", caption, xlabel="difference")


def _label(name: str) -> str:
    return name if name.startswith(("networks", "untrained", "own target")) else f"captions less {name}"
