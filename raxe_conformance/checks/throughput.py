"""Throughput gates: requests a second over the benchmark's mixture of lengths, as one process serves them."""

from __future__ import annotations

from raxe_conformance.checks.latency import lost_apart
from raxe_conformance.checks.reading import Rate, Reading, Unknown
from raxe_conformance.checks.table import BATCH, Gate, Level, check
from raxe_conformance.measure.evidence_resources import Block, Throughput


def _rate(throughput: Throughput, mode: str, note: str = "") -> Reading:
    """A mode's blocks. What others did can only have made a block slower, so it moves the upper bound alone.

    At best, every CPU second that others had meanwhile was one that the block waited for, and all of it would have run
    as fast as the machine did at its quickest (the pulse), on cores that work together.
    """
    if throughput.off_target is not None:
        return Unknown(
            f"this is {throughput.off_target}, not the target CPU", "run on the target, or drop --raxe-target-cpu"
        )
    blocks = throughput.blocks[mode]
    quickest = min(block.pulse_ms for every in throughput.blocks.values() for block in every)
    return Rate(
        seconds=tuple(block.seconds / block.requests for block in blocks),
        at_best=tuple(_at_best(block, quickest) / block.requests for block in blocks),
        n=sum(block.requests for block in blocks),
        note=note,
    )


def _at_best(block: Block, quickest: float) -> float:
    """Seconds."""
    alone = max(0.0, block.seconds - block.others_seconds) * (quickest / block.pulse_ms)
    if block.second_core is None:
        return alone
    return alone * (1.0 - lost_apart(block.second_core, block.own_seconds, block.seconds))


@check(
    "THR-001", "requests a second from one thread", level=Level.SHOULD, spec="§6", needs=("throughput",),
    gate=Gate("throughput_1_thread", ">", "requests/s"), defect="serve_250_a_second_from_one_thread",
)  # fmt: skip
def one_thread(throughput: Throughput) -> Reading:
    """One thread calls `analyze`, text after text."""
    return _rate(throughput, "one")


@check(
    "THR-002", "requests a second from four threads", level=Level.SHOULD, spec="§6", needs=("throughput",),
    gate=Gate("throughput_4_threads", ">", "requests/s"), defect="serve_900_a_second_from_four_threads",
)  # fmt: skip
def four_threads(throughput: Throughput) -> Reading:
    """Four threads of one process call `analyze` on one detector at once, on however many cores there are."""
    cores = throughput.cores
    few = ", fewer than threads: more would serve more" if cores < 4 else ""
    return _rate(throughput, "four", f"on {cores} core{'s' if cores > 1 else ''}{few}")


@check(
    "THR-003", "requests a second in batches of 32", level=Level.SHOULD, spec="§6", needs=("throughput",),
    gate=Gate("throughput_batch_32", ">", "requests/s"), defect="serve_250_a_second_in_batches", requires=(BATCH,),
)  # fmt: skip
def batches(throughput: Throughput) -> Reading:
    """One thread calls `analyze_batch` on 32 texts of mixed lengths, batch after batch."""
    if "batch" not in throughput.blocks:
        return Unknown("the detector has no analyze_batch", "give it one: analyze_batch(texts) → a list of results")
    return _rate(throughput, "batch")
