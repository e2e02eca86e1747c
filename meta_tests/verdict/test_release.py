"""The release verdict's own error rate: by hand, against the procedure's own words, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance.checks.reading import Proportion
from raxe_conformance.checks.table import Level
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.outcome import Limit, Outcome
from raxe_conformance.verdict.release import GateRecord, holm, release
from raxe_conformance.verdict.rollup import rollup
from raxe_conformance.verdict.significance import rules_of

P = st.floats(1e-12, 1.0)


def gate(
    id: str,
    outcome: Outcome,
    p_pass: float | None,
    p_fail: float | None,
    level: Level = Level.MUST,
    waived: bool = False,
) -> GateRecord:
    return GateRecord(id, level, outcome, waived, p_pass, p_fail)


PASSED = gate("LAT-001", Outcome.PASS, 0.001, 1.0)
BARELY = gate("FPR-001", Outcome.PASS, 0.049, 1.0)
FAILED = gate("ACC-001", Outcome.FAIL, 1.0, 1e-7)
JUST = gate("ACC-001", Outcome.FAIL, 1.0, 0.04)
OPEN = gate("FPR-001", Outcome.INCONCLUSIVE, 0.3, 1.0)
RULE = gate("SCH-001", Outcome.PASS, None, None)
BROKEN = gate("SCH-001", Outcome.FAIL, None, None)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.6, 0.7]) == [1.0, 1.0]


@given(st.lists(P, min_size=1, max_size=8))
def test_holm_rejects_what_its_step_down_procedure_rejects(p_values: list[float]) -> None:
    """Holm's own words: step through the p-values from the smallest and stop where p > alpha / (m − j + 1)."""
    alpha, adjusted, m = 0.05, holm(p_values), len(p_values)
    rejected = set()
    for rank, index in enumerate(sorted(range(m), key=p_values.__getitem__)):
        if (m - rank) * p_values[index] > alpha:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(adjusted) if p <= alpha} == rejected
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    assert min(adjusted) == min(1.0, m * min(p_values))  # the claim "some gate fails" is Bonferroni's


def test_a_pass_errs_no_more_often_than_its_least_sure_gate() -> None:
    found = release(Outcome.PASS, [PASSED, BARELY, RULE], 0.95)
    assert (found.error_rate, found.survives) == (0.049, None)
    assert found.method == "intersection–union over 2 gates"
    assert found.each == 0.05
    assert found.uncorrected == 0.10
    assert release(Outcome.PASS, [PASSED], 0.95).method == "intersection–union over 1 gate"


def test_a_fail_is_corrected_for_all_gates() -> None:
    found = release(Outcome.FAIL, [PASSED, FAILED, OPEN], 0.95)
    assert found.error_rate == pytest.approx(3e-7)
    assert found.survives is True
    assert found.method == "Holm over 3 gates"
    assert [g.holm for g in found.gates] == pytest.approx([1.0, 3e-7, 1.0])


def test_a_fail_that_does_not_survive_stays_one_and_says_so() -> None:
    found = release(Outcome.FAIL, [JUST, PASSED], 0.95)
    assert (found.outcome, found.error_rate, found.survives) == (Outcome.FAIL, 0.08, False)
    assert release(Outcome.FAIL, [JUST], 0.95).survives is True
    at = gate("ACC-001", Outcome.FAIL, 1.0, 0.025)
    above = gate("ACC-001", Outcome.FAIL, 1.0, 0.0251)
    assert release(Outcome.FAIL, [at, PASSED], 0.95).survives is True
    assert release(Outcome.FAIL, [above, PASSED], 0.95).survives is False


def test_rules_and_exact_figures_have_no_sampling_error() -> None:
    found = release(Outcome.FAIL, [BROKEN, JUST, PASSED], 0.95)
    assert (found.error_rate, found.survives) == (0.0, True)
    assert found.method == "SCH-001: no sampling error"
    found = release(Outcome.PASS, [RULE], 0.95)
    assert (found.error_rate, found.method) == (0.0, "rules and exact figures alone: no sampling error")


def test_all_failures_without_sampling_error_are_named() -> None:
    other = gate("SIZ-001", Outcome.FAIL, None, None)
    assert release(Outcome.FAIL, [BROKEN, RULE, other], 0.95).method == "SCH-001, SIZ-001: no sampling error"


def test_a_gate_is_sampled_only_with_both_its_p_values() -> None:
    half = gate("ROB-001", Outcome.PASS, 0.2, None)
    assert [g.id for g in release(Outcome.PASS, [PASSED, half], 0.95).gates] == ["LAT-001"]


def test_gates_are_listed_with_their_own_chances() -> None:
    found = release(Outcome.FAIL, [BARELY, JUST], 0.95)
    assert [(g.id, g.outcome, g.p_pass, g.p_fail, g.holm) for g in found.gates] == [
        ("FPR-001", Outcome.PASS, 0.049, 1.0, 1.0),
        ("ACC-001", Outcome.FAIL, 1.0, 0.04, 0.08),
    ]


