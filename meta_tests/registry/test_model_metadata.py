"""Metadata 2.0.0: the schema, the typed values, and what is generated when it is missing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from meta_tests.registry.support import full_metadata
from meta_tests.support.toy import Toy
from raxe_conformance.errors import JsonError, MetadataError
from raxe_conformance.fileio import canonical_json, digest_file
from raxe_conformance.registry.catalog import complete_metadata
from raxe_conformance.registry.metadata import Metadata, Section, _slots, parse_metadata
from raxe_conformance.registry.variant import late_problems, read_scanned, scan_metadata
from raxe_conformance.schemas import METADATA, shipped_schema
from raxe_conformance.strict_json import parse_json_object

SCHEMA = shipped_schema(METADATA)
VALID = Draft202012Validator(SCHEMA)


def fields(schema: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in schema.get("properties", {}).items():
        yield f"{at}{name}", inner
        yield from fields(inner, f"{at}{name}.")
        yield from fields(inner.get("items", {}), f"{at}{name}[].")


def sections(schema: dict[str, Any], cls: type[Section], at: str = "") -> Iterator[tuple[str, set[str], set[str]]]:
    yield at or "(top)", set(schema["properties"]), set(_slots(cls))
    for name, slot in _slots(cls).items():
        if slot.section is not None:
            inner = schema["properties"][name]
            yield from sections(inner.get("items", inner), slot.section, f"{at}{name}.")


@pytest.mark.parametrize(("at", "in_schema", "in_classes"), list(sections(SCHEMA, Metadata)))
def test_schema_and_dataclasses_name_the_same_fields(at: str, in_schema: set[str], in_classes: set[str]) -> None:
    assert in_schema == in_classes, at


def test_every_field_has_type_range_unit_and_description() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for name, schema in fields(SCHEMA):
        assert schema.get("description"), name
        assert "type" in schema or "enum" in schema, name
        kinds = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
        if kinds & {"number", "integer"}:
            assert schema.get("x-unit"), name
            assert "minimum" in schema or "exclusiveMinimum" in schema, name


def test_metadata_schema_validation() -> None:
    assert not list(VALID.iter_errors(full_metadata()))
    for name, schema in fields(SCHEMA):
        if "." in name or schema.get("type") == "object":
            continue
        assert list(VALID.iter_errors(full_metadata() | {name: 5 if name != "notes" else True})), name


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ("version", "1.0"), ("version", "1.0.0\n"), ("version", "1.0.٠"), ("model_id", "a b"), ("model_id", "../x"),
        ("status", "Active"), ("schema_version", "3.0.0"), ("file_info.checksum", "sha256:" + "0" * 63),
        ("file_info.checksum", "sha256:" + "0" * 64 + "\n"), ("file_info.checksum", "sha256:" + "A" * 64),
        ("file_info.size_mb", 0), ("performance.target_latency_ms", 5), ("performance.target_latency_ms", 0),
        ("performance.p95_latency_ms", -1), ("accuracy.binary_f1", 1.01), ("accuracy.false_positive_rate", -0.1),
        ("accuracy.test_set_size", 1.5), ("requirements.runtime", "tensorrt"), ("ml_config.quantization", "int4"),
        ("ml_config.embedding_dimension", 0), ("deployment.rollout_percentage", 101),
        ("training_info.training_date", "yesterday"), ("training_info.cross_validation_f1", [0.9]),
        ("monitoring.alert_thresholds", {"latency_p95_ms": "5 ms"}), ("changelog", [{"date": "2026-01-01"}]),
        ("tags", [1]), ("license", "MIT"),
    ],
)  # fmt: skip
def test_schema_refuses(at: str, value: Any) -> None:
    metadata = full_metadata()
    *path, last = at.split(".")
    target = metadata
    for name in path:
        target = target[name]
    target[last] = value
    assert [".".join(map(str, e.absolute_path))[: len(at)] for e in VALID.iter_errors(metadata)] == [at]


REQUIRED = (
    "model_id", "name", "version", "variant", "file_info", "file_info.filename", "performance",
    "performance.target_latency_ms", "requirements", "requirements.runtime",
)  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
def test_required_fields(name: str) -> None:
    metadata = full_metadata()
    *path, last = name.split(".")
    target = metadata[path[0]] if path else metadata
    target[last] = None
    assert list(VALID.iter_errors(metadata))
    del target[last]
    assert [e.message for e in VALID.iter_errors(metadata)] == [f"{last!r} is a required property"]
    # Loading is another matter: what is missing is for the checks to say.
    assert parse_metadata(metadata, file="x").to_dict() == metadata


def test_optional_fields() -> None:
    """Everything else may be missing or null, and an unknown key or a comment may stand anywhere."""
    for name, schema in fields(SCHEMA):
        if name in REQUIRED or "[" in name:
            continue
        assert None in schema.get("enum", ()) or "null" in schema.get("type", ()), name
        metadata = full_metadata()
        *path, last = name.split(".")
        target = metadata
        for part in path:
            target = target[part]
        target[last] = None
        target["_comment"] = {"free": ["form"]}
        target.setdefault("unknown", 3) if name != "monitoring.alert_thresholds" else None
        assert not list(VALID.iter_errors(metadata)), name
        assert parse_metadata(metadata, file="x").to_dict() == metadata, name
        del target[last]
        assert not list(VALID.iter_errors(metadata)), name


def test_comments_in_maps_of_numbers_are_no_numbers() -> None:
    metadata = full_metadata()
    metadata["accuracy"]["test_set_distribution"]["_note"] = "rows after deduplication"
    metadata["monitoring"]["alert_thresholds"]["_note"] = "as agreed"
    assert not list(VALID.iter_errors(metadata))
    assert parse_metadata(metadata, file="x").to_dict() == metadata


def test_files_of_schema_1_load() -> None:
    old = {
        "model_id": "v1.0_onnx_int8", "name": "L2", "version": "1.0.0", "variant": "onnx_int8", "status": "active",
        "file_info": {"filename": "raxe_model_l2_v1.0.raxe", "size_mb": 1.5},
        "performance": {"target_latency_ms": 3, "p95_latency_ms": 2.9},
        "requirements": {"runtime": "onnx_int8"},
    }  # fmt: skip
    assert not list(VALID.iter_errors(old))
    metadata = parse_metadata(old, file="x")
    assert metadata.schema_version is None
    assert metadata.ml_config.embedding_model is None
    assert metadata.effective_status == "active"
    assert metadata.to_dict() == old


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Metadata of every field, some taken away, some null, some of another type, with unknown keys and comments."""
    metadata = full_metadata()
    places = [metadata, *(item for item in metadata.values() if isinstance(item, dict))]
    for place in places:
        for key in draw(st.lists(st.sampled_from(sorted(place)), max_size=2)):
            place[key] = draw(st.none() | JSON)
        for key in draw(st.lists(st.sampled_from(sorted(place)), max_size=2)):
            place.pop(key, None)
        place.update(draw(st.dictionaries(st.text("xyz_", min_size=1, max_size=4), JSON, max_size=2)))
    return metadata


