"""Any callable as the target: text in, score in 0..1 out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from raxe_conformance.errors import MeasurementError, UsageError, one_line
from raxe_conformance.target.protocol import Subject

MODEL_ID = "function"
THRESHOLD = 0.5
_FORM = "name it as MODULE:FUNCTION, such as rules:score"


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
        found = said if isinstance(said, Mapping) else getattr(said, "metadata", None)
        fields = dict(found) if isinstance(found, Mapping) else {"score": said}
        try:
            value = fields["score"]
            score = float("" if isinstance(value, str | bytes) else value)
        except (KeyError, TypeError, ValueError):
            raise MeasurementError(
                f"{self._name} answered {one_line(repr(said), 80)}",
                remedy="answer a score in 0..1: see docs/detectors.md",
            ) from None
        family = fields.get("family")
        if family is not None and not isinstance(family, str):
            raise MeasurementError(
                f"{self._name} named the family {one_line(repr(family), 80)}", remedy="name it as a string, or None"
            )
        decision = fields.get("is_attack")
        is_attack = score >= THRESHOLD if decision is None else bool(decision)
        return Answer({**fields, "score": score, "is_attack": is_attack, "family": family})


def function_subject(name: str, folder: Path) -> Subject:
    """The function MODULE:FUNCTION as the variant `function`. `folder` is looked in for the module, too.

    The module is imported here: a name that leads nowhere is found before anything is judged. Raises UsageError.
    """
    function = _find(name, folder)
    return Subject(
        model_id=MODEL_ID,
        variant=None,
        load=lambda: FunctionDetector(name, function),
        again={"kind": "function", "name": name, "folder": str(folder)},
        function=name,
    )


def _find(name: str, folder: Path) -> Callable[[str], Any]:
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise UsageError("is no MODULE:FUNCTION", field=f"--raxe-detector {name}", remedy=_FORM)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # what a foreign module raises when it is imported may be anything
        raise UsageError(
            f"the module {module_name} cannot be imported: {type(error).__name__}: {one_line(error, 200)}",
            field=f"--raxe-detector {name}", remedy=f"mend or install it, or put it in {folder}",
        ) from error  # fmt: skip
    try:
        found = reduce(getattr, path.split("."), module)
    except AttributeError:
        raise UsageError(
            f"the module {module_name} has no {path}", field=f"--raxe-detector {name}", remedy=_FORM
        ) from None
    if not callable(found):
        raise UsageError(
            f"{path} is a {type(found).__name__} and cannot be called",
            field=f"--raxe-detector {name}", remedy="name a function that takes a text",
        )  # fmt: skip
    return found
