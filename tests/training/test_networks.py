"""Networks agree with what they were made after, and train in a stack as they train alone."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from torch import nn
from torch.func import functional_call

from consona.core.errors import InvalidInput
from consona.training.networks import build
from consona.training.networks_attention import _Block
from consona.training.networks_convolution import ConvolutionNetwork
from consona.training.networks_recurrent import _Cell
from consona.training.positions import electrode_positions
from consona.training.recipe import NETWORKS, Recipe, default_recipe
from consona.training.stacks import Stack
from consona.training.supervision import Supervised

BANDS, SIGNAL = (6, 8, 5), (160, 4, 1)


def network_of(name, shape, seed=0, **changes):
    torch.manual_seed(seed)
    return build(Recipe(network=name, width=16, **changes), shape, 7)


@pytest.mark.parametrize("shape", [BANDS, SIGNAL])
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_the_head_on_the_features(name, shape):
    network, x = network_of(name, shape), torch.randn(3, *shape)
    features = network.features(x)
    assert features.shape == (3, network.head.in_features)
    assert torch.equal(network(x), network.head(features))


@pytest.mark.parametrize("shape", [BANDS, SIGNAL])
@pytest.mark.parametrize("name", NETWORKS)
def test_several_at_once_have_the_gradients_of_each_alone(name, shape):
    """float32: a gradient is a sum of some thousand products, so 1e-4 of its largest entry is far above rounding."""
    models = [Supervised(network_of(name, shape, seed), nn.ModuleDict()) for seed in range(3)]
    stack, x = Stack(models, "cpu"), torch.randn(3, 5, *shape)

    def loss(weights, batch):
        return functional_call(models[0], weights, batch).logits.square().mean()

    stack.losses(loss, (x,)).sum().backward()
    for number, model in enumerate(models):
        model.zero_grad()
        model(x[number]).logits.square().mean().backward()
        for key, value in model.named_parameters():
            together = stack.weights[key].grad[number]
            assert torch.allclose(together, value.grad, atol=1e-4 * float(value.grad.abs().max()), rtol=1e-4), key


def test_the_recurrent_cell_is_that_of_pytorch():
    cell, x = _Cell(5, 6), torch.randn(2, 7, 5)
    theirs = nn.GRU(5, 6, batch_first=True)
    weights = {"weight_ih_l0": cell.given.weight, "bias_ih_l0": cell.given.bias}
    weights |= {"weight_hh_l0": cell.kept.weight, "bias_hh_l0": cell.kept.bias}
    theirs.load_state_dict(weights)
    assert torch.allclose(cell(x), theirs(x)[0], atol=1e-6)


def test_the_block_of_attention_is_that_of_pytorch():
    block, x = _Block(), torch.randn(2, 9, 32)
    theirs = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    pairs = {
        "self_attn.in_proj_": block.asked, "self_attn.out_proj.": block.answer, "linear1.": block.wide,
        "linear2.": block.narrow, "norm1.": block.before, "norm2.": block.between,
    }  # fmt: skip
    for layer in pairs.values():
        nn.init.normal_(layer.weight, std=0.2)
    theirs.load_state_dict(
        {key + end: getattr(layer, end) for key, layer in pairs.items() for end in ("weight", "bias")}
    )
    assert torch.allclose(block(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize(("shape", "kernel"), [(BANDS, 3), (SIGNAL, 65)])
def test_filters_over_the_scalp_first_are_filters_over_time_first(shape, kernel):
    """EEGNet's own order, as convolutions of an image: over time, then each map over the channels."""
    network = network_of("eegnet", shape, depth=1)
    assert isinstance(network, ConvolutionNetwork)
    x = torch.randn(2, *shape)
    over_time = nn.functional.conv2d(
        x.permute(0, 3, 2, 1), network.temporal[:, :, None], padding=(0, (kernel - 1) // 2)
    )
    spatial = network.spatial.weight[:, None, :, None]  # two filters of the scalp for each map
    expected = nn.functional.conv2d(over_time, spatial, groups=len(network.temporal))[:, :, 0]
    seen = []
    network.first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network.features(x)
    assert torch.allclose(seen[0].transpose(1, 2), expected, atol=1e-5)


def test_edges_start_from_where_electrodes_are():
    names = ["Fz", "Cz", "FC1", "T7", "T8"]
    places = electrode_positions(names)
    torch.manual_seed(0)
    graph = build(Recipe(network="graph"), (6, 5, 5), 9, positions=places)
    edges = graph.edges.detach().numpy()
    assert edges[0, 2] > edges[0, 1] > edges[0, 3] > edges[3, 4]
    assert np.allclose(graph.adjacency().sum(1).detach(), 1, atol=1e-5)


def test_positions_are_those_of_the_10_10_system():
    names = ["Fz", "Cz", "Oz", "T7", "T8", "F3", "F4", "Fp1", "PO3", "cz", "T3", "CB1"]
    at = dict(zip(names, electrode_positions(names), strict=True))
    assert np.allclose(np.linalg.norm(list(at.values()), axis=1), 1)
    assert np.allclose(at["Cz"], [0, 0, 1])
    assert np.allclose(at["cz"], at["Cz"])
    assert np.allclose(at["T3"], at["T7"])
    assert np.allclose(at["F3"], at["F4"] * [-1, 1, 1])
    assert np.degrees(np.arccos(at["T7"] @ at["T8"])) == pytest.approx(144)
    assert np.degrees(np.arccos(at["Fz"] @ at["Oz"])) == pytest.approx(108)
    assert at["Fp1"][1] > at["F3"][1] > 0 > at["PO3"][1] > at["Oz"][1]
    assert electrode_positions(["Cz", "EXG1"]) is None


def test_distances_are_ordered_as_on_a_measured_head():
    """MNE's template is no sphere; which electrodes are near and which are far is the same but for near ties."""
    mne = pytest.importorskip("mne")
    builtin = mne.channels.get_builtin_montages()
    montage = mne.channels.make_standard_montage("colin27_1020" if "colin27_1020" in builtin else "standard_1020")
    known = montage.get_positions()["ch_pos"]
    names = ["Fp1", "Fz", "F3", "F8", "FC5", "C3", "T7", "CP2", "Pz", "P8", "PO4", "O2"]
    theirs = pdist(np.array([known[name] for name in names]))
    assert spearmanr(pdist(electrode_positions(names)), theirs).statistic > 0.95


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recipe_survives_json_and_names_what_is_wrong(name):
    recipe = default_recipe(name)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.network == name
    with pytest.raises(InvalidInput, match="drop is 1"):
        Recipe(network=name, drop=1)
    with pytest.raises(InvalidInput, match="known are linear, mlp"):
        Recipe(network=name + "x")
    with pytest.raises(InvalidInput, match="no breadth"):
        Recipe.from_json('{"breadth": 3}')
