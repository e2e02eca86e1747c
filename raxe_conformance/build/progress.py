"""Where the build tells what it does. The command line decides how that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Told of each step. Lines are whole sentences without markup."""

    def say(self, line: str) -> None:
        """A step is done, or worth knowing."""

    def step(self, what: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Work of `total` units (None: unknown) begins; the callable counts units as they are done."""


class Silent:
    """Tells nobody."""

    def say(self, line: str) -> None:
        pass

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[Advance]:
        yield lambda count: None
