"""The searchlight equals a plain loop and rsatoolbox, and one broken neighbourhood breaks no other."""

import numpy as np
import pytest
import rsatoolbox
from scipy.stats import rankdata

from consona.stats import searchlight
from consona.stats.permutation import random_orders
from consona.stats.searchlight import Neighbourhoods, searchlight_rsa, searchlight_test

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)
EPS = np.finfo(np.float32).eps


@pytest.fixture(autouse=True, params=["in batches", "one by one"])
def _both_ways(request, monkeypatch):
    """Every test of small neighbourhoods is one of the way in which large ones are done as well."""
    monkeypatch.setattr(searchlight, "_LARGE", 256 if request.param == "in batches" else 0)


def spheres(sizes, n_targets, seed=0):
    rng = np.random.default_rng(seed)
    members = [np.sort(rng.choice(n_targets, size, replace=False)) for size in sizes]
    return Neighbourhoods(np.concatenate([[0], np.cumsum(sizes)]), np.concatenate(members))


def of(neighbourhoods, centre):
    return neighbourhoods.indices[neighbourhoods.indptr[centre] : neighbourhoods.indptr[centre + 1]]


def plain(Y, neighbourhoods, models, ranked):
    """One centre after the other, in float64."""
    upper = np.triu_indices(len(Y), 1)
    order = rankdata if ranked else np.asarray
    found = []
    for centre in range(len(neighbourhoods.indptr) - 1):
        d = order((1 - np.corrcoef(np.asarray(Y, dtype=float)[:, of(neighbourhoods, centre)]))[upper])
        found.append([np.corrcoef(d, order(model))[0, 1] for model in models])
    return np.array(found)


@pytest.fixture
def brain(frozen):
    rng = np.random.default_rng(1)
    Y = rng.standard_normal((20, 60)) + 2 * rng.standard_normal((1, 60))  # a profile that all stimuli share
    return *frozen(Y, rng.random((3, 190))), spheres([5, 9, 30, 30, 6, 60, 9, 9], 60)


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
def test_the_map_equals_a_plain_loop(brain, comparison):
    Y, models, neighbourhoods = brain
    found = searchlight_rsa(Y, neighbourhoods, models, comparison=comparison)
    # Distances are right to a few eps; a rank that flips between two of 190 pairs moves the score by 6/190^2 at most.
    atol = 20 * EPS if comparison == "pearson" else 6 / 190**2
    np.testing.assert_allclose(found, plain(Y, neighbourhoods, models, comparison == "spearman"), rtol=0, atol=atol)
    units = searchlight_rsa(Y * 1e-30 + 5e-30, neighbourhoods, models * 7 + 1, comparison=comparison)
    np.testing.assert_allclose(units, found, rtol=0, atol=max(atol, 40 * EPS))
    many = searchlight_rsa(Y, neighbourhoods, np.tile(models, (20, 1)), comparison=comparison)
    np.testing.assert_allclose(many, np.tile(found, (1, 20)), rtol=0, atol=4 * EPS)


def test_nearly_equal_patterns_keep_their_digits():
    """All patterns agree at r = 1 - 1e-6; a product of normalised patterns in float32 would be off by 0.04."""
    rng = np.random.default_rng(2)
    Y = (100 * rng.standard_normal((1, 40)) + 0.1 * rng.standard_normal((12, 40))).astype(np.float32)
    models, neighbourhoods = rng.random((2, 66)), spheres([40, 25], 40)
    found = searchlight_rsa(Y, neighbourhoods, models)
    np.testing.assert_allclose(found, plain(Y, neighbourhoods, models, ranked=False), rtol=0, atol=1e-4)


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
def test_rsatoolbox_agrees(brain, comparison):
    Y, models, neighbourhoods = brain
    made = [
        rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(Y[:, of(neighbourhoods, c)]), method="correlation")
        for c in range(3)
    ]
    method = {"pearson": "corr", "spearman": "spearman"}[comparison]
    theirs = [rsatoolbox.rdm.compare(each, rsatoolbox.rdm.RDMs(models), method=method)[0] for each in made]
    found = searchlight_rsa(Y, neighbourhoods, models, comparison=comparison)[:3]
    np.testing.assert_allclose(found, theirs, rtol=0, atol=20 * EPS if comparison == "pearson" else 6 / 190**2)


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
def test_what_is_degenerate_is_nan_and_the_rest_is_untouched(brain, comparison):
    """A missing target, a pattern that does not vary, too few targets, equal patterns, equal distances."""
    Y, models, neighbourhoods = brain
    whole = searchlight_rsa(Y, neighbourhoods, models, comparison=comparison)
    damaged = np.column_stack([Y, np.full((20, 5), 0.1), np.eye(20), np.full(20, np.nan)])
    damaged[3, 60:65] = [0.3, 0.1, 0.1, 0.2, 0.1]  # the other patterns are constant there
    extra = [
        np.append(of(neighbourhoods, 2), 85),  # one missing target
        np.arange(60, 65),
        np.array([1, 2, 3, 4]),
        np.arange(65, 85),  # one target of its own for every stimulus: equidistant
        np.array([], dtype=int),
    ]
    indptr = np.concatenate([neighbourhoods.indptr, neighbourhoods.indptr[-1] + np.cumsum([len(e) for e in extra])])
    more = Neighbourhoods(indptr, np.concatenate([neighbourhoods.indices, *extra]))
    found = searchlight_rsa(damaged, more, models, comparison=comparison)
    np.testing.assert_array_equal(found[:8], whole)
    assert np.isnan(found[8:]).all()
    same = np.tile(Y[:1], (20, 1))
    assert np.isnan(searchlight_rsa(same, neighbourhoods, models, comparison=comparison)).all()


