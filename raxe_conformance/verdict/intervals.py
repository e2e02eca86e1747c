"""Confidence bounds for what checks read. Each bound holds by itself with the given confidence (one-sided).

Sources: Clopper & Pearson, Biometrika 26 (1934) for proportions; MOVER (Zou & Donner, Statistics in
Medicine 27, 2008) for a mean of independent figures; series.py for quantiles and means of samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special  # scipy.stats says the same and takes two seconds to import

from raxe_conformance.checks.reading import (
    F1,
    Exact,
    Gain,
    IndependentMean,
    MacroF1,
    Mean,
    Proportion,
    Quantile,
    Rate,
    Statistic,
)
from raxe_conformance.verdict.bootstrap import f1_bounds
from raxe_conformance.verdict.independent import lost_share, rate_bounds, student
from raxe_conformance.verdict.quantiles import quantile_bounds
from raxe_conformance.verdict.series import Samples, at_look, mean_bounds
from raxe_conformance.verdict.steps import gain_bounds


@dataclass(frozen=True)
class Estimate:
    """A figure with its bounds. n: what was counted. high may be infinite, low minus infinite: too few samples."""

    value: float
    low: float
    high: float
    n: int
    method: str


def clopper_pearson(hits: int, n: int, confidence: float) -> tuple[float, float]:
    """Exact bounds of a proportion of `hits` in `n` ≥ 1; never of zero width."""
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, n - hits + 1, 1.0 - confidence))
    high = 1.0 if hits == n else float(special.betaincinv(hits + 1, n - hits, confidence))
    return low, high


def _f1(counts: F1, confidence: float) -> tuple[float, float, float]:
    """F1 and its bounds through the Jaccard index J = tp / (tp + fp + fn), a proportion: F1 = 2J / (1 + J)."""
    n = counts.tp + counts.fp + counts.fn
    if n == 0:
        return math.nan, 0.0, 1.0
    low, high = clopper_pearson(counts.tp, n, confidence)
    return 2 * counts.tp / (counts.tp + n), 2 * low / (1 + low), 2 * high / (1 + high)


def _f1_estimate(counts: F1, confidence: float) -> Estimate:
    """F1 with the wider of two bounds on each side: rows that are independent, and sources that are."""
    n, sources = counts.tp + counts.fp + counts.fn, len(counts.by_source)
    value, low, high = _f1(counts, confidence)
    method = f"Clopper–Pearson on tp/(tp+fp+fn) = {counts.tp}/{n}"
    if n == 0 or sources < 2:
        return Estimate(value, low, high, n, f"{method}; no bootstrap: fewer than two sources")
    below, above = f1_bounds(counts.by_source, confidence)
    method += f", or the bootstrap over {sources} sources where it is wider"
    return Estimate(value, min(low, below), max(high, above), n, method)


def estimate(statistic: Statistic, confidence: float) -> Estimate:
    """The figure that a reading states, with its bounds. NaN samples or none at all give a NaN value."""
    match statistic:
        case Exact(value, method):
            return Estimate(value, value, value, 1, method)
        case Proportion(hits, n, rows):
            if n == 0:
                return Estimate(math.nan, 0.0, 1.0, 0, "Clopper–Pearson")
            low, high = clopper_pearson(hits, n, confidence)
            return Estimate(hits / n, low, high, n, f"Clopper–Pearson, {hits} of {n} {rows}")
        case Quantile():
            return _quantile(statistic, confidence)
        case Mean():
            return _mean(statistic, confidence)
        case IndependentMean():
            return _independent_mean(statistic, confidence)
        case Rate():
            return _rate(statistic, confidence)
        case Gain():
            return _gain(statistic, confidence)
        case F1():
            return _f1_estimate(statistic, confidence)
        case MacroF1(classes):
            return _macro(classes, confidence)


def _best_and_worst(samples: Sequence[float], disturbed: Sequence[float]) -> tuple[Samples, Samples]:
    """The samples as small as they can truly have been, and as measured."""
    measured = np.asarray(samples, dtype=np.float64)
    return (measured * (1.0 - np.asarray(disturbed)), measured) if any(disturbed) else (measured, measured)


def _circumstances(statistic: Quantile | Mean) -> str:
    """What else an estimate's method says: samples disturbed, looks taken."""
    count = sum(lost > 0.0 for lost in statistic.disturbed)
    return (f", {count} disturbed" if count else "") + (f", look {statistic.look}" if statistic.look else "")


