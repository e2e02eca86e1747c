"""One process that works for long: whether its memory grows, whether it becomes slow, whether it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from raxe_conformance.corpus.rows import Row
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.child import Child
from raxe_conformance.measure.evidence_invariance import Soak

CALLS: Final = 100_000
SAMPLES: Final = 100
TEXTS: Final = 20
MOST_WORDS: Final = 12


def measure_soak(
    rows: Sequence[Row],
    target: Mapping[str, Any],
    child: Child,
    progress: Callable[[str], None],
    *,
    calls: int = CALLS,
) -> Soak:
    """Let a fresh process analyse short texts `calls` times. progress is told a line now and then, "" at the end.

    Short texts, because a leak is a matter of calls and not of tokens. Raises MeasurementError where there are none, or
    where the process ends early.
    """
    texts = [row.text for row in sorted(rows, key=lambda row: (len(row.text), row.id))]
    short = [text for text in texts if len(text.split()) <= MOST_WORDS] or texts
    if not short:
        raise MeasurementError("the benchmark has no rows", remedy="name another: --raxe-benchmark FILE")
    count = min(TEXTS, len(short))
    few = [short[k * len(short) // count] for k in range(count)]

    def tell(done: int) -> None:
        progress(f"soak: {done:,} of {calls:,} analyses")

    try:
        answer = child(target, "soak", {"texts": few, "calls": calls, "samples": SAMPLES}, progress=tell)
    finally:
        progress("")
    return Soak(texts=len(few), **answer)
