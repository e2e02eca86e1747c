"""What a run and the command `report` leave for other programs."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from meta_tests.cli.test_commands import raxe
from meta_tests.report.exports.made import report_with
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.errors import ReportError
from raxe_conformance.fileio import canonical_json
from raxe_conformance.report.exports.writing import read_metadata, write_exports

BY_SUFFIX = (".sarif", ".card.md", ".cdx.json")


@dataclass(frozen=True)
class Ran:
    """A run in GitHub Actions of two groups on a toy whose model_id is wrong."""

    folder: Path
    output: str

    @property
    def report(self) -> dict[str, Any]:
        path = self.folder / "reports" / f"{MODEL_ID}.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def judged(toy: Toy, folder: Path, *args: str, **environ: str) -> Ran:
    """Judge a toy after its model_id was made wrong. environ: GITHUB_… variables, which are otherwise unset."""
    toy.write({**toy.read(), "model_id": "other", "description": "made up"})
    options = ("-q", "-m", "schema or size", f"--raxe-benchmark={toy.benchmark}", *args)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_ACTIONS", raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        result = raxe("check", toy.models, "--", *options, cwd=folder)
    assert result.returncode == 1, result.stdout
    return Ran(folder, result.stdout)


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "xdist"])
def ran(request: pytest.FixtureRequest, pristine_toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("ran")
    toy = Toy(Path(shutil.copytree(pristine_toy.models, folder / "models")), pristine_toy.benchmark)
    told = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return judged(toy, folder, "--junitxml=junit.xml", *request.param, **told)


def test_junit_has_gate_figure_interval_and_verdict(ran: Ran) -> None:
    found = {}
    for case in ElementTree.parse(ran.folder / "junit.xml").iter("testcase"):
        properties = {p.get("name"): p.get("value") for p in case.iter("property")}
        found[properties.pop("raxe_check")] = (properties, case.find("failure") is not None)
    checks = ran.report["checks"]
    assert set(found) == {check["id"] for check in checks}
    for check in checks:
        properties, failed = found[check["id"]]
        expected = {"raxe_verdict": check["verdict"], "raxe_level": check["level"], "raxe_waived": "False"}
        if check["gate"]:
            gate, evidence = check["gate"], check["evidence"]
            expected["raxe_gate"] = f"{gate['metric']} {gate['op']} {gate['limit']}"
            expected |= {f"raxe_{end}": str(evidence[end]) for end in ("value", "low", "high")}
        assert properties == expected
        assert failed == (check["level"] == "MUST" and check["verdict"] == "FAIL")
    assert found["SCH-002"][1]
    assert "raxe_value" in found["SIZ-001"][0]


def test_github_is_told_once(ran: Ran) -> None:
    lines = [line for line in ran.output.splitlines() if line.startswith("::")]
    failed = [c["id"] for c in ran.report["checks"] if c["level"] == "MUST" and c["verdict"] == "FAIL"]
    assert "SCH-002" in failed
    assert sorted(line.split("title=")[1][:7] for line in lines if line.startswith("::error ")) == sorted(failed)
    text = (ran.folder / "summary.md").read_text(encoding="utf-8")
    assert text.count("### ") == 1
    assert text.startswith(f"### `{MODEL_ID}`: FAIL\n")


def test_report_makes_the_same_exports_again(ran: Ran) -> None:
    paths = [ran.folder / "reports" / f"{MODEL_ID}{suffix}" for suffix in BY_SUFFIX]
    first = [path.read_bytes() for path in paths]
    sarif, card, bom = first
    assert [r["ruleId"] for r in json.loads(sarif)["runs"][0]["results"]] == ["SCH-002", "SCH-008"]
    assert json.loads(bom)["metadata"]["component"]["description"] == "made up"
    assert card.startswith(b"---\n")
    for path in paths:
        path.unlink()
    result = raxe("report", "reports", cwd=ran.folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert [path.read_bytes() for path in paths] == first


def test_nobody_is_told_elsewhere(toy: Toy, tmp_path: Path) -> None:
    ran = judged(toy, tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert "::error" not in ran.output
    assert not (tmp_path / "summary.md").exists()


def test_a_summary_that_cannot_be_written_leaves_the_verdict(toy: Toy, tmp_path: Path) -> None:
    ran = judged(toy, tmp_path, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(tmp_path))
    assert f"ERROR: {tmp_path}: cannot be written: Is a directory; let GITHUB_STEP_SUMMARY name" in ran.output
    assert "::error title=SCH-002" in ran.output


def test_without_evidence_the_exports_lack_what_was_declared(tmp_path: Path) -> None:
    report = report_with(tmp_path)
    path = tmp_path / "v1.0_made_up.json"
    path.write_bytes(canonical_json(report))
    assert read_metadata(path, report) is None
    assert [p.name for p in write_exports(path, report, None)] == [f"v1.0_made_up{suffix}" for suffix in BY_SUFFIX]


def test_a_function_has_no_files_to_export(tmp_path: Path) -> None:
    report = report_with(tmp_path, model_id="function", files=[], function="rules:score")
    assert write_exports(tmp_path / "function.json", report, None) == []
    assert not list(tmp_path.glob("function.*"))


def test_an_export_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "v1.0_made_up.sarif").mkdir()
    with pytest.raises(ReportError, match=r"v1\.0_made_up\.sarif: cannot be written: Is a directory"):
        write_exports(tmp_path / "v1.0_made_up.json", report_with(tmp_path), None)
