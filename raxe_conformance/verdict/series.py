"""Bounds for samples that were taken one after another, and may be alike where they are near in time.

Ranks of order statistics for a quantile (David & Nagaraja, Order Statistics, §7.1), Student's t with Hall's correction
for skewness for a mean, both with as many independent samples as the series is worth. That number comes from its
slowest waves, a few cosines with a known spread of their own (Müller, Journal of Econometrics 141, 2007; Lazarus,
Lewis, Stock & Watson, Journal of Business & Economic Statistics 36, 2018). So a series whose bursts are too few to say
how frequent they are gets a wide interval or none. meta_tests/simulation shows how often the bounds hold.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

Samples = NDArray[np.float64]

WAVES = 8
SHORTEST_WAVE = 512  # calls: what is alike over longer stretches than about a tenth of this shows in the waves
# Exceeding the q-quantile is looked at, and exceeding quantiles with 1 − q divided by these: where bursts were few by
# chance, the quantile lies among ordinary samples, and the bursts show only above it.
_RARER = (1.0, 2.0, 4.0)
LEAST_EFFECT = 1e-3  # a sample is worth at most a thousand


def at_look(confidence: float, look: int) -> float:
    """The confidence of each bound at look `look` ≥ 1 of a series of looks after any of which sampling may have ended.

    All looks together are then as sure as `confidence`, by whatever rule one stops: look k spends the share
    1/(k (k + 1)) of the error rate, these sum to 1 over all k, and the chance that any of several bounds is wrong is at
    most the sum of theirs (alpha spending: Lan & DeMets, Biometrika 70, 1983). So it does not matter under which limits
    a run stopped, nor whether one would have stopped earlier or later under others. MLPerf LoadGen's early stopping
    bounds a percentile at one look, after a number of queries that is set beforehand, and then has no more to say.
    look 0: the number of samples was settled before the first of them.
    """
    return confidence if look == 0 else 1.0 - (1.0 - confidence) / (look * (look + 1))


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

    def too_high(rank: int) -> float:
        """P(at least `rank` at or below the quantile)."""
        below = rank / effect
        return float(special.betainc(below, worth - below + 1.0, q))

    low = bisect_right(range(1, n + 1), error, key=too_low)
    high = bisect_left(range(1, n + 1), True, key=lambda rank: too_high(rank) <= error) + 1
    return low, high


def quantile_bounds(
    samples: Samples, at_best: Samples, q: float, confidence: float, texts: Sequence[int] = ()
) -> tuple[float, float, float]:
    """Low bound (of `at_best`), high bound (of `samples`) and how many samples were worth one for the high one.

    −∞ or ∞ where there are too few samples for a bound. texts: as `exceedance_effect` has it.
    """
    n = len(samples)
    ordered = np.sort(samples)
    high_effect = exceedance_effect(samples, ordered, q, confidence, texts)
    if at_best is samples:
        lowest, low_effect = ordered, high_effect
    else:
        lowest = np.sort(at_best)
        low_effect = exceedance_effect(at_best, lowest, q, confidence, texts)
    low, _ = quantile_ranks(n, q, confidence, low_effect)
    _, high = quantile_ranks(n, q, confidence, high_effect)
    return (
        float(lowest[low - 1]) if low >= 1 else -math.inf,
        float(ordered[high - 1]) if high <= n else math.inf,
        high_effect,
    )


def exceedance_effect(
    samples: Samples, ordered: Samples, q: float, confidence: float, texts: Sequence[int] = ()
) -> float:
    """How many samples say as much about the q-quantile as one independent one.

    texts: of which text each sample is, where all texts were timed several times. What differs between texts is then no
    error, since all of them are there: only what differs between calls of the same text counts, and one sample can be
    worth several. From one pass that cannot be told, and the effect is at least 1.
    """
    n = len(samples)
    thresholds = [ordered[max(math.ceil((1.0 - (1.0 - q) / rarer) * n), 1) - 1] for rarer in _RARER]
    marks = [samples > threshold for threshold in thresholds]
    # Ties at the quantile may stand on either side of it: the more cautious reading counts.
    marks.append(samples >= thresholds[0])
    series = np.stack(marks).astype(np.float64)
    # Both quantiles are 0 at confidence 0.5; their ratio hardly changes below 0.6.
    used = max(confidence, 0.6)
    inflated = float(special.stdtrit(waves(n), used) / special.ndtri(used)) ** 2
    whole = max(1.0, inflated * float(_wave_ratio(series).max()))
    own = _without_texts(series, texts)
    if own is None:
        return whole
    at_quantile = [0, len(_RARER)]
    share = float((own[at_quantile].var(axis=1) / np.maximum(series[at_quantile].var(axis=1), 1e-12)).max())
    # Neither is too small. The one is large where texts differ, the other where calls of the same text do.
    return max(LEAST_EFFECT, min(whole, share * max(1.0, inflated * float(_wave_ratio(own).max()))))


def _without_texts(series: Samples, texts: Sequence[int]) -> Samples | None:
    """Each mark less the mean of those of the same text's other calls; None unless all were called equally often, twice
    or more.

    The text's part is gone. What a burst adds to one call is there in full, and scattered over the others as noise: the
    variance is overestimated, by 1 / (passes − 1) where calls are independent, and never underestimated.
    """
    if len(texts) != series.shape[1]:
        return None
    _, which, calls = np.unique(np.asarray(texts), return_inverse=True, return_counts=True)
    passes = int(calls[0])
    if passes < 2 or (calls != passes).any():
        return None
    sums = np.stack([np.bincount(which, weights=row) for row in series])
    others: Samples = (sums[:, which] - series) / (passes - 1)
    return series - others


def waves(n: int) -> int:
    """How many cosines a series of n samples is described by; with n − 1 of them, as for short series, they are all."""
    return max(1, min(n - 1, max(WAVES, 2 * n // SHORTEST_WAVE)))


def _wave_ratio(series: Samples) -> Samples:
    """Kish's design effect of each row of series [rows, n]: the variance that its slowest waves suggest, over its own.

    Of independent samples it is 1 in the mean, of a constant 0.
    """
    n = series.shape[1]
    ratio = np.zeros(len(series))
    centred = series - series.mean(axis=1, keepdims=True)
    total = np.square(centred).sum(axis=1)
    varied = total > 1e-12 * np.square(series).sum(axis=1)
    if n > 1 and varied.any():
        slow = fft.dct(centred[varied], type=2, axis=1)[:, 1 : waves(n) + 1]
        # scipy's cosines are twice as long as those of length √(n / 2).
        ratio[varied] = np.square(slow).mean(axis=1) / (2.0 * n) / (total[varied] / (n - 1))
    return ratio


def mean_bounds(samples: Samples, confidence: float) -> tuple[float, float]:
    """Bounds of the mean of at least two samples.

    Student's t with a degree of freedom for each wave, and Hall's transformation of it (Journal of the Royal
    Statistical Society B 54, 1992), which makes room for rare large samples on the side where they would be missed. The
    skewness is that of means of blocks as long as neighbours are alike, at least 30 blocks.
    """
    n = len(samples)
    mean, spread = float(samples.mean()), float(samples.std(ddof=1))
    effect = max(1.0, float(_wave_ratio(samples[np.newaxis])[0]))
    error = spread * math.sqrt(effect / n)
    length = max(1, min(math.ceil(2.0 * effect), n // 30))
    blocks = samples[: n // length * length].reshape(-1, length).mean(axis=1)
    skewness, count = _skewness(blocks), len(blocks)
    quantile = float(special.stdtrit(waves(n), confidence))
    return mean - error * _hall(quantile, skewness, count), mean - error * _hall(-quantile, skewness, count)


def _skewness(values: Samples) -> float:
    centred = values - values.mean()
    variance = float(np.square(centred).mean())
    if variance <= 1e-12 * float(np.square(values).mean()):
        return 0.0
    return float(((centred / math.sqrt(variance)) ** 3).mean())


def _hall(quantile: float, skewness: float, n: int) -> float:
    """What a quantile of the symmetric distribution becomes for the mean of n samples of this skewness."""
    if abs(skewness) < 1e-6:
        return quantile
    root = math.sqrt(n)
    return 3.0 * root / skewness * (math.cbrt(1.0 + skewness * (quantile / root - skewness / (6.0 * n))) - 1.0)
