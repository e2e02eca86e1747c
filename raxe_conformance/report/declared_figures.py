"""Measured figures into the metadata's declared ones: those of a benchmark report, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raxe_conformance.checks.schema import DECLARED_FIGURES, reported
from raxe_conformance.errors import MetadataError, one_line
from raxe_conformance.report.json_edit import set_members
from raxe_conformance.schemas import METADATA, violations
from raxe_conformance.strict_json import parse_json_object


def declared_by(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the metadata's sections may declare by a benchmark report: section → key → figure, None: not measured."""
    found: dict[str, dict[str, Any]] = {}
    for (part, key), (path, _) in DECLARED_FIGURES.items():
        found.setdefault(part, {})[key] = reported(report, path)
    found["accuracy"] |= {key: report[key] for key in ("test_set_size", "test_set_distribution")}
    return found


def checked(data: bytes, *, file: Path, model_id: str) -> dict[str, Any]:
    """The metadata in a file. Raises JsonError, and MetadataError where it breaks its schema or has another id."""
    value = parse_json_object(data, file=file)
    for at, problem in violations(METADATA, value):
        raise MetadataError(one_line(problem, 200), file=file, field=at, remedy="mend it first")
    if value["model_id"] != model_id:
        problem = f"is {value['model_id']!r}, but {model_id!r} is measured"
        raise MetadataError(problem, file=file, field="model_id", remedy="mend it first")
    return value


def with_figures(data: bytes, report: dict[str, Any], *, file: Path) -> bytes:
    """A metadata file with the figures of a benchmark report in it; every other byte stays.

    A figure that is declared and was not measured becomes null. Raises as `checked` does, of what is there and of what
    would be.
    """
    before = checked(data, file=file, model_id=report["model_id"])
    changes: dict[str, dict[str, Any]] = {}
    for part, figures in declared_by(report).items():
        declared = before.get(part) or {}
        changes[part] = {key: value for key, value in figures.items() if value is not None or key in declared}
    after = set_members(data.decode("utf-8"), changes).encode("utf-8")
    checked(after, file=file, model_id=report["model_id"])
    return after
