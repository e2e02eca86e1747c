"""The same texts, timed in two runs: how many times as long the typical one of them takes.

Texts differ from each other by far more than runs do. Set against itself, a text tells what two percentiles over all
texts cannot: the interval is that of the median ratio, by order statistics (a sign test), for series as in series.py.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from raxe_conformance.checks.latency import disturbed
from raxe_conformance.checks.reading import Quantile
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.series import at_look

# Gates on `analyze` as a whole → the share of the texts, the slowest, that the figure comes from.
SLOWEST = {"latency_p95_ms": 0.10, "latency_p99_ms": 0.02, "latency_p50_ms": 1.0, "latency_mean_ms": 1.0}


@dataclass(frozen=True)
class Texts:
    """n texts, and the median of their ratios after over before, in units of the kernel, with its bounds."""

    n: int
    value: float
    low: float
    high: float


def compare_texts(
    before: Latency, after: Latency, kernels: tuple[float, float], share: float, confidence: float
) -> Texts | None:
    """The slowest `share` of the texts in both runs; None where they are not of the same texts.

    Slowest by the product of both times: by either alone, a text that was slow by chance would seem to have changed. A
    text of which every call of a run was disturbed may have changed by any factor, however little of it that was.
    """
    was, now = _own_times(before), _own_times(after)
    if not was or was.keys() != now.keys():
        return None
    ranked = sorted(was, key=lambda text: was[text][0] * now[text][0], reverse=True)
    kept = set(ranked[: math.ceil(share * len(ranked))])
    # In the order of the later run, so that what is alike over a stretch of time is seen to be.
    order = [text for text in dict.fromkeys(after.texts) if text in kept]
    scale = kernels[0] / kernels[1]
    ratios = [scale * now[text][0] / was[text][0] if was[text][0] > 0.0 else math.inf for text in order]
    unknown = tuple(was[text][1] or now[text][1] for text in order)
    if not all(0.0 < ratio < math.inf for ratio in ratios):
        return None
    # Either run may have ended at any of its looks.
    each = at_look(at_look(confidence, len(before.looks)), len(after.looks))
    upward = estimate(Quantile(0.5, tuple(ratios), unknown), each)
    downward = estimate(Quantile(0.5, tuple(1.0 / ratio for ratio in ratios), unknown), each)
    low = max(0.0, upward.low)
    return Texts(len(order), statistics.median(ratios), low, 1.0 / downward.low if downward.low > 0.0 else math.inf)


def _own_times(latency: Latency) -> dict[int, tuple[float, bool]]:
    """Each text's median time, and whether all of its calls were disturbed; of the other calls, where there are any."""
    calls: dict[int, list[tuple[float, bool]]] = {}
    for text, wall, mark in zip(latency.texts, latency.samples_ms, disturbed(latency), strict=True):
        calls.setdefault(text, []).append((wall, mark > 0.0))
    found = {}
    for text, own in calls.items():
        clean = [wall for wall, mark in own if not mark]
        found[text] = statistics.median(clean or [wall for wall, _ in own]), not clean
    return found
