"""What becomes known of decisions afterwards: true and false positives and negatives."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal, get_args

from raxe_conformance.checks.reading import Proportion
from raxe_conformance.verdict.intervals import estimate

Outcome = Literal["tp", "fp", "tn", "fn"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
MOST_REMEMBERED: Final = 100_000  # decisions that can still be judged by their request id; 22 MB
CONFIDENCE: Final = 0.95  # of each bound


def release_label(digest: str) -> str:
    """How metrics and answers name a package: the first 12 hex digits of its digest, as its folder's name does."""
    return digest[:12]


@dataclass(frozen=True)
class Served:
    """A variant as metrics and answers name it. release: see release_label; "local" where it is of no package."""

    model_id: str
    release: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a variant said of a request."""

    served: Served
    is_attack: bool

    def outcome(self, *, attack: bool) -> Outcome:
        """What the decision was, given the truth."""
        if self.is_attack:
            return "tp" if attack else "fp"
        return "fn" if attack else "tn"


class Judged:
    """Decisions by request id until they are judged or MOST_REMEMBERED newer ones have come; and the judgements.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Decision] = OrderedDict()
        self._counts: dict[Served, dict[Outcome, int]] = {}

    def remember(self, request_id: str, decision: Decision) -> None:
        """Keep a decision for its judgement."""
        with self._lock:
            self._open[request_id] = decision
            if len(self._open) > MOST_REMEMBERED:
                self._open.popitem(last=False)

    def take(self, request_id: str) -> Decision | None:
        """The decision on a request, once: None where it is unknown, forgotten, or judged already."""
        with self._lock:
            return self._open.pop(request_id, None)

    def count(self, served: Served, outcome: Outcome) -> None:
        """One more decision of a variant is judged."""
        with self._lock:
            counts = self._counts.setdefault(served, dict.fromkeys(OUTCOMES, 0))
            counts[outcome] += 1

    def rates(self) -> list[dict[str, object]]:
        """For each variant its counts, and FPR and FNR with Clopper–Pearson bounds; null where nothing was judged."""
        with self._lock:
            counted = [(served, dict(counts)) for served, counts in self._counts.items()]
        return [
            {
                "variant": served.model_id,
                "release": served.release,
                **{str(outcome): count for outcome, count in counts.items()},
                "false_positive_rate": _rate(counts["fp"], counts["fp"] + counts["tn"], "benign texts"),
                "false_negative_rate": _rate(counts["fn"], counts["fn"] + counts["tp"], "attacks"),
            }
            for served, counts in counted
        ]


def _rate(hits: int, n: int, rows: str) -> dict[str, float] | None:
    if n == 0:
        return None
    found = estimate(Proportion(hits, n, rows), CONFIDENCE)
    return {"value": found.value, "low": found.low, "high": found.high, "n": n, "confidence": CONFIDENCE}
