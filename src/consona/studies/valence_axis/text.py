"""The text half: what the axis can do without labels, and what a content-free axis can do."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.axis import (
    EMOTIONS,
    explained_share,
    level_axis,
    principal_axis,
    random_axes,
    shuffled_axes,
)
from consona.concepts.curves import layer_sweep, seed_set_spread, shot_curve
from consona.concepts.removal import removal_cost
from consona.concepts.summaries import (
    axis_profile,
    clip_values,
    compared_axes,
    dealt_class_values,
    many_class_values,
    values_by_rule,
)
from consona.concepts.zero_shot import graded_score, many_aucs, references, roc_figure, zero_shot_score
from consona.core.direction import Direction
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.studies.valence_axis import figures
from consona.studies.valence_axis.reading import RECIPES, Fitted

Array = npt.NDArray[np.float64]
LEXICON_TEMPLATE = 'The word "{text}" means'


@dataclass(frozen=True)
class TextHalf:
    """What the brain half and the claims need of the texts."""

    fitted: Fitted
    scores: dict[str, Score]
    chance: dict[str, Array]
    references: xr.Dataset
    removal: xr.Dataset
    clip_values: dict[str, Array]
    families: dict[str, Array]


def text_half(f: Fitted) -> TextHalf:
    """Try the axis on labelled and graded texts, and run every control of the texts."""
    run, seed = f.run, f.study.seed
    share = run.step("pc1-share", explained_share, f.texts, f.emotions, layer=f.layer)
    profile = run.step("profile", axis_profile, f.axis, f.texts, f.emotions, seed=seed)
    run.step("figure-profile", figures.profile, profile, share=share, recipe=f.study.recipe, layer=f.axis.layer)
    scores = _scores(f)
    run.step("figure-roc", figures.roc, run.step("roc", roc_figure, f.axis, f.labelled, seed=seed))
    nonce_axis, chance, random = _content_free(f)
    test = (f.test, f.stimuli)
    fit = {"layer": f.layer, "test": test, "seed": seed}
    outside = run.step("references", references, f.texts, f.emotions, f.study.positive, **fit)
    removal = run.step("removal", removal_cost, f.axis, *test, n_directions=f.study.n_random, seed=seed)
    zero_shot = scores[f.primary]
    run.step("figure-zero-shot-numbers", figures.zero_shot_numbers, {name: scores[name] for name in f.labelled})
    run.step("figure-controls", figures.text_controls, zero_shot, outside, chance, removal, corpus=f.primary)
    _curves(f)
    _recipes(f)
    if len(scores) > len(f.labelled):
        graded = {name: score for name, score in scores.items() if name not in f.labelled}
        run.step("figure-graded", figures.graded, graded)
    return TextHalf(f, scores, chance, outside, removal, _clips(f, nonce_axis), _families(f, random))


def _scores(f: Fitted) -> dict[str, Score]:
    seed, material = f.study.seed, f.material
    scores = {
        name: f.run.step(f"zero-shot-{name}", zero_shot_score, f.axis, *pair, corpus=name, seed=seed)
        for name, pair in f.labelled.items()
    }
    graded = {name: (f.axis, f.read(name, each), each["valence"]) for name, each in material.graded.items()}
    for name, each in material.graded.items():
        graded[f"{name}-arousal"] = (_arousal(f), f.read(name, each), each["arousal"])
    if material.lexicon is not None:
        words = f.read("lexicon", material.lexicon, template=LEXICON_TEMPLATE)
        graded["lexicon"] = (f.axis, words, material.lexicon["valence"])
    for name, (axis, features, values) in graded.items():
        scores[name] = f.run.step(f"zero-shot-{name}", graded_score, axis, features, values, corpus=name, seed=seed)
    return scores


def _arousal(f: Fitted) -> Direction:
    """Another concept by the same call: the axis along which the classes of story follow the rated arousal of clips."""
    names, values = f.material.rated["emotion"], f.material.rated["rated_arousal"]
    levels = {str(name): float(values[names == name].mean()) for name in np.unique(names)}
    fit = {"layer": f.layer, "levels": levels, "name": "arousal"}
    axis: Direction = f.run.step("axis-arousal", level_axis, f.texts, f.emotions, **fit)
    return axis


def _content_free(f: Fitted) -> tuple[Direction, dict[str, Array], list[Direction]]:
    """AUC of random directions and of axes from shuffled labels, invented words and affectless texts; random axes."""
    run, n, seed = f.run, f.study.n_random, f.study.seed
    nonce, labels = f.read("nonce", f.material.nonce), f.material.nonce["emotion"]
    nonce_axis = run.step("axis-nonce", f.rule.fit, nonce, labels, layer=f.layer)
    plain = f.read("neutral", f.material.neutral)
    dealt = np.array(EMOTIONS)[np.arange(len(plain)) % len(EMOTIONS)]
    random = random_axes(f.axis, n=n, seed=seed)
    several = len(f.texts) > len(set(f.emotions))
    draw = {"n": n if several else 0, "seed": seed}
    shuffled = shuffled_axes(f.texts, f.emotions, rule=f.rule, layer=f.layer, **draw)
    axes = {
        "random directions": random,
        "shuffled labels": shuffled,
        "invented words": [nonce_axis],
        "affectless texts": [f.rule.fit(plain, dealt, layer=f.layer)],
    }
    chance = {
        name: np.asarray(run.step(f"chance-{name.replace(' ', '-')}", many_aucs, each, f.test, f.stimuli))
        for name, each in axes.items()
        if each
    }
    return nonce_axis, chance, random


def _clips(f: Fitted, nonce_axis: Direction) -> dict[str, Array]:
    """Values of the 28 clips: from the text of their class, from their own plot line, and from invented words."""
    clips, nonce = f.material.eeg.stimuli, f.material.nonce
    words = f.read("nonce", nonce)
    return {
        "class text": clip_values(*values_by_rule(f.rule, f.axis, f.texts, f.emotions), clips),
        "plot lines": f.axis.project(f.read("plots", f.material.plots)),
        "invented words": clip_values(*values_by_rule(f.rule, nonce_axis, words, nonce["emotion"]), clips),
    }


def _families(f: Fitted, random: list[Direction]) -> dict[str, Array]:
    """Clip values without content, in both versions: of random directions, and of axes from invented words."""
    clips, labels = f.material.eeg.stimuli, f.material.nonce["emotion"]
    plots, words = f.read("plots", f.material.plots), f.read("nonce", f.material.nonce)
    names = np.unique(f.emotions)
    place = np.searchsorted(names, clips["emotion"])
    how = {"layer": f.layer, "n": f.study.n_random, "seed": f.study.seed}
    dealt = dealt_class_values(f.rule, words, labels, **how)
    return {
        "random directions, class text": many_class_values(random, f.texts, f.emotions)[:, place],
        "random directions, plot lines": np.stack([axis.project(plots) for axis in random]),
        "invented words, class text": np.stack([values for _, values in dealt])[:, place],
        "invented words, plot lines": np.stack([axis.project(plots) for axis, _ in dealt]),
    }


def _curves(f: Fitted) -> None:
    run, seed = f.run, f.study.seed
    test = {"rule": f.rule, "test": f.test, "stimuli": f.stimuli}
    sweep = run.step("layers", layer_sweep, f.texts, f.emotions, **test)
    run.step("figure-layers", figures.layers, sweep, chosen=f.axis.layer, corpus=f.primary)
    if RECIPES[f.study.recipe][0] == "stories":
        shots = run.step("shots", shot_curve, f.texts, f.emotions, layer=f.layer, seed=seed, **test)
        run.step("figure-shots", figures.shots, shots, corpus=f.primary)
    sets = {f"set {i}": (f.read(f"stories-{i}", each), each["emotion"]) for i, each in f.material.stories.items()}
    spread = run.step("seed-sets", seed_set_spread, sets, layer=f.layer, **test)
    run.step("figure-seed-sets", figures.seed_sets, spread, corpus=f.primary)


def _recipes(f: Fitted) -> None:
    """AUC of every recipe and every kind of axis on the primary corpus, each read in its own way."""
    sources = {"stories": f.material.stories[f.study.seed_set], "names": f.material.names}
    axes, tests = {}, {}
    for recipe, (source, recipe_pooling, layer) in RECIPES.items():
        pooling = recipe_pooling if f.read.lm.causal else "mean"
        name = f"{recipe}: {source}, {pooling} token{'s' if pooling == 'mean' else ''}, block {layer}"
        texts = f.read(f"recipe-{source}", sources[source], pooling=pooling)
        axes[name] = principal_axis(texts, sources[source]["emotion"], layer=layer, positive=f.study.positive)
        tests[name] = f.read(f.primary, f.stimuli, pooling=pooling)
    axes |= _other_kinds(f, sources["stories"])
    tests |= dict.fromkeys(("difference of means", "three-level code"), f.test)
    compared = f.run.step("recipes", compared_axes, axes, tests, f.stimuli, seed=f.study.seed)
    f.run.step("figure-recipes", figures.recipes, compared, corpus=f.primary)


def _other_kinds(f: Fitted, stories: Stimuli) -> dict[str, Direction]:
    texts, emotions = f.read("recipe-stories", stories), stories["emotion"]
    rules = {
        "difference of means": replace(f.rule, kind="difference"),
        "three-level code": replace(f.rule, kind="levels"),
    }
    return {name: rule.fit(texts, emotions, layer=f.layer) for name, rule in rules.items()}
