"""Two runs' figures, each with an interval of its own: how far the figure moved, with bounds.

The bounds of a ratio or difference are made of the two runs' bounds, each at half the error rate, so that both hold
together at the whole one (Bonferroni), however the runs depend on each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from raxe_conformance.checks.table import Op
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.measure.evidence_resources import RegistryStart, Throughput
from raxe_conformance.verdict.intervals import Estimate

# Two runs on one machine differ by more than their samples say: where memory lies, how warm the processor is. Ratios
# nearer to 1 are no change of the variant.
SAME_MACHINE = 1.05
# The kernel is a loop of the Python interpreter, a detector mostly int8 products. Processors that run the one equally
# fast may be apart in the other (VNNI), by how much was not measured. So between machines only what is twofold counts.
OTHER_MACHINE = 2.0


@dataclass(frozen=True)
class Shift:
    """How a figure moved: after over before ("ratio") or after minus before ("difference").

    least: how far from 1 or 0 the nearer bound must be for a change to show; a factor for a ratio.
    """

    kind: Literal["ratio", "difference"]
    value: float
    low: float
    high: float
    least: float


def halved(confidence: float) -> float:
    """The confidence of each of two bounds that hold together at `confidence`."""
    return 1.0 - (1.0 - confidence) / 2.0


def kernel_ms(evidence: Any) -> float | None:
    """Milliseconds that the calibration kernel takes on the machine when nobody disturbs it; None where not measured.

    Of single calls' pulses, the one that a tenth of them stay below, as `checks.latency.disturbed` takes it.
    """
    if isinstance(evidence, Latency | RegistryStart):
        pulse = sorted(evidence.pulse_ms)
        found = pulse[len(pulse) // 10] if pulse else 0.0
    elif isinstance(evidence, Throughput):
        found = min((block.pulse_ms for every in evidence.blocks.values() for block in every), default=0.0)
    else:
        return None
    return found if found > 0.0 else None


def in_kernels(found: Estimate, unit: str, kernel: float) -> Estimate:
    """A time as so many kernels, or a rate a second as one a kernel."""
    scale = 1.0 / kernel if unit == "ms" else kernel / 1000.0
    return replace(found, value=found.value * scale, low=found.low * scale, high=found.high * scale)


def ratio(before: Estimate, after: Estimate, least: float) -> Shift:
    """After over before, both at least 0; bounds of 0 and ∞ where there is none."""
    low = max(0.0, after.low) / before.high if 0.0 < before.high < math.inf else 0.0
    high = after.high / before.low if before.low > 0.0 else math.inf
    value = after.value / before.value if before.value > 0.0 else math.nan
    return Shift("ratio", value, low, high, least)


def difference(before: Estimate, after: Estimate) -> Shift:
    """After minus before."""
    low = _minus(after.low, before.high, -math.inf)
    high = _minus(after.high, before.low, math.inf)
    return Shift("difference", after.value - before.value, low, high, 0.0)


def _minus(a: float, b: float, otherwise: float) -> float:
    return a - b if math.isfinite(a) and math.isfinite(b) else otherwise


def direction(shift: Shift, better: Op) -> Literal["worse", "better"] | None:
    """Which way the figure moved for sure, `better` being the good side; None where the bounds allow no change."""
    if shift.kind == "ratio":
        grew, shrank = shift.low > shift.least, shift.high < 1.0 / shift.least
    else:
        grew, shrank = shift.low > shift.least, shift.high < -shift.least
    if grew == shrank or math.isnan(shift.value):
        return None
    return "better" if grew == (better == ">") else "worse"


def would_show(shift: Shift, better: Op) -> float | None:
    """What the ratio or difference would have to be for it to show as worse, the intervals being as wide as now.

    None where they have no end on that side.
    """
    up = better == "<"
    if shift.kind == "difference":
        reach = shift.value - shift.low if up else shift.value - shift.high
        return reach if math.isfinite(reach) else None
    if up:
        found = shift.least * shift.value / shift.low if shift.low > 0.0 else 0.0
    else:
        found = shift.value / shift.high / shift.least if shift.high > 0.0 else 0.0
    return found if found > 0.0 else None
