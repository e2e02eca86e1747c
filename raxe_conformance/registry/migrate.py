"""From the legacy layout to the new one: what would be done, as steps. migrate_apply.py does it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from raxe_conformance.errors import BundleError, JsonError, RaxeError, RegistryError, UsageError, one_line
from raxe_conformance.fileio import canonical_json, digest_file, sha256
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.catalog import dependencies
from raxe_conformance.registry.metadata import SCHEMA_VERSION, Requirements
from raxe_conformance.registry.migrate_legacy import TOKENIZER, Inside, LegacyFolder, legacy_folders, peek
from raxe_conformance.strict_json import read_json_object

_SEMVER = re.compile(r"\d+\.\d+\.\d+")
MAX_NAME_BYTES: Final = 255
_TARGET_MS: Final = 3.0  # the gate; the old layout declares none


@dataclass(frozen=True)
class Move:
    """A file that gets another place. The copy is verified before the original is removed."""

    source: str
    target: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Write:
    """A metadata file that is made, or whose file names change. `replaces` is the digest of what it replaces."""

    target: str
    text: str
    replaces: str | None = None


@dataclass
class Plan:
    """What a migration does, in order, and what it leaves alone and why. Paths are relative to the models folder."""

    moves: list[Move] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.moves and not self.writes

    def lines(self) -> Iterator[str]:
        """Every step in words."""
        for move in self.moves:
            yield f"copy   {move.source} -> {move.target} ({move.bytes} bytes, sha256:{move.sha256[:12]}…)"
        for write in self.writes:
            yield f"{'write ' if write.replaces is None else 'change'} {write.target}"
        for move in self.moves:
            yield f"remove {move.source}, once its copy is verified"
        for note in self.notes:
            yield f"note   {note}"

    def as_json(self) -> dict[str, Any]:
        """The plan as a journal holds it."""
        return {"moves": [asdict(move) for move in self.moves], "writes": [asdict(write) for write in self.writes]}


def plan_migration(models_dir: Path, embedding_model: str | None = None) -> Plan:
    """Look at a models folder and say what to do; changes nothing.

    embedding_model: which model the deploy folders hold, where neither config.json nor a bundle tells. Raises
    RegistryError where there is no such folder, UsageError where a place that is needed holds something else.
    """
    if not models_dir.is_dir():
        raise RegistryError("is no folder", file=models_dir, remedy="name the models folder")
    return _Planner(models_dir.resolve(), embedding_model).plan()


class _Planner:
    def __init__(self, root: Path, embedding_model: str | None) -> None:
        self.root, self.embedding_model = root, embedding_model
        self.result = Plan()
        self._taken: dict[str, str] = {}  # target → digest, of what this plan puts there

    def plan(self) -> Plan:
        warnings: list[RaxeError] = []
        folders = legacy_folders(self.root, warnings)
        self.result.notes += [str(warning).replace(f"{self.root}/", "") for warning in warnings]
        loose = self._loose_bundles()
        bundles = [*loose, *self._bundles_in_place()]
        for inside in loose:
            self._move(inside.path, f"bundles/{inside.path.name}")
        for folder in folders:
            self._folder(folder, bundles)
        return self.result

    def _loose_bundles(self) -> list[Inside]:
        found = []
        for path in sorted(self.root.glob("*.raxe")):
            if why := _why_left(path, path.name):
                self.result.notes.append(one_line(f"{path.name} {why}: left alone"))
            else:
                found.append(self._look(path))
        return found

    def _bundles_in_place(self) -> list[Inside]:
        return [self._look(path) for path in sorted((self.root / "bundles").glob("*.raxe")) if path.is_file()]

    def _look(self, path: Path) -> Inside:
        try:
            Bundle(path)
        except RaxeError as error:
            self.result.notes.append(f"{path.name} {error.problem}; it can be moved, but not loaded as it is")
        try:
            return peek(path)
        except (BundleError, JsonError) as error:
            return Inside(path, {}, error)

    def _folder(self, folder: LegacyFolder, bundles: list[Inside]) -> None:
        name, quantization = folder.path.name, folder.quantization
        match = next(((inside, space) for inside in bundles if (space := folder.space(inside.head_sets))), None)
        space = match[1] if match else folder.embedding_model or self.embedding_model
        if space is None:
            self.result.notes.append(f"{name}: nothing says which embedding model it is; give --embedding-model NAME")
            return
        onnx = self._move(folder.onnx, f"embeddings/{space}_{quantization}.onnx")
        tokenizer = f"embeddings/{space}.tokenizer.json"
        for file in _files_below(folder.path):
            inner = file.relative_to(folder.path).as_posix()
            if why := _why_left(file, inner):
                self.result.notes.append(one_line(f"{name}/{inner} {why}: left alone"))
            elif inner == TOKENIZER:
                if self._digest_at(tokenizer) not in (None, digest_file(file, inner).sha256):
                    tokenizer = f"embeddings/{space}_{quantization}.tokenizer.json"
                self._move(file, tokenizer)
            elif file != folder.onnx:
                self._move(file, f"embeddings/{space}_{quantization}.source/{inner}")
        if not folder.tokenizer.is_file():
            self.result.notes.append(f"{name} has no {TOKENIZER}: export the model again, which writes it")
        renamed = {f"{name}/{folder.onnx.name}": onnx, f"{name}/{TOKENIZER}": tokenizer.removeprefix("embeddings/")}
        if self._rename_in_metadata(renamed, onnx):
            return
        if match is None:
            self.result.notes.append(f"{name}: no bundle has heads for {space}, so no metadata is written for it")
            return
        self._new_metadata(match[0], space, quantization, onnx, tokenizer.removeprefix("embeddings/"))

    def _rename_in_metadata(self, renamed: dict[str, str], onnx: str) -> bool:
        """Change metadata files that name files of the old places. Whether one does, or names the new place already."""
        used = False
        for path in sorted((self.root / "metadata").glob("*.json")):
            try:
                value = read_json_object(path)
            except RaxeError:
                continue  # discovery reports it; it is left alone here
            info = value.get("file_info")
            if not isinstance(info, dict):
                continue
            names = {key: info.get(key) for key in ("onnx_embeddings", "tokenizer")}
            used = used or names["onnx_embeddings"] == onnx
            changed = {key: renamed[name] for key, name in names.items() if isinstance(name, str) and name in renamed}
            if changed:
                used = True
                text = canonical_json({**value, "file_info": {**info, **changed}}).decode()
                old = digest_file(path, path.name).sha256
                self.result.writes.append(Write(f"metadata/{path.name}", text, old))
        return used

    def _new_metadata(self, inside: Inside, space: str, quantization: str, onnx: str, tokenizer: str) -> None:
        model_id = f"{inside.version}_onnx_{quantization}"
        target = f"metadata/{model_id}.json"
        if (self.root / target).exists():
            self.result.notes.append(f"{target} exists and is left alone")
            return
        declared = inside.text("bundle_version") or ""
        metadata = inside.metadata(model_id, space, quantization)
        needs = Requirements(runtime=metadata.requirements.runtime)
        digests = {move.target: move for move in self.result.moves}
        bundle = digests.get(f"bundles/{inside.path.name}")
        found = bundle or _as_move(inside.path)
        info: dict[str, Any] = {
            "filename": inside.path.name,
            "size_mb": round(found.bytes / 1e6, 6),
            "checksum": f"sha256:{found.sha256}",
        }
        for key, name in (("onnx_embeddings", onnx), ("tokenizer", tokenizer)):
            moved = digests.get(f"embeddings/{name}")
            info[key] = name
            if moved is not None:
                info |= {f"{key}_size_mb": round(moved.bytes / 1e6, 6)} if key != "tokenizer" else {}
                info[f"{key}_checksum"] = f"sha256:{moved.sha256}"
        value = {
            "_migrated": "Made by `raxe-conformance migrate`; target_latency_ms is the gate, nothing was measured.",
            "schema_version": SCHEMA_VERSION,
            **metadata.to_dict(),
            "version": declared if _SEMVER.fullmatch(declared) else f"{inside.version.removeprefix('v')}.0",
            "file_info": info,
            "performance": {"target_latency_ms": _TARGET_MS},
            "requirements": replace(needs, additional_dependencies=dependencies(needs)).to_dict(),
        }
        self.result.writes.append(Write(target, canonical_json(value).decode()))

    def _move(self, source: Path, target: str) -> str:
        """Plan a move; returns the target's file name. A place that holds the same bytes already is as good."""
        move = replace(_as_move(source), source=source.relative_to(self.root).as_posix(), target=target)
        there = self._digest_at(target)
        if there is not None and there != move.sha256:
            raise UsageError(
                f"is needed for {move.source}, but holds something else", file=self.root / target,
                remedy="rename or remove one of the two; nothing was changed",
            )  # fmt: skip
        self._taken[target] = move.sha256
        self.result.moves.append(move)
        return target.rsplit("/", 1)[-1]

    def _digest_at(self, target: str) -> str | None:
        if target in self._taken:
            return self._taken[target]
        path = self.root / target
        return digest_file(path, target).sha256 if path.exists() or path.is_symlink() else None


def _as_move(path: Path) -> Move:
    digest = digest_file(path, path.name)
    return Move(path.name, path.name, digest.bytes, digest.sha256)


def _why_left(file: Path, name: str) -> str | None:
    """Why a file is not moved, None where it is."""
    if file.is_symlink() or not file.is_file():
        return "is no regular file"
    # A journal could not hold it: bytes that are no UTF-8 are surrogates here, which are not printable.
    return None if name.isprintable() else "has a name that cannot be written down"


def _files_below(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        found += [Path(place, name) for name in names]
        found += [Path(place, name) for name in folders if Path(place, name).is_symlink()]
    return sorted(found)


def digest_of(write: Write) -> str:
    """SHA-256 of what a Write writes."""
    return sha256(write.text.encode())
