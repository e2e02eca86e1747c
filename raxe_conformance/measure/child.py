"""Measuring in a fresh process: what a process that never saw the variant before needs, holds and answers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from raxe_conformance.errors import MeasurementError, one_line

TIMEOUT_S = 1800.0
Progress = Callable[[int], None]


class Child(Protocol):
    """What runs a task in a fresh process, as `run_child` does."""

    def __call__(
        self,
        target: Mapping[str, Any],
        task: str,
        arguments: Mapping[str, Any],
        *,
        launcher: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """The task's answer. The target says how to load the detector again, see target/again.py."""


def run_child(
    target: Mapping[str, Any],
    task: str,
    arguments: Mapping[str, Any],
    *,
    launcher: Sequence[str] = (),
    progress: Progress | None = None,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Run a task of child_main.TASKS in a new Python process and give its answer.

    launcher: a command put before the interpreter, such as an emulator. progress is told each number that the task
    prints as {"progress": number}. Raises MeasurementError where the process fails, answers nothing, or takes longer
    than `timeout_s`.
    """
    request = {"target": dict(target), "task": task, "arguments": dict(arguments), "path": sys.path}
    command = [*launcher, sys.executable, "-m", "raxe_conformance.measure.child_main"]
    late = threading.Event()
    with tempfile.TemporaryFile("w+", errors="replace") as stderr:
        try:
            process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace"
            )
        except OSError as error:
            raise MeasurementError(f"cannot start {command[0]}: {error.strerror}") from None

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout_s, stop)
        timer.start()
        try:
            with process:
                try:
                    answer = _talk(process, json.dumps(request), progress)
                except BaseException:
                    process.kill()
                    raise
        finally:
            timer.cancel()
        if late.is_set():
            raise MeasurementError(f"the process that measures {task} took longer than {timeout_s:.0f} s")
        if process.returncode != 0 or not isinstance(answer, dict):
            stderr.seek(0)
            said = (stderr.read().strip().splitlines() or ["nothing"])[-1]
            raise MeasurementError(
                f"the process that measures {task} ended with {process.returncode} and said: {one_line(said, 200)}",
                remedy="see whether the variant loads: raxe-conformance scan",
            )
    return answer


def _talk(process: subprocess.Popen[str], request: str, progress: Progress | None) -> Any:
    """Send the request, pass on what is told of the progress, and give the last line's JSON; None where it is none."""
    assert process.stdin is not None
    assert process.stdout is not None
    # A process that is gone already is found by its exit code.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(request)
        process.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    answer = None
    for line in process.stdout:
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            answer = None
        if progress is not None and isinstance(answer, dict) and answer.keys() == {"progress"}:
            progress(int(answer["progress"]))
    return answer
