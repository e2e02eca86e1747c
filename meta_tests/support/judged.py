"""The verdicts on a toy folder, without a nested pytest and without a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from meta_tests.support.mutations import BASE_MS
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.table import catalogue
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.timing import Stopwatch
from raxe_conformance.options import Options
from raxe_conformance.session import Session
from raxe_conformance.verdict.outcome import Verdict


def programmed(latency_ms: Callable[[int], float]) -> Callable[[], Stopwatch]:
    """A stopwatch on which calls take what `latency_ms` says of their number, on a machine without noise."""

    def run(target: Callable[[str], Any], texts: Sequence[str], before: Callable[[], None]) -> list[float]:
        for text in texts:
            before()
            target(text)
        return [latency_ms(call) / 1000.0 for call in range(len(texts))]

    return lambda: Stopwatch(run, "programmed", lambda: 0.0, lambda: 0, lambda: 0.04)


def session_on(toy: Toy, folder: Path, **changes: Any) -> Session:
    """A session on the toy; `changes` go to Options."""
    settings: dict[str, Any] = {
        "models": toy.models,
        "model": (),
        "benchmark": toy.benchmark,
        "profile": "raxe-1.0",
        "target_cpu": None,
        "report_dir": folder / "reports",
        **changes,
    }
    return Session(Options(**settings), folder)


def verdicts_on(
    toy: Toy, folder: Path, latency_ms: Callable[[int], float] = lambda call: BASE_MS, **changes: Any
) -> dict[str, Verdict]:
    """Every check's verdict on the toy variant, by id."""
    session = session_on(toy, folder, **changes)
    instruments = Instruments(programmed(latency_ms))
    return {check_id: session.judge(check_id, MODEL_ID, instruments) for check_id in catalogue()}
