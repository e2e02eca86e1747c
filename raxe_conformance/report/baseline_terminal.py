"""What changed between two runs, as text: what needs attention first, then the gates that must hold."""

from __future__ import annotations

import io
import math
from typing import Any

from raxe_conformance.errors import one_line
from raxe_conformance.verdict.judge import number

STYLES = {"REGRESSED": "bold red", "CANNOT COMPARE": "yellow", "IMPROVED": "green", "NO CHANGE SHOWN": ""}
SAID = {
    "FAIL": "REGRESSED: a MUST is worse than before",
    "INCONCLUSIVE": "CANNOT TELL: a gate that must hold cannot be compared",
    "PASS": "no MUST is shown to be worse",
}
MOST_ROWS = 12
_WIDEST = 140


def ordered(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The checks of a comparison that are worth a line: what changed or cannot be compared, and the gates that must
    hold. Regressions first, a MUST before a SHOULD."""
    order = list(STYLES)
    shown = [c for c in record["checks"] if c["change"] != "NO CHANGE SHOWN" or (c["gate"] and c["level"] == "MUST")]
    return sorted(shown, key=lambda c: (order.index(c["change"]), c["level"]))


def moved(check: dict[str, Any]) -> str:
    """How far a figure moved, short: its interval as a ratio or difference, or the rows that changed."""
    rows, shift = check["rows"], check["shift"]
    if rows is not None:
        return f"{rows['became_wrong']} wrong, {rows['became_right']} right"
    if shift is None:
        return ""
    low, high = _bounds(shift)
    if shift["kind"] == "ratio":
        if check["texts"] is not None:
            # Of two intervals of the same change, the one that says more.
            low, high = min((low, high), _bounds(check["texts"]), key=lambda bounds: bounds[1] - bounds[0])
        return f"× {low:.3g} – {high:.3g}".replace("inf", "∞")
    words = [f"{low:+.6g}"] if low == high else [f"{low:+.3g}", f"{high:+.3g}"]
    return " – ".join(words).replace("inf", "∞").replace("-", "−")


def _bounds(found: dict[str, Any]) -> tuple[float, float]:
    low, high = found["low"], found["high"]
    return -math.inf if low is None else low, math.inf if high is None else high


def flipped_line(record: dict[str, Any]) -> str | None:
    """The rows that flipped, by id, in one line; None where none did or they are not the same rows."""
    rows = record["flipped"]
    if not rows:
        return None
    said = []
    for word, right in (("became wrong", False), ("became right", True)):
        ids = [one_line(row["id"], 60) for row in rows if row["right_now"] is right]
        if ids:
            more = f" and {len(ids) - MOST_ROWS} more" if len(ids) > MOST_ROWS else ""
            said.append(f"{word}: {', '.join(ids[:MOST_ROWS])}{more}")
    return f"Rows that flipped: {len(rows)}; {'; '.join(said)}"


def comparison_table(record: dict[str, Any], *, width: int, color: bool) -> str:
    """A comparison as text of at most `width` columns."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(
        file=io.StringIO(), width=min(width, _WIDEST), force_terminal=color, no_color=not color, highlight=False
    )
    shown = ordered(record)
    table = Table(
        title=escape(f"Against {_named(record)}: {SAID[record['verdict']]}"), title_justify="left", box=None,
        title_style={"FAIL": "bold red", "INCONCLUSIVE": "yellow", "PASS": "green"}[record["verdict"]],
        pad_edge=False, padding=(0, 1, 0, 0) if width < 100 else (0, 2, 0, 0),
    )  # fmt: skip
    for name in ("check", "level", "gate", "before", "now", "moved", "change"):
        table.add_column(
            name, overflow="fold", justify="right" if name in ("before", "now", "moved") else "left",
            no_wrap=name in ("check", "level"),
        )  # fmt: skip
    for check in shown:
        unit = check["gate"]["unit"] if check["gate"] else ""
        was, now = (_value(check[side], unit) for side in ("before", "after"))
        style = STYLES[check["change"]]
        change = f"[{style}]{check['change']}[/]" if style else check["change"]
        table.add_row(check["id"], check["level"], escape(check["title"]), was, now, moved(check), change)
    console.print(table)
    hidden = len(record["checks"]) - len(shown)
    if hidden:
        console.print(f"{hidden} other checks show no change.")
    for check in (c for c in shown if c["level"] == "MUST" or c["change"] == "CANNOT COMPARE"):
        console.print(escape(f"{check['id']} {check['change']}: {check['message']}"), soft_wrap=True)
    if (line := flipped_line(record)) is not None:
        console.print(escape(line), soft_wrap=True)
    if record["not_compared"]:
        console.print(f"In the baseline only: {', '.join(record['not_compared'])}", soft_wrap=True)
    for other in record["circumstances"]:
        console.print(escape(f"Also different: {other['name']}: {other['before']} → {other['after']}"), soft_wrap=True)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def _value(found: dict[str, Any] | None, unit: str) -> str:
    if found is None:
        return ""
    return "none" if found["value"] is None else number(found["value"], unit)


def _named(record: dict[str, Any]) -> str:
    before, after = record["before"], record["after"]
    parts = [before["started"]] if before["model_id"] == after["model_id"] else [before["model_id"], before["started"]]
    return f"the baseline ({', '.join(one_line(part, 80) for part in parts)})"
