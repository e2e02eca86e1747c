"""Any callable as a detector: what it may answer, what is passed on, and what a name that leads nowhere says."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from raxe_conformance.errors import MeasurementError, UsageError
from raxe_conformance.measure.child import run_child
from raxe_conformance.target.function import MODEL_ID, THRESHOLD, FunctionDetector, function_subject


def said(answer: Any) -> dict[str, Any]:
    return dict(FunctionDetector("m:f", lambda text: answer).analyze("x").metadata)


@pytest.mark.parametrize(
    ("answer", "score", "is_attack", "family"),
    [
        (0.7, 0.7, True, None),
        (THRESHOLD, 0.5, True, None),
        (math.nextafter(THRESHOLD, 0.0), math.nextafter(0.5, 0.0), False, None),
        (1, 1.0, True, None),
        (True, 1.0, True, None),
        (False, 0.0, False, None),
        (np.float32(0.25), 0.25, False, None),
        ({"score": 0.7}, 0.7, True, None),
        ({"score": 0.7, "is_attack": False, "family": "PI"}, 0.7, False, "PI"),
        ({"score": 0.2, "is_attack": np.bool_(True)}, 0.2, True, None),
        (SimpleNamespace(metadata={"score": 0.2, "is_attack": True, "family": "JB"}), 0.2, True, "JB"),
    ],
)
def test_what_a_function_may_answer(answer: Any, score: float, is_attack: bool, family: str | None) -> None:
    found = said(answer)
    assert (found["score"], found["is_attack"], found["family"]) == (score, is_attack, family)
    assert type(found["score"]) is float
    assert type(found["is_attack"]) is bool


def test_times_of_stages_are_passed_on() -> None:
    assert said({"score": 0.1, "timings_ms": {"network": 2.0}})["timings_ms"] == {"network": 2.0}


@pytest.mark.parametrize("score", [1.5, -0.1, math.inf, math.nan])
def test_a_score_outside_0_to_1_is_passed_on_for_the_checks_to_find(score: float) -> None:
    found = said(score)["score"]
    assert found == score or (math.isnan(found) and math.isnan(score))


def test_not_a_number_is_no_attack() -> None:
    assert said(math.nan)["is_attack"] is False


@pytest.mark.parametrize("answer", [None, "0.9", b"0.9", [0.9], {"label": "PI"}, {"score": None}, {"score": "0.9"}])
def test_another_answer_is_an_error_of_one_line(answer: Any) -> None:
    with pytest.raises(MeasurementError, match=r"^m:f answered .*answer a score in 0\.\.1: see docs/detectors\.md$"):
        said(answer)


def test_a_family_that_is_no_string_is_an_error() -> None:
    with pytest.raises(MeasurementError, match="m:f named the family 3; name it as a string, or None"):
        said({"score": 0.9, "family": 3})


@pytest.mark.parametrize("error", [ValueError("no\nway"), SystemExit(3)])
def test_what_a_function_raises_is_an_expected_error(error: BaseException) -> None:
    def raises(text: str) -> float:
        raise error

    with pytest.raises(MeasurementError, match=rf"^m:f raised {type(error).__name__}: (no way|3)$"):
        FunctionDetector("m:f", raises).analyze("x")


def test_whoever_interrupts_is_obeyed() -> None:
    def interrupted(text: str) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FunctionDetector("m:f", interrupted).analyze("x")


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Writes a module `foreign`, and forgets it afterwards."""
    path = list(sys.path)

    def write(source: str) -> Path:
        (tmp_path / "foreign.py").write_text(source, encoding="utf-8")
        return tmp_path

    yield write
    sys.path[:] = path
    sys.modules.pop("foreign", None)


def test_a_function_is_a_subject_without_files(module: Callable[[str], Path]) -> None:
    folder = module("def score(text):\n    return len(text) / 10")
    subject = function_subject("foreign:score", folder)
    assert (subject.model_id, subject.function, subject.variant) == (MODEL_ID, "foreign:score", None)
    assert subject.load().analyze("abc").metadata["score"] == 0.3
    with pytest.raises(MeasurementError, match="function has no files; judge a models folder"):
        _ = subject.files


def test_a_method_is_named_with_dots(module: Callable[[str], Path]) -> None:
    folder = module("class Rules:\n    def score(self, text):\n        return 0.25\nrules = Rules()")
    assert function_subject("foreign:rules.score", folder).load().analyze("x").metadata["score"] == 0.25


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("foreign", "", "--raxe-detector foreign: is no MODULE:FUNCTION; name it as MODULE:FUNCTION"),
        (":score", "", "is no MODULE:FUNCTION"),
        ("foreign:", "", "is no MODULE:FUNCTION"),
        ("no_such_module:f", "", "no_such_module cannot be imported: ModuleNotFoundError: No module named"),
        ("foreign:f", "1 / 0", "foreign cannot be imported: ZeroDivisionError: division by zero; mend or install it"),
        ("foreign:f", "raise SystemExit(1)", "foreign cannot be imported: SystemExit: 1"),
        ("foreign:f", "def score(text): ...", "--raxe-detector foreign:f: the module foreign has no f"),
        ("foreign:score.f", "def score(text): ...", "the module foreign has no score.f"),
        ("foreign:f", "f = 0.5", "f is a float and cannot be called; name a function that takes a text"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_line(
    name: str, source: str, message: str, module: Callable[[str], Path]
) -> None:
    folder = module(source)
    with pytest.raises(UsageError) as caught:
        function_subject(name, folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fresh_process_loads_the_function_again(module: Callable[[str], Path]) -> None:
    folder = module("def score(text):\n    return 0.75 if 'evil' in text else 1 / 0")
    again = function_subject("foreign:score", folder).again
    assert run_child(again, "scores", {"texts": ["evil", "calm"]}) == {
        "scores": [0.75, None],
        "attacks": [True, False],
        "families": [None, None],
    }
