"""The release gates over earlier runs: a small chart a gate, and the figures behind it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from raxe_conformance.report.history import Entry, GateThen
from raxe_conformance.report.html.canvas import Axis, Plot, linear_axis, log_axis
from raxe_conformance.report.html.charts import Chart
from raxe_conformance.report.html.words import VERDICT_CLASS, figure

MOST = 60  # runs a chart shows


def history_view(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Charts and rows of the history, the oldest entry first; None where there is nothing to compare."""
    if len(entries) < 2:
        return None
    shown = entries[-MOST:]
    metrics = {gate.metric: gate for entry in shown for gate in entry.gates}
    return {
        "charts": [_chart(gate, shown) for gate in metrics.values()],
        "columns": [gate.title for gate in metrics.values()],
        "rows": [
            {
                "model_id": entry.model_id,
                "finished": entry.finished,
                "commit": entry.commit or "none",
                "verdict": entry.verdict,
                "cells": [_cell(_gate(entry, metric)) for metric in metrics],
            }
            for entry in reversed(shown)
        ],
    }


def _gate(entry: Entry, metric: str) -> GateThen | None:
    return next((gate for gate in entry.gates if gate.metric == metric), None)


def _cell(gate: GateThen | None) -> str:
    return "not judged" if gate is None else figure(gate.value, gate.unit, "not measured")


def _chart(latest: GateThen, entries: Sequence[Entry]) -> Chart:
    """One gate: a line a variant, dots by verdict, whiskers where there is an interval, the limit."""
    points = [
        (position, entry, gate)
        for position, entry in enumerate(entries)
        if (gate := _gate(entry, latest.metric)) is not None and gate.value is not None
    ]
    ends = [v for _, _, g in points for v in (g.value, g.low, g.high) if v is not None] + [latest.limit]
    unit = latest.unit
    caption = unit or latest.title
    if unit == "ms":
        up = log_axis(max(1e-4, min(v for v in ends if v > 0.0)), max(ends), caption)
    else:
        up = linear_axis(max(ends), caption)
    said = "; ".join(f"{_when(e)} {e.model_id}: {figure(g.value, unit)}, {g.verdict}" for _, e, g in points)
    plot = Plot(f"{latest.title} over earlier runs", said or "never measured", _runs_axis(entries), up)
    plot.limit(latest.limit, f"limit {figure(latest.limit, unit)}", upright=False)
    by_model = sorted(points, key=lambda point: point[1].model_id)
    for model_id, group in groupby(by_model, key=lambda point: point[1].model_id):
        own = list(group)
        plot.line([(float(position), g.value or 0.0) for position, _, g in own], "main")
        for position, _, g in own:
            if g.low is not None and g.high is not None and g.low != g.high:
                plot.whisker(float(position), g.low, g.value or 0.0, g.high)
            word = model_id[:28] if position == own[-1][0] else ""
            plot.dot(float(position), g.value or 0.0, VERDICT_CLASS[g.verdict], word)
    return Chart(latest.title, plot.markup(), f"{latest.title}: {len(points)} runs, dots coloured by the verdict then.")


def _when(entry: Entry) -> str:
    return f"{entry.finished[:10]} {entry.commit[:7] if entry.commit else ''}".strip()


def _runs_axis(entries: Sequence[Entry]) -> Axis:
    """The runs one after another, marked at the first, the last and one in between."""
    last = len(entries) - 1
    marked = sorted({0, last // 2, last} if last > 3 else {0, last})
    return Axis(-0.5, last + 0.5, "runs, by date", False, [(float(i), entries[i].finished[:10]) for i in marked])
