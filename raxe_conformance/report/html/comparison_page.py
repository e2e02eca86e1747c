"""What a comparison of two runs shows, gathered for its template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raxe_conformance.report.baseline_terminal import SAID, moved, ordered
from raxe_conformance.report.html.words import VERDICT_CLASS, figure

CHANGE_CLASS = {"REGRESSED": "bad", "IMPROVED": "good", "CANNOT COMPARE": "open", "NO CHANGE SHOWN": "soft"}
MOST_ROWS = 200


def comparison_view(record: Mapping[str, Any]) -> dict[str, Any]:
    """The values that `comparison` of comparison.html.j2 takes, from a comparison as JSON."""
    first = ordered(dict(record))
    shown = {check["id"] for check in first}
    rows = record["flipped"] or []
    return {
        "before": record["before"],
        "after": record["after"],
        "kind": VERDICT_CLASS[record["verdict"]],
        "said": SAID[record["verdict"]],
        "first": [_row(check) for check in first],
        "others": [_row(check) for check in record["checks"] if check["id"] not in shown],
        "flipped": rows[:MOST_ROWS],
        "flips": None if record["flipped"] is None else len(rows),
        "not_compared": record["not_compared"],
        "circumstances": record["circumstances"],
        "kinds": CHANGE_CLASS,
    }


def _row(check: Mapping[str, Any]) -> dict[str, Any]:
    unit = check["gate"]["unit"] if check["gate"] else ""
    return {
        "check": check,
        "before": _figure(check["before"], unit),
        "after": _figure(check["after"], unit),
        "moved": moved(dict(check)),
    }


def _figure(found: Mapping[str, Any] | None, unit: str) -> str:
    return "" if found is None else figure(found["value"], unit)