@settings(deadline=None, max_examples=60)
@given(documents())
def test_round_trip_loses_nothing(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    try:
        metadata = parse_metadata(document, file="x")
    except MetadataError:
        return
    after = metadata.to_dict()
    # As text: order of keys, 1 against 1.0 and -0.0 count too.
    assert json.dumps(after) == json.dumps(before)
    assert parse_metadata(after, file="x") == metadata


@settings(deadline=None, max_examples=60)
@given(documents())
def test_what_the_schema_accepts_loads(document: dict[str, Any]) -> None:
    if not list(VALID.iter_errors(document)):
        parse_metadata(document, file="x")


@settings(deadline=None, max_examples=60)
@given(documents(), st.sampled_from([2, None]), st.booleans())
def test_the_quick_way_accepts_what_the_careful_way_does(
    document: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    careful = parse_json_object(data, file="x")
    try:
        quick = scan_metadata(data, file="x")
    except MetadataError:
        with pytest.raises(MetadataError):
            parse_metadata(careful, file="x")
        return
    assert (quick.name, quick.status) == (careful.get("name"), careful.get("status"))
    if not late_problems(data, file="x"):
        assert read_scanned(data, file="x") == parse_metadata(careful, file="x")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": 1, "a": 1}', '{"a" : 1, "a": 1}',
        '{"b": {"a": 1, "a": 2}}', '{"a": 1} x', '{"a": 1}{}', '\ufeff{"a": 1}', '{"a": "\\ud800"}',
        '{"a": "\\uD800"}', "[]", "1", "", "{", '{"a": ' + "9" * 401 + "}", '{"a": ' + "[" * 65 + "]" * 65 + "}",
        '{"a": "\x01"}', '{"accuracy": {"binary_f1": 1e999}}', '{"unknown": [[1e400]]}',
    ],
)  # fmt: skip
def test_the_quick_way_refuses_what_the_careful_way_does(text: str) -> None:
    data = text.encode()
    with pytest.raises(JsonError) as careful:
        parse_json_object(data, file="x")
    if "1e" in text or "999" in text:
        # Numbers that no double holds, where discovery does not need them, come out when that is looked at.
        assert late_problems(data, file="x")
        return
    with pytest.raises(JsonError) as quick:
        scan_metadata(data, file="x")
    assert str(quick.value) == str(careful.value)


