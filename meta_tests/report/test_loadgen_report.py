"""LoadGen's figures beside ours: when they agree, and what is said of the largest rate."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.measure.evidence import Latency
from raxe_conformance.measure.loadgen import Driven, Search
from raxe_conformance.report.loadgen_report import agreement, loadgen_report
from raxe_conformance.verdict.intervals import Estimate

ENVIRONMENT = {"cpu": "a CPU", "cores": 2, "memory_gb": 8.0, "os": "an OS", "noise": {"load_1min": 0.5}}


def latency(walls: list[float]) -> Latency:
    n = len(walls)
    return Latency(
        samples_ms=walls, texts=list(range(n)), cpu_ms=walls, preempted=[0] * n, pulse_ms=[0.04] * (n + 1),
        stages_ms={}, warmup=0, seed=0, method="", off_target=None, looks=[n],
    )  # fmt: skip


def report(stream: Driven, search: Search | None) -> dict[str, Any]:
    walls = [1.0 + 0.001 * (i * 77 % 1000) for i in range(1000)]
    return loadgen_report(
        "v1.0_some", latency(walls), stream, search, limit_ms=3.0, confidence=0.95,
        environment=ENVIRONMENT, version="6.0",
    )  # fmt: skip


STREAM = Driven(None, 1000, 1.5, 1.5, 1.95, 1.99)
RUN = Driven(123.456, 600, 1.6, 1.5, 2.9, 4.0)


def test_figures_stand_beside_each_other() -> None:
    found = report(STREAM, Search(RUN, [RUN]))
    p95 = found["percentiles_ms"]["p95"]
    assert p95["loadgen"] == 1.95
    assert p95["ours"]["low"] <= p95["ours"]["value"] <= p95["ours"]["high"]
    assert p95["ours"]["value"] == pytest.approx(1.95, abs=0.002)
    assert p95["agrees"] is True
    assert found["calls"] == {"ours": 1000, "loadgen": 1000}
    assert found["noise"] == {"load_1min": 0.5, "disturbed_calls": 0.0}


def test_another_clock_that_says_otherwise_does_not_agree() -> None:
    found = report(Driven(None, 1000, 1.5, 1.5, 2.5, 1.99), Search(RUN, [RUN]))
    assert found["percentiles_ms"]["p95"]["agrees"] is False
    assert found["percentiles_ms"]["p50"]["agrees"] is True


@pytest.mark.parametrize(
    ("search", "rate", "message"),
    [
        (Search(RUN, [RUN]), 123.5, "123.5 queries a second keep P95 at 2.9 ms"),
        (Search(None, [RUN]), None, "none of the rates that were tried keeps P95 below 3 ms"),
        (None, None, "no rate keeps P95 below 3 ms: one query at a time has a P95 of 1.95 ms"),
    ],
)
def test_what_is_said_of_the_largest_rate(search: Search | None, rate: float | None, message: str) -> None:
    found = report(STREAM, search)["server"]
    assert (found["largest_rate"], found["message"]) == (rate, message)
    assert len(found["tried"]) == (len(search.tried) if search else 0)


@given(st.floats(0.1, 10.0), st.floats(0.001, 1.0), st.floats(0.001, 1.0))
def test_agreement_is_within_the_bounds_widened_by_the_others_own_error(
    value: float, below: float, above: float
) -> None:
    found = Estimate(value, value - below, value + above, 100, "")
    for side in (-below, above):
        assert agreement(found, value + 1.41 * side)
        assert not agreement(found, value + 1.42 * side)


def test_without_an_upper_bound_nothing_slower_disagrees() -> None:
    found = Estimate(2.0, 1.9, math.inf, 10, "")
    assert agreement(found, 1e9)
    assert not agreement(found, 1.8)
