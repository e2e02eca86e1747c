"""Wall-clock latency of single calls, over the benchmark's texts in a seeded order."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time, thread_time
from typing import Any

from raxe_conformance.measure.contention import others_seconds, waited_seconds
from raxe_conformance.measure.evidence import Latency

WARMUP = 10
ROUNDS = 1000
SEED = 0
SECOND_CORE_EVERY_S = 0.025

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


def reported_stages(answer: Any) -> dict[str, float]:
    """Milliseconds by stage, as `L2Result.metadata["timings_ms"]` has them; empty where a detector tells none."""
    told = answer.metadata.get("timings_ms") or {}
    return {stage: float(ms) for stage, ms in told.items() if isinstance(ms, int | float) and math.isfinite(ms)}


@dataclass(frozen=True)
class Stopwatch:
    """What times the calls, and what tells the machine's noise from the detector's slowness. Tests bring their own.

    clock: seconds, for the budget. stages: an answer's stages. second_core: as measure.second_core gives it, tried
    every SECOND_CORE_EVERY_S; None where there is no second core, or it does not matter.
    """

    run: Runner = time_calls
    method: str = "perf_counter around analyze"
    cpu_seconds: Callable[[], float] = thread_time
    switches: Callable[[], int | None] = involuntary_switches
    pulse_ms: Callable[[], float] = kernel_ms
    clock: Callable[[], float] = perf_counter
    stages: Callable[[Any], Mapping[str, float]] = reported_stages
    process_seconds: Callable[[], float] = process_time
    second_core: Callable[[], float] | None = None
    waited_seconds: Callable[[], float | None] = waited_seconds
    others_seconds: Callable[[], float] = others_seconds


def batches(rows: int, rounds: int = ROUNDS, seed: int = SEED) -> Iterator[list[int]]:
    """Which text each call times, batch after batch: whole passes over all texts, at least `rounds` calls in each.

    Whole passes, each freshly shuffled, so that the samples of every batch have exactly the benchmark's distribution of
    lengths, and neighbours in time are no neighbours in the benchmark.
    """
    chance = random.Random(seed)  # noqa: S311  an order, not a secret
    while True:
        order: list[int] = []
        while len(order) < rounds:
            one_pass = list(range(rows))
            chance.shuffle(one_pass)
            order.extend(one_pass)
        yield order


def plan(rows: int, rounds: int = ROUNDS, seed: int = SEED) -> list[int]:
    """The first of the batches."""
    return next(batches(rows, rounds, seed))


class _Calls:
    """The calls so far, and what stood beside each of them."""

    def __init__(self, detector: Any, stopwatch: Stopwatch) -> None:
        self._detector, self._stopwatch = detector, stopwatch
        self.order: list[int] = []
        self._samples_ms: list[float] = []
        self._cpu_ms: list[float] = []
        self._process_ms: list[float] = []
        self._preempted: list[int | None] = []
        self._pulse_ms: list[float] = []
        self._stages: list[Mapping[str, float]] = []
        self._second_core: list[tuple[int, float]] = []
        self._tried = -math.inf
        self._waited_ms: list[float | None] = []
        self._others_ms = 0.0

    def take(self, order: Sequence[int], texts: Sequence[str]) -> None:
        """Time a batch."""
        watch, answers = self._stopwatch, []
        short, others, waits = min(texts, key=len), watch.others_seconds(), list[float | None]()

        def before() -> None:
            waits.append(watch.waited_seconds())
            if watch.second_core is not None and watch.clock() - self._tried >= SECOND_CORE_EVERY_S:
                self._try_second_core()
                # The detector's own threads are awake before all other calls. So they are before this one.
                self._detector.analyze(short)
            self._pulse_ms.append(watch.pulse_ms())
            waits.append(watch.waited_seconds())

        def call(text: str) -> None:
            switches, started, together = watch.switches(), watch.cpu_seconds(), watch.process_seconds()
            answers.append(self._detector.analyze(text))
            self._process_ms.append(1000.0 * (watch.process_seconds() - together))
            self._cpu_ms.append(1000.0 * (watch.cpu_seconds() - started))
            after = watch.switches()
            self._preempted.append(None if after is None or switches is None else after - switches)

        seconds = watch.run(call, [texts[index] for index in order], before)
        waits.append(watch.waited_seconds())
        # One reading before and one after what stands between two calls: a call lies from the second on.
        self._waited_ms += map(_passed_ms, waits[1::2], waits[2::2])
        self._others_ms += 1000.0 * max(0.0, watch.others_seconds() - others)
        self._try_second_core()
        self._samples_ms += [1000.0 * value for value in seconds]
        self._stages += [watch.stages(answer) for answer in answers]
        self.order += order

    def _try_second_core(self) -> None:
        if self._stopwatch.second_core is not None:
            self._second_core.append((len(self._cpu_ms), self._stopwatch.second_core()))
            self._tried = self._stopwatch.clock()

    def latency(self, warmup: int, looks: Sequence[int], off_target: str | None) -> Latency:
        """The evidence so far. The last pulse is taken now."""
        names = dict.fromkeys(name for stages in self._stages for name in stages)
        return Latency(
            samples_ms=list(self._samples_ms),
            texts=list(self.order),
            cpu_ms=list(self._cpu_ms),
            preempted=list(self._preempted),
            pulse_ms=[*self._pulse_ms, self._stopwatch.pulse_ms()],
            stages_ms={name: [stages.get(name) for stages in self._stages] for name in names},
            warmup=warmup,
            seed=SEED,
            method=self._stopwatch.method,
            off_target=off_target,
            looks=list(looks),
            process_ms=list(self._process_ms),
            second_core=list(self._second_core),
            waited_ms=list(self._waited_ms),
            others_ms=self._others_ms,
        )


def _passed_ms(before: float | None, after: float | None) -> float | None:
    """Milliseconds between two readings in seconds; a thread that ended in between takes its own with it."""
    return None if before is None or after is None else 1000.0 * max(0.0, after - before)


def measure_latency(
    detector: Any,
    texts: Sequence[str],
    stopwatch: Stopwatch,
    *,
    rounds: int = ROUNDS,
    off_target: str | None = None,
    enough: Callable[[Latency], bool] = lambda latency: True,
    budget_s: float = math.inf,
) -> Latency:
    """Time `detector.analyze` on the texts, one call at a time, after a separate warm-up.

    After each batch `enough` looks at all calls so far. Batches go on until it says yes, or until the next one, if it
    takes as long as the last, would end more than `budget_s` seconds after the first began. The first is always taken.
    """
    upcoming = batches(len(texts), rounds)
    order = next(upcoming)
    warmup = order[:WARMUP]
    for index in warmup:
        detector.analyze(texts[index])
    calls, looks = _Calls(detector, stopwatch), list[int]()
    began = started = stopwatch.clock()
    while True:
        calls.take(order, texts)
        looks.append(len(calls.order))
        found = calls.latency(len(warmup), looks, off_target)
        now = stopwatch.clock()
        if now - began + (now - started) > budget_s or enough(found):
            return found
        started, order = now, next(upcoming)
