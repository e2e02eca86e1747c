"""Schema rules: what the metadata says, by itself and against the bundle and the committed benchmark report."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from raxe_conformance.checks.integrity import as_finding
from raxe_conformance.checks.reading import Finding, Findings, Reading, Unknown
from raxe_conformance.checks.table import Level, check
from raxe_conformance.errors import one_line
from raxe_conformance.measure.evidence import Facts
from raxe_conformance.schemas import METADATA, violations

_NO_METADATA = Unknown("the metadata cannot be read", "see SCH-001")


def _section(facts: Facts, name: str) -> dict[str, Any]:
    value = (facts.metadata or {}).get(name)
    return value if isinstance(value, dict) else {}


def _number(section: dict[str, Any], key: str) -> float | None:
    value = section.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@check(
    "SCH-001", "metadata holds to schema 2.0.0 (or 1.x)", level=Level.MUST, spec="§2", needs=("facts",),
    defect="remove_required_field",
)  # fmt: skip
def schema(facts: Facts) -> Reading:
    """The file parses, has every required field, and every known field has its type and range."""
    if facts.metadata_path is None:
        return Findings(
            (Finding(facts.model_id, "has no metadata file", f"metadata/{facts.model_id}.json", "write one"),), 1
        )
    if facts.metadata_fault is not None:
        return Findings((as_finding(facts.metadata_fault, "a JSON object that holds to the schema"),), 1)
    found = tuple(
        Finding(f"{facts.metadata_path}: {at or '(top)'}", one_line(problem, 160), "as metadata-2.0.0.json says")
        for at, problem in violations(METADATA, facts.metadata)
    )
    return Findings(found, 1)


@check(
    "SCH-002", "model_id is the file's stem", level=Level.MUST, spec="§1", needs=("facts",), defect="change_model_id",
)  # fmt: skip
def id_is_stem(facts: Facts) -> Reading:
    """Two names for one variant would let a verdict be read as another's."""
    if facts.metadata is None:
        return _NO_METADATA
    said = facts.metadata.get("model_id")
    found = (Finding("model_id", repr(said), repr(facts.model_id), "rename the file or the id"),)
    return Findings(() if said == facts.model_id else found, 1)


@check(
    "SCH-003", "declared P50 ≤ P95 ≤ P99", level=Level.MUST, spec="§2", needs=("facts",),
    defect="declare_p50_above_p95",
)  # fmt: skip
def percentiles_ordered(facts: Facts) -> Reading:
    """Percentiles of one sample never fall."""
    if facts.metadata is None:
        return _NO_METADATA
    declared = [(q, _number(_section(facts, "performance"), f"{q}_latency_ms")) for q in ("p50", "p95", "p99")]
    known = [(q, value) for q, value in declared if value is not None]
    found = tuple(
        Finding(f"performance.{low}_latency_ms", f"{a}", f"at most {high}_latency_ms, {b}")
        for (low, a), (high, b) in pairwise(known)
        if a > b
    )
    return Findings(found, len(known))


@check(
    "SCH-004", "declared F1 follows from declared precision and recall", level=Level.MUST, spec="§2",
    needs=("facts",), defect="declare_f1_too_high",
)  # fmt: skip
def f1_consistent(facts: Facts) -> Reading:
    """F1 is the harmonic mean of precision and recall; 0.002 is allowed for three-digit rounding."""
    if facts.metadata is None:
        return _NO_METADATA
    accuracy = _section(facts, "accuracy")
    f1, precision, recall = (_number(accuracy, f"binary_{name}") for name in ("f1", "precision", "recall"))
    if f1 is None or precision is None or recall is None:
        return Findings((), 0)
    expected = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    found = (Finding("accuracy.binary_f1", f"{f1}", f"{expected:.4f}"),)
    return Findings(() if abs(f1 - expected) <= 0.002 else found, 1)


