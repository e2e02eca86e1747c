"""SARIF holds to its public schema, and says of each failed check of files and metadata what it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft7Validator, FormatChecker

from meta_tests.report.exports.made import FILES, HOSTILE, hostile_report, record, report_with
from raxe_conformance.report.exports.sarif import plain, sarif_log

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))


def run_of(report: dict[str, Any]) -> dict[str, Any]:
    """The run of a report's log, which holds to the schema and survives JSON."""
    log = json.loads(json.dumps(sarif_log(report)))
    assert list(Draft7Validator(SCHEMA, format_checker=FormatChecker()).iter_errors(log)) == []
    return log["runs"][0]


def test_the_schema_is_one_that_refuses() -> None:
    assert [*Draft7Validator(SCHEMA).iter_errors({"version": "2.1.0", "runs": [{"results": [{}]}]})]


def test_failures_of_files_and_metadata_are_results(tmp_path: Path) -> None:
    report = report_with(
        tmp_path,
        record("SCH-001", "PASS", "1 looked at"),
        record("SCH-002", "FAIL", "model_id: 'other', but should be 'v1.0_made_up'"),
        record("INT-002", "FAIL", "bundles/made_up.raxe: is no ZIP, but should be a bundle"),
        record("INT-005", "FAIL", "file_info.size_mb: 3 MB, but should be 2 MB"),
        record("INT-007", "INCONCLUSIVE", "embeddings/made up_int8.onnx is not built; run: raxe-conformance build"),
    )
    run = run_of(report)
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "SCH-001", "SCH-002", "INT-002", "INT-005", "INT-007",
    ]  # fmt: skip
    found = [
        (r["ruleId"], r["level"], r["locations"][0]["physicalLocation"]["artifactLocation"]) for r in run["results"]
    ]
    base = {"uriBaseId": "%SRCROOT%"}
    assert found == [
        ("SCH-002", "error", {"uri": "models/metadata/v1.0_made_up.json", "index": 0, **base}),
        ("INT-002", "error", {"uri": "models/bundles/made_up.raxe", "index": 1, **base}),
        ("INT-005", "warning", {"uri": "models/metadata/v1.0_made_up.json", "index": 0, **base}),
    ]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert "suppressions" not in result
    assert run["results"][1]["message"]["text"].endswith("bundles/made_up.raxe: is no ZIP, but should be a bundle")
    told = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert told[0].startswith("not decided: ")
    assert "embeddings/made up_int8.onnx is not built" in told[0]
    # What was not judged is told for files and metadata alone: FPR-001 is somebody else's matter.
    assert "INT-001 was not judged in this run" in told
    assert not [text for text in told if "LAT-" in text or "MEM-" in text]


def test_artifacts_are_the_files_that_were_judged(tmp_path: Path) -> None:
    artifacts = run_of(report_with(tmp_path))["artifacts"]
    assert [
        (unquote(a["location"]["uri"]).removeprefix("models/"), a["length"], a["hashes"]["sha-256"]) for a in artifacts
    ] == [(f["path"], f["bytes"], f["sha256"]) for f in FILES]
    assert artifacts[2]["location"]["uri"] == "models/embeddings/made%20up_int8.onnx"


def test_a_waived_failure_is_suppressed(tmp_path: Path) -> None:
    run = run_of(report_with(tmp_path, record("SCH-002", "FAIL", "x; waived until 2027-01-01: known", waived=True)))
    assert run["results"][0]["suppressions"] == [{"kind": "external", "status": "accepted"}]


def test_a_good_variant_has_no_results(tmp_path: Path) -> None:
    assert run_of(report_with(tmp_path, record("SCH-001", "PASS", "1 looked at")))["results"] == []


def test_variants_do_not_share_an_identity(tmp_path: Path) -> None:
    runs = [run_of(report_with(tmp_path, record("SCH-002", "FAIL", "x"), model_id=name)) for name in ("a", "a/b")]
    assert len({run["automationDetails"]["id"] for run in runs}) == 2
    assert len({run["results"][0]["partialFingerprints"]["checkOfVariant/v1"] for run in runs}) == 2


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text(text: str, tmp_path: Path) -> None:
    run = run_of(hostile_report(tmp_path, text))
    written = json.dumps(run, ensure_ascii=False)
    assert "](" not in written
    assert not {"\x1b", "\u202e", "\ud800", "\r"} & set(written)
    assert "\\u001b" not in written
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("models/")
    assert not set(uri) & set(" <>\"'\\^`{|}:?#[]@")
    assert len(written) < 100_000


def test_plain_makes_no_links_and_no_placeholders() -> None:
    assert plain("see [a](b) and {0}") == "see [a] (b) and { 0 }"
    assert plain("[1, 2] (x) {a: 1} {}") == "[1, 2] (x) {a: 1} {}"
