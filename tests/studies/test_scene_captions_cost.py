"""Is every brain of the study of scenes priced, and does the plan of NSD fit a computer of 24 GiB?"""

import numpy as np
import pytest

from consona.studies.scene_captions.cost_rates import encoding_s, readout_mb, readout_s
from consona.studies.scene_captions.study import SceneCaptions

GIB_24 = 24 * 1024**3 / 1e6
BRAINS = ("twin", "nsd", "algonauts", "own", "images92", "objects81")


def by_name(**settings):
    """The steps of a plan by their names."""
    steps = SceneCaptions(**settings).plan()
    assert len({step.name for step in steps}) == len(steps)
    return {step.name: step for step in steps}


@pytest.mark.parametrize("brain", BRAINS)
@pytest.mark.parametrize("size", ["full", "quick"])
def test_every_brain_has_a_plan(brain, size):
    steps = by_name(brain=brain, size=size)
    assert len(steps) >= 2
    for step in steps.values():
        assert np.isfinite([step.seconds, step.memory_mb, step.disk_mb]).all()
        assert step.seconds >= 0
        assert step.memory_mb >= 100
        assert step.n_shards >= 1


def test_nsd_fits_24_gib():
    steps = by_name(brain="nsd")
    assert max(step.memory_mb for step in steps.values()) < GIB_24
    assert {"searchlight", "read-out of captions", "encoding, all targets", "RSA of regions"} < set(steps)
    # 8 people x 10,000 images x 327,684 vertices in single precision stay on disk.
    assert steps["responses, prepared"].disk_mb == pytest.approx(8 * 10_000 * 327_684 * 4e-6)
    assert steps["responses, prepared"].note.startswith("279 GB of sessions")
    assert 4 * 3600 < sum(step.seconds for step in steps.values()) < 48 * 3600


def test_one_person_has_no_comparison_of_people():
    eight, one = by_name(brain="nsd"), by_name(brain="nsd", people=["subj01"])
    gone = {"ceiling between people", "encoders of other people", "searchlight", "RSA on shared images, ceilings"}
    assert gone == set(eight) - set(one)
    assert one["encoding, all targets"].seconds < eight["encoding, all targets"].seconds / 7


def test_networks_are_left_out_where_they_are_not_trained():
    assert not any("network" in name for name in by_name(networks=False))
    assert not any("network" in name for name in by_name(brain="own"))
    assert any("network" in name for name in by_name(brain="images92"))


def test_the_quick_twin_takes_minutes():
    seconds = {size: sum(step.seconds for step in by_name(size=size).values()) for size in ("quick", "full")}
    assert 60 < seconds["quick"] < 20 * 60
    assert 30 * 60 < seconds["full"] < 6 * 3600


def test_own_files_are_priced_by_their_heads(tmp_path):
    path = tmp_path / "one.npy"
    np.save(path, np.zeros((300, 40), dtype=np.float32))
    known = by_name(brain="own", responses={"one": str(path)})
    assert "300 rows and 40 targets" in known["means of images"].note
    unknown = by_name(brain="own", responses={"one": str(path), "two": str(tmp_path / "none.npy")})
    assert "sizes unknown" in unknown["means of images"].note
    assert "two" in unknown["means of images"].note
    assert known["encoding, all targets"].seconds < by_name(brain="own")["encoding, all targets"].seconds


def test_rates_are_those_of_the_measurements():
    # docs/method/vertex_encoding.md: 10.7 and 29.4 s for 20,000 targets; 9.6 s for a read-out of 2,000 x 6,000.
    assert encoding_s(9485, 384, 20_000) == pytest.approx(10.7, rel=0.15)
    assert encoding_s(9485, 768, 20_000) == pytest.approx(29.4, rel=0.15)
    assert readout_s(2000, 6000, 384) == pytest.approx(9.6, rel=0.15)
    # More images take time with their cube, where vertices outnumber them.
    assert 6 < readout_s(4000, 20_000, 384) / readout_s(2000, 20_000, 384) < 8
    assert readout_mb(9485, 515, 45_600) > 1.5 * readout_mb(9485, 515, 20_000)
