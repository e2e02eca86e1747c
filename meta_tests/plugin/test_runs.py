"""Runs of the plugin as users type them, on the toy variant, in a nested pytest."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from meta_tests.support.toy import MODEL_ID, Toy, write_patient_profile
from raxe_conformance.checks.table import catalogue
from raxe_conformance.packaged import packaged
from raxe_conformance.report.history import read_history

CHECKS = len(catalogue())
SCHEMA = sum(check.group == "schema" for check in catalogue().values())
SUITES = str(packaged("suites"))
# SHOULDs that need a float32 model beside the toy's, or --raxe-thorough.
UNASKED = {"ROB-014", "ROB-015", "ROB-016", "ROB-017"}


@pytest.fixture
def run(pytester: pytest.Pytester, toy: Toy, tmp_path: Path):
    """Run the suites on the toy in a process of its own; extra arguments go to pytest.

    A profile of long limits, unless another is named: this machine may be busy, and most runs are not about latency.
    """
    patient = write_patient_profile(tmp_path / "patient.toml")

    def call(*args: str) -> pytest.RunResult:
        options = (f"--raxe-models={toy.models}", f"--raxe-benchmark={toy.benchmark}", f"--rootdir={pytester.path}")
        if not any(arg.startswith("--raxe-profile") for arg in args):
            options += (f"--raxe-profile={patient}",)
        return pytester.runpytest_subprocess(SUITES, "-p", "no:cacheprovider", *options, *args)

    return call


def report(pytester: pytest.Pytester) -> dict:
    return json.loads((pytester.path / "reports" / f"{MODEL_ID}.json").read_text(encoding="utf-8"))


def verdicts(pytester: pytest.Pytester) -> dict[str, str]:
    return {check["id"]: check["verdict"] for check in report(pytester)["checks"]}


def test_a_good_variant_passes_and_is_reported(run, pytester: pytest.Pytester) -> None:
    result = run("--raxe-model", MODEL_ID, "--junitxml=junit.xml", "--benchmark-json=benchmark.json")
    result.assert_outcomes(passed=CHECKS)
    result.stdout.fnmatch_lines([f"*{MODEL_ID}: PASS*", "*LAT-001*MUST*P95 latency*< 60000 ms*PASS*"])
    found = report(pytester)
    assert (found["verdict"], found["not_judged"]) == ("PASS", [])
    assert {check_id for check_id, verdict in verdicts(pytester).items() if verdict != "PASS"} == UNASKED
    assert found["model"]["files"][0]["path"] == f"metadata/{MODEL_ID}.json"
    assert [entry.model_id for entry in read_history(pytester.path / "reports")] == [MODEL_ID]

    extra = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"][0]["extra_info"]
    assert 0 < extra["p50_ms"] <= extra["p95_ms"] <= extra["p99_ms"]
    latency = next(check for check in found["checks"] if check["id"] == "LAT-001")
    assert extra["p95_ms"] == latency["evidence"]["value"]
    assert latency["evidence"]["method"].startswith("order statistics")

    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    properties = {p.get("value") for case in cases for p in case.iter("property") if p.get("name") == "raxe_check"}
    assert properties == set(catalogue())


def test_a_bad_variant_fails_by_name(run, toy: Toy, pytester: pytest.Pytester) -> None:
    value = toy.read()
    value["model_id"] = "other"
    toy.write(value)
    result = run("-m", "schema or size")
    result.assert_outcomes(passed=SCHEMA + 1, failed=2, deselected=CHECKS - SCHEMA - 3)
    result.stdout.fnmatch_lines(
        [f"SCH-002 MUST FAIL: {MODEL_ID}: model_id is the file's stem: model_id: 'other', but should be '{MODEL_ID}'*"]
    )
    found = report(pytester)
    assert found["verdict"] == "FAIL"
    assert "FPR-001" in found["not_judged"]


def test_a_run_of_one_group_is_never_a_pass(run, pytester: pytest.Pytester) -> None:
    run("-m", "size").assert_outcomes(passed=3, deselected=CHECKS - 3)
    assert report(pytester)["verdict"] == "INCONCLUSIVE"


def test_a_slow_detector_fails_latency_alone(run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        slow="""
        import time
        from raxe_conformance.runtime.detector import Detector
        fast = Detector.analyze
        def analyze(self, *args, **kwargs):
            time.sleep(0.010)
            return fast(self, *args, **kwargs)
        Detector.analyze = analyze
        """
    )
    run("-p", "slow", "-m", "latency or accuracy or fpr or size", "--raxe-profile=raxe-1.0", "--raxe-latency-budget=0")
    # After a pause the caches are cold, so that a stage may take longer, too; nothing but latency may fail.
    failed = {check_id for check_id, verdict in verdicts(pytester).items() if verdict == "FAIL"}
    assert failed >= {"LAT-001", "LAT-002", "LAT-003", "LAT-004"}
    assert all(check_id.startswith("LAT-") for check_id in failed)


def test_xdist_measures_latency_alone_and_reports_everything(run, pytester: pytest.Pytester) -> None:
    run("-n", "2").assert_outcomes(passed=CHECKS)
    assert set(verdicts(pytester)) == set(catalogue())
    assert report(pytester)["verdict"] == "PASS"
    latency = next(check for check in report(pytester)["checks"] if check["id"] == "LAT-001")
    assert latency["evidence"]["n"] >= 1000


def test_a_disabled_benchmark_still_measures(run, pytester: pytest.Pytester) -> None:
    run("-k", "p95", "--benchmark-disable").assert_outcomes(passed=1, deselected=CHECKS - 1)
    assert report(pytester)["checks"][0]["evidence"]["n"] >= 1000


def test_last_failed_runs_only_what_failed(toy: Toy, pytester: pytest.Pytester) -> None:
    value = toy.read()
    value["model_id"] = "other"
    toy.write(value)
    options = [SUITES, f"--raxe-models={toy.models}", f"--raxe-benchmark={toy.benchmark}", f"--rootdir={pytester.path}"]
    first = pytester.runpytest_subprocess(*options, "-m", "schema")
    first.assert_outcomes(passed=SCHEMA - 2, failed=2, deselected=CHECKS - SCHEMA)
    again = pytester.runpytest_subprocess(*options, "-m", "schema", "--lf").parseoutcomes()
    assert (again["failed"], again.get("passed", 0)) == (2, 0)


def test_off_the_target_cpu_latency_cannot_tell(run) -> None:
    result = run("-k", "p95 or total", "--raxe-target-cpu=No Such CPU*")
    result.assert_outcomes(passed=1, failed=1, deselected=CHECKS - 2)
    result.stdout.fnmatch_lines(["LAT-001 MUST INCONCLUSIVE: *not the target CPU; run on the target*"])


def test_two_variants_are_judged_and_one_that_is_broken_stops_nobody(run, toy: Toy) -> None:
    (toy.models / "metadata" / "v1.0_broken.json").write_text("{")
    result = run("-m", "schema and not latency")
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"]) == (SCHEMA + 1, SCHEMA - 1)  # SCH-005 is a SHOULD
    result.stdout.fnmatch_lines([f"*{MODEL_ID}: INCONCLUSIVE*"])
    result.stdout.fnmatch_lines(["SCH-001 MUST FAIL: v1.0_broken: *v1.0_broken.json*is no JSON*"])


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--raxe-models=nowhere"], "ERROR: *nowhere: does not exist; name the models folder with --raxe-models DIR*"),
        (["--raxe-model=v1.0_toy_int4"], f"ERROR: *matches no variant; did you mean {MODEL_ID}?"),
        (["--raxe-latency-budget=soon"], "ERROR: --raxe-latency-budget is 'soon', but should be a number of seconds;*"),
        (["--raxe-profile=raxe-9"], "ERROR: raxe-9: there is no such profile; shipped: raxe-1.0*"),
    ],
)
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_wrong_option_is_one_line_and_a_usage_error(run, args: list[str], line: str, workers: list[str]) -> None:
    result = run(*args, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_missing_default_folder_is_one_line(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(SUITES, f"--rootdir={pytester.path}", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *models: does not exist; name the models folder*"])


def test_a_faulty_benchmark_leaves_accuracy_open_and_says_why(run, toy: Toy) -> None:
    toy.benchmark.write_text('{"text": "x", "label": "no"}\n', encoding="utf-8")
    result = run("-k", "binary_f1 or total")
    result.assert_outcomes(passed=1, failed=1, deselected=CHECKS - 2)
    result.stdout.fnmatch_lines(["ACC-001 MUST INCONCLUSIVE: *benchmark.jsonl: line 1: label: is 'no', but should be*"])


def test_embeddings_that_are_not_built_name_the_command(run, toy: Toy) -> None:
    toy.onnx.unlink()
    result = run("-m", "integrity or fpr")
    result.stdout.fnmatch_lines([f"FPR-001 MUST INCONCLUSIVE: *raxe-conformance build {MODEL_ID}*"])
    assert "INT-004 MUST FAIL" not in result.stdout.str()


def test_another_project_does_not_notice_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own():\n    assert True")
    for extra in ([], ["-n", "2"]):
        result = pytester.runpytest_subprocess(*extra)
        result.assert_outcomes(passed=1)
        assert "RAXE conformance" not in result.stdout.str()
    assert not (pytester.path / "reports").exists()


def test_options_are_ini_keys_too(toy: Toy, pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\nraxe_models = {toy.models}\nraxe_report_dir = out\nraxe_model =\n    v1.0_toy*\n")
    result = pytester.runpytest_subprocess(SUITES, "-c", "tox.ini", f"--rootdir={pytester.path}", "-m", "size")
    result.assert_outcomes(passed=3, deselected=CHECKS - 3)
    assert Path(pytester.path, "out", f"{MODEL_ID}.json").is_file()
