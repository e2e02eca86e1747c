"""Metadata of every field, folders of many variants, and commands run in this process."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from raxe_conformance.fileio import canonical_json
from raxe_conformance.schemas import METADATA, shipped_schema

DIGEST = "sha256:" + "0" * 64


def full_metadata(model_id: str = "v1.0_full_int8") -> dict[str, Any]:
    """A metadata file with every field of the schema, valid."""
    value: dict[str, Any] = _example(shipped_schema(METADATA), "")
    value |= {"model_id": model_id, "variant": model_id.partition("_")[2], "status": "active"}
    return value


_EXAMPLES: dict[str, Any] = {
    "schema_version": "2.0.0",
    "version": "1.0.0",
    "bundle_schema_version": "2.0.0",
    "date": "2026-01-01",
    "test_set_date": "2026-01-01",
    "training_date": "2026-01-01",
    "deployed_at": "2026-01-01T10:00:00Z",
    "filename": "raxe_model_l2_v1.0.raxe",
    "onnx_embeddings": "space_int8.onnx",
    "tokenizer": "space.tokenizer.json",
    "embedding_model": "space",
    "quantization": "int8",
    "runtime": "onnx_int8",
    "breaking_changes": [],
    "dashboard_url": "https://example.org/dashboard",
}


def _example(schema: dict[str, Any], name: str) -> Any:
    if name in _EXAMPLES:
        return copy.deepcopy(_EXAMPLES[name])
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "object":
        if "properties" in schema:
            return {key: _example(inner, key) for key, inner in schema["properties"].items()}
        counted = schema.get("additionalProperties", {}).get("type") == "integer"
        return {"BENIGN": 1000, "PI": 200} if counted else {"solver": "lbfgs", "c": 1.0, "note": "some words"}
    if kind == "array":
        items = schema.get("items", {})
        return [_example(items, "item")] if items.get("type") == "object" else [_example(items, "item")] * 2
    if kind == "boolean":
        return False
    if kind in ("number", "integer"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return low + 1 if kind == "integer" else round(low + 0.957, 3)
    return DIGEST if "checksum" in name else "some words of ordinary length"


def write_metadata(models: Path, value: dict[str, Any], name: str | None = None) -> Path:
    """Write metadata/{name or model_id}.json."""
    path = models / "metadata" / f"{name or value['model_id']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(canonical_json(value))
    return path


def write_many(models: Path, count: int) -> None:
    """A models folder of `count` full metadata files that share a bundle. Its files hold no model."""
    for folder, name in (
        ("bundles", "raxe_model_l2_v1.0.raxe"),
        ("embeddings", "space_int8.onnx"),
        ("embeddings", "space.tokenizer.json"),
    ):
        (models / folder).mkdir(parents=True, exist_ok=True)
        (models / folder / name).write_bytes(b"no model")
    value = full_metadata()
    for number in range(count):
        model_id = f"v1.0_variant{number:05d}_int8"
        write_metadata(models, value | {"model_id": model_id, "variant": model_id.partition("_")[2]})


@contextmanager
def arguments(*args: object) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["raxe-conformance", *map(str, args)]
    try:
        yield
    finally:
        sys.argv = before


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    from raxe_conformance.cli.main import main

    with arguments(*args), pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err
