"""p-values: where the interval rule turns, found by bisection over the very functions that decide."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raxe_conformance.checks.reading import Declaration, Declarations, Exact, Proportion
from raxe_conformance.verdict.decide import decide
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.outcome import Limit, Outcome, Rules
from raxe_conformance.verdict.significance import LEAST, rules_of, rules_of_declarations, smallest_alpha

GATE = Limit("fpr", "<", 0.01, "")


def rules(hits: int, n: int, gate: Limit = GATE) -> Rules:
    reading = Proportion(hits, n, "rows")
    return rules_of(reading, estimate(reading, 0.95), gate, how_sure=True)


@given(st.integers(1, 5000), st.data())
@settings(max_examples=60)
def test_the_p_values_of_a_rate_are_the_binomial_tails(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, min(n, n // 20 + 5)))
    found = rules(hits, n)
    for p, tail in (
        (found.p_fail, stats.binomtest(hits, n, 0.01, "greater").pvalue),
        (found.p_pass, stats.binomtest(hits, n, 0.01, "less").pvalue),
    ):
        assert p is not None
        if tail >= 0.49:
            assert p == 1.0 or p >= 0.49
        elif tail > LEAST:
            assert tail <= p * (1 + 1e-9)
            assert p <= 1.011 * tail
        else:
            assert p == LEAST


@given(st.integers(1, 3000), st.data())
@settings(max_examples=60)
def test_a_verdict_is_given_at_every_error_rate_above_its_p_value_and_at_none_below(
    n: int, data: st.DataObject
) -> None:
    reading = Proportion(data.draw(st.integers(0, n)), n, "rows")
    found = rules_of(reading, estimate(reading, 0.95), GATE, how_sure=True)
    for p, outcome in ((found.p_fail, Outcome.FAIL), (found.p_pass, Outcome.PASS)):
        assert p is not None
        if LEAST < p < 0.45:
            assert decide(estimate(reading, 1 - 1.001 * p), GATE) is outcome
            assert decide(estimate(reading, 1 - 0.98 * p), GATE) is not outcome
        assert (found.interval is outcome) == (p <= 0.05)


def test_both_rules_are_shown() -> None:
    found = rules(13, 1334)
    assert (found.interval, found.point) == (Outcome.INCONCLUSIVE, Outcome.PASS)
    found = rules(14, 1334)
    assert (found.interval, found.point) == (Outcome.INCONCLUSIVE, Outcome.FAIL)


def test_the_far_side_has_the_p_value_1() -> None:
    assert rules(100, 1000).p_pass == 1.0
    assert rules(0, 1000).p_fail == 1.0


def test_what_has_no_sampling_error_has_no_p_value() -> None:
    exact = Exact(51.0, "bytes")
    assert rules_of(exact, estimate(exact, 0.95), Limit("size_mb", "<", 50.0, "MB"), how_sure=True) == Rules(
        Outcome.FAIL, Outcome.FAIL, None, None
    )


def test_a_should_is_spared_the_search() -> None:
    reading = Proportion(0, 300, "rows")
    found = rules_of(reading, estimate(reading, 0.95), GATE, how_sure=False)
    assert (found.interval, found.p_pass, found.p_fail) == (Outcome.PASS, None, None)


@pytest.mark.parametrize(("turn", "found"), [(0.0, LEAST), (0.6, 1.0)])
def test_the_ends_of_the_search(turn: float, found: float) -> None:
    assert smallest_alpha(lambda alpha: alpha >= turn) == found


@given(st.floats(2e-7, 0.49))
def test_the_search_finds_the_turn_from_above(turn: float) -> None:
    found = smallest_alpha(lambda alpha: alpha >= turn)
    assert turn <= found * (1 + 1e-12)
    assert found <= 1.011 * turn


def test_a_declaration_that_is_refuted_has_a_p_value_and_one_that_is_not_cannot_err() -> None:
    over = Declarations((Declaration("accuracy.binary_recall", 1.0, ">", Proportion(90, 100, "attacks"), "", 0.0005),))
    found = rules_of_declarations(over, Outcome.FAIL)
    assert found.p_fail is not None
    assert found.p_fail < 0.05
    fine = Declarations((Declaration("accuracy.binary_recall", 0.9, ">", Proportion(90, 100, "attacks"), "", 0.0005),))
    assert rules_of_declarations(fine, Outcome.PASS) == Rules(Outcome.PASS, Outcome.PASS, 0.0, 1.0)
