"""Is the price of a large analysis what the formulas say, and is it told with shards and workers?"""

from dataclasses import replace

import pytest

from consona.engine.config import Execution, PlannedStep
from consona.engine.cost import EncodingSize, encoding_cost, matrix_rate, ridge_flops
from consona.engine.needs import cost

NSD = EncodingSize(10_000, 8192, 300_000, 8, 81, n_test=1000, n_alphas=20)


@pytest.mark.parametrize(
    ("n", "p", "seconds"), [(2000, 1024, 2.5), (1000, 2048, 1.3)], ids=["features decomposed", "rows decomposed"]
)
def test_operations_are_those_of_the_published_limit(n, p, seconds):
    once, per_target = ridge_flops(n, p, n_folds=5, n_alphas=20)
    # Limits of docs/benchmarks.md for 4,000 targets, given to two digits at 185 GFLOP/s.
    assert (once + 4000 * per_target) / 185e9 == pytest.approx(seconds, rel=0.1)


def test_a_large_analysis_is_priced():
    price = encoding_cost(NSD, gflops=100.0)
    assert price.n_shards == 15 * 8 * 81
    once, per_target = ridge_flops(9000, 8192, 5, 20)
    per_target += 2 * 1000 * 8192
    assert price.flops == pytest.approx(8 * 81 * (15 * once + 300_000 * per_target))
    assert price.seconds == price.flops / 1e11
    larger = encoding_cost(NSD, gflops=100.0, target_block=40_000)
    assert larger.flops < price.flops
    assert larger.memory_mb > price.memory_mb
    null = encoding_cost(replace(NSD, n_permutations=9), gflops=100.0)
    assert null.flops == pytest.approx(price.flops + 9 * 648 * 300_000 * per_target)
    recordings, features = 8 * 4 * 10_000 * 300_000 / 1e6, 8 * 81 * 4 * 10_000 * 8192 / 1e6
    assert price.disk_mb > recordings + features
    assert price.memory_mb < 24 * 1024


def test_outer_folds_each_cost_their_own():
    small = EncodingSize(500, 64, 1000, n_folds=(5, 4))
    once, per_target = ridge_flops(400, 64, 4, 17)
    assert encoding_cost(small, gflops=1.0).flops == 5 * (once + 1000 * (per_target + 2 * 100 * 64))


def test_a_plan_says_shards_and_workers():
    steps = [encoding_cost(NSD, gflops=100.0).step("encoding", "a note"), PlannedStep("rest", 10, 20, 1)]
    assert steps[0].note.startswith("a note; ")
    many = Execution(cluster="slurm", workers=972)
    assert steps[0].seconds_with(many) == pytest.approx(steps[0].seconds / 972)
    assert steps[1].seconds_with(many) == 10
    assert "9,720 shards could be shared by workers." in cost(steps)
    assert "9,720 shards, 972 workers (slurm), memory for each of them." in cost(steps, many)
    assert " h, " in cost(steps)


def test_the_rate_is_measured():
    assert 1 < matrix_rate(n_repeats=1) < 10_000
