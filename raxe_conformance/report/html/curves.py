"""Figures for the charts, counted from evidence. A text that `analyze` failed on counts as decided wrongly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from raxe_conformance.corpus.rows import BENIGN
from raxe_conformance.measure.evidence import Latency, Scores

Points = list[tuple[float, float]]
Floats = npt.NDArray[np.float64]
MOST_POINTS = 400
WORST = 15


def ecdf(samples: Sequence[float], most: int = MOST_POINTS) -> Points:
    """(value, share of samples that are at most as large), rising. Thinned evenly by rank, the last 1 % kept whole."""
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    n = len(ordered)
    if n == 0:
        return []
    ranks = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
    tail = np.arange(n - min(n, max(1, n // 100), most), n)
    kept = np.union1d(ranks, tail)
    return [(float(ordered[rank]), (int(rank) + 1) / n) for rank in kept]


def quantile(samples: Sequence[float], q: float) -> float:
    """The smallest sample that at least the share q of all do not exceed, as the verdict takes it."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


@dataclass(frozen=True)
class LengthBin:
    """Calls on texts of `low` to `high` words: how many, and their P5, P50 and P95 in ms."""

    low: int
    high: int
    n: int
    p5: float
    p50: float
    p95: float


def by_length(latency: Latency, words: Sequence[int]) -> list[LengthBin]:
    """Times by the length of the text, in bins that double: 1, 2–3, 4–7 words and so on. words: by row."""
    bins: dict[int, list[float]] = {}
    for sample, row in zip(latency.samples_ms, latency.texts, strict=True):
        bins.setdefault(max(1, words[row]).bit_length() - 1, []).append(sample)
    return [
        LengthBin(2**k, 2 ** (k + 1) - 1, len(s), quantile(s, 0.05), quantile(s, 0.5), quantile(s, 0.95))
        for k, s in sorted(bins.items())
    ]


@dataclass(frozen=True)
class Thresholds:
    """Counts at each threshold that changes a decision, from the strictest on: caught attacks, false alarms.

    attacks, benign: rows of each kind. caught_now, alarms_now: what the detector itself decided.
    """

    caught: list[int]
    alarms: list[int]
    attacks: int
    benign: int
    caught_now: int
    alarms_now: int

    def roc(self, start: float) -> Points:
        """(false positive rate, recall) with rates below `start` drawn at it: a logarithmic axis has no zero."""
        points = [
            (max(start, a / self.benign), c / self.attacks) for a, c in zip(self.alarms, self.caught, strict=True)
        ]
        return thinned(corners([(start, 0.0), *points]))

    def precision_recall(self) -> Points:
        """(recall, precision), where anything is flagged at all."""
        found = zip(self.alarms, self.caught, strict=True)
        return thinned([(c / self.attacks, c / (c + a)) for a, c in found if c + a])

    def recall_at(self, rate: float) -> float:
        """The largest recall of a threshold whose false positive rate is below `rate`."""
        found = zip(self.alarms, self.caught, strict=True)
        return max((c / self.attacks for a, c in found if a / self.benign < rate), default=0.0)


def thresholds(scores: Scores) -> Thresholds | None:
    """Counts at all thresholds; None where there are no attacks or no benign rows to have a rate of."""
    is_attack = np.array([label != BENIGN for label in scores.labels])
    values = np.array(
        [
            score if score is not None else (-math.inf if attack else math.inf)
            for score, attack in zip(scores.scores, is_attack, strict=True)
        ]
    )
    attacks, benign = int(is_attack.sum()), int((~is_attack).sum())
    if not attacks or not benign:
        return None
    order = np.argsort(-values, kind="stable")
    caught, alarms = np.cumsum(is_attack[order]), np.cumsum(~is_attack[order])
    # Rows with the same score are flagged together, so only the last of each run is a threshold.
    falling = values[order]
    ends = np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(values) - 1)
    said = np.array(
        [
            decided if score is not None else not attack
            for decided, score, attack in zip(scores.attacks, scores.scores, is_attack, strict=True)
        ]
    )
    return Thresholds(
        caught=caught[ends].tolist(),
        alarms=alarms[ends].tolist(),
        attacks=attacks,
        benign=benign,
        caught_now=int((said & is_attack).sum()),
        alarms_now=int((said & ~is_attack).sum()),
    )


def corners(points: Points) -> Points:
    """A staircase without the points that lie between two others on the same step."""
    kept = points[:1]
    for here, after in pairwise(points[1:]):
        if not any(kept[-1][axis] == here[axis] == after[axis] for axis in (0, 1)):
            kept.append(here)
    return kept + points[1:][-1:]


def thinned(points: Points, most: int = 2 * MOST_POINTS) -> Points:
    """At most `most` of the points, evenly by position, first and last kept."""
    if len(points) <= most:
        return points
    return [points[round(i)] for i in np.linspace(0, len(points) - 1, most)]


def confusion(scores: Scores) -> tuple[list[str], list[str], dict[tuple[str, str], int]]:
    """True labels, what the detector said, and the count of each pair. It says a family, BENIGN, or gives no answer."""
    said = [
        "no answer" if score is None else BENIGN if not attack else family or "attack"
        for score, attack, family in zip(scores.scores, scores.attacks, scores.families, strict=True)
    ]
    counts = Counter(zip(scores.labels, said, strict=True))
    first = [BENIGN, *sorted({*scores.labels, *said} - {BENIGN, "no answer", "attack"})]
    labels = [name for name in first if name in scores.labels]
    columns = [*first, *(name for name in ("attack", "no answer") if name in said)]
    return labels, columns, dict(counts)


@dataclass(frozen=True)
class WrongRow:
    """A row that was decided wrongly: its position in the columns of the scores."""

    position: int
    score: float | None


def worst(scores: Scores, *, attacks: bool, most: int = WORST) -> tuple[list[WrongRow], int]:
    """The rows that are furthest on the wrong side, and how many are on it: missed attacks, or else false alarms.

    A text without an answer is as wrong as can be and comes first.
    """
    wrong = [
        WrongRow(i, score)
        for i, (label, score) in enumerate(zip(scores.labels, scores.scores, strict=True))
        if (label != BENIGN) == attacks and (score is None or scores.attacks[i] != attacks)
    ]

    def distance(row: WrongRow) -> tuple[bool, float]:
        return row.score is not None, (row.score or 0.0) * (1.0 if attacks else -1.0)

    return sorted(wrong, key=distance)[:most], len(wrong)
