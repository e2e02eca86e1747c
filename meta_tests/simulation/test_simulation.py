"""The simulation in short: few runs, and bounds as far off as chance can bring them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from meta_tests.simulation.latencies import BATCH, LATENCIES, Latencies, bursts, passes
from meta_tests.simulation.study import coverage, decisions, rate_decisions

RUNS = 60
# The most misses in RUNS that a bound of 0.93, or a verdict that is wrong in 5 %, has but once in 10,000 tests.
MOST_MISSES = int(stats.binom(RUNS, 0.07).ppf(1 - 1e-4))
MOST_WRONG = int(stats.binom(RUNS, 0.05).ppf(1 - 1e-4))
HONEST = [latencies for latencies in LATENCIES if not latencies.beyond]


@pytest.mark.parametrize("latencies", HONEST, ids=lambda latencies: latencies.name)
def test_bounds_hold(latencies: Latencies) -> None:
    for name, part in coverage(latencies, RUNS, seed=3).items():
        assert (1.0 - min(part.low, part.high)) * RUNS <= MOST_MISSES + 1e-9, name


@pytest.mark.parametrize("latencies", HONEST, ids=lambda latencies: latencies.name)
def test_few_verdicts_are_wrong_whenever_sampling_stops(latencies: Latencies) -> None:
    for part in decisions(latencies, RUNS // 2, seed=4, looks=2):
        assert part.wrong * RUNS <= MOST_WRONG + 1e-9, part.factor


def test_a_limit_five_percent_away_is_decided_where_the_texts_lengths_are_all_there_is() -> None:
    found = {latencies.name: latencies for latencies in LATENCIES}["many lengths"]
    below, at, above = decisions(found, 10, seed=5, looks=3)
    assert (below.open, above.open) == (0.0, 0.0)
    assert at.looks == 3.0


def test_calls_that_differ_by_microseconds_are_decided_and_rightly() -> None:
    found = {latencies.name: latencies for latencies in LATENCIES}["nearly constant"]
    below, _, above = decisions(found, 20, seed=6, looks=2)
    assert (below.wrong, above.wrong, above.open) == (0.0, 0.0, 0.0)
    assert below.open <= 0.3


@pytest.mark.parametrize("rows", [300, 1_000, 10_000])
def test_verdicts_on_rates_are_wrong_in_at_most_5_percent(rows: int) -> None:
    below, at, above = rate_decisions(rows, 0.01)
    assert max(below.wrong, at.wrong, above.wrong) <= 0.05
    assert below.open + below.wrong <= 1.0


def test_the_truth_is_what_was_programmed() -> None:
    by_name = {latencies.name: latencies.truth for latencies in LATENCIES}
    assert by_name["heavy tail"][0.95] == pytest.approx(0.05 ** (-1 / 3), rel=0.01)
    assert by_name["heavy tail"]["mean"] == pytest.approx(1.5, rel=0.01)
    assert by_name["constant"][0.5] == pytest.approx(1.0, rel=0.001)
    # The slow call at the start is no part of what the model takes.
    assert by_name["first call slow"]["mean"] == pytest.approx(1.0, rel=0.01)


def test_programmed_bursts_are_as_frequent_and_as_long_as_they_say() -> None:
    marks = bursts(np.random.default_rng(8), 1_000_000, 0.1, 20.0)
    assert marks.mean() == pytest.approx(0.1, rel=0.05)
    assert marks.sum() / np.count_nonzero(np.diff(marks.astype(int)) == 1) == pytest.approx(20.0, rel=0.05)


def test_each_look_times_each_text_once() -> None:
    order = passes(np.random.default_rng(9), 3)
    assert all(sorted(order[k * BATCH : (k + 1) * BATCH].tolist()) == list(range(BATCH)) for k in range(3))
