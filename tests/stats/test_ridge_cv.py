"""Penalties of many targets equal those of direct fits, fold by fold, by any route, whatever is beside them."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import Ridge, RidgeCV

from consona.stats.folds import Folds, blocked_folds
from consona.stats.precision import float64_check
from consona.stats.ridge_cv import ridge_cv
from consona.stats.ridge_fit import ridge_cv_fit, ridge_fit
from consona.stats.ridge_gcv import ridge_gcv, ridge_loo
from consona.stats.ridge_sweep import Sweep

ALPHAS = np.logspace(-1, 3, 9)
ROUTES = pytest.mark.parametrize("n_features", [12, 90], ids=["primal", "dual"])


def _story(n_features, dtype=np.float64):
    """60 rows in a drift of features, four folds of neighbouring rows, three purged beside each."""
    rng = np.random.default_rng(n_features)
    X = rng.standard_normal((60, n_features)) * np.logspace(-1, 1, n_features) + np.linspace(0, 50, 60)[:, None]
    Y = X[:, :5] / X[:, :5].std(axis=0) * [3, 1, 0.5, 0.2, 0] + rng.standard_normal((60, 5)) - 1e3
    return X.astype(dtype), Y.astype(dtype), blocked_folds(np.zeros(60), 4, purge=3)


def _directly(X, Y, folds, alphas, *, scaled):
    """The oracle: held-out squared errors of one scikit-learn fit per fold and penalty, on rows scaled by hand."""
    found = []
    for train, test in zip(*folds, strict=True):
        sd = X[train].std(axis=0) if scaled else 1.0
        fits = [Ridge(alpha=alpha, solver="svd").fit(X[train] / sd, Y[train]) for alpha in alphas]
        found.append([-((fit.predict(X[test] / sd) - Y[test]) ** 2).mean(axis=0) for fit in fits])
    return np.mean(found, axis=0)


@ROUTES
@pytest.mark.parametrize("scaled", [True, False])
def test_scores_equal_direct_fits_with_purged_rows(n_features, scaled):
    X, Y, folds = _story(n_features)
    assert (~(folds.train | folds.test)).any()
    choice = ridge_cv(X, Y, ALPHAS, folds, scaled=scaled)
    oracle = _directly(X, Y, folds, choice.alphas, scaled=scaled)
    tried = ~np.isnan(choice.scores)
    np.testing.assert_allclose(choice.scores[tried], oracle[tried], rtol=1e-11)
    np.testing.assert_array_equal(choice.alpha, choice.alphas[np.argmax(np.where(tried, oracle, -np.inf), axis=0)])
    np.testing.assert_array_equal(choice.score, choice.scores[np.searchsorted(choice.alphas, choice.alpha), range(5)])


@ROUTES
@pytest.mark.parametrize("scaled", [True, False])
def test_weights_equal_direct_fits(n_features, scaled):
    X, Y, _ = _story(n_features)
    alphas = np.array([0.1, 1.0, np.nan, 100.0, 10.0])
    fit = ridge_fit(X, Y, alphas, scaled=scaled)
    sd = X.std(axis=0) if scaled else np.ones(n_features)
    for target in (0, 1, 3, 4):
        oracle = Ridge(alpha=alphas[target], solver="svd").fit(X / sd, Y[:, target])
        np.testing.assert_allclose(fit.coef[:, target], oracle.coef_ / sd, atol=1e-11)
        np.testing.assert_allclose(fit.predict(X + 1)[:, target], oracle.predict((X + 1) / sd), atol=1e-9)
    assert np.isnan(fit.coef[:, 2]).all()


@ROUTES
@pytest.mark.parametrize("shared", [True, False])
def test_both_at_once_is_both_in_turn(n_features, shared):
    X, Y, folds = _story(n_features)
    choice, fit = ridge_cv_fit(X, Y, ALPHAS, folds, sweep=Sweep(shared=shared))
    alone = ridge_cv(X, Y, ALPHAS, folds, sweep=Sweep(shared=shared))
    np.testing.assert_array_equal(choice.alpha, alone.alpha)
    np.testing.assert_allclose(choice.scores, alone.scores, rtol=1e-12)
    np.testing.assert_allclose(fit.coef, ridge_fit(X, Y, alone.alpha).coef, atol=1e-11)


@ROUTES
def test_leaving_one_row_out_equals_scikit_learn(n_features):
    X, Y, _ = _story(n_features)
    oracle = RidgeCV(ALPHAS, alpha_per_target=True, store_cv_results=True).fit(X, Y)
    ours = ridge_loo(X, Y, ALPHAS, scaled=False)
    asked = np.isin(ours.alphas, ALPHAS)
    np.testing.assert_allclose(ours.scores[asked], -oracle.cv_results_.mean(axis=0).T, rtol=1e-8)
    inside = ~np.isin(oracle.alpha_, ALPHAS[[0, -1]])
    np.testing.assert_array_equal(ours.alpha[inside], oracle.alpha_[inside])


@ROUTES
def test_generalised_cross_validation_equals_its_formula(n_features):
    X, Y, _ = _story(n_features)
    Xc, Yc = X - X.mean(axis=0), Y - Y.mean(axis=0)
    expected = []
    for alpha in ALPHAS:
        H = np.linalg.solve(Xc @ Xc.T + alpha * np.eye(60), Xc @ Xc.T).T
        expected.append(-((Yc - H @ Yc) ** 2).mean(axis=0) / (1 - 1 / 60 - np.trace(H) / 60) ** 2)
    ours = ridge_gcv(X, Y, ALPHAS, scaled=False)
    np.testing.assert_allclose(ours.scores[np.isin(ours.alphas, ALPHAS)], expected, rtol=1e-8)


@ROUTES
@pytest.mark.parametrize("criterion", ["r2", "pearson"])
def test_other_criteria_are_means_over_folds(n_features, criterion):
    X, Y, folds = _story(n_features)
    choice = ridge_cv(X, Y, np.array([10.0]), folds, scaled=False, sweep=Sweep(criterion))
    expected = []
    for train, test in zip(*folds, strict=True):
        fit = Ridge(alpha=10.0, solver="svd").fit(X[train], Y[train])
        pairs = zip(Y[test].T, fit.predict(X[test]).T, strict=True)
        if criterion == "pearson":
            expected.append([np.corrcoef(truth, predicted)[0, 1] for truth, predicted in pairs])
        else:
            expected.append([1 - ((t - p) ** 2).sum() / ((t - t.mean()) ** 2).sum() for t, p in pairs])
    np.testing.assert_allclose(choice.scores[0], np.mean(expected, axis=0), rtol=1e-9, atol=1e-11)


@ROUTES
@pytest.mark.parametrize("n_targets", [7, 700])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_broken_target_is_nan_and_changes_no_bit_of_the_others(n_features, n_targets, dtype):
    X, Y, folds = _story(n_features, dtype)
    rng = np.random.default_rng(0)
    Y = np.tile(Y, 140)[:, :n_targets] + rng.standard_normal((60, n_targets)).astype(dtype)
    damaged = Y.copy()
    damaged[3, 1], damaged[4, 2], damaged[:, 4] = np.nan, -np.inf, 0.1
    whole, ours = ridge_cv(X, Y, ALPHAS, folds), ridge_cv(X, damaged, ALPHAS, folds)
    rest = np.setdiff1d(np.arange(n_targets), [1, 2, 4])
    assert np.isnan(ours.alpha[[1, 2, 4]]).all()
    assert np.isnan(ours.scores[:, [1, 2, 4]]).all()
    np.testing.assert_array_equal(ours.alpha[rest], whole.alpha[rest])
    common = np.isin(whole.alphas, ours.alphas)
    np.testing.assert_array_equal(ours.scores[:, rest], whole.scores[common][:, rest])
    weights = [ridge_fit(X, each, ours.alpha).coef for each in (Y, damaged)]
    np.testing.assert_array_equal(weights[0][:, rest], weights[1][:, rest])


def test_a_grid_is_extended_once_for_the_targets_at_its_edge_and_the_rest_is_reported():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((120, 10))
    clean, noise = X @ rng.standard_normal(10), rng.standard_normal(120)
    Y = np.column_stack([clean, 3 * clean + 15 * noise, noise])
    choice = ridge_cv(X, Y, np.logspace(1, 2, 3), blocked_folds(np.zeros(120), 5))
    np.testing.assert_allclose(np.log10(choice.alphas), np.arange(-1, 4.1, 0.5), atol=1e-12)
    assert choice.alpha[0] == pytest.approx(0.1)
    assert choice.edge.tolist() == [True, False, True]
    assert np.isnan(choice.scores[-4:, 0]).all()  # only on the side where its best was
    wide = ridge_cv(X, Y, choice.alphas, blocked_folds(np.zeros(120), 5))
    assert wide.alpha[1] == choice.alpha[1]
    alone = ridge_cv(X, Y, np.array([10.0]), blocked_folds(np.zeros(120), 5))
    assert not alone.edge.any()
    assert alone.alpha.tolist() == [10.0] * 3


def test_one_penalty_for_all_is_the_best_on_average_and_is_extended_too():
    X, Y, folds = _story(12)
    each = ridge_cv(X, Y, np.logspace(-3, 5, 17), folds)
    shared = ridge_cv(X, np.column_stack([Y, np.zeros(60)]), np.logspace(-3, -2, 3), folds, sweep=Sweep(shared=True))
    np.testing.assert_allclose(np.log10(shared.alphas), np.arange(-3, 0.1, 0.5), atol=1e-12)
    expected = each.alphas[np.argmax(each.scores[np.log10(each.alphas) < 0.1][:, :5].mean(axis=1))]
    np.testing.assert_allclose(shared.alpha[:5], expected)
    assert np.isnan(shared.alpha[5])


def test_scaling_and_centring_happen_within_training_rows():
    """Canary: rows that a fold does not train on may hold anything without changing what it predicts elsewhere."""
    X, Y, folds = _story(12)
    train, test = folds.train[:1].copy(), folds.test[:1].copy()
    idle = ~(train | test)[0]
    changed = X.copy(), Y.copy()
    for array in changed:
        array[idle] *= -50
    before = ridge_cv(X, Y, ALPHAS, Folds(train, test))
    after = ridge_cv(*changed, ALPHAS, Folds(train, test))
    np.testing.assert_allclose(after.scores, before.scores, rtol=1e-8)  # 5e4 beside 1 costs digits


def test_standardising_on_all_rows_would_show():
    """A feature that is large in test rows only: scaled by all rows it would be shrunk in training, here it is not."""
    rng = np.random.default_rng(5)
    X, test = rng.standard_normal((80, 6)), np.arange(80) < 20
    X[test] *= 100
    Y = X[:, :2] + rng.standard_normal((80, 2))
    folds = Folds(~test[None], test[None])
    ours = ridge_cv(X, Y, np.array([50.0]), folds).scores[0]
    np.testing.assert_allclose(ours, _directly(X, Y, folds, [50.0], scaled=True)[0], rtol=1e-10)
    Z = X / X.std(axis=0)
    leaky = ridge_cv(Z, Y, np.array([50.0]), folds, scaled=False).scores[0]
    assert (np.abs(leaky / ours - 1) > 0.5).all()


def test_a_constant_feature_counts_for_nothing():
    X, Y, folds = _story(12)
    some = X[:, 0].copy()
    some[folds.train[0]] = 0.1  # constant in the training rows of one fold, not in its test rows
    for n_copies in (1, 90):
        padded = np.column_stack([X, np.full((60, n_copies), 0.1)])
        ours, without = (ridge_cv(each, Y, ALPHAS, folds).scores for each in (padded, X))
        np.testing.assert_allclose(ours, without, rtol=1e-9)
    first = Folds(folds.train[:1], folds.test[:1])
    ours, without = (ridge_cv(each, Y, ALPHAS, first).scores for each in (np.column_stack([X, some]), X))
    np.testing.assert_allclose(ours, without, rtol=1e-9)


@ROUTES
def test_single_precision_chooses_as_double_does_on_ill_conditioned_features(n_features):
    rng = np.random.default_rng(8)
    basis = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
    X = rng.standard_normal((400, n_features)) / np.arange(1, n_features + 1) @ basis
    Y = X @ basis.T[:, :6] @ rng.standard_normal((6, 300)) + rng.standard_normal((400, 300))
    folds, alphas = blocked_folds(np.zeros(400), 5), np.logspace(-3, 6, 20)
    single = ridge_cv(X.astype(np.float32), Y.astype(np.float32), alphas, folds, scaled=False)
    double = ridge_cv(X, Y, alphas, folds, scaled=False)
    apart = np.abs(np.log10(single.alpha / double.alpha))
    assert single.scores.dtype == np.float32
    assert (apart < 1e-6).mean() >= 0.98
    np.testing.assert_allclose(single.score, double.score, rtol=1e-4)


@ROUTES
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_torch_gives_what_numpy_gives(n_features, device):
    torch = pytest.importorskip("torch")
    X, Y, folds = _story(n_features)
    beside = torch.tensor(X, device=device), torch.tensor(Y, device=device)
    ours, theirs = ridge_cv(X, Y, ALPHAS, folds), ridge_cv(*beside, ALPHAS, folds)
    np.testing.assert_allclose(theirs.scores, ours.scores, rtol=1e-10)
    np.testing.assert_array_equal(theirs.alpha, ours.alpha)
    fit = ridge_fit(*beside, theirs.alpha)
    assert fit.coef.device.type == device
    np.testing.assert_allclose(fit.coef.cpu().numpy(), ridge_fit(X, Y, ours.alpha).coef, atol=1e-10)
    for choose in (ridge_loo, ridge_gcv):
        np.testing.assert_allclose(choose(*beside, ALPHAS).scores, choose(X, Y, ALPHAS).scores, rtol=1e-8)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_low_precision_only_chooses(device):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, 40)).astype(np.float32)
    Y = (X @ rng.standard_normal((40, 600)) + 6 * rng.standard_normal((300, 600))).astype(np.float32)
    folds, alphas = blocked_folds(np.zeros(300), 5), np.logspace(-3, 6, 20)
    beside = torch.tensor(X, device=device), torch.tensor(Y, device=device)
    rough, full = (ridge_cv(*beside, alphas, folds, sweep=Sweep(dtype=dtype)) for dtype in ("bfloat16", None))
    step = np.abs(np.searchsorted(full.alphas, full.alpha) - np.searchsorted(full.alphas, rough.alpha))
    assert (step <= 1).all()
    assert (step == 0).mean() > 0.97
    assert ((~np.isnan(rough.scores)).sum(axis=0) == 1).all()
    same = step == 0
    np.testing.assert_allclose(rough.score[same], full.score[same], rtol=1e-5)
    with pytest.raises(ValueError, match=r"torch\.from_numpy"):
        ridge_cv(X, Y, alphas, folds, sweep=Sweep(dtype="bfloat16"))


def test_targets_are_read_from_wherever_they_lie(tmp_path):
    X, Y, folds = _story(12)
    many = np.tile(Y, 150)
    mapped = np.memmap(tmp_path / "Y", dtype=np.float64, mode="w+", shape=many.shape)
    mapped[:] = many
    xr.DataArray(many, dims=("stimulus", "target"), name="Y").to_netcdf(tmp_path / "Y.nc")
    expected = ridge_cv(X, many, ALPHAS, folds)
    with xr.open_dataarray(tmp_path / "Y.nc") as on_disk:
        for other in (mapped, on_disk):
            np.testing.assert_array_equal(ridge_cv(X, other, ALPHAS, folds).scores, expected.scores)
        assert "_data" not in dir(on_disk.variable) or not isinstance(on_disk.variable._data, np.ndarray)


LARGE = """
import resource, sys
import numpy as np
from consona.stats.folds import blocked_folds
from consona.stats.precision import float64_check
from consona.stats.ridge_cv import ridge_cv
rng = np.random.default_rng(0)
X = rng.standard_normal((400, 100), dtype=np.float32)
Y = np.memmap(sys.argv[1], dtype=np.float32, mode="w+", shape=(400, 300_000))
for first in range(0, 300_000, 30_000):
    Y[:, first : first + 30_000] = rng.standard_normal((400, 30_000), dtype=np.float32) + 2 * X[:, :1]
