"""Latency gates: wall-clock time of `analyze`, tokenization included, over the benchmark's texts as they are."""

from __future__ import annotations

from raxe_conformance.checks.reading import Mean, Quantile, Reading, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Latency

# A call is disturbed when its thread was off the CPU for this share of its time (and more than a timer's grain) while
# the system took the process off a CPU, or when the fixed computation beside it took this many times its usual time.
LOST_SHARE = 0.10
LOST_MS = 0.1
PULSE_RATIO = 2.0


def disturbed(latency: Latency) -> tuple[bool, ...]:
    """Which calls were slowed by something else than the detector.

    While a call runs, its thread computes or spins. A thread that is off the CPU without having asked for it lost that
    time to another process; one that sleeps or waits asked for it, and that is the detector's own time.
    """
    pulse = latency.pulse_ms
    usual = sorted(pulse)[len(pulse) // 10] if pulse else 0.0
    slow = [beat > PULSE_RATIO * usual for beat in pulse]
    return tuple(
        (switches != 0 and wall - cpu > max(LOST_SHARE * wall, LOST_MS)) or slow[i] or slow[i + 1]
        for i, (wall, cpu, switches) in enumerate(
            zip(latency.samples_ms, latency.cpu_ms, latency.preempted, strict=True)
        )
    )


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
    return _on_target(latency, Quantile(0.95, tuple(latency.samples_ms), disturbed(latency)))


@check(
    "LAT-002", "P50 latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_p50_ms", "<", "ms"), defect="slow_by_2_ms_always",
)  # fmt: skip
def p50(latency: Latency) -> Reading:
    """The time within which half of the calls end."""
    return _on_target(latency, Quantile(0.50, tuple(latency.samples_ms), disturbed(latency)))


@check(
    "LAT-003", "mean latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_mean_ms", "<", "ms"), defect="slow_on_average",
)  # fmt: skip
def mean(latency: Latency) -> Reading:
    """The mean time of a call."""
    return _on_target(latency, Mean(tuple(latency.samples_ms), disturbed(latency)))


@check(
    "LAT-004", "P99 latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_p99_ms", "<", "ms"), defect="slow_in_one_of_40_calls",
)  # fmt: skip
def p99(latency: Latency) -> Reading:
    """The time within which 99 % of calls end."""
    return _on_target(latency, Quantile(0.99, tuple(latency.samples_ms), disturbed(latency)))
