"""Variants of known behaviour, and a clock that is set by hand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from raxe_conformance.errors import TextError
from raxe_conformance.runtime.result import L2Result


def result(score: float = 0.0) -> L2Result:
    """An answer with this score and all that a detector's has."""
    attack = score >= 0.5
    return L2Result(
        predictions=[],
        confidence=score if attack else 1.0 - score,
        processing_time_ms=0.1,
        model_version="1.0.0",
        metadata={
            "score": score,
            "is_attack": attack,
            "family": "PI" if attack else None,
            "sub_family": None,
            "label": "PI" if attack else "BENIGN",
            "recommended_action": "BLOCK" if attack else "ALLOW",
            "why_it_hit": [],
            "trigger_matches": [],
            "similar_attacks": [],
        },
    )


@dataclass
class Fixed:
    """Answers every text with one score, raises on some, and counts what it was asked."""

    score: float = 0.0
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def analyze(self, text: str, l1_results: Any = None) -> L2Result:
        self.asked.append(text)
        if text == "refused":
            raise TextError("is refused", field="text")
        if self.error is not None:
            raise self.error
        return result(self.score)


@dataclass
class Held:
    """Answers only after `go` is set; `entered` says that it was asked."""

    score: float = 0.0
    go: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)

    def analyze(self, text: str, l1_results: Any = None) -> L2Result:
        self.entered.set()
        assert self.go.wait(60)
        return result(self.score)


@dataclass
class Clock:
    """Seconds that pass only when they are told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Told:
    """What a router told its observer."""

    attempts: list[tuple[str, str]] = field(default_factory=list)
    fallbacks: list[str] = field(default_factory=list)
    compared_: list[bool | None] = field(default_factory=list)
    something: threading.Event = field(default_factory=threading.Event)

    def attempted(self, role: str, outcome: str, seconds: float, found: L2Result | None) -> None:
        assert seconds >= 0.0
        self.attempts.append((role, outcome))

    def fell_back(self, reason: str) -> None:
        self.fallbacks.append(reason)

    def compared(self, stable: L2Result, shadow: L2Result | None) -> None:
        same = None if shadow is None else stable.metadata["is_attack"] == shadow.metadata["is_attack"]
        self.compared_.append(same)
        self.something.set()
