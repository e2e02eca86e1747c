"""Where a registry is asked: scratch folders, registries of them, and the table of questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from raxe_conformance.measure import scratch
from raxe_conformance.target.foreign import answer_of, said
from raxe_conformance.target.function import read_answer

CRITERIA: Final = ("latency", "accuracy", "memory", "balanced")


class Desk:
    """Makes registries of new scratch folders."""

    def __init__(self, factory: Callable[[Path], Any], root: Path) -> None:
        self._factory, self._root, self._numbers = factory, root, count()
        self._shared: dict[Callable[[Path], Path], Any] = {}

    def without_root(self, text: str) -> str:
        """A text without the place where the folders are, which is another each time."""
        return text.replace(str(self._root), "")

    def folder(self, make: Callable[[Path], Path]) -> Path:
        """A new folder."""
        return make(self._root / f"models{next(self._numbers)}")

    def registry(self, models: Path) -> Any:
        """A new registry."""
        return self._factory(models)

    def reading(self, make: Callable[[Path], Path]) -> Any:
        """The registry of a folder that is made by `make`: one for all questions that change nothing."""
        if make not in self._shared:
            self._shared[make] = self.registry(self.folder(make))
        return self._shared[make]

    @property
    def whole(self) -> Any:
        """The registry of a folder in which everything is in order."""
        return self.reading(scratch.make_whole)

    @property
    def broken(self) -> Any:
        """The registry of a folder with broken files."""
        return self.reading(scratch.make_broken)


@dataclass(frozen=True)
class Question:
    """needs: the capabilities that must be claimed for it to be asked. ask: gives a value that survives JSON."""

    needs: frozenset[str]
    ask: Callable[[Desk], Any]


QUESTIONS: Final[dict[str, Question]] = {}


def question(name: str, *needs: str) -> Callable[[Callable[[Desk], Any]], Callable[[Desk], Any]]:
    """Put the decorated function into the table."""

    def declare(ask: Callable[[Desk], Any]) -> Callable[[Desk], Any]:
        QUESTIONS[name] = Question(frozenset(needs), ask)
        return ask

    return declare


def ids_of(items: Iterable[Any]) -> list[str]:
    """The ids of what list_models gives, sorted."""
    return sorted(str(said(item, "model_id")) for item in items)


def statuses_of(registry: Any) -> dict[str, Any]:
    """The status of every variant that a registry lists, by id."""
    return {str(said(item, "model_id")): str(said(item, "status")) for item in registry.list_models()}


def score_of(detector: Any) -> float:
    """The score that a detector gives ATTACK, by which scratch variants are told apart."""
    answer = read_answer("analyze", answer_of(detector.analyze(scratch.ATTACK, None)))
    return float(answer.metadata["score"])
