"""The recipes of the study: a weak and a strong base, and three regimes of every network."""

from dataclasses import replace
from typing import TYPE_CHECKING

from consona.studies.eeg_emotion.names import Network, Regime

if TYPE_CHECKING:
    from consona.training.recipe import Recipe

WEAK_EPOCHS = 12
SHORTEST = 2


def weak_base(effort: float) -> "Recipe":
    """One small hidden layer, few epochs, nothing augmented."""
    from consona.training.recipe import Recipe

    bare = Recipe("mlp", width=32, depth=1, epochs=WEAK_EPOCHS, noise=0.0, drop=0.0, gain=0.0, jitter=False)
    return shortened(bare, max(effort, 0.5))


def strong_base(effort: float) -> "Recipe":
    """The perceptron with all augmentations."""
    from consona.training.recipe import default_recipe

    return shortened(default_recipe("mlp"), effort)


def regime_recipe(network: Network, regime: Regime, effort: float) -> "Recipe":
    """A network's own recipe; ``plain`` without augmentation and smoothing, ``stimuli`` with an output per clip."""
    from consona.training.recipe import default_recipe

    recipe = shortened(default_recipe(network), effort)
    if regime == "plain":
        return replace(recipe, noise=0.0, borrowed=0.0, drop=0.0, gain=0.0, jitter=False, smoothing=0.0)
    return replace(recipe, pool="stimulus") if regime == "stimuli" else recipe


def shortened(recipe: "Recipe", effort: float) -> "Recipe":
    """The same recipe with this share of its epochs."""
    return replace(recipe, epochs=max(SHORTEST, round(recipe.epochs * effort)))
