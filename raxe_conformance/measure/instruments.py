"""What measures. Tests bring instruments whose readings are programmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raxe_conformance.measure.child import Child, run_child
from raxe_conformance.measure.timing import Stopwatch


@dataclass(frozen=True)
class Instruments:
    """stopwatch makes what times calls; child runs a task in a fresh process."""

    stopwatch: Callable[[], Stopwatch] = Stopwatch
    child: Child = run_child
