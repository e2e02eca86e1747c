"""The report on a variant: built from verdict records, validated against its own schema, written whole."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import raxe_conformance
from raxe_conformance.checks.claims import not_claimed
from raxe_conformance.checks.latency import disturbed
from raxe_conformance.checks.table import Level, catalogue
from raxe_conformance.corpus.rows import Benchmark
from raxe_conformance.errors import RaxeError, ReportError, one_line
from raxe_conformance.fileio import canonical_json
from raxe_conformance.measure.environment import describe_environment
from raxe_conformance.measure.evidence import Facts, Latency, Scores
from raxe_conformance.measure.evidence_resources import LengthCurve
from raxe_conformance.report.digest import with_digest
from raxe_conformance.report.whole import write_whole
from raxe_conformance.schemas import REPORT, violations
from raxe_conformance.verdict.figures import figures
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import Profile
from raxe_conformance.verdict.release import GateRecord, release
from raxe_conformance.verdict.rollup import Counted, rollup
from raxe_conformance.verdict.slices import slices
from raxe_conformance.verdict.worst import worst_slices

SCHEMA_VERSION = "1.0.0"


@dataclass(frozen=True)
class Run:
    """What a report takes from its run. `root` is the folder that paths are told from; `generalisation` is the
    leave-one-source-out table of the variant, None where there is none for its bundle; `backend` is what computed its
    embeddings, None where that is not known."""

    started: datetime
    target_cpu: str | None
    profile: Profile
    benchmark: Benchmark | RaxeError
    root: Path
    generalisation: dict[str, Any] | None
    backend: str | None = None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def verdict_record(verdict: Verdict, profile: Profile, seconds: float) -> dict[str, Any]:
    """A verdict as the report's `checks` has it. Bounds that are infinite, and figures that are none, are null."""
    found = verdict.estimate
    return {
        "id": verdict.check_id,
        "title": verdict.title,
        "group": verdict.group,
        "level": verdict.level.value,
        "spec": verdict.spec,
        "verdict": verdict.outcome.value,
        "interval_verdict": verdict.rules.interval.value if verdict.rules else None,
        "point_verdict": verdict.rules.point.value if verdict.rules else None,
        "p_pass": verdict.rules.p_pass if verdict.rules else None,
        "p_fail": verdict.rules.p_fail if verdict.rules else None,
        "waived": verdict.waived,
        "gate": asdict(verdict.gate) if verdict.gate else None,
        "evidence": None
        if found is None
        else {
            "value": _finite(found.value),
            "low": _finite(found.low),
            "high": _finite(found.high),
            "confidence": profile.confidence,
            "n": found.n,
            "method": found.method,
        },
        "message": verdict.message,
        "seconds": round(seconds, 3),
    }


def overall(
    records: list[dict[str, Any]], profile: Profile, unclaimed: Collection[str] = ()
) -> tuple[Outcome, list[str]]:
    """The verdict over all MUSTs of the catalogue, and the ids of those that this run did not judge.

    A check that was not run is not passed: at best, the verdict is then INCONCLUSIVE. `unclaimed` ids are of what the
    variant does not claim: the verdict is over the rest.
    """
    judged = {record["id"] for record in records} | set(unclaimed)
    unjudged = [
        check.id
        for check in catalogue().values()
        if check.id not in judged and profile.levels.get(check.id, check.level) is Level.MUST
    ]
    counted = [Counted(Level(r["level"]), Outcome(r["verdict"]), r["waived"]) for r in records]
    return rollup([*counted, *(Counted(Level.MUST, Outcome.INCONCLUSIVE) for _ in unjudged)]), unjudged


def judged_report(
    sections: Mapping[str, Any], records: list[dict[str, Any]], scores: Any, profile: Profile, curve: Any = None
) -> dict[str, Any]:
    """The report: `sections` (started, model, environment, corpus, generalisation, not_claimed), and what is made of
    the rest; `scores` and `curve` (of lengths) are evidence, or None or Missing."""
    order = {check_id: position for position, check_id in enumerate(catalogue())}
    records = sorted(records, key=lambda record: order[record["id"]])
    unclaimed = sections["not_claimed"]
    verdict, unjudged = overall(records, profile, [check["id"] for check in unclaimed])
    parts = slices(scores, profile.confidence) if isinstance(scores, Scores) else []
    report = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "raxe-conformance", "version": raxe_conformance.__version__},
        "started": sections["started"],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict.value,
        "release": _release(verdict, records, profile),
        "not_judged": unjudged,
        "not_claimed": unclaimed,
        "model": sections["model"],
        "environment": sections["environment"],
        "corpus": sections["corpus"],
        "profile": {"name": profile.name, "sha256": profile.sha256},
        "generalisation": sections["generalisation"],
        "checks": records,
        "slices": [
            {"by": s.by, "value": s.value, "n": s.n, s.metric: s.rate, "low": s.low, "high": s.high} for s in parts
        ],
        "worst_slices": [
            {
                **{key: getattr(w.slice, key) for key in ("by", "value", "n", "metric", "rate")},
                "bound": w.bound,
                "of": w.of,
            }
            for w in worst_slices(parts, profile.confidence)
        ],
        "length_curve": _length_curve(curve) if isinstance(curve, LengthCurve) else None,
        "figures": [
            {key: _finite(value) if isinstance(value, float) else value for key, value in asdict(figure).items()}
            for figure in (figures(scores, profile.confidence) if isinstance(scores, Scores) else ())
        ],
    }
    return with_digest(report)


