"""The tables of a variant's page, as rows for the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from raxe_conformance.measure.evidence import Latency, Scores
from raxe_conformance.report.html.canvas import bar
from raxe_conformance.report.html.charts import milliseconds, percent
from raxe_conformance.report.html.curves import confusion, quantile, worst
from raxe_conformance.report.html.visible import TEXT, visible
from raxe_conformance.verdict.judge import number

LARGE = 30  # rows from which a part's interval decides how far the bars of its table reach


@dataclass(frozen=True)
class BarRow:
    """A line of a table: its name, the words of its cells, and a bar (None: nothing to draw)."""

    name: str
    cells: tuple[str, ...]
    picture: Markup | None


@dataclass(frozen=True)
class Table:
    """A table with a bar in the last column."""

    caption: str
    columns: tuple[str, ...]
    rows: list[BarRow]


@dataclass(frozen=True)
class Wrong:
    """A row that was decided wrongly, in words. text: cut and made visible, None where the benchmark is not at hand."""

    id: str
    score: str
    what: str
    text: str | None


def rate_row(name: str, n: int, rate: float, low: float, high: float, metric: str, top: float = 1.0) -> BarRow:
    """A rate of n rows with its interval."""
    between = f"{percent(low)} to {percent(high)}"
    said = f"{name}: {metric} {percent(rate)} ({between}), {n} rows"
    return BarRow(name, (f"{n:,}", percent(rate), between), bar(rate, top, said, interval=(low, high)))


def _alarm_scale(found: list[Mapping[str, Any]]) -> float:
    """Where bars of small rates end: at the widest interval of the parts that are large enough to have a narrow one."""
    large = [s["high"] for s in found if s["n"] >= LARGE]
    return min(1.0, max(0.05, 1.1 * max(large))) if large else 1.0


METRICS = {"recall": "recall", "fpr": "false positive rate"}


def slice_tables(report: Mapping[str, Any]) -> list[Table]:
    """A table for each way to slice and each metric, the worst slices first (lengths in their order)."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for found in report["slices"]:
        groups.setdefault((found["by"], "recall" if "recall" in found else "fpr"), []).append(found)
    order = {name: i for i, name in enumerate(("family", "length", "kind", "language", "source", "subfamily"))}
    tables = []
    for (by, metric), found in sorted(groups.items(), key=lambda item: (order.get(item[0][0], 9), *item[0])):
        if by == "length":
            found.sort(key=lambda s: int(s["value"].split("-")[0]) if s["value"][:1].isdigit() else 10**9)
        else:
            found.sort(key=lambda s: (s[metric] if metric == "recall" else -s[metric], -s["n"], s["value"]))
        top = 1.0 if metric == "recall" else _alarm_scale(found)
        rows = [rate_row(s["value"], s["n"], s[metric], s["low"], s["high"], METRICS[metric], top) for s in found]
        scale = "" if top == 1.0 else f" (bars end at {percent(top)})"
        tables.append(
            Table(f"{METRICS[metric].capitalize()} by {by}{scale}", (by, "rows", METRICS[metric], "interval"), rows)
        )
    return tables


def worst_slice(found: Mapping[str, Any]) -> str:
    """One of the worst slices in words, with the bound that holds over all slices that were compared."""
    side = "at most" if found["metric"] == "recall" else "at least"
    return (
        f"{METRICS[found['metric']].capitalize()} {percent(found['rate'])} on {found['by']} {found['value']}: "
        f"{side} {percent(found['bound'])}, as the worst of {found['of']}; {found['n']} rows."
    )


