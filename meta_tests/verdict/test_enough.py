"""When sampling may end: every check that rests on the measurement is decided, or more of it would decide none."""

from __future__ import annotations

from typing import Any

import pytest

from raxe_conformance.measure.evidence import Latency
from raxe_conformance.verdict.enough import enough
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)


def timed(walls: list[float], **changes: Any) -> Latency:
    n = len(walls)
    values: dict[str, Any] = {
        "samples_ms": walls, "texts": list(range(n)), "cpu_ms": walls, "preempted": [0] * n,
        "pulse_ms": [0.04] * (n + 1), "stages_ms": {}, "warmup": 0, "seed": 0, "method": "", "off_target": None,
    }  # fmt: skip
    return Latency(**{**values, **changes})


@pytest.mark.parametrize("ms", [0.1, 50.0])
def test_calls_far_from_every_limit_are_enough(ms: float) -> None:
    assert enough("latency", timed([ms] * 2000), PROFILE)


@pytest.mark.parametrize("calls", [1, 20])
def test_a_few_calls_are_not(calls: int) -> None:
    assert not enough("latency", timed([0.1] * calls), PROFILE)


def test_one_undecided_check_goes_on() -> None:
    """150 calls bound a P95 (59 do) and no P99 (299 do)."""
    assert not enough("latency", timed([0.1] * 150), PROFILE)
    assert enough("latency", timed([0.1] * 300), PROFILE)


def test_what_more_calls_cannot_decide_ends_it() -> None:
    assert enough("latency", timed([0.1] * 20, off_target="another CPU"), PROFILE)


def test_a_measurement_that_no_check_rests_on_alone_is_enough_at_once() -> None:
    assert enough("loaded", timed([0.1]), PROFILE)
