"""Which calls count as disturbed, and what that does to a verdict: noise alone never fails a model, nor passes one."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from raxe_conformance.checks.latency import (
    LOST_MS,
    LOST_SHARE,
    NO_WAIT,
    PULSE_RATIO,
    TOGETHER,
    cores_apart,
    disturbed,
    lost_apart,
    waits,
)
from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PASS, FAIL = Outcome.PASS, Outcome.FAIL


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


def test_cores_that_work_together_cost_nothing_and_others_what_the_threads_should_have_gained() -> None:
    assert lost_apart(TOGETHER, 2.0, 1.0) == 0.0
    assert lost_apart(TOGETHER - 1e-9, 2.0, 1.0) == pytest.approx(1.0 - TOGETHER / 2.0)
    assert lost_apart(0.9, 3.6, 2.0) == pytest.approx(0.5)
    assert lost_apart(0.9, 0.5, 1.0) == pytest.approx(0.1)  # one thread, half of the time asleep
    assert lost_apart(1.1, 1.0, 1.0) == 0.0


def test_the_worse_of_the_tries_before_and_after_a_call_counts() -> None:
    tries = [(0, 1.4), (2, 1.4), (3, 0.8), (4, 1.4), (6, 1.4)]
    found = cores_apart(latency([2.0] * 6, process_ms=[4.0] * 6, second_core=tries))
    assert found == pytest.approx((0.0, 0.0, 0.6, 0.6, 0.0, 0.0))


def apart(wall: float, gain: float, threads: float = 2.0) -> Latency:
    return latency([wall] * 1000, process_ms=[threads * wall] * 1000, second_core=[(0, 1.4), (100, gain), (1000, gain)])


def test_cores_apart_fail_no_fast_model_and_pass_no_slow_one() -> None:
    found = verdict(apart(4.0, 0.9))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.estimate.low == pytest.approx(1.8)  # type: ignore[union-attr]
    assert (
        "beside 100% of the calls a second thread gained nothing (a fixed computation took two threads 1.1 times"
        in (found.message)
    )
    assert verdict(apart(4.0, 1.3)).outcome is FAIL
    assert "second thread" not in verdict(apart(4.0, 1.3)).message
    assert verdict(apart(2.0, 0.9)).outcome is PASS


def test_a_model_that_is_too_slow_for_any_cores_fails_on_cores_apart() -> None:
    assert verdict(apart(8.0, 0.9)).outcome is FAIL
    assert verdict(apart(4.0, 0.9, threads=1.0)).outcome is FAIL


def test_what_threads_waited_for_a_core_is_lost_down_to_a_hundredth() -> None:
    at, below = 10.0 * NO_WAIT, 10.0 * NO_WAIT - 1e-6
    found = waits(latency([10.0] * 5, waited_ms=[5.0, 20.0, at, below, None], others_ms=1e6))
    assert found == pytest.approx((0.5, 1.0, NO_WAIT, 0.0, 0.0))
    assert waits(latency([10.0])) == (0.0,)
    assert waits(latency([10.0], waited_ms=[0.0], others_ms=5.0)) == (0.0,)


def test_threads_that_wait_for_each_other_have_lost_nothing_to_others() -> None:
    found = waits(latency([10.0, 10.0], waited_ms=[6.0, 2.0], others_ms=2.0))
    assert found == pytest.approx((0.15, 0.05))


def test_a_thread_without_a_core_fails_no_fast_model_and_one_thread_too_many_fails() -> None:
    # The caller spins meanwhile: it is on its core all the time.
    starved = latency([4.0] * 1000, waited_ms=[2.0] * 1000, others_ms=2000.0)
    assert verdict(starved).outcome is Outcome.INCONCLUSIVE
    assert verdict(starved).estimate.low == pytest.approx(2.0)  # type: ignore[union-attr]
    assert verdict(latency([4.0] * 1000, waited_ms=[2.0] * 1000, others_ms=20.0)).outcome is FAIL
    assert verdict(latency([9.0] * 1000, waited_ms=[2.0] * 1000, others_ms=2000.0)).outcome is FAIL


def test_both_losses_count() -> None:
    both = latency(
        [4.0] * 3, waited_ms=[2.0] * 3, others_ms=100.0, process_ms=[8.0] * 3, second_core=[(0, 1.0), (3, 1.0)]
    )
    assert disturbed(both) == pytest.approx((0.75,) * 3)


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


def stages(n: int, **times: float | None) -> dict[str, list[float | None]]:
    return {stage: [ms] * n for stage, ms in times.items()}


BUDGETS = {
    "LAT-006": ("tokenize", 0.3), "LAT-007": ("infer", 1.0), "LAT-008": ("pool", 0.2), "LAT-009": ("heads", 0.8),
    "LAT-011": ("preprocess", 0.3), "LAT-012": ("postprocess", 0.4),
}  # fmt: skip


@pytest.mark.parametrize("check_id", BUDGETS)
def test_each_stage_has_its_budget(check_id: str) -> None:
    stage, budget = BUDGETS[check_id]
    assert verdict(latency([9.0] * 100, stages_ms=stages(100, **{stage: 0.999 * budget})), check_id).outcome is PASS
    assert verdict(latency([9.0] * 100, stages_ms=stages(100, **{stage: budget})), check_id).outcome is FAIL


def test_embedding_is_what_its_stages_take_together_in_the_same_call() -> None:
    within = stages(100, tokenize=0.2, infer=0.9, pool=0.399)
    assert verdict(latency([9.0] * 100, stages_ms=within), "LAT-005").outcome is PASS
    assert verdict(latency([9.0] * 100, stages_ms={**within, "pool": [0.401] * 100}), "LAT-005").outcome is FAIL


def test_calls_without_stages_are_left_out() -> None:
    half = latency([9.0] * 200, stages_ms={"pool": [0.1, None] * 100})
    assert verdict(half, "LAT-008").estimate.n == 100  # type: ignore[union-attr]
    assert verdict(half, "LAT-008").outcome is PASS


@pytest.mark.parametrize("told", [{}, {"tokenize": [0.1] * 100}, {"tokenize": [0.1] * 100, "infer": [None] * 100}])
def test_a_detector_that_tells_no_stages_leaves_their_budgets_open(told: dict[str, list[float | None]]) -> None:
    found = verdict(latency([1.0] * 100, stages_ms=told), "LAT-007")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "does not say what it spends on infer" in found.message
    assert 'metadata["timings_ms"]' in found.message


def test_a_disturbed_call_decides_nothing_about_its_stages() -> None:
    burnt = latency([20.0] * 100, cpu_ms=[1.0] * 100, preempted=[1] * 100, stages_ms=stages(100, heads=15.0))
    assert verdict(burnt, "LAT-009").outcome is Outcome.INCONCLUSIVE


def test_the_mean_is_told_by_stage_and_what_is_left() -> None:
    told = latency([2.0] * 100, stages_ms={"infer": [1.0] * 100, "pool": [0.5, None] * 50})
    assert verdict(told, "LAT-003").message.endswith("by stage: infer 1, pool 0.25, the rest 0.75 ms")
    assert "by stage" not in verdict(latency([2.0] * 100), "LAT-003").message


def test_p95_of_the_texts_own_medians_shows_from_two_passes_on() -> None:
    # Text 19 of 20 is long. In each pass another text is slow by accident.
    usual = [1.0 + text / 100 for text in range(19)] + [8.0]
    walls = [50.0 if text == one_pass else usual[text] for one_pass in range(3) for text in range(20)]
    found = verdict(latency(walls, texts=[*range(20)] * 3))
    assert found.message.endswith("the texts' own medians: P95 1.18 ms over 3 passes")
    assert "medians" not in verdict(latency(walls[:20])).message


def _with_long_texts(passes: int) -> Latency:
    """Of 1,000 texts, 40 take 9 ms, which leaves P95 at 2.9 ms. Calls differ by up to 0.01 ms."""
    chance = random.Random(5)
    texts = [text for _ in range(passes) for text in chance.sample(range(1000), 1000)]
    walls = [(9.0 if t < 40 else 2.9 if t < 150 else 1.0) + 0.01 * chance.random() for t in texts]
    return latency(walls, texts=texts, looks=[1000 * (k + 1) for k in range(passes)])


def test_further_passes_tell_the_texts_lengths_from_noise() -> None:
    """In one pass, 40 slow calls of 1,000 could be more than 5 % of all; in three, they are of the same texts."""
    once, thrice = verdict(_with_long_texts(1)), verdict(_with_long_texts(3))
    assert once.outcome is Outcome.INCONCLUSIVE
    assert "needs more samples (a larger --raxe-latency-budget)" in once.message
    assert thrice.outcome is PASS


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_the_look_at_which_sampling_stopped_costs_certainty(looks: int) -> None:
    # P95's upper bound is the largest of n samples where 0.95^n is below the look's share of the error rate.
    needed = math.ceil(math.log(0.05 / (looks * (looks + 1))) / math.log(0.95))
    enough = latency([1.0] * needed, looks=[0] * looks)
    short = latency([1.0] * (needed - 1), looks=[0] * looks)
    assert (verdict(enough).outcome, verdict(short).outcome) == (PASS, Outcome.INCONCLUSIVE)
    assert "needs at least 1 more samples" in verdict(short).message
