"""What the suite's benchmark makes of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meta_tests.benchmarks.suite import from_file, where


def check(check_id: str, group: str, seconds: float) -> dict[str, Any]:
    return {"id": check_id, "title": f"title of {check_id}", "group": group, "seconds": seconds}


REPORT = {
    "started": "2026-01-02T03:04:05+00:00",
    "finished": "2026-01-02T03:05:25+00:00",
    "checks": [
        check("SCH-001", "schema", 0.25), check("LAT-001", "latency", 40.0), check("LAT-002", "latency", 0.25),
        check("ACC-001", "accuracy", 0.5), check("OLD-001", "accuracy", 20.0),
    ],
}  # fmt: skip


def test_long_checks_stand_first_and_the_shares_are_those_of_the_whole() -> None:
    assert where(REPORT, 80.0).splitlines() == [
        "    40.0 s  50%  LAT-001 title of LAT-001 (reads latency)",
        "    20.0 s  25%  OLD-001 title of OLD-001 (reads unknown here)",
        "     0.5 s   1%  ACC-001 title of ACC-001 (reads scores)",
        "     0.5 s   1%  2 other checks",
        "    19.0 s  24%  start, collection and report",
        "  by group: latency 40.2 s, accuracy 20.5 s, schema 0.2 s",
        "  in all 80 s, limit 90 s: holds",
    ]


@pytest.mark.parametrize(("finished", "said"), [("03:05:25", "80 s, limit 90 s: holds"), ("03:05:35", "MISSED")])
def test_a_report_is_read_by_its_own_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], finished: str, said: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**REPORT, "finished": f"2026-01-02T{finished}+00:00"}), encoding="utf-8")
    from_file(path)
    assert capsys.readouterr().out.rstrip().endswith(said)


def test_a_report_whose_clock_did_not_move_has_no_shares() -> None:
    assert "%" not in where(REPORT, 0.0)
