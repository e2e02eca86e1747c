"""What a fresh process does to have its memory looked at. Imports as little as can be: all of it counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

_SELF = Path("/proc/self")
_MACHINE = Path("/proc/meminfo")
_PAUSE_S = 0.001
_PEAKS = "the high-water mark set back before each request"
_SEEN = f"peaks as seen every {1e3 * _PAUSE_S:g} ms"


class KernelMeter:
    """Resident memory by the kernel's own count (Linux), in MB (10^6 bytes).

    The high-water mark (VmHWM) is set back through clear_refs where that may be written, and then no peak is missed, a
    short one neither. Kernels from 6.2 to 6.15 count up to 32 pages a core and kind of memory (0.1 MB) late.
    """

    method = "VmRSS"

    def __init__(self, process: Path = _SELF, machine: Path = _MACHINE) -> None:
        """process, machine: where /proc/self and /proc/meminfo are. Raises OSError where they are not."""
        self._status, self._clear, self._machine = process / "status", process / "clear_refs", machine
        self.resident()
        self.exact = self._reset()

    def resident(self) -> float:
        """Resident now."""
        return _kilobytes(self._status)["VmRSS"]

    def highest(self) -> float | None:
        """The most since the process began, or since the mark was set back; None where the kernel keeps none."""
        return _kilobytes(self._status).get("VmHWM")

    def added(self, call: Callable[[], Any]) -> float:
        """The most that was held during a call, above what was held before it."""
        before = self.resident()
        if not self.exact or not self._reset():
            return _watched(self.resident, call) - before
        call()
        return max(0.0, (self.highest() or 0.0) - before)

    def left(self) -> tuple[float, float]:
        """What of this process is swapped out, and what the machine has left."""
        return _kilobytes(self._status).get("VmSwap", 0.0), _kilobytes(self._machine)["MemAvailable"]

    def _reset(self) -> bool:
        try:
            self._clear.write_text("5", encoding="ascii")
        except OSError:
            return False
        return self.highest() is not None


class PortableMeter:
    """Resident memory as psutil gives it where there is no /proc, in MB. There is no high-water mark."""

    exact = False
    method = "resident memory by psutil"

    def __init__(self) -> None:
        import psutil

        self._process, self._machine = psutil.Process(), psutil.virtual_memory

    def resident(self) -> float:
        """Resident now."""
        return float(self._process.memory_info().rss) / 1e6

    def highest(self) -> float | None:
        """Not known."""
        return None

    def added(self, call: Callable[[], Any]) -> float:
        """The most that was seen during a call, above what was held before it."""
        before = self.resident()
        return _watched(self.resident, call) - before

    def left(self) -> tuple[float, float]:
        """0 (what is swapped out is not known), and what the machine has left."""
        return 0.0, float(self._machine().available) / 1e6


def meter() -> KernelMeter | PortableMeter:
    """The best meter that this system has."""
    try:
        return KernelMeter()
    except (OSError, KeyError):
        return PortableMeter()


def measure_here(load: Callable[[], Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The task "memory": load the detector, analyse, and say what was held when (see ProcessMemory).

    arguments: libraries (names of modules), warmup, requests, batch (texts). Answers ProcessMemory's fields, and
    exact_peaks and method as Memory has them.
    """
    scale = meter()
    exact = scale.exact
    interpreter = scale.resident()
    for name in arguments["libraries"]:
        import_module(name)
    libraries = scale.resident()
    detector = load()
    loaded = scale.resident()
    load_peak = scale.highest()
    for text in arguments["warmup"]:
        detector.analyze(text)
    steady = scale.resident()
    requests = [scale.added(partial(detector.analyze, text)) for text in arguments["requests"]]
    at_once = getattr(detector, "analyze_batch", None)
    batch = None if at_once is None else scale.added(partial(at_once, arguments["batch"]))
    swapped, available = scale.left()
    return {
        "interpreter": interpreter,
        "libraries": libraries,
        "load_peak": load_peak,
        "loaded": loaded,
        "steady": steady,
        "requests": requests,
        "batch": batch,
        "swapped": swapped,
        "available": available,
        "exact_peaks": exact,
        "method": f"{scale.method}, {_PEAKS if exact else _SEEN}",
    }


def _kilobytes(path: Path) -> dict[str, float]:
    """The figures of a file of lines such as "VmRSS:  12 kB" in MB of 10^6 bytes; the kernel's kB is 1,024 bytes."""
    found = {}
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            found[name] = int(rest[:-3]) * 1024 / 1e6
    return found


def _watched(resident: Callable[[], float], call: Callable[[], Any]) -> float:
    """The most that a second thread saw while a call ran, before and after it included."""
    seen = [resident()]
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.append(resident())
            time.sleep(_PAUSE_S)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        call()
        seen.append(resident())
    finally:
        ended.set()
        watcher.join()
    return max(seen)
