"""Schema rules: what the metadata says, by itself and against the bundle and the committed benchmark report."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from raxe_conformance.checks.declared import number, section
from raxe_conformance.checks.integrity import NO_BUNDLE, as_finding
from raxe_conformance.checks.reading import Finding, Findings, Reading, Unknown
from raxe_conformance.checks.table import Level, check
from raxe_conformance.errors import one_line
from raxe_conformance.measure.evidence import Facts
from raxe_conformance.schemas import METADATA, violations

_NO_METADATA = Unknown("the metadata cannot be read", "see SCH-001")


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
    declared = [(q, number(section(facts, "performance"), f"{q}_latency_ms")) for q in ("p50", "p95", "p99")]
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
    accuracy = section(facts, "accuracy")
    f1, precision, recall = (number(accuracy, f"binary_{name}") for name in ("f1", "precision", "recall"))
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
    f1 = number(section(facts, "accuracy"), "binary_f1")
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
        return NO_BUNDLE
    config = section(facts, "ml_config")
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


# metadata field → (where the benchmark report has it, slack in its unit, slack as a share of the larger figure).
# The specification's report has neither throughput nor stages: ours puts them beside the other resources and latencies.
# `benchmark --update-metadata` writes by this table.
_RATE, _TIME = (0.0005, 0.01), (0.0005, 0.01)
DECLARED_FIGURES: dict[tuple[str, str], tuple[tuple[str, ...], tuple[float, float]]] = {
    ("performance", "p50_latency_ms"): (("latency", "p50"), _TIME),
    ("performance", "p95_latency_ms"): (("latency", "p95"), _TIME),
    ("performance", "p99_latency_ms"): (("latency", "p99"), _TIME),
    ("performance", "throughput_per_sec"): (("resources", "throughput_per_sec"), (0.5, 0.01)),
    ("performance", "memory_mb"): (("resources", "memory_usage_mb"), (0.5, 0.01)),
    **{
        ("performance", f"{stage}_latency_ms"): (("latency", "stages_p50", stage), _TIME)
        for stage in ("embedding", "classifier", "preprocessing", "postprocessing")
    },
    ("accuracy", "test_set_size"): (("test_set_size",), (0.0, 0.0)),
    **{
        ("accuracy", name): (("accuracy", name), _RATE)
        for name in (
            "binary_f1", "binary_precision", "binary_recall", "false_positive_rate", "false_negative_rate",
            "family_f1", "family_accuracy", "subfamily_f1", "subfamily_accuracy",
        )
    },
}  # fmt: skip


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
    for (part, key), (path, (slack, share)) in DECLARED_FIGURES.items():
        declared = number(section(facts, part), key)
        if declared is None:
            continue
        looked += 1
        measured = reported(facts.benchmark_report or {}, path)
        if measured is None:
            found.append(
                Finding(
                    f"{part}.{key}",
                    f"{declared:g}",
                    f"in benchmarks/{facts.model_id}_benchmark.json",
                    "run: raxe-conformance benchmark",
                )
            )
        elif abs(declared - measured) > share * max(abs(declared), abs(measured)) + slack:
            found.append(Finding(f"{part}.{key}", f"{declared:g}", f"{measured:g} as in the benchmark report"))
    return Findings(tuple(found), looked)


def reported(report: dict[str, Any], path: tuple[str, ...]) -> float | None:
    """The number that a benchmark report has at a path, None where there is none."""
    for name in path[:-1]:
        inner = report.get(name)
        report = inner if isinstance(inner, dict) else {}
    return number(report, path[-1])


@check(
    "SCH-008", "model_id is {version}_{variant}", level=Level.MUST, spec="§1", needs=("facts",),
    defect="rename_variant",
)  # fmt: skip
def id_is_version_and_variant(facts: Facts) -> Reading:
    """The id begins with v and the version, or the version's beginning: v1.0 stands for 1.0.0 and its patches.

    What is missing or of another type is SCH-001's matter.
    """
    if facts.metadata is None:
        return _NO_METADATA
    said, version, variant = (facts.metadata.get(key) for key in ("model_id", "version", "variant"))
    if not (isinstance(said, str) and isinstance(version, str) and isinstance(variant, str)):
        return Findings((), 0)
    begins = re.match(r"v(\d+(?:\.\d+){0,2})_", said)
    core = re.split(r"[-+]", version)[0]
    found = []
    if begins is None or said[begins.end() :] != variant:
        found.append(Finding("model_id", repr(said), f"v{core}_{variant}, or that with fewer digits of the version"))
    elif not f"{core}.".startswith(f"{begins[1]}."):
        found.append(Finding("version", repr(version), f"{begins[1]} or a later patch of it, as in {said}"))
    return Findings(tuple(found), 1)


# metadata field of ml_config → field of the head set
_OF_HEAD_SET = {
    "max_sequence_length": "max_sequence_length", "pooling_strategy": "pooling", "normalization": "normalization",
}  # fmt: skip


@check(
    "SCH-009", "sequence length, pooling and normalization are the head set's", level=Level.MUST, spec="§2",
    needs=("facts",), defect="declare_another_sequence_length",
)  # fmt: skip
def config_is_head_sets(facts: Facts) -> Reading:
    """Heads read vectors that are made one way; the metadata may not describe another."""
    if facts.metadata is None:
        return _NO_METADATA
    if facts.bundle is None:
        return NO_BUNDLE
    head_set = facts.bundle["head_sets"].get(facts.embedding_model)
    if head_set is None:
        return Unknown("the bundle has no head set for the variant's embedding model", "see INT-006")
    config, found, looked = section(facts, "ml_config"), [], 0
    for key, name in _OF_HEAD_SET.items():
        declared, used = config.get(key), head_set.get(name)
        if declared is None or used is None:
            continue
        looked += 1
        if declared != used:
            found.append(Finding(f"ml_config.{key}", f"{declared}", f"{used} as in the bundle's head set"))
    return Findings(tuple(found), looked)


@check(
    "SCH-010", "compatibility.bundle_schema_version is the bundle's", level=Level.MUST, spec="§2", needs=("facts",),
    defect="declare_another_bundle_schema",
)  # fmt: skip
def bundle_schema_is_declared(facts: Facts) -> Reading:
    """What a reader of the metadata prepares for is what the manifest says."""
    if facts.metadata is None:
        return _NO_METADATA
    if facts.bundle is None:
        return NO_BUNDLE
    declared, used = section(facts, "compatibility").get("bundle_schema_version"), facts.bundle["schema_version"]
    if declared is None:
        return Findings((), 0)
    found = (Finding("compatibility.bundle_schema_version", repr(declared), f"{used!r} as in manifest.json"),)
    return Findings(() if declared == used else found, 1)


# What these runtimes run; onnx, openvino, pytorch, tensorflow and custom may run any.
_RUNS = {"onnx_int8": "int8", "onnx_fp16": "fp16"}


@check(
    "SCH-011", "runtime and quantization agree", level=Level.MUST, spec="§2", needs=("facts",),
    defect="declare_another_quantization",
)  # fmt: skip
def runtime_fits_quantization(facts: Facts) -> Reading:
    """A variant that is chosen by its runtime holds the kind of numbers that the runtime is named for."""
    if facts.metadata is None:
        return _NO_METADATA
    runtime = section(facts, "requirements").get("runtime")
    quantization = section(facts, "ml_config").get("quantization")
    wanted = _RUNS.get(runtime) if isinstance(runtime, str) else None
    if wanted is None or quantization is None:
        return Findings((), 0)
    found = (Finding("ml_config.quantization", repr(quantization), f"{wanted!r} as requirements.runtime {runtime}"),)
    return Findings(() if quantization == wanted else found, 1)
