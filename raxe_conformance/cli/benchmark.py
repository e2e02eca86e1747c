"""`raxe-conformance benchmark`: the specification's benchmark report, leave one source out, or LoadGen's figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from raxe_conformance.errors import UsageError

if TYPE_CHECKING:
    from raxe_conformance.registry.variant import Variant

T = TypeVar("T")


@click.command("benchmark")
@click.option("--model-id", metavar="ID")
@click.option("--detector", metavar="MODULE:FUNCTION", help="loadgen: a callable text → score in place of a variant")
@click.option("--models-dir", default="models", type=click.Path(path_type=Path), help="the models folder")
@click.option("--test-data", type=click.Path(path_type=Path), help="benchmark rows (default: the shipped benchmark)")
@click.option("--output", type=click.Path(path_type=Path), help="default: benchmarks/ in the models folder")
@click.option("--iterations", default=1000, show_default=True, type=click.IntRange(min=1), help="timed calls at least")
@click.option(
    "--protocol", type=click.Choice(["test-set", "lodo", "loadgen"]), default="test-set", show_default=True,
    help="test-set: the specification's report; lodo: heads refitted without each training source in turn; "
    "loadgen: latency by MLCommons' LoadGen beside ours, and the largest rate of queries that keeps P95",
)  # fmt: skip
@click.option(
    "--update-metadata", is_flag=True,
    help="test-set: also write the measured figures into metadata/{ID}.json, in place of the declared ones",
)  # fmt: skip
@click.option("--data-dir", type=click.Path(path_type=Path), help="lodo: the corpora (else RAXE_CORPUS_MIRROR)")
def command(
    model_id: str | None,
    detector: str | None,
    models_dir: Path,
    test_data: Path | None,
    output: Path | None,
    iterations: int,
    protocol: str,
    update_metadata: bool,
    data_dir: Path | None,
) -> None:
    """Measure a variant and write {ID}_benchmark.json (test-set), {ID}_lodo.json or {ID}_loadgen.json."""
    if update_metadata and (protocol != "test-set" or output is not None):
        raise UsageError(
            "--update-metadata goes with --protocol test-set and without --output: "
            "what is declared is held against the report in benchmarks/"
        )
    if detector is not None and (protocol != "loadgen" or model_id is not None):
        raise UsageError("--detector goes with --protocol loadgen, and in place of --model-id")
    if protocol == "loadgen" and (model_id or detector):
        from raxe_conformance.cli.benchmark_loadgen import second_opinion

        second_opinion(model_id, detector, models_dir, test_data, output, iterations)
        return
    if model_id is None:
        raise UsageError("no variant is named", remedy="name it with --model-id ID")
    if protocol == "lodo":
        if test_data is not None:
            raise UsageError("--test-data does not go with --protocol lodo: it tests on the training sources")
        _lodo(model_id, models_dir, output, data_dir)
    else:
        _test_set(model_id, models_dir, test_data, output, iterations, update_metadata)


def _test_set(
    model_id: str, models_dir: Path, test_data: Path | None, output: Path | None, iterations: int, update: bool
) -> None:
    from raxe_conformance.corpus.rows import read_benchmark
    from raxe_conformance.evidence_store import machine_lock
    from raxe_conformance.measure.child import run_child
    from raxe_conformance.measure.environment import describe_environment
    from raxe_conformance.measure.facts import gather_facts
    from raxe_conformance.measure.memory import measure_memory
    from raxe_conformance.measure.scoring import score_rows
    from raxe_conformance.measure.throughput import measure_throughput
    from raxe_conformance.measure.timing import Stopwatch, measure_latency
    from raxe_conformance.packaged import shipped_benchmark
    from raxe_conformance.report.benchmark_report import benchmark_report, write_benchmark_report
    from raxe_conformance.target.shipped import shipped_subject

    subject = shipped_subject(models_dir, model_id)
    metadata = _metadata_file(subject.files) if update else None
    benchmark = read_benchmark(test_data or shipped_benchmark())
    detector = subject.load()
    texts = [row.text for row in benchmark.rows]
    with machine_lock():
        latency = measure_latency(detector, texts, Stopwatch(), rounds=iterations)
        scores = score_rows(detector, benchmark.rows)
        throughput = _if_possible(lambda: measure_throughput(detector, texts))
        memory = _if_possible(lambda: measure_memory(subject, texts, run_child))
    facts = gather_facts(subject.files)
    report = benchmark_report(facts, scores, latency, describe_environment(), throughput, memory)
    path = output or models_dir / "benchmarks" / f"{model_id}_benchmark.json"
    write_benchmark_report(path, report)
    click.echo(f"{path}: P95 {report['latency']['p95']} ms, F1 {report['accuracy']['binary_f1']}")
    if metadata is not None:
        _declare(metadata, report)


def _metadata_file(variant: Variant) -> Path:
    """The metadata file to be updated. Raises before anything is measured where it cannot be."""
    from raxe_conformance.report.declared_figures import checked

    if variant.metadata_path is None:
        remedy = f"write one: raxe-conformance new {variant.model_id}"
        raise UsageError("there is no metadata file to update", file=variant.model_id, remedy=remedy)
    # A link is followed, so that the file changes and not the link.
    path = variant.metadata_path.resolve()
    checked(path.read_bytes(), file=path, model_id=variant.model_id)
    return path


def _declare(path: Path, report: dict[str, Any]) -> None:
    from raxe_conformance.fileio import write_atomically
    from raxe_conformance.report.declared_figures import with_figures

    # Read again: it may have been edited while the variant was measured.
    before = path.read_bytes()
    after = with_figures(before, report, file=path)
    if after == before:
        click.echo(f"{path}: declares these figures already")
        return
    write_atomically(path, after)
    click.echo(f"{path}: declares the measured figures")


def _if_possible(measure: Callable[[], T]) -> T | None:
    """A measurement, or None with a warning where it cannot be made here."""
    from raxe_conformance.errors import MeasurementError

    try:
        return measure()
    except MeasurementError as error:
        click.echo(f"WARNING: {error}", err=True)
        return None


def _lodo(model_id: str, models_dir: Path, output: Path | None, data_dir: Path | None) -> None:
    from raxe_conformance.build.make import lodo_counts
    from raxe_conformance.cli.progress import progress
    from raxe_conformance.fileio import canonical_json, write_atomically
    from raxe_conformance.report.generalisation import generalisation_table, table_path
    from raxe_conformance.verdict.profile import DEFAULT, load_profile

    tell = progress()
    counts = lodo_counts(models_dir, model_id, data_dir=data_dir, progress=tell)
    table = generalisation_table(counts, load_profile(DEFAULT).confidence)
    path = output or table_path(models_dir, model_id)
    write_atomically(path, canonical_json(table))
    summary = table["summary"]
    tell.say(
        f"{path}: recall on unseen sources {summary['recall_mean']} (worst {summary['recall_worst']}, "
        f"{summary['recall_worst_source']}), FPR {summary['fpr_mean']} (worst {summary['fpr_worst']})"
    )
