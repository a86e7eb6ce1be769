"""Networks that read emotions from a tensor of windows, channels and bands; each shows its penultimate features."""

from collections.abc import Callable

import numpy as np

from consona.training.decoder_network import DecoderNetwork, Shape
from consona.training.networks_attention import ChannelTransformer
from consona.training.networks_convolution import ConvolutionNetwork
from consona.training.networks_dense import LinearNetwork, PerceptronNetwork
from consona.training.networks_graph import GraphNetwork
from consona.training.networks_recurrent import RecurrentNetwork
from consona.training.recipe import Recipe

__all__ = ["DecoderNetwork", "build"]

_BUILDERS: dict[str, Callable[[Recipe, Shape], DecoderNetwork]] = {
    "linear": LinearNetwork,
    "mlp": PerceptronNetwork,
    "eegnet": ConvolutionNetwork,
    "graph": GraphNetwork,
    "transformer": ChannelTransformer,
    "recurrent": RecurrentNetwork,
}


def build(
    recipe: Recipe, shape: tuple[int, int, int], n_outputs: int, *, positions: np.ndarray | None = None
) -> DecoderNetwork:
    """A network with fresh weights from torch's own generator, on the CPU.

    Parameters
    ----------
    recipe
        Which network, its width and depth.
    shape
        Windows, channels and bands of a row.
    n_outputs
        Emotions, or stimuli where the recipe pools over them.
    positions
        ``(n_channels, 3)`` places of the electrodes on the unit sphere; ``graph`` starts from their distances.
    """
    return _BUILDERS[recipe.network](recipe, Shape(*shape, n_outputs, positions))
