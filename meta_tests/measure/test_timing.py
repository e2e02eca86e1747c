"""Latency measuring, with a clock that the test holds: no test sleeps."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.measure import environment
from raxe_conformance.measure.timing import WARMUP, Stopwatch, measure_latency, plan, time_calls


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
def test_the_plan_is_whole_passes_in_a_seeded_order(rows: int, rounds: int, seed: int) -> None:
    order = plan(rows, rounds, seed)
    assert order == plan(rows, rounds, seed)
    assert len(order) >= rounds
    assert len(order) < rounds + rows
    assert set(Counter(order).values()) == {len(order) // rows}
    assert len(order) % rows == 0


def test_other_seeds_give_other_orders() -> None:
    assert plan(100, 100, 0) != plan(100, 100, 1)


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
