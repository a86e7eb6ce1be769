"""Prices of language models follow the formulas, and a plan says what was assumed and what was never tried."""

import pytest

from consona.core.errors import InvalidInput
from consona.engine.model_cost import ACCELERATOR, ModelLoad, ModelSize, model_cost

SMALL, LARGE = ModelSize(1.54e9, 28, 1536, 256), ModelSize(72.7e9, 80, 8192, 1024)
READ = ModelLoad(70, 150)


def test_reading_takes_two_operations_per_weight_and_token():
    price = model_cost(SMALL, READ)
    assert price.flops == pytest.approx(70 * 150 * (2 * 1.54e9 + 2 * 28 * 150 * 1536))
    assert price.flops / 70 / 150 == pytest.approx(2 * 1.54e9, rel=0.01)  # attention is little at this length
    assert price.memory.weights == pytest.approx(3080)
    assert model_cost(SMALL, READ, dtype="float32").memory.weights == pytest.approx(6160)
    assert price.n_devices == 1


def test_a_variant_is_one_token_and_passes_fetch_the_weights():
    plain, varied = model_cost(SMALL, READ), model_cost(SMALL, ModelLoad(70, 150, n_variants=300))
    assert (varied.flops - plain.flops) / plain.flops == pytest.approx(300 / 150)
    whole = 300 * plain.flops  # every variant as a prompt of its own
    assert whole / varied.flops == pytest.approx(100)
    assert varied.memory.kept > plain.memory.kept
    few = model_cost(LARGE, ModelLoad(1, 150, n_variants=1))
    assert few.seconds == few.n_bytes / ACCELERATOR.bytes_per_second > few.flops / ACCELERATOR.flops_per_second


def test_a_plan_says_devices_assumptions_and_what_is_untested():
    tuned = model_cost(LARGE, ModelLoad(70, 150, n_epochs=50))
    assert tuned.n_devices == 2
    step = tuned.step("tuning")
    assert step.seconds == tuned.seconds > 60
    assert step.memory_mb > 145_000
    assert "2 devices that take turns" in step.note
    assert "untested" in step.note
    assert "assumed" in step.note
    assert "untested" not in model_cost(LARGE, READ).note
    assert "untested" not in model_cost(SMALL, ModelLoad(70, 150, n_epochs=50)).note


def test_what_has_no_price_is_said():
    with pytest.raises(InvalidInput, match="no dtype 'int4'"):
        model_cost(SMALL, READ, dtype="int4")
    with pytest.raises(InvalidInput, match="at least one prompt"):
        ModelLoad(0, 10)
