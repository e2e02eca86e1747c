"""Metadata files (schema 2.0.0, and 1.x) as typed values whose round trip loses nothing.

Every section keeps the mapping that it was read from: keys that this version does not know (and comment keys that begin
with "_") stay in `raw` and come back from `to_dict`. Typed fields are views of it.
"""

from __future__ import annotations

import copy
import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from raxe_conformance.errors import MetadataError
from raxe_conformance.strict_json import read_json_object

SCHEMA_VERSION = "2.0.0"
RUNTIMES = ("pytorch", "onnx", "onnx_int8", "onnx_fp16", "tensorflow", "custom")
STATUSES = ("active", "experimental", "deprecated")


_HINTS: dict[type, dict[str, Any]] = {}


def _typed_fields(cls: type) -> dict[str, Any]:
    """Field names and types of a section class, resolved once."""
    if cls not in _HINTS:
        _HINTS[cls] = _resolve(cls)
    return _HINTS[cls]


def _resolve(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.name != "raw"}


def _section_type(hint: Any) -> type[Section] | None:
    for option in (hint, *typing.get_args(hint)):
        if isinstance(option, type) and issubclass(option, Section):
            return option
    return None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value has the type of a dataclass field."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if hint is types.NoneType:
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, typing.get_args(hint)[1]) for item in value.values())
    return isinstance(value, typing.cast(type, hint))


