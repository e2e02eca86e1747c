"""What a verdict says, word by word: the figure, its interval and method, and what would decide."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from raxe_conformance.checks.reading import (
    F1,
    Declaration,
    Declarations,
    Exact,
    Finding,
    Findings,
    Gain,
    IndependentMean,
    MacroF1,
    Mean,
    Proportion,
    Quantile,
    Rate,
    Reading,
    Statistic,
)
from raxe_conformance.checks.table import Level, find_check
from raxe_conformance.verdict.declared import judge_declarations
from raxe_conformance.verdict.intervals import Estimate, estimate
from raxe_conformance.verdict.judge import judge, number
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile
from raxe_conformance.verdict.significance import rules_of_declarations

PROFILE = load_profile(DEFAULT)
WAVES = "Student's t of waves, corrected for skewness"
STEPS = "steps up and down, each as Poisson's of the largest"
EACH = "order statistics, q = 0.95"
JACCARD = "Clopper–Pearson on tp/(tp+fp+fn)"
ALONE = "no bootstrap: fewer than two sources"


@pytest.mark.parametrize(
    ("nothing", "low", "high", "n", "method"),
    [
        (Proportion(0, 0, "rows"), 0.0, 1.0, 0, "Clopper–Pearson"),
        (Quantile(0.95, ()), -math.inf, math.inf, 0, EACH),
        (Quantile(0.95, (1.0, math.inf)), -math.inf, math.inf, 2, EACH),
        (Mean((1.0,)), -math.inf, math.inf, 1, WAVES),
        (Mean((1.0, math.nan, 2.0)), -math.inf, math.inf, 3, WAVES),
        (IndependentMean((1.0,)), -math.inf, math.inf, 1, "Student's t"),
        (IndependentMean((1.0, 2.0, math.inf)), -math.inf, math.inf, 3, "Student's t"),
        (Rate((0.1,), (0.1,), 7), 0.0, math.inf, 7, "Student's t over 1 blocks"),
        (Rate((0.1, 0.0), (0.1, 0.0), 7), 0.0, math.inf, 7, "Student's t over 2 blocks"),
        (Rate((0.1, math.inf), (0.1, 0.1), 7), 0.0, math.inf, 7, "Student's t over 2 blocks"),
        (Gain((), 2.0, "more"), -math.inf, math.inf, 0, STEPS),
        (Gain((0.5, math.nan), 2.0, "more"), -math.inf, math.inf, 2, STEPS),
        (F1(0, 0, 0), 0.0, 1.0, 0, f"{JACCARD} = 0/0; {ALONE}"),
        (F1(0, 0, 0, ((0, 0, 0), (0, 0, 0))), 0.0, 1.0, 0, f"{JACCARD} = 0/0; {ALONE}"),
        (MacroF1((("A", F1(0, 0, 0)),)), 0.0, 1.0, 0, "MOVER over 0 families"),
    ],
)
def test_an_estimate_of_nothing_claims_nothing(
    nothing: Statistic, low: float, high: float, n: int, method: str
) -> None:
    found = estimate(nothing, 0.95)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n, found.method) == (low, high, n, method)


RISING = tuple(float(i) for i in range(200))
SCATTERED = tuple(float((7 * i) % 10) for i in range(200))


@pytest.mark.parametrize(
    ("statistic", "value", "n", "method"),
    [
        (Exact(49.5, "bytes"), 49.5, 1, "bytes"),
        (Proportion(3, 50, "benign rows"), 0.06, 50, "Clopper–Pearson, 3 of 50 benign rows"),
        (Quantile(0.95, (2.0,) * 100), 2.0, 100, EACH),
        (Quantile(0.95, (2.0,) * 100, (True, False) * 50), 2.0, 100, f"{EACH}, 50 disturbed"),
        (Quantile(0.95, RISING), 189.0, 200, f"{EACH}, 23 samples count as one"),
        (Quantile(0.5, (3.0, 1.0, 2.0), look=2), 2.0, 3, "order statistics, q = 0.5, 10 samples count as one, look 2"),
        (Mean((1.0, 2.0, 3.0)), 2.0, 3, WAVES),
        (Mean((1.0, 2.0, 3.0), (True, False, False), look=1), 2.0, 3, f"{WAVES}, 1 disturbed, look 1"),
        (IndependentMean((1.0, 2.0)), 1.5, 2, "Student's t"),
        (IndependentMean((1.0, 2.0), "look closer"), 1.5, 2, "Student's t, low bound only"),
        (
            Rate((0.1, 0.2), (0.1, 0.1), 7), 20 / 3, 7,
            "Student's t over 2 blocks, up to 33% of the time taken by others",
        ),
        (Gain((1.0, 0.0, -0.5), 4.0, "more"), 2.0, 3, STEPS),
        (F1(90, 5, 5), 18 / 19, 100, f"{JACCARD} = 90/100; {ALONE}"),
        (
            F1(90, 5, 5, ((45, 2, 2), (45, 3, 3))), 18 / 19, 100,
            f"{JACCARD} = 90/100, or the bootstrap over 2 sources where it is wider",
        ),
        (MacroF1((("A", F1(1, 2, 3)), ("B", F1(0, 0, 0)), ("C", F1(0, 1, 0)))), 1 / 7, 4, "MOVER over 2 families"),
    ],
)  # fmt: skip
def test_an_estimate_tells_its_method(statistic: Statistic, value: float, n: int, method: str) -> None:
    found = estimate(statistic, 0.95)
    assert found.value == pytest.approx(value)
    assert (found.n, found.method) == (n, method)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (math.nan, "ms", "none"), (math.inf, "ms", "∞"), (-math.inf, "", "−∞"), (0.12345, "", "0.1235"),
        (12.3456, "ms", "12.3 ms"), (999.4, "ms", "999 ms"), (999.5, "ms", "1000 ms"), (-999.7, "ms", "-1000 ms"),
        (1000.0, "ms", "1000 ms"), (-1234.6, "MB", "-1235 MB"),
    ],
)  # fmt: skip
def test_numbers_for_people(value: float, unit: str, said: str) -> None:
    assert number(value, unit) == said


def found_at(place: int) -> Finding:
    return Finding(f"w{place}", "a", "b", "mend" if place else "")


MACHINE = "of the calls were disturbed by something else than the detector"
FPR, F1_LIMIT, P95 = "limit < 0.0100", "limit > 0.9500", "limit < 3 ms"


@pytest.mark.parametrize(
    ("check_id", "reading", "message"),
    [
        ("FPR-001", Proportion(0, 299, "rows"), f"0.0000 (0.0000 to 0.0100), {FPR}, n = 299"),
        (
            "FPR-001", Proportion(0, 1, "rows"),
            f"0.0000 (0.0000 to 0.9500), {FPR}, n = 1; needs 298 more rows at the observed rate",
        ),
        (
            "FPR-001", Proportion(0, 0, "rows"),
            f"none (0.0000 to 1.0000), {FPR}, n = 0; the observed rate is too near the limit for any sample to decide",
        ),
        (
            "FPR-001", Proportion(0, 70, "rows", "a note"),
            f"0.0000 (0.0000 to 0.0419), {FPR}, n = 70; needs 229 more rows at the observed rate; a note",
        ),
        (
            "FPR-001", Proportion(5, 800, "rows"),
            f"0.0063 (0.0025 to 0.0131), {FPR}, n = 800; needs 1141 more rows at the observed rate",
        ),
        (
            "FPR-001", Proportion(153, 15625, "rows"),
            f"0.0098 (0.0085 to 0.0112), {FPR}, n = 15625; needs 601555 more rows at the observed rate",
        ),
        (
            "FPR-001", Proportion(154, 15625, "rows"),
            f"0.0099 (0.0086 to 0.0113), {FPR}, n = 15625; "
            "the observed rate is too near the limit for any sample to decide",
        ),
        (
            "ACC-001", F1(0, 0, 0),
            f"none (0.0000 to 1.0000), {F1_LIMIT}, n = 0; "
            "the observed F1 is too near the limit for any sample to decide",
        ),
        (
            "ACC-001", F1(950, 50, 50),
            f"0.9500 (0.9410 to 0.9579), {F1_LIMIT}, n = 1050; "
            "the observed F1 is too near the limit for any sample to decide",
        ),
        (
            "ACC-001", F1(96, 4, 4),
            f"0.9600 (0.9279 to 0.9802), {F1_LIMIT}, n = 104; needs about 589 % more rows at the observed rates",
        ),
        (
            "ACC-001", F1(96, 4, 4, ((48, 2, 2), (48, 2, 2))),
            f"0.9600 (0.9279 to 0.9802), {F1_LIMIT}, n = 104; needs about 589 % more rows at the observed rates",
        ),
        (
            "ACC-001", F1(1, 0, 0),
            f"1.0000 (0.0952 to 1.0000), {F1_LIMIT}, n = 1; needs about 2900 % more rows at the observed rates",
        ),
        ("LAT-001", Quantile(0.95, (1.0,) * 58), f"1 ms (1 ms to ∞), {P95}, n = 58; needs at least 1 more samples"),
        (
            "LAT-001", Quantile(0.95, (1.0,) * 58, look=1),
            f"1 ms (1 ms to ∞), {P95}, n = 58; needs at least 14 more samples",
        ),
        (
            "LAT-001", Quantile(0.95, (1.0,) * 80 + (9.0,) * 5),
            f"9 ms (1 ms to 33 ms), {P95}, n = 85; needs more samples",
        ),
        (
            "LAT-001", Quantile(0.95, (1.0,) * 80 + (9.0,) * 5, look=1),
            f"9 ms (1 ms to 33 ms), {P95}, n = 85; needs more samples (a larger --raxe-latency-budget)",
        ),
        (
            "LAT-001", Quantile(0.95, (1.0,) * 95 + (9.0,) * 5, (True,) + (False,) * 99),
            f"1 ms (1 ms to 33 ms), {P95}, n = 100; needs a quieter machine: 1% {MACHINE}",
        ),
        (
            "LAT-001", Quantile(0.95, (1.0,) * 95 + (9.0,) * 6, (True,) + (False,) * 100),
            f"9 ms (1 ms to 33 ms), {P95}, n = 101; needs more samples",
        ),
        (
            "LAT-001", Quantile(0.95, (1.0,) * 29 + (9.0,) + (1.0,) * 29),
            f"1 ms (1 ms to 33 ms), {P95}, n = 59; needs more samples",
        ),
        (
            "LAT-003", Mean((1.0,), (True,)),
            f"none (−∞ to ∞), limit < 2.5 ms, n = 1; needs a quieter machine: 100% {MACHINE}",
        ),
        ("LAT-003", Mean((1.0, 4.1)), "2.55 ms (-7.24 ms to 12.3 ms), limit < 2.5 ms, n = 2; needs more samples"),
        (
            "LAT-003", Mean((1.0, 4.1), note="by stage"),
            "2.55 ms (-7.24 ms to 12.3 ms), limit < 2.5 ms, n = 2; needs more samples; by stage",
        ),
        ("MEM-001", IndependentMean((1.0,)), "none (−∞ to ∞), limit < 200 MB, n = 1; needs more repeats"),
        (
            "MEM-001", IndependentMean((1.0, 2.0), "look closer", "a note"),
            "1.5 MB (-1.66 MB to ∞), limit < 200 MB, n = 2; look closer; a note",
        ),
        (
            "THR-001", Rate((0.004, 0.002), (0.0036, 0.0018), 9),
            "333 requests/s (107 requests/s to ∞), limit > 300 requests/s, n = 9; needs more blocks",
        ),
        (
            "THR-001", Rate((0.004, 0.002), (0.0035, 0.0018), 9),
            "333 requests/s (107 requests/s to ∞), limit > 300 requests/s, n = 9; "
            "needs a quieter machine: others took up to 12% of the time",
        ),
        ("THR-001", Rate((), (), 0), "none (0 requests/s to ∞), limit > 300 requests/s, n = 0; needs more blocks"),
        ("SIZ-001", Exact(math.nan, ""), "none (none to none), limit < 50 MB, n = 1; the figure is not a number"),
        ("SIZ-001", Exact(49.5, "", "a note"), "49.5 MB, limit < 50 MB, n = 1; a note"),
        ("ROB-015", Gain((), 1.0, "analyse more"), "none (−∞ to ∞), limit < 5 MB, n = 0; analyse more"),
        (
            "ACC-002", MacroF1((("A", F1(9, 1, 0)),)),
            "0.9474 (0.7545 to 0.9974), limit > 0.8500, n = 9; needs more rows",
        ),
        ("SCH-002", Findings((), 7), "7 looked at"),
        ("SCH-002", Findings((), 7, "a note"), "7 looked at; a note"),
        (
            "SCH-002", Findings(tuple(map(found_at, range(3))), 1),
            "w0: a, but should be b | w1: a, but should be b; mend | w2: a, but should be b; mend",
        ),
        (
            "SCH-002", Findings(tuple(map(found_at, range(4))), 1),
            "w0: a, but should be b | w1: a, but should be b; mend | w2: a, but should be b; mend (and 1 more)",
        ),
        (
            "SCH-002", Findings(tuple(map(found_at, range(5))), 1, "a note"),
            "w0: a, but should be b | w1: a, but should be b; mend | w2: a, but should be b; mend (and 2 more); a note",
        ),
    ],
)  # fmt: skip
def test_a_verdict_says_what_was_found_and_what_would_decide(check_id: str, reading: Reading, message: str) -> None:
    assert judge(find_check(check_id), reading, PROFILE).message == message


def test_only_a_must_is_searched_for_how_sure_it_is() -> None:
    must, should = (judge(find_check(i), Proportion(0, 299, "rows"), PROFILE).rules for i in ("FPR-001", "ROB-003"))
    assert must is not None
    assert should is not None
    assert (must.interval, must.point, should.interval, should.point) == (Outcome.PASS,) * 2 + (Outcome.FAIL,) * 2
    assert must.p_pass == pytest.approx(0.05, rel=0.02)
    assert (must.p_fail, should.p_pass, should.p_fail) == (1.0, None, None)


def test_findings_have_no_estimate_and_no_rules() -> None:
    found = judge(find_check("SCH-002"), Findings((), 7), PROFILE)
    assert (found.gate, found.estimate, found.rules) == (None, None, None)


@pytest.mark.parametrize("level", list(Level))
def test_declared_figures_are_judged_like_others(level: Level) -> None:
    profile = replace(PROFILE, levels={"LAT-010": level})
    found = judge(find_check("LAT-010"), Declarations((TOO_GOOD,)), profile)
    assert (found.outcome, found.level, found.estimate) == (Outcome.FAIL, level, None)
    assert found.message.startswith("section.>: 0.99, but measured 0.9, at most 0.9")
    if level is Level.SHOULD:
        assert found.rules is None
    else:
        assert found.rules == rules_of_declarations(Declarations((TOO_GOOD,)), Outcome.FAIL)


def test_a_verdict_carries_its_check_and_what_it_was_judged_against() -> None:
    check = find_check("LAT-001")
    found = judge(check, Quantile(0.95, (2.0,) * 100), PROFILE)
    assert (found.check_id, found.title, found.group, found.level, found.spec) == (
        check.id, check.title, check.group, check.level, check.spec,
    )  # fmt: skip
    assert found.gate is not None
    assert (found.gate.metric, found.gate.op, found.gate.limit, found.gate.unit) == ("latency_p95_ms", "<", 3.0, "ms")
    assert found.estimate == Estimate(2.0, 2.0, 2.0, 100, EACH)
    with pytest.raises(ValueError, match="SCH-002 reads a statistic but declares no gate"):
        judge(find_check("SCH-002"), Exact(1.0, ""), PROFILE)


def claim(declared: float, better: Any, measured: Statistic, unit: str = "", slack: float = 0.0) -> Declaration:
    return Declaration(f"section.{better}", declared, better, measured, unit, slack)


TOO_GOOD = claim(0.99, ">", Proportion(90, 100, "attacks"), "", 0.0005)
TOO_FAST = claim(1.0, "<", Exact(2.0, ""), "ms", 0.1)
NEVER = claim(0.5, ">", Proportion(0, 0, "rows"))


@pytest.mark.parametrize(
    ("claims", "outcome", "said"),
    [
        ((), Outcome.PASS, "nothing is declared"),
        ((claim(0.9, ">", Proportion(90, 100, "attacks")),), Outcome.PASS, "1 declared, none better than measured"),
        ((claim(2.0, "<", Exact(2.0, "")),), Outcome.PASS, "1 declared, none better than measured"),
        ((claim(2.0, ">", Exact(2.0, "")),), Outcome.PASS, "1 declared, none better than measured"),
        ((claim(1.5, "<", Exact(2.0, ""), slack=0.5),), Outcome.PASS, "1 declared, none better than measured"),
        ((claim(2.5, ">", Exact(2.0, ""), slack=0.5),), Outcome.PASS, "1 declared, none better than measured"),
        (
            (claim(2.5, ">", Exact(2.0, ""), slack=0.4),), Outcome.FAIL,
            "section.>: 2.5, but measured 2, at most 2; declare what is measured",
        ),
        (
            (TOO_GOOD, NEVER, TOO_FAST), Outcome.FAIL,
            "section.>: 0.99, but measured 0.9, at most 0.9541 (n = 100); declare what is measured | "
            "section.<: 1 ms, but measured 2, at least 2 ms; declare what is measured",
        ),
        (
            (NEVER, claim(0.5, "<", Proportion(0, 0, "rows"))), Outcome.INCONCLUSIVE,
            "nothing was measured of section.>, section.<; needs rows that tell",
        ),
    ],
)  # fmt: skip
def test_declarations_are_told_by_name(claims: tuple[Declaration, ...], outcome: Outcome, said: str) -> None:
    assert judge_declarations(Declarations(claims), 0.95) == (outcome, said)


def test_claims_share_the_error_rate() -> None:
    """A figure that is refuted at 0.05 by itself is not at 0.05 beside another."""
    high = [estimate(Proportion(90, 100, "attacks"), c).high for c in (0.95, 0.975)]
    between = claim(sum(high) / 2, ">", Proportion(90, 100, "attacks"))
    assert judge_declarations(Declarations((between,)), 0.95)[0] is Outcome.FAIL
    assert judge_declarations(Declarations((between, claim(2.0, "<", Exact(2.0, "")))), 0.95)[0] is Outcome.PASS
