"""What is told to GitHub Actions: nothing in it is another command, and nothing in the summary is more than text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.report.exports.made import HOSTILE, hostile_report, record, report_with
from meta_tests.report.exports.test_markdown import kinds, parsed
from raxe_conformance.errors import ReportError
from raxe_conformance.report.exports import github
from raxe_conformance.report.exports.github import append_summary, in_actions, summary, workflow_commands
from raxe_conformance.report.html.visible import visible

COMMAND = re.compile(r"::(error|warning) title=([^:,\r\n]*)::([^\r\n]*)")


def unescaped(text: str) -> str:
    """As the runner takes a command apart: the per cent sign last."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def commands(report: dict) -> list[tuple[str, str, str]]:
    """(kind, title, message) of each annotation."""
    found = [COMMAND.fullmatch(line) for line in workflow_commands(report)]
    assert all(found)
    return [(m[1], unescaped(m[2]), unescaped(m[3])) for m in found if m]


def test_what_does_not_hold_is_annotated_with_errors_first(tmp_path: Path) -> None:
    report = report_with(
        tmp_path,
        record("INT-005", "FAIL", "too large"),
        record("INT-007", "INCONCLUSIVE", "not built; run: raxe-conformance build x"),
        record("SCH-001", "PASS", "1 looked at"),
        record("SCH-002", "FAIL", "known: 50%, a", waived=True),
        record("SCH-004", "FAIL", "0.9, but should be 0.8"),
        record("SCH-005", "INCONCLUSIVE", "no metadata"),
    )
    report["checks"] = report["checks"][:6]
    title = {c["id"]: c["title"] for c in report["checks"]}
    assert commands(report) == [
        ("error", "SCH-004 MUST FAIL: v1.0_made_up", f"{title['SCH-004']}: 0.9, but should be 0.8"),
        ("warning", "INT-007 MUST INCONCLUSIVE: v1.0_made_up",
         f"{title['INT-007']}: not built; run: raxe-conformance build x"),
        ("warning", "SCH-002 MUST FAIL (waived): v1.0_made_up", f"{title['SCH-002']}: known: 50%, a"),
        ("warning", "INT-005 SHOULD FAIL: v1.0_made_up", f"{title['INT-005']}: too large"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_no_command(text: str, tmp_path: Path) -> None:
    report = hostile_report(tmp_path, text)
    found = commands(report)
    assert found[0] == ("error", visible(f"INT-004 MUST FAIL: {text}", 600), visible(f"{text}: {text}", 600))
    for line in workflow_commands(report):
        assert len(line.splitlines()) == 1
        assert len(line) < 4000


@given(st.text())
def test_any_text_comes_back_from_a_command(text: str) -> None:
    for escape in (github._data, github._property):
        assert unescaped(escape(text)) == visible(text, 600)
    assert not set(github._property(text)) & set(":,\r\n")
    assert not set(github._data(text)) & set("\r\n")


def test_the_summary_has_the_verdict_the_gates_and_the_reasons(tmp_path: Path) -> None:
    report = report_with(tmp_path, record("SCH-002", "FAIL", "'other', but should be 'v1.0_made_up'"))
    text = summary(report)
    assert text.startswith("### `v1.0_made_up`: FAIL\n\nMay not ship: ")
    latency = next(c for c in report["checks"] if c["id"] == "LAT-001")
    row = next(line for line in text.splitlines() if line.startswith("| LAT-001 | MUST | P95 latency | "))
    assert f" {latency['evidence']['value']:.3g} ms | " in row
    assert row.endswith(f" | < 3 ms | {latency['verdict']} |")
    assert "- SCH-002 MUST FAIL: 'other', but should be 'v1.0\\_made\\_up'\n" in text
    assert "Not judged in this run:" in text
    assert text.endswith("\n\n")
    tokens = kinds(parsed(text))
    assert tokens.count("table_open") == 1
    assert tokens.count("html_block") == 2  # the details' beginning and end


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text_in_the_summary(text: str, tmp_path: Path) -> None:
    def shape(report: dict) -> list[str]:
        tokens = kinds(parsed(summary(report)))
        return [kind for kind in tokens if kind not in ("text", "code_inline", "softbreak")]

    report = hostile_report(tmp_path, text)
    assert shape(report) == shape(hostile_report(tmp_path, "plain"))
    written = summary(report)
    assert not {"\x1b", "\u202e", "\ud800", "\r"} & set(written)
    assert len(written) < 200_000


def test_summaries_are_added_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("from before\n", encoding="utf-8")
    append_summary(path, "a ü\n")
    append_summary(path, "b\n")
    assert path.read_text(encoding="utf-8") == "from before\na ü\nb\n"


def test_a_summary_stays_within_what_github_shows(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * (github.MAX_SUMMARY_BYTES - 3))
    append_summary(path, "ab\n")
    assert path.stat().st_size == github.MAX_SUMMARY_BYTES
    with pytest.raises(ReportError, match="would be larger than 1048576 bytes, so this variant is not in it"):
        append_summary(path, "c")
    assert path.stat().st_size == github.MAX_SUMMARY_BYTES


def test_a_summary_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be written: Is a directory; let GITHUB_STEP_SUMMARY name"):
        append_summary(tmp_path, "x")


@pytest.mark.parametrize(
    ("environ", "found"),
    [({"GITHUB_ACTIONS": "true"}, True), ({"GITHUB_ACTIONS": "false"}, False), ({"CI": "true"}, False), ({}, False)],
)
def test_actions_is_known_by_its_variable(environ: dict[str, str], found: bool) -> None:
    assert in_actions(environ) is found
