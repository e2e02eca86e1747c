"""`python -m meta_tests.repeats`: the whole gate again and again on one variant, and how far its verdicts spread.

A verdict that is PASS in one run and FAIL in another of the same files would be the worst fault of this instrument.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from raxe_conformance.verdict.judge import number

Report = dict[str, Any]


def contradictions(reports: Iterable[Report]) -> list[str]:
    """The checks that are PASS in one report and FAIL in another."""
    seen: dict[str, set[str]] = {}
    for report in reports:
        for check in report["checks"]:
            seen.setdefault(check["id"], set()).add(check["verdict"])
    return sorted(check_id for check_id, verdicts in seen.items() if {"PASS", "FAIL"} <= verdicts)


def table(reports: Sequence[Report]) -> str:
    """Markdown: verdicts and spread of each gate, and of each rule that was ever something else than PASS."""
    lines = ["| check | limit | measured, least to most | verdicts |", "|---|---|---|---|"]
    for check in reports[0]["checks"]:
        same = [c for report in reports for c in report["checks"] if c["id"] == check["id"]]
        verdicts = Counter(c["verdict"] for c in same)
        gate = check["gate"]
        if gate is None and set(verdicts) == {"PASS"}:
            continue
        values = sorted(c["evidence"]["value"] for c in same if c["evidence"] and c["evidence"]["value"] is not None)
        unit = gate["unit"] if gate else ""
        spread = f"{number(values[0], unit)} to {number(values[-1], unit)}" if values else ""
        limit = f"{gate['op']} {number(gate['limit'], unit)}" if gate else ""
        said = ", ".join(f"{verdict} {count}" for verdict, count in sorted(verdicts.items()))
        lines.append(f"| {check['id']} {check['title']} | {limit} | {spread} | {said} |")
    overall = Counter(report["verdict"] for report in reports)
    lines.append(f"| the variant | | | {', '.join(f'{v} {n}' for v, n in sorted(overall.items()))} |")
    return "\n".join(lines)


def run(model_id: str, arguments: Sequence[str]) -> Report:
    """One run of the suites, as a user starts it. Raises RuntimeError where it made no report."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "suites"]
        # pytest would take a folder that stands by itself for one of tests.
        command += ["--raxe-model", model_id, f"--raxe-report-dir={folder}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        path = Path(folder, f"{model_id}.json")
        if not path.is_file():
            raise RuntimeError(f"no report: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        report: Report = json.loads(path.read_text(encoding="utf-8"))
        return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m meta_tests.repeats", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="v1.0_minilm_l6_int8")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("pytest_arguments", nargs="*", help="after --: more for pytest, such as -m latency")
    chosen = parser.parse_args()
    reports = []
    for turn in range(chosen.times):
        reports.append(run(chosen.model, chosen.pytest_arguments))
        print(f"{turn + 1} of {chosen.times}: {reports[-1]['verdict']}", file=sys.stderr)
    print(table(reports))
    against = contradictions(reports)
    if against:
        print(f"PASS in one run and FAIL in another: {', '.join(against)}")
    return 1 if against else 0


if __name__ == "__main__":
    sys.exit(main())