def _release(verdict: Outcome, records: list[dict[str, Any]], profile: Profile) -> dict[str, Any]:
    """The release verdict with its own error rate, as the report has it."""
    gates = [
        GateRecord(r["id"], Level(r["level"]), Outcome(r["verdict"]), r["waived"], r["p_pass"], r["p_fail"])
        for r in records
    ]
    found = release(verdict, gates, profile.confidence)
    return {
        "verdict": found.outcome.value,
        "error_rate": found.error_rate,
        "method": found.method,
        "each": found.each,
        "uncorrected": found.uncorrected,
        "survives": found.survives,
        "gates": [
            {"id": g.id, "verdict": g.outcome.value, "p_pass": g.p_pass, "p_fail": g.p_fail, "holm": g.holm}
            for g in found.gates
        ],
    }


def _length_curve(curve: LengthCurve) -> dict[str, Any]:
    """Time by length of the text: the fastest, the median and the slowest call on texts of each length."""
    return {
        "counted_by": curve.counted_by,
        "points": [
            {
                "tokens": point.tokens,
                "n": len(point.samples_ms),
                "low_ms": min(point.samples_ms),
                "p50_ms": median(point.samples_ms),
                "high_ms": max(point.samples_ms),
            }
            for point in curve.points
        ],
        "left_out": curve.left_out,
        "off_target": curve.off_target,
    }


def build_report(
    run: Run, facts: Facts, records: list[dict[str, Any]], scores: Any, latency: Any, curve: Any = None
) -> dict[str, Any]:
    """The report of a run on this machine; `scores`, `latency` and `curve` are evidence, or None or Missing."""
    environment = describe_environment(run.target_cpu, run.backend)
    if isinstance(latency, Latency):
        marks = disturbed(latency)
        environment["noise"]["disturbed_calls"] = round(sum(lost > 0.0 for lost in marks) / max(1, len(marks)), 4)
    sections = {
        "started": run.started.isoformat(timespec="seconds"),
        "model": {
            "model_id": facts.model_id,
            "files": [
                {"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in facts.files if f.sha256 is not None
            ],
            **({} if facts.function is None else {"function": facts.function}),
            **({} if facts.registry is None else {"registry": facts.registry}),
        },
        "environment": environment,
        "corpus": _corpus(run),
        "generalisation": run.generalisation,
        "not_claimed": not_claimed({"facts": facts, "scores": scores}),
    }
    return judged_report(sections, records, scores, run.profile, curve)


def _corpus(run: Run) -> dict[str, Any]:
    benchmark = run.benchmark
    if isinstance(benchmark, RaxeError):
        return {"path": None, "sha256": None, "rows": 0, "benign": 0, "attacks": 0, "problem": str(benchmark)}
    path = Path(benchmark.path)
    name = path.relative_to(run.root) if path.is_relative_to(run.root) else Path(path.name)
    return {
        "path": name.as_posix(),
        "sha256": benchmark.sha256,
        "rows": len(benchmark.rows),
        "benign": benchmark.benign,
        "attacks": benchmark.attacks,
    }


def write_report(folder: Path, report: dict[str, Any]) -> Path:
    """Validate a report and put it into the folder as {model_id}.json, replacing an older one in one step.

    Raises ReportError where it breaks its schema (nothing is written then) or the folder cannot be written.
    """
    path = folder / f"{report['model']['model_id']}.json"
    for at, problem in violations(REPORT, report):
        raise ReportError(one_line(problem, 200), file=path, field=at, remedy="report this as a bug")
    return write_whole(path, canonical_json(report), remedy="name a writable folder with --raxe-report-dir DIR")
