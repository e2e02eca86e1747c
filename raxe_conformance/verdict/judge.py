"""From a reading and a profile to a verdict. Pure: no clock, no file, no machine."""

from __future__ import annotations

import math
from itertools import count

from raxe_conformance.checks.reading import (
    F1,
    Declarations,
    Exact,
    Findings,
    Gain,
    IndependentMean,
    Mean,
    Proportion,
    Quantile,
    Rate,
    Reading,
    Unknown,
)
from raxe_conformance.checks.table import Check, Level
from raxe_conformance.errors import one_line
from raxe_conformance.verdict.decide import decide
from raxe_conformance.verdict.declared import judge_declarations
from raxe_conformance.verdict.independent import lost_share
from raxe_conformance.verdict.intervals import Estimate, clopper_pearson, estimate
from raxe_conformance.verdict.outcome import Limit, Outcome, Rules, Verdict
from raxe_conformance.verdict.profile import Profile
from raxe_conformance.verdict.quantiles import quantile_ranks
from raxe_conformance.verdict.series import at_look
from raxe_conformance.verdict.significance import rules_of, rules_of_declarations

_MOST_ROWS = 1_000_000
_MOST_SAID = 4_000  # characters


def judge(check: Check, reading: Reading, profile: Profile) -> Verdict:
    """The verdict on one check."""
    level = profile.levels.get(check.id, check.level)
    gate = (
        Limit(check.gate.metric, check.gate.op, profile.limits[check.gate.metric], check.gate.unit)
        if check.gate
        else None
    )
    found: Estimate | None = None
    rules: Rules | None = None
    match reading:
        case Unknown(reason, remedy):
            outcome, message = Outcome.INCONCLUSIVE, f"{reason}; {remedy}"
        case Findings(findings, looked_at):
            outcome = Outcome.FAIL if findings else Outcome.PASS
            more = f" (and {len(findings) - 3} more)" if len(findings) > 3 else ""
            message = " | ".join(map(str, findings[:3])) + more if findings else f"{looked_at} looked at"
            message += f"; {reading.note}" if reading.note else ""
        case Declarations():
            outcome, message = judge_declarations(reading, profile.confidence)
            rules = rules_of_declarations(reading, outcome) if level is Level.MUST else None
        case _:
            if gate is None:
                raise ValueError(f"{check.id} reads a statistic but declares no gate")
            found = estimate(reading, profile.confidence)
            rules = rules_of(reading, found, gate, how_sure=level is Level.MUST)
            outcome = rules.point if profile.decision == "point" else rules.interval
            message = word(found, gate)
            if outcome is Outcome.INCONCLUSIVE:
                message += f"; {what_would_decide(reading, gate, profile.confidence)}"
            if note := getattr(reading, "note", ""):
                message += f"; {note}"
    # What files say of themselves is in it, and terminals take some characters for commands.
    said = one_line(message, _MOST_SAID)
    return Verdict(check.id, check.title, check.group, level, check.spec, outcome, gate, found, said, rules=rules)


def number(value: float, unit: str) -> str:
    """A figure for people: rates to four places, the rest to three significant digits."""
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    # What rounds to 1000 would be written as 1e+03.
    return f"{value:.4f}" if not unit else f"{value:.3g} {unit}" if abs(value) < 999.5 else f"{value:.0f} {unit}"


def word(found: Estimate, gate: Limit) -> str:
    """The figure, its interval, the limit and how many it rests on, in one line."""
    interval = (
        "" if found.low == found.high else f" ({number(found.low, gate.unit)} to {number(found.high, gate.unit)})"
    )
    return f"{number(found.value, gate.unit)}{interval}, limit {gate.op} {number(gate.limit, gate.unit)}, n = {found.n}"


def what_would_decide(reading: Reading, gate: Limit, confidence: float) -> str:
    """How much more evidence would decide at the observed rate, in words."""
    match reading:
        case Proportion(hits, n, rows):
            needed = _rows_needed(hits, n, gate, confidence)
            if needed is None:
                return "the observed rate is too near the limit for any sample to decide"
            return f"needs {needed - n} more {rows} at the observed rate"
        case F1(tp, fp, fn, by_source):
            n = tp + fp + fn
            if by_source and decide(estimate(F1(tp, fp, fn), confidence), gate) is not Outcome.INCONCLUSIVE:
                return f"needs rows from more sources: these {len(by_source)} differ too much"
            jaccard = gate.limit / (2.0 - gate.limit)
            needed = _rows_needed(tp, n, Limit(gate.metric, gate.op, jaccard, ""), confidence)
            if needed is None:
                return "the observed F1 is too near the limit for any sample to decide"
            return f"needs about {math.ceil(needed / n * 100 - 100)} % more rows at the observed rates"
        case Quantile(q, samples):
            each = at_look(confidence, reading.look)
            needed = next(m for m in count(1) if quantile_ranks(m, q, each)[1] <= m)
            if len(samples) < needed:
                return f"needs at least {needed - len(samples)} more samples"
            return _more_or_quieter(reading)
        case Mean():
            return _more_or_quieter(reading)
        case IndependentMean(_, missed):
            return missed or "needs more repeats"
        case Rate(seconds, at_best) if seconds and lost_share(seconds, at_best) > 0.1:
            return f"needs a quieter machine: others took up to {lost_share(seconds, at_best):.0%} of the time"
        case Rate():
            return "needs more blocks"
        case Exact():
            return "the figure is not a number"
        case Gain():
            return reading.longer
        case _:
            return "needs more rows"


def _more_or_quieter(reading: Quantile | Mean) -> str:
    share = sum(lost > 0.0 for lost in reading.disturbed) / max(1, len(reading.disturbed))
    if share >= 0.01:
        return f"needs a quieter machine: {share:.0%} of the calls were disturbed by something else than the detector"
    return "needs more samples" + (" (a larger --raxe-latency-budget)" if reading.look else "")


def _rows_needed(hits: int, n: int, gate: Limit, confidence: float) -> int | None:
    """The smallest sample that would decide if hits keep coming at the observed rate; None above _MOST_ROWS."""
    if n == 0:
        return None

    def decided(m: int) -> bool:
        k = round(hits / n * m)
        low, high = clopper_pearson(k, m, confidence)
        return decide(Estimate(k / m, low, high, m, ""), gate) is not Outcome.INCONCLUSIVE

    high = n
    while not decided(high):
        high *= 2
        if high > _MOST_ROWS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
