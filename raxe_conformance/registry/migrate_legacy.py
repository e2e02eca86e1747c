"""Files that have no metadata: a bundle by itself, and the folders `model_quantized_{int8,fp16}_deploy/` of old.

Discovery lists them, `migrate` moves them. Nothing here reads weights.
"""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from raxe_conformance.errors import BundleError, MissingFileError, RaxeError, RegistryError
from raxe_conformance.fileio import open_regular
from raxe_conformance.registry.bundle import FAMILIES, MANIFEST, MAX_HEAD_SETS
from raxe_conformance.registry.metadata import FileInfo, Metadata, MlConfig, Requirements
from raxe_conformance.strict_json import MAX_METADATA_BYTES, MAX_SECTIONS, parse_json_object, read_json_object

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_MOST_TEXT: Final = 200
MAX_DIRECTORY: Final = 80_000  # bytes of a bundle's directory of members that are read for its manifest
_BUNDLE_VERSION = re.compile(r"raxe_model_l2_(v\d+(?:\.\d+)*)\.raxe")
_SPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_PREFERRED = ("model_quantized.onnx", "model.onnx")
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class LegacyFolder:
    """An embedding model in the old layout. `embedding_model` and `dimension` are what config.json says, if it does."""

    path: Path
    quantization: str
    onnx: Path
    tokenizer: Path
    embedding_model: str | None
    dimension: int | None

    def space(self, head_sets: Mapping[str, Any]) -> str | None:
        """Which of a bundle's head sets reads this model's vectors: by name, else by the only one of that width."""
        if self.embedding_model in head_sets:
            return self.embedding_model
        fitting = [
            name
            for name, entry in head_sets.items()
            if self.dimension is None or not isinstance(entry, dict) or entry.get("dimension") in (None, self.dimension)
        ]
        return fitting[0] if len(fitting) == 1 and self.embedding_model is None else None


def legacy_folders(root: Path, warnings: list[RaxeError]) -> list[LegacyFolder]:
    """The deploy folders in a models folder, sorted by name; what cannot be used of them goes to `warnings`."""
    found = []
    for quantization in ("fp16", "int8"):
        folder = root / f"model_quantized_{quantization}_deploy"
        try:
            if not folder.is_dir():
                continue
            if not folder.resolve().is_relative_to(root):
                raise RegistryError("is a link that leads out of the models folder", file=folder)
            found.append(_read_folder(folder, quantization))
        except RaxeError as error:
            warnings.append(error.bare())
        except OSError as error:
            warnings.append(RegistryError(f"cannot be listed: {error.strerror}", file=folder))
    return found


def _read_folder(folder: Path, quantization: str) -> LegacyFolder:
    models = {path.name: path for path in sorted(folder.glob("*.onnx")) if path.is_file() and not path.is_symlink()}
    if not models:
        raise RegistryError("holds no ONNX file", file=folder, remedy="put the exported model there, or remove it")
    name = next((name for name in _PREFERRED if name in models), next(iter(models)))
    settings = folder / "config.json"
    if settings.is_symlink():
        raise RegistryError("is a link", file=settings, remedy="put the file itself there")
    config = read_json_object(settings) if settings.exists() else {}
    width = config.get("hidden_size")
    return LegacyFolder(
        folder,
        quantization,
        models[name],
        folder / TOKENIZER,
        _embedding_model(config),
        width if isinstance(width, int) else None,
    )


def _embedding_model(config: Mapping[str, Any]) -> str | None:
    """`sentence-transformers/all-mpnet-base-v2`, or the path of a download, as the name that keys head sets."""
    for key in ("embedding_model", "_name_or_path", "model_name"):
        value = config.get(key)
        name = value.rstrip("/").rsplit("/", 1)[-1] if isinstance(value, str) else ""
        if _SPACE.fullmatch(name):
            return name
    return None


