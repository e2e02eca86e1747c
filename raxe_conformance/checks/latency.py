"""Latency gates: wall-clock time of `analyze`, tokenization included, over the benchmark's texts as they are."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import Literal

from raxe_conformance.checks.declared import against
from raxe_conformance.checks.reading import Mean, Quantile, Reading, Statistic, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Facts, Latency
from raxe_conformance.measure.evidence_resources import RegistryStart

# A call is disturbed when its thread was off the CPU for this share of its time (and more than a timer's grain) while
# the system took the process off a CPU, or when the fixed computation beside it took this many times its usual time.
LOST_SHARE = 0.10
LOST_MS = 0.1
PULSE_RATIO = 2.0
NO_WAIT = 0.01  # of a call's time: threads that wake each other wait for some microseconds on the quietest machine
# Cores work together where a second thread makes a fixed computation this many times as fast. Measured: 1.4 to 1.5, and
# 0.6 to 1.0 where they do not.
TOGETHER = 1.2


def disturbed(latency: Latency | RegistryStart) -> tuple[float, ...]:
    """The largest share of each call's time that something else than the detector may have taken.

    While a call runs, its thread computes or spins. A thread that is off the CPU without having asked for it lost that
    time to another process, how much of it is not known: 1. One that sleeps or waits asked for it, and that is the
    detector's own time. Where another thread of the detector had no core, its caller may have waited for all of that.

    Where the machine's cores did not work together at the try before or after, threads of the detector lost to each
    other what they should have gained: of n that were busy, a call took 1 / n of its time at best.
    """
    pulse = latency.pulse_ms
    usual = sorted(pulse)[len(pulse) // 10] if pulse else 0.0
    slow = [beat > PULSE_RATIO * usual for beat in pulse]
    return tuple(
        1.0 if (switches != 0 and wall - cpu > max(LOST_SHARE * wall, LOST_MS)) or slow[i] or slow[i + 1] else lost
        for i, (wall, cpu, switches, lost) in enumerate(
            zip(latency.samples_ms, latency.cpu_ms, latency.preempted, _lost_by_threads(latency), strict=True)
        )
    )


def _lost_by_threads(latency: Latency | RegistryStart) -> tuple[float, ...]:
    """The largest share of each call's time that threads lost: to others, and to cores that do not work together."""
    if not isinstance(latency, Latency):
        return (0.0,) * len(latency.samples_ms)
    both = zip(waits(latency), cores_apart(latency), strict=True)
    return tuple(1.0 - (1.0 - waited) * (1.0 - apart) for waited, apart in both)


def waits(latency: Latency) -> tuple[float, ...]:
    """The largest share of each call's time that waiting for a core may have cost; 0 where it is less than NO_WAIT.

    Threads also wait for each other, where there are more of them than cores. That is the detector's own fault: what
    they waited beyond what everything else on the machine used of the processor is not counted.
    """
    if not latency.waited_ms:
        return (0.0,) * len(latency.samples_ms)
    waited = [0.0 if ms is None else ms for ms in latency.waited_ms]
    whole = math.fsum(waited)
    others = min(1.0, latency.others_ms / whole) if whole > 0.0 else 0.0
    shares = (others * ms / wall if wall > 0.0 else 0.0 for ms, wall in zip(waited, latency.samples_ms, strict=True))
    return tuple(min(1.0, share) if share >= NO_WAIT else 0.0 for share in shares)


def cores_apart(latency: Latency) -> tuple[float, ...]:
    """The largest share of each call's time that cores which do not work together may have cost; 0 where they do."""
    lost = [0.0] * len(latency.samples_ms)
    for (start, before), (end, after) in pairwise(latency.second_core):
        for i in range(start, end):
            lost[i] = lost_apart(min(before, after), latency.process_ms[i], latency.samples_ms[i])
    return tuple(lost)


def lost_apart(gain: float, cpu: float, wall: float) -> float:
    """The largest share of `wall` that cores which do not work together may have cost; 0 where they do.

    gain: how many times as fast two threads were than one. cpu: the time of all threads on a CPU, in wall's unit.
    """
    if gain >= TOGETHER or wall <= 0.0:
        return 0.0
    return max(0.0, 1.0 - gain / max(1.0, cpu / wall))


def _on_target(latency: Latency, reading: Reading) -> Reading:
    if latency.off_target is not None:
        return Unknown(
            f"this is {latency.off_target}, not the target CPU", "run on the target, or drop --raxe-target-cpu"
        )
    return reading


def _quantile(latency: Latency, q: float, note: str = "") -> Quantile:
    samples, texts = tuple(latency.samples_ms), tuple(latency.texts)
    return Quantile(q, samples, disturbed(latency), note, len(latency.looks), texts)


def _own_medians(latency: Latency) -> str:
    """P95 over the texts' own medians: what their lengths explain, and no single slow call does."""
    by_text: dict[int, list[float]] = {}
    for text, wall in zip(latency.texts, latency.samples_ms, strict=True):
        by_text.setdefault(text, []).append(wall)
    passes = len(latency.texts) // max(1, len(by_text))
    if passes < 2:
        return ""
    medians = sorted(statistics.median(times) for times in by_text.values())
    return f"the texts' own medians: P95 {medians[math.ceil(0.95 * len(medians)) - 1]:.3g} ms over {passes} passes"


