"""Two networks that look at scenes: one whose layers talk to each other over time, and one that is passed once."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from consona.stats.seeds import rng_for
from consona.training.scene_recipe import SceneRecipe

__all__ = ["SIZES", "STEM", "SceneNetwork", "layer_width", "scene_network"]

STEM = 24
"""Filters of the stem: 5 x 5 pixels, every 4 pixels."""
SIZES = 16
"""Height and width of images are a multiple of this: the stem divides by 4, the first two layers by 2 each."""
_CENTRE, _SPREAD = 127.5, 63.75  # bytes become numbers between -2 and 2
_QUIET = 0.1 * 2**0.5
_GAINS = {"lateral": _QUIET, "top_down": _QUIET, "output": 0.1}


class SceneNetwork(nn.Module):
    r"""A recurrent or a feed-forward convolutional network with equally wide layers and a linear output.

    With :math:`h_\ell(t)` the state of layer :math:`\ell` at time :math:`t`, :math:`h_0` the stem, :math:`B, L, T`
    convolutions of 3 x 3 (bottom-up, lateral, top-down) and :math:`U` a repetition of pixels up to the size of the
    layer,

    .. math:: h_\ell(t) = \mathrm{relu}\,\mathrm{norm}\bigl(B_\ell h_{\ell-1}(t) + L_\ell h_\ell(t-1)
              + U T_\ell h_{\ell+1}(t-1)\bigr), \qquad o(t) = W \,\overline{h_n(t)} + b

    where the line is the mean over positions. The feed-forward network has one time and only :math:`B`. Weights are
    the same at all times, but for gain and offset of ``norm``, which is over features and positions (arXiv:1607.06450).
    After BLT networks (Spoerer et al. 2017, Frontiers in Psychology 8:1551); here top-down signals come from the time
    step before.

    Parameters
    ----------
    recipe
        Architecture, layers and times.
    n_outputs
        Of the linear output; 0: none, as of a network that was not trained.
    """

    def __init__(self, recipe: SceneRecipe, n_outputs: int) -> None:
        super().__init__()
        self.times, self.width, n_layers = recipe.times, layer_width(recipe), recipe.n_layers
        self.strides = [2, 2, *[1] * (n_layers - 2)]
        below = [STEM, *[self.width] * (n_layers - 1)]
        self.stem = nn.Conv2d(3, STEM, 5, 4, 2)
        self.bottom_up = nn.ModuleList(nn.Conv2d(n, self.width, 3, s, 1) for n, s in zip(below, self.strides))
        self.norm = nn.ModuleList(nn.GroupNorm(1, self.width) for _ in range(self.times * n_layers))
        back = 0 if self.times == 1 else n_layers
        self.lateral = nn.ModuleList(_inner(self.width) for _ in range(back))
        self.top_down = nn.ModuleList(_inner(self.width) for _ in range(max(back - 1, 0)))
        self.output = nn.Linear(self.width, n_outputs) if n_outputs else None

    def states(self, images: torch.Tensor) -> list[list[torch.Tensor]]:
        """States of all layers at all times, each ``(image, feature, y, x)``, of images of bytes ``(…, y, x, 3)``."""
        x = ((images.permute(0, 3, 1, 2).float() - _CENTRE) / _SPREAD).contiguous(memory_format=torch.channels_last)
        image = self.bottom_up[0](F.relu(self.stem(x)))
        found: list[list[torch.Tensor]] = []
        for time in range(self.times):
            found.append(self._moment(image, time, found[-1] if found else None))
        return found

    def _moment(self, image: torch.Tensor, time: int, before: list[torch.Tensor] | None) -> list[torch.Tensor]:
        """All layers at one time, from what the image gives to the first one and from the time before."""
        now: list[torch.Tensor] = []
        for layer in range(len(self.strides)):
            heard = self.bottom_up[layer](now[-1]) if layer else image
            if before is not None:
                heard = heard + self.lateral[layer](before[layer])
                if layer < len(self.top_down):
                    above = self.top_down[layer](before[layer + 1])
                    heard = heard + F.interpolate(above, scale_factor=self.strides[layer + 1], mode="nearest")
            now.append(F.relu(self.norm[time * len(self.strides) + layer](heard)))
        return now

    def pooled(self, images: torch.Tensor) -> torch.Tensor:
        """Means over positions, ``(image, time, layer, feature)``."""
        return torch.stack([torch.stack([h.mean((2, 3)) for h in now], 1) for now in self.states(images)], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The output at all times, ``(time, image, output)``."""
        last = torch.stack([now[-1].mean((2, 3)) for now in self.states(images)])
        return last if self.output is None else self.output(last)


def _inner(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, 1, 1, bias=False)


def layer_width(recipe: SceneRecipe) -> int:
    """Features of a layer: the recipe's, or, without recurrence, what comes nearest to the same number of weights.

    Stem and output are left out of the count, so networks of both objectives are alike.
    """
    if recipe.architecture == "recurrent":
        return recipe.width
    n_layers, widths = recipe.n_layers, np.arange(recipe.width, 4 * recipe.width + 1)
    wanted = _n_weights(recipe.width, 3 * n_layers - 2, n_layers * (1 + 2 * recipe.n_times))
    return int(widths[np.abs(_n_weights(widths, n_layers - 1, 3 * n_layers) - wanted).argmin()])


def _n_weights(width: int | np.ndarray, n_inner: int, n_vectors: int) -> int | np.ndarray:
    """Of the first convolution, so many between equal widths, and biases and norms of the layers."""
    return 9 * width * (STEM + n_inner * width) + n_vectors * width


def scene_network(recipe: SceneRecipe, n_outputs: int, seed: int) -> SceneNetwork:
    """A network with random weights that belong to the seed (and to what the network is, not to its objective).

    Convolutions are drawn from normal distributions of variance 2 / inputs (He et al. 2015), lateral and top-down ones
    a tenth as wide: random signals from the time before would hide the image. Biases are 0; the output is drawn last,
    with variance .01 / inputs. No state of torch is touched.
    """
    with torch.random.fork_rng(devices=[]):
        network = SceneNetwork(recipe, n_outputs)
    rng = rng_for(seed, "scene network")
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 1:
                weight.fill_(float(name.startswith("norm") and name.endswith("weight")))
                continue
            gain = next((value for start, value in _GAINS.items() if name.startswith(start)), 2**0.5)
            spread = gain / weight[0].numel() ** 0.5
            weight.copy_(torch.from_numpy(rng.standard_normal(tuple(weight.shape), dtype=np.float32) * spread))
    return network
