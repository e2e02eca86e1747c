"""LoadGen as a second opinion: the search for the largest rate, the log, and a very short run of the real thing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.errors import MeasurementError, RuntimeMissingError
from raxe_conformance.measure.loadgen import (
    FEWEST_QUERIES,
    Driven,
    largest_rate,
    queries_for,
    read_log,
    server,
    single_stream,
)


def programmed(p95_ms: Callable[[float], float]) -> Callable[[float], Driven]:
    """Runs whose P95 is what `p95_ms` says of their rate."""
    return lambda rate: Driven(rate, 100, 1.0, 1.0, p95_ms(rate), 9.0)


class Clock:
    """A second passes with every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@given(st.floats(1.0, 1e4), st.floats(0.02, 0.99))
def test_bisection_finds_the_rate_at_which_the_limit_is_met(capacity: float, share: float) -> None:
    edge = share * capacity
    found = largest_rate(programmed(lambda rate: 3.0 * rate / edge), capacity, 3.0, budget_s=1e9)
    assert found.largest is not None
    assert found.largest.rate is not None
    assert 0.94 * edge < found.largest.rate < edge
    assert len(found.tried) <= 12
    assert found.largest in found.tried


def test_a_p95_that_equals_the_limit_is_not_below_it() -> None:
    at = largest_rate(programmed(lambda rate: 3.0), 100.0, 3.0, budget_s=1e9)
    below = largest_rate(programmed(lambda rate: 2.999), 100.0, 3.0, budget_s=1e9)
    assert at.largest is None
    assert below.largest is not None


def test_nothing_below_one_percent_of_the_capacity_is_tried() -> None:
    found = largest_rate(programmed(lambda rate: 5.0), 100.0, 3.0, budget_s=1e9)
    rates = [run.rate for run in found.tried]
    assert found.largest is None
    assert rates == [50.0, 25.0, 12.5, 6.25, 3.125, 1.5625, 0.78125]


@pytest.mark.parametrize(("budget_s", "tried"), [(0.5, 0), (1.5, 1), (3.5, 3)])
def test_no_run_begins_after_the_budget(budget_s: float, tried: int) -> None:
    found = largest_rate(programmed(lambda rate: 5.0), 100.0, 3.0, budget_s=budget_s, clock=Clock())
    assert len(found.tried) == tried


@given(st.floats(0.1, 1e4), st.floats(0.1, 10.0))
def test_a_run_is_long_enough_for_a_p95(rate: float, seconds: float) -> None:
    queries = queries_for(rate, seconds)
    assert queries >= FEWEST_QUERIES
    assert queries >= rate * seconds
    assert queries == FEWEST_QUERIES or queries < rate * seconds + 1


def log(**results: float) -> str:
    lines = ["something else", *(f":::MLLOG {json.dumps({'key': k, 'value': v})}" for k, v in results.items())]
    return "\n".join(lines)


COMPLETE = {
    "result_query_count": 500,
    "result_mean_latency_ns": 1_250_000,
    "result_50.00_percentile_latency_ns": 1_000_000,
    "result_95.00_percentile_latency_ns": 2_500_000,
    "result_99.00_percentile_latency_ns": 4_000_000,
}


def test_the_log_is_read_in_milliseconds() -> None:
    assert read_log(log(**COMPLETE), 20.0) == Driven(20.0, 500, 1.25, 1.0, 2.5, 4.0)


@pytest.mark.parametrize("lost", COMPLETE)
def test_a_log_that_lacks_a_figure_is_an_error(lost: str) -> None:
    with pytest.raises(MeasurementError, match=f"LoadGen's log holds no '{lost}'"):
        read_log(log(**{key: value for key, value in COMPLETE.items() if key != lost}), None)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", None)
    with pytest.raises(
        RuntimeMissingError, match=r"mlcommons-loadgen is not installed; run: pip install .*\[loadgen\]"
    ):
        single_stream(object(), ["a"], 1)


class Counting:
    """A detector that answers at once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def analyze(self, text: str) -> SimpleNamespace:
        self.asked.append(text)
        return SimpleNamespace(metadata={"score": 0.0})


TEXTS = [f"text {i}" for i in range(20)]


def test_one_after_the_other_asks_in_whole_passes() -> None:
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen (extra loadgen) is not installed")
    detector = Counting()
    found = single_stream(detector, TEXTS, 60)
    assert (found.queries, found.rate, len(detector.asked)) == (60, None, 60)
    assert sorted(detector.asked[:20]) == sorted(TEXTS)
    assert 0.0 < found.p50_ms <= found.p95_ms <= found.p99_ms


def test_arrivals_by_chance_are_all_answered() -> None:
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen (extra loadgen) is not installed")
    detector = Counting()
    found = server(detector, TEXTS, 2000.0, 60, 3.0)
    assert (found.queries, found.rate, len(detector.asked)) == (60, 2000.0, 60)
    assert 0.0 < found.p50_ms <= found.p95_ms <= found.p99_ms


def test_a_detector_that_raises_ends_the_run_with_its_error() -> None:
    pytest.importorskip("mlperf_loadgen", reason="mlcommons-loadgen (extra loadgen) is not installed")
    asked = []

    def analyze(text: str) -> None:
        asked.append(text)
        raise ZeroDivisionError("division\nby zero")

    with pytest.raises(MeasurementError, match=r"^the detector raised ZeroDivisionError: division by zero$"):
        single_stream(SimpleNamespace(analyze=analyze), TEXTS, 60)
    assert len(asked) == 1
