"""What a page is made from: the report, the evidence beside it, the texts of the benchmark. Read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.corpus.rows import Benchmark, read_benchmark
from raxe_conformance.errors import MissingFileError, RaxeError, ReportError, one_line
from raxe_conformance.measure.evidence import Latency, Scores
from raxe_conformance.report.digest import FIELD, report_digest
from raxe_conformance.report.evidence_file import SUFFIX, read_evidence_beside
from raxe_conformance.report.record import SCHEMA_VERSION
from raxe_conformance.schemas import REPORT, violations
from raxe_conformance.strict_json import read_json_object

MAX_REPORT_BYTES = 16_000_000
INDEX = "index"
_AGAIN = "run the suites again: pytest --raxe-model ID"


@dataclass(frozen=True)
class Material:
    """A report and what else was found for it. `texts` is by row id, empty where the benchmark is not the report's.

    notes: what is missing, in one line each.
    """

    report: dict[str, Any]
    scores: Scores | None
    latency: Latency | None
    texts: Mapping[str, str]
    notes: tuple[str, ...]


def report_files(folder: Path) -> list[Path]:
    """The files of a report folder that should be reports: *.json, but neither evidence nor dotted by-products."""
    by_products = (SUFFIX, ".cdx.json", ".sarif.json")
    return sorted(path for path in folder.glob("*.json") if not path.name.endswith(by_products))


def read_report(path: Path) -> dict[str, Any]:
    """A report as a run wrote it.

    Raises MissingFileError, JsonError where it is cut short or no JSON, ReportError where it is of another schema
    version, breaks the schema, was edited, or is not named after its variant.
    """
    report = read_json_object(path, MAX_REPORT_BYTES)
    version = report.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ReportError(
            f"is {one_line(repr(version), 60)}, but this version reads {SCHEMA_VERSION!r}",
            file=path, field="schema_version", remedy=_AGAIN,
        )  # fmt: skip
    for field, problem in violations(REPORT, report):
        raise ReportError(one_line(problem, 200), file=path, field=field, remedy=_AGAIN)
    if report.get(FIELD) != report_digest(report):
        found = "is not the digest of this content: the file was edited" if FIELD in report else "is missing"
        raise ReportError(found, file=path, field=FIELD, remedy=_AGAIN)
    name = report["model"]["model_id"]
    if name != path.stem or name == INDEX:
        raise ReportError(
            f"is {name!r}, but the file is named {path.name!r}" if name != INDEX else "would overwrite the index",
            file=path, field="model.model_id", remedy="name a report {model_id}.json",
        )  # fmt: skip
    return report


def gather(path: Path, benchmark: Benchmark | None) -> Material:
    """The report at `path` with its evidence and texts, as far as they are there and belong to it."""
    report = read_report(path)
    notes: list[str] = []
    measured = _measured(path, report, notes)
    scores, latency = measured.get("scores"), measured.get("latency")
    return Material(
        report=report,
        scores=scores if isinstance(scores, Scores) else None,
        latency=latency if isinstance(latency, Latency) else None,
        texts=_texts(report, benchmark, notes),
        notes=tuple(notes),
    )


def read_texts(path: Path) -> Benchmark | None:
    """The benchmark that texts are taken from, None where it cannot be read: pages then show ids alone."""
    try:
        return read_benchmark(path)
    except RaxeError:
        return None


def _measured(path: Path, report: dict[str, Any], notes: list[str]) -> Mapping[str, Any]:
    beside = path.with_name(path.stem + SUFFIX)
    without = "curves, confusion matrix and rows are left out"
    try:
        return read_evidence_beside(path, report).measurements
    except MissingFileError:
        notes.append(f"{beside.name} is not beside the report: {without}.")
    except RaxeError as error:
        notes.append(f"{beside.name} cannot be used ({one_line(error.problem, 200)}): {without}.")
    return {}


def _texts(report: dict[str, Any], benchmark: Benchmark | None, notes: list[str]) -> Mapping[str, str]:
    if benchmark is not None and benchmark.sha256 == report["corpus"]["sha256"]:
        return {row.id: row.text for row in benchmark.rows}
    if report["corpus"]["sha256"] is not None:
        notes.append("The benchmark file of this run is not at hand: rows are shown by id, without their texts.")
    return {}
