"""Bounds for F1 that take sources, not rows, as the independent draws: texts of one collection resemble each other."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

RESAMPLES = 20_000
_SEED = 20_251_120


@lru_cache(maxsize=64)
def _resampled_f1(sources: tuple[tuple[int, int, int], ...]) -> NDArray[np.float64]:
    """F1 of RESAMPLES draws of as many sources as there are, with replacement; [RESAMPLES] float64, NaN without counts.

    `sources` holds (tp, fp, fn) of each source.
    """
    k = len(sources)
    drawn = np.random.default_rng(_SEED).multinomial(k, np.full(k, 1.0 / k), size=RESAMPLES)
    tp, fp, fn = (drawn @ np.array(sources, dtype=np.int64)).T
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * tp / (2 * tp + fp + fn), dtype=np.float64)


def expanded_alpha(alpha: float, k: int) -> float:
    """The percentile to take for a bound of error rate `alpha` from k clusters: Φ(−√(k/(k−1)) t(1−alpha; k−1)).

    Percentile intervals are too narrow with few clusters by about what the normal distribution is narrower than
    Student's, and by √((k−1)/k) (Hesterberg, The American Statistician 69, 2015: the expanded percentile interval).
    """
    return float(special.ndtr(-math.sqrt(k / (k - 1)) * special.stdtrit(k - 1, 1.0 - alpha)))


def f1_bounds(sources: tuple[tuple[int, int, int], ...], confidence: float) -> tuple[float, float]:
    """One-sided bounds of F1, in 0..1, by the bootstrap over at least two sources, given as (tp, fp, fn).

    A draw without counts is taken at its worst. A confidence that so many resamples do not resolve takes the outermost
    of them, or Student's t times their spread where that is wider.
    """
    k = len(sources)
    if k < 2:
        raise ValueError("a bootstrap over sources needs two of them")
    found = _resampled_f1(sources)
    lows, highs = np.nan_to_num(found), np.nan_to_num(found, nan=1.0)
    rank = math.floor(expanded_alpha(1.0 - confidence, k) * (RESAMPLES + 1))
    if rank >= 1:
        low = np.partition(lows, rank - 1)[rank - 1]
        return float(low), float(np.partition(highs, RESAMPLES - rank)[RESAMPLES - rank])
    reach = math.sqrt(k / (k - 1)) * float(special.stdtrit(k - 1, confidence))
    low = min(lows.min(), lows.mean() - reach * lows.std())
    high = max(highs.max(), highs.mean() + reach * highs.std())
    return max(0.0, float(low)), min(1.0, float(high))
