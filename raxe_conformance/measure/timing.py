"""Wall-clock latency of single calls, over the benchmark's texts in a seeded order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from raxe_conformance.measure.evidence import Latency

WARMUP = 10
ROUNDS = 1000
SEED = 0

# Runs `target(text)` once for each text, in order, and gives the seconds that each call took.
Runner = Callable[[Callable[[str], Any], Sequence[str]], list[float]]


def time_calls(
    target: Callable[[str], Any], texts: Sequence[str], clock: Callable[[], float] = perf_counter
) -> list[float]:
    """The plain runner: seconds of each call."""
    seconds = []
    for text in texts:
        started = clock()
        target(text)
        seconds.append(clock() - started)
    return seconds


def plan(rows: int, rounds: int = ROUNDS, seed: int = SEED) -> list[int]:
    """Which text each round times: whole passes over all texts, each freshly shuffled, at least `rounds` in all.

    Whole passes, so that the samples have exactly the benchmark's distribution of lengths.
    """
    chance = random.Random(seed)  # noqa: S311  an order, not a secret
    order: list[int] = []
    while len(order) < rounds:
        one_pass = list(range(rows))
        chance.shuffle(one_pass)
        order.extend(one_pass)
    return order


def measure_latency(
    detector: Any,
    texts: Sequence[str],
    *,
    runner: Runner = time_calls,
    rounds: int = ROUNDS,
    off_target: str | None = None,
    method: str = "perf_counter around analyze",
) -> Latency:
    """Time `detector.analyze` on the texts, one call at a time, after a separate warm-up."""
    order = plan(len(texts), rounds)
    for index in order[:WARMUP]:
        detector.analyze(texts[index])
    answers: list[Any] = []
    seconds = runner(lambda text: answers.append(detector.analyze(text)), [texts[index] for index in order])
    stages: dict[str, list[float]] = {}
    for answer in answers:
        for stage, value in (answer.metadata.get("timings_ms") or {}).items():
            stages.setdefault(stage, []).append(value)
    return Latency(
        samples_ms=[1000.0 * value for value in seconds],
        texts=order,
        stages_ms=stages,
        warmup=min(WARMUP, len(order)),
        seed=SEED,
        method=method,
        off_target=off_target,
    )
