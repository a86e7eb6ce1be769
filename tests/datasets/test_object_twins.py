"""Twins of the object corpora hold what they state, and nothing where they state nothing."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.object_twins import (
    PLANTED,
    SHOWN,
    haxby_twin,
    objects81_twin,
    objects81_twin_features,
    rsa92_twin,
)


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_every_made_up_rdm_correlates_with_animacy_exactly_as_stated(strength):
    twin = rsa92_twin(3, strength=strength, seed=2)
    animate = twin.stimuli["animate"]
    i, j = np.triu_indices(92, 1)
    model = (animate[i] != animate[j]).astype(float)
    found = [np.corrcoef(rdm.data.values, model)[0, 1] for rdm in twin.rdms]
    np.testing.assert_allclose(found, twin.truth["r"], atol=1e-12)
    assert (animate.sum(), twin.stimuli["face"].sum()) == (48, 24)
    assert twin.synthetic


def test_voxels_of_the_planted_regions_alone_follow_the_features():
    twin = objects81_twin(strength=1.0, seed=3)
    X, Y = objects81_twin_features(seed=3).layer(0).astype(float), twin.recordings[0].mean()
    fitted = X @ np.linalg.lstsq(X, Y - Y.mean(axis=0), rcond=None)[0]
    share = fitted.var(axis=0) / Y.var(axis=0)
    planted = np.isin(twin.recordings[0].data["roi"].values, PLANTED)
    # In-sample: 20 of 80 degrees of freedom are fitted by chance, so noise alone gives .25; a true share of R gives
    # R + (1 - R) / 4. SD of one voxel about .07 (beta distribution), of a mean of 196 voxels .005.
    assert share[~planted].mean() == pytest.approx(0.25, abs=0.02)
    best = twin.truth["best_r"] ** 2
    assert share[planted].mean() == pytest.approx(best + (1 - best) / 4, abs=0.02)


def test_patterns_of_the_made_up_person_are_as_reliable_as_stated():
    twin = haxby_twin(strength=0.5, seed=4)
    X = twin.recordings[0].mean().reshape(12, len(SHOWN), 530)
    rest = (X.sum(axis=0) - X) / 11
    found = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(X.reshape(96, -1), rest.reshape(96, -1), strict=True)])
    # 96 correlations over 530 voxels, SD about (1 - r²) / sqrt(530) each; the eight patterns are the independent ones.
    assert found == pytest.approx(twin.truth["pattern_r"], abs=4 / np.sqrt(530 * 8))
    assert np.ptp(twin.recordings[0].data["i"].values) < 40


@pytest.mark.parametrize("make", [lambda: rsa92_twin(1), lambda: haxby_twin(strength=-1)])
def test_impossible_twins_are_refused(make):
    with pytest.raises(InvalidInput, match="a twin needs at least"):
        make()
