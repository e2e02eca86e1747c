"""Who is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from raxe_conformance.registry.variant import Variant


class Analyzer(Protocol):
    """What a detector must do to be judged."""

    def analyze(self, text: str) -> Any:
        """An object whose `metadata` holds score (0..1), is_attack and family."""


@dataclass(frozen=True)
class Subject:
    """One variant under judgement. `load` makes a detector of it, or raises RaxeError.

    again: how another process loads it, as `target.again.load_again` reads it.
    """

    model_id: str
    variant: Variant
    load: Callable[[], Analyzer]
    again: Mapping[str, Any]