def test_a_field_of_a_wrong_type_counts_as_absent() -> None:
    value = full_metadata() | {"tags": "one", "changelog": [{"version": "1.0.0"}, {"version": 1}]}
    value["accuracy"]["binary_f1"] = "high"
    value["file_info"]["checksum"] = ["x"]
    value["monitoring"]["alert_thresholds"]["error_rate"] = "low"
    data = canonical_json(value)
    metadata, errors = read_scanned(data, file="x"), late_problems(data, file="x")
    for absent in (metadata.accuracy.binary_f1, metadata.tags, metadata.changelog, metadata.file_info.checksum):
        assert absent is None
    assert metadata.monitoring.alert_thresholds.latency_p95_ms is None
    assert metadata.accuracy.binary_recall is not None
    assert metadata.file_info.filename is not None
    assert metadata.monitoring.metrics_to_track is not None
    assert {error.field for error in errors} == {
        "accuracy.binary_f1", "tags", "changelog[1].version", "file_info.checksum",
        "monitoring.alert_thresholds.error_rate",
    }  # fmt: skip


def test_an_error_names_file_field_and_types() -> None:
    with pytest.raises(MetadataError, match=r"^x.json: accuracy.binary_f1: is a string, but should be a finite number"):
        parse_metadata({"accuracy": {"binary_f1": "high"}}, file="x.json")
    with pytest.raises(MetadataError, match=r"changelog\[1\].changes: is an array, but should be an array, each item"):
        parse_metadata({"changelog": [{}, {"changes": [1]}]}, file="x.json")


def test_auto_generation(toy: Toy) -> None:
    """Sizes, checksums and dependencies are made where they are missing."""
    value = toy.read()
    value["file_info"] = {key: value["file_info"][key] for key in ("filename", "onnx_embeddings", "tokenizer")}
    value["_kept"] = [1]
    done = complete_metadata(parse_metadata(value, file="x"), toy.models).to_dict()
    bundle = digest_file(toy.bundle, "bundle")
    assert done["file_info"]["checksum"] == f"sha256:{bundle.sha256}"
    assert done["file_info"]["size_mb"] == pytest.approx(bundle.bytes / 1e6, abs=1e-6)
    assert done["file_info"]["onnx_embeddings_checksum"] == f"sha256:{digest_file(toy.onnx, 'x').sha256}"
    assert done["requirements"]["additional_dependencies"][0] == "onnxruntime"
    assert done["_kept"] == [1]
    assert not list(VALID.iter_errors(done))


def test_auto_generation_never_overwrites(toy: Toy) -> None:
    value = toy.read()
    value["file_info"] |= {"checksum": "sha256:" + "1" * 64, "size_mb": 77.0, "onnx_embeddings_checksum": None}
    value["requirements"]["additional_dependencies"] = []
    done = complete_metadata(parse_metadata(value, file="x"), toy.models)
    assert done.file_info.checksum == "sha256:" + "1" * 64
    assert done.file_info.size_mb == 77.0
    assert done.file_info.onnx_embeddings_checksum  # null says: not known
    assert done.requirements.additional_dependencies == []


def test_auto_generation_reads_nothing_outside(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "secret.raxe").write_bytes(b"secret")
    for name in ("../secret.raxe", "../../secret.raxe", str(tmp_path / "secret.raxe"), "gone.raxe"):
        metadata = parse_metadata({"file_info": {"filename": name}}, file="x")
        assert complete_metadata(metadata, toy.models).file_info.checksum is None, name
