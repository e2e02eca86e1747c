"""Bounds for figures that were taken a few times, independently: blocks of equal work, fresh processes.

Student's t (Student, Biometrika 6, 1908): exact where what is left to chance is normal, which sums over a block are
nearly, by the central limit theorem.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special


def student(samples: Sequence[float], confidence: float) -> tuple[float, float]:
    """Bounds of the mean of at least two samples, each one-sided at `confidence`."""
    n = len(samples)
    mean = math.fsum(samples) / n
    variance = math.fsum((s - mean) ** 2 for s in samples) / (n - 1)
    half = float(special.stdtrit(n - 1, confidence)) * math.sqrt(variance / n)
    return mean - half, mean + half


def rate_bounds(seconds: Sequence[float], at_best: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """How many a second, with bounds, from the time of one in each block, as measured and at best.

    Times add up over blocks of equal work, and rates do not: the rate is one over the mean time, the low bound one over
    the upper bound of the times as measured, and the high one one over the lower bound of the times at best.
    """
    _, slowest = student(seconds, confidence)
    quickest, _ = student(at_best, confidence)
    return len(seconds) / math.fsum(seconds), 1.0 / slowest, 1.0 / quickest if quickest > 0.0 else math.inf


def lost_share(seconds: Sequence[float], at_best: Sequence[float]) -> float:
    """The share of the time that others may have taken."""
    return 1.0 - math.fsum(at_best) / math.fsum(seconds)
