"""A .raxe bundle: manifest, head sets keyed by embedding model, triggers, and checksums over every member.

Heads are plain arrays in safetensors files. Reading a bundle executes nothing; see docs/bundle.md for the format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import BundleError, ChecksumError, HeadSetError, RaxeError, one_line
from raxe_conformance.fileio import sha256
from raxe_conformance.headset import HeadSet, WindowSelector
from raxe_conformance.registry import selector as selectors
from raxe_conformance.registry.archive import MAX_MEMBERS, Archive
from raxe_conformance.registry.arrays import load_arrays
from raxe_conformance.strict_json import MAX_METADATA_BYTES, MAX_SECTIONS, parse_json_object

MANIFEST = "manifest.json"
SUPPORTED_SCHEMAS = ("2.0.0", selectors.SINCE)
FAMILIES = ("PI", "JB", "CMD", "PII", "ENC", "RAG")
MAX_LENGTH = 8_192  # tokens of one window; the runtime checks a model for every length up to it
MAX_JSON_BYTES = 8_000_000
MAX_HEADS_BYTES = 32_000_000
MAX_HEAD_SETS = 64
POOLINGS, NORMALIZATIONS = ("mean",), ("l2",)
_MAX_LOGIT = 1e30
_HEX = re.compile(r"[0-9a-f]{64}")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True)
class Manifest:
    """manifest.json, typed. `head_sets` maps an embedding model's name to its entry."""

    bundle_version: str
    schema_version: str
    model_id: str
    created_at: str
    families: tuple[str, ...]
    subfamilies: dict[str, tuple[str, ...]]
    checksums: dict[str, str]
    head_sets: dict[str, dict[str, Any]]
    raw: dict[str, Any] = field(repr=False)


