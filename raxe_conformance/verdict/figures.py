"""Figures that a report states without a gate: nobody fails by them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from raxe_conformance.checks.accuracy import confusion, family_accuracy, subfamily_f1
from raxe_conformance.checks.reading import Proportion, Statistic
from raxe_conformance.measure.evidence import Scores
from raxe_conformance.verdict.calibration import BINS, calibration_error
from raxe_conformance.verdict.intervals import estimate


@dataclass(frozen=True)
class Figure:
    """A figure with one-sided bounds. NaN where there is none: `method` then says why."""

    name: str
    value: float
    low: float
    high: float
    n: int
    method: str


def figures(scores: Scores, confidence: float) -> list[Figure]:
    """Precision, recall, accuracy, family accuracy, subfamily F1, Brier score and calibration error of one pass."""
    tp, fp, fn, tn = confusion(scores)
    n = len(scores.ids)
    found = [
        _figure("binary_precision", Proportion(tp, tp + fp, "alarms"), confidence, "no row is called an attack"),
        _figure("binary_recall", Proportion(tp, tp + fn, "attacks"), confidence, "the benchmark holds no attacks"),
        _figure("binary_accuracy", Proportion(tp + tn, n, "rows"), confidence, "the benchmark holds no rows"),
        _figure("family_accuracy", family_accuracy(scores), confidence, "the benchmark holds no attacks"),
    ]
    subfamilies = subfamily_f1(scores)
    if subfamilies is None:
        found.append(_none("subfamily_f1", "the detector names no subfamilies, or the benchmark has none"))
    else:
        found.append(_figure("subfamily_f1", subfamilies, confidence, "no subfamily occurs"))
    return [*found, *_probabilities(scores, confidence)]


def _probabilities(scores: Scores, confidence: float) -> list[Figure]:
    """Brier score and calibration error of the scores; a text that failed has the worst score for its label."""
    if not scores.ids:
        return [_none("brier_score", "the benchmark holds no rows"), _none("ece", "the benchmark holds no rows")]
    truth = np.array([label != "BENIGN" for label in scores.labels], dtype=np.float64)
    said = np.array(
        [1.0 - t if s is None else s for s, t in zip(scores.scores, truth, strict=True)],
        dtype=np.float64,
    )
    brier = _mean("brier_score", (said - truth) ** 2, confidence)
    error = calibration_error(said, truth, confidence)
    method = (
        f"{BINS} bins of equal mass, row bootstrap; biased upwards: perfectly calibrated scores would show "
        f"{error.by_chance:.4f} on so many rows"
    )
    return [brier, Figure("ece", error.value, error.low, error.high, len(truth), method)]


def _figure(name: str, statistic: Statistic, confidence: float, otherwise: str) -> Figure:
    found = estimate(statistic, confidence)
    if math.isnan(found.value):
        return _none(name, otherwise)
    return Figure(name, found.value, found.low, found.high, found.n, found.method)


def _mean(name: str, values: NDArray[np.float64], confidence: float) -> Figure:
    """The mean of independent rows' values in 0..1, with Student's bounds; at least one row."""
    n = len(values)
    if n < 2:
        return _none(name, "one row has no interval")
    mean = float(values.mean())
    half = float(special.stdtrit(n - 1, confidence)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Figure(name, mean, max(0.0, mean - half), min(1.0, mean + half), n, "Student's t over rows")


def _none(name: str, why: str) -> Figure:
    return Figure(name, math.nan, math.nan, math.nan, 0, why)
