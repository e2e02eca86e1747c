"""`--raxe-detector` as users type it, in a nested pytest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from meta_tests.support.toy import EVIL, Toy, write_patient_profile
from raxe_conformance.packaged import packaged

SUITES = str(packaged("suites"))
RULES = f"""
def score(text):
    return 1.0 if any(word in text.lower() for word in {list(EVIL.values())!r}) else 0.0

def named(text):
    found = [name for name, word in {EVIL!r}.items() if word in text.split()]
    return {{"score": 0.9 if found else 0.1, "family": found[0] if found else None}}

def fragile(text):
    return 1 / 0 if "coffee" in text else score(text)

def unbounded(text):
    return 2.0 * score(text)
"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, toy: Toy) -> Run:
    """Run the suites on a function of rules.py, which stands where pytest is started."""
    pytester.makepyfile(rules=RULES)
    patient = write_patient_profile(pytester.path / "patient.toml")

    def call(*args: str) -> pytest.RunResult:
        options = (f"--raxe-benchmark={toy.benchmark}", f"--raxe-profile={patient}", f"--rootdir={pytester.path}")
        return pytester.runpytest_subprocess(SUITES, "-p", "no:cacheprovider", *options, *args)

    return call


def report(pytester: pytest.Pytester) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pytester.path / "reports" / "function.json").read_text(encoding="utf-8"))
    return found


def test_a_good_function_passes_over_what_it_claims(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--raxe-detector=rules:score", "-rs")
    outcomes = result.parseoutcomes()
    found = report(pytester)
    assert (found["verdict"], found["not_judged"]) == ("PASS", [])
    assert found["model"] == {"model_id": "function", "files": [], "function": "rules:score"}
    left = {check["id"]: check["reason"] for check in found["not_claimed"]}
    assert outcomes["skipped"] == len(left)
    assert "failed" not in outcomes
    assert (left["SCH-001"], left["ACC-002"]) == ("a function has no files", "the function names no family")
    assert not set(left) & {check["id"] for check in found["checks"]}
    result.stdout.fnmatch_lines(
        ["*function: PASS*", "Not claimed, so not judged (a function has no files): SCH-001, *", "SKIPPED*SIZ-001 is*"]
    )


def test_a_function_that_names_families_is_judged_by_them(run: Run, pytester: pytest.Pytester) -> None:
    outcomes = run("--raxe-detector=rules:named", "-k", "family_f1").parseoutcomes()
    assert outcomes["passed"] >= 1
    verdicts = {check["id"]: check["verdict"] for check in report(pytester)["checks"]}
    assert verdicts["ACC-002"] == "PASS"


def test_errors_and_scores_out_of_range_are_evidence(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--raxe-detector=rules:fragile", "-m", "robustness and not latency", "-k", "answer")
    result.stdout.fnmatch_lines(["ROB-001 MUST FAIL: function: *rules:fragile raised ZeroDivisionError*"])
    result = run("--raxe-detector=rules:unbounded", "-k", "every_text_is_answered")
    result.stdout.fnmatch_lines(["ROB-001 MUST FAIL: function: *the score is 2.0, but should be in 0..1*"])
    assert "Traceback" not in result.stdout.str()


def test_a_run_of_what_is_not_claimed_is_no_pass(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--raxe-detector=rules:score", "-m", "size")
    assert set(result.parseoutcomes()) == {"skipped", "deselected"}
    assert report(pytester)["verdict"] == "INCONCLUSIVE"


def test_xdist_finds_the_function_too(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--raxe-detector=rules:score", "-n", "2", "-m", "accuracy or fpr")
    assert "failed" not in result.parseoutcomes()
    assert report(pytester)["model"]["function"] == "rules:score"


def test_the_ini_key_counts_from_the_root(pytester: pytest.Pytester, toy: Toy) -> None:
    pytester.makepyfile(rules=RULES)
    pytester.makeini(f"[pytest]\nraxe_detector = rules:score\nraxe_benchmark = {toy.benchmark}\n")
    result = pytester.runpytest_subprocess(SUITES, "-c", "tox.ini", f"--rootdir={pytester.path}", "-m", "fpr")
    assert result.parseoutcomes()["passed"] == 1


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--raxe-detector=rules:nothing"], "ERROR: --raxe-detector rules:nothing: the module rules has no nothing; *"),
        (["--raxe-detector=nowhere:f"], "ERROR: *the module nowhere cannot be imported: ModuleNotFoundError: *"),
        (["--raxe-detector=rules:score", "--raxe-model=other"], "ERROR: *matches no variant; did you mean function?"),
    ],
)
def test_a_wrong_name_is_one_line_and_a_usage_error(run: Run, args: list[str], line: str) -> None:
    result = run(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
