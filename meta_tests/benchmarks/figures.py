"""Samples to figures."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter, process_time
from typing import NamedTuple


class Samples(NamedTuple):
    """Seconds by the clock on the wall, and of processor time; the latter counts nothing that others do."""

    wall: list[float]
    cpu: list[float]


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock time of one call; what it returns is let go within it."""
    started = perf_counter()
    call()
    return perf_counter() - started


def in_turn(
    calls: Mapping[str, Callable[[], object]], rounds: int, cpu: Callable[[], float] = process_time
) -> dict[str, Samples]:
    """Each call once a round, every other round backwards: drift and order hit all alike. cpu: processor seconds."""
    found = {name: Samples([], []) for name in calls}
    for number in range(rounds):
        for name in list(calls)[:: 1 if number % 2 else -1]:
            before = cpu()
            found[name].wall.append(seconds(calls[name]))
            found[name].cpu.append(cpu() - before)
    return found


def children() -> float:
    """Processor seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def quantile(samples: Sequence[float], share: float) -> float:
    """Nearest-rank quantile."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def median(samples: Sequence[float]) -> float:
    """The middle sample."""
    return quantile(samples, 0.5)


def spread(samples: Sequence[float], unit: str = "ms") -> str:
    """Least, median and P95 in words."""
    factor = {"s": 1.0, "ms": 1e3, "us": 1e6}[unit]
    least, middle, high = (factor * value for value in (min(samples), median(samples), quantile(samples, 0.95)))
    return f"least {least:.2f} {unit}, P50 {middle:.2f} {unit}, P95 {high:.2f} {unit} (n = {len(samples)})"


def held(value: float, limit: float, unit: str) -> str:
    """A figure against its limit."""
    return f"{value:.3g} {unit}, limit {limit:g} {unit}: {'holds' if value < limit else 'MISSED'}"
