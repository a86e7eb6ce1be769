"""Agreement of the ten people of ds003076, and the released ceiling, at the figures of an independent analysis."""

import pytest

from consona.alignment.item_reliability import item_reliability
from consona.alignment.trial_ceiling import ceiling_summary, released_ceiling
from consona.datasets.reasoning_fmri import load_reasoning_fmri


@pytest.fixture(scope="module")
def people(data_folder):
    return load_reasoning_fmri(data_folder / "reasoning_fmri")


@pytest.mark.data
@pytest.mark.parametrize(("kind", "means", "patterns"), [("syllogism", 0.106, 0.035), ("transitive", 0.417, 0.083)])
def test_people_agree_as_far_as_was_found_before(people, kind, means, patterns):
    found = item_reliability(people, kind=kind, n_draws=20)["mean"]
    assert float(found.sel(measure="stimulus means")) == pytest.approx(means, abs=0.0005)
    assert float(found.sel(measure="pattern similarity")) == pytest.approx(patterns, abs=0.0005)


@pytest.mark.data
def test_the_released_ceiling_within_a_kind(people):
    """Given to three digits; curves that do not bend are fitted by another routine, so medians may differ by one."""
    found = ceiling_summary(released_ceiling(people, kind="syllogism"))
    assert float(found["median"]) == pytest.approx(0.123, abs=0.0015)
    assert float(found["mean"]) == pytest.approx(0.299, abs=0.0015)
    assert float(found["plain"]) == pytest.approx(0.061, abs=0.0005)
