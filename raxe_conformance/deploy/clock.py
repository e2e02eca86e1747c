"""What time it is, by a clock that may be wrong, and how much of a stage's hold time has surely passed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MOST = timedelta(days=366)  # no canary waits for a year: a clock that says so has leapt


@dataclass(frozen=True)
class Moment:
    """A moment as a machine saw it.

    time: by its clock, in UTC. boot and uptime_s: which start of the machine it was, and the seconds since then, which
    nobody sets; None where the system does not tell.
    """

    time: datetime
    boot: str | None = None
    uptime_s: float | None = None


Clock = Callable[[], Moment]


def now() -> Moment:
    """This moment on this machine, by the second."""
    moment = datetime.now(UTC).replace(microsecond=0)
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
        return Moment(moment, boot, time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, AttributeError):  # only Linux has them
        return Moment(moment)


@dataclass(frozen=True)
class Elapsed:
    """How long a stage has surely lasted, never negative. doubt: why the clock is not believed, None where it is."""

    surely: timedelta
    doubt: str | None


def elapsed(started: datetime, recorded: Moment, at: Moment) -> Elapsed:
    """How much time has surely passed since `started`, which was recorded at `recorded`.

    A clock that stands before `started` proves nothing, and so does one that is more than a year after it. Where the
    machine was not started again since, the clock is not believed for more than the machine has run.
    """
    by_clock = at.time - started
    if by_clock < timedelta(0):
        return Elapsed(timedelta(0), f"the clock says {at.time.isoformat()}, which is before the stage began")
    if at.boot is not None and at.boot == recorded.boot and None not in (at.uptime_s, recorded.uptime_s):
        assert at.uptime_s is not None
        assert recorded.uptime_s is not None
        ran = timedelta(seconds=max(0.0, at.uptime_s - recorded.uptime_s))
        if by_clock - ran > timedelta(minutes=5):
            return Elapsed(ran, f"the clock leapt: the machine has run for {hours(ran)} since the stage began")
    elif by_clock > MOST:
        return Elapsed(timedelta(0), f"the clock says {at.time.isoformat()}, more than a year after the stage began")
    return Elapsed(by_clock, None)


def hours(span: timedelta) -> str:
    """A span for people, such as "47.5 h"; the tenth below, so that what is almost reached does not read as reached."""
    return f"{int(span.total_seconds() // 360) / 10:g} h"
