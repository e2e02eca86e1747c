"""Bounds for a quantile of samples that were taken one after another.

Ranks of order statistics (David & Nagaraja, Order Statistics, §7.1), with as many independent samples as the series is
worth. What it is worth is seen in the exceedances of a value: Kish's design effect from their slowest waves, as
series.py has it. Two upper bounds come from that, and the smaller counts.

The first takes the exceedances of the sample's own quantile. Where that lies among calls that differ by microseconds,
it is exceeded in a few long stretches, whatever the calls beyond it do, and the ranks bound nothing.

The second inverts a test (Casella & Berger, Statistical Inference, §9.2): a value is ruled out where too few samples
exceed it, given how those that do exceed it cluster; far above all samples none do. All above the largest value that is
not ruled out, is. What moves slowly may have been higher than was seen, by an amount of which the samples show only the
order of magnitude: so the second bound lies above that value, by ROOM times its distance from the low bound. How much
room it takes is the simulation's finding: ± 20 % in waves of two looks are bounded in 0.75 of runs without any, in 0.98
with this much and in 0.99 by the first bound alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from raxe_conformance.verdict.series import Samples, waves

Counts = NDArray[np.int64]

ROOM = 3.0
LEAST_EFFECT = 1e-3  # a sample is worth at most a thousand
# Beside the exceedances of a value, a half and a quarter as many larger ones are looked at: where bursts were few by
# chance, the quantile lies among ordinary samples, and the bursts show only above it.
_RARER = (1, 2, 4)


def quantile_ranks(n: int, q: float, confidence: float, effect: float = 1.0) -> tuple[int, int]:
    """Ranks (1-based) of the order statistics that bound the q-quantile; 0 or n + 1 where n is too small for one.

    The number of samples at or below the quantile is binomial(n, q): the lower rank is the largest l with
    P(B ≥ l) ≥ confidence, the upper one the smallest u with P(B ≤ u − 1) ≥ confidence. Where `effect` samples say as
    much as one, n and the ranks are divided by it (as Korn & Graubard do, Survey Methodology 24, 1998): P95 then needs
    59 such groups to have a bound.
    """
    worth, error = n / effect, 1.0 - confidence

    def too_low(rank: int) -> float:
        """P(at most rank − 1 at or below the quantile): small where that sample is surely not above it."""
        below = (rank - 1) / effect
        return float(special.betainc(worth - below, below + 1.0, 1.0 - q))

    low = bisect_right(range(1, n + 1), error, key=too_low)

    def sure(rank: int) -> bool:
        """Whether that sample is surely not below the quantile."""
        return bool(_at_least(rank / effect, worth, q) <= error)

    high = bisect_left(range(1, n + 1), True, key=sure) + 1
    return low, high


def _at_least(count: Samples | float, n: Samples | float, q: float) -> Samples:
    """P(binomial(n, q) ≥ count), for counts in 0..n that need not be whole."""
    return np.asarray(special.betainc(count, n - count + 1.0, q), dtype=np.float64)


def quantile_bounds(
    samples: Samples, at_best: Samples, q: float, confidence: float, texts: Sequence[int] = ()
) -> tuple[float, float, float]:
    """Low bound (of `at_best`), high bound (of `samples`) and how many samples were worth one at the quantile.

    −∞ or ∞ where there are too few samples for a bound. texts: of which text each sample is, where all texts were timed
    several times. What differs between texts is then no error, since all of them are there: only what differs between
    calls of the same text counts, and one sample can be worth several. From one pass that cannot be told, and one
    counts as one at most.
    """
    measured = _Exceedances.of(samples, confidence, texts)
    low, high = measured.by_ranks(q, confidence)
    if math.isfinite(low):
        beyond = measured.not_ruled_out(q, confidence)
        high = min(high, beyond + ROOM * (beyond - low))
    effect = measured.effect_at(q)
    if at_best is not samples:
        low, _ = _Exceedances.of(at_best, confidence, texts).by_ranks(q, confidence)
    return low, high, effect


@dataclass(frozen=True)
class _Exceedances:
    """Samples in order of size, and for each j in 0..n how many samples say as much as one about how often the value
    is exceeded above which n − j of them are.

    steps: the j for which there is such a value, since samples that are equal stand on one side of it.
    """

    ordered: Samples
    steps: Counts
    effects: Samples

    @classmethod
    def of(cls, samples: Samples, confidence: float, texts: Sequence[int] = ()) -> _Exceedances:
        rising = np.argsort(samples, kind="stable")
        ordered = samples[rising]
        n = len(ordered)
        steps = np.concatenate([[0], np.flatnonzero(np.diff(ordered) > 0.0) + 1, [n]])
        effects = _effects(rising[::-1], n - steps[::-1], confidence, texts)[::-1]
        return cls(ordered, steps, effects)

    def effect_at(self, q: float) -> float:
        """The effect at the sample's quantile. What equals it may stand on either side: the more cautious counts."""
        value = self.ordered[max(math.ceil(q * len(self.ordered)), 1) - 1]
        sides = [int(np.searchsorted(self.ordered, value, side)) for side in ("left", "right")]
        return float(self.effects[sides].max())

    def by_ranks(self, q: float, confidence: float) -> tuple[float, float]:
        """Bounds of the q-quantile with what the samples are worth at the sample's own."""
        n = len(self.ordered)
        low, high = quantile_ranks(n, q, confidence, self.effect_at(q))
        return (
            float(self.ordered[low - 1]) if low >= 1 else -math.inf,
            float(self.ordered[high - 1]) if high <= n else math.inf,
        )

    def not_ruled_out(self, q: float, confidence: float) -> float:
        """The largest value that may be the q-quantile by how often it was exceeded; ∞ where any may."""
        n = len(self.ordered)
        rare = self.steps > q * n  # what is exceeded more often than its share is never ruled out
        effects = self.effects[self.steps]
        open_ = ~rare | (_at_least(self.steps / effects, n / effects, q) > 1.0 - confidence)
        step = int(self.steps[open_][-1])
        return float(self.ordered[step]) if step < n else math.inf


