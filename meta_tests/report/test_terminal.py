"""The table on a terminal: its width, its order, its colours, and the lines below it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from raxe_conformance.checks.reading import F1, Exact, Finding, Findings, Proportion, Quantile, Reading
from raxe_conformance.checks.table import find_check
from raxe_conformance.report.record import judged_report, verdict_record
from raxe_conformance.report.terminal import of_runs, verdict_table
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.profile import DEFAULT, load_profile

PROFILE = load_profile(DEFAULT)


def record(check_id: str, reading: Reading) -> dict[str, Any]:
    return verdict_record(judge(find_check(check_id), reading, PROFILE), PROFILE, 0.1)


RECORDS = [
    record("SIZ-001", Exact(49.9, "bytes")),
    record("LAT-001", Quantile(0.95, tuple(1000.0 + i * 77 % 1000 for i in range(1000)))),
    record("LAT-002", Quantile(0.5, (9.0,) * 1000)),
    record("ACC-001", F1(900, 40, 40)),
    record("FPR-001", Proportion(20, 2000, "benign rows")),
    record("SCH-007", Findings((Finding("accuracy.binary_f1", "0.99", "0.95 as in the benchmark report"),), 3)),
]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    sections = {
        "started": "2026-01-01T00:00:00+00:00",
        "model": {"model_id": "v1.0_toy_int8", "files": []},
        "environment": {"cpu": "a CPU", "cores": 2},
        "corpus": {"rows": 3000, "benign": 2000, "attacks": 1000},
        "generalisation": None,
        "not_claimed": [],
    }
    return judged_report(sections, RECORDS, None, PROFILE)


def rows_of(text: str) -> list[str]:
    """The lines of the table: from below the title to the first line that is no row."""
    lines = text.splitlines()[1:]
    return lines[: next(i for i, line in enumerate(lines) if " MUST FAIL: " in line or " INCONCLUSIVE: " in line)]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 300])
def test_the_table_fits_the_terminal_and_cuts_no_figure(report: dict[str, Any], width: int) -> None:
    rows = rows_of(verdict_table(report, None, width=width, color=False))
    assert max(map(len, rows)) <= width
    if width >= 80:
        line = next(row for row in rows if row.startswith("LAT-001"))
        for part in ("MUST", "P95 latency", " ms ", "< 3 ms", "FAIL"):
            assert part in line
        assert re.search(r" \d{4} – \d{4} ", line)
        assert any(row.startswith("FPR-001") and row.rstrip().endswith("INCONCLUSIVE") for row in rows)


def test_long_figures_leave_room_for_the_title(report: dict[str, Any]) -> None:
    latency = next(check for check in report["checks"] if check["id"] == "LAT-001")
    figures = {"value": 1.23456e-9, "low": -1.23456e-10, "high": 1.23456e-10}
    long = {**latency, "evidence": {**latency["evidence"], **figures}, "gate": {**latency["gate"], "limit": 60000.0}}
    rows = rows_of(verdict_table({**report, "checks": [*report["checks"], long]}, None, width=80, color=False))
    assert max(map(len, rows)) <= 80
    assert any("P95 latency" in row for row in rows)


def test_what_needs_attention_stands_first(report: dict[str, Any]) -> None:
    rows = [row.split() for row in rows_of(verdict_table(report, None, width=120, color=False))]
    shown = [(row[0], row[-1]) for row in rows if row and row[0][:3].isupper() and "-" in row[0]]
    assert shown == [
        ("SCH-007", "FAIL"), ("LAT-001", "FAIL"), ("LAT-002", "FAIL"),
        ("ACC-001", "INCONCLUSIVE"), ("FPR-001", "INCONCLUSIVE"), ("SIZ-001", "PASS"),
    ]  # fmt: skip


def test_colours_are_for_terminals(report: dict[str, Any]) -> None:
    assert "\x1b[" not in verdict_table(report, None, width=80, color=False)
    assert "\x1b[" in verdict_table(report, None, width=80, color=True)


def test_the_release_verdict_says_how_sure_it_is(report: dict[str, Any]) -> None:
    def line(**changes: Any) -> str:
        text = verdict_table({**report, "release": {**report["release"], **changes}}, None, width=80, color=False)
        return next(found for found in text.splitlines() if found.startswith("Release verdict"))

    assert line() == "Release verdict FAIL: SCH-007: no sampling error"
    gates = report["release"]["gates"]
    assert [gate["id"] for gate in gates] == ["LAT-001", "ACC-001", "FPR-001"]
    assert line(error_rate=3e-7, method="Holm over 3 gates", survives=True) == (
        "Release verdict FAIL: by chance in at most 1 of 10^6 such runs (Holm over 3 gates); "
        "gate by gate, uncorrected, up to 15 of 100 would fail by chance"
    )
    assert line(error_rate=0.12, method="Holm over 3 gates", survives=False) == (
        "Release verdict FAIL: by chance in at most 12 of 100 such runs (Holm over 3 gates); "
        "more than 5 of 100, so it stands by its gate and not over all gates"
    )
    assert line(verdict="PASS", error_rate=0.049, method="intersection–union over 3 gates", survives=None) == (
        "Release verdict PASS: by chance in at most 5 of 100 such runs (intersection–union over 3 gates)"
    )
    assert line(verdict="INCONCLUSIVE", error_rate=None, method="claims nothing", survives=None) == (
        "Release verdict INCONCLUSIVE: claims nothing"
    )


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1e-6, "1 of 10^6"), (1.1e-6, "1 of 10^5"), (1e-4, "1 of 10^4"), (1.01e-4, "1 of 9900"),
        (0.0031, "1 of 322"), (0.00999, "1 of 100"), (0.01, "1 of 100"), (0.0101, "2 of 100"), (0.05, "5 of 100"),
        (0.051, "6 of 100"), (0.499, "50 of 100"), (0.5, "half"), (1.0, "half"),
    ],
)  # fmt: skip
def test_an_error_rate_is_never_said_to_be_smaller_than_it_is(rate: float, words: str) -> None:
    assert of_runs(rate) == words


def test_the_worst_slices_are_named(report: dict[str, Any]) -> None:
    worst = [
        {"by": "kind", "value": "[b]log[/]", "n": 40, "metric": "fpr", "rate": 0.3, "bound": 0.21, "of": 12},
        {"by": "language", "value": "de", "n": 50, "metric": "recall", "rate": 0.1, "bound": 0.2, "of": 9},
        {"by": "source", "value": "x", "n": 50, "metric": "recall", "rate": 0.2, "bound": 0.3, "of": 9},
    ]
    text = verdict_table({**report, "worst_slices": worst}, None, width=80, color=False)
    assert (
        "Worst slices: recall 0.1000 on language de (at most 0.2000, n = 50); "
        "FPR 0.3000 on kind [b]log[/] (at least 0.2100, n = 40)\n" in text
    )
    assert "Worst slices" not in verdict_table({**report, "worst_slices": []}, None, width=80, color=False)


def test_what_files_declare_is_neither_markup_nor_a_command(report: dict[str, Any]) -> None:
    name = "v1[/odd]\x9b2J\u202e"
    table = {"summary": {"recall_mean": "[/odd]", "recall_worst": "\x9b", "fpr_mean": 0, "fpr_worst": 0}}
    files = [{"path": "x", "bytes": 1, "sha256": "0" * 64}]
    odd = {**report, "model": {"model_id": name, "files": files}, "generalisation": table}
    text = verdict_table(odd, Path("reports[/odd]\x9b") / "x.json", width=100, color=False)
    assert "v1[/odd] 2J" in text
    assert "recall [/odd]" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_finding_that_repeats_what_a_file_says_is_one_printable_line() -> None:
    said = record("SCH-007", Findings((Finding("version", "1\x9b2J\n\u202e", "x" * 5_000),), 1))["message"]
    assert said.isprintable()
    assert len(said) == 4_000
