"""Few independent figures: bounds against scipy.stats, against simulation, and what cannot be bounded."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raxe_conformance.checks.reading import IndependentMean, Rate
from raxe_conformance.verdict.independent import student
from raxe_conformance.verdict.intervals import estimate

TIMES = st.lists(st.floats(1e-4, 10.0), min_size=2, max_size=12)


@given(TIMES, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_bounds_of_a_mean_are_students(samples: list[float], confidence: float) -> None:
    low, high = student(samples, confidence)
    half = stats.t.ppf(confidence, len(samples) - 1) * stats.sem(samples)
    assert (low, high) == pytest.approx((stats.tmean(samples) - half, stats.tmean(samples) + half), rel=1e-9, abs=1e-9)
    found = estimate(IndependentMean(tuple(samples)), confidence)
    assert (found.low, found.high, found.n) == (low, high, len(samples))
    assert found.value == pytest.approx(stats.tmean(samples))


@given(TIMES)
def test_what_may_have_been_missed_leaves_no_upper_bound(samples: list[float]) -> None:
    whole, missed = (estimate(IndependentMean(tuple(samples), why), 0.95) for why in (None, "look closer"))
    assert (missed.value, missed.low, missed.high) == (whole.value, whole.low, math.inf)
    assert "low bound only" in missed.method


@given(TIMES)
def test_a_rate_is_all_requests_over_all_seconds_and_within_its_bounds(seconds: list[float]) -> None:
    found = estimate(Rate(tuple(seconds), tuple(seconds), 700), 0.95)
    assert found.value == pytest.approx(len(seconds) / sum(seconds))
    assert 0.0 < found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)
    assert found.n == 700
    assert "up to 0% of the time" in found.method


@given(TIMES, st.data())
def test_what_others_took_moves_the_upper_bound_alone(seconds: list[float], data: st.DataObject) -> None:
    at_best = [data.draw(st.floats(0.0, time)) for time in seconds]
    quiet, busy = (estimate(Rate(tuple(seconds), tuple(best), 1), 0.95) for best in (seconds, at_best))
    assert (busy.value, busy.low) == (quiet.value, quiet.low)
    assert busy.high >= busy.value * (1 - 1e-9)


def test_a_machine_that_was_taken_whole_leaves_no_upper_bound() -> None:
    assert math.isinf(estimate(Rate((0.1, 0.1), (0.0, 0.0), 2), 0.95).high)
    lost = estimate(Rate((0.1, 0.1), (0.075, 0.075), 2), 0.95)
    assert lost.high == pytest.approx(1 / 0.075)
    assert "up to 25% of the time taken by others" in lost.method


@pytest.mark.parametrize("blocks", [1, 0])
def test_one_block_and_none_decide_nothing(blocks: int) -> None:
    found = estimate(Rate((0.1,) * blocks, (0.1,) * blocks, 1), 0.95)
    assert math.isnan(found.value)
    assert math.isnan(estimate(IndependentMean((1.0,) * blocks), 0.95).value)


def test_a_rate_covers_the_true_one() -> None:
    """Blocks of 64 requests whose times are as unequal as those of texts are: 5 % of bounds may miss."""
    chance, runs, blocks = random.Random(3), 1000, 8
    too_high = too_low = 0
    for _ in range(runs):
        seconds = tuple(sum(chance.expovariate(100.0) for _ in range(64)) / 64 for _ in range(blocks))
        found = estimate(Rate(seconds, seconds, 64 * blocks), 0.95)
        too_high += found.low > 100.0
        too_low += found.high < 100.0
    assert too_high <= 70
    assert too_low <= 70