def _effects(falling: Counts, steps: Counts, confidence: float, texts: Sequence[int]) -> Samples:
    """The effect for each number of exceedances 0..n, in order of size from the largest (`falling`: their places).

    The marks "exceeds it" of all values are described at once: each wave of each is a sum over the exceedances, so the
    sums that run from the largest sample down are those of all of them. steps: the numbers that occur.
    """
    n = len(falling)
    passes, which = _passes(texts, n)
    power, own_power = np.zeros(n + 1), np.zeros(n + 1)
    places = (np.arange(n) + 0.5) * (np.pi / n)
    for wave in range(1, waves(n) + 1):
        cosine = math.sqrt(2.0 / n) * np.cos(wave * places)
        power[1:] += np.cumsum(cosine[falling]) ** 2
        if passes:
            own = (passes * cosine - np.bincount(which, weights=cosine)[which]) / (passes - 1)
            own_power[1:] += np.cumsum(own[falling]) ** 2
    counts = np.arange(n + 1)
    spread = counts * (1.0 - counts / n)
    # The largest number at or below a half or a quarter of each that is the number of exceedances of some value.
    occurring = np.zeros(n + 1, dtype=np.int64)
    occurring[steps] = steps
    occurring = np.maximum.accumulate(occurring)
    rarer = [occurring[counts // factor] for factor in _RARER]
    # Both quantiles are 0 at confidence 0.5; their ratio hardly changes below 0.6.
    used = max(confidence, 0.6)
    inflated = float(special.stdtrit(waves(n), used) / special.ndtri(used)) ** 2
    whole: Samples = np.maximum(1.0, inflated * _ratio(power, spread)[rarer].max(axis=0))
    if not passes:
        return whole
    own_spread = _own_spread(which[falling], passes)
    share = np.divide(own_spread, spread, out=np.zeros(n + 1), where=spread > 0.0)
    # Neither is too small. The one is large where texts differ, the other where calls of the same text do.
    calls: Samples = share * np.maximum(1.0, inflated * _ratio(own_power, own_spread)[rarer].max(axis=0))
    return np.asarray(np.maximum(LEAST_EFFECT, np.minimum(whole, calls)), dtype=np.float64)


def _ratio(power: Samples, spread: Samples) -> Samples:
    """Kish's design effect for each number of exceedances: the variance that its waves suggest, over its own.

    power: the squares of the waves, added up; spread: the sum of squares about the mean. Of independent samples it is 1
    in the mean, of a constant 0.
    """
    n = len(power) - 1
    ratio = np.zeros(n + 1)
    np.divide(power * (n - 1), waves(n) * spread, out=ratio, where=spread > 1e-9)
    return ratio


def _passes(texts: Sequence[int], n: int) -> tuple[int, Counts]:
    """How often each text was called, and the number of each call's text; 0 unless all were equally often, twice or
    more.

    Each mark is then taken less the mean of those of the same text's other calls: the text's part is gone. What a burst
    adds to one call is there in full, and scattered over the others as noise: the variance is overestimated, by
    1 / (passes − 1) where calls are independent, and never underestimated.
    """
    if len(texts) == n:
        _, which, calls = np.unique(np.asarray(texts), return_inverse=True, return_counts=True)
        if calls[0] > 1 and (calls == calls[0]).all():
            return int(calls[0]), which
    return 0, np.zeros(0, dtype=np.int64)


def _own_spread(falling_texts: Counts, passes: int) -> Samples:
    """The sum of squares of the marks less those of the same text's other calls, for each number of exceedances.

    A text of whose calls m exceed adds m (passes − m) passes / (passes − 1)²; falling_texts: the texts from the largest
    sample down, whose calls join in that order.
    """
    n = len(falling_texts)
    joined = np.empty(n, dtype=np.int64)
    joined[np.argsort(falling_texts, kind="stable")] = np.arange(n) % passes
    spread = np.zeros(n + 1)
    spread[1:] = np.cumsum(passes - 1 - 2 * joined) * (passes / (passes - 1) ** 2)
    return spread
