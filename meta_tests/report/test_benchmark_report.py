"""The specification's benchmark report from the command that makes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.table import find_check
from raxe_conformance.cli.benchmark import command
from raxe_conformance.errors import RaxeError
from raxe_conformance.measure.facts import gather_facts
from raxe_conformance.registry.catalog import Catalog
from raxe_conformance.schemas import BENCHMARK_REPORT, violations


def test_benchmark_writes_the_report_and_declares_it(toy: Toy, tmp_path: Path) -> None:
    before = toy.read()
    line = [sys.executable, "-m", "raxe_conformance", "benchmark", "--model-id", MODEL_ID, "--models-dir"]
    args = [str(toy.models), "--test-data", str(toy.benchmark), "--iterations", "10", "--update-metadata"]
    result = subprocess.run([*line, *args], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    report = json.loads((toy.models / "benchmarks" / f"{MODEL_ID}_benchmark.json").read_text(encoding="utf-8"))
    assert report["model_id"] == MODEL_ID
    assert report["accuracy"]["confusion_matrix"] == {"tp": 1200, "fp": 0, "tn": 1200, "fn": 0}
    assert (report["accuracy"]["binary_f1"], report["accuracy"]["family_f1"]) == (1.0, 1.0)
    latency = report["latency"]
    assert 0 < latency["min"] <= latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert report["meets_targets"]["size"]
    assert report["meets_targets"]["accuracy"]
    assert report["meets_targets"]["fpr"]
    assert report["test_set_size"] == 2400
    assert report["resources"]["throughput_per_sec"] > 0
    assert report["resources"]["memory_usage_mb"] > 20
    assert list(violations(BENCHMARK_REPORT, report)) == []
    after = toy.read()
    assert {**after, "performance": before["performance"], "accuracy": None} == {**before, "accuracy": None}
    assert after["performance"]["p95_latency_ms"] == latency["p95"]
    assert after["performance"]["throughput_per_sec"] == report["resources"]["throughput_per_sec"]
    assert after["accuracy"]["test_set_distribution"]["BENIGN"] == 1200
    found = find_check("SCH-007").reading({"facts": gather_facts(Catalog(toy.models).variant(MODEL_ID))})
    assert (found.found, found.looked_at) == ((), 17)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--protocol", "lodo"], "--update-metadata goes with --protocol test-set and without --output"),
        (["--output", "elsewhere.json"], "--update-metadata goes with --protocol test-set and without --output"),
        ([], "model_id: is 'v1.0_other_int8', but 'v1.0_toy_int8' is measured; mend it first"),
    ],
)
def test_what_cannot_be_declared_is_refused_before_measuring(args: list[str], error: str, toy: Toy) -> None:
    toy.write({**toy.read(), "model_id": "v1.0_other_int8"})
    result = CliRunner().invoke(
        command, ["--model-id", MODEL_ID, "--models-dir", str(toy.models), "--update-metadata", *args]
    )
    assert isinstance(result.exception, RaxeError)
    assert error in str(result.exception)
    assert not (toy.models / "benchmarks" / f"{MODEL_ID}_benchmark.json").exists()


def test_lodo_takes_no_test_data(toy: Toy, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "raxe_conformance", "benchmark", "--model-id", MODEL_ID, "--protocol", "lodo"]
    result = subprocess.run(
        [*line, "--test-data", str(toy.benchmark)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "ERROR: --test-data does not go with --protocol lodo" in result.stderr
