"""Recall of attacks and false alarms of benign rows, part by part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from raxe_conformance.checks.accuracy import flagged as called_attacks
from raxe_conformance.measure.evidence import Scores
from raxe_conformance.verdict.intervals import clopper_pearson

_LENGTHS = ((8, "1-8 words"), (32, "9-32 words"), (128, "33-128 words"), (512, "129-512 words"))


@dataclass(frozen=True)
class Slice:
    """A part of the benchmark: by what, which, of how many rows, and recall (attacks) or FPR (benign)
    with bounds; `hits` rows are called attacks."""

    by: str
    value: str
    n: int
    metric: str
    hits: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of its rows that are called attacks."""
        return self.hits / self.n


def _length(words: int) -> str:
    return next((name for most, name in _LENGTHS if words <= most), "over 512 words")


def slices(scores: Scores, confidence: float) -> list[Slice]:
    """Slices by family, subfamily, kind, language, source and length; a text that failed counts as decided wrongly."""
    total: Counter[tuple[str, str, str]] = Counter()
    flagged: Counter[tuple[str, str, str]] = Counter()
    said = called_attacks(scores)
    columns = {
        "subfamily": scores.subfamilies,
        "kind": scores.kinds,
        "language": scores.languages,
        "source": scores.sources,
    }
    for i, label in enumerate(scores.labels):
        attack = label != "BENIGN"
        metric = "recall" if attack else "fpr"
        values = {name: column[i] for name, column in columns.items()}
        values |= {"family": label, "length": _length(scores.words[i])}
        for by, value in values.items():
            if value is not None:
                total[by, value, metric] += 1
                flagged[by, value, metric] += said[i]
    result = []
    for (by, value, metric), n in sorted(total.items()):
        hits = flagged[by, value, metric]
        low, high = clopper_pearson(hits, n, confidence)
        result.append(Slice(by, value, n, metric, hits, low, high))
    return result
