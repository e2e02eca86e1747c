"""Memory gates. MB is 10^6 bytes of resident memory of the whole process: interpreter and libraries are paid for, too.

Each figure is a mean over fresh processes that did the same. Which page goes where is all that differs between them,
so three are enough; a machine that is short of memory takes pages away, and then nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable

from raxe_conformance.checks.reading import IndependentMean, Reading, Unknown
from raxe_conformance.checks.table import BATCH, Gate, Level, check
from raxe_conformance.measure.evidence_resources import Memory, ProcessMemory

_EXACT = "needs a Linux whose /proc/self/clear_refs may be written: peaks were only looked at from time to time"


def _figure(memory: Memory, of: Callable[[ProcessMemory], float], note: str, *, peak: bool = False) -> Reading:
    """The mean of a figure of each process. peak: it is one that may have been missed where peaks are not exact."""
    short = [p for p in memory.processes if p.swapped > 0.0 or p.available < p.steady]
    if short:
        return Unknown(
            f"the machine was short of memory: {short[0].available:.0f} MB left, {short[0].swapped:.0f} MB swapped out",
            "run where more memory is free",
        )
    figures = tuple(of(process) for process in memory.processes)
    return IndependentMean(figures, _EXACT if peak and not memory.exact_peaks else None, note)


def _mean(figures: list[float]) -> float:
    return sum(figures) / len(figures)


@check(
    "MEM-001", "peak memory while loading", level=Level.SHOULD, spec="§6", needs=("memory",),
    gate=Gate("memory_load_peak_mb", "<", "MB"), defect="load_with_a_copy_of_the_weights",
)  # fmt: skip
def load_peak(memory: Memory) -> Reading:
    """The most that a fresh process ever held until the detector was loaded, from the start of the interpreter on."""
    peaks = [p.load_peak for p in memory.processes if p.load_peak is not None]
    if len(peaks) < len(memory.processes):
        return Unknown("this system does not say what a process held at most", "run on Linux")
    held = _mean([p.loaded for p in memory.processes])
    return _figure(memory, lambda p: p.load_peak or 0.0, f"{held:.0f} MB of it were kept")


@check(
    "MEM-002", "memory when loaded and used", level=Level.SHOULD, spec="§6", needs=("memory",),
    gate=Gate("memory_steady_mb", "<", "MB"), defect="keep_a_copy_of_the_weights",
)  # fmt: skip
def steady(memory: Memory) -> Reading:
    """What the process holds after loading and 32 analyses, of which short and long texts are part."""
    bare = _mean([p.interpreter for p in memory.processes])
    libraries = _mean([p.libraries for p in memory.processes])
    note = f"{bare:.0f} MB before loading, {libraries:.0f} MB with the libraries that loading imports"
    return _figure(memory, lambda p: p.steady, note)


@check(
    "MEM-003", "memory of a request", level=Level.SHOULD, spec="§6", needs=("memory",),
    gate=Gate("memory_per_request_mb", "<", "MB"), defect="take_8_mb_for_a_long_text",
)  # fmt: skip
def per_request(memory: Memory) -> Reading:
    """The most that any one text added to what was held before it, over 33 texts, the benchmark's longest among them.

    A pool that the runtime keeps adds nothing once it is filled: it counts as steady.
    """
    longest = max(memory.request_characters)
    note = f"largest of {len(memory.request_characters)} texts of up to {longest} characters"
    return _figure(memory, lambda p: max(p.requests), note, peak=True)


@check(
    "MEM-004", "memory of a batch of 32", level=Level.SHOULD, spec="§6", needs=("memory",),
    gate=Gate("memory_batch_32_mb", "<", "MB"), defect="take_64_mb_for_a_batch", requires=(BATCH,),
)  # fmt: skip
def batch(memory: Memory) -> Reading:
    """The most that `analyze_batch` of 32 texts of mixed lengths added to what was held before it, the first time."""
    if any(p.batch is None for p in memory.processes):
        return Unknown("the detector has no analyze_batch", "give it one: analyze_batch(texts) → a list of results")
    return _figure(memory, lambda p: p.batch or 0.0, f"one batch of {memory.batch_size} texts", peak=True)
