"""How sure a gate's verdict is: the smallest error rate at which the interval rule would still give it."""

from __future__ import annotations

import math
from collections.abc import Callable

from raxe_conformance.checks.reading import Declarations, Exact, Statistic
from raxe_conformance.verdict.decide import decide
from raxe_conformance.verdict.declared import judge_declarations
from raxe_conformance.verdict.intervals import Estimate, estimate
from raxe_conformance.verdict.outcome import Limit, Outcome, Rules

LEAST = 1e-7  # below it, that the rows are independent is more in doubt than chance: smaller is not claimed
MOST = 0.5


def smallest_alpha(holds: Callable[[float], bool]) -> float:
    """The smallest error rate in LEAST..MOST at which `holds`, at most 1 % too large; 1 where it does at none.

    Intervals shrink as the error rate grows, so what holds at one holds at every larger one.
    """
    if not holds(MOST):
        return 1.0
    if holds(LEAST):
        return LEAST
    low, high = math.log(LEAST), math.log(MOST)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(math.exp(middle)) else (middle, high)
    return math.exp(high)


def rules_of(reading: Statistic, found: Estimate, gate: Limit, *, how_sure: bool) -> Rules:
    """What the interval rule and the point rule say of a reading whose estimate is `found`; p-values if `how_sure`."""
    interval, point = decide(found, gate), decide(found, gate, point=True)
    if isinstance(reading, Exact) or not how_sure:
        return Rules(interval, point, None, None)

    def p(outcome: Outcome) -> float:
        return smallest_alpha(lambda alpha: decide(estimate(reading, 1.0 - alpha), gate) is outcome)

    # The figure's own side is the only one that an interval around it can lie on.
    return Rules(
        interval,
        point,
        p(Outcome.PASS) if point is not Outcome.FAIL else 1.0,
        p(Outcome.FAIL) if point is not Outcome.PASS else 1.0,
    )


def rules_of_declarations(reading: Declarations, outcome: Outcome) -> Rules:
    """The same for declared figures, of which both rules say `outcome`.

    A PASS says only that none is refuted, which cannot be wrong: its error rate is 0.
    """
    p_fail = smallest_alpha(lambda alpha: judge_declarations(reading, 1.0 - alpha)[0] is Outcome.FAIL)
    return Rules(outcome, outcome, 0.0, p_fail)
