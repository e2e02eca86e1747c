"""Detectors that take a programmed time, by waiting busily."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, thread_time

# (number of the call, from 0; text) → milliseconds
Beat = Callable[[int, str], float]


@dataclass(frozen=True)
class Truth:
    """The quantiles of what a metronome takes, in ms."""

    p50: float
    p95: float
    p99: float


class Metronome:
    """A function of a text that takes what `beat_ms` says, by `clock` (seconds), and finds every text harmless."""

    def __init__(self, beat_ms: Beat, truth: Truth, clock: Callable[[], float] = perf_counter) -> None:
        self.beat_ms, self.truth, self.clock = beat_ms, truth, clock
        self.calls = 0

    def __call__(self, text: str) -> float:
        """0.0, after the time that the call should take."""
        clock = self.clock
        until = clock() + self.beat_ms(self.calls, text) / 1000.0
        self.calls += 1
        while clock() < until:
            pass
        return 0.0

    def restart(self) -> None:
        """Be as in a fresh process."""
        self.calls = 0


def spread(call: int) -> float:
    """A number in 0..1 for each call, spread evenly however many calls there are (multiples of the golden ratio).

    A random sequence would add its own error to the quantiles of a run; this one adds about 1/n.
    """
    return (0.5 + call * (math.sqrt(5.0) - 1.0) / 2.0) % 1.0


def _pareto_ms(share: float) -> float:
    """The quantile function of a Pareto distribution from 1 ms on with exponent 3, cut off at 10 ms."""
    return min(10.0, (1.0 - share) ** (-1.0 / 3.0))


LONG = 800  # characters; about one in seven texts of the shipped benchmark is longer
WAVE = 250  # calls


def _drift_ms(call: int, text: str) -> float:
    """From 1.5 ms up to 2.5 ms and down again: neighbouring calls are alike, all values are equally frequent."""
    position = call % WAVE / WAVE
    return 1.5 + 2.0 * min(position, 1.0 - position)


constant = Metronome(lambda call, text: 2.0, Truth(2.0, 2.0, 2.0))
by_length = Metronome(lambda call, text: 3.0 if len(text) > LONG else 1.0, Truth(1.0, 3.0, 3.0))
heavy_tail = Metronome(lambda call, text: _pareto_ms(spread(call)), Truth(*(_pareto_ms(q) for q in (0.5, 0.95, 0.99))))
slow_drift = Metronome(_drift_ms, Truth(2.0, 2.45, 2.49))
first_call_slow = Metronome(lambda call, text: 200.0 if call == 0 else 2.0, Truth(2.0, 2.0, 2.0))
periodic_stall = Metronome(lambda call, text: 3.0 if call % 10 == 9 else 1.0, Truth(1.0, 3.0, 3.0))
# Computes for 2 ms of its thread's own time, so that whoever takes the processor away makes it slower, as a model is.
computing = Metronome(lambda call, text: 2.0, Truth(2.0, 2.0, 2.0), thread_time)

METRONOMES = {
    "constant": constant,
    "by_length": by_length,
    "heavy_tail": heavy_tail,
    "slow_drift": slow_drift,
    "first_call_slow": first_call_slow,
    "periodic_stall": periodic_stall,
    "computing": computing,
}
