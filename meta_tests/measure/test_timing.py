"""Latency measuring, with a clock that the test holds: no test sleeps."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.measure import environment
from raxe_conformance.measure.evidence import Latency, evidence_from_json, evidence_to_json
from raxe_conformance.measure.timing import SECOND_CORE_EVERY_S, WARMUP, Stopwatch, batches, measure_latency, time_calls


class Clock:
    """Stands still but for what the detector spends."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """Spends a second for each character."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.calls = clock, 0

    def analyze(self, text: str) -> SimpleNamespace:
        self.calls += 1
        self.clock.now += len(text)
        return SimpleNamespace(metadata={"timings_ms": {"infer": 1000.0 * len(text)}})


def test_each_sample_is_the_time_of_its_own_text() -> None:
    clock = Clock()
    detector = Slow(clock)
    texts = ["a", "bb", "ccc"]
    found = measure_latency(detector, texts, Stopwatch(lambda *args: time_calls(*args, clock)), rounds=10)
    assert found.samples_ms == [1000.0 * len(texts[index]) for index in found.texts]
    assert found.stages_ms == {"infer": found.samples_ms}
    assert detector.calls == len(found.samples_ms) + WARMUP
    assert len(found.cpu_ms) == len(found.preempted) == len(found.samples_ms) == len(found.pulse_ms) - 1
    assert found.off_target is None


@given(st.integers(1, 200), st.integers(1, 500), st.integers(0, 5))
def test_each_batch_is_whole_passes_in_a_seeded_order(rows: int, rounds: int, seed: int) -> None:
    taken = list(islice(batches(rows, rounds, seed), 3))
    assert taken == list(islice(batches(rows, rounds, seed), 3))
    for order in taken:
        assert rounds <= len(order) < rounds + rows
        assert set(Counter(order).values()) == {len(order) // rows}
        assert len(order) % rows == 0


def test_other_seeds_and_other_batches_have_other_orders() -> None:
    first, second = islice(batches(100, 100, 0), 2)
    assert first != second
    assert first != next(batches(100, 100, 1))


def sampled(budget_s: float, enough_at: int) -> tuple[Latency, list[int]]:
    """Calls of a second each, three in a batch, and how many calls `enough` was asked about."""
    clock, asked = Clock(), []

    def enough(latency: Latency) -> bool:
        asked.append(len(latency.samples_ms))
        return len(latency.samples_ms) >= enough_at

    watch = Stopwatch(lambda *args: time_calls(*args, clock), clock=clock)
    return measure_latency(Slow(clock), "abc", watch, rounds=3, enough=enough, budget_s=budget_s), asked


@pytest.mark.parametrize(("enough_at", "calls"), [(3, 3), (4, 6), (6, 6), (7, 9)])
def test_sampling_ends_when_it_is_enough(enough_at: int, calls: int) -> None:
    found, asked = sampled(1000.0, enough_at)
    assert len(found.samples_ms) == calls
    assert found.looks == asked == list(range(3, calls + 1, 3))
    assert set(Counter(found.texts).values()) == {calls // 3}
    assert len(found.cpu_ms) == len(found.preempted) == calls == len(found.pulse_ms) - 1


@pytest.mark.parametrize(("budget_s", "calls"), [(0.0, 3), (5.9, 3), (6.0, 6), (8.9, 6), (9.0, 9)])
def test_a_batch_that_would_overrun_the_budget_is_not_begun(budget_s: float, calls: int) -> None:
    found, asked = sampled(budget_s, 1000)
    assert len(found.samples_ms) == calls
    # What would not change anything is not asked.
    assert asked == list(range(3, calls, 3))
    assert found.looks == list(range(3, calls + 1, 3))


def test_stages_stand_beside_their_calls_and_are_none_where_nothing_is_told() -> None:
    warmup: list[dict[str, Any]] = [{}] * 4
    told = iter([*warmup, {}, {"infer": 1}, {"infer": 2.0, "pool": math.nan}, {"pool": 3.0, "note": "x"}])

    class Telling:
        def analyze(self, text: str) -> SimpleNamespace:
            return SimpleNamespace(metadata={"timings_ms": next(told)})

    found = measure_latency(Telling(), "abcd", Stopwatch(), rounds=4)
    assert found.stages_ms == {"infer": [None, 1.0, 2.0, None], "pool": [None, None, None, 3.0]}
    assert evidence_from_json(evidence_to_json("latency", found)) == found


@pytest.mark.parametrize(
    ("pattern", "off"),
    [(None, None), ("intel xeon*", None), ("*XEON*", None), ("AMD*", "Intel Xeon 8481C"), ("Xeon", "Intel Xeon 8481C")],
)
def test_target_cpu_is_a_pattern(monkeypatch: pytest.MonkeyPatch, pattern: str | None, off: str | None) -> None:
    monkeypatch.setattr(environment, "_cpu", lambda: ("Intel Xeon 8481C", ()))
    assert environment.off_target(pattern) == off


def test_evidence_of_noise_stands_beside_each_sample() -> None:
    switches, cpu, pulses = iter(range(0, 1000, 2)), iter(range(1000)), iter(range(1000))

    def run(target, texts, before):
        for text in texts:
            before()
            target(text)
        return [0.5] * len(texts)

    watch = Stopwatch(run, "m", lambda: float(next(cpu)), lambda: next(switches), lambda: float(next(pulses)))
    found = measure_latency(Slow(Clock()), ["a", "b"], watch, rounds=2)
    assert found.samples_ms == [500.0, 500.0]
    assert found.cpu_ms == [1000.0, 1000.0]
    assert found.preempted == [2, 2]
    assert found.pulse_ms == [0.0, 1.0, 2.0]
    assert found.method == "m"


def test_the_second_core_is_tried_every_so_often_and_after_the_last_call() -> None:
    clock = Clock()
    detector, gains = Slow(clock), iter([1.5, 0.9, 1.4, 1.3])
    watch = Stopwatch(
        lambda *args: time_calls(*args, clock), clock=lambda: clock.now * SECOND_CORE_EVERY_S / 3,
        process_seconds=lambda: 2.0 * clock.now, second_core=gains.__next__,
    )  # fmt: skip
    found = measure_latency(detector, "ab", watch, rounds=4)
    # A call takes a third of the time from try to try. So does the shortest text's after each try, which is no sample.
    assert [made for made, _ in found.second_core] == [0, 2, 4]
    assert [gain for _, gain in found.second_core] == [1.5, 0.9, 1.4]
    assert found.process_ms == [2.0 * wall for wall in found.samples_ms]
    assert detector.calls == 4 + min(WARMUP, 4) + 2
    assert len(found.pulse_ms) == 5
    assert evidence_from_json(evidence_to_json("latency", found)) == found


def test_what_threads_waited_between_two_calls_belongs_to_neither() -> None:
    # Read before and after what stands between the calls, and after the last.
    readings, others = iter([0.0, 1.0, 4.0, 9.0, 10.0]), iter([100.0, 100.5])
    watch = Stopwatch(waited_seconds=readings.__next__, others_seconds=others.__next__)
    found = measure_latency(Slow(Clock()), ["a", "b"], watch, rounds=2)
    assert found.waited_ms == [3000.0, 1000.0]
    assert found.others_ms == 500.0
    unknown = measure_latency(Slow(Clock()), ["a"], Stopwatch(waited_seconds=lambda: None), rounds=1)
    assert unknown.waited_ms == [None]
