"""Which calls count as disturbed, and what that does to a verdict: noise alone never fails a model, nor passes one."""

from __future__ import annotations

from typing import Any

import pytest

from raxe_conformance.checks.latency import LOST_MS, LOST_SHARE, PULSE_RATIO, disturbed
from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile


def latency(walls: list[float], **changes: Any) -> Latency:
    n = len(walls)
    values: dict[str, Any] = {
        "samples_ms": walls, "texts": list(range(n)), "cpu_ms": list(walls), "preempted": [0] * n,
        "pulse_ms": [0.04] * (n + 1), "stages_ms": {}, "warmup": 0, "seed": 0, "method": "", "off_target": None,
    }  # fmt: skip
    return Latency(**{**values, **changes})


def verdict(evidence: Latency, check_id: str = "LAT-001") -> Verdict:
    check = find_check(check_id)
    return judge(check, check.reading({"latency": evidence}), load_profile(DEFAULT))


def test_time_off_the_cpu_is_disturbance_only_when_the_system_took_it() -> None:
    lost = latency([10.0, 10.0, 10.0], cpu_ms=[5.0, 5.0, 10.0], preempted=[1, 0, 1])
    assert disturbed(lost) == (True, False, False)
    assert disturbed(latency([10.0], cpu_ms=[5.0], preempted=[None])) == (True,)


@pytest.mark.parametrize(("wall", "share"), [(10.0, LOST_SHARE), (0.5, LOST_MS / 0.5)])
def test_little_lost_time_is_no_disturbance(wall: float, share: float) -> None:
    at, above = wall * (1 - share + 1e-9), wall * (1 - share - 1e-3)
    assert disturbed(latency([wall], cpu_ms=[at], preempted=[1])) == (False,)
    assert disturbed(latency([wall], cpu_ms=[above], preempted=[1])) == (True,)


def test_a_slow_pulse_marks_the_calls_on_both_sides() -> None:
    pulse = [0.04] * 21
    pulse[10] = 0.04 * PULSE_RATIO + 1e-6
    assert [i for i, mark in enumerate(disturbed(latency([1.0] * 20, pulse_ms=pulse))) if mark] == [9, 10]
    pulse[10] = 0.04 * PULSE_RATIO
    assert not any(disturbed(latency([1.0] * 20, pulse_ms=pulse)))


@pytest.mark.parametrize("check_id", ["LAT-001", "LAT-002", "LAT-003", "LAT-004"])
def test_a_burnt_machine_fails_no_fast_model_and_passes_no_slow_one(check_id: str) -> None:
    # A model of 1 ms whose calls all took 20, because something else had the CPU.
    noisy = latency([20.0] * 1000, cpu_ms=[1.0] * 1000, preempted=[3] * 1000)
    found = verdict(noisy, check_id)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "needs a quieter machine: 100% of the calls were disturbed" in found.message


def test_a_detector_that_sleeps_fails_though_it_is_off_the_cpu() -> None:
    assert verdict(latency([10.5] * 1000, cpu_ms=[0.5] * 1000)).outcome is Outcome.FAIL


def test_a_fast_model_passes_in_spite_of_some_disturbance() -> None:
    hit = [i % 33 == 0 for i in range(1000)]
    noisy = latency([50.0 if h else 1.0 for h in hit], cpu_ms=[1.0] * 1000, preempted=[int(h) for h in hit])
    assert verdict(noisy).outcome is Outcome.PASS
    assert verdict(noisy, "LAT-004").outcome is Outcome.INCONCLUSIVE


def test_a_slow_model_fails_in_spite_of_some_disturbance() -> None:
    walls = [20.0] * 1000
    noisy = latency(walls, cpu_ms=[20.0] * 900 + [1.0] * 100, preempted=[0] * 900 + [1] * 100)
    assert verdict(noisy).outcome is Outcome.FAIL


def test_slow_calls_in_one_burst_say_less_than_scattered_ones() -> None:
    scattered = [20.0 if i % 13 == 0 else 1.0 for i in range(1000)]
    burst = sorted(scattered)
    assert verdict(latency(scattered)).outcome is Outcome.FAIL
    assert verdict(latency(burst)).outcome is Outcome.INCONCLUSIVE
