"""The specification's benchmark report from the command that makes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from meta_tests.support.toy import MODEL_ID, Toy


def test_benchmark_writes_the_specifications_report(toy: Toy, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "raxe_conformance", "benchmark", "--model-id", MODEL_ID, "--models-dir"]
    args = [str(toy.models), "--test-data", str(toy.benchmark), "--iterations", "10"]
    result = subprocess.run([*command, *args], cwd=tmp_path, capture_output=True, text=True, check=False)
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


def test_lodo_takes_no_test_data(toy: Toy, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "raxe_conformance", "benchmark", "--model-id", MODEL_ID, "--protocol", "lodo"]
    result = subprocess.run(
        [*command, "--test-data", str(toy.benchmark)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "ERROR: --test-data does not go with --protocol lodo" in result.stderr
