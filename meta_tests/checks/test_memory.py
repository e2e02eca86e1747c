"""Memory against its limits, what is not known, and what a machine short of memory says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from meta_tests.support.host import Host
from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence_resources import Memory, ProcessMemory
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile

FIELDS = {
    "MEM-001": ("load_peak", 200.0),
    "MEM-002": ("steady", 150.0),
    "MEM-003": ("requests", 5.0),
    "MEM-004": ("batch", 50.0),
}
GOOD = ProcessMemory(
    **{
        key: value
        for key, value in Host().memory({"requests": ["text"] * 3}).items()
        if key not in ("exact_peaks", "method")
    }
)


def verdict(check_id: str, *processes: ProcessMemory, exact: bool = True) -> Verdict:
    found = Memory(list(processes), 32, [4, 9, 2], 32, exact, "")
    check = find_check(check_id)
    return judge(check, check.reading({"memory": found}), load_profile(DEFAULT))


def held(check_id: str, *figures: float) -> list[ProcessMemory]:
    field = FIELDS[check_id][0]

    def value(figure: float) -> Any:
        return [0.1, figure, 0.2] if field == "requests" else figure

    return [replace(GOOD, **{field: value(figure)}) for figure in figures]


@pytest.mark.parametrize("check_id", FIELDS)
def test_five_percent_to_either_side_of_the_limit_decide(check_id: str) -> None:
    limit = FIELDS[check_id][1]
    spread = [0.995, 1.0, 1.005]
    assert verdict(check_id, *held(check_id, *(0.95 * limit * s for s in spread))).outcome is Outcome.PASS
    assert verdict(check_id, *held(check_id, *(1.05 * limit * s for s in spread))).outcome is Outcome.FAIL
    close = verdict(check_id, *held(check_id, *(limit * s for s in spread)))
    assert close.outcome is Outcome.INCONCLUSIVE
    assert "needs more repeats" in close.message


@pytest.mark.parametrize("check_id", ["MEM-003", "MEM-004"])
def test_a_peak_that_may_have_been_missed_fails_but_never_passes(check_id: str) -> None:
    limit = FIELDS[check_id][1]
    unsure = verdict(check_id, *held(check_id, *(0.1 * limit,) * 3), exact=False)
    assert unsure.outcome is Outcome.INCONCLUSIVE
    assert "/proc/self/clear_refs" in unsure.message
    assert verdict(check_id, *held(check_id, *(2.0 * limit,) * 3), exact=False).outcome is Outcome.FAIL


def test_what_is_held_is_known_without_peaks() -> None:
    without = replace(GOOD, load_peak=None)
    assert verdict("MEM-002", without, without, exact=False).outcome is Outcome.PASS
    unknown = verdict("MEM-001", GOOD, without, exact=False)
    assert unknown.outcome is Outcome.INCONCLUSIVE
    assert "run on Linux" in unknown.message


def test_the_largest_request_of_each_process_counts() -> None:
    message = verdict("MEM-003", *held("MEM-003", 2.0, 3.0, 4.0)).message
    assert message.startswith("3 MB")
    assert "largest of 3 texts of up to 9 characters" in message


@pytest.mark.parametrize("check_id", FIELDS)
@pytest.mark.parametrize("change", [{"swapped": 0.1}, {"available": GOOD.steady - 1.0}])
def test_a_machine_short_of_memory_says_nothing(check_id: str, change: dict[str, float]) -> None:
    found = verdict(check_id, GOOD, replace(GOOD, **change))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "short of memory" in found.message
    assert verdict(check_id, GOOD, replace(GOOD, available=GOOD.steady)).outcome is Outcome.PASS


def test_interpreter_and_libraries_count_and_are_told_apart() -> None:
    message = verdict("MEM-002", *held("MEM-002", 160.0, 160.0)).message
    assert message.startswith("160 MB, limit < 150 MB")
    assert "20 MB before loading, 40 MB with the libraries that loading imports" in message


def test_a_detector_without_batches_is_told_what_to_add() -> None:
    found = verdict("MEM-004", replace(GOOD, batch=None), replace(GOOD, batch=None))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "no analyze_batch; give it one" in found.message
