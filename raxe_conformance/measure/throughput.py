"""Requests a second: from one thread, from four at once, in batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time
from typing import Any

from raxe_conformance.errors import MeasurementError, one_line
from raxe_conformance.measure.contention import machine_seconds
from raxe_conformance.measure.dealing import SEED, deal
from raxe_conformance.measure.environment import usable_cores
from raxe_conformance.measure.evidence_resources import Block, Throughput
from raxe_conformance.measure.timing import kernel_ms

BATCH = 32
THREADS = 4
BLOCK_S = 0.4
BUDGET_S = 3.6  # of each mode
FEWEST, MOST = 4, 8  # blocks of a mode

# (mode, how many requests, what makes them) → the block. Tests bring their own.
BlockTimer = Callable[[str, int, Callable[[], object]], Block]
Hands = list[list[str]]


def pulse_ms() -> float:
    """The quickest of five runs of a fixed computation: how fast a core is now, single interruptions aside."""
    return min(kernel_ms() for _ in range(5))


def time_block(
    mode: str, requests: int, work: Callable[[], object], second_core: Callable[[], float] | None = None
) -> Block:
    """Time a block, and what other processes had of the CPU meanwhile, the grain of the system's count added.

    second_core: as measure.second_core gives it; None where there is none.
    """
    gain = second_core() if second_core else None
    before, busy, own = pulse_ms(), machine_seconds(), process_time()
    started = perf_counter()
    work()
    seconds = perf_counter() - started
    own = process_time() - own
    others = machine_seconds() - busy - own
    grain = 0.01 * (os.cpu_count() or 1)  # a tick a core, as /proc/stat counts
    pulse = max(before, pulse_ms())
    if second_core and gain is not None:
        gain = min(gain, second_core())
    return Block(requests, seconds, max(0.0, others) + grain, pulse, own, gain)


def measure_throughput(
    detector: Any,
    texts: Sequence[str],
    timer: BlockTimer = time_block,
    *,
    budget_s: float = BUDGET_S,
    off_target: str | None = None,
) -> Throughput:
    """Time blocks of the same mixture of lengths, at least FEWEST and at most MOST in each mode, within the budget.

    A hand of BATCH texts warms up and says how many hands make a block of BLOCK_S seconds; how many blocks there will
    be is settled then, before any is timed. Every mode gets the same texts. Raises MeasurementError where a text is
    not answered: requests that fail are quick.
    """
    if not texts:
        raise MeasurementError("the benchmark has no rows", remedy="name another: --raxe-benchmark FILE")
    hands = deal(texts, BATCH)
    with ThreadPoolExecutor(THREADS) as pool:
        modes: dict[str, Callable[[Hands], object]] = {
            "one": lambda block: _one_by_one(detector.analyze, (text for hand in block for text in hand)),
            "four": lambda block: _from_threads(pool, detector.analyze, block),
        }
        if hasattr(detector, "analyze_batch"):
            modes["batch"] = lambda block: _one_by_one(detector.analyze_batch, block)
        blocks = {mode: _blocks(mode, work, hands, timer, budget_s) for mode, work in modes.items()}
    return Throughput(
        blocks=blocks,
        cores=usable_cores(),
        seed=SEED,
        method=f"blocks of at least {BLOCK_S} s, {BATCH} classes of length in each",
        off_target=off_target,
    )


def _one_by_one(call: Callable[[Any], object], work: Iterable[Any]) -> None:
    for piece in work:
        call(piece)


def _from_threads(pool: ThreadPoolExecutor, analyze: Callable[[str], Any], block: Hands) -> None:
    """Let THREADS threads take the texts in turn, the longest first: then none is left working alone at the end."""
    waiting = deque(sorted((text for hand in block for text in hand), key=len, reverse=True))

    def take() -> None:
        while True:
            try:
                text = waiting.popleft()
            except IndexError:
                return
            analyze(text)

    for done in [pool.submit(take) for _ in range(THREADS)]:
        done.result()


def _blocks(
    mode: str, work: Callable[[Hands], object], hands: Hands, timer: BlockTimer, budget_s: float
) -> list[Block]:
    def run(first: int, count: int) -> Block:
        block = [hands[number % len(hands)] for number in range(first, first + count)]
        try:
            return timer(mode, BATCH * count, lambda: work(block))
        except Exception as error:
            # A foreign detector may raise anything.
            raise MeasurementError(
                f"a text was not answered: {type(error).__name__}: {one_line(error, 200)}", remedy="see ROB-001"
            ) from error

    hand_s = max(run(0, 1).seconds, 1e-9)
    size = max(1, min(int(-(-BLOCK_S // hand_s)), 10_000))
    count = max(FEWEST, min(int(budget_s / (size * hand_s)), MOST))
    return [run(1 + number * size, size) for number in range(count)]
