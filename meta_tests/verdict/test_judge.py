"""Judging: every bound from both sides, and nothing that is no evidence ever passes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.checks.reading import (
    F1,
    Exact,
    Finding,
    Findings,
    Mean,
    Proportion,
    Quantile,
    Reading,
    Unknown,
)
from raxe_conformance.checks.table import catalogue, find_check
from raxe_conformance.errors import UsageError
from raxe_conformance.verdict.intervals import Estimate
from raxe_conformance.verdict.judge import decide, judge
from raxe_conformance.verdict.outcome import Limit, Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile, parse_profile
from raxe_conformance.verdict.rollup import rollup

PROFILE = load_profile(DEFAULT)
FIGURES = st.floats(-1e6, 1e6)


def outcome_of(check_id: str, reading: Reading) -> Outcome:
    return judge(find_check(check_id), reading, PROFILE).outcome


@given(FIGURES, FIGURES, FIGURES, st.sampled_from("<>"))
def test_pass_and_fail_need_the_whole_interval_on_one_side(a: float, b: float, limit: float, op: str) -> None:
    low, high = sorted((a, b))
    outcome = decide(Estimate((low + high) / 2, low, high, 10, ""), Limit("m", op, limit, ""))
    good = high < limit if op == "<" else low > limit
    bad = low >= limit if op == "<" else high <= limit
    assert outcome is (Outcome.PASS if good else Outcome.FAIL if bad else Outcome.INCONCLUSIVE)


@given(FIGURES, st.sampled_from("<>"))
def test_the_limit_itself_fails(limit: float, op: str) -> None:
    assert decide(Estimate(limit, limit, limit, 1, ""), Limit("m", op, limit, "")) is Outcome.FAIL


@pytest.mark.parametrize("point", [False, True])
def test_nan_decides_nothing(point: bool) -> None:
    nothing = Estimate(math.nan, math.nan, math.nan, 0, "")
    assert decide(nothing, Limit("m", "<", 1.0, ""), point=point) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("value", "low", "high"), [(math.nan, 0.1, 0.2), (0.1, math.nan, 0.2), (0.1, 0.1, math.nan)])
def test_one_figure_that_is_no_number_is_enough(value: float, low: float, high: float) -> None:
    found = Estimate(value, low, high, 1, "")
    assert decide(found, Limit("m", "<", 1.0, "")) is Outcome.INCONCLUSIVE
    assert decide(found, Limit("m", ">", 0.0, "")) is Outcome.INCONCLUSIVE


# (check, reading that passes, reading that fails, reading that cannot tell): one row a kind of gate and bound
BOUNDS = [
    ("SIZ-001", Exact(49.999999, ""), Exact(50.0, ""), None),
    ("SIZ-002", Exact(9.999999, ""), Exact(10.0, ""), None),
    ("SIZ-003", Exact(39.999999, ""), Exact(40.0, ""), None),
    ("LAT-001", Quantile(0.95, (2.99,) * 100), Quantile(0.95, (3.0,) * 100), Quantile(0.95, (2.0,) * 58)),
    ("LAT-002", Quantile(0.5, (1.99,) * 100), Quantile(0.5, (2.0,) * 100), Quantile(0.5, (1.0, 3.0) * 9)),
    ("LAT-003", Mean((2.49,) * 10), Mean((2.5,) * 10), Mean((1.0, 4.1))),
    ("LAT-004", Quantile(0.99, (4.99,) * 400), Quantile(0.99, (5.0,) * 400), Quantile(0.99, (1.0,) * 298)),
    ("FPR-001", Proportion(0, 299, "rows"), Proportion(20, 1000, "rows"), Proportion(0, 298, "rows")),
    ("ACC-003", Proportion(0, 99, "attacks"), Proportion(10, 100, "attacks"), Proportion(0, 98, "attacks")),
    ("ACC-001", F1(1000, 10, 10), F1(900, 100, 100), F1(950, 50, 50)),
]


@pytest.mark.parametrize(("check_id", "good", "bad", "open_"), BOUNDS, ids=[row[0] for row in BOUNDS])
def test_each_gate_from_both_sides(check_id: str, good: Reading, bad: Reading, open_: Reading | None) -> None:
    assert outcome_of(check_id, good) is Outcome.PASS
    assert outcome_of(check_id, bad) is Outcome.FAIL
    if open_ is not None:
        assert outcome_of(check_id, open_) is Outcome.INCONCLUSIVE


def test_the_documents_own_estimate_of_fpr_does_not_pass() -> None:
    """The specification's table gives FPR 0.010 to a model that must be below 0.01."""
    point = parse_profile(_shipped().replace(b'"interval"', b'"point"'), "point.toml")
    assert judge(find_check("FPR-001"), Proportion(10, 1000, "rows"), point).outcome is Outcome.FAIL
    assert judge(find_check("FPR-001"), Proportion(9, 1000, "rows"), point).outcome is Outcome.PASS


