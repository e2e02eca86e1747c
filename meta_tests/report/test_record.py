"""Reports hold to their schema, and are written whole or not at all."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.reading import Proportion, Quantile, Unknown
from raxe_conformance.checks.table import catalogue, find_check
from raxe_conformance.errors import ReportError
from raxe_conformance.report.record import overall, verdict_record, write_report
from raxe_conformance.report.terminal import verdict_table
from raxe_conformance.schemas import REPORT, violations
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)


@pytest.fixture
def report(toy: Toy, tmp_path: Path) -> dict[str, Any]:
    session = session_on(toy, tmp_path)
    records = [verdict_record(session.judge(i, MODEL_ID), PROFILE, 0.1) for i in ("SIZ-001", "SCH-001", "FPR-001")]
    return session.report(MODEL_ID, records)


def test_a_report_is_written_and_reads_back(report: dict[str, Any], tmp_path: Path) -> None:
    path = write_report(tmp_path / "new" / "folder", report)
    assert path.name == f"{MODEL_ID}.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(report))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_report_names_files_by_digest_and_no_path_of_this_machine(report: dict[str, Any], tmp_path: Path) -> None:
    files = {file["path"]: file for file in report["model"]["files"]}
    assert set(files) == {
        f"metadata/{MODEL_ID}.json", "bundles/raxe_model_l2_v1.0.raxe", "embeddings/toy-embedding_int8.onnx",
        "embeddings/toy-embedding.tokenizer.json",
    }  # fmt: skip
    assert all(len(file["sha256"]) == 64 for file in files.values())
    assert str(tmp_path) not in json.dumps(report)
    assert report["corpus"]["path"] == "benchmark.jsonl"


def test_slices_cover_the_rows(report: dict[str, Any]) -> None:
    for by in ("family", "kind", "language", "length"):
        assert sum(part["n"] for part in report["slices"] if part["by"] == by) == report["corpus"]["rows"]


def test_checks_stand_in_the_order_of_the_catalogue(report: dict[str, Any]) -> None:
    order = [check["id"] for check in report["checks"]]
    assert order == [check_id for check_id in catalogue() if check_id in order]


def test_a_report_that_breaks_its_schema_is_not_written(report: dict[str, Any], tmp_path: Path) -> None:
    old = write_report(tmp_path, report).read_bytes()
    report["verdict"] = "MAYBE"
    with pytest.raises(ReportError, match=r"verdict: 'MAYBE' is not one of"):
        write_report(tmp_path, report)
    assert (tmp_path / f"{MODEL_ID}.json").read_bytes() == old


def test_a_folder_that_cannot_be_written_is_named(report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"cannot be written: .*--raxe-report-dir"):
        write_report(tmp_path / "file", report)


def test_unbounded_and_missing_figures_are_null() -> None:
    record = verdict_record(judge(find_check("LAT-001"), Quantile(0.95, (1.0,) * 10), PROFILE), PROFILE, 0.0)
    assert record["evidence"]["high"] is None
    record = verdict_record(judge(find_check("LAT-001"), Quantile(0.95, (math.nan,)), PROFILE), PROFILE, 0.0)
    assert record["evidence"]["value"] is None
    assert record["verdict"] == "INCONCLUSIVE"


def test_the_overall_verdict_needs_every_must() -> None:
    musts = [c for c in catalogue().values() if c.level == "MUST"]
    passed = [{"id": c.id, "level": "MUST", "verdict": "PASS", "waived": False} for c in musts]
    assert overall(passed, PROFILE) == (Outcome.PASS, [])
    assert overall(passed[1:], PROFILE) == (Outcome.INCONCLUSIVE, [musts[0].id])
    assert overall([{**passed[0], "verdict": "INCONCLUSIVE"}, *passed[1:]], PROFILE) == (Outcome.INCONCLUSIVE, [])
    assert overall([{**passed[0], "verdict": "FAIL"}], PROFILE)[0] is Outcome.FAIL
    assert overall([{**passed[0], "verdict": "FAIL", "waived": True}, *passed[1:]], PROFILE) == (Outcome.PASS, [])
    assert (
        overall([{**passed[0], "id": "SIZ-002", "level": "SHOULD", "verdict": "FAIL"}, *passed], PROFILE)[0]
        is Outcome.PASS
    )


def test_the_table_shows_must_gates_and_what_does_not_hold(report: dict[str, Any]) -> None:
    text = verdict_table(report, Path("reports/x.json"), width=120, color=False)
    assert f"{MODEL_ID}: INCONCLUSIVE" in text
    assert "SIZ-001" in text
    assert "exact" in text
    assert "SCH-001" not in text
    assert "1 other checks hold." in text
    assert "Not judged in this run: SCH-002" in text
    failed = verdict_record(judge(find_check("FPR-001"), Proportion(50, 100, "benign rows"), PROFILE), PROFILE, 0.0)
    unknown = verdict_record(judge(find_check("SCH-002"), Unknown("[bold]no[/]", "look"), PROFILE), PROFILE, 0.0)
    text = verdict_table({**report, "checks": [failed, unknown]}, None, width=120, color=False)
    assert "0.5000" in text
    assert "SCH-002 MUST INCONCLUSIVE: [bold]no[/]; look" in text


def test_a_report_says_how_sure_it_is(report: dict[str, Any]) -> None:
    assert report["release"]["verdict"] == "INCONCLUSIVE"  # most MUSTs were not judged
    assert report["release"]["error_rate"] is None
    assert [gate["id"] for gate in report["release"]["gates"]] == ["FPR-001"]
    checks = {check["id"]: check for check in report["checks"]}
    keys = ("interval_verdict", "point_verdict", "p_pass", "p_fail")
    assert [checks["SCH-001"][key] for key in keys] == [None] * 4
    assert [checks["SIZ-001"][key] for key in keys] == ["PASS", "PASS", None, None]
    assert [checks["FPR-001"][key] for key in keys[:2]] == ["PASS", "PASS"]
    assert checks["FPR-001"]["p_pass"] == pytest.approx(0.99**1200, rel=0.011)  # no false alarm in 1,200 rows
    assert checks["FPR-001"]["p_fail"] == 1.0


def test_a_report_has_figures_and_worst_slices(report: dict[str, Any]) -> None:
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert list(figures) == [
        "binary_precision", "binary_recall", "binary_accuracy", "family_accuracy", "subfamily_f1", "brier_score", "ece",
    ]  # fmt: skip
    assert figures["binary_recall"]["value"] == 1.0
    assert figures["binary_recall"]["low"] == pytest.approx(0.05 ** (1 / 1200))
    assert figures["subfamily_f1"]["value"] is None
    assert [(w["by"], w["metric"]) for w in report["worst_slices"]] == [
        ("family", "recall"), ("length", "recall"), ("length", "fpr"), ("kind", "fpr"),
    ]  # fmt: skip


def test_reports_of_before_still_hold_to_the_schema(report: dict[str, Any]) -> None:
    old = {key: value for key, value in report.items() if key not in ("release", "worst_slices", "figures")}
    added = ("interval_verdict", "point_verdict", "p_pass", "p_fail")
    old["checks"] = [{k: v for k, v in check.items() if k not in added} for check in report["checks"]]
    assert list(violations(REPORT, old)) == []
