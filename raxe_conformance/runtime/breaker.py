"""A circuit breaker: whom nobody asks while he keeps failing, and who is tried again after a while."""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW: Final = 20  # the calls that are looked back on
FAILURES: Final = 10  # so many failures among them open the breaker
COOL_DOWN: Final = 30.0  # seconds until it is tried again


class BreakerState(enum.StrEnum):
    """CLOSED: calls go through. OPEN: none do. HALF_OPEN: one does, and what becomes of it decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Opens after FAILURES failures among the last WINDOW calls; COOL_DOWN later one call decides whether it closes.

    Thread-safe. Every call that `allow` lets through must be followed by one `record`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that only grow."""
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: deque[bool] = deque(maxlen=WINDOW)
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """What it would do with the next call."""
        with self._lock:
            if self._opened is None:
                return BreakerState.CLOSED
            return BreakerState.HALF_OPEN if self._trying or self._is_cool() else BreakerState.OPEN

    def allow(self) -> bool:
        """Whether a call may be made now."""
        with self._lock:
            if self._opened is None:
                return True
            if self._trying or not self._is_cool():
                return False
            self._trying = True
            return True

    def record(self, *, failed: bool) -> None:
        """What became of a call that was allowed."""
        with self._lock:
            if self._trying:
                self._trying = False
                self._opened = self._clock() if failed else None
                self._failed.clear()
            elif self._opened is None:
                self._failed.append(failed)
                if sum(self._failed) >= FAILURES:
                    self._opened = self._clock()
            # Else it was made before the breaker opened, and says nothing new.

    def _is_cool(self) -> bool:
        return self._opened is not None and self._clock() - self._opened >= COOL_DOWN
