"""Two small residual networks of photographs, ResNet-20 and ResNet-56 for CIFAR-10, trained or with random weights."""

import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from consona.core.errors import MissingData
from consona.stats.seeds import rng_for
from consona.training.checkpoints import load_checkpoint, with_weights
from consona.training.image_networks import ImageInput

__all__ = ["INPUT", "RESNETS", "CifarResNet", "random_resnet", "trained_resnet"]

INPUT = ImageInput(32, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
RESNETS = {
    "resnet20-cifar10": (3, "resnet20-12fca82f.th", "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8"),
    "resnet56-cifar10": (9, "resnet56-4bfd9763.th", "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367"),
}
"""Blocks in a stage, file of weights and its SHA-256, by name."""
_FOLDER = "resnet_cifar10"


class CifarResNet(nn.Module):
    """Residual network for images of 32 pixels (He et al. 2016, CVPR, section 4.2), 6 n + 2 layers.

    A convolution to 16 channels, three stages of n blocks with 16, 32 and 64 channels, of which the second and third
    begin by taking every second pixel, the mean over positions, and a linear layer to ten classes. Names of modules
    are those of the public weights (github.com/akamaster/pytorch_resnet_cifar10, BSD-2-Clause).
    """

    def __init__(self, n_blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = _norm(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, n_blocks)
        self.layer2 = _stage(16, 32, n_blocks)
        self.layer3 = _stage(32, 64, n_blocks)
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(image, 10)`` of normalised images ``(image, 3, 32, 32)``."""
        x = self.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class _Block(nn.Module):
    """Two convolutions beside a shortcut without weights."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.stride, self.n_new = n_out // n_in, n_out - n_in
        self.conv1 = nn.Conv2d(n_in, n_out, 3, self.stride, 1, bias=False)
        self.bn1 = _norm(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = _norm(n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        beside = x[:, :, :: self.stride, :: self.stride]
        beside = F.pad(beside, (0, 0, 0, 0, self.n_new // 2, self.n_new // 2))  # new channels are zero, half each side
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + beside)


def _stage(n_in: int, n_out: int, n_blocks: int) -> nn.Sequential:
    return nn.Sequential(_Block(n_in, n_out), *(_Block(n_out, n_out) for _ in range(n_blocks - 1)))


def _norm(n: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(n)
    norm.num_batches_tracked = None  # the public files are older than this counter, which only training reads
    return norm


def trained_resnet(name: str, folder: str = "") -> tuple[nn.Module, str]:
    """The network with its public weights, ready to look, and the SHA-256 of their file.

    Parameters
    ----------
    name
        ``resnet20-cifar10`` or ``resnet56-cifar10``.
    folder
        Where ``pretrained_models`` lies; empty: ``$CONSONA_DATA/resnet_cifar10``.

    Raises
    ------
    MissingData
        When the folder or the file is not there.
    ModelError
        When the file has another content than the public one.
    """
    n_blocks, file, sha256 = RESNETS[name]
    named = os.environ.get("CONSONA_DATA", "")
    root = folder or (f"{named}/{_FOLDER}" if named else "")
    if not root:
        raise MissingData(
            f"The weights of {name} are looked for in $CONSONA_DATA/{_FOLDER}, and CONSONA_DATA is not set. Set it, or "
            "give the folder of the weights."
        )
    checkpoint = load_checkpoint(f"{root}/pretrained_models/{file}", expected=sha256, key="state_dict")
    return with_weights(_empty(n_blocks), checkpoint, prefix="module.").eval(), checkpoint.sha256


def random_resnet(name: str, seed: int) -> nn.Module:
    """The same network with random weights: convolutions and the linear layer normal with variance 2 / inputs.

    That is what the trained ones began with (He et al. 2015, ICCV). No state of torch is touched.
    """
    network = _empty(RESNETS[name][0])
    rng = rng_for(seed, f"{name} with random weights")
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                sd = np.sqrt(2 / weight[0].numel())
                weight.copy_(torch.from_numpy(rng.normal(0, sd, tuple(weight.shape))))
        network.linear.bias.zero_()
    return network.eval()


def _empty(n_blocks: int) -> CifarResNet:
    with torch.random.fork_rng(devices=[]):
        return CifarResNet(n_blocks)
