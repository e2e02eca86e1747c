"""The registry specification's own benchmark report, models/benchmarks/{model_id}_benchmark.json (spec §7).

Beside the specification's fields it holds what else metadata may declare: throughput, stages, accuracies of naming.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raxe_conformance.checks.accuracy import confusion, family_accuracy, family_f1, named, subfamily_f1
from raxe_conformance.checks.memory import steady
from raxe_conformance.checks.reading import MacroF1, Quantile, Reading, Unknown
from raxe_conformance.checks.throughput import one_thread
from raxe_conformance.errors import ReportError, one_line
from raxe_conformance.fileio import canonical_json
from raxe_conformance.measure.evidence import Facts, Latency, Scores
from raxe_conformance.measure.evidence_resources import Memory, Throughput
from raxe_conformance.report.whole import write_whole
from raxe_conformance.schemas import BENCHMARK_REPORT, violations
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.profile import DEFAULT, load_profile


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


# What metadata calls the stages of a call → what the detector calls them.
_STAGES = {
    "embedding": ("tokenize", "infer", "pool"),
    "classifier": ("heads",),
    "preprocessing": ("preprocess",),
    "postprocessing": ("postprocess",),
}


def _stage_median(latency: Latency, stages: tuple[str, ...]) -> float | None:
    """The median over calls of what these stages took together, ms; None where the detector does not say."""
    if not all(stage in latency.stages_ms for stage in stages):
        return None
    calls = zip(*(latency.stages_ms[stage] for stage in stages), strict=True)
    # A text without a token goes through no stage.
    spent = [math.fsum(known) for call in calls if len(known := [ms for ms in call if ms is not None]) == len(stages)]
    return round(statistics.median(spent), 4) if spent else None


def _subfamily_accuracy(scores: Scores) -> float | None:
    """Share of the attacks with a labelled subfamily whose family and subfamily are named; None where none is named."""
    if not any(scores.answered_subfamilies):
        return None
    rows = zip(scores.labels, scores.subfamilies, named(scores), scores.answered_subfamilies, strict=True)
    right = [(label, sub) == (said, answer) for label, sub, said, answer in rows if label != "BENIGN" and sub]
    return _rate(sum(right), len(right))


def _figure(reading: Reading, digits: int) -> float | None:
    """The figure of a reading without its bounds; None where there is none."""
    if isinstance(reading, Unknown):
        return None
    value = estimate(reading, 0.95).value  # type: ignore[arg-type]
    return round(value, digits) if math.isfinite(value) else None


def benchmark_report(
    facts: Facts,
    scores: Scores,
    latency: Latency,
    environment: dict[str, Any],
    throughput: Throughput | None = None,
    memory: Memory | None = None,
) -> dict[str, Any]:
    """The report: plain figures without intervals, latencies in ms, sizes and memory in MB (10^6 bytes), rates in 0..1.

    A rate without rows to count is null, and so is what was not measured. meets_targets applies the point rule of the
    default profile.
    """
    limits = load_profile(DEFAULT).limits
    samples = tuple(latency.samples_ms)
    percentile = {q: round(estimate(Quantile(q / 100, samples), 0.95).value, 3) for q in (50, 95, 99)}
    tp, fp, fn, tn = confusion(scores)
    f1, fpr = _rate(2 * tp, 2 * tp + fp + fn), _rate(fp, fp + tn)
    family = family_f1(scores)
    family_value = round(estimate(family, 0.95).value, 4) if isinstance(family, MacroF1) else None
    subfamily, families = subfamily_f1(scores), family_accuracy(scores)
    size = sum(file.bytes or 0 for file in facts.files if file.role != "metadata") / 1e6
    return {
        "model_id": facts.model_id,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": {key: environment[key] for key in ("cpu", "cores", "memory_gb", "os")},
        "latency": {
            "mean": round(statistics.fmean(samples), 3),
            "p50": percentile[50],
            "p95": percentile[95],
            "p99": percentile[99],
            "max": round(max(samples), 3),
            "min": round(min(samples), 3),
            "std": round(statistics.pstdev(samples), 3),
            "stages_p50": {name: _stage_median(latency, stages) for name, stages in _STAGES.items()},
        },
        "accuracy": {
            "binary_f1": f1,
            "binary_precision": _rate(tp, tp + fp),
            "binary_recall": _rate(tp, tp + fn),
            "family_f1": family_value,
            "subfamily_f1": round(estimate(subfamily, 0.95).value, 4) if subfamily else None,
            "family_accuracy": _rate(families.hits, families.n),
            "subfamily_accuracy": _subfamily_accuracy(scores),
            "false_positive_rate": fpr,
            "false_negative_rate": _rate(fn, tp + fn),
            "confusion_matrix": {"tp": tp, "fp": fp, "tn": tn, "fn": fn},
        },
        "resources": {
            "model_size_mb": round(size, 3),
            "memory_usage_mb": None if memory is None else _figure(steady(memory), 1),
            "cpu_usage_percent": None,
            "throughput_per_sec": None if throughput is None else _figure(one_thread(throughput), 1),
        },
        "meets_targets": {
            "latency": percentile[95] < limits["latency_p95_ms"],
            "size": size < limits["size_mb"],
            "accuracy": f1 is not None and f1 > limits["binary_f1"],
            "fpr": fpr is not None and fpr < limits["fpr"],
        },
        "test_set_size": len(scores.ids),
        "test_set_distribution": dict(sorted(Counter(scores.labels).items())),
        "model_info": {
            "files": [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in facts.files if f.sha256],
            "embedding_model": facts.embedding_model,
        },
    }


def write_benchmark_report(path: Path, report: dict[str, Any]) -> None:
    """Validate a benchmark report and write it whole. Raises ReportError where it breaks its schema or cannot be."""
    for at, problem in violations(BENCHMARK_REPORT, report):
        raise ReportError(one_line(problem, 200), file=path, field=at, remedy="report this as a bug")
    write_whole(path, canonical_json(report), remedy="name another with --output")
