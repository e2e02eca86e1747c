"""Programs that run beside a test, and waiting for what they do."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 300.0  # how long a busy machine may take for anything


def until(true: Callable[[], object], what: str) -> None:
    """Wait until something is true."""
    end, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not true():
        assert time.monotonic() < end, f"{what}: not within {PATIENCE_S:.0f} s"
        pause.wait(0.05)


@contextmanager
def process(*command: object, log: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that runs until the block ends, with what it says in a file."""
    with log.open("w") as said:
        started = subprocess.Popen([*map(str, command)], stdout=said, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        try:
            yield started
        finally:
            started.send_signal(signal.SIGTERM)
            try:
                started.wait(60)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def address_of(log: Path) -> str:
    """Where a server listens, by what it says when it begins."""
    until(lambda: " at http://" in log.read_text(), "the server")
    return log.read_text().partition(" at ")[2].split()[0]