def test_many_gates_uncorrected_err_at_most_always() -> None:
    assert release(Outcome.PASS, [PASSED] * 30, 0.95).uncorrected == 1.0


def test_what_is_open_claims_nothing() -> None:
    found = release(Outcome.INCONCLUSIVE, [PASSED, OPEN], 0.95)
    assert (found.error_rate, found.survives, found.method) == (None, None, "claims nothing")
    assert [g.id for g in found.gates] == ["LAT-001", "FPR-001"]


def test_shoulds_and_waived_gates_are_no_part_of_it() -> None:
    should = gate("LAT-002", Outcome.FAIL, 1.0, 0.001, level=Level.SHOULD)
    waived = gate("LAT-001", Outcome.FAIL, 1.0, 0.001, waived=True)
    found = release(Outcome.PASS, [should, waived, BARELY], 0.95)
    assert [g.id for g in found.gates] == ["FPR-001"]
    assert found.error_rate == 0.049


@given(st.lists(st.tuples(P, P), min_size=1, max_size=6))
def test_a_pass_by_the_interval_rule_never_states_more_than_the_profiles_error_rate(
    pairs: list[tuple[float, float]],
) -> None:
    gates = [
        gate(f"G-{i}", Outcome.PASS if p <= 0.05 else Outcome.FAIL if q <= 0.05 else Outcome.INCONCLUSIVE, p, q)
        for i, (p, q) in enumerate(pairs)
    ]
    outcome = rollup(gates)
    found = release(outcome, gates, 0.95)
    if outcome is Outcome.PASS:
        assert found.error_rate is not None
        assert found.error_rate <= 0.05
    if outcome is Outcome.FAIL:
        assert found.error_rate is not None
        assert found.error_rate >= min(q for _, q in pairs)
        assert found.error_rate <= len(pairs) * 0.05 + 1e-12


def test_four_gates_at_their_limits_fail_by_chance_as_often_as_holm_says() -> None:
    """Simulated, seeded: four rates that are truly a hair below their limit. Gate by gate some fails in one of 6 runs;
    a FAIL whose stated error rate is at most 0.05 is given in fewer than 1 of 20."""
    limit, n, runs = Limit("fpr", "<", 0.03, ""), 2000, 1000
    chance = np.random.default_rng(4)
    table = [
        rules_of(reading, estimate(reading, 0.95), limit, how_sure=True)
        for reading in (Proportion(hits, n, "rows") for hits in range(150))
    ]
    failed = corrected = 0
    for hits in chance.binomial(n, 0.02999, size=(runs, 4)):
        gates = [gate(f"G-{i}", table[h].interval, table[h].p_pass, table[h].p_fail) for i, h in enumerate(hits)]
        found = release(rollup(gates), gates, 0.95)
        failed += found.outcome is Outcome.FAIL
        corrected += found.survives is True
    assert 0.10 < failed / runs < 0.20  # up to 1 − 0.95⁴ = 0.185
    assert corrected / runs <= 0.05


def test_a_gate_on_the_wrong_side_of_its_limit_lets_a_pass_through_no_more_often_than_stated() -> None:
    """Simulated, seeded: one of four rates is truly at its limit, the others far below."""
    limit, n, runs = Limit("fpr", "<", 0.03, ""), 2000, 1000
    chance = np.random.default_rng(5)
    passed = 0
    for hits in chance.binomial(n, (0.03, 0.005, 0.005, 0.005), size=(runs, 4)):
        readings = [Proportion(int(h), n, "rows") for h in hits]
        found = [rules_of(r, estimate(r, 0.95), limit, how_sure=False).interval for r in readings]
        passed += all(outcome is Outcome.PASS for outcome in found)
    assert 0.02 < passed / runs <= 0.05


@given(st.integers(1, 2000), st.data())
@settings(max_examples=60)
def test_more_false_alarms_never_turn_a_fail_into_a_pass(n: int, data: st.DataObject) -> None:
    few = data.draw(st.integers(0, n))
    many = data.draw(st.integers(few, n))
    limit = Limit("fpr", "<", 0.01, "")
    a, b = (
        rules_of(reading, estimate(reading, 0.95), limit, how_sure=True)
        for reading in (Proportion(few, n, "rows"), Proportion(many, n, "rows"))
    )
    order = [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    assert order.index(a.interval) <= order.index(b.interval)
    assert order.index(a.point) <= order.index(b.point)
    assert a.p_fail is not None
    assert b.p_fail is not None
    assert a.p_fail >= b.p_fail
    assert a.p_pass is not None
    assert b.p_pass is not None
    assert a.p_pass <= b.p_pass
