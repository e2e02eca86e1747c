"""Discovery: metadata files first, then bundles without metadata, then the legacy places. Reads no weights.

Whatever is wrong with one variant is collected and reported; it never stops the others.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from raxe_conformance.errors import MetadataError, MissingFileError, RaxeError, RegistryError
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.metadata import FileInfo, Metadata, MlConfig, Requirements, read_metadata
from raxe_conformance.registry.variant import Origin, Variant

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_VERSION = re.compile(r"(v\d+(?:\.\d+)*)_")
_LEGACY_FOLDER = re.compile(r"model_quantized_(int8|fp16)_deploy")
_OUTSIDE = "a file name must stay inside the models folder: put the file there and name it without a path"


@dataclass(frozen=True)
class Discovery:
    """What a models folder holds: variants sorted by id, and one warning for everything that was wrong."""

    variants: tuple[Variant, ...]
    warnings: tuple[RaxeError, ...]


class _Folder:
    """Names in one sub-folder, listed once. A symlink counts only if it leads to a place inside the models folder."""

    def __init__(self, root: Path, name: str, suffix: str, warnings: list[RaxeError]) -> None:
        self.path = root / name if name else root
        self._root = root
        self.names: set[str] = set()
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    # Editors and file managers leave .swp, ~ and ._ files; a folder named x.json is no file.
                    if (
                        entry.name.endswith(suffix)
                        and not entry.name.startswith(".")
                        and self._is_file(entry, warnings)
                    ):
                        self.names.add(entry.name)
        except FileNotFoundError:
            pass
        except OSError as error:
            warnings.append(RegistryError(f"cannot be listed: {error.strerror}", file=self.path))

    def _is_file(self, entry: os.DirEntry[str], warnings: list[RaxeError]) -> bool:
        try:
            if not entry.is_symlink():
                return entry.is_file()
            if Path(entry.path).resolve().is_relative_to(self._root):
                return Path(entry.path).is_file()
        except OSError as error:
            warnings.append(RegistryError(f"cannot be looked at: {error.strerror}", file=entry.path))
            return False
        warnings.append(
            RegistryError("is a link that leads out of the models folder", file=entry.path, remedy=_OUTSIDE)
        )
        return False


def discover(models_dir: Path) -> Discovery:
    """Everything in a models folder. Raises RegistryError where there is no such folder."""
    if not models_dir.is_dir():
        raise RegistryError(
            "is no folder" if models_dir.exists() else "does not exist",
            file=models_dir,
            remedy="name the models folder with --raxe-models DIR (or as the argument of ModelRegistry)",
        )
    root = models_dir.resolve()
    warnings: list[RaxeError] = []
    metadata = _Folder(root, "metadata", ".json", warnings)
    bundles = _Folder(root, "bundles", ".raxe", warnings)
    embeddings = _Folder(root, "embeddings", "", warnings)
    found: dict[str, Variant] = {}
    for name in sorted(metadata.names):
        variant = _from_metadata(root, metadata.path / name, bundles, embeddings)
        found[variant.model_id] = variant
    used = {variant.bundle_path for variant in found.values()}
    legacy = _Folder(root, "", ".raxe", warnings)
    for folder, origin in ((bundles, Origin.BUNDLE), (legacy, Origin.LEGACY)):
        for name in sorted(folder.names):
            path = folder.path / name
            if path in used:
                continue
            try:
                variant = _from_bundle(root, path, origin, embeddings)
            except RaxeError as error:
                warnings.append(error)
                continue
            if variant.model_id in found:
                warnings.append(
                    RegistryError(
                        f"has the id {variant.model_id!r}, which another variant has already",
                        file=path,
                        remedy="give one of them another model_id",
                    )
                )
                continue
            found[variant.model_id] = variant
    for variant in found.values():
        warnings.extend(variant.problems)
    return Discovery(tuple(found[key] for key in sorted(found)), tuple(warnings))


def _from_metadata(root: Path, path: Path, bundles: _Folder, embeddings: _Folder) -> Variant:
    stem = path.stem
    problems: list[RaxeError] = []
    try:
        metadata = read_metadata(path)
    except RaxeError as error:
        problems.append(error)
        metadata = _default_metadata(stem, _bundle_by_version(stem, bundles))
    if not ID.fullmatch(stem):
        problems.append(
            MetadataError("is no usable id", file=path, field="(file name)", remedy="use letters, digits and ._+-")
        )
    bundle = _locate(root, bundles, metadata.file_info.filename, path, "file_info.filename", problems)
    if bundle is not None and not _listed(bundle, bundles):
        problems.append(
            MissingFileError(
                "the bundle does not exist", file=bundle, remedy=f"build it: raxe-conformance build {stem}"
            )
        )
    onnx = _locate(root, embeddings, _embeddings_name(metadata), path, "file_info.onnx_embeddings", problems)
    tokenizer = _locate(root, embeddings, _tokenizer_name(metadata), path, "file_info.tokenizer", problems)
    return Variant(
        model_id=stem,
        models_dir=root,
        metadata=metadata,
        origin=Origin.METADATA,
        metadata_path=path,
        bundle_path=bundle,
        embeddings_path=onnx,
        tokenizer_path=tokenizer,
        problems=tuple(problems),
    )


def _from_bundle(root: Path, path: Path, origin: Origin, embeddings: _Folder) -> Variant:
    manifest = Bundle(path).manifest
    model_id = manifest.model_id if ID.fullmatch(manifest.model_id) else path.stem
    spaces = sorted(manifest.head_sets)
    metadata = _default_metadata(model_id, path.name, spaces[0] if spaces else None)
    for space in spaces:
        for quantization in ("int8", "fp16", "fp32"):
            name = f"{space}_{quantization}.onnx"
            if name in embeddings.names:
                return Variant(
                    model_id, root, _with_embedding(metadata, space, quantization), origin, None, path,
                    embeddings.path / name, embeddings.path / f"{space}.tokenizer.json",
                )  # fmt: skip
    for folder in sorted(p for p in root.iterdir() if _LEGACY_FOLDER.fullmatch(p.name) and p.is_dir()):
        models = sorted(p for p in folder.glob("*.onnx") if p.resolve().is_relative_to(root))
        if models and spaces:
            quantization = folder.name.split("_")[2]
            return Variant(
                model_id, root, _with_embedding(metadata, spaces[0], quantization), Origin.LEGACY, None, path,
                models[0], folder / "tokenizer.json",
            )  # fmt: skip
    missing = MissingFileError("has no embedding model in the folder", file=path, remedy="add metadata that names one")
    return Variant(model_id, root, metadata, origin, None, path, problems=(missing,))


def _default_metadata(model_id: str, bundle: str | None, embedding_model: str | None = None) -> Metadata:
    return Metadata(
        model_id=model_id,
        name=model_id,
        status="experimental",
        file_info=FileInfo(filename=bundle),
        ml_config=MlConfig(embedding_model=embedding_model),
    )


def _with_embedding(metadata: Metadata, space: str, quantization: str) -> Metadata:
    runtime = "onnx" if quantization == "fp32" else f"onnx_{quantization}"
    return replace(
        metadata,
        ml_config=MlConfig(embedding_model=space, quantization=quantization),
        requirements=Requirements(runtime=runtime),
    )


def _bundle_by_version(stem: str, bundles: _Folder) -> str | None:
    """The bundle that a metadata file of this name would use, for a file that cannot be read."""
    version = _VERSION.match(stem)
    name = f"raxe_model_l2_{version.group(1)}.raxe" if version else ""
    return name if name in bundles.names else None


def _embeddings_name(metadata: Metadata) -> str | None:
    if metadata.file_info.onnx_embeddings:
        return metadata.file_info.onnx_embeddings
    config = metadata.ml_config
    if config.embedding_model and config.quantization:
        return f"{config.embedding_model}_{config.quantization}.onnx"
    return None


def _tokenizer_name(metadata: Metadata) -> str | None:
    if metadata.file_info.tokenizer:
        return metadata.file_info.tokenizer
    return f"{metadata.ml_config.embedding_model}.tokenizer.json" if metadata.ml_config.embedding_model else None


def _listed(path: Path, folder: _Folder) -> bool:
    return path.name in folder.names if path.parent == folder.path else path.is_file()


def _locate(
    root: Path, folder: _Folder, name: str | None, file: Path, at: str, problems: list[RaxeError]
) -> Path | None:
    """Where a named file should be: in its folder, or at a path from the models folder, never outside it."""
    if name is None:
        if at == "file_info.filename":
            problems.append(MissingFileError("names no bundle", file=file, field=at, remedy="name the .raxe file"))
        return None
    if name in folder.names:
        return folder.path / name
    parts = name.split("/")
    if "\\" in name or ":" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
        problems.append(MetadataError(f"is {name!r}, which leads elsewhere", file=file, field=at, remedy=_OUTSIDE))
        return None
    path = folder.path / name if len(parts) == 1 else root / name
    if not path.resolve().is_relative_to(root):
        problems.append(MetadataError(f"is {name!r}, a link out of the folder", file=file, field=at, remedy=_OUTSIDE))
        return None
    return path
