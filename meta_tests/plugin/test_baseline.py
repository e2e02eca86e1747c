"""`--raxe-baseline` in a run: what regressed fails it, what is told, what is refused before anything is measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.packaged import packaged
from raxe_conformance.report.history import NAME

SUITES = str(packaged("suites"))
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, toy: Toy) -> Run:
    """Judge the size of the toy: nothing is timed."""

    def call(*args: str) -> pytest.RunResult:
        options = (f"--raxe-models={toy.models}", f"--raxe-benchmark={toy.benchmark}", f"--rootdir={pytester.path}")
        return pytester.runpytest_subprocess(SUITES, "-p", "no:cacheprovider", "-m", "size", *options, *args)

    return call


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{MODEL_ID}.json").read_text(encoding="utf-8"))
    return found


def grow(toy: Toy) -> None:
    """One byte more."""
    toy.tokenizer.write_bytes(toy.tokenizer.read_bytes() + b"\n")


def test_a_must_that_regressed_fails_the_run(run: Run, toy: Toy, pytester: pytest.Pytester) -> None:
    assert run().ret == pytest.ExitCode.OK
    toy.tokenizer.write_bytes(toy.tokenizer.read_bytes() + b"\n")  # a byte more
    result = run("--raxe-baseline=reports")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "failed" not in result.parseoutcomes()  # the gates themselves hold
    result.stdout.fnmatch_lines(["Against the baseline (*): REGRESSED*", "SIZ-001 REGRESSED: *by +1e-06 MB"])
    found = report(pytester.path / "reports")
    assert found["baseline"]["verdict"] == "FAIL"
    assert {c["id"]: c["change"] for c in found["baseline"]["checks"]}["SIZ-001"] == "REGRESSED"
    # A run of one group is no entry of the history.
    assert not (pytester.path / "reports" / NAME).exists()
    # That run has replaced its own baseline. Now by the ini key.
    (pytester.path / "pytest.ini").write_text("[pytest]\nraxe_baseline = reports\n")
    again = run("-c", str(pytester.path / "pytest.ini"))
    assert again.ret == pytest.ExitCode.OK
    again.stdout.fnmatch_lines(["Against the baseline (*): no MUST is shown to be worse*"])


def test_what_cannot_be_compared_fails_too_and_a_new_variant_does_not(
    run: Run, toy: Toy, pytester: pytest.Pytester
) -> None:
    tokenizer = toy.tokenizer.read_bytes()
    toy.tokenizer.unlink()
    run("--raxe-report-dir=before")
    toy.tokenizer.write_bytes(tokenizer)
    result = run(f"--raxe-baseline=before/{MODEL_ID}.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["SIZ-001 CANNOT COMPARE: the baseline: *is not there; run: raxe-conformance build*"])
    before = pytester.path / "before"
    for path in before.glob(f"{MODEL_ID}*"):
        path.rename(path.with_name(path.name.replace(MODEL_ID, "v0.9_toy_int8")))
    result = run("--raxe-baseline=before")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"No baseline: *before holds no report on {MODEL_ID}"])


def test_a_baseline_that_cannot_be_used_is_told_before_measuring(run: Run) -> None:
    result = run("--raxe-baseline=nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *nowhere: does not exist; name a report or a folder of them: --raxe-baseline"])