def test_rules_fail_by_findings_only() -> None:
    assert outcome_of("SCH-002", Findings((), 1)) is Outcome.PASS
    verdict = judge(find_check("SCH-002"), Findings((Finding("model_id", "'a'", "'b'", "rename"),), 1), PROFILE)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.message == "model_id: 'a', but should be 'b'; rename"


@pytest.mark.parametrize("check_id", list(catalogue()))
def test_unknown_never_passes(check_id: str) -> None:
    verdict = judge(find_check(check_id), Unknown("not measured", "measure it"), PROFILE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.message == "not measured; measure it"


@pytest.mark.parametrize("check_id", list(catalogue()))
def test_no_evidence_never_passes(check_id: str) -> None:
    check = find_check(check_id)
    assert judge(check, check.reading({}), PROFILE).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (Proportion(0, 100, "benign rows"), "needs 199 more benign rows"),
        (Proportion(5, 800, "benign rows"), "more benign rows at the observed rate"),
        (Proportion(1, 100, "benign rows"), "too near the limit for any sample"),
    ],
)
def test_inconclusive_rates_say_what_would_decide(reading: Proportion, words: str) -> None:
    verdict = judge(find_check("FPR-001"), reading, PROFILE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert words in verdict.message


def test_inconclusive_latency_says_how_many_samples_are_missing() -> None:
    assert "needs at least 9 more samples" in judge(find_check("LAT-001"), Quantile(0.95, (1.0,) * 50), PROFILE).message


def test_rollup_puts_failure_first_and_nothing_is_not_a_pass() -> None:
    good = judge(find_check("SIZ-001"), Exact(1.0, ""), PROFILE)
    bad = judge(find_check("SIZ-001"), Exact(99.0, ""), PROFILE)
    unknown = judge(find_check("LAT-001"), Unknown("a", "b"), PROFILE)
    should = judge(find_check("SIZ-002"), Exact(99.0, ""), PROFILE)
    assert rollup([good, should]) is Outcome.PASS
    assert rollup([good, unknown]) is Outcome.INCONCLUSIVE
    assert rollup([good, unknown, bad]) is Outcome.FAIL
    assert rollup([]) is Outcome.INCONCLUSIVE
    assert rollup([should]) is Outcome.INCONCLUSIVE


def _shipped() -> bytes:
    from importlib.resources import files

    return files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_bytes()


def test_a_profile_may_change_a_level() -> None:
    strict = parse_profile(_shipped().replace(b"[levels]", b'[levels]\n"SIZ-002" = "MUST"'), "p.toml")
    assert not judge(find_check("SIZ-002"), Exact(11.0, ""), strict).holds
    assert judge(find_check("SIZ-002"), Exact(11.0, ""), PROFILE).holds


def test_an_unknown_check_lists_the_ids() -> None:
    with pytest.raises(UsageError, match="LAT-001"):
        find_check("LAT-000")
