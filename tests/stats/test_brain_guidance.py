"""The map and its gradient need similarities alone, agree with scikit-learn, torch and differences, and stay put."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from consona.stats.brain_guidance import ALPHAS, BrainMap, similarity_of
from consona.stats.guidance_ascent import PUBLISHED_ASCENT, Ascent, ascend, plateau, unit_rows

N, D, V = 30, 50, 40
TRAIN, QUERIES = np.arange(22), np.arange(22, 30)


def planted(seed=0, d=D):
    """States, and patterns that follow a part of them, on top of a mean pattern."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, d)) + 2 * rng.normal(size=d)
    Y = X[:, :5] @ rng.normal(size=(5, V)) + rng.normal(size=(N, V)) + 3 * rng.normal(size=V)
    return X, Y


def of_patterns(X, Y, objective):
    """Weights by scikit-learn, and the cosine that the objective names, written with voxels."""
    ridge = RidgeCV(ALPHAS).fit(X[TRAIN], Y[TRAIN])
    W, mean_x, mean_y = ridge.coef_, X[TRAIN].mean(0), Y[TRAIN].mean(0)
    start = 0 if objective == "published" else mean_x
    added = mean_y if objective == "intercept" else 0
    y = Y[QUERIES] - (mean_y if objective == "centred" else 0)

    def cosine(states):
        p = (states - start) @ W.T + added
        return (p * y).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(y, axis=1)

    return ridge.alpha_, cosine


@pytest.mark.parametrize("objective", ["published", "intercept", "centred"])
def test_cosine_penalty_and_gradient_are_those_of_the_voxels(objective):
    X, Y = planted()
    alpha, cosine = of_patterns(X, Y, objective)
    seen = similarity_of(Y @ Y.T, TRAIN, QUERIES, objective=objective)
    fitted = BrainMap.fit(X[TRAIN], seen)
    assert fitted.alpha == pytest.approx(alpha)
    np.testing.assert_allclose(fitted.cosine(X[QUERIES], seen.products, seen.norms), cosine(X[QUERIES]), atol=1e-9)
    gradient = fitted.gradient(X[QUERIES], seen.products, seen.norms)
    step = 1e-5
    for j in range(0, D, 7):
        moved = step * np.eye(D)[j]
        slope = (cosine(X[QUERIES] + moved) - cosine(X[QUERIES] - moved)) / (2 * step)
        np.testing.assert_allclose(gradient[:, j], slope, atol=1e-6 * np.abs(gradient).max() + 1e-9)


def test_the_gradient_is_that_of_torch_and_lies_in_the_span_of_the_centred_states():
    torch = pytest.importorskip("torch")
    X, Y = planted(1, d=90)
    alpha, _ = of_patterns(X, Y, "published")
    seen = similarity_of(Y @ Y.T, TRAIN, QUERIES, objective="published")
    fitted = BrainMap.fit(X[TRAIN], seen)
    Xc, Yc = X[TRAIN] - X[TRAIN].mean(0), Y[TRAIN] - Y[TRAIN].mean(0)
    W = torch.tensor(Yc.T @ np.linalg.solve(Xc @ Xc.T + alpha * np.eye(len(TRAIN)), Xc))
    states = torch.tensor(X[QUERIES], requires_grad=True)
    torch.nn.functional.cosine_similarity(states @ W.T, torch.tensor(Y[QUERIES])).sum().backward()
    gradient = fitted.gradient(X[QUERIES], seen.products, seen.norms)
    np.testing.assert_allclose(gradient, states.grad.numpy(), atol=1e-6 * np.abs(gradient).max())
    basis = np.linalg.svd(Xc, full_matrices=False)[2][: len(TRAIN) - 1]
    outside = gradient - gradient @ basis.T @ basis
    assert np.linalg.norm(outside) <= 1e-10 * np.linalg.norm(gradient)


@pytest.mark.parametrize("objective", ["published", "intercept", "centred"])
def test_a_rotation_of_voxels_changes_nothing(objective):
    X, Y = planted(2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(V, V)))[0]
    found = []
    for patterns in (Y, Y @ turn):
        seen = similarity_of(patterns @ patterns.T, TRAIN, QUERIES, objective=objective)
        fitted = BrainMap.fit(X[TRAIN], seen)
        path = ascend(fitted, X[QUERIES], seen.products, seen.norms, Ascent(6, 2.0, 0.2, "gradient", 1))
        found.append((fitted.alpha, fitted.gradient(X[QUERIES], seen.products, seen.norms), path))
    assert found[0][0] == found[1][0]
    for first, second in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(first, second, atol=1e-10 * max(1.0, np.abs(first).max()))


