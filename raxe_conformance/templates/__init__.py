"""Metadata templates: what `raxe-conformance new` starts a variant from."""

from __future__ import annotations

import copy
import json
import re
from importlib.resources import files
from typing import Any, Final

from raxe_conformance.errors import UsageError

_ID = re.compile(r"v(\d+)\.(\d+)(?:\.(\d+))?_([A-Za-z0-9][A-Za-z0-9._+-]{0,100})")
DEFAULT: Final = "onnx_int8"
# What was measured on one variant, or tells what became of it, is not true of another.
_MEASURED: Final = ("accuracy", "testing", "deployment", "changelog")
_OF_ITS_FILES: Final = (
    "size_mb", "checksum", "onnx_embeddings_size_mb", "onnx_embeddings_checksum", "tokenizer_checksum",
)  # fmt: skip


def template_names() -> list[str]:
    """The names of the shipped templates, sorted."""
    return sorted(
        entry.name.removesuffix(".json") for entry in files(__name__).iterdir() if entry.name.endswith(".json")
    )


def load_template(name: str) -> dict[str, Any]:
    """A shipped template. Raises UsageError that lists the names."""
    if name not in template_names():
        raise UsageError(f"there is no template {name!r}", remedy=f"there are {', '.join(template_names())}")
    found: dict[str, Any] = json.loads(files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return found


def new_metadata(model_id: str, start: dict[str, Any]) -> dict[str, Any]:
    """Metadata for `model_id` that starts from a template or from another variant's metadata.

    Keeps unknown keys and comments. Leaves out what was measured, and the sizes and checksums of the files. Raises
    UsageError where the id does not have the form {version}_{variant}.
    """
    match = _ID.fullmatch(model_id)
    if match is None:
        raise UsageError(
            f"{model_id!r} is no usable id", remedy="write {version}_{variant}, such as v1.0_minilm_l12_int8"
        )
    major, minor, patch, variant = match.groups()
    value = copy.deepcopy(start)
    value |= {
        "schema_version": "2.0.0",
        "model_id": model_id,
        "name": f"RAXE L2 {variant}",
        "version": f"{major}.{minor}.{patch or 0}",
        "variant": variant,
        "status": "experimental",
    }
    info = {key: item for key, item in (value.get("file_info") or {}).items() if key not in _OF_ITS_FILES}
    if _version_of(start.get("model_id")) != _version_of(model_id):
        info["filename"] = f"raxe_model_l2_{_version_of(model_id)}.raxe"
    value["file_info"] = info
    performance = value.get("performance") or {}
    value["performance"] = {
        key: item for key, item in performance.items() if key == "target_latency_ms" or key.startswith("_")
    }
    for key in _MEASURED:
        value.pop(key, None)
    return value


def _version_of(model_id: Any) -> str | None:
    return model_id.partition("_")[0] if isinstance(model_id, str) else None
