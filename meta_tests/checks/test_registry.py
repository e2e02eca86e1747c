"""The registry's start against its limit, and whether it loads a detector once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence_resources import RegistryStart
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile


def starting(*samples_ms: float, busy: bool = False) -> RegistryStart:
    """Starts, all their time on a CPU; busy: half of it, because others had it."""
    n = len(samples_ms)
    return RegistryStart(
        samples_ms=list(samples_ms),
        cpu_ms=[sample / (2 if busy else 1) for sample in samples_ms],
        preempted=[int(busy)] * n,
        pulse_ms=[0.04] * (n + 1),
        first_ms=9.0,
        load_ms=700.0,
        again_ms=0.0024,
        at_once=4,
        objects=1,
        refused=None,
        method="",
        off_target=None,
    )


def verdict(check_id: str, evidence: RegistryStart) -> Verdict:
    check = find_check(check_id)
    return judge(check, check.reading({"starting": evidence}), load_profile(DEFAULT))


def test_five_percent_to_either_side_of_the_limit_decide() -> None:
    assert verdict("REG-001", starting(*[95.0] * 120)).outcome is Outcome.PASS
    assert verdict("REG-001", starting(*[105.0] * 60)).outcome is Outcome.FAIL


def test_too_few_starts_pass_nothing() -> None:
    assert verdict("REG-001", starting(*[1.0] * 58)).outcome is Outcome.INCONCLUSIVE
    assert verdict("REG-001", starting(*[1.0] * 59)).outcome is Outcome.PASS


def test_a_burnt_machine_fails_no_fast_registry() -> None:
    found = verdict("REG-001", starting(*[150.0] * 60, busy=True))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "needs a quieter machine" in found.message


def test_off_the_target_cpu_the_start_is_not_judged_but_the_object_is() -> None:
    elsewhere = replace(starting(*[500.0] * 60), off_target="Other CPU")
    assert verdict("REG-001", elsewhere).outcome is Outcome.INCONCLUSIVE
    assert verdict("REG-002", elsewhere).outcome is Outcome.PASS


def test_one_object_holds_and_the_time_of_the_second_call_is_told() -> None:
    found = verdict("REG-002", starting(1.0))
    assert found.outcome is Outcome.PASS
    assert found.message == "5 looked at; first load 700 ms, a call after it 2.4 µs"


@pytest.mark.parametrize("objects", [2, 5])
def test_more_objects_fail(objects: int) -> None:
    found = verdict("REG-002", replace(starting(1.0), objects=objects))
    assert found.outcome is Outcome.FAIL
    assert f"create_detector: {objects} detectors from 5 calls, but should be one" in found.message


def test_a_registry_that_gives_no_detector_leaves_it_open() -> None:
    refused = replace(starting(1.0), objects=0, load_ms=None, again_ms=None, refused="is not built")
    found = verdict("REG-002", refused)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "gives no detector: is not built" in found.message
