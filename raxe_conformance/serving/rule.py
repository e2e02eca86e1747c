"""When a variant is taken back: what was counted of it, and whether that can still be chance. Pure.

All four figures are proportions: false alarms among benign texts, misses among attacks, failures among requests, and
(a P95 above its limit is more than one request in twenty above it) slow ones among those that were timed. For each,

    H: every request, given all before it, goes wrong with probability at most p₀

is tested by a mixture of likelihood ratios, E = ∫ L(p) / L(p₀) π(p) dp over p₀ < p < 1 with π(p) ∝ 1/p (Robbins, Annals
of Mathematical Statistics 41, 1970). Under H that is a supermartingale, so the chance that it *ever* reaches c is at
most 1/c (Ville), however often somebody looks; an interval of fixed confidence, drawn at each look, is sure
to be wrong at some look. The values p₀ that are not refuted are a confidence sequence (Howard, Ramdas, McAuliffe &
Sekhon, Annals of Statistics 49, 2021), and the gates' rule holds: a limit is broken where the low bound is above it.

A busy machine is slow with every variant. So where a stable variant answers beside the canary, in the same processes,
p₀ for slow requests is not below the upper bound of its share of slow ones: a canary is taken back for being slow where
the machine does not explain it. A larger p₀ makes wrong decisions rarer, never more frequent.

A variant may also turn bad after long good service, which its earlier counts would hide. So the same is asked of what
was counted since each earlier look. Half of the error rate is spent on the beginning of the stage, the other half is
shared equally by the first LOOKS looks: a change takes hundreds of requests to be sure of, not thousands.

Over one stage of LOOKS looks, then, a variant that is *at* all four limits is taken back with probability at most
ERROR_RATE, and a better one less often. meta_tests/serving/test_rule.py simulates it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from raxe_conformance.checks.reading import Proportion
from raxe_conformance.serving.limits import COUNTED, LATENCY
from raxe_conformance.verdict.intervals import Estimate, estimate

# Of each figure (named as in serving/limits.py): how many went wrong, and of how many, between two looks.
Counts = Mapping[str, tuple[int, int]]
BESIDE: Final = "latency_p95_ms of the stable variant"  # the name of its slow requests, of a canary's counts

ERROR_RATE: Final = 0.05  # of all figures together, over one stage
LOOKS: Final = 48 * 3600 // 15  # of a stage: 48 hours, one each 15 seconds
LEAST: Final = 10  # requests: fewer decide nothing, however bad; from those the router's breaker protects
CONFIDENCE: Final = 0.95  # of the intervals that are shown
MOST_KEPT: Final = 512  # looks of a history; older ones are added up
_SLOW: Final = 0.05  # the share of requests that may be above a P95


@dataclass(frozen=True)
class Finding:
    """One figure and whether it is surely above its limit.

    wrong, estimate: how many went wrong, and which share that is, with its interval: since the stage began, or, where
    the figure is bad, over the stretch that shows it best. For the P95 the share is that of requests above the limit,
    which may be 5 %.
    """

    name: str
    limit: float
    is_bad: bool
    wrong: int
    estimate: Estimate

    def __str__(self) -> str:
        (happened, rows), found = COUNTED[self.name], self.estimate
        if not found.n:
            return f"{self.name}: no {rows} yet, limit {self.limit:g}"
        return (
            f"{self.name}, limit {self.limit:g}: {self.wrong} of {found.n} {rows} {happened}, "
            f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"
        )


def decide(history: Sequence[Counts], limits: Mapping[str, float]) -> list[Finding]:
    """What the looks of a stage, oldest first, say of each figure that has a limit (as ROLLBACK in limits.py).

    Raises ValueError for counts that are none.
    """
    return [_finding(name, limit, history, len(limits)) for name, limit in limits.items()]


def compacted(history: Sequence[Counts]) -> list[Counts]:
    """The same history in at most MOST_KEPT looks: of its older half, each two are added up.

    Fewer looks to begin at can only make a decision come later.
    """
    found = list(history)
    while len(found) > MOST_KEPT:
        older = len(found) // 4 * 2
        pairs = zip(found[0:older:2], found[1:older:2], strict=True)
        found = [_added(first, second) for first, second in pairs] + found[older:]
    return found


def log_evidence(
    wrong: NDArray[np.int64], of: NDArray[np.int64], most: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """ln E for each pair of counts, against "goes wrong with probability at most `most`"; 0 where nothing went wrong.

    The integral is ∫ p^(k−1) (1−p)^(n−k) dp over p₀ < p < 1, an incomplete beta function, over −ln p₀ for π.
    """
    k, rest = np.maximum(wrong, 1).astype(np.float64), (of - wrong).astype(np.float64)
    with np.errstate(divide="ignore"):  # far below the limit the tail is 0, and its logarithm −∞
        tail = np.log(special.betaincc(k, rest + 1.0, most))
    above = special.betaln(k, rest + 1.0) + tail - np.log(-np.log(most))
    at_limit = k * np.log(most) + rest * np.log1p(-np.asarray(most))
    return np.asarray(np.where(wrong > 0, above - at_limit, 0.0), dtype=np.float64)


def _finding(name: str, limit: float, history: Sequence[Counts], figures: int) -> Finding:
    wrong, of = _since(name, history)
    most = _slow_at_most(*_since(BESIDE, history)) if name == LATENCY else limit
    share = 0.5 * ERROR_RATE / figures
    needed = np.full(len(of), math.log(LOOKS / share))
    needed[0] = math.log(1.0 / share)
    surplus = log_evidence(wrong, of, most) - needed
    surplus[of < LEAST] = -math.inf
    best = int(surplus.argmax())
    is_bad = bool(surplus[best] >= 0.0)
    shown = best if is_bad else 0
    counted = Proportion(int(wrong[shown]), int(of[shown]), COUNTED[name][1])
    return Finding(name, limit, is_bad, counted.hits, estimate(counted, CONFIDENCE))


def _since(name: str, history: Sequence[Counts]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What went wrong, and of how many, since each look: sums from the end. Raises ValueError for what is no count."""
    pairs = np.array([look.get(name, (0, 0)) for look in history] or [(0, 0)], dtype=np.int64)
    if (pairs < 0).any() or (pairs[:, 0] > pairs[:, 1]).any():
        raise ValueError(f"{name}: counts must be at least 0, and no more may go wrong than there are")
    since = pairs[::-1].cumsum(axis=0)[::-1]
    return since[:, 0], since[:, 1]


def _slow_at_most(slow: NDArray[np.int64], timed: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of requests that may be slow: 5 %, or the upper bound of what the stable variant's share is."""
    upper = special.betaincinv(slow + 1.0, np.maximum(timed - slow, 1e-9), CONFIDENCE)
    # Below 1, so that a logarithm of it can be taken; nothing is surely above it.
    return np.asarray(np.where(timed < LEAST, _SLOW, np.clip(upper, _SLOW, 1.0 - 1e-9)), dtype=np.float64)


def _added(first: Counts, second: Counts) -> Counts:
    return {name: _sum(first.get(name, (0, 0)), second.get(name, (0, 0))) for name in first.keys() | second.keys()}


def _sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    return first[0] + second[0], first[1] + second[1]
