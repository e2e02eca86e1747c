"""Declared figures against measured ones: how much better than measured is too much, from both sides."""

from __future__ import annotations

from typing import Any

import pytest

from meta_tests.checks.test_latency import latency
from meta_tests.support.scored import counted, scored
from raxe_conformance.checks.reading import Declaration, Declarations, Exact, Quantile
from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence import Facts
from raxe_conformance.verdict.declared import judge_declarations
from raxe_conformance.verdict.intervals import clopper_pearson, estimate
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile, parse_profile

PROFILE = load_profile(DEFAULT)


def facts(**sections: Any) -> Facts:
    return Facts("m", "metadata", "metadata/m.json", sections, None, [], [], None, None, None, [], None, None)


def verdict(check_id: str, **evidence: Any) -> Verdict:
    check = find_check(check_id)
    return judge(check, check.reading(evidence), PROFILE)


# What is declared of 950 attacks found and 10 false alarms in 1,000 rows each, with one claim: bounds at 0.95.
HIGHEST_RECALL = clopper_pearson(950, 1000, 0.95)[1]
LOWEST_FPR = clopper_pearson(10, 1000, 0.95)[0]


@pytest.mark.parametrize(
    ("key", "declared", "outcome"),
    [
        ("binary_recall", HIGHEST_RECALL + 0.0004, Outcome.PASS),
        ("binary_recall", HIGHEST_RECALL + 0.0006, Outcome.FAIL),
        ("binary_recall", 0.5, Outcome.PASS),
        ("false_positive_rate", LOWEST_FPR - 0.0004, Outcome.PASS),
        ("false_positive_rate", LOWEST_FPR - 0.0006, Outcome.FAIL),
        ("false_positive_rate", 0.5, Outcome.PASS),
        ("false_negative_rate", 1 - HIGHEST_RECALL - 0.0006, Outcome.FAIL),
        ("false_negative_rate", 1 - HIGHEST_RECALL - 0.0004, Outcome.PASS),
        ("binary_precision", 0.990, Outcome.PASS),
        ("binary_precision", 0.999, Outcome.FAIL),
        ("binary_f1", 0.97, Outcome.PASS),
        ("binary_f1", 0.98, Outcome.FAIL),
        ("family_f1", 0.97, Outcome.PASS),
        ("family_f1", 0.985, Outcome.FAIL),
        ("family_accuracy", HIGHEST_RECALL + 0.0004, Outcome.PASS),
        ("family_accuracy", HIGHEST_RECALL + 0.0006, Outcome.FAIL),
    ],
)
def test_declared_accuracy_may_be_as_good_as_the_bound(key: str, declared: float, outcome: Outcome) -> None:
    found = verdict("ACC-004", facts=facts(accuracy={key: declared}), scores=counted(950, 10, 50, 990))
    assert found.outcome is outcome, found.message
    assert (f"accuracy.{key}: " in found.message) == (outcome is Outcome.FAIL)


def test_many_declarations_share_the_error_rate() -> None:
    """What one figure by itself refutes, one of seven does not."""
    key, declared = "binary_recall", HIGHEST_RECALL + 0.0006
    harmless = dict.fromkeys(("binary_f1", "binary_precision", "family_f1", "family_accuracy"), 0.5)
    scores = counted(950, 10, 50, 990)
    assert verdict("ACC-004", facts=facts(accuracy={key: declared}), scores=scores).outcome is Outcome.FAIL
    many = facts(accuracy={key: declared, "false_positive_rate": 0.5, "false_negative_rate": 0.5, **harmless})
    found = verdict("ACC-004", facts=many, scores=scores)
    assert (found.outcome, found.message) == (Outcome.PASS, "7 declared, none better than measured")


