"""What changed between two runs: REGRESSED or IMPROVED only where the evidence of both shows it. Pure.

Decisions on the same rows are compared row by row (compare_rows.py), sizes exactly, every other figure by its interval
(compare_figures.py), times and rates in units of the calibration kernel, latency also text by text (compare_texts.py).
A rule without a figure changed if its verdict did. Both runs' evidence is read by the same checks and judged by the
same profile.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from raxe_conformance.checks.reading import Declarations, Exact, Findings, Statistic, Unknown
from raxe_conformance.checks.table import Check, Gate, Level, catalogue
from raxe_conformance.measure.evidence import Scores
from raxe_conformance.verdict import compare_figures as figures
from raxe_conformance.verdict import compare_rows as rows
from raxe_conformance.verdict import compare_words as words
from raxe_conformance.verdict.compare_figures import Shift
from raxe_conformance.verdict.compare_rows import Flip, Pairs
from raxe_conformance.verdict.compare_texts import SLOWEST, Texts, compare_texts
from raxe_conformance.verdict.intervals import Estimate, estimate
from raxe_conformance.verdict.judge import judge, number
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import Profile
from raxe_conformance.verdict.rollup import Counted, rollup

# Measurements that read no text of the benchmark.
_OF_NO_TEXT = {"facts", "loaded", "starting"}
_TIMED = ("ms", "requests/s")


class Change(enum.StrEnum):
    """What two runs' evidence says of a check."""

    REGRESSED = "REGRESSED"
    IMPROVED = "IMPROVED"
    NONE_SHOWN = "NO CHANGE SHOWN"
    CANNOT_COMPARE = "CANNOT COMPARE"


@dataclass(frozen=True)
class Side:
    """One of two runs: its evidence by measurement, the benchmark's SHA-256 (None: none was read) and the report's
    `environment`."""

    measurements: Mapping[str, Any]
    corpus_sha256: str | None
    environment: Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """One check in two runs.

    before, after: the figures with bounds that hold together at the profile's confidence; None where there is none.
    shift: in units of the kernel where `kernel_ms` (before, after) says what it took. pairs, p: of a figure that comes
    from one decision a row; p is the chance of so many rows going the way that most of them went. texts: of latency,
    how the texts moved that the figure comes from.
    """

    check_id: str
    title: str
    group: str
    level: Level
    gate: Gate | None
    change: Change
    message: str
    before: Estimate | None = None
    after: Estimate | None = None
    shift: Shift | None = None
    kernel_ms: tuple[float, float] | None = None
    pairs: Pairs | None = None
    p: float | None = None
    texts: Texts | None = None


@dataclass(frozen=True)
class Comparison:
    """All checks that were compared, and the rows that flipped (None: not the same rows, or no scores)."""

    checks: tuple[Compared, ...]
    flips: tuple[Flip, ...] | None

    @property
    def outcome(self) -> Outcome:
        """FAIL if a MUST regressed, else INCONCLUSIVE if a MUST with a limit cannot be compared, else PASS."""
        said = {Change.REGRESSED: Outcome.FAIL, Change.CANNOT_COMPARE: Outcome.INCONCLUSIVE}
        counted = [
            Counted(c.level, said.get(c.change, Outcome.PASS))
            for c in self.checks
            if c.gate is not None or c.change is Change.REGRESSED
        ]
        return rollup([*counted, Counted(Level.MUST, Outcome.PASS)])


def compare(before: Side, after: Side, ids: Collection[str], profile: Profile) -> Comparison:
    """Compare the checks `ids` of two runs."""
    checks = tuple(_compared(check, before, after, profile) for check in catalogue().values() if check.id in ids)
    was, now = before.measurements.get("scores"), after.measurements.get("scores")
    if _corpus_differs(before, after) or not isinstance(was, Scores) or not isinstance(now, Scores):
        return Comparison(checks, None)
    return Comparison(checks, tuple(rows.flips(was, now)) if rows.same_rows(was, now) else None)


# What was found of a check: the change, the message, and the other fields of Compared.
_Found = tuple[Change, str, dict[str, Any]]


def _compared(check: Check, before: Side, after: Side, profile: Profile) -> Compared:
    change, message, found = _find(check, before, after, profile)
    level = profile.levels.get(check.id, check.level)
    return Compared(check.id, check.title, check.group, level, check.gate, change, message, **found)


def _find(check: Check, before: Side, after: Side, profile: Profile) -> _Found:
    readings = []
    for name, side in (("the baseline", before), ("this run", after)):
        reading = check.reading(side.measurements)
        if isinstance(reading, Unknown):
            return _cannot(f"{name}: {reading.reason}; {reading.remedy}")
        readings.append(reading)
    if not set(check.needs) <= _OF_NO_TEXT and (why := _corpus_differs(before, after)) is not None:
        return _cannot(why)
    was, now = readings
    if check.gate is None or isinstance(was, Findings | Declarations) or isinstance(now, Findings | Declarations):
        return _rule(check, before, after, profile)
    if check.gate.metric in rows.PAIRED:
        return _paired(check.gate, (was, now), before, after, profile)
    return _figure(check, check.gate, (was, now), before, after, profile)


def _cannot(why: str, **found: Any) -> _Found:
    return Change.CANNOT_COMPARE, why, found


def _corpus_differs(before: Side, after: Side) -> str | None:
    was, now = before.corpus_sha256, after.corpus_sha256
    if was is not None and was == now:
        return None
    named = [f"SHA-256 {sha[:12]}…" if sha else "no benchmark that could be read" for sha in (was, now)]
    return (
        f"the baseline was measured on another benchmark ({named[0]}, now {named[1]}); "
        "measure both on one: --raxe-benchmark FILE"
    )


