"""Nothing is deployed without a report that is whole, on these very files, in which every MUST holds or is waived."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meta_tests.deploy.support import PROFILE, TODAY, Judged
from meta_tests.support.toy import MODEL_ID
from raxe_conformance.deploy.approval import approve
from raxe_conformance.errors import DeploymentError, MissingFileError, ReportError, UnknownModelError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.report.digest import with_digest
from raxe_conformance.verdict.profile import parse_profile

WAIVER = '[[waiver]]\ncheck = "{}"\nmodel = "{}"\nreason = "known since spring"\nexpires = {}\n'


def rewritten(subject: Judged, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the report as one would who also makes its digest anew."""
    report = json.loads(subject.report.read_text(encoding="utf-8"))
    change(report)
    subject.report.write_bytes(canonical_json(with_digest(report)))


def judge_as(subject: Judged, **verdicts: str) -> None:
    """Let the report say other verdicts: SIZ_001="FAIL"."""

    def change(report: dict[str, Any]) -> None:
        for record in report["checks"]:
            record["verdict"] = verdicts.get(record["id"].replace("-", "_"), record["verdict"])

    rewritten(subject, change)


def waive(subject: Judged, check: str, expires: date, model_id: str = MODEL_ID) -> None:
    (subject.toy.models / "waivers.toml").write_text(WAIVER.format(check, model_id, expires), encoding="utf-8")


def test_a_report_in_which_every_must_holds_is_an_approval(pristine: Judged) -> None:
    approval = pristine.approved()
    assert (approval.model_id, approval.report["verdict"], approval.waived) == (MODEL_ID, "PASS", ())


def test_without_a_report_or_a_variant_there_is_none(subject: Judged, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        approve(subject.toy.models, MODEL_ID, tmp_path / f"{MODEL_ID}.json", PROFILE, TODAY)
    subject.toy.metadata.rename(subject.toy.metadata.with_name("v1.0_else_int8.json"))
    with pytest.raises(UnknownModelError):
        subject.approved()


def test_a_report_that_was_edited_is_refused(subject: Judged) -> None:
    text = subject.report.read_text(encoding="utf-8")
    subject.report.write_text(text.replace('"rows": 2400', '"rows": 2401'), encoding="utf-8")
    with pytest.raises(ReportError, match="the file was edited"):
        subject.approved()


def test_a_report_that_breaks_its_schema_is_refused(subject: Judged) -> None:
    rewritten(subject, lambda report: report.pop("corpus"))
    with pytest.raises(ReportError, match="corpus"):
        subject.approved()


@pytest.mark.parametrize("name", ["metadata", "bundle", "onnx", "tokenizer"])
def test_every_file_must_be_the_judged_one(name: str, subject: Judged) -> None:
    path: Path = getattr(subject.toy, name)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DeploymentError, match=f"was judged with another .*{path.name}"):
        subject.approved()


def test_a_report_that_leaves_a_file_out_is_refused(subject: Judged) -> None:
    rewritten(subject, lambda report: report["model"]["files"].pop())
    with pytest.raises(DeploymentError, match="was judged with another embeddings"):
        subject.approved()


@pytest.mark.parametrize("name", ["metadata", "bundle", "onnx", "tokenizer"])
def test_a_variant_that_lacks_a_file_is_refused(name: str, subject: Judged) -> None:
    getattr(subject.toy, name).unlink()
    with pytest.raises((DeploymentError, UnknownModelError)):
        subject.approved()


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["model"].update(function="a:b"),
        lambda report: report["model"].update(registry="a:b"),
        lambda report: report["not_claimed"].append({"id": "FPR-001", "reason": "not today"}),
    ],
)
def test_a_report_on_something_else_is_refused(change: Callable[[dict[str, Any]], None], subject: Judged) -> None:
    rewritten(subject, change)
    with pytest.raises(DeploymentError, match="is not a whole report on the variant"):
        subject.approved()


