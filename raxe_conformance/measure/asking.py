"""What a registry answers on scratch folders: every question, asked once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from raxe_conformance.errors import one_line
from raxe_conformance.measure import questions_api, questions_detectors, questions_discovery  # noqa: F401  the table
from raxe_conformance.measure.desk import QUESTIONS, Desk
from raxe_conformance.measure.evidence_registry import RegistryAnswers, Said
from raxe_conformance.measure.starting import without_warnings


def ask_registry(factory: Callable[[Path], Any], claims: Collection[str]) -> RegistryAnswers:
    """Ask registries that `factory` makes every question that what they claim allows. What they raise is an answer."""
    answers: dict[str, Said] = {}
    with tempfile.TemporaryDirectory(prefix="raxe-", ignore_cleanup_errors=True) as root, without_warnings():
        desk = Desk(factory, Path(root))
        for name, question in QUESTIONS.items():
            if not question.needs <= set(claims):
                continue
            try:
                answers[name] = Said(question.ask(desk))
            except Exception as error:  # noqa: BLE001  a foreign registry may raise anything
                answers[name] = Said(error=one_line(desk.without_root(f"{type(error).__name__}: {error}"), 300))
    return RegistryAnswers(sorted(claims), answers)
