"""What measures. Tests bring instruments whose readings are programmed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.measure.asking import ask_registry
from raxe_conformance.measure.child import Child, run_child
from raxe_conformance.measure.evidence_registry import RegistryAnswers
from raxe_conformance.measure.portability import find_emulator
from raxe_conformance.measure.throughput import BlockTimer, time_block
from raxe_conformance.measure.timing import Stopwatch
from raxe_conformance.registry.variant import Variant
from raxe_conformance.target.shipped import shipped_on, shipped_registry


def quiet(line: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Instruments:
    """stopwatch makes what times calls; child runs a task in a fresh process; blocks times blocks of calls.

    registry makes a new registry of a models folder, start_stopwatch what times that; ask asks registries what they do
    with folders of the suite's own.

    emulator gives the path of what runs a program on an emulated CPU, or raises MeasurementError. progress shows a line
    to whoever watches until it is told the next; "" is the end. on_backend loads a variant on another backend.
    """

    stopwatch: Callable[[], Stopwatch] = Stopwatch
    child: Child = run_child
    blocks: BlockTimer = time_block
    registry: Callable[..., Any] = shipped_registry
    start_stopwatch: Callable[[], Stopwatch] = Stopwatch
    ask: Callable[[Callable[[Path], Any], Collection[str]], RegistryAnswers] = ask_registry
    emulator: Callable[[], str] = find_emulator
    progress: Callable[[str], None] = quiet
    on_backend: Callable[[Variant, str], Any] = shipped_on
