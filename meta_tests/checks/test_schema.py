"""Cross-field rules of the metadata, each from both sides."""

from __future__ import annotations

from typing import Any

import pytest

from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence import Facts
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile

HEAD_SET = {"dimension": 384, "max_sequence_length": 256, "pooling": "mean", "normalization": "l2"}
BUNDLE = {"schema_version": "2.0.0", "families": ["PI"], "head_sets": {"e": HEAD_SET}}


def outcome(
    check_id: str, metadata: dict[str, Any] | None, *, bundle: Any = BUNDLE, report: Any = None, embedding: str = "e"
) -> Outcome:
    found = Facts("m", "metadata", "m.json", metadata, None, [], [], embedding, bundle, None, [], report, None)
    check = find_check(check_id)
    return judge(check, check.reading({"facts": found}), load_profile(DEFAULT)).outcome


@pytest.mark.parametrize(
    ("model_id", "version", "variant", "holds"),
    [
        ("v1.0_minilm_l6_int8", "1.0.0", "minilm_l6_int8", True),
        ("v1.0_minilm_l6_int8", "1.0.3", "minilm_l6_int8", True),
        ("v1.0.0_minilm", "1.0.0", "minilm", True),
        ("v1_minilm", "1.4.2", "minilm", True),
        ("v1.0_minilm", "1.0.0-rc.1", "minilm", True),
        ("v1.0.1_minilm", "1.0.0", "minilm", False),
        ("v1.0_minilm", "1.1.0", "minilm", False),
        ("v1.0_minilm", "1.01.0", "minilm", False),
        ("v1_minilm", "10.0.0", "minilm", False),
        ("v1.0_minilm_l6_int8", "1.0.0", "minilm_l6", False),
        ("v1.0_minilm", "1.0.0", "MiniLM", False),
        ("minilm", "1.0.0", "minilm", False),
        ("1.0_minilm", "1.0.0", "minilm", False),
        ("v1.0.0.0_minilm", "1.0.0", "minilm", False),
    ],
)
def test_an_id_is_version_and_variant(model_id: str, version: str, variant: str, holds: bool) -> None:
    found = outcome("SCH-008", {"model_id": model_id, "version": version, "variant": variant})
    assert (found is Outcome.PASS) == holds


def test_every_template_and_new_file_names_its_variant_rightly() -> None:
    from raxe_conformance.templates import load_template, new_metadata, template_names

    for name in template_names():
        assert outcome("SCH-008", load_template(name)) is Outcome.PASS
        for model_id in ("v2.1_other_int8", "v2.1.7_other"):
            assert outcome("SCH-008", new_metadata(model_id, load_template(name))) is Outcome.PASS


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [("max_sequence_length", 256, 255), ("pooling_strategy", "mean", "cls"), ("normalization", "l2", "none")],
)
def test_what_vectors_the_heads_read_is_told_as_it_is(key: str, good: Any, bad: Any) -> None:
    assert outcome("SCH-009", {"ml_config": {key: good}}) is Outcome.PASS
    assert outcome("SCH-009", {"ml_config": {key: bad}}) is Outcome.FAIL
    assert outcome("SCH-009", {"ml_config": {}}) is Outcome.PASS
    assert outcome("SCH-009", {"ml_config": {key: bad}}, bundle=None) is Outcome.INCONCLUSIVE
    assert outcome("SCH-009", {"ml_config": {key: bad}}, embedding="other") is Outcome.INCONCLUSIVE


def test_the_bundles_schema_version_is_declared_as_it_is() -> None:
    def metadata(version: str | None) -> dict[str, Any]:
        return {"compatibility": {"bundle_schema_version": version}}

    assert outcome("SCH-010", metadata("2.0.0")) is Outcome.PASS
    assert outcome("SCH-010", metadata("2.0.1")) is Outcome.FAIL
    assert outcome("SCH-010", metadata(None)) is Outcome.PASS
    assert outcome("SCH-010", metadata("2.0.1"), bundle=None) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("runtime", "quantization", "holds"),
    [
        ("onnx_int8", "int8", True), ("onnx_int8", "fp16", False), ("onnx_int8", "fp32", False),
        ("onnx_fp16", "fp16", True), ("onnx_fp16", "int8", False), ("onnx", "int8", True), ("onnx", "fp32", True),
        ("pytorch", "fp32", True), ("onnx_int8", None, True), (None, "int8", True),
    ],
)  # fmt: skip
def test_a_runtime_runs_the_numbers_it_is_named_for(runtime: Any, quantization: Any, holds: bool) -> None:
    metadata = {"requirements": {"runtime": runtime}, "ml_config": {"quantization": quantization}}
    assert (outcome("SCH-011", metadata) is Outcome.PASS) == holds


@pytest.mark.parametrize("check_id", ["SCH-008", "SCH-009", "SCH-010", "SCH-011"])
def test_metadata_that_cannot_be_read_tells_nothing(check_id: str) -> None:
    assert outcome(check_id, None) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("part", "key", "report", "near", "far"),
    [
        ("accuracy", "family_f1", {"accuracy": {"family_f1": 0.8}}, 0.8085, 0.809),
        ("accuracy", "subfamily_f1", {"accuracy": {"subfamily_f1": 0.8}}, 0.792, 0.791),
        ("accuracy", "test_set_size", {"test_set_size": 1800}, 1800, 1801),
        ("performance", "memory_mb", {"resources": {"memory_usage_mb": 100.0}}, 101.5, 101.6),
        ("performance", "throughput_per_sec", {"resources": {"throughput_per_sec": 300.0}}, 303.5, 303.6),
        ("performance", "p95_latency_ms", {"latency": {"p95": 2.0}}, 2.02, 2.03),
    ],
)
def test_declared_figures_are_the_reports(part: str, key: str, report: Any, near: float, far: float) -> None:
    assert outcome("SCH-007", {part: {key: near}}, report=report) is Outcome.PASS
    assert outcome("SCH-007", {part: {key: far}}, report=report) is Outcome.FAIL
    assert outcome("SCH-007", {part: {key: near}}, report=None) is Outcome.FAIL
    assert outcome("SCH-007", {part: {key: near}}, report={"accuracy": [], "latency": 1}) is Outcome.FAIL
    assert outcome("SCH-007", {part: {key: None}}, report=None) is Outcome.PASS
