"""What others take of the processor: their CPU time, and how long the threads of this process wait because of it."""

from __future__ import annotations

from pathlib import Path
from time import process_time
from typing import Final

_TASKS: Final = Path("/proc/self/task")


def machine_seconds() -> float:
    """CPU seconds that the machine has been busy so far, all cores together, stolen ones (a hypervisor's) included."""
    import psutil

    times = psutil.cpu_times()
    kinds = ("user", "nice", "system", "irq", "softirq", "interrupt", "dpc", "steal")
    return float(sum(getattr(times, kind, 0.0) for kind in kinds))


def others_seconds() -> float:
    """CPU seconds of everything but this process so far, to the system's grain (a hundredth); differences tell."""
    return machine_seconds() - process_time()


def waited_seconds(tasks: Path = _TASKS) -> float | None:
    """How long the threads of this process have been ready to run without a core so far, added up.

    Linux keeps it for each thread that lives, to the nanosecond (schedstat, Documentation/scheduler/sched-stats.rst).
    None where the system does not say.
    """
    try:
        found = [task / "schedstat" for task in tasks.iterdir()]
    except OSError:
        return None
    nanoseconds = 0
    for path in found:
        try:
            nanoseconds += int(path.read_bytes().split()[1])
        except (OSError, IndexError, ValueError):
            continue  # a thread that has just ended
    return nanoseconds / 1e9 if found else None