def test_the_report_must_be_judged_by_the_profile(subject: Judged) -> None:
    rewritten(subject, lambda report: report["profile"].update(sha256="0" * 64))
    with pytest.raises(DeploymentError, match=r"was judged by raxe-1.0, which is not the raxe-1.0 that is here"):
        subject.approved()


@pytest.mark.parametrize(
    ("verdict", "told"), [("FAIL", "FAIL: SIZ-001 FAIL"), ("INCONCLUSIVE", "SIZ-001 INCONCLUSIVE")]
)
def test_a_must_that_does_not_hold_is_named(verdict: str, told: str, subject: Judged) -> None:
    judge_as(subject, SIZ_001=verdict)
    with pytest.raises(DeploymentError, match=f"the verdict on {MODEL_ID} is {verdict}: .*{told.split(': ')[-1]}"):
        subject.approved()


def test_a_should_that_fails_stops_nothing(subject: Judged) -> None:
    judge_as(subject, ACC_002="FAIL")
    assert subject.approved().waived == ()


def test_a_must_that_was_not_judged_does_not_hold(subject: Judged) -> None:
    def change(report: dict[str, Any]) -> None:
        report["checks"] = [record for record in report["checks"] if record["id"] != "FPR-001"]

    rewritten(subject, change)  # its `verdict` still says PASS
    with pytest.raises(DeploymentError, match="is INCONCLUSIVE: FPR-001 not judged"):
        subject.approved()


def test_failures_are_named_first_and_not_all(subject: Judged) -> None:
    musts = [record["id"] for record in json.loads(subject.report.read_text())["checks"] if record["level"] == "MUST"]
    judge_as(subject, **{name.replace("-", "_"): "INCONCLUSIVE" for name in musts} | {"SIZ_001": "FAIL"})
    with pytest.raises(DeploymentError, match=rf"is FAIL: SIZ-001 FAIL, .*, and {len(musts) - 6} more"):
        subject.approved()


def test_a_waived_failure_is_shown(subject: Judged) -> None:
    judge_as(subject, SIZ_001="FAIL")
    waive(subject, "SIZ-001", TODAY)  # the day it expires still counts
    assert [(w.check_id, w.reason) for w in subject.approved().waived] == [("SIZ-001", "known since spring")]


def test_a_waiver_that_is_not_needed_is_not_shown(subject: Judged) -> None:
    waive(subject, "SIZ-001", TODAY)
    assert subject.approved().waived == ()


@pytest.mark.parametrize(
    ("check", "expires", "model_id"),
    [
        ("SIZ-001", date(2026, 2, 28), MODEL_ID),
        ("FPR-001", TODAY, MODEL_ID),
        ("SIZ-001", TODAY, "v1.0_other_int8"),
    ],
)
def test_a_waiver_that_is_over_or_of_something_else_does_not_count(
    check: str, expires: date, model_id: str, subject: Judged
) -> None:
    judge_as(subject, SIZ_001="FAIL")
    waive(subject, check, expires, model_id)
    with pytest.raises(DeploymentError, match="SIZ-001 FAIL"):
        subject.approved()


def test_what_is_inconclusive_is_not_waived(subject: Judged) -> None:
    judge_as(subject, SIZ_001="INCONCLUSIVE")
    waive(subject, "SIZ-001", TODAY)
    with pytest.raises(DeploymentError, match="is INCONCLUSIVE: SIZ-001 INCONCLUSIVE"):
        subject.approved()


def test_the_profile_says_what_is_a_must(subject: Judged) -> None:
    from importlib.resources import files

    data = files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_bytes()
    mild = parse_profile(data.replace(b"[levels]", b'[levels]\nSIZ-001 = "SHOULD"'), "mild.toml")
    assert mild.levels.get("SIZ-001") == "SHOULD"
    judge_as(subject, SIZ_001="FAIL")
    rewritten(subject, lambda report: report["profile"].update(sha256=mild.sha256))
    assert approve(subject.toy.models, MODEL_ID, subject.report, mild, TODAY).waived == ()
