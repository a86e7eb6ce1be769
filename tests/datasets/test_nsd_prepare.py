"""Responses of NSD: averaged as a plain loop over a tree in memory would, within a stated memory, with the ceiling."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from tiny_nsd import BETAS, N_SESSIONS, N_TRIALS, N_VERTICES, mgh, response, trials, write_tiny_nsd, write_tiny_volume

from consona.core.errors import InvalidInput
from consona.datasets.nsd_averaging import Averaging
from consona.datasets.nsd_prepare import ceiling_agreement, prepare_nsd


def plain(percent, order, kept):
    """The same by the definition, in float64: z-score in sessions, then the mean of the repetitions that exist."""
    sessions = percent.astype(np.float64).reshape(N_SESSIONS, N_TRIALS, -1)
    sd = sessions.std(axis=1, keepdims=True)
    z = np.divide(
        sessions - sessions.mean(axis=1, keepdims=True), sd, out=np.full(sessions.shape, np.nan), where=sd > 0
    )
    z = z.reshape(len(order), -1)
    means = np.stack([np.nanmean(z[order == image], axis=0) for image in kept])
    within = np.nanmean([np.nanvar(z[order == image], axis=0, ddof=1) for image in kept], axis=0)
    return means, within


@pytest.fixture
def tree(tmp_path):
    return tmp_path / "nsd", write_tiny_nsd(tmp_path / "nsd")


def test_means_and_ceiling_are_those_of_the_definition(tree, tmp_path):
    root, made = tree
    order, percent = made["subj02"]
    file = prepare_nsd(root, "subj02", out=tmp_path / "b.npy")
    means, noise = plain(percent, order, np.arange(24))
    np.testing.assert_allclose(file.values(), means, atol=2e-6)
    np.testing.assert_allclose(file.labels()["noise_variance"], noise, rtol=1e-5)
    expected = np.sqrt(np.maximum(1 - noise, 0) / noise)
    np.testing.assert_allclose(file.labels()["ncsnr"], expected, rtol=1e-5, atol=1e-7)
    assert file.ids[:2] == ("nsd00000", "nsd00001")
    assert file.repetitions().tolist() == [3] * 24
    agreement = ceiling_agreement(file)
    assert agreement["median_here"] == pytest.approx(np.median(expected))
    assert agreement["percent_shipped"] == pytest.approx(75)  # 1 / (1 + 1/3)
    left, right = ",early,,ventral,ventral,lateral,parietal", "parietal,lateral,ventral,,,early,"
    assert file.labels()["roi"].tolist() == f"{left},{right}".split(",")
    assert file.labels()["hemisphere"].tolist() == ["left"] * 7 + ["right"] * 7
    assert file.labels()["vertex"].tolist() == [*range(7), *range(7)]


def test_all_images_and_blocks_change_nothing_else(tree, tmp_path):
    root, made = tree
    order, percent = made["subj01"]
    whole = prepare_nsd(root, "subj01", out=tmp_path / "a.npy", repetitions="all")
    np.testing.assert_allclose(whole.values(), plain(percent, order, np.arange(36))[0], atol=2e-6)
    assert sorted(set(whole.repetitions().tolist())) == [2, 3]
    assert whole.facts()["n_passes"] == 1
    blocks = prepare_nsd(root, "subj01", out=tmp_path / "b.npy", repetitions="all", memory_mb=2**25 / 1e6 + 0.004)
    assert blocks.facts()["n_passes"] > 3
    assert blocks.fingerprint() == whole.fingerprint()


@pytest.mark.parametrize("image", [False, True])
def test_a_volume_is_read_with_its_axes_in_place(tree, tmp_path, image):
    root, made = tree
    order = made["subj01"][0]
    percent, mask = write_tiny_volume(root, "subj01", order, image=image)
    file = prepare_nsd(root, "subj01", out=tmp_path / "v.npy", space="func1pt8mm", memory_mb=2**25 / 1e6 + 0.01)
    assert file.facts()["n_passes"] > 1
    np.testing.assert_allclose(file.values(), plain(percent[:, mask], order, np.arange(24))[0], atol=2e-6)
    labels = file.labels()
    np.testing.assert_array_equal(np.stack([labels[axis] for axis in "ijk"], axis=1), np.argwhere(mask))
    assert labels["roi"].tolist() == np.array(["", "early", "lateral"])[labels["i"] - 1].tolist()
    assert file.recording().attrs["shape"] == [4, 5, 3]


def test_a_target_without_values_in_a_session_uses_the_others(tree, tmp_path):
    root, made = tree
    order, percent = made["subj01"]
    home = root / f"nsddata_betas/ppdata/subj01/fsaverage/{BETAS}"
    broken = percent.copy()
    broken[:N_TRIALS, 2] = 7  # constant in the first session
    broken[N_TRIALS + 3, 4] = np.nan  # one cell undoes the second
    broken[:, 6] = 0  # nowhere
    for session in range(N_SESSIONS):
        part = broken[session * N_TRIALS : (session + 1) * N_TRIALS, :N_VERTICES]
        mgh(home / f"lh.betas_session{session + 1:02d}.mgh", part.T)
    file = prepare_nsd(root, "subj01", out=tmp_path / "a.npy")
    values, sessions = file.values(), file.labels()["n_sessions"]
    assert sessions[[0, 2, 4, 6]].tolist() == [3, 2, 2, 0]
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning):
        means = plain(broken, order, np.arange(24))[0]
    lacking = np.isnan(means).any(axis=0)
    np.testing.assert_array_equal(np.isnan(values), np.broadcast_to(lacking, values.shape))
    np.testing.assert_allclose(values[:, ~lacking], means[:, ~lacking], atol=2e-6)
    assert lacking[6]
    assert file.facts()["n_undefined"] == lacking.sum()
    assert "'left 6'" in file.facts()["undefined"]
    assert not lacking[[0, 7]].any()
    assert len(file.recording()) == 24


def test_planted_signal_to_noise_is_found_and_none_where_none_is(tmp_path):
    """1,500 vertices: the mean over targets of the noise variance is 1 / (1 + ncsnr^2), up to its standard error."""
    order = trials(0)
    for planted in (0.0, 0.8):
        percent = response(order, 1500, ncsnr=planted, seed=3)
        noise, _ = Averaging.of(_InMemory(percent), _table(order), 3).fill(_mapped(tmp_path, 24, 1500), 400)
        found = noise["noise_variance"]
        # Within a session the sample variance differs from the planted one by 1 / 32 at most in expectation.
        assert found.mean() == pytest.approx(1 / (1 + planted**2), abs=1 / N_TRIALS + 4 * found.std() / np.sqrt(1500))
        signal = np.median(noise["ncsnr"])
        assert signal == pytest.approx(planted, abs=0.25 if planted else 0.35)


def _mapped(folder, n_rows, n_targets):
    return np.memmap(folder / "means", np.float32, "w+", shape=(n_rows, n_targets))


def _table(order):
    return pd.DataFrame({"session": np.repeat(np.arange(1, 4), N_TRIALS), "nsd_id": order})


class _InMemory:
    def __init__(self, percent):
        self.percent, self.n_targets = percent, percent.shape[1]

    def block(self, session, n_rows, start, stop):
        return self.percent[session * n_rows : (session + 1) * n_rows, start:stop].copy()


def test_it_is_made_once_and_anew_when_an_input_changes(tree, tmp_path, monkeypatch):
    root, _ = tree
    first = prepare_nsd(root, "subj01", out=tmp_path / "a.npy")
    made = (tmp_path / "a.npy").stat().st_mtime_ns
    assert prepare_nsd(root, "subj01", out=tmp_path / "a.npy", memory_mb=500) == first
    assert (tmp_path / "a.npy").stat().st_mtime_ns == made
    for name in ("a.npy", "a.nc"):  # damage is mended
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
        assert prepare_nsd(root, "subj01", out=tmp_path / "a.npy") == first
    path = root / f"nsddata_betas/ppdata/subj01/fsaverage/{BETAS}/rh.betas_session02.mgh"
    mgh(path, np.random.default_rng(0).standard_normal((N_VERTICES, N_TRIALS)).astype(np.float32))
    assert prepare_nsd(root, "subj01", out=tmp_path / "a.npy").fingerprint() != first.fingerprint()


def test_memory_stays_below_what_was_stated(tmp_path):
    order = trials(0)
    averaging = Averaging.of(_InMemory(np.tile(response(order, 50), 2000)), _table(order), "all")
    memory_mb = 50
    step = averaging.n_at_once(memory_mb)
    assert step < 100_000
    mapped = _mapped(tmp_path, 36, 100_000)
    tracemalloc.start()
    averaging.fill(mapped, step)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < memory_mb * 1e6
    with pytest.raises(InvalidInput, match="Give more memory"):
        averaging.n_at_once(30)
