"""From an interval and a limit to an outcome."""

from __future__ import annotations

import math

from raxe_conformance.verdict.intervals import Estimate
from raxe_conformance.verdict.outcome import Limit, Outcome


def decide(found: Estimate, gate: Limit, *, point: bool = False) -> Outcome:
    """PASS when the figure is on the right side of the limit, FAIL on the wrong one, bounds included unless `point`.

    The limit itself is on the wrong side of both "<" and ">". What is not a number decides nothing.
    """
    low, high = (found.value, found.value) if point else (found.low, found.high)
    if math.isnan(found.value) or math.isnan(low) or math.isnan(high):
        return Outcome.INCONCLUSIVE
    if gate.op == "<":
        if high < gate.limit:
            return Outcome.PASS
        return Outcome.FAIL if low >= gate.limit else Outcome.INCONCLUSIVE
    if low > gate.limit:
        return Outcome.PASS
    return Outcome.FAIL if high <= gate.limit else Outcome.INCONCLUSIVE
