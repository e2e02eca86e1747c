"""The verdicts on a toy folder, without a nested pytest and without a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from meta_tests.support.conduct import Conduct
from meta_tests.support.host import Host
from meta_tests.support.mutations import BASE_MS, STAGES_MS
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.table import catalogue
from raxe_conformance.measure.asking import ask_registry
from raxe_conformance.measure.evidence_registry import RegistryAnswers
from raxe_conformance.measure.instruments import Instruments
from raxe_conformance.measure.timing import Stopwatch
from raxe_conformance.options import Options
from raxe_conformance.session import Session
from raxe_conformance.target.again import load_again
from raxe_conformance.target.foreign import CAPABILITIES
from raxe_conformance.verdict.outcome import Verdict

QUIET = Host()
GOOD = Conduct()


@cache
def _asked(factory: Callable[[Path], Any]) -> RegistryAnswers:
    """What registries answer, which does not depend on the toy."""
    return ask_registry(factory, CAPABILITIES)


def programmed(
    latency_ms: Callable[[int], float], stages_ms: Callable[[int], Mapping[str, float]] = lambda call: STAGES_MS
) -> Callable[[], Stopwatch]:
    """A stopwatch on which calls take what `latency_ms` says of their number, on a machine without noise.

    stages_ms: what their stages take.
    """

    def stopwatch() -> Stopwatch:
        timed, answered = count(), count()

        def run(target: Callable[[str], Any], texts: Sequence[str], before: Callable[[], None]) -> list[float]:
            for text in texts:
                before()
                target(text)
            return [latency_ms(next(timed)) / 1000.0 for _ in texts]

        return Stopwatch(
            run, "programmed", lambda: 0.0, lambda: 0, lambda: 0.04, stages=lambda answer: stages_ms(next(answered))
        )

    return stopwatch


def session_on(toy: Toy, folder: Path, **changes: Any) -> Session:
    """A session on the toy; `changes` go to Options."""
    settings: dict[str, Any] = {
        "models": toy.models,
        "model": (),
        "benchmark": toy.benchmark,
        "profile": "raxe-1.0",
        "target_cpu": None,
        "report_dir": folder / "reports",
        "latency_budget": "0",
        **changes,
    }
    return Session(Options(**settings), folder)


def verdicts_on(
    toy: Toy,
    folder: Path,
    latency_ms: Callable[[int], float] = lambda call: BASE_MS,
    host: Host = QUIET,
    stages_ms: Callable[[int], Mapping[str, float]] = lambda call: STAGES_MS,
    conduct: Conduct = GOOD,
    **changes: Any,
) -> dict[str, Verdict]:
    """Every check's verdict on the toy variant, by id."""
    session = session_on(toy, folder, **{"thorough": True, **changes})
    subject = session.subjects[MODEL_ID]
    session.subjects[MODEL_ID] = replace(subject, load=lambda: conduct.wrap(subject.load()))
    if not toy.float32.exists() and toy.onnx.is_file():
        # The toy computes in float32: it is its own reference, unless a defect has put another there.
        toy.float32.write_bytes(toy.onnx.read_bytes())

    def child(
        target: Mapping[str, Any], task: str, arguments: Mapping[str, Any], *, launcher: Sequence[str] = (), **_: Any
    ) -> dict[str, Any]:
        if task == "memory":
            return host.memory(arguments)
        packaged = target != subject.again
        load = (lambda: conduct.packaged(load_again(target))) if packaged else subject.load
        return conduct.child(lambda: conduct.wrap(load()), task, arguments, launcher)

    instruments = Instruments(
        programmed(latency_ms, stages_ms),
        child=child,
        blocks=host.block,
        registry=host.registry,
        ask=lambda factory, claims: _asked(factory),
        start_stopwatch=host.start_stopwatch,
        emulator=lambda: "emulator",
        on_backend=lambda variant, backend: conduct.otherwise(subject.load()),
    )
    return {check_id: session.judge(check_id, MODEL_ID, instruments) for check_id in catalogue()}