def test_a_brain_of_one_number_gives_a_direction_with_the_intercept_only():
    X, _ = planted(4)
    labels = np.random.default_rng(5).integers(0, 2, N)
    S = (labels[:, None] == labels).astype(float)  # one-hot labels, as in the published control
    size = {}
    for objective in ("published", "centred", "intercept"):
        seen = similarity_of(S, TRAIN, QUERIES, objective=objective)
        fitted = BrainMap.fit(X[TRAIN], seen)
        size[objective] = np.linalg.norm(fitted.gradient(X[QUERIES], seen.products, seen.norms), axis=1)
    assert (size["published"] == 0).all()
    assert (size["centred"] == 0).all()
    assert (size["intercept"] > 1e-6).all()


def test_ascent_as_published_is_that_of_torch():
    torch = pytest.importorskip("torch")
    X, Y = planted(6)
    seen = similarity_of(Y @ Y.T, TRAIN, QUERIES, objective="published")
    fitted = BrainMap.fit(X[TRAIN], seen)
    r, G, A = (torch.tensor(each) for each in (X[QUERIES], fitted.gram, fitted.weights))
    g, norms = torch.tensor(seen.products), torch.tensor(seen.norms)
    shift = torch.zeros_like(r, requires_grad=True)
    optimiser = torch.optim.AdamW([shift], lr=0.1 * float(r.abs().mean()))
    limit, kept = 0.5 * fitted.spread, []
    for _ in range(20):
        optimiser.zero_grad()
        a = (r + shift) @ A.T
        loss = -((a * g).sum(1) / torch.sqrt(((a @ G) * a).sum(1)) / norms).mean()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            length = shift.norm(dim=1, keepdim=True)
            shift.mul_(torch.clamp(limit / length, max=1.0))
        kept.append(shift.detach().clone().numpy())
    path = ascend(fitted, X[QUERIES], seen.products, seen.norms, Ascent(20, 0.5, record_every=5))
    np.testing.assert_allclose(path, np.stack(kept)[4::5], atol=1e-8)
    assert PUBLISHED_ASCENT.n_records == 40


def test_ascent_raises_the_cosine_within_the_radius_and_items_do_not_see_each_other():
    X, Y = planted(7)
    seen = similarity_of(Y @ Y.T, TRAIN, QUERIES)
    fitted = BrainMap.fit(X[TRAIN], seen)
    ascent = Ascent(12, 2.0, 0.2, "gradient", 1)
    path = ascend(fitted, X[QUERIES], seen.products, seen.norms, ascent)
    cosines = np.stack([fitted.cosine(X[QUERIES] + d, seen.products, seen.norms) for d in (0 * path[0], *path)])
    assert (cosines[-1] > cosines[0]).all()  # steps of a fixed length end by circling the top
    assert np.linalg.norm(path, axis=2).max() <= 2.0 * fitted.spread * (1 + 1e-12)
    alone = ascend(fitted, X[QUERIES[3:4]], seen.products[3:4], seen.norms[3:4], ascent)
    np.testing.assert_allclose(alone[:, 0], path[:, 3], atol=1e-12)
    twice = ascend(fitted, X[QUERIES], seen.products, seen.norms, Ascent(12, 1.0, 0.2, "gradient", 1), factors=2.0)
    np.testing.assert_allclose(twice, path, atol=1e-12)


def test_the_plateau_is_the_first_record_with_nearly_all_of_the_rise():
    cosines = np.array([[0.0, 0.2, np.nan], [0.5, 0.2, np.nan], [0.995, 0.2, np.nan], [1.0, 0.2, np.nan]])
    assert plateau(cosines, tolerance=0.01).tolist() == [2, 0, 0]
    assert unit_rows(np.zeros((2, 3))).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda S, X: similarity_of(S * np.nan, TRAIN, QUERIES), "not all finite"),
        (lambda S, X: BrainMap.fit(X, similarity_of(S, TRAIN, QUERIES)), "of the training items"),
        (lambda S, X: Ascent(radius=0.0), "radius and rate are positive"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    X, Y = planted()
    with pytest.raises(ValueError, match=words):
        make(Y @ Y.T, X)
