"""The table at the end of a run: gate, measured, interval, limit, verdict."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, Literal

from raxe_conformance.errors import one_line
from raxe_conformance.verdict.judge import number

_STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}
# What needs attention stands first.
_ORDER = {
    (verdict, level): position
    for position, (verdict, level) in enumerate(product(("FAIL", "INCONCLUSIVE", "PASS"), ("MUST", "SHOULD")))
}
_SHORT = {"requests/s": "/s"}  # the title of the gate says what is counted
_WIDEST = 140  # beyond it the eye loses the line


def _figure(value: float | None, unit: str, infinite: str) -> str:
    return infinite if value is None else number(value, unit)


def _row(record: dict[str, Any]) -> tuple[str, str, str, str]:
    gate, evidence = record["gate"], record["evidence"]
    unit = _SHORT.get(gate["unit"], gate["unit"]) if gate else ""
    limit = f"{gate['op']} {number(gate['limit'], unit)}" if gate else ""
    if gate is None or evidence is None:
        return record["title"], "", "", limit
    low, high = evidence["low"], evidence["high"]
    # The unit stands beside it, in "measured" and in "limit".
    bounds = [_figure(value, unit, infinite).removesuffix(f" {unit}") for value, infinite in ((low, "−∞"), (high, "∞"))]
    interval = "exact" if low == high else " – ".join(bounds)
    return record["title"], _figure(evidence["value"], unit, "none"), interval, limit


def _generalisation(table: dict[str, Any] | None) -> str:
    if table is None:
        return "Unseen sources: no table for this bundle (raxe-conformance benchmark --protocol lodo)"
    summary, mixed = table["summary"], table.get("random_split")
    unseen = (
        f"Unseen sources: recall {summary.get('recall_mean')} (worst {summary.get('recall_worst')}), "
        f"FPR {summary.get('fpr_mean')} (worst {summary.get('fpr_worst')})"
    )
    if mixed is None:
        return unseen
    return f"{unseen}; random split of the same sources: recall {mixed['recall']['rate']}, FPR {mixed['fpr']['rate']}"


def of_runs(rate: float) -> str:
    """An error rate as people say it, never smaller than it is: "1 of 10^6", "5 of 100", "half"."""
    if rate >= 0.5:
        return "half"
    if rate <= 0.0001:
        return f"1 of 10^{math.floor(-math.log10(rate) + 1e-9)}"
    return f"1 of {math.floor(1 / rate + 1e-9)}" if rate < 0.01 else f"{math.ceil(100 * rate - 1e-9)} of 100"


def _release(found: dict[str, Any]) -> str:
    """The release verdict and how sure it is, in one line."""
    rate, gates = found["error_rate"], len(found["gates"])
    if rate is None:
        claim = "claims nothing"
    elif rate == 0.0:
        claim = found["method"]
    else:
        claim = f"by chance in at most {of_runs(rate)} such runs ({found['method']})"
    line = f"Release verdict {found['verdict']}: {claim}"
    if found["survives"] is False:
        line += f"; more than {of_runs(found['each'])}, so it stands by its gate and not over all gates"
    elif found["verdict"] == "FAIL" and rate and gates > 1:
        line += f"; gate by gate, uncorrected, up to {of_runs(found['uncorrected'])} would fail by chance"
    return line


def _worst(found: list[dict[str, Any]]) -> str:
    """The worst slice by recall and by FPR, in one line."""
    said = []
    for metric, name, side in (("recall", "recall", "at most"), ("fpr", "FPR", "at least")):
        for part in [part for part in found if part["metric"] == metric][:1]:
            bound = f"{side} {number(part['bound'], '')}, n = {part['n']}"
            said.append(f"{name} {number(part['rate'], '')} on {part['by']} {part['value']} ({bound})")
    return f"Worst slices: {'; '.join(said)}"


def _unclaimed(report: dict[str, Any]) -> dict[str, list[str]]:
    """The ids of checks that the variant does not claim, by reason."""
    found: dict[str, list[str]] = {}
    for check in report["not_claimed"]:
        found.setdefault(check["reason"], []).append(check["id"])
    return found


def shown_checks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records that a reader has to see: gates that are a MUST, and whatever does not pass, failures first."""
    shown = [r for r in report["checks"] if r["verdict"] != "PASS" or (r["gate"] and r["level"] == "MUST")]
    return sorted(shown, key=lambda record: _ORDER[record["verdict"], record["level"]])


def verdict_table(report: dict[str, Any], path: Path | None, *, width: int, color: bool) -> str:
    """A variant's verdicts as text of at most `width` columns: gates that are a MUST, and whatever does not pass."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # Names and figures that files declare may look like markup, or like what terminals take for commands.
    model, verdict = escape(one_line(report["model"]["model_id"])), report["verdict"]
    # No box and narrow gaps: seven columns fit 80 characters; the title of a gate is folded, and a long interval.
    table = Table(
        title=f"{model}: {verdict}", title_style=_STYLES[verdict], title_justify="left", box=None, pad_edge=False,
        padding=(0, 1, 0, 0) if width < 100 else (0, 2, 0, 0),
    )  # fmt: skip
    for name in ("check", "level", "gate", "measured", "interval", "limit", "verdict"):
        justify: Literal["left", "right"] = "right" if name in ("measured", "interval", "limit") else "left"
        table.add_column(
            name, overflow="fold", justify=justify, no_wrap=name not in ("gate", "interval", "verdict"),
            min_width=16 if name == "gate" and width >= 80 else None,
        )  # fmt: skip
    shown = shown_checks(report)
    for record in shown:
        gate, measured, interval, limit = _row(record)
        style = _STYLES[record["verdict"]]
        said = record["verdict"] + (" (waived)" if record["waived"] else "")
        table.add_row(record["id"], record["level"], escape(gate), measured, interval, limit, f"[{style}]{said}[/]")
    console = Console(
        file=io.StringIO(), width=min(width, _WIDEST), force_terminal=color, no_color=not color, highlight=False
    )
    console.print(table if shown else f"[{_STYLES[verdict]}]{model}: {verdict}[/]")
    hidden = len(report["checks"]) - len(shown)
    if hidden:
        console.print(f"{hidden} other checks hold.")
    for record in shown:
        if record["waived"] or (record["verdict"] != "PASS" and (not record["gate"] or record["verdict"] != "FAIL")):
            console.print(
                f"{record['id']} {record['level']} {record['verdict']}: {escape(record['message'])}", soft_wrap=True
            )
    console.print(_release(report["release"]), soft_wrap=True)
    if report["worst_slices"]:
        console.print(escape(_worst(report["worst_slices"])), soft_wrap=True)
    if report["not_judged"]:
        console.print(f"Not judged in this run: {', '.join(report['not_judged'])}", soft_wrap=True)
    for reason, ids in _unclaimed(report).items():
        console.print(f"Not claimed, so not judged ({reason}): {', '.join(ids)}", soft_wrap=True)
    if report["model"]["files"]:
        console.print(escape(one_line(_generalisation(report["generalisation"]))), soft_wrap=True)
    corpus = report["corpus"]
    console.print(
        f"{corpus['rows']} rows ({corpus['benign']} benign, {corpus['attacks']} attacks), "
        f"{report['environment']['cpu']}, {report['environment']['cores']} cores, profile {report['profile']['name']}",
        soft_wrap=True,
    )
    if path is not None:
        console.print(escape(f"Report: {one_line(path)}"), soft_wrap=True)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()
