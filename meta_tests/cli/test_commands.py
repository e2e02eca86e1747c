"""The commands as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from meta_tests.support.toy import EVIL, MODEL_ID, Toy, write_bundle, write_patient_profile
from raxe_conformance.checks.table import catalogue


def raxe(*args: str | Path, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "raxe_conformance", *map(str, args)],
        cwd=cwd, input=stdin, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def patiently(toy: Toy, folder: Path) -> list[str]:
    """Options for a run by the clock that is not about latency: this machine may be busy."""
    profile = write_patient_profile(folder / "patient.toml")
    return [f"--raxe-benchmark={toy.benchmark}", f"--raxe-profile={profile}"]


def test_check_holds(toy: Toy, tmp_path: Path) -> None:
    result = raxe("check", toy.models, "--", "-q", *patiently(toy, tmp_path), cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert json.loads((tmp_path / "reports" / f"{MODEL_ID}.json").read_text())["verdict"] == "PASS"


def test_check_fails(toy: Toy, tmp_path: Path) -> None:
    value = toy.read()
    value["model_id"] = "other"
    toy.write(value)
    result = raxe("check", toy.models, "--", "-q", "-m", "schema", cwd=tmp_path)
    assert result.returncode == 1, result.stdout


def test_check_cannot_tell(toy: Toy, tmp_path: Path) -> None:
    toy.onnx.unlink()
    result = raxe("check", toy.models, "--model", MODEL_ID, "--report-dir", tmp_path / "out", cwd=tmp_path)
    assert result.returncode == 3, result.stdout
    assert (tmp_path / "out" / f"{MODEL_ID}.json").is_file()


def test_a_part_of_the_suites_cannot_tell(toy: Toy, tmp_path: Path) -> None:
    assert raxe("check", toy.models, "--", "-q", "-m", "size", cwd=tmp_path).returncode == 3


def test_saved_evidence_is_judged_again_under_another_profile(toy: Toy, tmp_path: Path) -> None:
    assert raxe("check", toy.models, "--", "-q", *patiently(toy, tmp_path), cwd=tmp_path).returncode == 0
    evidence = tmp_path / "reports" / f"{MODEL_ID}.evidence.json"
    again = raxe("judge", evidence, "--json", "--profile", tmp_path / "patient.toml", cwd=tmp_path)
    assert again.returncode == 0
    report = json.loads((tmp_path / "reports" / f"{MODEL_ID}.json").read_text())
    same = ("id", "verdict", "evidence", "message", "gate")
    assert [{k: c[k] for k in same} for c in json.loads(again.stdout)["checks"]] == [
        {k: c[k] for k in same} for c in report["checks"]
    ]
    strict = tmp_path / "strict.toml"
    patient = (tmp_path / "patient.toml").read_text(encoding="utf-8")
    strict.write_text(patient.replace("latency_p95_ms = 60000.0", "latency_p95_ms = 0.001"), encoding="utf-8")
    strictly = raxe("judge", evidence, "--profile", strict, cwd=tmp_path)
    assert strictly.returncode == 1
    assert "LAT-001" in strictly.stdout


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["check", "nowhere"], "does not exist"),
        (["check", "models", "--model", "nope"], f"did you mean {MODEL_ID}?"),
        (["scan", "nope", "x"], f"models: there is no variant 'nope'; did you mean {MODEL_ID}?"),
        (["list", "nowhere"], "ERROR: nowhere: does not exist; name the models folder"),
        (["checks", "LAT-999"], "ERROR: there is no check 'LAT-999'; the checks are SCH-001"),
        (["judge", "nowhere.json"], "ERROR: nowhere.json: the file does not exist"),
        (["judge", "models/metadata/v1.0_toy_int8.json"], "is no evidence of schema 1.0.0; name the .evidence.json"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(args: list[str], error: str, toy: Toy) -> None:
    result = raxe(*args, cwd=toy.models.parent)
    assert result.returncode == 2
    assert error in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(toy: Toy) -> None:
    result = raxe("--debug", "list", "nowhere", cwd=toy.models.parent)
    assert "Traceback" in result.stderr


def test_checks_lists_the_catalogue(tmp_path: Path) -> None:
    listed = json.loads(raxe("checks", "--json", cwd=tmp_path).stdout)
    assert [check["id"] for check in listed] == list(catalogue())
    assert {check["id"]: check["gate"]["limit"] for check in listed if check["gate"]}["LAT-001"] == 3.0
    assert "gate    < 3 ms" in raxe("checks", "LAT-001", cwd=tmp_path).stdout


def test_the_page_of_checks_is_not_stale(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "checks.md"
    fresh = raxe("checks", "--markdown", cwd=tmp_path).stdout
    assert page.read_text(encoding="utf-8") == fresh, "run: raxe-conformance checks --markdown > docs/checks.md"


def test_list_shows_status_size_and_verdict(toy: Toy) -> None:
    (toy.models / "metadata" / "v1.0_broken.json").write_text("{")
    result = raxe("list", "--json", cwd=toy.models.parent)
    rows = {row["model_id"]: row for row in json.loads(result.stdout)}
    assert rows[MODEL_ID]["status"] == "experimental"
    assert 0 < rows[MODEL_ID]["size_mb"] < 1
    assert rows[MODEL_ID]["verdict"] is None
    assert "WARNING: " in result.stderr
    assert "v1.0_broken.json: is no JSON" in result.stderr


def test_scan_answers_lines_of_standard_input(toy: Toy) -> None:
    result = raxe("scan", MODEL_ID, cwd=toy.models.parent, stdin=f"please weather\n\n{EVIL['PII']} report\n")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["label"] for answer in answers] == ["BENIGN", "BENIGN", "PII"]
    assert [answer["recommended_action"] for answer in answers] == ["ALLOW", "ALLOW", "BLOCK"]


def test_scan_refuses_a_file_that_is_not_the_declared_one(toy: Toy) -> None:
    write_bundle(toy.bundle, threshold=0.9)
    result = raxe("scan", MODEL_ID, "x", cwd=toy.models.parent)
    assert result.returncode == 2
    assert "file_info.checksum: the file's SHA-256 is" in result.stderr


def test_doctor_names_what_it_finds(tmp_path: Path) -> None:
    result = raxe("doctor", cwd=tmp_path)
    assert result.returncode in (0, 3)
    for word in ("onnxruntime", "Latency", "noise", "build", "qemu-x86_64"):
        assert word in result.stdout
    lines = result.stdout.split("\n")
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 79
