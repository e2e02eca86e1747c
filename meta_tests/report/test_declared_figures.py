"""Measured figures into metadata: which fields change, that the result is checked, that SCH-007 then holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meta_tests.report.site import made_latency, made_scores, write_rows
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.schema import DECLARED_FIGURES
from raxe_conformance.checks.table import find_check
from raxe_conformance.errors import JsonError, MetadataError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.measure.evidence_resources import Block, Memory, ProcessMemory, Throughput
from raxe_conformance.measure.facts import gather_facts
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.report.benchmark_report import benchmark_report, write_benchmark_report
from raxe_conformance.report.declared_figures import declared_by, with_figures
from raxe_conformance.schemas import BENCHMARK_REPORT, violations

HARDWARE = {"cpu": "Made Up 1", "cores": 2, "memory_gb": 8.0, "os": "Linux"}
BLOCKS = [Block(100, 0.25, 0.0, 0.04), Block(100, 0.25, 0.0, 0.04)]
THROUGHPUT = Throughput({"one": BLOCKS, "four": BLOCKS, "batch": BLOCKS}, 2, 0, "made up", None)
MEMORY = Memory(
    [ProcessMemory(20.0, 60.0, 150.0, 110.0, 120.04, [1.0], 2.0, 0.0, 1e4)] * 3, 32, [10], 32, True, "made up"
)


def facts(toy: Toy) -> Any:
    return gather_facts(Catalog(toy.models).variant(MODEL_ID))


@pytest.fixture
def report(toy: Toy, tmp_path: Path) -> dict[str, Any]:
    rows = write_rows(tmp_path / "rows.jsonl", 280)
    return benchmark_report(facts(toy), made_scores(rows), made_latency(280), HARDWARE, THROUGHPUT, MEMORY)


def test_the_report_holds_to_its_schema_measured_or_not(report: dict[str, Any], toy: Toy, tmp_path: Path) -> None:
    assert list(violations(BENCHMARK_REPORT, report)) == []
    assert (report["resources"]["throughput_per_sec"], report["resources"]["memory_usage_mb"]) == (400.0, 120.0)
    stages, mean = report["latency"]["stages_p50"], report["latency"]["p50"]
    assert stages["embedding"] == pytest.approx(3 * stages["classifier"], abs=1e-3)
    assert sum(stages.values()) == pytest.approx(mean, abs=0.01)
    rows = write_rows(tmp_path / "benign.jsonl", 4)
    few = benchmark_report(facts(toy), made_scores(rows), made_latency(4), HARDWARE)
    assert list(violations(BENCHMARK_REPORT, few)) == []
    assert (few["resources"]["throughput_per_sec"], few["resources"]["memory_usage_mb"]) == (None, None)
    short = Memory([ProcessMemory(20.0, 60.0, 150.0, 110.0, 120.0, [1.0], 2.0, 5.0, 1e4)] * 3, 32, [10], 32, True, "")
    swapped = benchmark_report(facts(toy), made_scores(rows), made_latency(4), HARDWARE, None, short)
    assert swapped["resources"]["memory_usage_mb"] is None


def test_a_report_that_breaks_its_schema_is_not_written(report: dict[str, Any], tmp_path: Path) -> None:
    from raxe_conformance.errors import ReportError

    report["accuracy"]["binary_f1"] = 1.5
    with pytest.raises(ReportError, match=r"accuracy\.binary_f1"):
        write_benchmark_report(tmp_path / "x.json", report)
    assert not (tmp_path / "x.json").exists()


def test_every_field_comes_from_the_report_and_nothing_else_changes(report: dict[str, Any], toy: Toy) -> None:
    toy.write({**toy.read(), "_comment": "keep me", "performance": {"target_latency_ms": 3.0, "_note": 1, "own": [2]}})
    before, data = toy.read(), toy.metadata.read_bytes()
    after = json.loads(with_figures(data, report, file=toy.metadata))
    told = declared_by(report)
    for part in ("performance", "accuracy"):
        known = {key: value for key, value in told[part].items() if value is not None}
        assert after[part] == {**before.get(part, {}), **known}
        assert list(after[part])[: len(before.get(part, {}))] == list(before.get(part, {}))
    assert {key: value for key, value in after.items() if key not in told} == {
        key: value for key, value in before.items() if key not in told
    }
    assert list(after) == [*before, "accuracy"]
    assert after["performance"]["throughput_per_sec"] == 400.0
    assert after["performance"]["memory_mb"] == 120.0
    assert isinstance(after["accuracy"]["test_set_size"], int)
    assert after["accuracy"]["test_set_distribution"] == report["test_set_distribution"]
    # The names of the benchmark's subfamilies are never said by this detector.
    assert "subfamily_f1" not in after["accuracy"]


def test_a_declared_figure_that_was_not_measured_becomes_null(report: dict[str, Any], toy: Toy) -> None:
    report["resources"]["memory_usage_mb"] = None
    toy.write({**toy.read(), "performance": {"target_latency_ms": 3.0, "memory_mb": 12.5}})
    after = json.loads(with_figures(toy.metadata.read_bytes(), report, file=toy.metadata))
    assert after["performance"]["memory_mb"] is None


def test_the_check_of_declared_figures_holds_afterwards(report: dict[str, Any], toy: Toy) -> None:
    check = find_check("SCH-007")
    toy.metadata.write_bytes(with_figures(toy.metadata.read_bytes(), report, file=toy.metadata))
    without = check.reading({"facts": facts(toy)})
    assert {finding.where for finding in without.found} == {
        f"{part}.{key}" for part, key in DECLARED_FIGURES if declared_by(report)[part][key] is not None
    }
    (toy.models / "benchmarks" / f"{MODEL_ID}_benchmark.json").write_bytes(canonical_json(report))
    assert check.reading({"facts": facts(toy)}).found == ()
    for check_id in ("SCH-001", "SCH-003", "SCH-004"):
        assert find_check(check_id).reading({"facts": facts(toy)}).found == ()


@pytest.mark.parametrize(
    ("change", "error", "problem"),
    [
        ({"model_id": "v1.0_other"}, MetadataError, f"model_id: is 'v1.0_other', but '{MODEL_ID}' is measured"),
        ({"status": 3}, MetadataError, "status: "),
        ({"accuracy": [1]}, MetadataError, "accuracy: "),
        (None, JsonError, "is no JSON"),
    ],
)
def test_a_file_that_is_broken_already_is_refused(
    change: dict[str, Any] | None, error: type[Exception], problem: str, report: dict[str, Any], toy: Toy
) -> None:
    data = b"{" if change is None else canonical_json({**toy.read(), **change})
    with pytest.raises(error, match=problem):
        with_figures(data, report, file=toy.metadata)


def test_a_file_that_would_be_broken_is_refused(report: dict[str, Any], toy: Toy) -> None:
    report["latency"]["p95"] = -1.0
    with pytest.raises(MetadataError, match=r"performance\.p95_latency_ms"):
        with_figures(toy.metadata.read_bytes(), report, file=toy.metadata)