def _rule(check: Check, before: Side, after: Side, profile: Profile) -> _Found:
    """A rule changed if its verdict did."""
    was, now = (judge(check, check.reading(side.measurements), profile) for side in (before, after))
    if was.outcome is now.outcome:
        return Change.NONE_SHOWN, f"{now.outcome} as before", {}
    said = f"{was.outcome} before, {now.outcome} now: {(now if now.outcome is Outcome.FAIL else was).message}"
    if Outcome.INCONCLUSIVE in (was.outcome, now.outcome):
        return Change.NONE_SHOWN, said, {}
    return (Change.REGRESSED if now.outcome is Outcome.FAIL else Change.IMPROVED), said, {}


def _paired(gate: Gate, readings: tuple[Statistic, Statistic], before: Side, after: Side, profile: Profile) -> _Found:
    """A figure that comes from one decision a row: by the rows that changed, and not against the figure itself."""
    scores = before.measurements["scores"], after.measurements["scores"]
    if not rows.same_rows(*scores):
        return _cannot("the two runs did not score the same rows; measure both again")
    was, now = (estimate(reading, figures.halved(profile.confidence)) for reading in readings)
    found, alpha = rows.pairs(gate.metric, *scores), 1.0 - profile.confidence
    worse_by = now.value - was.value if gate.op == "<" else was.value - now.value
    most, fewest = max(found.worse, found.better), min(found.worse, found.better)
    p = rows.mcnemar(most, fewest)
    moved = _moved(was, now, gate)
    said = f"{moved}; {found.worse} rows became wrong and {found.better} right (exact McNemar test, p = {p:.2g})"
    change = Change.NONE_SHOWN
    if p <= alpha and worse_by > 0.0 and found.worse > found.better:
        change = Change.REGRESSED
    elif p <= alpha and worse_by < 0.0 and found.better > found.worse:
        change = Change.IMPROVED
    elif found.worse == found.better == 0:
        said = f"{moved}; every row is decided as before"
    elif p <= alpha:
        said += "; the figure itself did not go that way"
    else:
        said += f"; {rows.needed(fewest, alpha)} one way and {fewest} the other would show a change"
    return change, said, {"before": was, "after": now, "pairs": found, "p": p}


def _figure(
    check: Check, gate: Gate, readings: tuple[Statistic, Statistic], before: Side, after: Side, profile: Profile
) -> _Found:
    """A figure with an interval in each run, or an exact one."""
    # A time may show a change by either of two ways, which share the error rate.
    share = SLOWEST.get(gate.metric)
    confidence = profile.confidence if share is None else figures.halved(profile.confidence)
    was, now = (estimate(reading, figures.halved(confidence)) for reading in readings)
    known: dict[str, Any] = {"before": was, "after": now}
    moved = _moved(was, now, gate)
    if math.isnan(was.value) or math.isnan(now.value):
        return _cannot("one of the runs has no figure; measure it again", **known)
    if gate.unit in _TIMED:
        kernels = [_kernel_ms(check, side) for side in (before, after)]
        if kernels[0] is None or kernels[1] is None:
            return _cannot("the calibration kernel was not timed in one of the runs; measure it again", **known)
        one = _one_machine(before.environment, after.environment)
        shift = figures.ratio(
            figures.in_kernels(was, gate.unit, kernels[0]),
            figures.in_kernels(now, gate.unit, kernels[1]),
            figures.SAME_MACHINE if one else figures.OTHER_MACHINE,
        )
        known["kernel_ms"] = tuple(kernels)
        if share is not None:
            latencies = before.measurements["latency"], after.measurements["latency"]
            known["texts"] = compare_texts(*latencies, (kernels[0], kernels[1]), share, confidence)
    else:
        shift = figures.difference(was, now)
    known["shift"] = shift
    texts: Texts | None = known.get("texts")
    way = figures.direction(shift, gate.op) or _of_texts(texts, shift)
    if way is not None:
        change = Change.REGRESSED if way == "worse" else Change.IMPROVED
        return change, f"{moved}, {words.by(shift, gate.unit)}{words.by_text(texts)}", known
    if all(isinstance(reading, Exact) for reading in readings):
        return Change.NONE_SHOWN, f"{number(now.value, gate.unit)} as before", known
    said = f"{moved}, {words.by(shift, gate.unit)}{words.by_text(texts)}"
    return Change.NONE_SHOWN, f"{said}; {words.what_would_show(readings, shift, texts, gate)}", known


def _moved(was: Estimate, now: Estimate, gate: Gate) -> str:
    return f"{number(was.value, gate.unit)} → {number(now.value, gate.unit)}"


def _kernel_ms(check: Check, side: Side) -> float | None:
    found = [figures.kernel_ms(side.measurements[name]) for name in check.needs]
    return next((kernel for kernel in found if kernel is not None), None)


def _one_machine(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two environments run the kernel alike: processor, instruction sets, cores, minor version of Python."""

    def told(environment: Mapping[str, Any]) -> list[Any]:
        minor = str(environment.get("python")).split(".")[:2]
        return [environment.get("cpu"), environment.get("isa"), environment.get("cores"), minor]

    return told(before) == told(after)


def _of_texts(texts: Texts | None, shift: Shift) -> Literal["worse", "better"] | None:
    """Which way the typical text moved for sure, if the figure itself did so as well."""
    if texts is None:
        return None
    way = figures.direction(replace(shift, value=texts.value, low=texts.low, high=texts.high), "<")
    return way if way == ("worse" if shift.value > 1.0 else "better") else None
