"""From targets to regions to subjects: the null goes the same way as the score, and the maximum is taken over all."""

import numpy as np
import pytest
import xarray as xr

from consona.alignment.regions import side_by_side, subject_mean, target_tests
from consona.core.errors import InvalidInput
from consona.core.score import Score

N_ORDERS = 99


def scored(seed, *, n_orders=N_ORDERS, n_layers=2, n_targets=3):
    """A score over layers and targets, and its null."""
    rng = np.random.default_rng(seed)
    coords = {"layer": np.arange(n_layers), "target": [f"t{i}" for i in range(n_targets)]}
    data = xr.DataArray(rng.uniform(0.5, 2.5, (n_layers, n_targets)), coords, ("layer", "target"))
    null = rng.standard_normal((n_orders, n_layers, n_targets))
    return Score(data, "pearson r", "none", null=xr.DataArray(null, coords, ("permutation", "layer", "target")))


def test_p_is_corrected_by_the_largest_of_all_layers_and_targets():
    """The null of the second layer is three times as wide, so it rules the maximum of the first one, too."""
    score = scored(0)
    score.null[:, 1] *= 3.0
    tests = target_tests(score)
    largest = score.null.values.reshape(N_ORDERS, -1).max(axis=1)
    expected = (1 + (largest[:, None, None] >= score.data.values).sum(axis=0)) / (N_ORDERS + 1)
    np.testing.assert_allclose(tests["p_max"], expected)
    each = (1 + (score.null.values >= score.data.values).sum(axis=0)) / (N_ORDERS + 1)
    np.testing.assert_allclose(tests["p"], each)
    assert (tests["p_max"] > tests["p"]).all()
    within = (1 + (score.null.values[:, 0].max(axis=1)[:, None] >= score.data.values[0]).sum(axis=0)) / (N_ORDERS + 1)
    assert (expected[0] > within + 0.1).any()


def test_an_undefined_target_takes_no_part_in_the_maximum():
    score = scored(1)
    broken = Score(score.data.copy(), score.metric, score.cv, null=score.null.copy())
    broken.data[1, 2], broken.null[:, 1, 2] = np.nan, 100.0
    tests = target_tests(broken)
    assert np.isnan(tests["p_max"].values[1, 2])
    largest = score.null.values.reshape(N_ORDERS, -1)[:, :5].max(axis=1)
    expected = (1 + (largest[:, None] >= score.data.values.ravel()[:5]).sum(axis=0)) / (N_ORDERS + 1)
    np.testing.assert_allclose(tests["p_max"].values.ravel()[:5], expected)


def test_subjects_with_nulls_of_different_length_share_the_shortest():
    """All orders of one subject may be fewer than were asked for: the first of the others belong to them."""
    scores = {"one": scored(2, n_orders=60), "two": scored(3, n_orders=24), "three": scored(4, n_orders=99)}
    both = side_by_side(scores)
    assert both.null.dims == ("permutation", "subject", "layer", "target")
    assert both.null.sizes["permutation"] == 24
    for name, score in scores.items():
        np.testing.assert_array_equal(both.null.sel(subject=name), score.null[:24])
        np.testing.assert_array_equal(both.data.sel(subject=name), score.data)
    mean = subject_mean(both)
    np.testing.assert_allclose(mean.null, np.mean([each.null.values[:24] for each in scores.values()], axis=0))
    with pytest.raises(InvalidInput, match="differ in layers or regions"):
        side_by_side({"one": scores["one"], "wide": scored(5, n_targets=4)})


def test_subjects_with_other_stimuli_get_the_widest_null_there_can_be():
    """Orders of different stimuli have nothing to do with each other: the mean is over ranks, not over numbers."""
    both = side_by_side({f"p{i}": scored(i, n_layers=1, n_targets=1) for i in range(4)})
    widest = subject_mean(both, same_stimuli=False)
    by_hand = np.sort(both.null.values[:, :, 0, 0], axis=0).mean(axis=1)
    np.testing.assert_allclose(widest.null.values[:, 0, 0], by_hand)
    # four independent nulls of spread 1: their mean has 1/2, their ranks together keep 1 (99 draws know it to 7 %)
    assert float(subject_mean(both).null.std()) == pytest.approx(0.5, rel=0.25)
    assert float(widest.null.std()) == pytest.approx(np.mean(both.null.values.std(axis=0)), rel=0.03)
    np.testing.assert_array_equal(widest.data, subject_mean(both).data)


def test_ranks_keep_the_layers_and_targets_of_an_order_together():
    both = side_by_side({f"p{i}": scored(i) for i in range(3)})
    widest = subject_mean(both, same_stimuli=False)
    order = both.null.mean(("layer", "target")).values.argsort(axis=0)
    expected = np.mean([both.null.values[order[:, s], s] for s in range(3)], axis=0)
    np.testing.assert_allclose(widest.null, expected)
