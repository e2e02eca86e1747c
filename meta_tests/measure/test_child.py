"""A fresh process: what it answers, and what is said when it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import EVIL, MODEL_ID, Toy
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.child import run_child


def test_a_fresh_process_scores_as_this_one(toy: Toy, tmp_path: Path) -> None:
    subject = session_on(toy, tmp_path).subjects[MODEL_ID]
    texts = [f"please {EVIL['PI']}", "weather report", ""]
    here = [subject.load().analyze(text).metadata for text in texts]
    there = run_child(subject.again, "scores", {"texts": texts})
    assert there == {
        "scores": [m["score"] for m in here],
        "attacks": [m["is_attack"] for m in here],
        "families": [m["family"] for m in here],
    }


def test_a_process_that_fails_says_why(toy: Toy) -> None:
    gone = {"kind": "shipped", "models": str(toy.models), "model_id": "v9.9_gone_int8", "backend": None}
    with pytest.raises(MeasurementError, match=r"measures scores ended with 1 .*v9\.9_gone_int8"):
        run_child(gone, "scores", {"texts": []})


@pytest.mark.parametrize("launcher", [["/no/such/emulator"], [sys.executable, "-c", "print('[1]')"]])
def test_a_launcher_that_is_no_launcher(launcher: list[str]) -> None:
    with pytest.raises(MeasurementError, match=r"cannot start|and said: nothing"):
        run_child({}, "scores", {}, launcher=launcher)


def test_progress_is_passed_on_and_is_no_answer(tmp_path: Path) -> None:
    program = tmp_path / "launcher.py"
    told: list[int] = []
    program.write_text(
        "import sys, json\nsys.stdin.read()\nprint(json.dumps({'progress': 3}))\nprint('a word')\n"
        "print(json.dumps({'progress': 7}))\nprint(json.dumps({'done': True}))\n"
    )
    launcher = [sys.executable, str(program)]
    assert run_child({}, "scores", {}, launcher=launcher, progress=told.append) == {"done": True}
    assert told == [3, 7]


def test_a_process_that_takes_too_long_is_ended() -> None:
    launcher = [sys.executable, "-c", "import sys; sys.stdin.read(); import threading; threading.Event().wait(60)"]
    with pytest.raises(MeasurementError, match=r"measures scores took longer than 0 s"):
        run_child({}, "scores", {}, launcher=launcher, timeout_s=0.3)


def test_a_request_larger_than_a_pipe_reaches_the_process(tmp_path: Path) -> None:
    launcher = [sys.executable, "-c", "import sys, json; print(json.dumps({'n': len(sys.stdin.read())}))"]
    assert run_child({}, "scores", {"texts": ["x" * 1_000_000]}, launcher=launcher)["n"] > 1_000_000