class Bundle:
    """An opened bundle. Every member handed out has had its declared checksum verified."""

    def __init__(self, path: Path, *, within: Path | None = None) -> None:
        """Open and check the structure. within: the folder that a link must not lead out of.

        Raises BundleError and its kinds, MissingFileError.
        """
        self.path = path
        self._archive = Archive(path, within=within)
        self.size, self.sha256 = self._archive.size, self._archive.sha256
        self.names = self._archive.names
        if MANIFEST not in self.names:
            raise BundleError("has no manifest.json", file=path, remedy="pack it with `raxe-conformance bundle pack`")
        self.manifest = self._parse_manifest()

    def member(self, name: str, most: int | None = None) -> bytes:
        """A member's bytes. Raises ChecksumError where they are not what the manifest declares, BundleError where they
        are more than `most`."""
        data = self._archive.read(name, most)
        if name == MANIFEST:
            return data
        declared = self.manifest.checksums.get(name)
        if declared is None:
            raise ChecksumError("the member has no checksum in manifest.json", file=self.path, field=name)
        if sha256(data) != declared:
            raise ChecksumError(
                f"the member's SHA-256 is {sha256(data)[:12]}…, but should be {declared[:12]}…",
                file=self.path, field=name, remedy="fetch the bundle again: it was altered or damaged",
            )  # fmt: skip
        return data

    def json(self, name: str) -> dict[str, Any]:
        """A JSON member as an object."""
        return parse_json_object(self.member(name, MAX_JSON_BYTES), file=f"{self.path}!{name}")

    def verify(self) -> None:
        """Read and check every member. Raises the first of `problems`."""
        for problem in self.problems():
            raise problem

    def problems(self) -> list[RaxeError]:
        """Everything that is wrong with the members: checksums, members missing or undeclared, unreadable heads."""
        found: list[RaxeError] = []
        for name in sorted({*self.names, *self.manifest.checksums} - {MANIFEST}):
            try:
                self.member(name)
            except RaxeError as error:
                found.append(error)
        broken = {error.field for error in found}
        for embedding_model, entry in self.manifest.head_sets.items():
            if isinstance(entry.get("file"), str) and entry["file"] in broken:
                continue
            try:
                self.head_set(embedding_model)
            except RaxeError as error:
                found.append(error)
        return found

    def head_set(self, embedding_model: str) -> HeadSet:
        """The heads for an embedding model. Raises HeadSetError where there are none or their shapes do not fit."""
        entry = self.manifest.head_sets.get(embedding_model)
        if entry is None:
            there = ", ".join(sorted(self.manifest.head_sets)) or "none"
            raise HeadSetError(
                f"has no head set for the embedding model {embedding_model!r} (there are: {there})",
                file=self.path, field="head_sets",
                remedy="fit heads on this embedding's vectors: a classifier does not transfer between spaces",
            )  # fmt: skip
        at = f"head_sets.{embedding_model}"

        def need(key: str, kind: type | tuple[type, ...], ok: bool = True) -> Any:
            value = entry.get(key)
            if not isinstance(value, kind) or isinstance(value, bool) or not ok:
                raise HeadSetError(
                    f"is {one_line(repr(value), 60)}, which is no usable value", file=self.path, field=f"{at}.{key}"
                )
            return value

        dimension, length = need("dimension", int), need("max_sequence_length", int)
        threshold = need("threshold", (int, float))
        if not 1 <= dimension <= 65_536 or not 3 <= length <= MAX_LENGTH or not 0.0 < threshold < 1.0:
            raise HeadSetError(
                f"dimension {str(dimension)[:20]}, max_sequence_length {str(length)[:20]} or threshold "
                f"{str(threshold)[:20]} is out of range",
                file=self.path, field=at, remedy="dimension 1–65536, max_sequence_length 3–8192, 0 < threshold < 1",
            )  # fmt: skip
        pooling = need("pooling", str, entry.get("pooling") in POOLINGS)
        normalization = need("normalization", str, entry.get("normalization") in NORMALIZATIONS)
        tokenizer = entry.get("tokenizer_sha256")
        if tokenizer is not None and (not isinstance(tokenizer, str) or not _HEX.fullmatch(tokenizer)):
            raise HeadSetError("is no SHA-256 in lower-case hex", file=self.path, field=f"{at}.tokenizer_sha256")
        pairs = tuple((f, s) for f in self.manifest.families for s in self.manifest.subfamilies.get(f, ()))
        name = need("file", str)
        layers = _read_layers(self.member(name, MAX_HEADS_BYTES), dimension, f"{self.path}!{name}")
        for head, outputs in (("binary", 1), ("family", len(self.manifest.families)), ("subfamily", len(pairs))):
            if head not in layers:
                if head != "subfamily":
                    raise HeadSetError(f"holds no {head} head", file=self.path, field=name)
                continue
            if layers[head][-1][1].shape != (outputs,):
                raise HeadSetError(
                    f"the {head} head has {layers[head][-1][1].shape[0]} outputs, but should have {outputs}",
                    file=self.path, field=name,
                )  # fmt: skip
        return HeadSet(
            embedding_model=embedding_model,
            dimension=dimension,
            threshold=float(threshold),
            pooling=pooling,
            normalization=normalization,
            max_sequence_length=length,
            tokenizer_sha256=tokenizer,
            families=self.manifest.families,
            subfamilies=pairs if "subfamily" in layers else (),
            layers=layers,
            selector=self._selector(entry, at, length - 2),
        )

    def _selector(self, entry: dict[str, Any], at: str, most_tokens: int) -> WindowSelector | None:
        found = entry.get("selector")
        if found is None:
            return None
        at = f"{at}.selector"
        if self.manifest.schema_version != selectors.SINCE:
            raise HeadSetError(
                f"stands in a bundle of schema {self.manifest.schema_version}, which knows no selectors",
                file=self.path, field=at, remedy=f"pack it as schema {selectors.SINCE}",
            )  # fmt: skip
        if not isinstance(found, dict) or not isinstance(found.get("file"), str):
            raise HeadSetError("is no object with a file", file=self.path, field=at)
        data = self.member(found["file"], selectors.MAX_SELECTOR_BYTES)
        return selectors.read_selector(found, data, most_tokens=most_tokens, file=str(self.path), field=at)

    def _parse_manifest(self) -> Manifest:
        where = f"{self.path}!{MANIFEST}"
        data = self._archive.read(MANIFEST, MAX_METADATA_BYTES)
        raw = parse_json_object(data, file=where, most_brackets=MAX_SECTIONS)

        def text(key: str) -> str:
            value = raw.get(key)
            if not isinstance(value, str) or not value:
                raise BundleError("is missing or no string", file=where, field=key)
            return value

        def mapping(value: Any, at: str) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise BundleError("is missing or no object", file=where, field=at)
            return value

        schema = text("schema_version")
        if schema not in SUPPORTED_SCHEMAS:
            raise BundleError(
                f"schema version {schema!r} is not supported (supported: {', '.join(SUPPORTED_SCHEMAS)})",
                file=where, field="schema_version", remedy="pack the bundle again in a supported version",
            )  # fmt: skip
        capabilities = mapping(raw.get("capabilities"), "capabilities")
        families = capabilities.get("families")
        if not isinstance(families, list) or not families or not set(map(str, families)) <= set(FAMILIES):
            raise BundleError(
                f"is {families!r}, but should be a list out of {', '.join(FAMILIES)}",
                file=where, field="capabilities.families",
            )  # fmt: skip
        if len(set(families)) != len(families):
            raise BundleError("names a family twice", file=where, field="capabilities.families")
        subfamilies = mapping(capabilities.get("subfamilies", {}), "capabilities.subfamilies")
        for family, names in subfamilies.items():
            if family not in families or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise BundleError(
                    "is no list of names under a declared family",
                    file=where,
                    field=f"capabilities.subfamilies.{family}",
                )
        checksums = mapping(raw.get("checksums"), "checksums")
        for name, value in checksums.items():
            if not isinstance(value, str) or not _HEX.fullmatch(value):
                raise BundleError("is no SHA-256 in lower-case hex", file=where, field=f"checksums.{name}")
        head_sets = mapping(raw.get("head_sets"), "head_sets")
        if len(checksums) > MAX_MEMBERS:
            raise BundleError(f"is about more than {MAX_MEMBERS} members", file=where, field="checksums")
        if len(head_sets) > MAX_HEAD_SETS:
            raise BundleError(f"has more than {MAX_HEAD_SETS} entries", file=where, field="head_sets")
        files: set[str] = set()
        for name, entry in head_sets.items():
            if not _SAFE_NAME.fullmatch(name):
                raise BundleError("is no usable name of an embedding model", file=where, field=f"head_sets.{name}")
            file = mapping(entry, f"head_sets.{name}").get("file")
            if isinstance(file, str):
                if file in files:
                    # Each set has a file read and checked: of one large file, that would be done again and again.
                    raise BundleError("is the file of another head set", file=where, field=f"head_sets.{name}.file")
                files.add(file)
        return Manifest(
            bundle_version=text("bundle_version"),
            schema_version=schema,
            model_id=text("model_id"),
            created_at=text("created_at"),
            families=tuple(families),
            subfamilies={k: tuple(v) for k, v in subfamilies.items()},
            checksums=checksums,
            head_sets=head_sets,
            raw=raw,
        )


