"""Each loss is lowest where features and axis agree, has the slope it claims, and ignores what it says it ignores."""

import math

import numpy as np
import pytest
import torch

from consona.training.losses_contrast import CONTRAST_TEMPERATURE, infonce_loss, soft_contrast_loss, unit_rows
from consona.training.losses_geometry import distances, feature_distances, rsa_loss, top_share, within
from consona.training.losses_regression import weighed_by_uncertainty, weighted_mse
from consona.training.losses_soft import cross_entropy, divergence

DOUBLE = torch.float64


def drawn(*shape, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape), dtype=DOUBLE)


def class_axis(n_per_class=3, n_classes=5, seed=1):
    return drawn(n_classes, 1, seed=seed).repeat_interleave(n_per_class, dim=0)


LOSSES = {
    "mse": lambda f: weighted_mse(f[:, :1], class_axis(), torch.arange(1.0, 16, dtype=DOUBLE)),
    "rsa": lambda f: rsa_loss(f, class_axis()),
    "top share": lambda f: top_share(f - f.mean(dim=0), class_axis() - class_axis().mean()),
    "contrast": lambda f: soft_contrast_loss(f, class_axis(), 1.0),
    "infonce": lambda f: infonce_loss(f[:, :1], class_axis(), 0.5),
    "divergence": lambda f: divergence(f, drawn(15, 4, seed=3)),
    "cross-entropy": lambda f: cross_entropy(f, drawn(15, 4, seed=3).softmax(dim=1)),
    "uncertainty": lambda f: weighed_by_uncertainty(f[0].square().sum(), f[1].square().sum(), f[2]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_are_those_of_the_value(name):
    assert torch.autograd.gradcheck(LOSSES[name], drawn(15, 4).requires_grad_())


def test_regression_is_zero_on_the_axis_and_the_weighted_mean_elsewhere():
    axis, weights = class_axis(), torch.tensor([5.0, 1, 1, 3, 3], dtype=DOUBLE).repeat_interleave(3)
    assert weighted_mse(axis, axis, weights) == 0
    error = drawn(15, 1, seed=4)
    expected = np.average(error.numpy()[:, 0] ** 2, weights=weights.numpy())
    assert weighted_mse(axis + error, axis, weights).item() == pytest.approx(expected)


def test_rsa_is_zero_on_a_line_and_blind_to_units_sign_and_rotation():
    axis = class_axis()
    line = axis @ drawn(1, 4, seed=5) + drawn(4, seed=6)
    assert rsa_loss(line, axis).item() == pytest.approx(0, abs=1e-6)
    features = drawn(15, 4)
    rotation = torch.linalg.qr(drawn(4, 4, seed=7))[0]
    same = [rsa_loss(3 * features @ rotation + 2, axis), rsa_loss(features, 5 - 2 * axis)]
    torch.testing.assert_close(torch.stack(same), rsa_loss(features, axis).expand(2))
    i, j = np.triu_indices(15, k=1)
    pair = np.linalg.norm(features.numpy()[i] - features.numpy()[j], axis=1)
    expected = np.corrcoef(pair, np.abs(axis.numpy()[i, 0] - axis.numpy()[j, 0]))[0, 1]
    assert rsa_loss(features, axis).item() == pytest.approx(1 - expected)


def test_rows_that_coincide_have_no_distance_and_no_slope():
    features = torch.cat([torch.full((3, 4), 7.3), drawn(2, 4).float()]).requires_grad_()
    found = feature_distances(features)
    assert (found[:3, :3] == 0).all()
    for loss in (
        rsa_loss(features, torch.arange(5.0)[:, None]),
        soft_contrast_loss(features * 0, torch.ones(5, 1), 1.0),
    ):
        (slope,) = torch.autograd.grad(loss, features, retain_graph=True)
        assert torch.isfinite(slope).all()
    constant = torch.ones(5, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(rsa_loss(constant, torch.arange(5.0)[:, None]), constant)
    assert (slope == 0).all()


def test_the_main_component_is_that_of_the_singular_vectors():
    features, axis = drawn(15, 4), class_axis()
    features = features * torch.tensor([2.0, 1, 0.5, 0.2], dtype=DOUBLE)
    f, v = features - features.mean(dim=0), axis - axis.mean()
    U, s, _ = np.linalg.svd(f.numpy(), full_matrices=False)
    expected = (U[:, 0] @ v.numpy()[:, 0]) ** 2 / (v.numpy() ** 2).sum()
    # What is left of the second component, to the power 64, moves the squared cosine by no more than that.
    assert top_share(f, v).item() == pytest.approx(expected, abs=2 * (s[1] / s[0]) ** 128 + 1e-9)
    along = v @ drawn(1, 4, seed=8)
    assert top_share(along, v).item() == pytest.approx(1)
    assert top_share(along, -3 * v).item() == pytest.approx(1)
    for nothing in (top_share(f * 0, v), top_share(f, v * 0)):
        assert nothing == 0


def test_rows_are_replaced_by_the_means_of_their_groups():
    values, groups = drawn(6, 2), torch.tensor([0, 1, 0, 2, 1, 0])
    expected = np.array([values.numpy()[(groups == g).numpy()].mean(axis=0) for g in groups])
    np.testing.assert_allclose(within(values, groups).numpy(), expected)


def test_soft_contrast_is_lowest_where_cosines_fall_with_the_distance():
    axis, tau = class_axis(), 2.0
    # 1 - |difference| is a kernel where no difference exceeds 1; its square root gives features of length 1.
    axis = axis / (axis.max() - axis.min())
    tau = CONTRAST_TEMPERATURE
    values, vectors = torch.linalg.eigh(1 - distances(axis, axis))
    features = (vectors * values.clamp(min=0).sqrt()).requires_grad_()
    loss = soft_contrast_loss(features, axis, tau)
    wanted = (-distances(axis, axis) / tau).fill_diagonal_(-math.inf).softmax(dim=1)
    assert loss.item() == pytest.approx(-torch.special.xlogy(wanted, wanted).sum(dim=1).mean().item())
    (slope,) = torch.autograd.grad(loss, features)
    assert slope.abs().max() < 1e-9
    assert soft_contrast_loss(drawn(15, 4), axis, tau) > loss
    torch.testing.assert_close(soft_contrast_loss(features, 4 - axis, tau), loss)


def test_unit_rows_have_length_one_and_zero_stays():
    found = unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_infonce_reaches_its_floor_where_every_value_is_read_rightly():
    axis, tau = torch.arange(5.0, dtype=DOUBLE).repeat_interleave(3)[:, None], 0.1
    found = infonce_loss(axis, axis, tau).item()
    assert 0 <= found <= len(axis) * math.exp(-1 / tau)
    assert infonce_loss(-axis, axis, tau) > 1
    assert infonce_loss(axis * 0, axis, tau) > found


def test_soft_targets_are_met_by_logits_that_fall_with_the_distance():
    levels = class_axis(1)
    wanted = (-distances(levels, levels) / 0.7).softmax(dim=1)
    logits = (wanted.log() + 3).requires_grad_()
    loss = cross_entropy(logits, wanted)
    assert loss.item() == pytest.approx(-(wanted * wanted.log()).sum(dim=1).mean().item())
    assert divergence(logits, wanted.log()).item() == pytest.approx(0, abs=1e-12)
    (slope,) = torch.autograd.grad(loss, logits)
    assert slope.abs().max() < 1e-12
    assert divergence(drawn(5, 5), wanted.log()) > 0


def test_learnt_weights_come_to_rest_at_the_variances():
    classes, axis = torch.tensor(1.7, dtype=DOUBLE), torch.tensor(0.3, dtype=DOUBLE)
    best = torch.tensor([math.log(2 * 1.7), math.log(0.3)], dtype=DOUBLE, requires_grad=True)
    loss = weighed_by_uncertainty(classes, axis, best)
    assert loss.item() == pytest.approx(1 + 0.5 * math.log(2 * 1.7) + 0.5 * math.log(0.3))
    (slope,) = torch.autograd.grad(loss, best)
    assert slope.abs().max() < 1e-12
