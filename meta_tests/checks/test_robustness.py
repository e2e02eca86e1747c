"""What the robustness checks read out of evidence: the worst change, twins, leakage; and what they cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from raxe_conformance.checks.reading import Findings, Proportion, Reading, Unknown
from raxe_conformance.checks.table import Level, find_check
from raxe_conformance.measure.evidence import Leakage, Missing, Robustness, Scores, SmallestChange, Transformed
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)


def part(name: str, group: str = "typography", *, missed: int = 0, alarms: int = 0, n: int = 60) -> Transformed:
    ids = [f"r{i}" for i in range(n)]
    return Transformed(name, group, f"by {name}", n, n, ids[:missed], ids[:alarms], 0)


def robustness(*parts: Transformed, **changes: Any) -> Robustness:
    whole = Robustness(seed=0, flagged=100, passed=100, parts=list(parts), smallest=None, calls=10)
    return replace(whole, **changes)


def read(check_id: str, evidence: Any) -> Reading:
    check = find_check(check_id)
    return check.reading({check.needs[0]: evidence})


def told(check_id: str, evidence: Any) -> tuple[Outcome, str]:
    verdict = judge(find_check(check_id), read(check_id, evidence), PROFILE)
    return verdict.outcome, verdict.message


def test_the_worst_change_is_judged_and_all_are_told() -> None:
    evidence = robustness(part("a", missed=1), part("b", missed=30), part("c", "disguise", missed=60))
    reading = read("ROB-003", evidence)
    assert (reading.hits, reading.n, reading.rows) == (30, 60, "flagged attacks by b")  # type: ignore[union-attr]
    outcome, message = told("ROB-003", evidence)
    assert outcome is Outcome.FAIL
    assert "still flagged by a 59 of 60; by b 30 of 60" in message


def test_of_two_that_lose_nothing_the_smaller_sample_is_judged() -> None:
    assert read("ROB-003", robustness(part("a"), part("b", n=4))).n == 4  # type: ignore[union-attr]


def test_the_smallest_change_is_told_where_it_belongs() -> None:
    smallest = SmallestChange("pi-1", "typography", ["upper_case", "respace"], [[2, 4], []], 9, 17)
    evidence = robustness(part("a", missed=9), part("d", "disguise", missed=9), smallest=smallest)
    want = "smallest change that hides row pi-1 (9 words): upper_case on words 3, 5 and then respace on the whole text"
    assert want in told("ROB-003", evidence)[1]
    assert "smallest" not in told("ROB-004", evidence)[1]


def test_false_alarms_name_the_worst_change_of_all_groups() -> None:
    evidence = robustness(part("a", alarms=2), part("d", "encoding", alarms=40), part("e"))
    outcome, message = told("ROB-007", evidence)
    assert outcome is Outcome.FAIL
    assert message.endswith("false alarms by d 40 of 60; by a 2 of 60")
    assert told("ROB-007", robustness(part("a")))[1].endswith("no false alarm by any change")


@pytest.mark.parametrize("check_id", [f"ROB-00{n}" for n in range(2, 8)])
def test_nothing_asked_about_passes_nothing(check_id: str) -> None:
    for evidence in (
        robustness(),
        robustness(flagged=0, passed=0),
        robustness(*(part(g, g, n=0) for g in ("planting", "typography", "disguise", "encoding", "wording"))),
        Missing("not loaded", "build it"),
    ):
        assert isinstance(read(check_id, evidence), Unknown)
        assert told(check_id, evidence)[0] is Outcome.INCONCLUSIVE


def scores(*rows: tuple[str, str | None, bool, bool], errors: dict[str, str] | None = None) -> Scores:
    """Rows as (label, pair, called an attack, answered)."""
    n = len(rows)
    none: list[Any] = [None] * n
    return Scores(
        ids=[f"r{i}" for i in range(n)], labels=[row[0] for row in rows], subfamilies=none, languages=none,
        sources=none, kinds=none, pairs=[row[1] for row in rows], words=[3] * n,
        scores=[0.9 if row[2] else 0.1 for row in rows] if errors is None else none,
        attacks=[row[2] for row in rows], families=none, errors=errors or {},
    )  # fmt: skip


def test_twins_are_told_apart_only_when_both_sides_are_right() -> None:
    evidence = scores(
        ("PI", "p1", True, True), ("BENIGN", "p1", False, True),
        ("PI", "p2", False, True), ("BENIGN", "p2", False, True),
        ("PI", "p3", True, True), ("BENIGN", "p3", True, True),
        ("PI", "p4", False, True), ("BENIGN", "p4", True, True),
        ("PI", None, True, True), ("PI", "alone", True, True),
    )  # fmt: skip
    note = "attack missed in 1, harmless twin flagged in 1, both wrong in 1"
    assert read("ROB-008", evidence) == Proportion(1, 4, "pairs of twins", note)
    assert note in told("ROB-008", evidence)[1]


def test_without_twins_nothing_can_be_told() -> None:
    assert isinstance(read("ROB-008", scores(("PI", None, True, True), ("BENIGN", "p1", False, True))), Unknown)


def test_a_text_without_an_answer_is_a_finding_and_tells_no_twins_apart() -> None:
    evidence = scores(("PI", "p1", True, False), ("BENIGN", "p1", False, False), errors={"r0": "ValueError: no"})
    found = read("ROB-001", evidence)
    assert isinstance(found, Findings)
    assert [str(finding) for finding in found.found] == [
        "row r0: ValueError: no, but should be a score in 0..1; answer every text"
    ]
    assert read("ROB-008", evidence).hits == 0  # type: ignore[union-attr]
    assert find_check("ROB-001").level is Level.MUST


def test_a_bundle_without_fingerprints_cannot_be_cleared() -> None:
    for fingerprints in (None, 0):
        outcome, message = told("ROB-009", Leakage(fingerprints, 0, 0, 0.5, {}))
        assert outcome is Outcome.INCONCLUSIVE
        assert "training_fingerprints.safetensors" in message
    assert told("ROB-009", Leakage(5, 0, 9, 0.5, {}))[0] is Outcome.INCONCLUSIVE
    # So that bundles of other makers are not refused for it; a profile may say MUST.
    assert find_check("ROB-009").level is Level.SHOULD


def test_a_benchmark_row_among_the_training_rows_fails() -> None:
    outcome, message = told("ROB-009", Leakage(1000, 50, 3, 0.5, {"pi-7": 0.875}))
    assert outcome is Outcome.FAIL
    assert message.startswith("row pi-7: nearly a training row (estimated Jaccard 0.88 of 5-word shingles)")
    assert told("ROB-009", Leakage(1000, 50, 3, 0.5, {})) == (Outcome.PASS, "50 looked at")
