"""Evidence beside a report, {model_id}.evidence.json: enough to judge again without measuring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import raxe_conformance
from raxe_conformance.errors import ReportError
from raxe_conformance.fileio import canonical_json, write_atomically
from raxe_conformance.measure.evidence import Latency, Scores, evidence_from_json, evidence_to_json
from raxe_conformance.strict_json import read_json_object

SCHEMA_VERSION = "1.0.0"
MAX_BYTES = 512_000_000
SUFFIX = ".evidence.json"
# What a report and its evidence share.
SECTIONS = ("started", "model", "environment", "corpus", "generalisation")


@dataclass(frozen=True)
class EvidenceFile:
    """What a run measured of one variant, and in what circumstances (the report's sections)."""

    model: dict[str, Any]
    environment: dict[str, Any]
    corpus: dict[str, Any]
    generalisation: dict[str, Any] | None
    started: str
    measurements: Mapping[str, Any]


def write_evidence(folder: Path, report: Mapping[str, Any], measurements: Mapping[str, Any]) -> Path:
    """Write what the report's verdicts rest on. No text of the benchmark is in it, only row ids and figures."""
    path = folder / f"{report['model']['model_id']}{SUFFIX}"
    value = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "raxe-conformance", "version": raxe_conformance.__version__},
        **{key: report[key] for key in SECTIONS},
        "measurements": {name: evidence_to_json(name, evidence) for name, evidence in measurements.items()},
    }
    write_atomically(path, canonical_json(value, indent=None))
    return path


def read_evidence(path: Path) -> EvidenceFile:
    """Read an evidence file. Raises ReportError where it is none, MissingFileError, JsonError."""
    value = read_json_object(path, MAX_BYTES)
    if value.get("schema_version") != SCHEMA_VERSION or not isinstance(value.get("measurements"), dict):
        raise ReportError(
            f"is no evidence of schema {SCHEMA_VERSION}", file=path, field="schema_version",
            remedy=f"name the {SUFFIX} file that stands beside a report",
        )  # fmt: skip
    try:
        return EvidenceFile(
            **{key: value[key] for key in SECTIONS},
            measurements={name: evidence_from_json(item) for name, item in value["measurements"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(
            f"lacks or has what evidence should not: {error}", file=path, field="measurements", remedy="measure again"
        ) from None


def read_evidence_beside(report_path: Path, report: Mapping[str, Any]) -> EvidenceFile:
    """The evidence of a report, which stands beside it.

    Raises as `read_evidence` does, and ReportError where it is of another run or its columns do not fit together:
    evidence has no digest.
    """
    path = report_path.with_name(report_path.stem + SUFFIX)
    found = read_evidence(path)
    if found.started != report["started"] or found.model != report["model"]:
        raise ReportError("is of another run", file=path, remedy="put the evidence of the same run there")
    if not _whole(found.measurements):
        raise ReportError("contradicts itself", file=path, field="measurements", remedy="measure again")
    return found


def _whole(measured: Mapping[str, Any]) -> bool:
    """Whether columns that belong together are equally long, and figures are figures."""
    scores, latency = measured.get("scores"), measured.get("latency")
    rows = None
    if isinstance(scores, Scores):
        columns = (scores.labels, scores.subfamilies, scores.languages, scores.sources, scores.kinds, scores.words,
                   scores.scores, scores.attacks, scores.families)  # fmt: skip
        rows = len(scores.ids)
        if any(len(column) != rows for column in columns) or not all(
            score is None or 0.0 <= score <= 1.0 for score in scores.scores
        ):
            return False
    if isinstance(latency, Latency):
        calls = len(latency.samples_ms)
        if {len(latency.texts), len(latency.cpu_ms), len(latency.preempted), len(latency.pulse_ms) - 1} != {calls}:
            return False
        if not all(0.0 <= s < math.inf for s in latency.samples_ms):
            return False
        if (latency.second_core and len(latency.process_ms) != calls) or len(latency.waited_ms) not in (0, calls):
            return False
        if any(not 0 <= made <= calls for made, _ in latency.second_core):
            return False
        return rows is None or all(0 <= row < rows for row in latency.texts)
    return True
