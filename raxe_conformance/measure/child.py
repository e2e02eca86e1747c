"""Measuring in a fresh process: what a process that never saw the variant before needs, holds and answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from raxe_conformance.errors import MeasurementError, one_line

# (target, task, arguments) → answer. The target says how to load the detector again, see target/again.py.
Child = Callable[[Mapping[str, Any], str, Mapping[str, Any]], dict[str, Any]]
TIMEOUT_S = 1800.0


def run_child(
    target: Mapping[str, Any],
    task: str,
    arguments: Mapping[str, Any],
    *,
    launcher: Sequence[str] = (),
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Run a task of child_main.TASKS in a new Python process and give its answer.

    launcher: a command put before the interpreter, such as an emulator. Raises MeasurementError where the process
    fails, answers nothing, or takes longer than `timeout_s`.
    """
    request = {"target": dict(target), "task": task, "arguments": dict(arguments), "path": sys.path}
    command = [*launcher, sys.executable, "-m", "raxe_conformance.measure.child_main"]
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter and module
            command, input=json.dumps(request), capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"the process that measures {task} took longer than {timeout_s:.0f} s") from None
    except OSError as error:
        raise MeasurementError(f"cannot start {command[0]}: {error.strerror}") from None
    lines = done.stdout.splitlines()
    try:
        answer = json.loads(lines[-1]) if done.returncode == 0 and lines else None
    except json.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise MeasurementError(
            f"the process that measures {task} ended with {done.returncode} and said: {one_line(said, 200)}",
            remedy="see whether the variant loads: raxe-conformance scan",
        )
    return answer