def test_rsatoolbox_dies_where_we_answer_nan(brain):
    Y, models, _ = brain
    flat = Y.copy()
    flat[3, :9] = 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        rdm = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(flat[:, :9]), method="correlation")
    with pytest.raises(ValueError, match="nan positions"):
        rsatoolbox.rdm.compare(rdm, rsatoolbox.rdm.RDMs(models), method="corr")
    here = Neighbourhoods(np.array([0, 9, 18]), np.arange(18))
    assert np.isnan(searchlight_rsa(flat, here, models)).all(axis=1).tolist() == [True, False]


def test_equal_distances_share_a_rank():
    """Three clusters of identical patterns: only ties within and between are left, as in SciPy's ranks."""
    rng = np.random.default_rng(3)
    Y = np.repeat(np.round(rng.standard_normal((3, 8)), 2), 4, axis=0)
    model = np.round(rng.random((1, 66)), 1)
    here = Neighbourhoods(np.array([0, 8]), np.arange(8))
    d = np.round((1 - np.corrcoef(Y))[np.triu_indices(12, 1)], 9)
    expected = np.corrcoef(rankdata(d), rankdata(model[0]))[0, 1]
    assert searchlight_rsa(Y, here, model, comparison="spearman")[0, 0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
def test_permuting_a_model_equals_permuting_the_stimuli(brain, comparison):
    Y, models, neighbourhoods = brain
    damaged = np.where(np.arange(60) == of(neighbourhoods, 4)[0], np.nan, Y)
    orders = random_orders(20, 30, seed=0)
    test = searchlight_test(damaged, neighbourhoods, models, orders, comparison=comparison)
    # Where stimulus o[i] of the model stands for stimulus i, the patterns come in the inverse order.
    null = np.stack(
        [searchlight_rsa(damaged[np.argsort(o)], neighbourhoods, models, comparison=comparison) for o in orders]
    )
    np.testing.assert_allclose(test.maxima, np.nanmax(null, axis=1), rtol=0, atol=6 / 190**2)
    assert np.isnan(test.p[4]).all()
    whole = np.isfinite(test.scores).all(axis=1)
    exceeding = (null >= test.scores - 1e-5).sum(axis=0)
    np.testing.assert_allclose(test.p[whole], (exceeding[whole] + 1) / 31, rtol=0, atol=1.5 / 31)
    assert (test.p_max[whole] >= test.p[whole]).all()


def test_a_planted_model_is_found_and_the_others_are_not():
    rng = np.random.default_rng(4)
    code = rng.standard_normal((16, 4))
    Y = rng.standard_normal((16, 90))
    Y[:, :30] += code @ rng.standard_normal((4, 30))
    upper = np.triu_indices(16, 1)
    models = np.stack([np.linalg.norm(code[upper[0]] - code[upper[1]], axis=1), rng.random(120)])
    thirds = Neighbourhoods(np.array([0, 30, 60, 90]), np.arange(90))
    test = searchlight_test(Y, thirds, models, random_orders(16, 199, seed=1))
    assert (test.p_max < 0.05).tolist() == [[True, False], [False, False], [False, False]]


def test_bad_input_is_said(brain):
    Y, models, neighbourhoods = brain
    with pytest.raises(ValueError, match="20 stimuli have 190 pairs and the models 189"):
        searchlight_rsa(Y, neighbourhoods, models[:, 1:])
    with pytest.raises(ValueError, match="there are 50"):
        searchlight_rsa(Y[:, :50], neighbourhoods, models)
    with pytest.raises(WRONG_SHAPE, match="pearson"):
        searchlight_rsa(Y, neighbourhoods, models, comparison="kendall")
    with pytest.raises(WRONG_SHAPE, match="20 stimuli|Type-check error"):
        searchlight_test(Y, neighbourhoods, models, random_orders(19, 5, seed=0))
