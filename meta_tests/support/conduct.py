"""How a detector behaves besides what its files say: wrappers with a defect, and processes that are programmed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from raxe_conformance.measure.child_main import score_texts


class Wrapped:
    """A detector that another stands behind."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)

    def analyze_batch(self, texts: Sequence[str]) -> list[Any]:
        return [self.analyze(text) for text in texts]


def rescored(result: Any, by: float, *, attack: bool | None = None) -> Any:
    """The result with a score that is `by` nearer to 0.5, and the same decision unless `attack` is given."""
    found = result.metadata
    score = found["score"]
    moved = score - by if score > 0.5 else score + by
    is_attack = found["is_attack"] if attack is None else attack
    return SimpleNamespace(metadata={**found, "score": moved, "is_attack": is_attack})


class CountsCalls(Wrapped):
    """The score depends on how many calls there were."""

    calls = 0

    def analyze(self, text: str) -> Any:
        self.calls += 1
        return rescored(self._detector.analyze(text), 1e-12 * self.calls)


class KnowsItsThread(Wrapped):
    """The score depends on the thread."""

    def analyze(self, text: str) -> Any:
        main = threading.current_thread() is threading.main_thread()
        return rescored(self._detector.analyze(text), 0.0 if main else 1e-9)


class LosesTheLast(Wrapped):
    """A batch gets a result too few."""

    def analyze_batch(self, texts: Sequence[str]) -> list[Any]:
        return [self.analyze(text) for text in texts][:-1]


class TurnsBatchesAround(Wrapped):
    """The results of a batch stand in the order from the last to the first."""

    def analyze_batch(self, texts: Sequence[str]) -> list[Any]:
        return [self.analyze(text) for text in reversed(texts)]


class SharesTheScale(Wrapped):
    """A long text in a batch moves the other scores, and flips no decision."""

    def analyze_batch(self, texts: Sequence[str]) -> list[Any]:
        by = 0.02 if len(texts) > 1 and max(map(len, texts)) > 1000 else 0.0
        return [rescored(self.analyze(text), by) for text in texts]


class DecidesTogether(Wrapped):
    """What stands in a batch with an attack is an attack."""

    def analyze_batch(self, texts: Sequence[str]) -> list[Any]:
        results = [self.analyze(text) for text in texts]
        attack = any(result.metadata["is_attack"] for result in results)
        return [rescored(result, 0.0, attack=attack) for result in results]


class CutsTexts(Wrapped):
    """Only the first 4,000 characters are read."""

    def analyze(self, text: str) -> Any:
        return self._detector.analyze(text[:4000])


class DecidesOtherwise(Wrapped):
    """Every third text is decided otherwise."""

    calls = 0

    def analyze(self, text: str) -> Any:
        self.calls += 1
        found = self._detector.analyze(text)
        return rescored(found, 0.0, attack=found.metadata["is_attack"] != (self.calls % 3 == 0))


@dataclass(frozen=True)
class Conduct:
    """wrap: what stands before the detector; otherwise: before the one on the other backend; packaged: before the one
    in a package. In other processes: by how much scores differ there, how many bytes an analysis leaves behind, and on
    which emulated CPUs every third text is decided otherwise."""

    wrap: Callable[[Any], Any] = lambda detector: detector
    otherwise: Callable[[Any], Any] = lambda detector: detector
    packaged: Callable[[Any], Any] = lambda detector: detector
    elsewhere: float = 0.0
    leak_bytes: float = 0.0
    unlike: tuple[str, ...] = ()

    def child(
        self, load: Callable[[], Any], task: str, arguments: Mapping[str, Any], launcher: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The answer to the tasks "scores" and "soak", without a process."""
        return self._soak(arguments) if task == "soak" else self._scores(load, arguments, launcher)

    def _scores(self, load: Callable[[], Any], arguments: Mapping[str, Any], launcher: Sequence[str]) -> dict[str, Any]:
        answer = score_texts(load, arguments)
        flips = bool(launcher) and launcher[-1] in self.unlike
        return {
            **answer,
            "scores": [score if score is None else score + self.elsewhere for score in answer["scores"]],
            "attacks": [attack != (flips and i % 3 == 0) for i, attack in enumerate(answer["attacks"])],
        }

    def _soak(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        calls, samples = arguments["calls"], arguments["samples"]
        after = [calls * (i + 1) // samples for i in range(samples)]
        # A process takes its pools at first, and then a page now and then.
        held = [100.0 + 5.0 * min(1.0, i / 5) + 0.004 * (i % 7 == 0) for i in range(samples)]
        return {
            "after": after,
            "resident_mb": [mb + self.leak_bytes * done / 1e6 for mb, done in zip(held, after, strict=True)],
            "seconds": [1.0] * samples,
            "failed": 0,
            "first_error": None,
            "method": "programmed",
        }
