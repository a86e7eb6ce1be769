"""Training a network to see what captions of scenes say, or which objects are there: one loop, minutes on one core."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.engine.fingerprint import identify
from consona.stats.seeds import rng_for
from consona.training.scene_networks import SceneNetwork, scene_network
from consona.training.scene_recipe import SceneRecipe
from consona.training.scene_weights import deterministic, require_images, weights_of
from consona.training.training_state import TrainingState

__all__ = ["SceneTrainer", "cosines", "require_targets", "train_scene_network"]

Progress = Callable[[int, float], None]
_CLIP, _LOOK, _MIDDLE = 1.0, 256, 127.5


class _Material(NamedTuple):
    """Images ``(n, y, x, 3)`` as bytes, targets ``(n, output)``; the first ``n_train`` are trained on."""

    images: np.ndarray
    targets: torch.Tensor
    n_train: int
    device: torch.device

    def mean(self) -> torch.Tensor:
        """The mean target of the training images."""
        return self.targets[: self.n_train].mean(0)


@dataclass(frozen=True)
class SceneTrainer:
    """Trains networks of scenes in a folder and on a device, which count for nothing in the identity of a result.

    Parameters
    ----------
    folder
        Gets the state of the training after every epoch, in a folder of each training's own; one that was stopped goes
        on, and ends with the same bytes. None: nothing is kept.
    device
        As torch names it: ``cpu``, ``cuda``, ``cuda:1``. Another device differs by rounding.
    progress
        Called with the number of the epoch, from 1, and the held-out loss.
    """

    folder: str | None = None
    device: str = "cpu"
    progress: Progress | None = None

    def fingerprint(self) -> str:
        """What it is; not where it computes."""
        return "trainer of networks of scenes"

    def train(
        self, images: xr.DataArray, targets: Features, *, recipe: SceneRecipe, seed: int, held_out_share: float = 0.1
    ) -> xr.Dataset:
        """As :func:`train_scene_network`."""
        material = _material(images, targets, held_out_share, self.device)
        key = identify([material.images, targets.data.values, recipe.to_json(), seed, held_out_share])
        state = TrainingState(Path(self.folder) / key[:16] / "state.safetensors", key) if self.folder else None
        with deterministic():
            if material.device.type == "cuda":  # else cuBLAS may add in another order
                os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            network = scene_network(recipe, material.targets.shape[1], seed)
            _begin_with_mean(network, material.mean())
            losses = _trained(network.to(material.device), material, (recipe, seed), state, self.progress)
            found = _held_out(network, material)
        ids = targets.ids[material.n_train :]
        return _result(network, losses, found, ids).assign_attrs(
            recipe=recipe.to_json(), seed=seed, trained=material.n_train, held_out_share=held_out_share
        )


def train_scene_network(
    images: xr.DataArray, targets: Features, *, recipe: SceneRecipe, seed: int, held_out_share: float = 0.1
) -> xr.Dataset:
    """Train one network to turn images into targets, and say how well it does on images that it never saw.

    The loss is 1 minus the cosine of output and target, for both objectives, the mean over the time steps (Doerig et
    al. 2025, Nature Machine Intelligence 7:1220-1234). Order and augmentation belong to the seed and the epoch. The
    last images are held out; nothing is chosen by them. The same seed gives the same bytes on the same machine and
    number of threads.

    Parameters
    ----------
    images
        ``(stimulus, y, x, colour)``, uint8, height and width multiples of 16.
    targets
        One layer, the same stimuli in the same order: embeddings of captions, or categories as 0 and 1.
    recipe, seed
        What is trained, and what all randomness belongs to.
    held_out_share
        Of the images, above 0 and below 1: the last ones.

    Returns
    -------
    xr.Dataset
        ``weight.NAME`` as flat vectors, ``mean_target (output)``; ``training_loss``, ``held_out_loss (epoch)``;
        ``cosine``, ``baseline (stimulus)``: of held-out targets with the network's last output, and with the mean
        target of the training images. Attributes: recipe, seed, n_weights (all but the output's), ``trained`` (number
        of images), mean_cosine, mean_baseline.

    Raises
    ------
    InvalidInput
        When images and targets do not fit together, a target is 0 everywhere, or the share leaves nothing.
    """
    return SceneTrainer().train(images, targets, recipe=recipe, seed=seed, held_out_share=held_out_share)


def require_targets(images: xr.DataArray, targets: Features) -> np.ndarray:
    """Targets ``(stimulus, output)`` of these very images.

    Raises
    ------
    InvalidInput
        When there are several layers, ids or their order differ, or a target has no direction.
    """
    if targets.data.sizes["layer"] != 1:
        raise InvalidInput(f"Targets have {targets.data.sizes['layer']} layers; give one.")
    ids = images["stimulus"].to_numpy().astype(str)
    if len(ids) != len(targets) or (ids != targets.ids).any():
        place = next((i for i, (a, b) in enumerate(zip(ids, targets.ids)) if a != b), min(len(ids), len(targets)))
        raise InvalidInput(
            f"{len(ids)} images and {len(targets)} targets differ from place {place} on. Select both by the same ids."
        )
    values = targets.layer(-1)
    empty = targets.ids[~values.any(axis=1)]
    if len(empty):
        raise InvalidInput(f"Targets of {len(empty)} stimuli are 0, as '{empty[0]}': no cosine. Leave them out.")
    return values


def _begin_with_mean(network: SceneNetwork, mean: torch.Tensor) -> None:
    """The output begins as the mean target, which can be said without looking.

    A cosine leaves its length free: with a root mean square of 1, steps of the optimiser suit any number of outputs.
    """
    with torch.no_grad():
        network.get_parameter("output.bias").copy_(F.normalize(mean, dim=0) * len(mean) ** 0.5)


def _material(images: xr.DataArray, targets: Features, share: float, device: str) -> _Material:
    pixels, values = require_images(images), require_targets(images, targets)
    n_train = len(pixels) - round(share * len(pixels))
    if not 0 < n_train < len(pixels):
        raise InvalidInput(f"Of {len(pixels)} images a share of {share} is held out; leave some on both sides.")
    chosen = torch.device(device)
    return _Material(pixels, torch.from_numpy(np.array(values)).to(chosen), n_train, chosen)


def _trained(
    network: SceneNetwork,
    material: _Material,
    what: tuple[SceneRecipe, int],
    state: TrainingState | None,
    progress: Progress | None,
) -> np.ndarray:
    """Train the network in place; losses ``(epoch, training and held-out)``."""
    recipe, _ = what
    rate, decay = recipe.learning_rate, recipe.weight_decay
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    losses = state.restored(network, optimiser) if state else []
    for epoch in range(len(losses) // 2, recipe.n_epochs):
        training = _epoch(network, optimiser, material, what, epoch)
        losses += [training, float(1 - np.mean(_held_out(network, material)[0]))]
        if state:
            state.write(network, optimiser, losses)
        if progress is not None:
            progress(epoch + 1, losses[-1])
    return np.array(losses).reshape(-1, 2)


def _epoch(
    network: SceneNetwork,
    optimiser: torch.optim.Optimizer,
    material: _Material,
    what: tuple[SceneRecipe, int],
    epoch: int,
) -> float:
    """All training images once; their mean loss, each before its step."""
    recipe, seed = what
    rng, total, n_steps = rng_for(seed, "scenes", epoch), 0.0, math.ceil(material.n_train / recipe.batch)
    order = rng.permutation(material.n_train)
    for step in range(n_steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * _share_of_rate(epoch * n_steps + step, n_steps, recipe.n_epochs)
        rows = order[step * recipe.batch : (step + 1) * recipe.batch]
        shown = torch.from_numpy(_augmented(material.images[rows], recipe, rng)).to(material.device)
        loss = (1 - cosines(network(shown), material.targets[torch.from_numpy(rows).to(material.device)])).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimiser.step()
        total += float(loss.detach()) * len(rows)
    return total / material.n_train


def _share_of_rate(step: int, n_warm: int, n_epochs: int) -> float:
    return min(1.0, (step + 1) / n_warm) * 0.5 * (1 + math.cos(math.pi * step / (n_warm * n_epochs)))


def _augmented(images: np.ndarray, recipe: SceneRecipe, rng: np.random.Generator) -> np.ndarray:
    """Each image moved, and its contrast and brightness changed, by its own draw; float32 on the scale of bytes."""
    n, height, width = images.shape[:3]
    edge, made = recipe.shift, np.empty(images.shape, np.float32)
    wide = np.pad(images, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="edge")
    places = rng.integers(0, 2 * edge + 1, (n, 2)).tolist()
    for into, image, (y, x) in zip(made, wide, places):  # an index for every pixel takes four times as long
        into[...] = image[y : y + height, x : x + width]
    contrast, brightness = 1 + recipe.gain * rng.uniform(-1, 1, (2, n, 1, 1, 1)).astype(np.float32)
    made *= contrast
    made += np.float32(_MIDDLE) * (brightness - contrast)
    return np.clip(made, 0, 255, out=made)


def cosines(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cosine of output and target over the last axis."""
    return F.cosine_similarity(output, target, dim=-1)


def _held_out(network: SceneNetwork, material: _Material) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines of held-out images with the last output and with the mean target, and that mean."""
    targets, mean = material.targets[material.n_train :], material.mean()
    with torch.no_grad():
        looks = torch.from_numpy(material.images[material.n_train :]).split(_LOOK)
        output = torch.cat([network(each.to(material.device))[-1] for each in looks])
        found, baseline = cosines(output, targets), cosines(mean[None], targets)
    return found.cpu().numpy(), baseline.cpu().numpy(), mean.cpu().numpy()


def _result(
    network: SceneNetwork, losses: np.ndarray, found: tuple[np.ndarray, np.ndarray, np.ndarray], ids: np.ndarray
) -> xr.Dataset:
    cosine, baseline, mean = found
    made = weights_of(network).assign(
        mean_target=("output", mean),
        training_loss=("epoch", losses[:, 0]),
        held_out_loss=("epoch", losses[:, 1]),
        cosine=("stimulus", cosine),
        baseline=("stimulus", baseline),
    )
    made = made.assign_coords(stimulus=ids, epoch=np.arange(1, len(losses) + 1))
    return made.assign_attrs(mean_cosine=float(cosine.mean()), mean_baseline=float(baseline.mean()))
