"""Latency gates: wall-clock time of `analyze`, tokenization included, over the benchmark's texts as they are."""

from __future__ import annotations

from raxe_conformance.checks.reading import Mean, Quantile, Reading, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Latency


def _on_target(latency: Latency, reading: Reading) -> Reading:
    if latency.off_target is not None:
        return Unknown(
            f"this is {latency.off_target}, not the target CPU", "run on the target, or drop --raxe-target-cpu"
        )
    return reading


@check(
    "LAT-001", "P95 latency", level=Level.MUST, spec="§6", needs=("latency",),
    gate=Gate("latency_p95_ms", "<", "ms"), defect="slow_in_one_of_10_calls",
)  # fmt: skip
def p95(latency: Latency) -> Reading:
    """The time within which 95 % of calls end."""
    return _on_target(latency, Quantile(0.95, tuple(latency.samples_ms)))


@check(
    "LAT-002", "P50 latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_p50_ms", "<", "ms"), defect="slow_by_2_ms_always",
)  # fmt: skip
def p50(latency: Latency) -> Reading:
    """The time within which half of the calls end."""
    return _on_target(latency, Quantile(0.50, tuple(latency.samples_ms)))


@check(
    "LAT-003", "mean latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_mean_ms", "<", "ms"), defect="slow_on_average",
)  # fmt: skip
def mean(latency: Latency) -> Reading:
    """The mean time of a call."""
    return _on_target(latency, Mean(tuple(latency.samples_ms)))


@check(
    "LAT-004", "P99 latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_p99_ms", "<", "ms"), defect="slow_in_one_of_40_calls",
)  # fmt: skip
def p99(latency: Latency) -> Reading:
    """The time within which 99 % of calls end."""
    return _on_target(latency, Quantile(0.99, tuple(latency.samples_ms)))
