"""Calibration: whether scores are probabilities.

Expected calibration error over bins of equal mass (Nixon et al., Measuring Calibration in Deep Learning, 2019), and
what of it is only the bias of its estimate: even perfectly calibrated scores show an error above 0 on so many rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
RESAMPLES = 1000
_SEED = 20_251_120
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationError:
    """The error, its one-sided bounds, and the error that perfectly calibrated scores show on as many rows on average.

    All in 0..1.
    """

    value: float
    low: float
    high: float
    by_chance: float


def expected_calibration_error(scores: Floats, truth: Floats) -> Floats:
    """ECE along the last axis: rows are sorted by score into BINS bins of equal mass (±1 row), the absolute differences
    of mean score and share of attacks are averaged, weighted by rows.

    scores, truth: [..., rows], rows ≥ 1; truth is 0 or 1. Rows of one score stay in the order given.
    """
    order = np.argsort(scores, kind="stable")
    gap = np.take_along_axis(scores, order, -1) - np.take_along_axis(truth, order, -1)
    starts = np.unique(np.linspace(0, scores.shape[-1], BINS + 1).astype(np.int64)[:-1])
    return np.asarray(np.abs(np.add.reduceat(gap, starts, axis=-1)).sum(axis=-1) / scores.shape[-1])


def calibration_error(scores: Floats, truth: Floats, confidence: float) -> CalibrationError:
    """ECE of scores in 0..1 against truth in {0, 1}, both [rows], rows ≥ 1, with bounds from a seeded row bootstrap.

    A resample shows the bias of the estimate a second time. So the lower bound is the reflected one (basic bootstrap),
    and 0 where perfect calibration explains the error; the upper one is the percentile, which errs upwards.
    """
    chance = np.random.default_rng(_SEED)
    n = len(scores)
    value = float(expected_calibration_error(scores, truth))
    resampled, perfect = [], []
    for _ in range(RESAMPLES // 100):  # a hundred at a time: memory stays small
        rows = chance.integers(n, size=(100, n))
        resampled.append(expected_calibration_error(scores[rows], truth[rows]))
        drawn = (chance.random((100, n)) < scores).astype(np.float64)
        perfect.append(expected_calibration_error(np.broadcast_to(scores, drawn.shape), drawn))
    found, null = np.concatenate(resampled), np.concatenate(perfect)
    upper = float(np.quantile(found, confidence, method="higher"))
    explained = value <= float(np.quantile(null, confidence, method="higher"))
    low = 0.0 if explained else min(value, max(0.0, 2 * value - upper))
    return CalibrationError(value, low, max(value, upper), float(null.mean()))
