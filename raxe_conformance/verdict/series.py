"""What samples say that were taken one after another, and may be alike where they are near in time.

Looks, the slowest waves of a series, and bounds of its mean: Student's t with Hall's correction for skewness, with as
many independent samples as the series is worth. That number comes from its slowest waves, a few cosines with a known
spread of their own (Müller, Journal of Econometrics 141, 2007; Lazarus, Lewis, Stock & Watson, Journal of Business &
Economic Statistics 36, 2018). quantiles.py bounds quantiles by them. So a series whose bursts are too few to say how
frequent they are gets a wide interval or none. meta_tests/simulation shows how often the bounds hold.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

Samples = NDArray[np.float64]

WAVES = 8
SHORTEST_WAVE = 512  # calls: what is alike over longer stretches than about a tenth of this shows in the waves
MOST_WAVES = 64  # more would tell no more: their spread is known to one part in six


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


def waves(n: int) -> int:
    """How many cosines a series of n samples is described by; with n − 1 of them, as for short series, they are all."""
    return max(1, min(n - 1, max(WAVES, min(MOST_WAVES, 2 * n // SHORTEST_WAVE))))


def _wave_ratio(samples: Samples) -> float:
    """Kish's design effect of at least two samples: the variance that their slowest waves suggest, over their own.

    Of independent samples it is 1 in the mean, of a constant 0.
    """
    n = len(samples)
    centred = samples - samples.mean()
    total = float(np.square(centred).sum())
    if total <= 1e-12 * float(np.square(samples).sum()):
        return 0.0
    slow = fft.dct(centred)[1 : waves(n) + 1]
    # scipy's cosines are twice as long as those of length √(n / 2).
    return float(np.square(slow).mean()) / (2.0 * n) / (total / (n - 1))


def mean_bounds(samples: Samples, confidence: float) -> tuple[float, float]:
    """Bounds of the mean of at least two samples.

    Student's t with a degree of freedom for each wave, and Hall's transformation of it (Journal of the Royal
    Statistical Society B 54, 1992), which makes room for rare large samples on the side where they would be missed. The
    skewness is that of means of blocks as long as neighbours are alike, at least 30 blocks.
    """
    n = len(samples)
    mean, spread = float(samples.mean()), float(samples.std(ddof=1))
    effect = max(1.0, _wave_ratio(samples))
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
