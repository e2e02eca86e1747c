"""The checks with a limit: which were measured, and what a table says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raxe_conformance.report.html.words import figure, interval
from raxe_conformance.verdict.judge import number


def gate_lines(checks: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each check as texts: id, level, title, measured, interval, limit, verdict; "" for what it does not have."""
    return [_line(check) for check in checks]


def measured_gates(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The checks with a limit and a figure that is a number."""
    return [
        check
        for check in report["checks"]
        if check["gate"] and check["evidence"] and check["evidence"]["value"] is not None
    ]


def _line(check: Mapping[str, Any]) -> dict[str, str]:
    gate, evidence = check["gate"], check["evidence"]
    unit = gate["unit"] if gate else ""
    return {
        **{key: check[key] for key in ("id", "level", "title")},
        "measured": figure(evidence["value"], unit) if evidence else "",
        "interval": interval(evidence, unit) if evidence else "",
        "limit": f"{gate['op']} {number(gate['limit'], unit)}" if gate else "",
        "verdict": check["verdict"] + (" (waived)" if check["waived"] else ""),
    }