@check(
    "SCH-005", "an active model declares F1 above 0.95, others above 0.90", level=Level.SHOULD, spec="§2",
    needs=("facts",), defect="activate_with_low_declared_f1",
)  # fmt: skip
def declared_f1_fits_status(facts: Facts) -> Reading:
    """What the registry would select by; SHOULD, because the measured F1 is what gates."""
    if facts.metadata is None:
        return _NO_METADATA
    f1 = _number(_section(facts, "accuracy"), "binary_f1")
    if f1 is None:
        return Findings((), 0)
    limit = 0.95 if facts.metadata.get("status") == "active" else 0.90
    found = (Finding("accuracy.binary_f1", f"{f1}", f"above {limit} for status {facts.metadata.get('status')}"),)
    return Findings(() if f1 > limit else found, 1)


@check(
    "SCH-006", "threat_categories are the bundle's families", level=Level.MUST, spec="§2", needs=("facts",),
    defect="drop_threat_category",
)  # fmt: skip
def categories_are_families(facts: Facts) -> Reading:
    """The metadata promises no family that the heads cannot name, and hides none."""
    if facts.metadata is None:
        return _NO_METADATA
    if facts.bundle is None:
        return Unknown("the bundle does not open", "see INT-002")
    config = _section(facts, "ml_config")
    declared = config.get("threat_categories")
    if not isinstance(declared, list):
        return Findings((), 0)
    families = facts.bundle["families"]
    found = []
    if sorted(map(str, declared)) != sorted(families):
        found.append(Finding("ml_config.threat_categories", ", ".join(map(str, declared)), ", ".join(families)))
    number = config.get("num_families")
    if number is not None and number != len(families):
        found.append(Finding("ml_config.num_families", f"{number}", f"{len(families)}"))
    return Findings(tuple(found), 2)


# metadata field → (path in the benchmark report, tolerance as a share of the larger)
_DECLARED_FIGURES = {
    ("performance", "p50_latency_ms"): ("latency", "p50"),
    ("performance", "p95_latency_ms"): ("latency", "p95"),
    ("performance", "p99_latency_ms"): ("latency", "p99"),
    ("accuracy", "binary_f1"): ("accuracy", "binary_f1"),
    ("accuracy", "binary_precision"): ("accuracy", "binary_precision"),
    ("accuracy", "binary_recall"): ("accuracy", "binary_recall"),
    ("accuracy", "false_positive_rate"): ("accuracy", "false_positive_rate"),
    ("accuracy", "false_negative_rate"): ("accuracy", "false_negative_rate"),
}


@check(
    "SCH-007", "declared figures are those of the committed benchmark report", level=Level.MUST, spec="§2, §7",
    needs=("facts",), defect="declare_better_than_report",
)  # fmt: skip
def figures_reported(facts: Facts) -> Reading:
    """A figure in the metadata without a report behind it, or other than the report's, is not a measurement."""
    if facts.metadata is None:
        return _NO_METADATA
    if facts.benchmark_report_fault is not None:
        return Findings((as_finding(facts.benchmark_report_fault, "the specification's benchmark report"),), 1)
    found, looked = [], 0
    for (part, key), (report_part, report_key) in _DECLARED_FIGURES.items():
        declared = _number(_section(facts, part), key)
        if declared is None:
            continue
        looked += 1
        section = (facts.benchmark_report or {}).get(report_part)
        reported = _number(section, report_key) if isinstance(section, dict) else None
        if reported is None:
            found.append(
                Finding(
                    f"{part}.{key}",
                    f"{declared}",
                    f"in benchmarks/{facts.model_id}_benchmark.json",
                    "run: raxe-conformance benchmark",
                )
            )
        elif abs(declared - reported) > 0.01 * max(abs(declared), abs(reported)) + 0.0005:
            found.append(Finding(f"{part}.{key}", f"{declared}", f"{reported} as in the benchmark report"))
    return Findings(tuple(found), looked)
