"""Evidence of what a registry answers on the suite's scratch folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What a registry answered to one question: a value that survives JSON, or the error it raised, on one line."""

    value: Any = None
    error: str | None = None


@dataclass(frozen=True)
class RegistryAnswers:
    """What a registry said to the questions of `measure.asking`, by question. `claims`: those who were asked about.

    What is not claimed was not asked.
    """

    claims: list[str]
    said: dict[str, Said]
