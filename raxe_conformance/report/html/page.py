"""What a variant's page shows, gathered for its template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.fileio import digest_file
from raxe_conformance.packaged import shipped_benchmark
from raxe_conformance.report.html import charts, curves, parts
from raxe_conformance.report.html.comparison_page import comparison_view
from raxe_conformance.report.html.source import Material
from raxe_conformance.report.html.words import VERDICT_CLASS, commands, deciding, gate_row, release_lines, sentence

# What a stage of the evidence is called in the budget's gates.
_BUDGET = {
    "preprocess": "preprocessing", "tokenize": "tokenization", "infer": "inference", "pool": "pooling",
    "heads": "classification", "postprocess": "postprocessing",
}  # fmt: skip
_RANK = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2}


def limits(report: Mapping[str, Any]) -> dict[str, float]:
    """The limits of the report's gates, by metric."""
    return {c["gate"]["metric"]: c["gate"]["limit"] for c in report["checks"] if c["gate"]}


def page_view(material: Material) -> dict[str, Any]:
    """The values of variant.html.j2. What cannot be shown for lack of evidence is None."""
    report, bounds = material.report, limits(material.report)
    gates = [gate_row(c) for c in report["checks"] if c["gate"]]
    gates.sort(key=lambda g: _RANK[g.record["verdict"]])
    generalisation, odd = _generalisation(report)
    return {
        "report": report,
        "model_id": report["model"]["model_id"],
        "kind": VERDICT_CLASS[report["verdict"]],
        "kinds": VERDICT_CLASS,
        "sentence": sentence(report),
        "reasons": _reasons(report),
        "counts": _counts(report),
        "release": release_lines(report),
        "not_claimed": _by_reason(report.get("not_claimed", ())),
        "notes": (*material.notes, *odd),
        "gates": [
            (title, [g for g in gates if g.record["level"] == level])
            for level, title in (("MUST", "Gates that must hold"), ("SHOULD", "Gates that should hold"))
        ],
        "undecided": [(c, deciding(c)) for c in report["checks"] if c["verdict"] == "INCONCLUSIVE"],
        "latency": _latency(material, bounds),
        "accuracy": _accuracy(material, bounds),
        "slices": parts.slice_tables(report),
        "worst_slices": [parts.worst_slice(s) for s in report.get("worst_slices", ())],
        "figures": [parts.figure_row(f) for f in report.get("figures", ())],
        "sizes": parts.size_table(report) if report["model"]["files"] else None,
        "generalisation": generalisation,
        "baseline": comparison_view(report["baseline"]) if "baseline" in report else None,
        "environment": _environment(report),
        "commands": commands(report, own_benchmark=_own_benchmark(report)),
    }


def _reasons(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The MUSTs that do not hold, failures first."""
    found = [c for c in report["checks"] if c["level"] == "MUST" and c["verdict"] != "PASS"]
    return sorted(found, key=lambda c: (c["waived"], _RANK[c["verdict"]]))


def _by_reason(unclaimed: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Ids of checks that are not judged, by reason."""
    found: dict[str, list[str]] = {}
    for check in unclaimed:
        found.setdefault(check["reason"], []).append(check["id"])
    return list(found.items())


def _counts(report: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, int]]]]:
    """How many checks of each level ended how."""
    return [
        (level, [(v, sum(c["level"] == level and c["verdict"] == v for c in report["checks"])) for v in VERDICT_CLASS])
        for level in ("MUST", "SHOULD")
    ]


