"""The worst slice of each slicing: the one of which the worst can be claimed, not the smallest and noisiest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from raxe_conformance.verdict.intervals import clopper_pearson
from raxe_conformance.verdict.slices import Slice

SLICINGS = ("family", "length", "language", "source", "kind")


@dataclass(frozen=True)
class WorstSlice:
    """A slice and what can be claimed of it: its recall is at most `bound`, or its false positive rate at least.

    `of`: how many slices of this metric were compared, over all slicings; the claim holds in spite of the choice.
    """

    slice: Slice
    bound: float
    of: int


def worst_slices(slices: Iterable[Slice], confidence: float) -> list[WorstSlice]:
    """The worst slice by recall and by FPR of each slicing that has at least two; worst first within a metric.

    The error rate is shared among all slices that are compared (Bonferroni): the worst of many small slices would
    otherwise look bad by chance. So a small slice is named only where even its cautious bound is the worst.
    """
    slices = [s for s in slices if s.by in SLICINGS]
    found = []
    for metric in ("recall", "fpr"):
        of = sum(1 for s in slices if s.metric == metric)
        for by in SLICINGS:
            parts = [s for s in slices if (s.metric, s.by) == (metric, by)]
            if len(parts) > 1:
                found.append(max((_bounded(part, confidence, of) for part in parts), key=_badness))
    return sorted(found, key=lambda worst: (worst.slice.metric != "recall", -_badness(worst)))


def _bounded(part: Slice, confidence: float, of: int) -> WorstSlice:
    low, high = clopper_pearson(part.hits, part.n, 1.0 - (1.0 - confidence) / of)
    return WorstSlice(part, high if part.metric == "recall" else low, of)


def _badness(worst: WorstSlice) -> float:
    """The larger, the worse."""
    return -worst.bound if worst.slice.metric == "recall" else worst.bound
