"""`raxe-conformance benchmark --protocol loadgen`."""

from __future__ import annotations

from pathlib import Path

import click

# Seconds: of each run at a given rate, and of the search for the largest one.
SECONDS, BUDGET = 5.0, 90.0


def second_opinion(
    model_id: str | None, detector_name: str | None, models_dir: Path, test_data: Path | None, output: Path | None,
    iterations: int,
) -> None:  # fmt: skip
    """Measure with our clock and with LoadGen's, find the largest rate that keeps P95, and write {ID}_loadgen.json."""
    from raxe_conformance.corpus.rows import read_benchmark
    from raxe_conformance.evidence_store import machine_lock
    from raxe_conformance.fileio import canonical_json, write_atomically
    from raxe_conformance.measure.environment import describe_environment
    from raxe_conformance.measure.loadgen import largest_rate, loadgen_version, queries_for, server, single_stream
    from raxe_conformance.measure.second_core import find_second_core
    from raxe_conformance.measure.timing import Stopwatch, measure_latency, plan
    from raxe_conformance.packaged import shipped_benchmark
    from raxe_conformance.report.loadgen_report import loadgen_report
    from raxe_conformance.target.function import function_subject
    from raxe_conformance.target.shipped import shipped_subject
    from raxe_conformance.verdict.profile import DEFAULT, load_profile

    if detector_name is not None:
        subject = function_subject(detector_name, Path.cwd())
    else:
        subject = shipped_subject(models_dir, model_id or "")
    texts = [row.text for row in read_benchmark(test_data or shipped_benchmark()).rows]
    profile = load_profile(DEFAULT)
    limit = profile.limits["latency_p95_ms"]
    detector = subject.load()
    queries = len(plan(len(texts), iterations))
    with machine_lock():
        latency = measure_latency(detector, texts, Stopwatch(second_core=find_second_core()), rounds=iterations)
        stream = single_stream(detector, texts, queries)
        search = None
        if stream.p95_ms < limit:
            search = largest_rate(
                lambda rate: server(detector, texts, rate, queries_for(rate, SECONDS), limit),
                1000.0 / stream.mean_ms, limit, budget_s=BUDGET,
            )  # fmt: skip
        environment = describe_environment()
    report = loadgen_report(
        subject.model_id, latency, stream, search, limit_ms=limit, confidence=profile.confidence,
        environment=environment, version=loadgen_version(),
    )  # fmt: skip
    path = output or models_dir / "benchmarks" / f"{subject.model_id}_loadgen.json"
    write_atomically(path, canonical_json(report))
    p95 = report["percentiles_ms"]["p95"]
    click.echo(
        f"{path}: P95 {p95['ours']['value']} ms ({p95['ours']['low']} to {p95['ours']['high']}), LoadGen's "
        f"{p95['loadgen']} ms, {'which agrees' if p95['agrees'] else 'which does not agree'}; "
        f"{report['server']['message']}"
    )
