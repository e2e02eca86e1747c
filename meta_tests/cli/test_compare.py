"""`raxe-conformance compare` as a user types it: exit codes, JSON, page, folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meta_tests.report.site import MODEL_ID, Page, made_latency, made_report, made_scores, put, put_all, write_rows
from raxe_conformance.cli.compare import command
from raxe_conformance.corpus.rows import Benchmark
from raxe_conformance.errors import RaxeError
from raxe_conformance.schemas import COMPARISON, violations

Compare = Callable[..., Result]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", 210)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, rows: Benchmark) -> Path:
    """The same variant as before, twice as slow, and without latency; and another one."""
    folder = tmp_path_factory.mktemp("reports")
    put_all(folder / "before", rows)
    put_all(folder / "slow", rows, 2.0)
    put_all(folder / "many", rows)
    put_all(folder / "many", rows, model_id="v1.0_other")
    scores, latency = made_scores(rows), replace(made_latency(210), off_target="Other 2")
    put(folder / "off-target", made_report(rows, scores, latency), scores, latency)
    return folder


def compare(*args: str | Path) -> Result:
    return CliRunner().invoke(command, [str(arg) for arg in args], standalone_mode=False)


@pytest.mark.parametrize(
    ("after", "code"), [("before", 0), ("slow", 1), ("off-target", 3), (f"many/{MODEL_ID}.json", 0)]
)
def test_the_exit_code_tells(after: str, code: int, folder: Path) -> None:
    result = compare(folder / "before", folder / after)
    assert result.exception is None
    assert result.return_value == code


def test_json_and_page_say_the_same(folder: Path, tmp_path: Path) -> None:
    result = compare(folder / "before", folder / "slow", "--json", "--html", tmp_path / "page.html")
    record = json.loads(result.stdout)
    assert list(violations(COMPARISON, record)) == []
    assert record["verdict"] == "FAIL"
    page = Page(tmp_path / "page.html")
    assert all(check["message"] in page.text for check in record["checks"])


def test_two_variants_can_be_compared(folder: Path) -> None:
    result = compare(folder / "before" / f"{MODEL_ID}.json", folder / "many" / "v1.0_other.json")
    assert f"Against the baseline ({MODEL_ID}, 2026-01-02" in result.stdout


def test_a_profile_may_ask_less(folder: Path, tmp_path: Path) -> None:
    from importlib.resources import files

    lax = tmp_path / "lax.toml"
    text = files("raxe_conformance.profiles").joinpath("raxe-1.0.toml").read_text(encoding="utf-8")
    head, _, levels = text.partition("[levels]")
    lax.write_text(f'{head}[levels]\nLAT-001 = "SHOULD"\n{levels}', encoding="utf-8")
    assert compare(folder / "before", folder / "slow", "--profile", lax).return_value == 0


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("before", "nowhere.json", "nowhere.json: the file does not exist"),
        ("before/nowhere.json", "slow", "nowhere.json: the file does not exist"),
        ("many", "many", f"both hold {MODEL_ID}.json, v1.0_other.json; name two reports"),
        ("before", ".", "they have no report in common; name two reports"),
        (f"before/{MODEL_ID}.evidence.json", f"slow/{MODEL_ID}.json", "is evidence; name the report"),
    ],
)
def test_what_is_no_pair_of_reports_is_refused(before: str, after: str, error: str, folder: Path) -> None:
    result = compare(folder / before, folder / after)
    assert isinstance(result.exception, RaxeError)
    assert error in str(result.exception)
