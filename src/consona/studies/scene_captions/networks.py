"""Image networks: trained on rendered scenes to sentences or to categories, with twins and networks from elsewhere."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import xarray as xr

from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.scenes import render_scenes, scene_categories
from consona.datasets.scenes_named import scene_named
from consona.studies.scene_captions.names import (
    ARCHITECTURES,
    CATEGORY,
    EMBEDDING,
    FEEDFORWARD,
    NAMED,
    OBJECTIVES,
    UNTRAINED,
    network_name,
    slug,
)

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.scene_captions.study import SceneCaptions
    from consona.training.scene_recipe import SceneRecipe

N_NEW = 1000
"""Scenes that no network was trained on, where read-outs are checked."""


@dataclass(frozen=True)
class Networks:
    """Trained networks by name (architecture, objective, seed), what they say of new scenes, and what they see.

    ``checks`` hold cosine, mean-vector baseline and gain on new scenes; ``probes`` read the other objective from their
    last layer. ``seen`` are features of the last layer at the last time for the images of the brain: of every network,
    of their twins with random weights and of the zoo; ``layers`` those of all layers and times, one network per
    architecture and objective. ``fresh`` scenes, their ``views``, what the networks see in them and their targets.
    """

    trained: dict[str, xr.Dataset]
    checks: dict[str, xr.Dataset]
    probes: dict[str, xr.Dataset]
    seen: dict[str, Features]
    layers: dict[str, Features]
    fresh: Stimuli
    views: xr.DataArray
    fresh_seen: dict[str, Features]
    fresh_targets: dict[str, Features]
    n_scenes: int
    sizes: tuple[int, ...]

    @property
    def failed(self) -> list[str]:
        """Networks that say no more of new scenes than the mean vector does: nothing is claimed of them."""
        return [name for name, each in self.checks.items() if not float(each["low"].sel(measure="gain")) > 0]


def networks(study: "SceneCaptions", run: "Run", lm: "LanguageModel", images: xr.DataArray) -> Networks:
    """Train, check on new scenes, and show them the images of the brain."""
    from consona.training.scene_features import network_features, readout_check

    size, names = study.counts, [(a, o, s) for a in ARCHITECTURES for o in OBJECTIVES for s in range(_seeds(study))]
    names += [(FEEDFORWARD, NAMED, s) for s in range(_seeds(study))]
    scenes, pictures = run.step("scenes", render_scenes, size.n_scenes, seed=study.seed)
    fresh, views = run.step("new-scenes", render_scenes, min(N_NEW, size.n_scenes), seed=study.seed + 1000)
    targets, asked = _targets(run, lm, scenes, "scenes"), _targets(run, lm, fresh, "new-scenes")
    trained = _trained(study, run, names, pictures, targets)
    given = {slug(network_name(*each)): (trained[network_name(*each)], views, asked[each[1]]) for each in names}
    checks = dict(zip(trained, run.each("new", readout_check, given).values(), strict=True))
    n = size.n_scenes
    sizes = (n // 10, n // 3, n) if size.n_seeds > 1 else (n,)
    fewer = _fewer(study, run, pictures, targets, sizes)
    held = {**trained, **_twins(study, run), **fewer}
    seen = run.each("sees", last_layer, {slug(name): (each, images) for name, each in held.items()})
    glimpses = run.each("sees-new", last_layer, {slug(name): (each, views) for name, each in held.items()})
    fresh_seen = dict(zip(held, glimpses.values(), strict=True))
    return Networks(
        trained,
        checks,
        _probes(run, {name: fresh_seen[name] for name in trained}, asked),
        dict(zip(held, seen.values(), strict=True)) | zoo(study, run, images),
        {
            f"{a} {o}": run.step(f"layers-{a}-{o}", network_features, trained[network_name(a, o, 0)], images)
            for a in ARCHITECTURES
            for o in OBJECTIVES
        },
        fresh,
        views,
        fresh_seen,
        asked,
        size.n_scenes,
        sizes,
    )


def last_layer(trained: xr.Dataset, images: xr.DataArray) -> Features:
    """The last layer at the last time: where a network is compared, chosen before any brain was looked at."""
    from consona.training.scene_features import network_features

    features = network_features(trained, images, times="last")
    return Features(features.data.isel(layer=[-1]))


def zoo(study: "SceneCaptions", run: "Run", images: xr.DataArray) -> dict[str, Features]:
    """Networks from elsewhere, by name; their last layer before the output."""
    from consona.training.network_zoo import zoo_features

    made = {name: run.step(f"zoo-{slug(name)}", zoo_features, name, images) for name in study.zoo}
    return {name: Features(each.data.isel(layer=[-1])) for name, each in made.items()}


def recipe_of(study: "SceneCaptions", architecture: str, objective: str) -> "SceneRecipe":
    """How every network of the study is trained."""
    from consona.training.scene_recipe import SceneRecipe

    kind = EMBEDDING if objective == EMBEDDING else CATEGORY  # zeros and ones, of whatever is named
    return SceneRecipe(architecture, kind, n_epochs=study.counts.n_epochs)  # type: ignore[arg-type]  # literals


def _seeds(study: "SceneCaptions") -> int:
    return study.counts.n_seeds


def _targets(run: "Run", lm: "LanguageModel", scenes: Stimuli, name: str) -> dict[str, Features]:
    from consona.lm.sentence_embedding import embed_texts

    return {
        EMBEDDING: run.step(f"{name}-{EMBEDDING}", embed_texts, lm, scenes),
        CATEGORY: run.step(f"{name}-{CATEGORY}", scene_categories, scenes),
        NAMED: run.step(f"{name}-{NAMED}", scene_named, scenes),
    }


def _trained(
    study: "SceneCaptions",
    run: "Run",
    names: list[tuple[str, str, int]],
    pictures: xr.DataArray,
    targets: dict[str, Features],
) -> dict[str, xr.Dataset]:
    """Same images, order and first weights for both objectives of a seed."""
    from consona.training.scene_training import SceneTrainer

    trainer = SceneTrainer(str(run.store.folder / "training"), run.execution.device)
    several = {
        slug(network_name(*each)): {
            "images": pictures,
            "targets": targets[each[1]],
            "recipe": recipe_of(study, each[0], each[1]),
            "seed": study.seed + each[2],
        }
        for each in names
    }
    made = run.each("network", trainer.train, several)
    return {network_name(*each): made[slug(network_name(*each))] for each in names}


def _fewer(
    study: "SceneCaptions",
    run: "Run",
    pictures: xr.DataArray,
    targets: dict[str, Features],
    sizes: tuple[int, ...],
) -> dict[str, xr.Dataset]:
    """Feed-forward networks of the first seed on more and more scenes, with as many steps of training each."""
    from consona.training.scene_training import SceneTrainer

    trainer, several = SceneTrainer(str(run.store.folder / "training"), run.execution.device), {}
    for objective in OBJECTIVES:
        for n in sizes:
            recipe = recipe_of(study, FEEDFORWARD, objective)
            several[sized_name(objective, n)] = {
                "images": pictures.isel(stimulus=slice(0, n)),
                "targets": targets[objective].select(pictures["stimulus"].values[:n]),
                "recipe": replace(recipe, n_epochs=round(recipe.n_epochs * sizes[-1] / n)),
                "seed": study.seed,
            }
    made = run.each("fewer", trainer.train, {slug(name): each for name, each in several.items()})
    return {name: made[slug(name)] for name in several}


def sized_name(objective: str, n_scenes: int) -> str:
    """What a network that was trained on some of the scenes is called."""
    return f"{FEEDFORWARD} {objective} of {n_scenes} scenes"


def _twins(study: "SceneCaptions", run: "Run") -> dict[str, xr.Dataset]:
    """The same first weights without any training, one per architecture and seed."""
    from consona.training.scene_weights import untrained

    return {
        network_name(a, UNTRAINED, s): run.step(
            f"untrained-{a}-{s}", untrained, recipe_of(study, a, EMBEDDING), seed=study.seed + s
        )
        for a in ARCHITECTURES
        for s in range(_seeds(study))
    }


def _probes(run: "Run", seen: dict[str, Features], asked: dict[str, Features]) -> dict[str, xr.Dataset]:
    """Linear read-outs of both objectives from the last layers, on new scenes: half to fit, half to test."""
    from consona.alignment.readout_transfer import cross_readout

    ids = next(iter(seen.values())).ids.tolist()
    half = {"train": ids[: len(ids) // 2], "test": ids[len(ids) // 2 :]}
    return {
        f"{name} to {goal}": run.step(f"probe-{slug(name)}-{goal}", cross_readout, features, asked[goal], **half)
        for name, features in seen.items()
        for goal in OBJECTIVES
    }


def arms(study: "SceneCaptions", architecture: str, objective: str) -> list[str]:
    """Names of the networks of one architecture and objective, one per seed."""
    return [network_name(architecture, objective, s) for s in range(_seeds(study))]
