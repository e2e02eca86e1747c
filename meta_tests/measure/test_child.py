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
    assert there == {"scores": [m["score"] for m in here], "attacks": [m["is_attack"] for m in here]}


def test_a_process_that_fails_says_why(toy: Toy) -> None:
    gone = {"kind": "shipped", "models": str(toy.models), "model_id": "v9.9_gone_int8"}
    with pytest.raises(MeasurementError, match=r"measures scores ended with 1 .*v9\.9_gone_int8"):
        run_child(gone, "scores", {"texts": []})


@pytest.mark.parametrize("launcher", [["/no/such/emulator"], [sys.executable, "-c", "print('[1]')"]])
def test_a_launcher_that_is_no_launcher(launcher: list[str]) -> None:
    with pytest.raises(MeasurementError, match=r"cannot start|and said: nothing"):
        run_child({}, "scores", {}, launcher=launcher)
