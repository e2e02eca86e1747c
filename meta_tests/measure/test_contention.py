"""What others take of the processor, as the system says it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from raxe_conformance.measure.contention import machine_seconds, others_seconds, waited_seconds


def test_waits_of_all_threads_are_added_up(tmp_path: Path) -> None:
    for task, told in {"1": "5000 2500000000 7", "2": "1 500000000 1", "3": "", "4": "x y z"}.items():
        (tmp_path / task).mkdir()
        (tmp_path / task / "schedstat").write_text(told)
    (tmp_path / "5").mkdir()  # ended in this moment
    assert waited_seconds(tmp_path) == 3.0


def test_a_system_that_does_not_say_is_not_guessed(tmp_path: Path) -> None:
    assert waited_seconds(tmp_path / "absent") is None
    assert waited_seconds(tmp_path) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps it")
def test_this_process_has_waited_a_finite_time() -> None:
    first = waited_seconds()
    assert first is not None
    assert 0.0 <= first < 1e6


def test_others_are_what_the_machine_did_without_this_process() -> None:
    assert 0.0 < others_seconds() < machine_seconds()
