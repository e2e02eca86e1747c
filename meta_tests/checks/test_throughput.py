"""Rates against their limits: noise alone fails no fast detector and passes no slow one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence_resources import Block, Throughput
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile

MODES = {"THR-001": ("one", 300.0), "THR-002": ("four", 1000.0), "THR-003": ("batch", 300.0)}


def blocks(rate: float, *, others: float = 0.0, pulses: tuple[float, ...] = (0.04,) * 8) -> list[Block]:
    """Blocks of 100 requests at a rate that hardly varies. others: the share of the time that they had of the CPU."""
    times = [100 / rate * (1 + 0.002 * (number % 3 - 1)) for number in range(len(pulses))]
    return [Block(100, seconds, others * seconds, pulse) for seconds, pulse in zip(times, pulses, strict=True)]


def verdict(check_id: str, found: list[Block], **changes: Any) -> Verdict:
    modes = {mode: found for mode, _ in MODES.values()}
    values: dict[str, Any] = {"blocks": modes, "cores": 4, "seed": 0, "method": "", "off_target": None, **changes}
    check = find_check(check_id)
    return judge(check, check.reading({"throughput": Throughput(**values)}), load_profile(DEFAULT))


@pytest.mark.parametrize("check_id", MODES)
def test_five_percent_to_either_side_of_the_limit_decide(check_id: str) -> None:
    limit = MODES[check_id][1]
    assert verdict(check_id, blocks(1.05 * limit)).outcome is Outcome.PASS
    assert verdict(check_id, blocks(0.95 * limit)).outcome is Outcome.FAIL
    assert verdict(check_id, blocks(limit)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("check_id", MODES)
def test_a_burnt_machine_fails_no_fast_detector_and_passes_no_slow_one(check_id: str) -> None:
    limit = MODES[check_id][1]
    found = verdict(check_id, blocks(0.5 * limit, others=1.4))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "needs a quieter machine: others took up to 100% of the time" in found.message
    assert verdict(check_id, blocks(0.5 * limit, others=0.55)).outcome is Outcome.INCONCLUSIVE


def test_a_slow_detector_fails_in_spite_of_some_noise_and_a_fast_one_passes() -> None:
    assert verdict("THR-001", blocks(100.0, others=0.5)).outcome is Outcome.FAIL
    assert verdict("THR-001", blocks(400.0, others=0.9)).outcome is Outcome.PASS


def test_cores_that_do_not_work_together_may_have_slowed_the_detector() -> None:
    def apart(gain: float, threads: float) -> list[Block]:
        return [replace(b, own_seconds=threads * b.seconds, second_core=gain) for b in blocks(200.0)]

    assert verdict("THR-001", apart(0.9, 2.0)).outcome is Outcome.INCONCLUSIVE
    assert verdict("THR-001", apart(1.3, 2.0)).outcome is Outcome.FAIL
    assert verdict("THR-001", apart(0.9, 1.0)).outcome is Outcome.FAIL


def test_a_machine_that_slowed_down_meanwhile_may_have_slowed_the_detector() -> None:
    slowed = (0.04,) + (0.08,) * 7
    assert verdict("THR-001", blocks(200.0, pulses=slowed)).outcome is Outcome.INCONCLUSIVE
    assert verdict("THR-001", blocks(100.0, pulses=slowed)).outcome is Outcome.FAIL
    assert verdict("THR-001", blocks(200.0)).outcome is Outcome.FAIL


def test_the_quickest_pulse_of_any_mode_counts() -> None:
    modes = {"one": blocks(200.0, pulses=(0.08,) * 8), "four": blocks(2000.0)}
    assert verdict("THR-001", [], blocks=modes).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("cores", "said"), [(1, "on 1 core, fewer"), (2, "on 2 cores, fewer"), (4, "on 4 cores")])
def test_the_number_of_cores_is_told(cores: int, said: str) -> None:
    message = verdict("THR-002", blocks(500.0), cores=cores).message
    assert said in message
    assert ("fewer than threads" in message) == (cores < 4)


@pytest.mark.parametrize("check_id", MODES)
def test_off_the_target_cpu_nothing_is_said(check_id: str) -> None:
    found = verdict(check_id, blocks(1.0), off_target="Other CPU")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "not the target CPU" in found.message


def test_a_detector_without_batches_is_told_what_to_add() -> None:
    found = verdict("THR-003", [], blocks={"one": blocks(500.0), "four": blocks(500.0)})
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "no analyze_batch; give it one" in found.message
