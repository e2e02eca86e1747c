"""The registry without its runtime: what is there, and is it whole."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from raxe_conformance.errors import (
    ChecksumError,
    EmbeddingNotBuiltError,
    MissingFileError,
    RaxeError,
    UnknownModelError,
)
from raxe_conformance.fileio import CHECKSUM, read_bounded
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.discover import discover
from raxe_conformance.registry.variant import Variant


class Catalog:
    """The variants of one models folder, discovered once."""

    def __init__(self, models_dir: Path | str) -> None:
        """Raises RegistryError where there is no such folder."""
        self.models_dir = Path(models_dir)
        discovery = discover(self.models_dir)
        self.variants = discovery.variants
        self.warnings = discovery.warnings
        self._by_id = {variant.model_id: variant for variant in self.variants}

    def variant(self, model_id: str) -> Variant:
        """One variant, usable or not. Raises UnknownModelError that lists the near names."""
        found = self._by_id.get(model_id)
        if found is None:
            raise unknown_model(model_id, self._by_id, self.models_dir)
        return found


def unknown_model(model_id: str, known: Iterable[str], models_dir: Path) -> UnknownModelError:
    """The error for an id that matches nothing: it lists what comes near, or all that is there."""
    names = sorted(known)
    near = difflib.get_close_matches(model_id, names, n=3, cutoff=0.4) or names[:5]
    return UnknownModelError(
        f"there is no variant {model_id!r}",
        file=models_dir,
        remedy=f"did you mean {', '.join(near)}?" if near else "the folder holds no variant at all",
    )


def open_bundle(variant: Variant) -> Bundle:
    """The variant's bundle. Raises MissingFileError, BundleError and its kinds."""
    if variant.bundle_path is None:
        raise MissingFileError(
            "names no bundle", file=variant.metadata_path, field="file_info.filename", remedy="name the .raxe file"
        )
    return Bundle(variant.bundle_path)


def read_part(variant: Variant, role: str, most: int) -> bytes:
    """The bytes of the embedding model ("embeddings") or its tokenizer ("tokenizer").

    Raises EmbeddingNotBuiltError with the command that builds it where it is missing.
    """
    path = variant.files().get(role)
    if path is None:
        raise MissingFileError(
            f"names no {role} file", file=variant.metadata_path, field="ml_config.embedding_model",
            remedy="name the embedding model and its quantization",
        )  # fmt: skip
    try:
        return read_bounded(path, most, what=f"the {role} file")
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
