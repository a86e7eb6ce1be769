"""Strategies as a training loop meets them: one by one and stacked, without weight, on the cells that they name."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from consona.core.errors import InvalidInput
from consona.stats.fdr import benjamini_hochberg, holm
from consona.training.batches import Batch, Goal
from consona.training.networks import build
from consona.training.recipe import Recipe
from consona.training.strategies import Strategy
from consona.training.strategies_table import ALSO, PAPER, TOP8
from consona.training.strategies_transfer import Transfer, shared_channels
from consona.training.supervision import Supervised, class_loss

CHANNELS = (
    "Fp1",
    "Fp2",
    "Fz",
    "F3",
    "F4",
    "F7",
    "F8",
    "C3",
    "C4",
    "P7",
    "P3",
    "Pz",
    "P4",
    "P8",
    "PO3",
    "Oz",
    "O1",
    "O2",
)
BANDS = ("delta", "theta", "alpha")
EMOTIONS = ("anger", "disgust", "amusement", "tenderness")
SHAPE = (2, len(CHANNELS), len(BANDS))
RECIPE = Recipe(width=12, depth=2, epochs=4, batch=8, noise=0.1, drop=0.0)
N_MODELS = 2
EMOTION_OF = torch.arange(8) // 2  # two stimuli of each emotion
ALL = [each for each in (*PAPER, *ALSO) if each.regime != "transfer"]
# One of each kind of loss; stages do not change a loss.
KINDS = {(each.family, each.mode, each.target, each.channels, each.emphasis): each for each in ALL}
KINDS |= {each.regime: each for each in ALL if each.regime in ("lora", "ia3", "full_head")}
OF_OUTPUTS = ("distance", "distillation", "prototypes", "contrast")
STACKED = [(each, "emotion") for each in KINDS.values()]
STACKED += [(each, "stimulus") for each in KINDS.values() if each.family in OF_OUTPUTS]


def goal_of(axis, pool="emotion", channels=CHANNELS, emotions=EMOTIONS):
    output = axis if pool == "stimulus" else axis.reshape(4, 2, -1).mean(dim=1)
    of_output = EMOTION_OF if pool == "stimulus" else torch.arange(4)
    return Goal(output, of_output, 0.1, channels, BANDS, emotions)


def axes():
    return torch.randn((8, 2), generator=torch.Generator().manual_seed(3))


def models(strategy, pool="emotion"):
    made = []
    for number in range(N_MODELS):
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)
        network = build(RECIPE, SHAPE, 8 if pool == "stimulus" else 4)
        network = strategy.prepared(network, goal_of(axes(), pool), generator=generator)
        model = Supervised(network, strategy.heads(RECIPE.width, 2))
        with torch.no_grad():  # away from the start, where all added weights are zero
            for weights in model.parameters():
                weights += 0.05 * torch.randn(weights.shape, generator=generator)
        made.append(model)
    return made


def batches(pool="emotion"):
    generator = torch.Generator().manual_seed(7)
    x = torch.randn((N_MODELS, 10, *SHAPE), generator=generator)
    stimulus = torch.randint(8, (N_MODELS, 10), generator=generator)
    labels = EMOTION_OF[stimulus]
    return x, labels, stimulus, stimulus if pool == "stimulus" else labels, axes()[stimulus]


def value_of(strategy, model, goal, *, axis_only=False):
    """Loss of one model as a function of its weights and its batch."""

    def value(weights, x, labels, stimulus, output, axis):
        def network(rows):
            return functional_call(model, weights, (rows,))

        loss = strategy.axis_loss if axis_only else strategy.loss
        return loss(network, network(x), Batch(x, labels, stimulus, output, axis, goal), 0.25)

    return value


@pytest.mark.parametrize(("strategy", "pool"), STACKED, ids=lambda each: getattr(each, "name", each))
def test_stacked_models_have_the_losses_and_slopes_of_single_ones(strategy, pool):
    made, drawn = models(strategy, pool), batches(pool)
    value = value_of(strategy, made[0], goal_of(axes(), pool))
    stacked, _ = stack_module_state(made)
    slopes, together = vmap(grad_and_value(value))(stacked, *drawn)
    for k in range(N_MODELS):
        own = {name: weights[k] for name, weights in stacked.items()}
        alone, single = grad_and_value(value)(own, *(part[k] for part in drawn))
        torch.testing.assert_close(single, together[k], rtol=1e-4, atol=1e-5)
        for name, slope in alone.items():
            assert torch.isfinite(slope).all()
            torch.testing.assert_close(slopes[name][k], slope, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("strategy", ALL, ids=lambda each: each.name)
def test_without_weight_the_loss_is_that_of_the_classes(strategy):
    without = replace(strategy, weight=0.0)
    model, drawn = models(without)[0], [part[0] for part in batches()]
    outputs, batch = model(drawn[0]), Batch(*drawn, goal_of(axes()))
    assert without.loss(model, outputs, batch, 0.5) == class_loss(outputs, batch)
    with_weight = replace(strategy, weight=0.3).loss(model, outputs, batch, 0.0)
    assert strategy.family == "start" or with_weight != class_loss(outputs, batch)


def test_the_weight_is_a_factor_and_a_curriculum_ends_at_none():
    strategy = Strategy("curriculum", "regression", 0.8, schedule="cosine")
    model, drawn = models(strategy)[0], [part[0] for part in batches()]
    outputs, batch = model(drawn[0]), Batch(*drawn, goal_of(axes()))
    auxiliary = strategy.axis_loss(model, outputs, batch, 0.0)
    for progress, factor in ((0.0, 0.8), (0.5, 0.4), (0.75, 0.8 * 0.5 * (1 - np.sqrt(0.5)))):
        expected = class_loss(outputs, batch) + factor * auxiliary
        torch.testing.assert_close(strategy.loss(model, outputs, batch, progress), expected)
    assert strategy.loss(model, outputs, batch, 1.0) == class_loss(outputs, batch)


@pytest.mark.parametrize("number", [1, 3, 6, 7])
def test_a_mask_hides_all_other_cells_from_the_axis_and_none_from_the_classes(number):
    strategy = PAPER[number - 1]
    model, drawn = models(strategy)[0], [part[0] for part in batches()]
    x = drawn[0].clone().requires_grad_()
    batch = Batch(x, *drawn[1:], goal_of(axes()))
    (axis,) = torch.autograd.grad(strategy.axis_loss(model, model(x), batch, 0.0), x)
    seen = {(c, b) for c, b in np.argwhere(axis.abs().sum(dim=(0, 1)).numpy() > 0).tolist()}
    bands = strategy.bands or BANDS
    assert seen == {(CHANNELS.index(c), BANDS.index(b)) for c in strategy.channels for b in bands}
    (classes,) = torch.autograd.grad(strategy.loss(model, model(x), batch, 0.0), x)
    assert (classes.abs().sum(dim=(0, 1)) > 0).all()


def test_emotions_count_by_their_weights():
    strategy = PAPER[4]
    model, drawn = models(strategy)[0], [part[0] for part in batches()]
    outputs = model(drawn[0])
    squared = (outputs.extra["axis"] - drawn[4][:, :1]).square()[:, 0].detach().numpy()
    weights = np.array([5.0, 1.0, 3.0, 3.0])[drawn[1].numpy()]
    found = strategy.axis_loss(model, outputs, Batch(*drawn, goal_of(axes())), 0.0)
    assert found.item() == pytest.approx(np.average(squared, weights=weights), rel=1e-5)


def test_what_a_corpus_lacks_is_named():
    model, drawn = models(PAPER[6])[0], [part[0] for part in batches()]
    outputs = model(drawn[0])
    lacking = Batch(*drawn, goal_of(axes(), channels=("x", *CHANNELS[1:-1], "P3x")))
    raw = lacking._replace(goal=goal_of(axes())._replace(bands=("raw", "b", "c")))
    with pytest.raises(InvalidInput, match="'FAA .5' reads the bands alpha; alpha are not among"):
        PAPER[2].axis_loss(model, outputs, raw, 0.0)
    with pytest.raises(InvalidInput, match="Fp1 are not among"):
        PAPER[0].axis_loss(model, outputs, lacking, 0.0)
    other = Batch(*drawn, goal_of(axes(), emotions=("happy", "disgust", "amusement", "tenderness")))
    with pytest.raises(InvalidInput, match="anger are not among the emotions"):
        PAPER[4].axis_loss(model, outputs, other, 0.0)
    without = Batch(*drawn[:4], drawn[4][:, :0], goal_of(axes()))
    with pytest.raises(InvalidInput, match="none was given"):
        PAPER[0].loss(model, outputs, without, 0.0)


@pytest.mark.parametrize("regime", ["lora", "ia3", "full_head"])
def test_an_adapter_changes_nothing_at_the_start_and_moves_alone(regime):
    strategy = Strategy("adapter", "regression", 0.1, regime=regime)
    torch.manual_seed(0)
    network = build(RECIPE, SHAPE, 4)
    plain, x = Supervised(copy.deepcopy(network), torch.nn.ModuleDict()), batches()[0][0]
    own = set(dict(plain.named_parameters()))
    model = Supervised(
        strategy.prepared(network, goal_of(axes()), generator=torch.Generator().manual_seed(1)), strategy.heads(12, 2)
    )
    assert torch.equal(model(x).logits, plain(x).logits)
    first, last = strategy.stages(RECIPE)
    assert (first.loss, first.epochs, last.loss, last.epochs) == ("classes", 4, "both", 2)
    names = set(dict(model.named_parameters()))
    assert own <= names
    moving = {name for name in names if last.moves_weight(name)}
    head = {"network.head.weight", "network.head.bias"}
    assert moving & own == head
    assert moving - own == names - own
    expected = {"lora": 2 * 2, "ia3": 2, "full_head": 2}[regime]
    assert len(names - own) == expected + 2  # and the head that reads the axis


def test_low_rank_updates_have_rank_eight_and_a_network_without_layers_is_refused():
    strategy = Strategy("adapter", "regression", regime="lora")
    network = build(replace(RECIPE, width=20), SHAPE, 4)
    strategy.prepared(network, goal_of(axes()), generator=torch.Generator().manual_seed(1))
    assert network.hidden[0].adapter.down.shape == (8, network.hidden[0].in_features)
    assert network.hidden[1].adapter.up.shape == (20, 8)
    linear = build(Recipe(network="linear"), SHAPE, 4)
    with pytest.raises(InvalidInput, match="no linear layer but its head"):
        strategy.prepared(linear, goal_of(axes()), generator=torch.Generator())


def test_a_start_from_the_axis_is_added_to_the_last_layer():
    goal, plain = goal_of(axes()), build(RECIPE, SHAPE, 4)
    bias, weight = (
        Strategy("s", "start", 2.0, mode=mode).prepared(copy.deepcopy(plain), goal, generator=torch.Generator())
        for mode in ("bias", "weight")
    )
    levels = goal.output_axis[:, 0]
    torch.testing.assert_close(bias.head.bias - plain.head.bias, 2 * levels)
    change = weight.head.weight - plain.head.weight
    torch.testing.assert_close(change.norm(dim=1), 2 * levels.abs(), rtol=1e-4, atol=1e-5)


def test_stages_share_the_epochs():
    stages = {regime: Strategy("s", "regression", regime=regime).stages(RECIPE) for regime in ("frozen", "unfrozen")}
    assert [(s.epochs, s.moves, s.loss) for s in stages["frozen"]] == [(2, "all", "axis"), (2, "head", "classes")]
    assert [(s.epochs, s.moves, s.loss) for s in stages["unfrozen"]] == [(2, "all", "axis"), (2, "all", "classes")]
    assert [s.loss for s in Strategy("s", "rsa").stages(RECIPE)] == ["both"]
    with pytest.raises(InvalidInput, match="two stages"):
        Strategy("s", "regression", regime="frozen").stages(replace(RECIPE, epochs=1))


def test_the_table_is_the_papers():
    assert [each.number for each in PAPER] == list(range(1, 26))
    assert len({each.name for each in (*PAPER, *ALSO)}) == len(PAPER) + len(ALSO)
    p = np.array([each.published.p for each in PAPER])
    assert int((p < 0.05).sum()) == 15
    assert int((holm(p) < 0.05).sum()) == 10
    assert int((benjamini_hochberg(p) < 0.05).sum()) == 13
    assert sum(each.published.difference for each in PAPER) == pytest.approx(-1.5976)
    assert PAPER[6].channels == TOP8


@pytest.mark.parametrize("strategy", [*PAPER, *ALSO], ids=lambda each: each.name)
def test_a_strategy_passes_through_json(strategy):
    assert Strategy.from_json(strategy.to_json()) == strategy
    assert "\n" not in strategy.to_json()


def test_unknown_words_and_ranges_are_refused():
    for change in ({"family": "msE"}, {"mode": "class"}, {"regime": "warm"}, {"schedule": "line"}, {"target": "all"}):
        with pytest.raises(InvalidInput, match="known are"):
            replace(PAPER[13], **change)
    for change in ({"weight": -1.0}, {"tau": 0.0}, {"share": 0.0}, {"weight": float("nan")}):
        with pytest.raises(InvalidInput, match="finite"):
            replace(PAPER[13], **change)


def tensor_of(seed, channels, n_subjects, axis):
    """Cz rises and Pz falls with the axis; what is as large, in all channels alike, has nothing to do with it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_subjects, len(axis), 1, 2, len(channels), 2))
    x += rng.normal(size=(n_subjects, len(axis), 1, 1, 1, 1))
    pattern = np.array([{"cz": 1.0, "pz": -1.0}.get(name.lower(), 0.0) for name in channels])
    x += axis[None, :, None, None, None, None] * pattern[:, None]
    coords = {
        "subject": [f"s{i}" for i in range(n_subjects)],
        "stimulus": [f"c{i}" for i in range(len(axis))],
        "shift": [0.0],
        "channel": list(channels),
        "band": ["a", "b"],
        "emotion": ("stimulus", np.repeat(["x", "y"], len(axis) // 2)),
    }
    dims = ("subject", "stimulus", "shift", "window", "channel", "band")
    return xr.DataArray(x.astype(np.float32), dims=dims, coords=coords)


def test_a_network_brings_the_axis_of_another_corpus_with_it():
    axis = np.linspace(-1.5, 1.5, 10)
    other = tensor_of(0, ("CZ", "Fp1", "Oz", "PZ"), 12, axis)
    own, other = shared_channels(tensor_of(1, ("Pz", "Cz", "O1"), 4, axis), other)
    assert list(own.channel.values) == list(other.channel.values) == ["Pz", "Cz"]
    recipe = Recipe(width=16, depth=1, epochs=60, batch=30, learning_rate=1e-2, noise=0.1, drop=0.0)
    transfer = Transfer(PAPER[22], other, axis, recipe)
    goal = Goal(torch.zeros(2, 1), torch.arange(2), 0.0, ("Pz", "Cz"), ("a", "b"), ("x", "y"))
    torch.manual_seed(0)
    plain = build(recipe, (2, 2, 2), 2)
    unrelated = axis**2 - (axis**2).mean()  # not correlated with the axis
    made = [
        replace(transfer, axis=target).prepared(copy.deepcopy(plain), goal, generator=torch.Generator().manual_seed(5))
        for target in (axis, axis, unrelated)
    ]
    assert all(torch.equal(a, b) for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True))
    assert torch.equal(made[0].head.weight, plain.head.weight)
    rows, target = torch.as_tensor(own.values[:, :, 0]).flatten(0, 1), np.tile(axis, 4)
    strength = [share_of_variance(network, rows, target) for network in (plain, made[0], made[2])]
    assert strength[1] > 1.2 * max(strength[0], strength[2])
    assert [(stage.epochs, stage.loss) for stage in transfer.stages(recipe)] == [(30, "classes")]
    assert set(json.loads(transfer.to_json())) == {"strategy", "other", "axis"}


def share_of_variance(network, rows, target):
    """How much of the variance of the features lies along the axis."""
    with torch.no_grad():
        features = network.features(rows).double().numpy()
    centred = features - features.mean(axis=0)
    along = (target - target.mean()) @ centred / np.linalg.norm(target - target.mean())
    return float((along**2).sum() / (centred**2).sum())


def test_a_transfer_between_corpora_that_do_not_fit_is_refused():
    axis = np.linspace(-1.5, 1.5, 10)
    own, other = tensor_of(0, ("Cz", "Pz"), 2, axis), tensor_of(1, ("Oz",), 2, axis)
    with pytest.raises(InvalidInput, match="no channel in common"):
        shared_channels(own, other)
    with pytest.raises(InvalidInput, match="2 and 1 windows"):
        shared_channels(own, own.isel(window=[0]))
    with pytest.raises(InvalidInput, match="Wrap it"):
        PAPER[22].prepared(build(RECIPE, SHAPE, 4), goal_of(axes()), generator=torch.Generator())
    with pytest.raises(InvalidInput, match="has the regime 'together'"):
        Transfer(PAPER[13], other, axis, RECIPE)
    with pytest.raises(InvalidInput, match="not finite"):
        Transfer(PAPER[22], other * np.nan, axis, RECIPE)
    goal = Goal(torch.zeros(2, 1), torch.arange(2), 0.0, ("Cz", "Pz"), ("a", "b"), ("x", "y"))
    with pytest.raises(InvalidInput, match="1 channels and 2 bands"):
        Transfer(PAPER[22], other, axis, RECIPE).prepared(
            build(RECIPE, (2, 2, 2), 2), goal, generator=torch.Generator()
        )
