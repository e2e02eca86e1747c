"""Where the seconds of a full verdict on one variant go, read from its report or from a run made here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from meta_tests.benchmarks.figures import held, seconds
from meta_tests.repeats import run
from raxe_conformance import ModelRegistry
from raxe_conformance.checks.table import catalogue

TARGET_S = 90.0
SHOWN_S = 0.5  # checks that take less are told together


def suite(models: Path) -> None:
    """A run of all suites on the best variant that is built, and where its time went."""
    best = ModelRegistry(models).get_best_model().model_id
    reports: list[dict[str, Any]] = []
    print(f"variant {best}")
    wall = seconds(lambda: reports.append(run(best, ["--raxe-models", str(models.resolve())])))
    print(where(reports[0], wall))


def from_file(path: Path) -> None:
    """The same of a report that was written before; its own clock goes by whole seconds."""
    report = json.loads(path.read_text(encoding="utf-8"))
    started, finished = (datetime.fromisoformat(report[name]) for name in ("started", "finished"))
    print(where(report, (finished - started).total_seconds()))


def where(report: Mapping[str, Any], wall: float) -> str:
    """Lines: the checks that took long and what they read, all others, what no check took, the whole by its target.

    A measurement is made for the first check that reads it, which pays for all that read it later.
    """
    known = catalogue()
    lines, rest, groups = [], [], defaultdict(float)
    for check in sorted(report["checks"], key=lambda check: -check["seconds"]):
        groups[check["group"]] += check["seconds"]
        if check["seconds"] < SHOWN_S:
            rest.append(check["seconds"])
            continue
        reads = ", ".join(known[check["id"]].needs) if check["id"] in known else "unknown here"
        lines.append(_line(check["seconds"], wall, f"{check['id']} {check['title']} (reads {reads})"))
    checks = sum(groups.values())
    lines.append(_line(sum(rest), wall, f"{len(rest)} other checks"))
    lines.append(_line(wall - checks, wall, "start, collection and report"))
    by_group = ", ".join(f"{name} {taken:.1f} s" for name, taken in sorted(groups.items(), key=lambda item: -item[1]))
    return "\n".join([*lines, f"  by group: {by_group}", f"  in all {held(wall, TARGET_S, 's')}"])


def _line(taken: float, wall: float, what: str) -> str:
    return f"  {taken:6.1f} s {taken / wall:4.0%}  {what}" if wall > 0.0 else f"  {taken:6.1f} s        {what}"
