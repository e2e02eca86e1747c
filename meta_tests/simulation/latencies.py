"""Programmed latencies: series of calls whose P50, P95, P99 and mean are known. The unit is the usual call's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Series = NDArray[np.float64]
Texts = NDArray[np.int64]
# Calls of one look: the number of texts of the shipped benchmark when this was written. Each is timed once a look.
BATCH = 2068
QUANTILES = (0.50, 0.95, 0.99)

_LENGTHS = np.exp(0.8 * np.random.default_rng(7).standard_normal(BATCH))


@dataclass(frozen=True)
class Latencies:
    """draw: (generator, the text of each call) → the times of the calls. beyond: why the bounds may fail here, if so.

    settled: the times that the truth is about, where some are not part of it.
    """

    name: str
    says: str
    draw: Callable[[np.random.Generator, Texts], Series]
    beyond: str = ""
    settled: Callable[[np.random.Generator, Texts], Series] | None = None

    @property
    def truth(self) -> dict[float | str, float]:
        """The true quantiles by q, and the "mean", from four million calls."""
        return _truth(self)


@cache
def _truth(latencies: Latencies) -> dict[float | str, float]:
    draw = latencies.settled or latencies.draw
    chance = np.random.default_rng(11)
    # In many short runs: what differs from run to run, such as a phase, is part of the truth.
    times = np.concatenate([draw(chance, passes(chance, 4)) for _ in range(500)])
    return {**{q: float(np.quantile(times, q)) for q in QUANTILES}, "mean": float(times.mean())}


def passes(chance: np.random.Generator, looks: int) -> Texts:
    """Which text each call is about: all of them once a look, each time in a fresh order."""
    return np.concatenate([chance.permutation(BATCH) for _ in range(looks)])


def _noise(chance: np.random.Generator, n: int, share: float) -> Series:
    return np.exp(share * chance.standard_normal(n))


def bursts(chance: np.random.Generator, n: int, share: float, length: float) -> NDArray[np.bool_]:
    """A chain of two states: `share` of n calls are in bursts of `length` calls in the mean."""
    rounds = int(4 * n * share / length) + 50
    inside = chance.geometric(1.0 / length, rounds)
    outside = chance.geometric(share / (1.0 - share) / length, rounds)
    first = bool(chance.random() < share)
    runs = np.stack([inside, outside] if first else [outside, inside], axis=1).ravel()
    marks = np.repeat(np.tile([first, not first], rounds), runs)
    assert len(marks) >= n
    return marks[:n]


def _constant(chance: np.random.Generator, texts: Texts) -> Series:
    return _noise(chance, len(texts), 0.01)


def _two_lengths(chance: np.random.Generator, texts: Texts) -> Series:
    return np.where(texts % 10 == 0, 4.0, 1.0) * _noise(chance, len(texts), 0.03)


def _lengths(chance: np.random.Generator, texts: Texts) -> Series:
    return _LENGTHS[texts] * _noise(chance, len(texts), 0.03)


def _heavy_tail(chance: np.random.Generator, texts: Texts) -> Series:
    return (1.0 - chance.random(len(texts))) ** (-1.0 / 3.0)


def _drift(chance: np.random.Generator, texts: Texts, calls: float = 1000.0) -> Series:
    wave = np.sin(2.0 * np.pi * (np.arange(len(texts)) / calls + chance.random()))
    return (1.0 + 0.2 * wave) * _noise(chance, len(texts), 0.1)


def _long_drift(chance: np.random.Generator, texts: Texts) -> Series:
    return _drift(chance, texts, 4000.0)


def _first_slow(chance: np.random.Generator, texts: Texts) -> Series:
    times = _noise(chance, len(texts), 0.05)
    times[0] *= 100.0
    return times


def _stall(chance: np.random.Generator, texts: Texts) -> Series:
    calls = np.arange(len(texts)) + chance.integers(15)
    return _noise(chance, len(texts), 0.1) + 2.0 * (calls % 15 == 0)


def _rare_stalls(chance: np.random.Generator, texts: Texts) -> Series:
    return _noise(chance, len(texts), 0.1) + 50.0 * (chance.random(len(texts)) < 1.0 / 300.0)


def _bursts(chance: np.random.Generator, texts: Texts) -> Series:
    return _noise(chance, len(texts), 0.1) * (1.0 + bursts(chance, len(texts), 0.1, 10.0))


def _bursts_on_lengths(chance: np.random.Generator, texts: Texts) -> Series:
    return _lengths(chance, texts) * (1.0 + bursts(chance, len(texts), 0.1, 10.0))


def _rare_bursts(chance: np.random.Generator, texts: Texts) -> Series:
    return _noise(chance, len(texts), 0.1) * (1.0 + bursts(chance, len(texts), 0.1, 100.0))


def _speed(chance: np.random.Generator, n: int, alike: float) -> Series:
    """Standard normal values that are alike over about so many calls: a first-order autoregression."""
    memory = 1.0 - 1.0 / alike
    steps = chance.standard_normal(n) * np.sqrt(1.0 - memory**2)
    steps[0] = chance.standard_normal()
    speed: Series = signal.lfilter([1.0], [1.0, -memory], steps)
    return speed


def _wandering(chance: np.random.Generator, texts: Texts) -> Series:
    return np.exp(0.2 * _speed(chance, len(texts), 20.0)) * _noise(chance, len(texts), 0.1)


def _slow_wandering(chance: np.random.Generator, texts: Texts) -> Series:
    return np.exp(0.2 * _speed(chance, len(texts), 200.0)) * _noise(chance, len(texts), 0.1)


def _nearly_constant(chance: np.random.Generator, texts: Texts) -> Series:
    steady = np.exp(0.002 * _speed(chance, len(texts), 300.0)) * _noise(chance, len(texts), 0.0003)
    return steady * (1.0 + 0.2 * bursts(chance, len(texts), 0.005, 10.0))


LATENCIES = (
    Latencies("constant", "1 % noise", _constant),
    Latencies("two lengths", "one text in ten takes four times as long", _two_lengths),
    Latencies("many lengths", "texts of log-normal length", _lengths),
    Latencies("heavy tail", "Pareto, exponent 3", _heavy_tail),
    Latencies("slow drift", "± 20 % in waves of 1,000 calls", _drift),
    Latencies("first call slow", "a hundred times as long, once", _first_slow, settled=lambda *a: _first_slow(*a)[1:]),
    Latencies("periodic stall", "every 15th call waits for two more", _stall),
    Latencies("rare stalls", "one call in 300 takes fifty times as long", _rare_stalls),
    Latencies("bursts", "a tenth of the calls takes twice as long, ten in a row", _bursts),
    Latencies("bursts on many lengths", "both of these", _bursts_on_lengths),
    Latencies("wandering speed", "20 %, alike over 20 calls", _wandering),
    Latencies(
        "nearly constant", "0.2 %, alike over 300 calls, and one call in 200 a fifth slower, ten in a row",
        _nearly_constant, beyond="about seven stretches in a look: bounds may miss, by a thousandth",
    ),
    Latencies(
        "long drift", "± 20 % in waves of 4,000 calls", _long_drift, beyond="half a wave in a look",
    ),
    Latencies(
        "slow wandering", "20 %, alike over 200 calls", _slow_wandering, beyond="about ten stretches in a look",
    ),
    Latencies(
        "rare bursts", "a tenth of the calls takes twice as long, 100 in a row", _rare_bursts,
        beyond="about two bursts in a look: they do not say how frequent they are",
    ),
)  # fmt: skip
