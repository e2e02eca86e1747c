"""How fast a registry starts, and whether it loads a detector once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from raxe_conformance.errors import RaxeError, one_line
from raxe_conformance.measure.evidence_resources import RegistryStart
from raxe_conformance.measure.timing import Stopwatch

BUDGET_S = 6.0
FEWEST, MOST = 5, 300  # a bound of P95 needs 59 independent ones, and that they are is known the worse the fewer
AT_ONCE = 4


def measure_start(
    registry: Callable[[], Any],
    model_id: str,
    stopwatch: Stopwatch,
    *,
    budget_s: float = BUDGET_S,
    off_target: str | None = None,
) -> RegistryStart:
    """Make registries, and let one of them load a detector.

    registry: makes a new one of the models folder; each start is a fresh construction in this process, with the files
    in the system's cache and modules imported. One start goes before, and a second one settles how many there will be:
    MOST, or what the budget allows, and at least FEWEST. `create_detector(model_id)` is then asked of another new
    registry by AT_ONCE threads at once, and once more.
    """
    cpu_ms: list[float] = []
    preempted: list[int | None] = []
    pulse_ms: list[float] = []

    def start(_: str) -> None:
        switches, began = stopwatch.switches(), stopwatch.cpu_seconds()
        registry()
        cpu_ms.append(1000.0 * (stopwatch.cpu_seconds() - began))
        after = stopwatch.switches()
        preempted.append(None if after is None or switches is None else after - switches)

    with without_warnings():
        first, second = stopwatch.run(start, [""] * 2, lambda: None)
        count = max(FEWEST, min(int(budget_s / max(second, 1e-9)), MOST))
        cpu_ms.clear()
        preempted.clear()
        seconds = stopwatch.run(start, [""] * count, lambda: pulse_ms.append(stopwatch.pulse_ms()))
        pulse_ms.append(stopwatch.pulse_ms())
        load_ms, again_ms, objects, refused = _load_once(registry, model_id)
    return RegistryStart(
        samples_ms=[1000.0 * value for value in seconds],
        cpu_ms=cpu_ms,
        preempted=preempted,
        pulse_ms=pulse_ms,
        first_ms=1000.0 * first,
        load_ms=load_ms,
        again_ms=again_ms,
        at_once=AT_ONCE,
        objects=objects,
        refused=refused,
        method="a fresh construction in a warm process",
        off_target=off_target,
    )


@contextmanager
def without_warnings() -> Iterator[None]:
    """What a registry warns of at its start, it would say again at every one: the checks of files say it once."""
    log = logging.getLogger("raxe_conformance")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _load_once(registry: Callable[[], Any], model_id: str) -> tuple[float | None, float | None, int, str | None]:
    """Milliseconds of the first load and of a call after it, how many objects were given, and why there were none."""
    together = threading.Barrier(AT_ONCE)
    one = registry()

    def load(_: int) -> Any:
        together.wait()
        return one.create_detector(model_id)

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            started = perf_counter()
            given = list(pool.map(load, range(AT_ONCE)))
            loaded = perf_counter()
        before = perf_counter()
        given.append(one.create_detector(model_id))
        again = perf_counter()
    except RaxeError as error:
        return None, None, 0, error.problem
    except Exception as error:  # noqa: BLE001  a foreign registry may raise anything
        return None, None, 0, one_line(f"{type(error).__name__}: {error}", 200)
    return 1e3 * (loaded - started), 1e3 * (again - before), len({id(detector) for detector in given}), None
