"""Bounds for what a figure gains over a run in steps that come at random, such as a process's memory.

Steps of one size are Poisson's: k of them bound what k is in the mean by Garwood's interval (Biometrika 28, 1936).
Steps of several sizes vary less, beside their sum, than as many of the largest: taking all as that large is the
cautious side. Steps down have an interval of their own, and the two are put together by MOVER (Zou & Donner, Statistics
in Medicine 27, 2008). No step larger than the largest seen is reckoned with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special


def gain_bounds(steps: Sequence[float], confidence: float) -> tuple[float, float]:
    """Bounds of the gain that such a run brings in the mean, each one-sided at `confidence`; `steps` add up to it."""
    up = [step for step in steps if step > 0.0]
    down = [-step for step in steps if step < 0.0]
    risen, least_up, most_up = _sum_bounds(up, confidence)
    fallen, least_down, most_down = _sum_bounds(down, confidence)
    gain = risen - fallen
    return (
        gain - math.hypot(risen - least_up, most_down - fallen),
        gain + math.hypot(most_up - risen, fallen - least_down),
    )


def _sum_bounds(steps: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """The sum of positive steps, and its bounds; all 0 where there are none."""
    if not steps:
        return 0.0, 0.0, 0.0
    largest, total = max(steps), math.fsum(steps)
    count = total / largest
    low, high = special.gammaincinv(count, 1.0 - confidence), special.gammaincinv(count + 1.0, confidence)
    return total, largest * float(low), largest * float(high)
