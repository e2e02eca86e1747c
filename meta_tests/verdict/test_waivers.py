"""Waivers: what they change, until when, and how a wrong file is refused."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.reading import Exact, Reading, Unknown
from raxe_conformance.checks.table import find_check
from raxe_conformance.errors import ProfileError
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile
from raxe_conformance.verdict.rollup import rollup
from raxe_conformance.verdict.waivers import Waiver, apply_waiver, parse_waivers, read_waivers

LAST = datetime.date(2027, 3, 1)
WAIVER = Waiver("SIZ-001", "m", "offline use only", LAST)
GOOD = '[[waiver]]\ncheck = "SIZ-001"\nmodel = "m"\nreason = "offline use only"\nexpires = 2027-03-01\n'


def verdict(reading: Reading) -> Verdict:
    return judge(find_check("SIZ-001"), reading, load_profile(DEFAULT))


def test_a_waiver_counts_through_its_last_day() -> None:
    failed = verdict(Exact(99.0, ""))
    waived = apply_waiver(failed, "m", [WAIVER], LAST)
    assert waived.waived
    assert waived.holds
    assert waived.outcome is Outcome.FAIL
    assert waived.message.endswith("waived until 2027-03-01: offline use only")
    assert rollup([waived]) is Outcome.PASS
    expired = apply_waiver(failed, "m", [WAIVER], LAST + datetime.timedelta(days=1))
    assert not expired.holds
    assert "its waiver expired on 2027-03-01" in expired.message
    assert rollup([expired]) is Outcome.FAIL


def test_a_waiver_is_for_one_check_of_one_variant() -> None:
    failed = verdict(Exact(99.0, ""))
    assert apply_waiver(failed, "other", [WAIVER], LAST) == failed
    assert apply_waiver(failed, "m", [Waiver("SIZ-002", "m", "r", LAST)], LAST) == failed


def test_what_passes_needs_no_waiver_and_what_is_open_gets_none() -> None:
    passed = apply_waiver(verdict(Exact(1.0, "")), "m", [WAIVER], LAST)
    assert not passed.waived
    assert passed.message.endswith("its waiver is no longer needed: remove it")
    open_ = verdict(Unknown("not built", "build it"))
    assert apply_waiver(open_, "m", [WAIVER], LAST) == open_


@pytest.mark.parametrize(
    ("old", "new", "field", "problem"),
    [
        ('check = "SIZ-001"', 'check = "SIZ-999"', "waiver[0].check", "is no check"),
        ('reason = "offline use only"', 'reason = " "', "waiver[0].reason", "is no text"),
        ('reason = "offline use only"\n', "", "waiver[0]", "needs exactly check, expires, model, reason"),
        ("2027-03-01", '"2027-03-01"', "waiver[0].expires", "is no date"),
        ("2027-03-01", "2027-03-01T00:00:00", "waiver[0].expires", "is no date"),
        ("[[waiver]]", "[[waver]]", None, r"something else than \[\[waiver\]\]"),
        ("[[waiver]]", "[[waiver", None, "is no TOML"),
        (GOOD, GOOD + GOOD, "waiver[1]", "a second time"),
    ],
)
def test_a_wrong_file_is_refused_by_entry(old: str, new: str, field: str | None, problem: str) -> None:
    assert parse_waivers(GOOD.encode(), "w.toml") == (WAIVER,)
    with pytest.raises(ProfileError, match=problem) as error:
        parse_waivers(GOOD.replace(old, new).encode(), "w.toml")
    assert error.value.field == field


def test_a_folder_without_a_file_has_none(tmp_path: Path) -> None:
    assert read_waivers(tmp_path) == ()


def test_a_session_applies_the_folders_waivers(toy: Toy, tmp_path: Path) -> None:
    value = toy.read()
    value["model_id"] = "other"
    toy.write(value)
    (toy.models / "waivers.toml").write_text(
        GOOD.replace("SIZ-001", "SCH-002").replace('"m"', f'"{MODEL_ID}"').replace("2027", "2999")
    )
    found = session_on(toy, tmp_path).judge("SCH-002", MODEL_ID)
    assert (found.outcome, found.waived) == (Outcome.FAIL, True)