def test_subfamily_f1_is_held_against_what_is_answered() -> None:
    declared = facts(accuracy={"subfamily_f1": 0.9})
    wrong = scored(["PI"] * 100, [True] * 100, subfamilies=["a"] * 100, answered_subfamilies=["b"] * 100)
    assert verdict("ACC-004", facts=declared, scores=wrong).outcome is Outcome.FAIL
    right = scored(["PI"] * 100, [True] * 100, subfamilies=["a"] * 100, answered_subfamilies=["a"] * 100)
    assert verdict("ACC-004", facts=declared, scores=right).outcome is Outcome.PASS


def test_what_is_not_declared_or_no_number_claims_nothing() -> None:
    for sections in ({}, {"accuracy": "good"}, {"accuracy": {"binary_f1": None, "binary_recall": "1"}}):
        found = verdict("ACC-004", facts=facts(**sections), scores=counted(1, 1, 1, 1))
        assert (found.outcome, found.message) == (Outcome.PASS, "nothing is declared")


def test_a_declaration_without_rows_behind_it_cannot_be_told() -> None:
    found = verdict("ACC-004", facts=facts(accuracy={"binary_precision": 0.9}), scores=counted(0, 0, 5, 5))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "accuracy.binary_precision" in found.message


WALLS = [1.0 + (i * 77 % 1000) / 1000 for i in range(1000)]  # scattered evenly between 1 and 2 ms
LOWEST_P50 = estimate(Quantile(0.5, tuple(WALLS)), 0.95).low


@pytest.mark.parametrize(
    ("key", "declared", "outcome"),
    [
        ("p50_latency_ms", LOWEST_P50 / 1.005, Outcome.PASS),
        ("p50_latency_ms", LOWEST_P50 / 1.02, Outcome.FAIL),
        ("p95_latency_ms", 1.94, Outcome.PASS),
        ("p95_latency_ms", 1.5, Outcome.FAIL),
        ("p99_latency_ms", 3.0, Outcome.PASS),
        ("p99_latency_ms", 1.5, Outcome.FAIL),
    ],
)
def test_declared_latency_may_be_as_good_as_the_bound(key: str, declared: float, outcome: Outcome) -> None:
    found = verdict("LAT-010", facts=facts(performance={key: declared}), latency=latency(WALLS))
    assert found.outcome is outcome, found.message


def test_a_disturbed_machine_refutes_no_declared_latency() -> None:
    noisy = latency([20.0] * 1000, cpu_ms=[1.0] * 1000, preempted=[3] * 1000)
    declared = facts(performance={"p50_latency_ms": 1.0, "p95_latency_ms": 1.0})
    assert verdict("LAT-010", facts=declared, latency=noisy).outcome is not Outcome.FAIL
    assert verdict("LAT-010", facts=declared, latency=latency([20.0] * 1000)).outcome is Outcome.FAIL


def test_off_the_target_cpu_declared_latency_cannot_be_told() -> None:
    other = latency(WALLS, off_target="Another CPU")
    found = verdict("LAT-010", facts=facts(performance={"p50_latency_ms": 0.1}), latency=other)
    assert found.outcome is Outcome.INCONCLUSIVE


def test_exact_figures_are_compared_as_they_are() -> None:
    def outcome(declared: float) -> Outcome:
        return judge_declarations(Declarations((Declaration("x", declared, "<", Exact(5.0, "m"), "MB", 0.1),)), 0.95)[0]

    assert outcome(4.89) is Outcome.FAIL
    assert outcome(4.91) is Outcome.PASS


def test_a_profile_that_demands_it_gives_a_p_value() -> None:
    from importlib.resources import files

    shipped = files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_bytes()
    strict = parse_profile(shipped.replace(b"[levels]", b'[levels]\n"ACC-004" = "MUST"'), "p.toml")
    check = find_check("ACC-004")
    evidence = {"facts": facts(accuracy={"binary_recall": 1.0}), "scores": counted(900, 0, 100, 1000)}
    found = judge(check, check.reading(evidence), strict)
    assert found.outcome is Outcome.FAIL
    assert found.rules is not None
    assert found.rules.p_fail is not None
    assert found.rules.p_fail < 0.001
    assert judge(check, check.reading(evidence), PROFILE).rules is None
