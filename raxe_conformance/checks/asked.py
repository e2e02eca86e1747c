"""What a registry's answers are held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raxe_conformance.checks.reading import Finding
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence_registry import RegistryAnswers, Said


def expected(answers: RegistryAnswers, question: str, value: Any, remedy: str = "") -> list[Finding]:
    """What is wrong with the answer to a question, where it should be `value`."""
    return judged(answers, question, lambda said: said == value, _word(value), remedy)


def judged(
    answers: RegistryAnswers, question: str, holds: Callable[[Any], bool], wanted: str, remedy: str = ""
) -> list[Finding]:
    """What is wrong with the answer to a question, where `holds` says whether it is right and `wanted` what is."""
    said = answer(answers, question)
    if said.error is not None:
        return [Finding(question, f"raised {said.error}", wanted, remedy)]
    return [] if holds(said.value) else [Finding(question, _word(said.value), wanted, remedy)]


def refused(answers: RegistryAnswers, question: str, naming: str = "", remedy: str = "") -> list[Finding]:
    """What is wrong with the answer to a question that should raise an error, whose text holds `naming`."""
    said = answer(answers, question)
    wanted = f"an error that names {naming}" if naming else "an error"
    if said.error is None:
        return [Finding(question, _word(said.value), wanted, remedy)]
    return [] if naming in said.error else [Finding(question, f"raised {said.error}", wanted, remedy)]


def answer(answers: RegistryAnswers, question: str) -> Said:
    """The answer to a question. Raises MeasurementError where it was not asked, as by an older version."""
    if question not in answers.said:
        raise MeasurementError(f"the evidence holds no answer to: {question}", remedy="measure again")
    return answers.said[question]


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_word(item)}" for key, item in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or "nothing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
