"""The registry specification's own benchmark report, models/benchmarks/{model_id}_benchmark.json (spec §7)."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from typing import Any

from raxe_conformance.checks.accuracy import confusion, family_f1, subfamily_f1
from raxe_conformance.checks.reading import MacroF1, Quantile
from raxe_conformance.measure.evidence import Facts, Latency, Scores
from raxe_conformance.verdict.intervals import estimate
from raxe_conformance.verdict.profile import DEFAULT, load_profile


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def benchmark_report(facts: Facts, scores: Scores, latency: Latency, environment: dict[str, Any]) -> dict[str, Any]:
    """The report: plain figures without intervals, latencies in ms, sizes in MB (10^6 bytes), rates in 0..1.

    A rate without rows to count is null. meets_targets applies the point rule of the default profile.
    """
    limits = load_profile(DEFAULT).limits
    samples = tuple(latency.samples_ms)
    percentile = {q: round(estimate(Quantile(q / 100, samples), 0.95).value, 3) for q in (50, 95, 99)}
    tp, fp, fn, tn = confusion(scores)
    f1, fpr = _rate(2 * tp, 2 * tp + fp + fn), _rate(fp, fp + tn)
    family = family_f1(scores)
    family_value = round(estimate(family, 0.95).value, 4) if isinstance(family, MacroF1) else None
    subfamily = subfamily_f1(scores)
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
        },
        "accuracy": {
            "binary_f1": f1,
            "binary_precision": _rate(tp, tp + fp),
            "binary_recall": _rate(tp, tp + fn),
            "family_f1": family_value,
            "subfamily_f1": round(estimate(subfamily, 0.95).value, 4) if subfamily else None,
            "false_positive_rate": fpr,
            "false_negative_rate": _rate(fn, tp + fn),
            "confusion_matrix": {"tp": tp, "fp": fp, "tn": tn, "fn": fn},
        },
        "resources": {"model_size_mb": round(size, 3), "memory_usage_mb": None, "cpu_usage_percent": None},
        "meets_targets": {
            "latency": percentile[95] < limits["latency_p95_ms"],
            "size": size < limits["size_mb"],
            "accuracy": f1 is not None and f1 > limits["binary_f1"],
            "fpr": fpr is not None and fpr < limits["fpr"],
        },
        "test_set_size": len(scores.ids),
        "model_info": {
            "files": [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in facts.files if f.sha256],
            "embedding_model": facts.embedding_model,
        },
    }
