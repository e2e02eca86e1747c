"""How far figures moved between two runs, and what would show a change, in words."""

from __future__ import annotations

import math

from raxe_conformance.checks.reading import Statistic
from raxe_conformance.checks.table import Gate
from raxe_conformance.verdict.compare_figures import OTHER_MACHINE, Shift, would_show
from raxe_conformance.verdict.compare_texts import Texts
from raxe_conformance.verdict.judge import number


def by_text(texts: Texts | None) -> str:
    """How far the texts moved that a latency comes from, to stand behind how far the latency did."""
    if texts is None:
        return ""
    high = "∞" if math.isinf(texts.high) else f"{texts.high:.3g}"
    which = f"{texts.n} slowest texts" if texts.n > 1 else "slowest text"
    return f"; the typical one of the {which} {texts.value:.3g} times ({texts.low:.3g} to {high})"


def by(shift: Shift, unit: str) -> str:
    """How far a figure moved, in words."""
    if shift.kind == "ratio":
        high = "∞" if math.isinf(shift.high) else f"{shift.high:.3g}"
        return f"{shift.value:.3g} times ({shift.low:.3g} to {high}) in units of the kernel"
    if shift.low == shift.high:
        # number() rounds to three digits, which hides a byte.
        return f"by {shift.value:+.9g} {unit}".rstrip()
    return f"by {number(shift.value, unit)} ({number(shift.low, unit)} to {number(shift.high, unit)})"


def what_would_show(readings: tuple[Statistic, Statistic], shift: Shift, texts: Texts | None, gate: Gate) -> str:
    """What would show a change where none is shown."""
    marks = [getattr(reading, "disturbed", ()) for reading in readings]
    shares = [sum(lost > 0.0 for lost in mark) / max(1, len(mark)) for mark in marks]
    quieter = ""
    if max(shares) >= 0.01:
        quieter = f"needs a quieter machine ({shares[0]:.0%} of the calls were disturbed before, {shares[1]:.0%} now)"
    edge = would_show(shift, gate.op)
    if texts is not None and texts.low > 0.0:
        of_texts = shift.least * texts.value / texts.low
        edge = of_texts if edge is None else min(edge, of_texts)
    if edge is None:
        return quieter or "needs more samples: the intervals have no end"
    shown = f"{edge:.3g} times" if shift.kind == "ratio" else f"a change by {number(edge, gate.unit)}"
    if shift.least == OTHER_MACHINE:
        shown += ", since these are two machines,"
    return f"{quieter + ', or ' if quieter else ''}{shown} would show as worse"
