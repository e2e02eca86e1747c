"""Memory of a variant in fresh processes: what its host pays, interpreter and libraries included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.child import Child
from raxe_conformance.measure.dealing import deal
from raxe_conformance.measure.evidence_resources import Memory, ProcessMemory
from raxe_conformance.target.again import libraries
from raxe_conformance.target.protocol import Subject

PROCESSES = 3
BATCH = 32


def measure_memory(subject: Subject, texts: Sequence[str], child: Child, *, processes: int = PROCESSES) -> Memory:
    """Look at the same work in several processes, one after the other.

    Each loads the variant, analyses BATCH texts (steady), then BATCH others and the longest of all (requests), then
    BATCH more in one batch; each BATCH has the benchmark's mixture of lengths and is the same in every process. So a
    pool that an allocator or runtime keeps for later has mostly been filled when it is called steady, and is paid for
    there. What is left to chance is where the allocator and the loader put things: the spread between processes.

    Texts are repeated where there are too few of them. Raises MeasurementError where there are none, or a process
    fails.
    """
    if not texts:
        raise MeasurementError("the benchmark has no rows", remedy="name another: --raxe-benchmark FILE")
    hands = deal(texts, BATCH)
    warmup, requests, batch = (hands[number % len(hands)] for number in range(3))
    requests = [*requests, max(texts, key=len)]
    arguments = {
        "libraries": list(libraries(subject.again)), "warmup": warmup, "requests": requests, "batch": batch,
    }  # fmt: skip
    answers = [child(subject.again, "memory", arguments) for _ in range(processes)]
    exact, method = all(answer["exact_peaks"] for answer in answers), str(answers[0]["method"])
    return Memory(
        processes=[_process(answer) for answer in answers],
        warmup=len(warmup),
        request_characters=[len(text) for text in requests],
        batch_size=len(batch),
        exact_peaks=exact,
        method=method,
    )


def _process(answer: dict[str, Any]) -> ProcessMemory:
    fields = {name: value for name, value in answer.items() if name not in ("exact_peaks", "method")}
    return ProcessMemory(**fields)
