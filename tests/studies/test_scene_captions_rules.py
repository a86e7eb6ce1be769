"""Rules of the study of scenes: models are compared without their mean, the weakest rung decides, twins are found."""

import numpy as np
import pytest
import xarray as xr

from consona.alignment.sampled_rsa import sampled_rsa
from consona.alignment.sampled_sets import sampled_sets
from consona.core.claim import DID_NOT_HOLD, HELD, NOT_TESTABLE, Claim
from consona.core.features import Features
from consona.core.recording import Recording
from consona.studies.scene_captions.claims import corrected
from consona.studies.scene_captions.readout import twins
from consona.studies.scene_captions.rsa import as_compared
from consona.studies.scene_captions.verdicts import over_people, people_interval, people_null, signs_p, weakest

IDS = np.array([f"nsd{k:05d}" for k in range(400)])


def test_words_with_a_large_common_part_win_in_brains_that_hold_words():
    """Words: a long mean vector and what images differ by; captions hold that and as much again. Brains hold words."""
    rng = np.random.default_rng(0)
    differs, other = rng.standard_normal((2, 400, 40))
    words = Features.of(differs + 12 * rng.standard_normal(40), IDS)
    captions = Features.of(differs + other, IDS)
    values = differs @ rng.standard_normal((40, 300)) + 3 * rng.standard_normal((400, 300))
    brain = Recording.of(values - values.mean(axis=0), IDS, "subj01")
    models, sets = {"captions": captions, "words": words}, sampled_sets(IDS, n=100, seed=0)

    def scores(mode):
        r = sampled_rsa(brain, as_compared(models, mode), sets)["mean"].squeeze("region")
        return {name: float(r.sel(model=name)) for name in models}

    fair, published = scores("corrected"), scores("released")
    assert fair["words"] > fair["captions"] + 0.1
    # The distance of raw patterns turns round the common part: this is what the mean is taken out for.
    assert published["words"] < fair["words"]
    np.testing.assert_allclose(as_compared(models, "corrected")["words"].layer(-1).mean(axis=0), 0, atol=1e-4)


def test_the_weakest_of_several_differences_decides_and_few_people_decide_nothing():
    rng = np.random.default_rng(1)
    clear, none = 1 + 0.1 * rng.standard_normal(8), np.array([1, -1, 1, -1, 1, -1, 1, -1.0])
    assert signs_p(clear) == pytest.approx(2 / 256)
    assert weakest({"clear": clear, "none": none}, "less").verdict == DID_NOT_HOLD
    assert weakest({"clear": clear}, "less").verdict == HELD
    assert over_people(-clear, "less").verdict == DID_NOT_HOLD
    assert over_people(clear[:5], "less").verdict == NOT_TESTABLE


def claim(name, p, effect):
    values = np.full(8, effect) + np.linspace(-0.01, 0.01, 8)
    return Claim(name, "", effect, "r", people_interval(values), p, people_null(8), 8, "people", "none", {"c": HELD_BY})


HELD_BY = weakest({"a": np.ones(8) + np.linspace(0, 0.1, 8)}, "a")


def test_only_a_single_difference_has_an_opposite_and_a_failed_claim_counts():
    """Captions are above several rungs at once: less than one of them is not the opposite of more than all."""
    drafts = [(claim("captions", 1.0, -0.2), "A"), (claim("networks", 2 / 256, -0.2), "B")]
    captions, networks = corrected(drafts)
    assert captions.statement.startswith("It was not shown")
    assert networks.statement.startswith("The opposite was found")
    (alone,) = corrected([(claim("read-out", 2 / 256, 0.2), "Read out")], n_failed=7)
    assert alone.statement.startswith("With 256 draws it cannot be tested")
    (free,) = corrected([(claim("read-out", 2 / 256, 0.2), "Read out")])
    assert free.statement == "Read out."


def test_images_whose_captions_are_those_of_training_images_are_found():
    rng = np.random.default_rng(2)
    values = rng.standard_normal((40, 64))
    values[30:33] = values[:3] + 0.05 * rng.standard_normal((3, 64))
    found = twins(Features.of(values, IDS[:40]), IDS[:30].tolist(), IDS[30:40].tolist(), 0.9)
    assert isinstance(found, xr.DataArray)
    assert found.values.tolist() == [True] * 3 + [False] * 7
