"""The same rows, decided in two runs: exact McNemar test of rows that went one way against those that went the other.

McNemar, Psychometrika 12 (1947); exact as a sign test on the rows that changed: if the figure stayed, each of them is
as likely to have become wrong as right.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from scipy import special

from raxe_conformance.checks.accuracy import flagged, named
from raxe_conformance.measure.evidence import Scores

# Gates whose figure comes from one decision a row.
PAIRED = ("binary_f1", "family_f1", "fnr", "fpr")


@dataclass(frozen=True)
class Flip:
    """A row that is decided otherwise than before; was, now: whether it was called an attack."""

    id: str
    label: str
    was: bool
    now: bool

    @property
    def better(self) -> bool:
        """Whether it is right now."""
        return self.now == (self.label != "BENIGN")


@dataclass(frozen=True)
class Pairs:
    """Rows that count for a figure: how many became wrong, how many became right, of how many."""

    worse: int
    better: int
    n: int


def same_rows(before: Scores, after: Scores) -> bool:
    """Whether two passes are over the same rows with the same labels, in the same order."""
    return before.ids == after.ids and before.labels == after.labels


def flips(before: Scores, after: Scores) -> list[Flip]:
    """The rows whose decision changed, of two passes over the same rows. A text without an answer counts as wrong."""
    columns = zip(after.ids, after.labels, flagged(before), flagged(after), strict=True)
    return [Flip(*row) for row in columns if row[2] != row[3]]


def _right(metric: str, scores: Scores) -> list[bool | None]:
    """Whether each row is right in what `metric` counts; None where it does not count the row."""
    if metric == "family_f1":
        return [label == said for label, said in zip(scores.labels, named(scores), strict=True)]
    counted = {"binary_f1": (True, False), "fnr": (True,), "fpr": (False,)}[metric]
    return [
        (attack == said) if (attack := label != "BENIGN") in counted else None
        for label, said in zip(scores.labels, flagged(scores), strict=True)
    ]


def pairs(metric: str, before: Scores, after: Scores) -> Pairs:
    """What became of the rows that one of the metrics PAIRED counts."""
    rows = [
        (was, now) for was, now in zip(_right(metric, before), _right(metric, after), strict=True) if was is not None
    ]
    return Pairs(rows.count((True, False)), rows.count((False, True)), len(rows))


def mcnemar(there: int, back: int) -> float:
    """How likely at least `there` of there + back rows go one way if both ways are equally likely (one-sided)."""
    return 1.0 if there == 0 else float(special.betainc(there, back + 1.0, 0.5))


def needed(back: int, alpha: float) -> int:
    """The smallest number of rows that must go one way for a change to show where `back` go the other; alpha < ½."""
    return next(there for there in count(back) if mcnemar(there, back) <= alpha)
