"""Confidence bounds for what checks read. Each bound holds by itself with the given confidence (one-sided).

Sources: Clopper & Pearson, Biometrika 26 (1934) for proportions; order statistics for quantiles (David & Nagaraja,
Order Statistics, §7.1); MOVER (Zou & Donner, Statistics in Medicine 27, 2008) for a mean of independent figures.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special  # scipy.stats says the same and takes two seconds to import

from raxe_conformance.checks.reading import F1, Exact, MacroF1, Mean, Proportion, Quantile, Statistic


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


def quantile_ranks(n: int, q: float, confidence: float) -> tuple[int, int]:
    """Ranks (1-based) of the order statistics that bound the q-quantile; 0 or n + 1 where n is too small for one.

    The number of samples at or below the quantile is binomial(n, q): the lower rank is the largest l with
    P(B ≥ l) ≥ confidence, the upper one the smallest u with P(B ≤ u − 1) ≥ confidence.
    """
    return _binomial_quantile(1.0 - confidence, n, q), _binomial_quantile(confidence, n, q) + 1


def _binomial_quantile(p: float, n: int, q: float) -> int:
    """The smallest k with P(B ≤ k) ≥ p for B binomial(n, q)."""
    return bisect_left(range(n), True, key=lambda k: bool(special.bdtr(k, n, q) >= p))


def _f1(counts: F1, confidence: float) -> tuple[float, float, float]:
    """F1 and its bounds through the Jaccard index J = tp / (tp + fp + fn), a proportion: F1 = 2J / (1 + J)."""
    n = counts.tp + counts.fp + counts.fn
    if n == 0:
        return math.nan, 0.0, 1.0
    low, high = clopper_pearson(counts.tp, n, confidence)
    return 2 * counts.tp / (counts.tp + n), 2 * low / (1 + low), 2 * high / (1 + high)


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
        case F1(tp, fp, fn):
            value, low, high = _f1(statistic, confidence)
            return Estimate(value, low, high, tp + fp + fn, f"Clopper–Pearson on tp/(tp+fp+fn) = {tp}/{tp + fp + fn}")
        case MacroF1(classes):
            return _macro(classes, confidence)


def _at_best(samples: tuple[float, ...], disturbed: tuple[bool, ...]) -> list[float]:
    """The samples as small as they can truly have been: a disturbed one may have been anything down to 0."""
    marks = disturbed or (False,) * len(samples)
    return [0.0 if mark else sample for sample, mark in zip(samples, marks, strict=True)]


def design_effect(marks: Sequence[bool]) -> float:
    """How many samples in a row say as much as one independent one, from the autocorrelation of `marks`; at least 1.

    1 + 2 Σ ρ(k) over lags until ρ falls below twice its standard error, 2/√n (Kish's design effect for a stationary
    series, as in block estimates of the variance of a mean). Slow calls that come in bursts count for less.
    """
    series = np.asarray(marks, dtype=np.float64)
    n = len(series)
    centred = series - series.mean()
    variance = float(centred @ centred)
    if n < 10 or variance == 0.0:
        return 1.0
    effect = 1.0
    for lag in range(1, n // 4):
        rho = float(centred[:-lag] @ centred[lag:]) / variance
        if rho < 2.0 / math.sqrt(n):
            break
        effect += 2.0 * rho
    return effect


def _quantile(statistic: Quantile, confidence: float) -> Estimate:
    """Bounds by order statistics; the low one with disturbed samples at their smallest, the high one as measured."""
    q, samples = statistic.q, statistic.samples
    n, method = len(samples), f"order statistics, q = {q}"
    if n == 0 or not all(math.isfinite(s) for s in samples):
        return Estimate(math.nan, -math.inf, math.inf, n, method)
    ordered, at_best = sorted(samples), sorted(_at_best(samples, statistic.disturbed))
    value = ordered[max(math.ceil(q * n), 1) - 1]
    # Ties at the quantile may stand on either side of it: the more cautious reading counts.
    effect = max(design_effect([s > value for s in samples]), design_effect([s >= value for s in samples]))
    low, high = quantile_ranks(n, q, confidence)
    if effect > 1.0:
        # The ranks move away from the quantile's own as they would with n / effect samples.
        low = math.floor(q * n - (q * n - low) * math.sqrt(effect))
        high = math.ceil(q * n + (high - q * n) * math.sqrt(effect))
        method += f", bursts: {effect:.1f} samples count as one"
    if any(statistic.disturbed):
        method += f", {sum(statistic.disturbed)} disturbed"
    return Estimate(
        value,
        at_best[low - 1] if low >= 1 else -math.inf,
        ordered[high - 1] if high <= n else math.inf,
        n,
        method,
    )


def _mean(statistic: Mean, confidence: float) -> Estimate:
    samples = statistic.samples
    n, method = len(samples), "Student's t"
    if n < 2 or not all(math.isfinite(s) for s in samples):
        return Estimate(math.nan, -math.inf, math.inf, n, method)
    _, high = _student(samples, confidence)
    low, _ = _student(_at_best(samples, statistic.disturbed), confidence)
    if any(statistic.disturbed):
        method += f", {sum(statistic.disturbed)} disturbed"
    return Estimate(math.fsum(samples) / n, low, high, n, method)


def _student(samples: Sequence[float], confidence: float) -> tuple[float, float]:
    n = len(samples)
    mean = math.fsum(samples) / n
    variance = math.fsum((s - mean) ** 2 for s in samples) / (n - 1)
    half = float(special.stdtrit(n - 1, confidence)) * math.sqrt(variance / n)
    return mean - half, mean + half


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