def _quantile(statistic: Quantile, confidence: float) -> Estimate:
    """Bounds by order statistics; the low one with disturbed samples at their smallest, the high one as measured."""
    at_best, samples = _best_and_worst(statistic.samples, statistic.disturbed)
    n, q, method = len(samples), statistic.q, f"order statistics, q = {statistic.q}"
    if n == 0 or not np.isfinite(samples).all():
        return Estimate(math.nan, -math.inf, math.inf, n, method)
    value = float(np.sort(samples)[max(math.ceil(q * n), 1) - 1])
    low, high, effect = quantile_bounds(samples, at_best, q, at_look(confidence, statistic.look), statistic.texts)
    if effect != 1.0:
        method += f", {effect:.2g} samples count as one"
    return Estimate(value, low, high, n, method + _circumstances(statistic))


def _mean(statistic: Mean, confidence: float) -> Estimate:
    at_best, samples = _best_and_worst(statistic.samples, statistic.disturbed)
    n, method = len(samples), "Student's t of waves, corrected for skewness"
    if n < 2 or not np.isfinite(samples).all():
        return Estimate(math.nan, -math.inf, math.inf, n, method)
    each = at_look(confidence, statistic.look)
    low, high = mean_bounds(samples, each)
    if at_best is not samples:
        low, _ = mean_bounds(at_best, each)
    return Estimate(float(samples.mean()), low, high, n, method + _circumstances(statistic))


def _independent_mean(statistic: IndependentMean, confidence: float) -> Estimate:
    samples = statistic.samples
    n, method = len(samples), "Student's t"
    if n < 2 or not all(math.isfinite(s) for s in samples):
        return Estimate(math.nan, -math.inf, math.inf, n, method)
    low, high = student(samples, confidence)
    if statistic.missed is not None:
        high, method = math.inf, f"{method}, low bound only"
    return Estimate(math.fsum(samples) / n, low, high, n, method)


def _rate(statistic: Rate, confidence: float) -> Estimate:
    seconds, at_best, n = statistic.seconds, statistic.at_best, statistic.n
    method = f"Student's t over {len(seconds)} blocks"
    if len(seconds) < 2 or not all(math.isfinite(s) and s > 0.0 for s in seconds):
        return Estimate(math.nan, 0.0, math.inf, n, method)
    method += f", up to {lost_share(seconds, at_best):.0%} of the time taken by others"
    return Estimate(*rate_bounds(seconds, at_best, confidence), n, method)


def _gain(statistic: Gain, confidence: float) -> Estimate:
    steps, scale = statistic.steps, statistic.scale
    n, method = len(steps), "steps up and down, each as Poisson's of the largest"
    if n == 0 or not all(math.isfinite(step) for step in steps):
        return Estimate(math.nan, -math.inf, math.inf, n, method)
    low, high = gain_bounds(steps, confidence)
    return Estimate(scale * math.fsum(steps), scale * low, scale * high, n, method)


def _macro(classes: tuple[tuple[str, F1], ...], confidence: float) -> Estimate:
    parts = [_f1(counts, confidence) for _, counts in classes if counts.tp + counts.fp + counts.fn]
    n = sum(counts.tp + counts.fn for _, counts in classes)
    method = f"MOVER over {len(parts)} families"
    if not parts:
        return Estimate(math.nan, 0.0, 1.0, n, method)
    mean = sum(value for value, _, _ in parts) / len(parts)
    below = math.sqrt(sum((value - low) ** 2 for value, low, _ in parts)) / len(parts)
    above = math.sqrt(sum((high - value) ** 2 for value, _, high in parts)) / len(parts)
    return Estimate(mean, max(0.0, mean - below), min(1.0, mean + above), n, method)