def _read_layers(
    data: bytes, dimension: int, where: str
) -> dict[str, list[tuple[NDArray[np.float32], NDArray[np.float32]]]]:
    """Arrays "{head}.{i}.weight" and "{head}.{i}.bias" as layers whose shapes chain from `dimension`."""
    try:
        arrays = load_arrays(data)
    except ValueError as error:
        raise HeadSetError(f"is no readable safetensors file: {error}", file=where) from None
    layers: dict[str, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = {}
    for head in sorted({name.split(".")[0] for name in arrays}):
        width, largest = dimension, 1.0
        for index in range(sum(name.startswith(f"{head}.") for name in arrays) // 2):
            weight, bias = arrays.get(f"{head}.{index}.weight"), arrays.get(f"{head}.{index}.bias")
            if (
                weight is None
                or bias is None
                or weight.ndim != 2
                or bias.shape != (weight.shape[0],)
                or not weight.size
            ):
                raise HeadSetError("has no fitting weight and bias", file=where, field=f"{head}.{index}")
            if weight.shape[1] != width:
                raise HeadSetError(
                    f"reads vectors of width {weight.shape[1]}, but gets width {width}",
                    file=where, field=f"{head}.{index}.weight",
                )  # fmt: skip
            if weight.dtype != np.float32 or bias.dtype != np.float32:
                raise HeadSetError("is not float32", file=where, field=f"{head}.{index}")
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise HeadSetError("holds NaN or infinity", file=where, field=f"{head}.{index}")
            # No vector longer than 1 comes in, so this bounds what comes out; infinity − infinity would be NaN.
            with np.errstate(over="ignore"):
                largest = largest * float(np.linalg.norm(weight.astype(np.float64))) + float(np.linalg.norm(bias))
            if not largest < _MAX_LOGIT:
                raise HeadSetError("holds numbers too large to add up", file=where, field=f"{head}.{index}")
            layers.setdefault(head, []).append((weight, bias))
            width = weight.shape[0]
        if 2 * len(layers.get(head, ())) != sum(name.startswith(f"{head}.") for name in arrays):
            raise HeadSetError("holds arrays that are no layer", file=where, field=head)
    return layers
