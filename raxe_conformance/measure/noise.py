"""How steady this machine is, without a detector: a few seconds of fixed computations on each of its cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

from raxe_conformance.measure.environment import usable_cores
from raxe_conformance.measure.second_core import find_second_core
from raxe_conformance.measure.timing import kernel_ms

ROUNDS: Final = 60
PULSES: Final = 15  # of each core, in each round
PAUSE_S: Final = 0.02  # so that what happens only now and then is met, too
_CGROUP: Final = Path("/sys/fs/cgroup")
_CPUS: Final = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Noise:
    """What a machine did to fixed computations, and what it says of itself.

    pulse_ms: by core, milliseconds of the calibration kernel (by -1 where threads cannot be bound to a core).
    second_core: how many times as fast two threads were than one, again and again; empty where there is one core.
    stolen: the share (0..1) of the cores' time that a hypervisor gave to others meanwhile. quota: how many cores' time
    the control group may use. load: runnable processes in the last minute. None: the system does not say.
    """

    pulse_ms: Mapping[int, tuple[float, ...]]
    second_core: tuple[float, ...]
    cores: int
    usable: int
    stolen: float | None
    quota: float | None
    load: float | None
    governors: tuple[str, ...]


def measure_noise(rounds: int = ROUNDS, pulse: Callable[[], float] = kernel_ms, pause_s: float = PAUSE_S) -> Noise:
    """Time the kernel on each usable core in turn, and on two at once, `rounds` times."""
    second = find_second_core()
    beats: dict[int, list[float]] = {core: [] for core in _bindable() or (-1,)}
    gains: list[float] = []
    before, started = _stolen_s(), perf_counter()
    for _ in range(rounds):
        for core, times in beats.items():
            with _bound_to(core):
                pulse()  # the core may have slept
                times += [pulse() for _ in range(PULSES)]
        if second is not None:
            gains.append(second())
        sleep(pause_s)
    after, seconds = _stolen_s(), perf_counter() - started
    cores = os.cpu_count() or 1
    return Noise(
        pulse_ms={core: tuple(times) for core, times in beats.items()},
        second_core=tuple(gains),
        cores=cores,
        usable=usable_cores(),
        stolen=None if before is None or after is None else (after - before) / (seconds * cores),
        quota=quota(_CGROUP),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        governors=governors(_CPUS),
    )


def quota(cgroup: Path) -> float | None:
    """How many cores' time the control group (version 2, else 1) may use; None where nothing limits it."""
    try:
        granted, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        try:
            granted, period = (
                (cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
            )
        except (OSError, ValueError):
            return None
    return int(granted) / int(period) if granted.strip() not in ("max", "-1") else None


def governors(cpus: Path) -> tuple[str, ...]:
    """What sets the cores' frequency (Linux: performance, powersave, schedutil, …), each once; none: not said."""
    found = set()
    for path in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"):
        try:
            found.add(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            continue
    return tuple(sorted(found))


def _bindable() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


@contextmanager
def _bound_to(core: int) -> Iterator[None]:
    """Have this thread run on one core, and then where it ran before."""
    if core < 0:
        yield
        return
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def _stolen_s() -> float | None:
    """CPU seconds that a hypervisor has given to others so far, all cores together."""
    import psutil

    return getattr(psutil.cpu_times(), "steal", None)