def _latency(material: Material, bounds: Mapping[str, float]) -> dict[str, Any] | None:
    found = material.latency
    if found is None or not found.samples_ms:
        return None
    limit = bounds.get("latency_p95_ms")
    bins = curves.by_length(found, material.scores.words) if material.scores else []
    drawn = [charts.latency_chart(found, limit)] + ([charts.length_chart(bins, limit)] if bins else [])
    curve = material.report.get("length_curve")
    if curve is not None and curve["points"]:
        drawn.append(charts.curve_chart(curve, limit))
    return {
        "charts": drawn,
        "bins": [
            (f"{b.low}–{b.high}", b.n, *(charts.milliseconds(v) for v in (b.p5, b.p50, b.p95)))
            for b in bins
        ],
        "curve": [
            (f"{p['tokens']:,}", p["n"], *(charts.milliseconds(p[key]) for key in ("low_ms", "p50_ms", "high_ms")))
            for p in (curve["points"] if curve else ())
        ],
        "stages": parts.stage_table(found, _stage_limits(bounds)),
        "off_target": found.off_target,
    }  # fmt: skip


def _stage_limits(bounds: Mapping[str, float]) -> dict[str, float]:
    """The budget of single stages, in ms of P95, by the stage's name in the evidence."""
    found = {stage: bounds.get(f"latency_{part}_p95_ms") for stage, part in _BUDGET.items()}
    return {stage: limit for stage, limit in found.items() if limit is not None}


def _accuracy(material: Material, bounds: Mapping[str, float]) -> dict[str, Any] | None:
    scores = material.scores
    if scores is None or not scores.ids:
        return None
    found = curves.thresholds(scores)
    alarms, alarms_total = parts.wrong_rows(scores, material.texts, attacks=False)
    missed, missed_total = parts.wrong_rows(scores, material.texts, attacks=True)
    return {
        "charts": [charts.roc_chart(found, bounds.get("fpr")), charts.precision_chart(found)] if found else [],
        "confusion": parts.confusion_table(scores),
        "wrong": [
            ("alarms", "Worst false alarms", alarms, alarms_total),
            ("missed", "Worst misses", missed, missed_total),
        ],
    }


def _generalisation(report: Mapping[str, Any]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The summary and tables of the leave-one-source-out table. The report's schema says nothing about its inside."""
    table = report["generalisation"]
    if table is None:
        return None, ()
    try:
        summary = [(str(k).replace("_", " "), str(v)) for k, v in table["summary"].items()]
        return {"summary": summary, "tables": parts.source_tables(table)}, ()
    except (KeyError, TypeError, AttributeError, ValueError):
        return None, ("The table of unseen sources in this report is not as this version writes it, and is left out.",)


def _environment(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    env, corpus = report["environment"], report["corpus"]
    noise = [(f"noise: {k.replace('_', ' ')}", "not known" if v is None else str(v)) for k, v in env["noise"].items()]
    threads = ", ".join(f"{k}={v}" for k, v in env["threads"].items()) or "not set"
    rows = f"{corpus['rows']:,} ({corpus['benign']:,} benign, {corpus['attacks']:,} attacks)"
    return [
        ("CPU", env["cpu"]),
        ("instruction sets", ", ".join(env["isa"]) or "none known"),
        ("cores, memory", f"{env['cores']}, {env['memory_gb']:g} GB"),
        ("system", env["os"]),
        ("Python, ONNX Runtime", f"{env['python']}, {env['onnxruntime'] or 'not installed'}"),
        ("backend", "not known" if env.get("backend") is None else _backend(env["backend"])),
        ("threads", threads),
        ("target CPU", env["target"] or "this machine"),
        *noise,
        ("benchmark", f"{corpus['path'] or corpus.get('problem') or 'none'}: {rows}"),
        ("benchmark SHA-256", corpus["sha256"] or "none"),
        ("profile", f"{report['profile']['name']}, SHA-256 {report['profile']['sha256']}"),
        ("tool", f"{report['tool']['name']} {report['tool']['version']}"),
        ("started, finished", f"{report['started']}, {report['finished']}"),
    ]


def _backend(backend: Mapping[str, Any]) -> str:
    return f"{backend['name']} {backend['version'] or '(version not known)'}"


def _own_benchmark(report: Mapping[str, Any]) -> bool:
    path: Path = shipped_benchmark()
    return report["corpus"]["sha256"] is not None and digest_file(path, "").sha256 != report["corpus"]["sha256"]
