"""A host whose memory, speed and registry are programmed: what the instruments say of a variant, without measuring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raxe_conformance.measure.evidence_resources import Block
from raxe_conformance.measure.timing import Stopwatch
from raxe_conformance.target.shipped import shipped_registry

GOOD_RATES = {"one": 1_000.0, "four": 3_000.0, "batch": 1_000.0}


@dataclass(frozen=True)
class Host:
    """A quiet machine. Memory in MB, rates in requests a second by mode, starts in ms.

    weights: what a detector holds. loading: what it needs on top while it loads. kept: what it needlessly keeps.
    per_character: what a text takes for each character. batch: what a batch takes.
    """

    weights: float = 50.0
    loading: float = 10.0
    kept: float = 0.0
    per_character: float = 0.001
    batch: float = 5.0
    rates: Mapping[str, float] = field(default_factory=lambda: GOOD_RATES)
    start_ms: float = 60.0
    registry: Callable[[Path], Any] = shipped_registry

    def memory(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of the child's task "memory"."""
        libraries, loaded = 40.0, 40.0 + self.weights + self.kept
        return {
            "interpreter": 20.0,
            "libraries": libraries,
            "load_peak": loaded + self.loading,
            "loaded": loaded,
            "steady": loaded + 1.0,
            "requests": [self.per_character * len(text) for text in arguments["requests"]],
            "batch": self.batch,
            "swapped": 0.0,
            "available": 8000.0,
            "exact_peaks": True,
            "method": "programmed",
        }

    def block(self, mode: str, requests: int, work: Callable[[], object]) -> Block:
        """A block that took as long as `rates` says; the work is not done."""
        return Block(requests, requests / self.rates[mode], 0.0, 0.04)

    def start_stopwatch(self) -> Stopwatch:
        """A stopwatch on which every start takes `start_ms`, all of it on a CPU."""

        def run(target: Callable[[str], Any], texts: Sequence[str], before: Callable[[], None]) -> list[float]:
            for text in texts:
                before()
                target(text)
            return [self.start_ms / 1000.0] * len(texts)

        return Stopwatch(run, "programmed", cpu_seconds=lambda: 0.0, switches=lambda: 0, pulse_ms=lambda: 0.04)
