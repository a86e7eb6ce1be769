"""The zoo: published accuracies of local networks, twins with random weights, and the process for other packages."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from consona.core.errors import ConfigError, InvalidInput, MissingData, MissingExtra, ModelError
from consona.datasets.cifar10_sample import load_cifar10_sample
from consona.training.cifar_resnets import random_resnet
from consona.training.image_networks import ImageInput, prepared, tapped
from consona.training.network_zoo import WeightFolder, zoo_features, zoo_layer_features, zoo_layers

TIMM = """
import os
from types import SimpleNamespace

__version__ = "0.0"


def create_model(name, pretrained):
    print("timm says something", flush=True)
    if name == "breaks":
        os._exit(3)
    if name == "unknown":
        raise RuntimeError("Unknown model")
    import torch
    from torch import nn

    network = nn.Sequential(nn.Conv2d(3, 5, 3, 2), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1),
                            nn.Flatten(), nn.Linear(5, 2))
    if pretrained:
        with torch.no_grad():
            for weight in network.parameters():
                weight.copy_(torch.linspace(-1, 1, weight.numel()).reshape(weight.shape))
    return network


data = SimpleNamespace(
    resolve_model_data_config=lambda network: {"input_size": (3, 48, 48), "mean": (0.5,) * 3, "std": (0.25,) * 3}
)
"""
TORCHVISION = """
from types import SimpleNamespace
from torch import nn

seen = SimpleNamespace(crop_size=[24], mean=[0.0] * 3, std=[1.0] * 3)


class models:
    get_model_weights = staticmethod(lambda name: SimpleNamespace(DEFAULT=SimpleNamespace(transforms=lambda: seen)))
    get_model = staticmethod(
        lambda name, weights: nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    )
"""


def images(n=5, size=32):
    pixels = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    return xr.DataArray(pixels, {"stimulus": [f"image{i}" for i in range(n)]}, ("stimulus", "y", "x", "colour"))


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Stand-ins for timm and torchvision that the child process finds."""
    (tmp_path / "timm.py").write_text(TIMM, encoding="utf-8")
    (tmp_path / "torchvision.py").write_text(TORCHVISION, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.data
@pytest.mark.parametrize(("name", "n_right"), [("resnet20-cifar10", 244), ("resnet56-cifar10", 257)])
def test_public_weights_name_as_many_photographs_as_they_should(name, n_right, data_folder):
    stimuli, photographs = load_cifar10_sample(data_folder / "cifar10_sample")
    weights = WeightFolder(str(data_folder / "resnet_cifar10"))
    found = zoo_layer_features(name, photographs, ["linear", "last"], weights=weights)
    assert (found["linear"].layer(0).argmax(1) == stimuli["category_code"]).sum() == n_right
    assert found["last"].data.shape == (300, 1, 64)
    assert found["last"].attrs["input_size"] == 32


def test_random_twins_have_the_architecture_and_no_knowledge():
    shown = images()
    one, other = (zoo_features("resnet20-cifar10:random", shown, seed=seed).layer(0) for seed in (0, 1))
    again = zoo_features("resnet20-cifar10:random", shown, layer="last", seed=0).layer(0)
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)
    assert sum(weight.numel() for weight in random_resnet("resnet20-cifar10", 0).parameters()) == 269_722


def test_input_is_resized_whole_and_normalised():
    wanted = ImageInput(48, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    flat = np.full((2, 96, 96, 3), 255, dtype=np.uint8)
    x = prepared(flat, wanted)
    assert x.shape == (2, 3, 48, 48)
    assert torch.allclose(x, torch.full_like(x, 2.0), atol=1e-5)
    half = flat.copy()
    half[:, :, 48:] = 0
    assert prepared(half, wanted)[0, 0, 0, [0, -1]].tolist() == pytest.approx([2, -2], abs=1e-5)  # both edges are there


@pytest.mark.parametrize("bad", [images().astype(np.float32) / 255, images()[:, :20]])
def test_scaled_or_oblong_images_are_refused(bad):
    with pytest.raises(InvalidInput, match="square images"):
        zoo_features("resnet20-cifar10:random", bad)


def test_layers_are_listed():
    layers = zoo_layers("resnet20-cifar10:random")
    assert layers[:3] == ("conv1", "bn1", "relu")
    assert layers[-2:] == ("linear", "last")


def test_unknown_networks_layers_and_missing_weights_are_named(tmp_path):
    with pytest.raises(ConfigError, match="'resnet20-cifar10'"):
        zoo_features("resnet18", images())
    with pytest.raises(ModelError, match=r"no layer 'layer9'.*Name one"):
        zoo_features("resnet20-cifar10:random", images(), layer="layer9")
    with pytest.raises(MissingData, match="resnet20-12fca82f"):
        zoo_features("resnet20-cifar10", images(), weights=WeightFolder(str(tmp_path)))


def test_layers_keep_what_they_gave_and_positions_are_found_wherever_they_stand():
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.LazyLinear(2)).eval()
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    network(x)
    with torch.no_grad():
        own = network[0](x).mean((2, 3)).numpy()
    assert np.allclose(tapped(network, x, ["0"])["0"], own)  # although the rectifier works in place
    last = nn.Sequential(nn.Unflatten(1, (3,)), nn.Identity())

    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.turned, self.pair = nn.Identity(), _Pair()

        def forward(self, x):
            return self.pair(self.turned(x.permute(0, 2, 3, 1)))

    assert np.allclose(tapped(ChannelsLast(), x, ["turned"])["turned"], x.mean((2, 3)).numpy(), atol=1e-6)
    with pytest.raises(ModelError, match=r"gave \['tuple'\]"):
        tapped(ChannelsLast(), x, ["pair"])
    with pytest.raises(ModelError, match="no layer 'last'"):
        tapped(last, x, ["last"])


class _Pair(nn.Module):
    def forward(self, x):
        return x, x


def test_a_process_of_its_own_gives_what_the_network_gives(packages):
    shown = images(70)  # more than one batch
    found = zoo_layer_features("timm:small", shown, ["0", "last"])
    network = nn.Sequential(nn.Conv2d(3, 5, 3, 2), nn.BatchNorm2d(5)).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.linspace(-1, 1, weight.numel()).reshape(weight.shape))
        x = prepared(shown.values, ImageInput(48, (0.5,) * 3, (0.25,) * 3))
        last = network(x).relu().mean((2, 3)).numpy()
    assert np.allclose(found["last"].layer(0), last, atol=1e-5)
    assert found["0"].attrs["input_size"] == 48
    assert found["0"].attrs["package"] == "timm 0.0"
    assert found["0"].ids.tolist() == shown["stimulus"].values.tolist()


def test_random_weights_of_a_package_belong_to_the_seed(packages):
    found = zoo_features("torchvision:small:random", images(3), seed=1).layer(0)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        expected = network(prepared(images(3).values, ImageInput(24, (0.0,) * 3, (1.0,) * 3))).numpy()
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "said"), [("unknown", "Unknown model"), ("breaks", "ended without an answer")])
def test_what_goes_wrong_in_the_process_is_told(name, said, packages):
    with pytest.raises(ModelError, match=said):
        zoo_features(f"timm:{name}", images())


def test_a_missing_package_is_a_missing_extra(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['timm'] = None\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingExtra, match=r"consona\[vision\]"):
        zoo_features("timm:small", images())
