"""Wall-clock latency of single calls, over the benchmark's texts in a seeded order."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Any

from raxe_conformance.measure.evidence import Latency

WARMUP = 10
ROUNDS = 1000
SEED = 0

# Runs `before()` and then `target(text)` for each text, in order, and gives the seconds that each call of target took.
Runner = Callable[[Callable[[str], Any], Sequence[str], Callable[[], None]], list[float]]


def time_calls(
    target: Callable[[str], Any],
    texts: Sequence[str],
    before: Callable[[], None],
    clock: Callable[[], float] = perf_counter,
) -> list[float]:
    """The plain runner: seconds of each call."""
    seconds = []
    for text in texts:
        before()
        started = clock()
        target(text)
        seconds.append(clock() - started)
    return seconds


def kernel_ms(steps: int = 3000) -> float:
    """Milliseconds of a fixed computation (about 0.04): the machine's own pulse, which no model can slow down."""
    started = perf_counter()
    sum(range(steps))
    return 1000.0 * (perf_counter() - started)


def involuntary_switches() -> int | None:
    """How often this process was taken off a CPU against its will so far; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@dataclass(frozen=True)
class Stopwatch:
    """What times the calls, and what tells the machine's noise from the detector's slowness. Tests bring their own."""

    run: Runner = time_calls
    method: str = "perf_counter around analyze"
    cpu_seconds: Callable[[], float] = thread_time
    switches: Callable[[], int | None] = involuntary_switches
    pulse_ms: Callable[[], float] = kernel_ms


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
    stopwatch: Stopwatch,
    *,
    rounds: int = ROUNDS,
    off_target: str | None = None,
) -> Latency:
    """Time `detector.analyze` on the texts, one call at a time, after a separate warm-up."""
    order = plan(len(texts), rounds)
    for index in order[:WARMUP]:
        detector.analyze(texts[index])
    answers: list[Any] = []
    cpu_ms: list[float] = []
    preempted: list[int | None] = []
    pulse_ms: list[float] = []

    def call(text: str) -> None:
        switches, started = stopwatch.switches(), stopwatch.cpu_seconds()
        answers.append(detector.analyze(text))
        cpu_ms.append(1000.0 * (stopwatch.cpu_seconds() - started))
        after = stopwatch.switches()
        preempted.append(None if after is None or switches is None else after - switches)

    def before() -> None:
        pulse_ms.append(stopwatch.pulse_ms())

    seconds = stopwatch.run(call, [texts[index] for index in order], before)
    before()
    stages: dict[str, list[float]] = {}
    for answer in answers:
        for stage, value in (answer.metadata.get("timings_ms") or {}).items():
            stages.setdefault(stage, []).append(value)
    return Latency(
        samples_ms=[1000.0 * value for value in seconds],
        texts=order,
        cpu_ms=cpu_ms,
        preempted=preempted,
        pulse_ms=pulse_ms,
        stages_ms=stages,
        warmup=min(WARMUP, len(order)),
        seed=SEED,
        method=stopwatch.method,
        off_target=off_target,
    )
