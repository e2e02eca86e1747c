"""The table at the end of a run: gate, measured, interval, limit, verdict."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from raxe_conformance.verdict.judge import number

_STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}


def _figure(value: float | None, unit: str, infinite: str) -> str:
    return infinite if value is None else number(value, unit)


def _row(record: dict[str, Any]) -> tuple[str, str, str, str]:
    gate, evidence = record["gate"], record["evidence"]
    limit = f"{gate['op']} {number(gate['limit'], gate['unit'])}" if gate else ""
    if gate is None or evidence is None:
        return record["title"], "", "", limit
    unit = gate["unit"]
    low, high = evidence["low"], evidence["high"]
    interval = "exact" if low == high else f"{_figure(low, unit, '−∞')} – {_figure(high, unit, '∞')}"
    return record["title"], _figure(evidence["value"], unit, "none"), interval, limit


def _generalisation(table: dict[str, Any] | None) -> str:
    if table is None:
        return "Unseen sources: no table for this bundle (raxe-conformance benchmark --protocol lodo)"
    summary, mixed = table["summary"], table["random_split"]
    return (
        f"Unseen sources: recall {summary.get('recall_mean')} (worst {summary.get('recall_worst')}), "
        f"FPR {summary.get('fpr_mean')} (worst {summary.get('fpr_worst')}); "
        f"random split of the same sources: recall {mixed['recall']['rate']}, FPR {mixed['fpr']['rate']}"
    )


def verdict_table(report: dict[str, Any], path: Path | None, *, width: int, color: bool) -> str:
    """A variant's verdicts as text of at most `width` columns; gates always, rules only where they do not pass."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    model, verdict = report["model"]["model_id"], report["verdict"]
    table = Table(title=f"{model}: {verdict}", title_style=_STYLES[verdict], title_justify="left", expand=False)
    for name in ("check", "level", "gate", "measured", "interval", "limit", "verdict"):
        table.add_column(
            name, overflow="fold", justify="right" if name in ("measured", "interval", "limit") else "left"
        )
    shown = [r for r in report["checks"] if r["gate"] or r["verdict"] != "PASS"]
    for record in shown:
        gate, measured, interval, limit = _row(record)
        style = _STYLES[record["verdict"]]
        said = record["verdict"] + (" (waived)" if record["waived"] else "")
        table.add_row(record["id"], record["level"], escape(gate), measured, interval, limit, f"[{style}]{said}[/]")
    console = Console(file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False)
    console.print(table if shown else f"[{_STYLES[verdict]}]{model}: {verdict}[/]")
    hidden = len(report["checks"]) - len(shown)
    if hidden:
        console.print(f"{hidden} rules without a figure hold.")
    for record in shown:
        if record["waived"] or (record["verdict"] != "PASS" and (not record["gate"] or record["verdict"] != "FAIL")):
            console.print(
                f"{record['id']} {record['level']} {record['verdict']}: {escape(record['message'])}", soft_wrap=True
            )
    if report["not_judged"]:
        console.print(f"Not judged in this run: {', '.join(report['not_judged'])}", soft_wrap=True)
    console.print(_generalisation(report["generalisation"]), soft_wrap=True)
    corpus = report["corpus"]
    console.print(
        f"{corpus['rows']} rows ({corpus['benign']} benign, {corpus['attacks']} attacks), "
        f"{report['environment']['cpu']}, {report['environment']['cores']} cores, profile {report['profile']['name']}",
        soft_wrap=True,
    )
    if path is not None:
        console.print(f"Report: {path}", soft_wrap=True)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()
