"""What the checks of invariance read out of evidence: each bound from both sides, and what they cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from raxe_conformance.checks.claims import unclaimed
from raxe_conformance.checks.invariance import CLOSE
from raxe_conformance.checks.reading import Unknown
from raxe_conformance.checks.table import Level, find_check
from raxe_conformance.measure.evidence import Missing
from raxe_conformance.measure.evidence_invariance import (
    Batches,
    BatchFault,
    Compared,
    Drift,
    OtherCpu,
    Padding,
    Portability,
    Repeats,
    Soak,
)
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)
PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def part(name: str = "a", *, n: int = 60, **changes: Any) -> Compared:
    return replace(Compared(name, f"by {name}", n, {}, [], []), **changes)


def told(check_id: str, evidence: Any) -> tuple[Outcome, str]:
    check = find_check(check_id)
    verdict = judge(check, check.reading({check.needs[0]: evidence}), PROFILE)
    return verdict.outcome, verdict.message


def test_levels_and_group() -> None:
    musts = {f"ROB-0{n}" for n in range(10, 17) if find_check(f"ROB-0{n}").level is Level.MUST}
    assert musts == {"ROB-010", "ROB-011", "ROB-013"}
    assert {find_check(f"ROB-0{n}").group for n in range(10, 17)} == {"robustness"}


def test_a_score_that_moves_at_all_fails() -> None:
    assert told("ROB-010", Repeats(0, [part(), part("b")], {})) == (PASS, "120 looked at; 60 texts by a; 60 texts by b")
    outcome, message = told("ROB-010", Repeats(0, [part(), part("b", moved={"r1": 1e-16})], {}))
    assert outcome is FAIL
    assert message.startswith("row r1: another score by b (by 1e-16), but should be the same, bit for bit")
    outcome, message = told("ROB-010", Repeats(0, [part(moved={"r1": 0.4}, flipped=["r1"])], {}))
    assert message.startswith("row r1: decided otherwise by a, but should be the decision on it as it stands")
    assert "another score" not in message
    assert told("ROB-010", Repeats(0, [part(unanswered=["r2"])], {}))[1].startswith("row r2: no answer by a")


def test_what_could_not_be_tried_is_not_passed_and_does_not_hide_a_failure() -> None:
    outcome, message = told("ROB-010", Repeats(0, [part()], {"in a fresh process": "it died"}))
    assert (outcome, message) == (INCONCLUSIVE, "it could not be tried in a fresh process: it died; see INT-007")
    assert told("ROB-010", Repeats(0, [part(moved={"r": 1e-9})], {"in a fresh process": "x"}))[0] is FAIL


def test_a_batch_may_move_scores_and_flip_nothing() -> None:
    moved = Batches(0, [part(moved={"r1": 0.009})], [])
    assert told("ROB-011", moved) == (PASS, "60 looked at; 60 texts by a; scores move by up to 0.009")
    assert told("ROB-011", Batches(0, [part()], []))[1].endswith("no score moves")
    outcome, message = told("ROB-011", Batches(0, [part(moved={"r1": 1e-6}, flipped=["r1"])], []))
    assert outcome is FAIL
    assert message.startswith("row r1: decided otherwise by a")


def test_a_fault_of_the_interface_is_told_before_all_else() -> None:
    fault = BatchFault("a batch of 8", "7 results", "8 results in the order of the texts")
    outcome, message = told("ROB-011", Batches(0, [part(unanswered=["r1"])], [fault]))
    assert outcome is FAIL
    assert message.startswith("a batch of 8: 7 results, but should be 8 results in the order of the texts")
    assert "no answer" not in message


@pytest.mark.parametrize(("by", "outcome"), [(0.0, PASS), (0.0099, PASS), (0.01, FAIL), (0.3, FAIL)])
def test_drift_in_batches_from_both_sides(by: float, outcome: Outcome) -> None:
    moved = {"r1": by, "r2": by / 2} if by else {}
    found, message = told("ROB-012", Batches(0, [part(), part("b", moved=moved)], []))
    assert found is outcome
    assert message.endswith("largest by b" if by else "no score moves")


def test_drift_needs_an_answer() -> None:
    unanswered = [f"r{i}" for i in range(60)]
    assert told("ROB-012", Batches(0, [part(unanswered=unanswered)], []))[0] is INCONCLUSIVE


def test_a_function_claims_no_batches() -> None:
    from meta_tests.checks.test_robustness import scores
    from raxe_conformance.measure.evidence import Facts

    facts = Facts("function", "function", None, None, None, [], [], None, None, None, [], None, None, function="m:f")
    evidence = {"facts": facts, "scores": scores()}
    reasons = {n: unclaimed(find_check(f"ROB-0{n}"), evidence) for n in range(10, 17)}
    batch = "a function takes one text at a time"
    assert reasons == {10: None, 11: batch, 12: batch, 13: None, 14: "a function has no files", 15: None, 16: None}


def test_one_flip_by_white_space_fails() -> None:
    outcome, message = told("ROB-013", Padding(0, 16, [part(n=32), part("b", n=32)]))
    assert (outcome, message) == (PASS, "64 looked at; 32 of 32 kept by a; 32 of 32 kept by b")
    outcome, message = told("ROB-013", Padding(0, 16, [part(n=32), part("b", n=32, flipped=["r1"])]))
    assert outcome is FAIL
    assert "row r1: decided otherwise by b" in message
    assert message.endswith("32 of 32 kept by a; 31 of 32 kept by b")
    assert told("ROB-013", Padding(0, 16, [part(moved={"r1": 0.2})]))[0] is PASS


def drift(*cosines: float, **changes: Any) -> Drift:
    return Drift(0, "embeddings/x_fp32.onnx", list(cosines), part("float32", n=len(cosines), **changes))


@pytest.mark.parametrize(("far", "outcome"), [(0, PASS), (1, PASS), (2, INCONCLUSIVE), (10, INCONCLUSIVE), (11, FAIL)])
def test_quantization_from_both_sides_of_its_limit(far: int, outcome: Outcome) -> None:
    cosines = (CLOSE,) * far + (0.9701,) * (120 - far)
    found, message = told("ROB-014", drift(*cosines, flipped=["r1", "r2"], moved={"r1": 0.09}))
    assert found is outcome
    assert message.endswith(
        f"P5 {0.97 if far > 6 else 0.9701:.4f}, median 0.9701, least {min(cosines):.4f}, against "
        "embeddings/x_fp32.onnx; 2 of 120 decisions flip with float32; scores move by up to 0.09"
    )


def test_without_embeddings_nothing_is_told_of_quantization() -> None:
    assert told("ROB-014", drift())[0] is INCONCLUSIVE
    missing = Missing("there is no float32 model", "make it: raxe-conformance export")
    assert told("ROB-014", missing) == (INCONCLUSIVE, "there is no float32 model; make it: raxe-conformance export")


def soak(resident: Any, **changes: Any) -> Soak:
    """100 samples over 100,000 analyses."""
    after = [1000 * (i + 1) for i in range(100)]
    return replace(Soak(20, after, [float(mb) for mb in resident], [1.0] * 100, 0, None, "x"), **changes)


@pytest.mark.parametrize(
    ("per_run", "outcome"), [(0.0, PASS), (4.0, PASS), (4.9, INCONCLUSIVE), (5.1, INCONCLUSIVE), (6.5, FAIL)]
)
def test_growth_from_both_sides(per_run: float, outcome: Outcome) -> None:
    assert told("ROB-015", soak(100 + per_run * np.arange(100) / 100))[0] is outcome


def test_growth_is_by_100000_analyses_however_many_there_were() -> None:
    short = soak(100 + 0.3 * np.arange(100) / 100, after=[100 * (i + 1) for i in range(100)])
    outcome, message = told("ROB-015", short)
    assert message.startswith("3 MB")
    assert outcome is PASS


def test_what_is_taken_at_first_is_no_growth() -> None:
    assert told("ROB-015", soak([100 + min(i, 9) for i in range(100)]))[0] is PASS


def test_a_single_late_step_is_no_trend_and_a_large_one_leaves_it_open() -> None:
    assert told("ROB-015", soak([100.0] * 70 + [100.8] * 30))[0] is PASS
    outcome, message = told("ROB-015", soak([100.0] * 70 + [104.0] * 30))
    assert outcome is INCONCLUSIVE
    assert "needs more analyses in one process" in message
    assert "100.0 MB after the first tenth, 104.0 MB at the end" in message


def test_the_last_tenth_is_set_beside_the_first() -> None:
    slower = [1.0] * 90 + [1.5] * 10
    assert told("ROB-015", soak([100] * 100, seconds=slower))[1].endswith("took 1.50 times the time of the first")


def test_analyses_that_failed_fail_the_soak() -> None:
    outcome, message = told("ROB-015", soak([100] * 100, failed=3, first_error="analysis 7: MemoryError: no"))
    assert outcome is FAIL
    assert message.startswith("analysis 7: MemoryError: no: 3 of 100,000 analyses failed")


def test_a_run_of_few_samples_decides_nothing() -> None:
    assert told("ROB-015", soak([100.0], after=[10], seconds=[1.0]))[0] is INCONCLUSIVE
    few = soak([100.0] * 19, after=[10 * (i + 1) for i in range(19)], seconds=[1.0] * 19)
    assert told("ROB-015", few) == (INCONCLUSIVE, "memory was looked at 19 times; look at it 20 times or more")


def portability(*cpus: OtherCpu) -> Portability:
    return Portability(0, "This CPU", "qemu", list(cpus))


def cpu(name: str, flips: int = 0, **changes: Any) -> OtherCpu:
    return OtherCpu(name, part(name, flipped=[f"r{i}" for i in range(flips)], **changes), None)


@pytest.mark.parametrize(("flips", "outcome"), [(0, PASS), (1, INCONCLUSIVE), (6, INCONCLUSIVE), (7, FAIL)])
def test_decisions_elsewhere_from_both_sides(flips: int, outcome: Outcome) -> None:
    found, message = told("ROB-016", portability(cpu("Nehalem", flips, moved={"r1": 0.05}), cpu("Haswell")))
    assert found is outcome
    assert message.endswith(
        f"beside This CPU: {60 - flips} of 60 kept by Nehalem, scores move by up to 0.05; "
        "60 of 60 kept by Haswell, scores move by up to 0"
    )


def test_a_text_without_an_answer_is_not_kept_and_counts_once() -> None:
    other = cpu("Nehalem", 1, unanswered=["r0", "r9"])
    assert "58 of 60 kept" in told("ROB-016", portability(other))[1]


def test_a_cpu_that_the_libraries_do_not_run_on_is_told_and_decides_nothing() -> None:
    dead = OtherCpu("Nehalem", None, "it ended with -4")
    outcome, message = told("ROB-016", portability(dead, cpu("Haswell")))
    assert outcome is PASS
    assert message.endswith("it does not run on Nehalem: it ended with -4")
    outcome, message = told("ROB-016", portability(dead))
    assert (outcome, message) == (
        INCONCLUSIVE, "it does not run on Nehalem: it ended with -4; measure on such a machine itself",
    )  # fmt: skip


@pytest.mark.parametrize("check_id", [f"ROB-0{n}" for n in range(10, 17)])
def test_what_was_not_measured_is_unknown(check_id: str) -> None:
    check = find_check(check_id)
    assert isinstance(check.reading({}), Unknown)
    ask = Missing("it takes minutes and was not asked for", "run with --raxe-thorough")
    assert told(check_id, ask) == (INCONCLUSIVE, "it takes minutes and was not asked for; run with --raxe-thorough")
