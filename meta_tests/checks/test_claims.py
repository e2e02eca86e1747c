"""What a function does not claim is not judged; a variant with files claims everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raxe_conformance.checks.claims import not_claimed, unclaimed
from raxe_conformance.checks.table import FILES, catalogue, find_check
from raxe_conformance.measure.evidence import Facts, Scores
from raxe_conformance.measure.facts import facts_of
from raxe_conformance.report.record import overall
from raxe_conformance.target.protocol import Subject
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile


def refuse() -> None:
    raise AssertionError("nobody asked for the detector")


FUNCTION: Facts = facts_of(Subject("function", None, refuse, {}, function="m:f"))  # type: ignore[arg-type]
SHIPPED = replace(FUNCTION, origin="metadata", function=None)


def scores(*families: str | None) -> Scores:
    n = len(families)
    none: list[str | None] = [None] * n
    return Scores(
        ids=[str(i) for i in range(n)], labels=["PI"] * n, subfamilies=none, languages=none, sources=none, kinds=none,
        pairs=none, words=[1] * n, scores=[0.9] * n, attacks=[True] * n, families=list(families),
    )  # fmt: skip


def test_facts_of_a_function_hold_no_file() -> None:
    assert (FUNCTION.files, FUNCTION.metadata, FUNCTION.bundle, FUNCTION.function) == ([], None, None, "m:f")


@pytest.mark.parametrize("check_id", ["SCH-001", "INT-001", "INT-008", "SIZ-001", "ROB-009"])
def test_checks_of_files_are_not_claimed_by_a_function(check_id: str) -> None:
    assert unclaimed(find_check(check_id), {"facts": FUNCTION}) == "a function has no files"
    assert unclaimed(find_check(check_id), {"facts": SHIPPED}) is None


@pytest.mark.parametrize("check_id", ["ROB-011", "ROB-012", "THR-003", "MEM-004"])
def test_checks_of_batches_are_not_claimed_by_a_function(check_id: str) -> None:
    assert unclaimed(find_check(check_id), {"facts": FUNCTION}) == "a function takes one text at a time"
    assert unclaimed(find_check(check_id), {"facts": SHIPPED}) is None


@pytest.mark.parametrize("check_id", ["INT-007", "LAT-001", "ACC-001", "FPR-001", "ROB-001", "ROB-003"])
def test_what_asks_the_detector_is_claimed(check_id: str) -> None:
    assert unclaimed(find_check(check_id), {"facts": FUNCTION, "scores": scores(None)}) is None


def test_families_are_claimed_by_naming_one() -> None:
    check = find_check("ACC-002")
    assert unclaimed(check, {"facts": FUNCTION, "scores": scores(None, "PI")}) is None
    assert unclaimed(check, {"facts": FUNCTION, "scores": scores(None, None)}) == "the function names no family"
    assert unclaimed(check, {"facts": FUNCTION}) is None  # not known yet
    assert unclaimed(check, {"facts": SHIPPED, "scores": scores(None, None)}) is None


def test_a_check_that_reads_files_says_so() -> None:
    for check in catalogue().values():
        if {"facts", "leakage"} & set(check.needs) and check.id != "INT-007":
            assert FILES in check.requires, check.id


def test_the_verdict_is_over_what_is_claimed() -> None:
    profile = load_profile(DEFAULT)
    left = [check["id"] for check in not_claimed({"facts": FUNCTION, "scores": scores(None)})]
    records = [
        {"id": c.id, "level": c.level.value, "verdict": "PASS", "waived": False}
        for c in catalogue().values()
        if c.id not in left
    ]
    assert overall(records, profile, left) == (Outcome.PASS, [])
    verdict, unjudged = overall(records, profile)
    assert verdict is Outcome.INCONCLUSIVE
    assert set(unjudged) <= set(left)
    assert overall([], profile, left)[0] is Outcome.INCONCLUSIVE
