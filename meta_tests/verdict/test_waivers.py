"""Waivers: what they change, until when, and how a wrong file is refused."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.reading import Exact, Reading, Unknown
from raxe_conformance.checks.table import find_check
from raxe_conformance.errors import ProfileError, RaxeError
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
    assert waived.message == f"{failed.message}; waived until 2027-03-01: offline use only"
    assert rollup([waived]) is Outcome.PASS
    expired = apply_waiver(failed, "m", [WAIVER], LAST + datetime.timedelta(days=1))
    assert not expired.holds
    assert expired.message == f"{failed.message}; its waiver expired on 2027-03-01: offline use only"
    assert rollup([expired]) is Outcome.FAIL


def test_a_waiver_is_for_one_check_of_one_variant() -> None:
    failed = verdict(Exact(99.0, ""))
    assert apply_waiver(failed, "other", [WAIVER], LAST) == failed
    assert apply_waiver(failed, "m", [Waiver("SIZ-002", "m", "r", LAST)], LAST) == failed


def test_what_passes_needs_no_waiver_and_what_is_open_gets_none() -> None:
    good = verdict(Exact(1.0, ""))
    passed = apply_waiver(good, "m", [WAIVER], LAST)
    assert not passed.waived
    assert passed.message == f"{good.message}; its waiver is no longer needed: remove it"
    open_ = verdict(Unknown("not built", "build it"))
    assert apply_waiver(open_, "m", [WAIVER], LAST) == open_


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('check = "SIZ-001"', 'check = "SIZ-999"', "waiver[0].check: 'SIZ-999' is no check"),
        ('check = "SIZ-001"', "check = 1", "waiver[0].check: is no text"),
        ('model = "m"', 'model = ""', "waiver[0].model: is no text"),
        ('reason = "offline use only"', 'reason = " "', "waiver[0].reason: is no text"),
        ('reason = "offline use only"\n', "", "waiver[0]: needs exactly check, expires, model, reason"),
        ("[[waiver]]", "[[waiver]]\nby = 1", "waiver[0]: needs exactly check, expires, model, reason"),
        ("2027-03-01", '"2027-03-01"', "waiver[0].expires: is no date such as 2027-03-01 (without quotes)"),
        ("2027-03-01", "2027-03-01T00:00:00", "waiver[0].expires: is no date such as 2027-03-01 (without quotes)"),
        ("[[waiver]]", "[[waver]]", "holds something else than [[waiver]] tables; see docs/verdicts.md"),
        (GOOD, "waiver = 1", "holds something else than [[waiver]] tables; see docs/verdicts.md"),
        (GOOD, "waiver = [1]", "waiver[0]: needs exactly check, expires, model, reason"),
        (
            "[[waiver]]",
            "[[waiver",
            "is no TOML: Expected ']]' at the end of an array declaration (at line 1, column 9)",
        ),
        (GOOD, GOOD + GOOD, "waiver[1]: waives SIZ-001 of m a second time"),
    ],
)
def test_a_wrong_file_is_refused_by_entry(old: str, new: str, problem: str) -> None:
    assert parse_waivers(GOOD.encode(), "w.toml") == (WAIVER,)
    with pytest.raises(ProfileError) as error:
        parse_waivers(GOOD.replace(old, new).encode(), "w.toml")
    assert str(error.value) == f"w.toml: {problem}"


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"^w\.toml: is no TOML: 'utf-8' codec"):
        parse_waivers(b"\xff", "w.toml")


def test_space_around_a_reason_is_left_out() -> None:
    padded = GOOD.replace('"offline use only"', '" offline use only "')
    assert parse_waivers(padded.encode(), "w.toml") == (WAIVER,)


def test_a_file_without_waivers_has_none() -> None:
    assert parse_waivers(b"# none yet\n", "w.toml") == ()


def test_a_folders_file_is_read_and_named_where_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert read_waivers(tmp_path) == (WAIVER,)
    path.write_text("x = 1", encoding="utf-8")
    with pytest.raises(ProfileError) as error:
        read_waivers(tmp_path)
    assert error.value.file == str(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(RaxeError, match=": the waiver file ") as too_large:
        read_waivers(tmp_path)
    assert "1000000" in str(too_large.value).replace(",", "").replace("_", "")


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
