"""The registry without its runtime: what is there, and is it whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from raxe_conformance.errors import (
    ChecksumError,
    EmbeddingNotBuiltError,
    MissingFileError,
    RaxeError,
    UnknownModelError,
    nearest,
)
from raxe_conformance.fileio import CHECKSUM, digest_file, is_file, leads_out, read_bounded
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.discover import discover, too_long
from raxe_conformance.registry.metadata import ONNX_RUNTIMES, Metadata, Requirements
from raxe_conformance.registry.variant import Variant


class Catalog:
    """The variants of one models folder, discovered once."""

    def __init__(self, models_dir: Path | str) -> None:
        """Raises RegistryError where there is no such folder."""
        self.models_dir = Path(models_dir)
        discovery = discover(self.models_dir)
        self._discovery, self.variants = discovery, discovery.variants
        self._by_id = {variant.model_id: variant for variant in self.variants}

    @property
    def warnings(self) -> tuple[RaxeError, ...]:
        """What discovery found wrong, in all of every file."""
        return self._discovery.warnings

    @property
    def early_warnings(self) -> tuple[RaxeError, ...]:
        """What is known to be wrong without reading more of the metadata files than discovery needs."""
        return self._discovery.early_warnings

    def variant(self, model_id: str) -> Variant:
        """One variant, usable or not. Raises UnknownModelError that lists the near names."""
        found = self._by_id.get(model_id)
        if found is None:
            raise unknown_model(model_id, self._by_id, self.models_dir)
        return found


def complete_metadata(metadata: Metadata, models_dir: Path) -> Metadata:
    """Metadata with what can be generated where it is missing: sizes and checksums of those files that exist, and the
    packages that the runtime needs. What is declared stays. Raises RaxeError where a file cannot be read.
    """
    info, needs = metadata.file_info, metadata.requirements
    generated: dict[str, Any] = {}
    for name, folder, size, checksum in (
        (info.filename, "bundles", "size_mb", "checksum"),
        (info.onnx_embeddings, "embeddings", "onnx_embeddings_size_mb", "onnx_embeddings_checksum"),
        (info.tokenizer, "embeddings", None, "tokenizer_checksum"),
    ):
        fields = [field for field in (size, checksum) if field is not None and getattr(info, field) is None]
        if not fields or not name or too_long(name):
            continue
        path = models_dir / name if "/" in name else models_dir / folder / name
        if leads_out(path, models_dir.resolve()) or not is_file(path):
            continue
        digest = digest_file(path, path.name, within=models_dir)
        values = {size: round(digest.bytes / 1e6, 6), checksum: f"sha256:{digest.sha256}"}
        generated |= {field: values[field] for field in fields}
    if needs.additional_dependencies is None and needs.runtime is not None:
        needs = replace(needs, additional_dependencies=dependencies(needs))
    return replace(metadata, file_info=replace(info, **generated), requirements=needs)


def dependencies(needs: Requirements) -> list[str]:
    """The packages of a runtime, as pip takes them. A custom runtime's are not known."""
    engine, others = _PACKAGES.get(needs.runtime or "", ("", ()))
    if not engine:
        return []
    return [f"{engine}>={needs.min_runtime_version}" if needs.min_runtime_version else engine, *others]


_ONNX = ("onnxruntime", ("tokenizers", "numpy", "safetensors"))
_PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(ONNX_RUNTIMES, _ONNX),
    "openvino": ("openvino", _ONNX[1]),
    "pytorch": ("torch", ()),
    "tensorflow": ("tensorflow", ()),
}


def unknown_model(model_id: str, known: Iterable[str], models_dir: Path) -> UnknownModelError:
    """The error for an id that matches nothing: it lists what comes near, or all that is there."""
    names = sorted(known)
    near = nearest(model_id, names)
    return UnknownModelError(
        f"there is no variant {model_id!r}",
        file=models_dir,
        remedy=f"did you mean {', '.join(near)}?" if near else "the folder holds no variant at all",
    )


def _said(variant: Variant, field: str) -> RaxeError | None:
    """What discovery found wrong with a field: a name that leads out of the folder is not the lack of one."""
    return next((problem.again() for problem in variant.problems if problem.field == field), None)


def open_bundle(variant: Variant) -> Bundle:
    """The variant's bundle. Raises MissingFileError, BundleError and its kinds."""
    if variant.bundle_path is None:
        raise _said(variant, "file_info.filename") or MissingFileError(
            "names no bundle", file=variant.metadata_path, field="file_info.filename", remedy="name the .raxe file"
        )
    return Bundle(variant.bundle_path, within=variant.models_dir)


def read_part(variant: Variant, role: str, most: int) -> bytes:
    """The bytes of the embedding model ("embeddings") or its tokenizer ("tokenizer").

    Raises EmbeddingNotBuiltError with the command that builds it where it is missing.
    """
    path = variant.files().get(role)
    if path is None:
        field = "file_info.onnx_embeddings" if role == "embeddings" else f"file_info.{role}"
        raise _said(variant, field) or MissingFileError(
            f"names no {role} file", file=variant.metadata_path, field="ml_config.embedding_model",
            remedy="name the embedding model and its quantization",
        )  # fmt: skip
    try:
        return read_bounded(path, most, what=f"the {role} file", within=variant.models_dir)
    except MissingFileError:
        raise EmbeddingNotBuiltError(
            f"the {role} file does not exist", file=path, remedy=f"run: raxe-conformance build {variant.model_id}"
        ) from None


def checksum_problem(data_sha256: str, declared: str | None, file: Path, field: str) -> RaxeError | None:
    """What is wrong with a declared "sha256:…" against the digest of the bytes, or None. Undeclared is not wrong."""
    if declared is None:
        return None
    if not CHECKSUM.fullmatch(declared):
        return ChecksumError(f"is {declared!r}, but should be sha256:<64 hex digits>", file=file, field=field)
    if declared.removeprefix("sha256:") != data_sha256:
        return ChecksumError(
            f"the file's SHA-256 is {data_sha256[:12]}…, but should be {declared[7:19]}…",
            file=file,
            field=field,
            remedy="fetch or build the file again; change the checksum only if you meant to change the file",
        )
    return None


def require_checksum(digest: str, declared: str | None, file: Path, field: str) -> None:
    """Raise ChecksumError where a file's SHA-256 is not the declared one."""
    problem = checksum_problem(digest, declared, file, field)
    if problem is not None:
        raise problem
