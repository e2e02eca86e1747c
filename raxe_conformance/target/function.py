"""Any callable as the target: text in, score in 0..1 out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.errors import MeasurementError, one_line
from raxe_conformance.target.named import find_callable
from raxe_conformance.target.protocol import Subject

MODEL_ID = "function"
THRESHOLD = 0.5


@dataclass(frozen=True)
class Answer:
    """What a function said of a text, as checks read it: score, is_attack and family, and what else came with them."""

    metadata: Mapping[str, Any]


class FunctionDetector:
    """A detector made of a function of one text.

    The function answers a score in 0..1 (True and False count as 1 and 0), or a mapping, or an object whose `metadata`
    is one, with `score` and, if it likes, `is_attack`, `family` and `timings_ms`. Without `is_attack`, an attack is
    what scores THRESHOLD or more.
    """

    def __init__(self, name: str, function: Callable[[str], Any]) -> None:
        self._name, self._function = name, function

    def analyze(self, text: str) -> Answer:
        """Ask the function. A score outside 0..1 is passed on as it is: it is for the checks to find it.

        Raises MeasurementError where the function raises, or answers something else.
        """
        try:
            said = self._function(text)
        except (Exception, SystemExit) as error:
            raise MeasurementError(f"{self._name} raised {type(error).__name__}: {one_line(error, 200)}") from error
        return read_answer(self._name, said)


def read_answer(name: str, said: Any) -> Answer:
    """What `name` answered, as checks read it. Raises MeasurementError where it is no answer."""
    found = said if isinstance(said, Mapping) else getattr(said, "metadata", None)
    fields = dict(found) if isinstance(found, Mapping) else {"score": said}
    try:
        value = fields["score"]
        score = float("" if isinstance(value, str | bytes) else value)
    except (KeyError, TypeError, ValueError):
        raise MeasurementError(
            f"{name} answered {one_line(repr(said), 80)}", remedy="answer a score in 0..1: see docs/detectors.md"
        ) from None
    family = fields.get("family")
    if family is not None and not isinstance(family, str):
        raise MeasurementError(
            f"{name} named the family {one_line(repr(family), 80)}", remedy="name it as a string, or None"
        )
    decision = fields.get("is_attack")
    is_attack = score >= THRESHOLD if decision is None else bool(decision)
    return Answer({**fields, "score": score, "is_attack": is_attack, "family": family})


def function_subject(name: str, folder: Path) -> Subject:
    """The function MODULE:FUNCTION as the variant `function`. `folder` is looked in for the module, too.

    The module is imported here: a name that leads nowhere is found before anything is judged. Raises UsageError.
    """
    function = find_callable(
        name, folder, option="--raxe-detector", kind="function", example="rules:score", takes="a text"
    )
    return Subject(
        model_id=MODEL_ID,
        variant=None,
        load=lambda: FunctionDetector(name, function),
        again={"kind": "function", "name": name, "folder": str(folder)},
        function=name,
    )