def _apart(latency: Latency) -> str:
    """For how many of the calls cores did not work together, and what would mend it."""
    share = sum(lost > 0.0 for lost in cores_apart(latency)) / max(1, len(latency.samples_ms))
    if share < 0.01:
        return ""
    gain = statistics.median(gain for _, gain in latency.second_core)
    return (
        f"beside {share:.0%} of the calls a second thread gained nothing (a fixed computation took two threads "
        f"{1.0 / gain:.2g} times as long as one): try again later, or where the cores share a cache"
    )


def _by_stage(latency: Latency) -> str:
    """The mean of each stage, and of what is left. Means add up, percentiles do not."""
    n = len(latency.samples_ms)
    stages = {stage: math.fsum(ms or 0.0 for ms in times) / n for stage, times in latency.stages_ms.items()}
    if not stages:
        return ""
    stages["the rest"] = math.fsum(latency.samples_ms) / n - math.fsum(stages.values())
    return "by stage: " + ", ".join(f"{stage} {ms:.3g}" for stage, ms in stages.items()) + " ms"


@check(
    "LAT-001", "P95 latency", level=Level.MUST, spec="§6", needs=("latency",),
    gate=Gate("latency_p95_ms", "<", "ms"), defect="slow_in_one_of_10_calls",
)  # fmt: skip
def p95(latency: Latency) -> Reading:
    """The time within which 95 % of calls end."""
    notes = filter(None, (_own_medians(latency), _apart(latency)))
    return _on_target(latency, _quantile(latency, 0.95, "; ".join(notes)))


@check(
    "LAT-002", "P50 latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_p50_ms", "<", "ms"), defect="slow_by_2_ms_always",
)  # fmt: skip
def p50(latency: Latency) -> Reading:
    """The time within which half of the calls end."""
    return _on_target(latency, _quantile(latency, 0.50))


@check(
    "LAT-003", "mean latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_mean_ms", "<", "ms"), defect="slow_on_average",
)  # fmt: skip
def mean(latency: Latency) -> Reading:
    """The mean time of a call."""
    times = Mean(tuple(latency.samples_ms), disturbed(latency), _by_stage(latency), len(latency.looks))
    return _on_target(latency, times)


@check(
    "LAT-004", "P99 latency", level=Level.SHOULD, spec="§6", needs=("latency",),
    gate=Gate("latency_p99_ms", "<", "ms"), defect="slow_in_one_of_40_calls",
)  # fmt: skip
def p99(latency: Latency) -> Reading:
    """The time within which 99 % of calls end."""
    return _on_target(latency, _quantile(latency, 0.99))


def _stage_check(id: str, title: str, metric: str, stages: tuple[str, ...], says: str) -> None:
    """Declare the budget of a stage, or of several that follow one another in each call."""

    def read(latency: Latency) -> Reading:
        return _on_target(latency, _spent(latency, stages))

    read.__doc__ = says
    check(
        id, f"P95 of {title}", level=Level.SHOULD, spec="§6", needs=("latency",),
        gate=Gate(f"latency_{metric}_p95_ms", "<", "ms"), defect=f"slow_{metric}",
    )(read)  # fmt: skip


def _spent(latency: Latency, stages: tuple[str, ...]) -> Reading:
    columns = [latency.stages_ms.get(stage) for stage in stages]
    known = [column for column in columns if column is not None]
    calls = zip(latency.texts, disturbed(latency), *known, strict=True) if len(known) == len(stages) else ()
    # A text without a token goes through no stage.
    spent = [(text, mark, math.fsum(times)) for text, mark, *times in calls if None not in times]
    if not spent:
        return Unknown(
            f"the detector does not say what it spends on {', '.join(stages)}",
            'let its results tell: metadata["timings_ms"], milliseconds by stage',
        )
    texts, marks, samples = zip(*spent, strict=True)
    return Quantile(0.95, samples, marks, look=len(latency.looks), texts=texts)


_stage_check(
    "LAT-005", "embedding", "embedding", ("tokenize", "infer", "pool"),
    "The time within which 95 % of texts are tokenized, inferred and pooled, all windows together.",
)  # fmt: skip
_stage_check("LAT-006", "tokenization", "tokenization", ("tokenize",), "What 95 % of texts take to become tokens.")
_stage_check("LAT-007", "inference", "inference", ("infer",), "What 95 % of texts take in the embedding model.")
_stage_check("LAT-008", "pooling", "pooling", ("pool",), "What 95 % of texts take from token vectors to one vector.")
_stage_check("LAT-009", "classification", "classification", ("heads",), "What 95 % of texts take in the heads.")
_stage_check("LAT-011", "preprocessing", "preprocessing", ("preprocess",), "What 95 % of texts take to be normalised.")
_stage_check(
    "LAT-012", "post-processing", "postprocessing", ("postprocess",),
    "What 95 % of texts take after the heads: decision, triggers, explanation.",
)  # fmt: skip


@check(
    "LAT-010", "declared latency is not better than measured", level=Level.SHOULD, spec="§2, §6",
    needs=("facts", "latency"), defect="declare_faster_than_measured",
)  # fmt: skip
def declared_latency(facts: Facts, latency: Latency) -> Reading:
    """No percentile of the metadata's performance section is below what this machine's interval allows.

    1 % and 0.0005 ms are granted to rounding.
    """
    measured: dict[str, tuple[Literal["<", ">"], Statistic]] = {
        f"p{round(100 * q)}_latency_ms": ("<", _quantile(latency, q)) for q in (0.50, 0.95, 0.99)
    }
    return _on_target(latency, against(facts, "performance", measured, unit="ms", slack=0.0005, relative=0.01))