@dataclass(frozen=True, kw_only=True)
class Section:
    """One JSON object of a metadata file. `raw` holds it as it was read, unknown keys included."""

    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, value: dict[str, Any], *, file: Path | str, at: str = "") -> Self:
        """Read a JSON object. Raises MetadataError that names the field whose type is wrong."""
        known: dict[str, Any] = {}
        for name, hint in _typed_fields(cls).items():
            if name not in value:
                continue
            item, where = value[name], f"{at}.{name}" if at else name
            inner = _section_type(hint)
            if inner is not None and isinstance(item, dict):
                known[name] = inner.from_dict(item, file=file, at=where)
            elif inner is not None or not _fits(item, hint):
                raise MetadataError(
                    f"is {_json_type(item)}, but should be {_describe(hint)}", file=file, field=where,
                    remedy="see the schema: metadata-2.0.0.json",
                )  # fmt: skip
            else:
                known[name] = item
        return cls(raw=value, **known)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: what was read, with the typed fields laid over it."""
        result = copy.deepcopy(self.raw)
        for name in _typed_fields(type(self)):
            value = getattr(self, name)
            if isinstance(value, Section):
                if name in result or value != type(value)():
                    result[name] = value.to_dict()
            elif value is not None or name in result:
                result[name] = copy.deepcopy(value)
        return result


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _describe(hint: Any) -> str:
    if _section_type(hint) is not None:
        return "an object"
    return str(getattr(hint, "__name__", hint)).replace("NoneType", "null").replace("None", "null")


@dataclass(frozen=True, kw_only=True)
class FileInfo(Section):
    """Which files make the variant. Sizes in MB (10^6 bytes), checksums as "sha256:<64 hex>"."""

    filename: str | None = None
    size_mb: float | None = None
    checksum: str | None = None
    onnx_embeddings: str | None = None
    onnx_embeddings_size_mb: float | None = None
    onnx_embeddings_checksum: str | None = None
    tokenizer: str | None = None
    tokenizer_checksum: str | None = None


@dataclass(frozen=True, kw_only=True)
class Performance(Section):
    """Declared speed (milliseconds, requests a second) and memory (MB)."""

    target_latency_ms: float | None = None
    p50_latency_ms: float | None = None
    p95_latency_ms: float | None = None
    p99_latency_ms: float | None = None
    throughput_per_sec: float | None = None
    memory_mb: float | None = None
    embedding_latency_ms: float | None = None
    classifier_latency_ms: float | None = None
    preprocessing_latency_ms: float | None = None
    postprocessing_latency_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Accuracy(Section):
    """Declared rates, all in 0..1, and the set they were measured on."""

    binary_f1: float | None = None
    binary_precision: float | None = None
    binary_recall: float | None = None
    family_f1: float | None = None
    family_accuracy: float | None = None
    subfamily_f1: float | None = None
    subfamily_accuracy: float | None = None
    false_positive_rate: float | None = None
    false_negative_rate: float | None = None
    test_set_size: int | None = None
    test_set_date: str | None = None
    test_set_distribution: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Requirements(Section):
    """What the variant needs to run."""

    runtime: str | None = None
    min_runtime_version: str | None = None
    requires_gpu: bool | None = None
    requires_quantization_support: bool | None = None
    python_version: str | None = None
    additional_dependencies: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class MlConfig(Section):
    """The embedding space and the classifier on top of it."""

    embedding_model: str | None = None
    embedding_dimension: int | None = None
    max_sequence_length: int | None = None
    quantization: str | None = None
    onnx_opset_version: int | None = None
    classifier_type: str | None = None
    classifier_config: dict[str, Any] | None = None
    num_families: int | None = None
    num_subfamilies: int | None = None
    threat_categories: list[str] | None = None
    pooling_strategy: str | None = None
    normalization: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingInfo(Section):
    """Where the classifier comes from."""

    training_date: str | None = None
    training_framework: str | None = None
    training_version: str | None = None
    training_duration_hours: float | None = None
    dataset_version: str | None = None
    dataset_size: int | None = None
    dataset_distribution: dict[str, int] | None = None
    dataset_sources: list[Any] | None = None
    hyperparameters: dict[str, Any] | None = None
    validation_strategy: str | None = None
    cross_validation_f1: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Deployment(Section):
    """Where the variant runs."""

    status: str | None = None
    deployed_at: str | None = None
    deployed_by: str | None = None
    environments: list[str] | None = None
    rollout_percentage: float | None = None
    rollout_strategy: str | None = None
    canary_group: str | None = None
    previous_model: str | None = None
    deployment_notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Monitoring(Section):
    """What is watched in production, and when to alert."""

    metrics_to_track: list[str] | None = None
    alert_thresholds: dict[str, float] | None = None
    metrics_retention_days: int | None = None
    alert_channels: list[str] | None = None
    dashboard_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Compatibility(Section):
    """Which versions of RAXE and of the bundle schema it works with."""

    min_raxe_version: str | None = None
    max_raxe_version: str | None = None
    compatible_pack_versions: list[str] | None = None
    bundle_schema_version: str | None = None
    breaking_changes: list[str] | None = None
    migration_notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Metadata(Section):
    """A metadata file. Sections that are absent are empty, never None."""

    schema_version: str | None = None
    model_id: str | None = None
    name: str | None = None
    version: str | None = None
    variant: str | None = None
    description: str | None = None
    status: str | None = None
    tags: list[str] | None = None
    recommended_for: list[str] | None = None
    not_recommended_for: list[str] | None = None
    known_limitations: list[str] | None = None
    changelog: list[dict[str, Any]] | None = None
    notes: Any = None
    file_info: FileInfo = field(default_factory=FileInfo)
    performance: Performance = field(default_factory=Performance)
    accuracy: Accuracy = field(default_factory=Accuracy)
    requirements: Requirements = field(default_factory=Requirements)
    ml_config: MlConfig = field(default_factory=MlConfig)
    training_info: TrainingInfo = field(default_factory=TrainingInfo)
    deployment: Deployment = field(default_factory=Deployment)
    monitoring: Monitoring = field(default_factory=Monitoring)
    compatibility: Compatibility = field(default_factory=Compatibility)
    testing: dict[str, Any] | None = None
    documentation: dict[str, Any] | None = None
    contact: dict[str, Any] | None = None
    license: dict[str, Any] | None = None

    @property
    def effective_status(self) -> str:
        """The declared status, or "experimental" where none of the known ones is declared."""
        return self.status if self.status in STATUSES else "experimental"


def parse_metadata(value: dict[str, Any], *, file: Path | str) -> Metadata:
    """Typed metadata of a JSON object. Raises MetadataError where a known field has the wrong type."""
    return Metadata.from_dict(value, file=file)


def read_metadata(path: Path) -> Metadata:
    """Typed metadata of a file. Raises JsonError or MetadataError; what is missing is left None."""
    return parse_metadata(read_json_object(path), file=path)
