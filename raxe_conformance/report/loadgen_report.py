"""LoadGen's figures beside ours, models/benchmarks/{model_id}_loadgen.json."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from raxe_conformance.checks.latency import disturbed, p50, p95, p99
from raxe_conformance.checks.reading import Quantile
from raxe_conformance.measure.evidence import Latency
from raxe_conformance.measure.loadgen import Driven, Search
from raxe_conformance.verdict.intervals import Estimate, estimate


def agreement(found: Estimate, other: float) -> bool:
    """Whether another measurement of the same size agrees: it lies within our bounds, √2 times as far from our value.

    The other is a sample too, and the difference of two independent estimates has √2 times the error of one.
    """
    wider = math.sqrt(2.0)
    return found.value - wider * (found.value - found.low) <= other <= found.value + wider * (found.high - found.value)


def loadgen_report(
    model_id: str,
    latency: Latency,
    stream: Driven,
    search: Search | None,
    *,
    limit_ms: float,
    confidence: float,
    environment: dict[str, Any],
    version: str | None,
) -> dict[str, Any]:
    """The report: latencies in ms, rates a second. `search` is None where one query at a time is already too slow."""
    marks = [lost > 0.0 for lost in disturbed(latency)]
    percentiles = {}
    for name, read, theirs in (("p50", p50, stream.p50_ms), ("p95", p95, stream.p95_ms), ("p99", p99, stream.p99_ms)):
        reading = read(latency)
        assert isinstance(reading, Quantile)  # no target CPU is named, so nothing is unknown
        ours = estimate(reading, confidence)
        percentiles[name] = {
            "ours": {key: _rounded(getattr(ours, key)) for key in ("value", "low", "high")},
            "loadgen": _rounded(theirs),
            "agrees": agreement(ours, theirs),
        }
    largest = search.largest if search else None
    return {
        "model_id": model_id,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "loadgen": version,
        "hardware": {key: environment[key] for key in ("cpu", "cores", "memory_gb", "os")},
        "noise": {**environment["noise"], "disturbed_calls": round(sum(marks) / max(1, len(marks)), 4)},
        "confidence": confidence,
        "calls": {"ours": len(latency.samples_ms), "loadgen": stream.queries},
        "percentiles_ms": percentiles,
        "server": {
            "p95_limit_ms": limit_ms,
            "largest_rate": None if largest is None or largest.rate is None else round(largest.rate, 1),
            "message": _said(stream, search, limit_ms),
            "tried": [
                {key: _rounded(value) for key, value in asdict(run).items()} for run in (search.tried if search else ())
            ],
        },
    }


def _said(stream: Driven, search: Search | None, limit_ms: float) -> str:
    if search is None:
        return f"no rate keeps P95 below {limit_ms:g} ms: one query at a time has a P95 of {stream.p95_ms:.3g} ms"
    if search.largest is None:
        return f"none of the rates that were tried keeps P95 below {limit_ms:g} ms"
    return f"{search.largest.rate:.1f} queries a second keep P95 at {search.largest.p95_ms:.3g} ms"


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
