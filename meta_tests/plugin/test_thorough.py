"""--raxe-thorough: off unless asked for, by flag or ini key; and the line of progress that long work shows."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from raxe_conformance.conductor import Conductor
from raxe_conformance.options import resolve


@pytest.mark.parametrize(
    ("flags", "ini", "thorough"),
    [
        ([], "", False),
        (["--raxe-thorough"], "", True),
        ([], "raxe_thorough = true", True),
        ([], "raxe_thorough = false", False),
        (["--raxe-thorough"], "raxe_thorough = false", True),
    ],
)
def test_flag_and_ini_key(flags: list[str], ini: str, thorough: bool, pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\n{ini}")
    assert resolve(pytester.parseconfig(*flags)).thorough is thorough


def test_the_help_says_what_it_costs(pytester: pytest.Pytester) -> None:
    said = " ".join(pytester.runpytest_inprocess("--help").stdout.str().split())
    assert "also measure what takes minutes: memory over 100,000 analyses in one process" in said


def shown(isatty: bool, worker: Any = None) -> list[str]:
    lines: list[str] = []

    @contextmanager
    def disabled() -> Any:
        lines.append("uncaptured")
        yield

    terminal = SimpleNamespace(
        isatty=isatty, ensure_newline=lambda: None, rewrite=lambda line, erase: lines.append(line)
    )
    plugins = {
        "terminalreporter": terminal,
        "capturemanager": SimpleNamespace(global_and_fixture_disabled=disabled),
    }
    config = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugin=plugins.get))
    Conductor._show(SimpleNamespace(_config=config, _worker=worker), "soak: 1,000 of 100,000")  # type: ignore[arg-type]
    return lines


def test_progress_is_shown_to_who_watches_and_not_in_a_pipe_or_on_a_worker() -> None:
    assert shown(isatty=True) == ["uncaptured", "soak: 1,000 of 100,000"]
    assert shown(isatty=False) == []
    assert shown(isatty=True, worker={"workerid": "gw0"}) == []