def figure_row(found: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Name, value, interval, number and method of a figure that no gate rests on."""
    value = "none" if found["value"] is None else number(found["value"], "")
    bounds = found["low"], found["high"]
    between = "" if None in bounds else f"{number(bounds[0], '')} to {number(bounds[1], '')}"
    return found["name"].replace("_", " "), value, between, f"{found['n']:,}", found["method"]


def size_table(report: Mapping[str, Any]) -> Table:
    """The files that ship, and what the size gate counts of them with its limit, in MB (10^6 bytes)."""
    files = sorted(report["model"]["files"], key=lambda f: -f["bytes"])
    gate = next((c for c in report["checks"] if c["gate"] and c["gate"]["metric"] == "size_mb"), None)
    counted = gate["evidence"]["value"] if gate and gate["evidence"] else None
    limit = gate["gate"]["limit"] if gate else None
    top = max([f["bytes"] / 1e6 for f in files] + [counted or 0.0, limit or 0.0, 1e-6]) * 1.05
    rows = []
    for file in files:
        size = file["bytes"] / 1e6
        words = f"{size:,.3f} MB"
        rows.append(BarRow(file["path"], (words, file["sha256"]), bar(size, top, f"{file['path']}: {words}")))
    if counted is not None:
        words = f"{counted:,.3f} MB"
        picture = bar(counted, top, f"what the size gate counts: {words}, limit {limit:g} MB", limit=limit)
        rows.append(BarRow("what the size gate counts", (words, ""), picture))
    return Table("Size by file", ("file", "size", "SHA-256"), rows)


def stage_table(latency: Latency, limits: Mapping[str, float]) -> Table | None:
    """Where the time of a call goes. limits: of P95, in ms by stage, where the profile has them."""
    said = {stage: [s for s in samples if s is not None] for stage, samples in latency.stages_ms.items()}
    times = {stage: samples for stage, samples in said.items() if samples}
    if not times:
        return None
    means = {stage: sum(s) / len(s) for stage, s in times.items()}
    tails = {stage: quantile(s, 0.95) for stage, s in times.items()}
    whole = sum(latency.samples_ms) / len(latency.samples_ms)
    top = max([*tails.values(), *limits.values(), 1e-6]) * 1.05
    rows = []
    for stage, samples in times.items():
        words = tuple(milliseconds(v) for v in (quantile(samples, 0.5), means[stage], tails[stage]))
        share = percent(means[stage] / whole) if whole else ""
        allowed = limits.get(stage)
        words_said = f"{stage}: P95 {words[2]}, mean {words[1]}, {share} of a call"
        words_said += "" if allowed is None else f", limit {allowed:g} ms"
        rows.append(
            BarRow(
                stage,
                (*words, "" if allowed is None else f"{allowed:g} ms", share),
                bar(tails[stage], top, words_said, limit=allowed),
            )
        )
    return Table(
        "Time by stage (bars: P95; red line: its budget)",
        ("stage", "P50", "mean", "P95", "budget of P95", "share of a call"),
        rows,
    )


def source_tables(table: Mapping[str, Any]) -> list[Table]:
    """The leave-one-source-out table: recall and false positive rate on each source when fitted without it."""
    tables = []
    for metric, name in METRICS.items():
        found = [s for s in table.get("sources", ()) if metric in s]
        found.sort(key=lambda s: s[metric]["rate"] * (1 if metric == "recall" else -1))
        rows = [
            rate_row(s["source"], s[metric]["n"], s[metric]["rate"], s[metric]["low"], s[metric]["high"], name)
            for s in (*found, *(s for s in [table.get("random_split", {})] if metric in s))
        ]
        if rows:
            tables.append(
                Table(
                    f"{name.capitalize()} on sources that were left out of the fit",
                    ("source", "rows", name, "interval"),
                    rows,
                )
            )
    return tables


def confusion_table(scores: Scores) -> dict[str, Any]:
    """True label by what the detector said, each cell with its count and its share of the row in percent."""
    labels, columns, counts = confusion(scores)
    rows = []
    for label in labels:
        cells = [counts.get((label, column), 0) for column in columns]
        total = sum(cells)
        rows.append({
            "label": label, "total": total,
            "cells": [
                {"count": n, "share": round(100 * n / total), "right": column == label}
                for n, column in zip(cells, columns, strict=True)
            ],
        })  # fmt: skip
    return {"columns": columns, "rows": rows}


def wrong_rows(scores: Scores, texts: Mapping[str, str], *, attacks: bool) -> tuple[list[Wrong], int]:
    """The worst misses (attacks) or false alarms, and how many there are in all."""
    found, total = worst(scores, attacks=attacks)
    rows = []
    for item in found:
        i = item.position
        parts = (scores.labels[i], scores.subfamilies[i], scores.kinds[i], scores.languages[i])
        text = texts.get(scores.ids[i])
        rows.append(
            Wrong(
                id=scores.ids[i],
                score="no answer" if item.score is None else f"{item.score:.4f}",
                what=", ".join(part for part in parts if part),
                text=None if text is None else visible(text, TEXT),
            )
        )
    return rows, total
