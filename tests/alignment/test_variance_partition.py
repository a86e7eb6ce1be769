"""Beyond length and position: what a model adds is found where it was planted and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from consona.alignment.partition import variance_partition
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli

FEW = tuple(float(alpha) for alpha in np.logspace(-3, 2, 6))


def case(n=200, seed=0):
    """Length drives targets 0 to 9, the model 10 to 19; the model also holds length. Half of each target is noise."""
    rng = np.random.default_rng(seed)
    stimuli = Stimuli(pd.DataFrame({"story": np.repeat(range(n // 4), 4).astype(str)}, [f"s{i}" for i in range(n)]))
    length, meaning = rng.standard_normal((n, 2)), rng.standard_normal((n, 6))
    model = np.hstack([meaning, length @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((n, 6))])
    drive = [length @ rng.standard_normal((2, 10)), meaning @ rng.standard_normal((6, 10))]
    signal = np.hstack([each / each.std(axis=0) for each in drive])
    Y = signal + rng.standard_normal(signal.shape)
    bands = {"length": Features.of(length, stimuli.ids), "model": Features.of(model, stimuli.ids)}
    return bands, Recording.of(Y, stimuli.ids, "one"), Split.of_groups(stimuli, "story")


def test_variance_goes_where_it_was_planted():
    """Each target is half noise: R2 is at most .5; 8 to 14 features of 160 training rows cost about .05 of it."""
    bands, recording, split = case()
    found = variance_partition(bands, recording, split=split, tested="model", alphas=FEW, n_draws=6, n_permutations=19)
    of_length, of_model = found.isel(target=slice(10)), found.isel(target=slice(10, 20))
    assert float(of_length["full"].mean()) == pytest.approx(0.45, abs=0.08)
    assert float(of_length["unique"].sel(band="model").mean()) == pytest.approx(0, abs=0.02)
    assert float(of_length["shared"].mean()) > 0.3  # the model holds length as well
    assert float(of_model["unique"].sel(band="model").mean()) == pytest.approx(0.45, abs=0.08)
    assert float(of_model["alone"].sel(band="length").mean()) < 0.05
    np.testing.assert_allclose(found["product"].sum("band"), found["full"], atol=1e-9)
    np.testing.assert_allclose(found["unique"].sum("band") + found["shared"], found["full"], atol=1e-12)
    assert (of_model["p"] == 0.05).all()
    assert (of_length["p"] > 0.05).mean() >= 0.8
    assert found.attrs["cv"] == "fold-wise"
    assert "residuals of the bands other than 'model' of whole 'story' exchanged" in found.attrs["null"]


def test_an_undefined_target_stays_apart():
    bands, recording, split = case(60)
    Y = recording.mean()
    Y[:, 3], Y[:, 4] = np.nan, 1.0
    damaged = Recording.of(Y, recording.ids, "one")
    given = {"split": split, "tested": "length", "alphas": FEW[::2], "n_draws": 2, "n_permutations": 3}
    whole, found = (variance_partition(bands, each, **given) for each in (recording, damaged))
    for name in ("full", "unique", "alone", "product", "null", "p"):
        assert np.isnan(found[name].values[..., [3, 4]]).all(), name
        rest = np.delete(np.arange(20), [3, 4])
        np.testing.assert_allclose(found[name].values[..., rest], whole[name].values[..., rest], atol=1e-9)
    assert found.attrs["cv"] == "pooled"


def test_what_cannot_be_divided_is_refused():
    bands, recording, split = case(60)
    with pytest.raises(InvalidInput, match="at least two bands"):
        variance_partition({"length": bands["length"]}, recording, split=split)
    with pytest.raises(InvalidInput, match="'surprisal' is to be tested and is no band"):
        variance_partition(bands, recording, split=split, tested="surprisal")
    several = Features.of(np.random.default_rng(0).standard_normal((60, 3, 4)), recording.ids)
    with pytest.raises(InvalidInput, match="'model' has 3 layers"):
        variance_partition({**bands, "model": several}, recording, split=split)
    constant = Features.of(np.ones((60, 2)), recording.ids)
    with pytest.raises(InvalidInput, match="'model' is the same for all 60 stimuli"):
        variance_partition({**bands, "model": constant}, recording, split=split)
