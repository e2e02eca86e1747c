"""A committed report as a run's baseline: read strictly, set against the run, and what came of it as JSON."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.checks.table import catalogue
from raxe_conformance.errors import ReportError, UsageError, one_line
from raxe_conformance.report.evidence_file import SUFFIX, read_evidence_beside
from raxe_conformance.report.html.source import read_report, report_files
from raxe_conformance.schemas import COMPARISON, violations
from raxe_conformance.verdict.compare import Compared, Comparison, Side, compare
from raxe_conformance.verdict.compare_figures import Shift
from raxe_conformance.verdict.intervals import Estimate
from raxe_conformance.verdict.profile import Profile

SCHEMA_VERSION = "1.0.0"
# What a difference in is worth saying, of a report's environment.
_CIRCUMSTANCES = ("cpu", "isa", "cores", "os", "python", "onnxruntime", "backend", "threads")


@dataclass(frozen=True)
class Recorded:
    """A report and the evidence that it rests on."""

    report: Mapping[str, Any]
    measurements: Mapping[str, Any]

    @property
    def side(self) -> Side:
        """What comparing needs of it."""
        return Side(self.measurements, self.report["corpus"]["sha256"], self.report["environment"])


def read_recorded(path: Path) -> Recorded:
    """A report {model_id}.json with its evidence beside it.

    Raises MissingFileError, JsonError, or ReportError where either is of another schema, was edited, or is not of the
    other's run.
    """
    if path.name.endswith(SUFFIX):
        raise UsageError("is evidence", file=path, remedy=f"name the report: {path.name.removesuffix(SUFFIX)}.json")
    report = read_report(path)
    found = read_evidence_beside(path, report).measurements
    for check in catalogue().values():
        try:
            check.reading(found)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ReportError(
                f"contradicts itself: {check.id} cannot be read ({one_line(error, 100)})",
                file=path.with_name(path.stem + SUFFIX), field="measurements", remedy="measure again",
            ) from None  # fmt: skip
    return Recorded(report, found)


def read_baselines(path: Path, model_ids: Iterable[str]) -> dict[str, Recorded]:
    """The baseline of each variant: a file is that of all of them, a folder holds {model_id}.json of each.

    A variant that a folder has no report of has none. Raises UsageError where there is nothing at `path`, and as
    `read_recorded` does.
    """
    if not path.is_dir():
        if not path.exists():
            raise UsageError("does not exist", file=path, remedy="name a report or a folder of them: --raxe-baseline")
        found = read_recorded(path)
        return dict.fromkeys(model_ids, found)
    if not report_files(path):
        raise UsageError("holds no report {model_id}.json", file=path, remedy="name another: --raxe-baseline")
    paths = {model_id: path / f"{model_id}.json" for model_id in model_ids}
    return {model_id: read_recorded(file) for model_id, file in paths.items() if file.exists()}


def comparison_record(before: Recorded, after: Recorded, profile: Profile) -> dict[str, Any]:
    """What changed from one to the other, as `comparison-1.0.0.json` has it: every check that `after` judged.

    Raises ReportError where it breaks its schema, which is a bug.
    """
    judged = [check["id"] for check in after.report["checks"]]
    found = compare(before.side, after.side, judged, profile)
    record = {
        "schema_version": SCHEMA_VERSION,
        "verdict": found.outcome.value,
        "confidence": profile.confidence,
        "before": _run(before.report),
        "after": _run(after.report),
        "circumstances": _circumstances(before.report, after.report),
        "checks": [_check(c) for c in found.checks],
        "not_compared": _not_compared(before.report, judged),
        "flipped": _flipped(found),
    }
    for at, problem in violations(COMPARISON, record):
        raise ReportError(one_line(problem, 200), file="the comparison", field=at, remedy="report this as a bug")
    return record


def _run(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_id": report["model"]["model_id"],
        "started": report["started"],
        "tool_version": report["tool"]["version"],
        "verdict": report["verdict"],
        "cpu": report["environment"]["cpu"],
        "corpus_sha256": report["corpus"]["sha256"],
    }


def _circumstances(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """What else differs between the two runs, in words."""
    pairs = [(name, before["environment"].get(name), after["environment"].get(name)) for name in _CIRCUMSTANCES]
    pairs.append(("raxe-conformance", before["tool"]["version"], after["tool"]["version"]))
    return [{"name": name, "before": _word(was), "after": _word(now)} for name, was, now in pairs if was != now]


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "none set"
    return "none" if value is None else str(value)


def _check(found: Compared) -> dict[str, Any]:
    return {
        "id": found.check_id,
        "title": found.title,
        "group": found.group,
        "level": found.level.value,
        "gate": None if found.gate is None else {key: getattr(found.gate, key) for key in ("metric", "op", "unit")},
        "change": found.change.value,
        "before": _figure(found.before),
        "after": _figure(found.after),
        "shift": _shift(found.shift),
        "kernel_ms": None if found.kernel_ms is None else dict(zip(("before", "after"), found.kernel_ms, strict=True)),
        "rows": None
        if found.pairs is None
        else {"became_wrong": found.pairs.worse, "became_right": found.pairs.better, "of": found.pairs.n, "p": found.p},
        "texts": None
        if found.texts is None
        else {"n": found.texts.n, **{key: _finite(getattr(found.texts, key)) for key in ("value", "low", "high")}},
        "message": found.message,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _figure(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {**{key: _finite(getattr(found, key)) for key in ("value", "low", "high")}, "n": found.n}


def _shift(found: Shift | None) -> dict[str, Any] | None:
    if found is None:
        return None
    figures = {key: _finite(getattr(found, key)) for key in ("value", "low", "high", "least")}
    return {"kind": found.kind, **figures}


def _not_compared(before: Mapping[str, Any], judged: Collection[str]) -> list[str]:
    """What the baseline judged and this run did not."""
    return [check["id"] for check in before["checks"] if check["id"] not in judged]


def _flipped(found: Comparison) -> list[dict[str, Any]] | None:
    """The rows that flipped, by id and never by text: those that became wrong first."""
    if found.flips is None:
        return None
    return [
        {"id": f.id, "label": f.label, "flagged_before": f.was, "flagged_after": f.now, "right_now": f.better}
        for f in sorted(found.flips, key=lambda flip: flip.better)
    ]