choice = ridge_cv(X, Y, np.logspace(0, 4, 5), blocked_folds(np.zeros(400), 5))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, len(choice.alpha), np.isfinite(choice.alpha).all())
"""


def test_300_000_targets_pass_in_4_gib(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "Y")], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    gib, n_targets, finite = done.stdout.split()
    assert (n_targets, finite) == ("300000", "True")
    assert float(gib) < 4


def test_what_cannot_be_fitted_is_named():
    X, Y, folds = _story(12)
    damaged = X.copy()
    damaged[7, 3] = np.nan
    with pytest.raises(ValueError, match="feature 3 of row 7 is nan"):
        ridge_cv(damaged, Y, ALPHAS, folds)
    with pytest.raises(ValueError, match="alpha > 0"):
        ridge_cv(X, Y, np.array([0.0, 1.0]), folds)
    with pytest.raises(ValueError, match="Sort them"):
        ridge_cv(X, Y, ALPHAS[::-1], folds)
    with pytest.raises(ValueError, match=r"targets are \(59, 5\)"):
        ridge_cv(X, Y[1:], ALPHAS, folds)
    with pytest.raises(ValueError, match="tested as well"):
        ridge_cv(X, Y, ALPHAS, Folds(folds.train | folds.test, folds.test))
    with pytest.raises(ValueError, match="features hold 59 rows"):
        ridge_cv(X[1:], Y[1:], ALPHAS, folds)
    with pytest.raises(ValueError, match="pearson"):
        ridge_cv(X, Y, ALPHAS, folds, sweep=Sweep("explained variance"))
    with pytest.raises(ValueError, match="5 targets"):
        ridge_fit(X, Y, ALPHAS)


def test_the_check_in_double_precision_tells_a_good_choice_from_a_bad_one():
    X, Y, folds = _story(12, np.float32)
    many = np.tile(Y, 20) + np.random.default_rng(0).standard_normal((60, 100)).astype(np.float32)
    choice = ridge_cv(X, many, ALPHAS, folds)
    good = float64_check(choice, X, many, ALPHAS, folds, n_targets=50)
    assert good.same >= 0.96
    assert good.within_one_step == 1
    assert good.largest_difference < 1e-3
    shifted = replace(choice, alpha=np.roll(choice.alpha, 1))
    assert float64_check(shifted, X, many, ALPHAS, folds).same < 0.9
