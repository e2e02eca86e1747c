"""What the index shows: every variant against every gate, and where they stand between size, speed and F1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from raxe_conformance.report.history import Entry
from raxe_conformance.report.html import charts
from raxe_conformance.report.html.history_charts import history_view
from raxe_conformance.report.html.page import limits
from raxe_conformance.report.html.words import VERDICT_CLASS, gate_row, sentence


def page_name(model_id: str) -> str:
    """The file of a variant's page."""
    return f"{model_id}.html"


def link(model_id: str) -> str:
    """The address of a variant's page from the index, whatever characters its id holds."""
    return "./" + quote(page_name(model_id), safe="")


def index_view(
    reports: Sequence[Mapping[str, Any]], refused: Sequence[tuple[str, str]], earlier: Sequence[Entry] = ()
) -> dict[str, Any]:
    """The values of index.html.j2. refused: file name and reason of the reports that are not shown.

    earlier: the runs of the folder's history, the oldest first.
    """
    gates = {c["id"]: c for report in reports for c in report["checks"] if c["gate"]}
    # What must hold comes first; paper shows no more than that.
    columns = {i: gates[i] for i in sorted(gates, key=lambda i: (gates[i]["level"] != "MUST", i))}
    bounds: dict[str, float] = {}
    for report in reports:
        bounds = {**limits(report), **bounds}
    rows = [
        {
            "report": report,
            "model_id": report["model"]["model_id"],
            "href": link(report["model"]["model_id"]),
            "kind": VERDICT_CLASS[report["verdict"]],
            "sentence": sentence(report),
            "cells": _cells(report, columns),
        }
        for report in reports
    ]
    points = [point for report in reports if (point := _point(report)) is not None]
    return {
        "columns": [(c["title"], c["level"].lower()) for c in columns.values()],
        "rows": rows,
        "refused": refused,
        "history": history_view(earlier),
        "chart": charts.gate_box_chart(points, bounds) if points else None,
        "undrawn": len(reports) - len(points),
        "kinds": VERDICT_CLASS,
    }


def _cells(report: Mapping[str, Any], columns: Iterable[str]) -> list[dict[str, Any] | None]:
    """One cell a column, None where this variant has no such check."""
    found = {c["id"]: c for c in report["checks"] if c["gate"]}
    cells: list[dict[str, Any] | None] = []
    for check_id in columns:
        record = found.get(check_id)
        if record is None:
            cells.append(None)
            continue
        row = gate_row(record)
        value = record["evidence"]["value"] if record["evidence"] else None
        cells.append(
            {"verdict": record["verdict"], "kind": row.kind, "measured": row.measured, "waived": record["waived"],
             "sort": "" if value is None else repr(float(value))}
        )  # fmt: skip
    return cells


def _point(report: Mapping[str, Any]) -> tuple[str, float, float, float | None] | None:
    """Name, MB, P95 in ms and F1; None where size or P95 was not measured."""
    values = {
        c["gate"]["metric"]: c["evidence"]["value"] for c in report["checks"] if c["gate"] and c["evidence"] is not None
    }
    size, time = values.get("size_mb"), values.get("latency_p95_ms")
    if size is None or time is None:
        return None
    return report["model"]["model_id"], size, time, values.get("binary_f1")