@dataclass(frozen=True)
class Inside:
    """What a bundle's manifest says, believed no further than for names: whoever loads the bundle checks it.

    problem: why the manifest could not be read, where it could not. cost: of looking, in bytes of manifest.
    """

    path: Path
    manifest: dict[str, Any]
    problem: RaxeError | None = None
    cost: int = 4 * MAX_DIRECTORY

    def shortened(self) -> Inside:
        """The same with no more than discovery needs, and of what it needs no more than a bundle that loads has."""
        kept: dict[str, Any] = {
            key: text for key in ("model_id", "bundle_version") if len(text := self.text(key) or "") <= _MOST_TEXT
        }
        kept["head_sets"] = {
            name: {key: value for key, value in entry.items() if type(value) is int}
            for name, entry in islice(self.head_sets.items(), MAX_HEAD_SETS)
            if _SPACE.fullmatch(name) and isinstance(entry, dict) and len(entry) <= _MOST_TEXT
        }
        families = self.object("capabilities").get("families")
        if isinstance(families, list) and len(families) <= len(FAMILIES):
            kept["capabilities"] = {"families": [family for family in families if family in FAMILIES]}
        return Inside(self.path, kept, self.problem, self.cost)

    def object(self, key: str) -> dict[str, Any]:
        """A field that should be an object; empty where it is none."""
        value = self.manifest.get(key)
        return value if isinstance(value, dict) else {}

    def text(self, key: str) -> str | None:
        """A field that should be a string; None where it is none, or empty."""
        value = self.manifest.get(key)
        return value if isinstance(value, str) and value else None

    @property
    def model_id(self) -> str:
        """The id of a variant that is nothing but this bundle: the declared one if it is usable, else the stem."""
        said = self.text("model_id")
        return said if said and ID.fullmatch(said) else self.path.stem

    @property
    def version(self) -> str:
        """v1.0, of the file's name or else of the bundle's version."""
        named = _BUNDLE_VERSION.fullmatch(self.path.name)
        if named:
            return named.group(1)
        numbers = re.findall(r"\d+", self.text("bundle_version") or "1.0")
        return "v" + ".".join([*numbers, "0"][:2])

    @property
    def head_sets(self) -> dict[str, Any]:
        """Head sets by embedding model; a bundle of the old form names its one model elsewhere."""
        found = self.object("head_sets")
        if found:
            return found
        old = self.object("architecture").get("embedding_model")
        name = old.rsplit("/", 1)[-1] if isinstance(old, str) else ""
        return {name: {}} if name else {}

    def metadata(self, model_id: str, space: str | None, quantization: str | None = None) -> Metadata:
        """Default metadata: experimental, and only what the manifest and the files' names say."""
        entry = self.head_sets.get(space) if space else None
        entry = entry if isinstance(entry, dict) else {}
        families = self.object("capabilities").get("families")
        runtime = None if quantization is None else "onnx" if quantization == "fp32" else f"onnx_{quantization}"

        def number(key: str) -> int | None:
            value = entry.get(key)
            return value if type(value) is int else None

        return Metadata(
            model_id=model_id,
            name=model_id,
            version=self.text("bundle_version"),
            variant=model_id.removeprefix(f"{self.version}_"),
            status="experimental",
            file_info=FileInfo(filename=self.path.name),
            requirements=Requirements(runtime=runtime),
            ml_config=MlConfig(
                embedding_model=space,
                quantization=quantization,
                embedding_dimension=number("dimension"),
                max_sequence_length=number("max_sequence_length"),
                threat_categories=[str(name) for name in families] if isinstance(families, list) else None,
            ),
        )


# What zipfile raises for archives that are none.
_UNREADABLE = (
    LookupError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, NotImplementedError,
    RuntimeError,
)  # fmt: skip


def peek(path: Path, *, within: Path | None = None) -> Inside:
    """A bundle's manifest, read without the other members. Raises MissingFileError, BundleError, JsonError, RaxeError.

    within: the folder that a link must not lead out of. Reads the end, the directory and one member, all bounded: a
    bundle may be large, and hostile.
    """
    try:
        with open_regular(path, "the bundle", within) as handle:
            directory = _directory_bytes(handle)
            if directory is None:
                raise BundleError("is no complete ZIP, or has too many members", file=path)
            with zipfile.ZipFile(handle) as archive:
                info = archive.getinfo(MANIFEST)
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    # LZMA would take as much memory as the file tells it to.
                    raise BundleError(f"is packed by method {info.compress_type}", file=path, field=MANIFEST)
                with archive.open(info) as member:
                    data = member.read(MAX_METADATA_BYTES + 1)
    except (BundleError, MissingFileError):
        raise
    except RaxeError as error:
        raise BundleError(error.problem, file=path, remedy=error.remedy) from None
    except _UNREADABLE as error:
        raise BundleError(f"has no readable {MANIFEST}: {error}", file=path) from None
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror or error}", file=path) from None
    if len(data) > MAX_METADATA_BYTES:
        raise BundleError(f"has a {MANIFEST} of more than {MAX_METADATA_BYTES} bytes", file=path)
    manifest = parse_json_object(data, file=f"{path}!{MANIFEST}", most_brackets=MAX_SECTIONS)
    # zipfile takes four times as long for a byte of its directory.
    return Inside(path, manifest, cost=4 * directory + len(data))


def _directory_bytes(handle: BinaryIO) -> int | None:
    """How long the directory at the end of a ZIP file is; None where `zipfile` would not believe that, or it is long.

    A ZIP64 record before the end names another directory, of any size, which `zipfile` makes room for.
    """
    handle.seek(max(0, handle.seek(0, os.SEEK_END) - 42))
    end = handle.read(42)
    if len(end) < 22 or end[-22:-18] != b"PK\x05\x06" or end[-42:-38] == b"PK\x06\x07":
        return None
    size: int = struct.unpack("<L", end[-10:-6])[0]
    return size if size <= MAX_DIRECTORY else None
