"""Metadata files (schema 2.0.0, and 1.x) as typed values whose round trip loses nothing.

Every section keeps the mapping that it was read from: keys that this version does not know (and comment keys that begin
with "_") stay in `raw` and come back from `to_dict`. Typed fields are views of it. null stands for "not known".
"""

from __future__ import annotations

import copy
import dataclasses
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from raxe_conformance.errors import MetadataError
from raxe_conformance.schemas import METADATA
from raxe_conformance.strict_json import read_json_object

SCHEMA_VERSION = "2.0.0"
ONNX_RUNTIMES: Final = ("onnx", "onnx_int8", "onnx_fp16")
# What computes for each runtime that there is a loader for (runtime/backends/).
BACKEND_OF: Final = {**dict.fromkeys(ONNX_RUNTIMES, "onnxruntime"), "openvino": "openvino"}
STATUSES = ("active", "experimental", "deprecated")


@dataclass(frozen=True, kw_only=True)
class Section:
    """One JSON object of a metadata file. `raw` holds it as it was read, unknown keys included."""

    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, value: dict[str, Any], *, file: Path | str, at: str = "") -> Self:
        """Take over a JSON object. Raises MetadataError that names the field whose type is wrong."""
        misfit = find_misfit(cls, value, at)
        if misfit is not None:
            raise misfit.error(file)
        return cls.of(value)

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """Typed values of a JSON object that `find_misfit` has nothing against."""
        known: dict[str, Any] = {}
        for name, slot in _slots(cls).items():
            item = value.get(name)
            if item is None:
                continue
            if slot.section is not None:
                of = slot.section.of
                item = [of(entry) for entry in item] if isinstance(item, list) else of(item)
            known[name] = item
        return cls(raw=value, **known)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: what was read, with what was changed since laid over it."""
        result = copy.deepcopy(self.raw)
        for name in _slots(type(self)):
            value, before = getattr(self, name), result.get(name)
            plain = _plain(value)
            if isinstance(value, Section):
                changed = bool(plain) if before is None else plain != before
            else:
                changed = plain != before
            # What is equal stays as it was written: 3.0 does not become 3, an absent section does not become {}.
            if changed:
                result[name] = plain
        return result


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return copy.deepcopy(value)


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
class CrossValidationF1(Section):
    """F1 over the folds of a cross-validation, in 0..1."""

    mean: float | None = None
    std: float | None = None
    folds: list[float] | None = None


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
    cross_validation_f1: CrossValidationF1 = field(default_factory=CrossValidationF1)


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
class AlertThresholds(Section):
    """From which values to alert: milliseconds, MB, and rates in 0..1."""

    latency_p95_ms: float | None = None
    false_positive_rate: float | None = None
    false_negative_rate: float | None = None
    error_rate: float | None = None
    memory_usage_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Monitoring(Section):
    """What is watched in production, and when to alert."""

    metrics_to_track: list[str] | None = None
    alert_thresholds: AlertThresholds = field(default_factory=AlertThresholds)
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
class ChangelogEntry(Section):
    """What one version changed. `breaking_changes` says whether, or lists which."""

    version: str | None = None
    date: str | None = None
    changes: list[str] | None = None
    migration_required: bool | None = None
    breaking_changes: bool | list[str] | None = None


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
    changelog: list[ChangelogEntry] | None = None
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


class Misfit(NamedTuple):
    """A value that a field cannot hold: where, what it is, what it should be."""

    at: str
    found: str
    expected: str

    def error(self, file: Path | str) -> MetadataError:
        """The same as an error."""
        return MetadataError(
            f"is {self.found}, but should be {self.expected}", file=file, field=self.at,
            remedy=f"see the schema: {METADATA}",
        )  # fmt: skip


def find_misfit(cls: type[Section], value: dict[str, Any], at: str = "") -> Misfit | None:
    """The first field of a section whose value has the wrong type, or None. Unknown keys may hold any JSON."""
    # Written for speed: a registry's start is little else than this and the JSON parser.
    slot_of = _slots(cls).get
    for key, item in value.items():
        slot: tuple[Any, ...] = slot_of(key, _ANYTHING)
        kinds, inside, section, expected = slot
        kind = type(item)
        if kind in kinds and (inside is None or inside(item)):
            if section is None:
                continue
            where = _join(at, key)
            for place, entry in [("", item)] if kind is dict else [(f"[{i}]", entry) for i, entry in enumerate(item)]:
                misfit = find_misfit(section, entry, where + place)
                if misfit is not None:
                    return misfit
        elif item is not None:
            return Misfit(_join(at, key), _describe(item), expected)
    return None


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _describe(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value)) or f"the number {str(value)[:40]}"


class _Slot(NamedTuple):
    """What a field takes beside null: its exact types, what else must hold, and the section class of its objects."""

    kinds: frozenset[type]
    inside: Callable[[Any], bool] | None
    section: type[Section] | None
    expected: str

    def holds(self, value: Any) -> bool:
        return type(value) in self.kinds and (self.inside is None or self.inside(value))


def _is_number(value: float) -> bool:
    """Whether a number is one to every reader of JSON: no NaN, no infinity, no integer beyond a double."""
    return -_LARGEST <= value <= _LARGEST


def _is_integer(value: float) -> bool:
    return _is_number(value) and (type(value) is int or float(value).is_integer())


def _is_json(value: Any) -> bool:
    """Whether a value is what a strict JSON parser gives."""
    kind = type(value)
    if kind is float or kind is int:
        return _is_number(value)
    if kind is dict:
        return all(map(_is_json, value.values()))
    if kind is list:
        return all(map(_is_json, value))
    return kind in _JSON_TYPES


_LARGEST: Final = sys.float_info.max
_JSON_TYPES: Final[frozenset[type]] = frozenset({str, int, float, bool, list, dict, types.NoneType})
_INTS: Final = frozenset({int})
_ANYTHING: Final = _Slot(_JSON_TYPES, _is_json, None, "JSON with finite numbers")
_PLAIN_SLOTS: Final[dict[Any, _Slot]] = {
    str: _Slot(frozenset({str}), None, None, "a string"),
    bool: _Slot(frozenset({bool}), None, None, "a boolean"),
    int: _Slot(frozenset({int, float}), _is_integer, None, "an integer"),
    float: _Slot(frozenset({int, float}), _is_number, None, "a finite number"),
    Any: _ANYTHING,
}


_SLOTS: Final[dict[type[Section], dict[str, _Slot]]] = {}


def _slots(cls: type[Section]) -> dict[str, _Slot]:
    """Compiled once: a registry checks some hundred values in each of a thousand files."""
    found = _SLOTS.get(cls)
    if found is None:
        hints = typing.get_type_hints(cls)
        found = _SLOTS[cls] = {f.name: _slot(hints[f.name]) for f in dataclasses.fields(cls) if f.name != "raw"}
    return found


def _slot(hint: Any) -> _Slot:
    if hint in _PLAIN_SLOTS:
        return _PLAIN_SLOTS[hint]
    if isinstance(hint, types.UnionType):
        options = [_slot(option) for option in typing.get_args(hint) if option is not types.NoneType]
        if len(options) == 1:
            return options[0]
        either = frozenset[type]().union(*(option.kinds for option in options))
        expected = " or ".join(option.expected for option in options)
        return _Slot(either, lambda value: any(option.holds(value) for option in options), None, expected)
    if isinstance(hint, type) and issubclass(hint, Section):
        return _Slot(frozenset({dict}), None, hint, "an object")
    origin, inner = typing.get_origin(hint), _slot(typing.get_args(hint)[-1])
    if origin is list:
        expected = f"an array, each item {inner.expected}"
        if inner.inside is None:
            kinds = inner.kinds
            return _Slot(frozenset({list}), lambda value: kinds.issuperset(map(type, value)), inner.section, expected)
        return _Slot(frozenset({list}), lambda value: all(map(inner.holds, value)), None, expected)

    if inner is _ANYTHING:
        return _Slot(frozenset({dict}), _is_json, None, "an object")

    def values_hold(value: dict[str, Any]) -> bool:
        return _INTS.issuperset(map(type, value.values())) or all(
            _is_json(item) if key.startswith("_") else inner.holds(item) for key, item in value.items()
        )

    return _Slot(frozenset({dict}), values_hold, None, f"an object, each value {inner.expected}")


def parse_metadata(value: dict[str, Any], *, file: Path | str) -> Metadata:
    """Typed metadata of a JSON object. Raises MetadataError where a known field has the wrong type."""
    return Metadata.from_dict(value, file=file)


def read_metadata(path: Path) -> Metadata:
    """Typed metadata of a file. Raises JsonError or MetadataError; what is missing is left None."""
    return parse_metadata(read_json_object(path), file=path)
