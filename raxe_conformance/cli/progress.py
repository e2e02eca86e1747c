"""Long work on a terminal and in a pipe: a bar where somebody watches, plain lines where a program reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from raxe_conformance.build.progress import Advance, Progress


class Lines:
    """One plain line for each finished step."""

    def say(self, line: str) -> None:
        click.echo(line)

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[Advance]:
        yield lambda count: None


class Bars:
    """The same lines, and below them a bar for what runs."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[Advance]:
        from rich import progress as rich_progress

        columns: list[Any] = [rich_progress.SpinnerColumn(), rich_progress.TextColumn("{task.description}")]
        columns += [rich_progress.BarColumn(), rich_progress.MofNCompleteColumn()] if total is not None else []
        columns += [rich_progress.TimeElapsedColumn()]
        with rich_progress.Progress(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(what, total=total)

            def advance(count: int) -> None:
                bars.advance(task, count)

            yield advance


def progress() -> Progress:
    """Bars on a terminal, else lines."""
    if sys.stdout.isatty():
        return Bars()
    return Lines()
