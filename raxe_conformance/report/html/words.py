"""Figures and verdicts in words, as both kinds of page say them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from raxe_conformance.report.html.canvas import bar
from raxe_conformance.report.terminal import of_runs
from raxe_conformance.verdict.judge import number

VERDICT_CLASS = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "open"}


@dataclass(frozen=True)
class GateRow:
    """A check with a limit: its record in the report, and its figures in words and as a bar (None: not measured).

    point: what the measured value alone would say, where that is not the verdict, else None.
    """

    record: Mapping[str, Any]
    kind: str
    measured: str
    interval: str
    limit: str
    picture: Markup | None
    point: str | None = None


def figure(value: float | None, unit: str, none: str = "none") -> str:
    """A figure with its unit, `none` where there is none."""
    return none if value is None else number(value, unit)


def interval(evidence: Mapping[str, Any], unit: str) -> str:
    """An interval in words; "exact" where it has no width."""
    low, high = evidence["low"], evidence["high"]
    return "exact" if low == high else f"{figure(low, unit, '−∞')} to {figure(high, unit, '∞')}"


def gate_row(record: Mapping[str, Any]) -> GateRow:
    """The row of a check that has a gate."""
    gate, evidence = record["gate"], record["evidence"]
    unit, kind = gate["unit"], VERDICT_CLASS[record["verdict"]]
    limit = f"{gate['op']} {number(gate['limit'], unit)}"
    if evidence is None:
        return GateRow(record, kind, "not measured", "", limit, None)
    measured, between = figure(evidence["value"], unit), interval(evidence, unit)
    known = [abs(v) for v in (evidence["value"], evidence["low"], evidence["high"], gate["limit"]) if v is not None]
    top = (max(known) or 1.0) * 1.08
    if not unit and max(known) <= 1.0:
        top = 1.0 if max(known) > 0.5 else min(1.0, top)
    picture = bar(
        evidence["value"], top, f"{record['title']}: {measured} ({between}), limit {limit}",
        interval=None if between == "exact" else (evidence["low"], evidence["high"]), limit=gate["limit"], kind=kind,
    )  # fmt: skip
    point = record.get("point_verdict")
    return GateRow(record, kind, measured, between, limit, picture, point if point != record["verdict"] else None)


def counted(count: int, thing: str) -> str:
    """ "1 MUST", "2 MUSTs"."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def sentence(report: Mapping[str, Any]) -> str:
    """Whether the variant may ship, in one sentence."""
    musts = [c for c in report["checks"] if c["level"] == "MUST"]
    failed = sum(c["verdict"] == "FAIL" and not c["waived"] for c in musts)
    waived = sum(c["waived"] for c in musts)
    undecided = sum(c["verdict"] == "INCONCLUSIVE" for c in musts)
    unjudged = len(report["not_judged"])
    parts = []
    if failed:
        parts.append(f"{counted(failed, 'MUST')} of {len(musts)} failed")
    if undecided:
        parts.append(f"{undecided} cannot be decided yet")
    if unjudged:
        parts.append(f"{unjudged} {'was' if unjudged == 1 else 'were'} not judged in this run")
    if waived:
        parts.append(f"{waived} failed and {'is' if waived == 1 else 'are'} waived")
    head = {"PASS": "May ship", "FAIL": "May not ship", "INCONCLUSIVE": "Cannot tell yet"}[report["verdict"]]
    if not parts:
        parts = [f"all {counted(len(musts), 'MUST')} hold" if musts else "no MUST was judged"]
    return f"{head}: {', '.join(parts)}."


def release_lines(report: Mapping[str, Any]) -> list[str]:
    """How sure the verdict over all gates is, where the report says so."""
    found = report.get("release")
    if found is None:
        return []
    rate = found["error_rate"]
    if rate is None:
        return []
    if rate == 0.0:
        return [f"The verdict rests on {found['method']}."]
    lines = [f"By chance, at most {of_runs(rate)} such runs would give this verdict ({found['method']})."]
    if found["survives"] is False:
        lines.append(
            f"That is more than {of_runs(found['each'])}: it stands by its gate, and not over all gates together."
        )
    return lines


def deciding(record: Mapping[str, Any]) -> str:
    """What would decide an INCONCLUSIVE check: its message without the figures, which stand elsewhere."""
    message = str(record["message"])
    return message.partition("; ")[2] or message if record["evidence"] is not None else message


def commands(report: Mapping[str, Any], *, own_benchmark: bool) -> list[tuple[str, str]]:
    """(what it does, command line) to repeat the run. own_benchmark: not the one that is shipped."""
    model_id, profile, target = report["model"]["model_id"], report["profile"]["name"], report["environment"]["target"]
    function = report["model"].get("function")
    words = ["pytest", "--raxe-model", model_id] if function is None else ["pytest", "--raxe-detector", function]
    if registry := report["model"].get("registry"):
        words += ["--raxe-registry", registry]
    judge = ["raxe-conformance", "judge", f"reports/{model_id}.evidence.json"]
    backend = report["environment"].get("backend")
    if backend is not None and backend["name"] != "onnxruntime":
        words += ["--raxe-backend", backend["name"]]
    if profile != "raxe-1.0":
        words += ["--raxe-profile", profile]
        judge += ["--profile", profile]
    if target is not None:
        words += ["--raxe-target-cpu", target]
    if own_benchmark and report["corpus"]["path"]:
        words += ["--raxe-benchmark", report["corpus"]["path"]]
    return [
        ("Measure and judge again", shlex.join(words)),
        ("Judge the same evidence again, without measuring", shlex.join(judge)),
        ("Make these pages again from the JSON", "raxe-conformance report reports"),
    ]
