"""Discovery: metadata files first, then bundles without metadata, then the legacy places. Reads no weights.

Whatever is wrong with one variant is collected and reported; it never stops the others.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from raxe_conformance.errors import BundleError, JsonError, MetadataError, MissingFileError, RaxeError, RegistryError
from raxe_conformance.fileio import is_file, leads_out, read_bounded
from raxe_conformance.registry.metadata import Metadata
from raxe_conformance.registry.migrate_legacy import ID, Inside, LegacyFolder, legacy_folders, peek
from raxe_conformance.registry.variant import Origin, Variant, scan_metadata
from raxe_conformance.strict_json import MAX_METADATA_BYTES, MAX_SECTIONS, parse_json_object

_VERSION = re.compile(r"v\d+(?:\.\d+)*(?=_)")
_QUANTIZATIONS = ("int8", "fp16", "fp32")
_OUTSIDE = "a file name must stay inside the models folder: put the file there and name it without a path"
_READ_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)
_SHOWN: Final = 4  # of many ids that are alike
MAX_NAME_BYTES: Final = 200  # reports are named by it, with more behind; a file system takes 255
MAX_PATH: Final = 1_000  # characters of a name in metadata; Unicode forms and paths take the square of them
MAX_PARTS: Final = 16  # each is looked at
MAX_PART_BYTES: Final = 255  # what a file system takes
MAX_ALL_LOOKS: Final = 40_000_000  # Inside.cost of all bundles without metadata; an ordinary one's is 7,000
MAX_ALL_METADATA_BYTES: Final = 64_000_000  # kept in memory; ten thousand files with every field take 57 MB


@dataclass(frozen=True)
class Discovery:
    """What a models folder holds: variants sorted by id, and what was wrong with no variant in particular."""

    variants: tuple[Variant, ...]
    stray: tuple[RaxeError, ...]

    @cached_property
    def warnings(self) -> tuple[RaxeError, ...]:
        """Everything that was wrong, once. Looks at all of every metadata file, which discovery itself does not."""
        return (*self.stray, *(problem for variant in self.variants for problem in variant.problems))

    @property
    def early_warnings(self) -> tuple[RaxeError, ...]:
        """What discovery itself came across."""
        return (*self.stray, *(problem for variant in self.variants for problem in variant.early_problems))


def discover(models_dir: Path) -> Discovery:
    """Everything in a models folder. Raises RegistryError where there is no such folder."""
    problem = None
    try:
        if not models_dir.is_dir():
            problem = "is no folder" if models_dir.exists() else "does not exist"
        root = models_dir.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a name with a NUL; a ring of links
        problem = f"cannot be looked at: {getattr(error, 'strerror', None) or error}"
    if problem is not None:
        remedy = (
            "name the models folder with --raxe-models DIR in pytest, else with --models-dir DIR or as the argument"
        )
        raise RegistryError(problem, file=models_dir, remedy=remedy)
    return _Scan(root).run()


class _Folder:
    """Names in one sub-folder, listed once. A link counts only if it leads to a place inside the models folder."""

    def __init__(self, root: Path, name: str, suffix: str, warnings: list[RaxeError]) -> None:
        self.path = root / name if name else root
        self.names: set[str] = set()
        self.refused: set[str] = set()  # there, but not to be opened
        self._root, self._suffix, self._warnings = root, suffix, warnings
        self._paths: dict[str, Path] = {}
        try:
            if self.path.is_symlink() and leads_out(self.path, root):
                warnings.append(_leads_out(self.path))
                return
            with os.scandir(self.path) as entries:
                self.names.update(entry.name for entry in entries if self._counts(entry))
        except FileNotFoundError:
            pass
        except OSError as error:
            warnings.append(RegistryError(f"cannot be listed: {error.strerror}", file=self.path))

    def at(self, name: str) -> Path:
        """The path of a name; made once, because many variants share a bundle."""
        found = self._paths.get(name)
        if found is None:
            found = self._paths[name] = self.path / name
        return found

    def same_name(self, name: str) -> str | None:
        """The one listed name that reads the same: Unicode has several forms for one accented letter."""
        if name.isascii():
            return None
        same = self._composed.get(unicodedata.normalize("NFC", name), [])
        return same[0] if len(same) == 1 else None

    @cached_property
    def _composed(self) -> dict[str, list[str]]:
        """Listed names by their composed form."""
        found = defaultdict(list)
        for name in sorted(self.names):
            found[unicodedata.normalize("NFC", name)].append(name)
        return dict(found)

    @cached_property
    def near(self) -> dict[str, list[str]]:
        """Listed names by what they are without case and Unicode form."""
        found = defaultdict(list)
        for name in sorted(self.names):
            found[_folded(name)].append(name)
        return dict(found)

    def _counts(self, entry: os.DirEntry[str]) -> bool:
        name = entry.name
        # Editors and file managers leave .x.swp, .#x, ._x and x~; a folder named x.json is no file.
        if name.startswith(".") or name.endswith("~"):
            self.refused.add(name)
            return False
        if not name.endswith(self._suffix):
            if name.lower().endswith(self._suffix):
                self._warn(entry, f"is not read: its name should end in {self._suffix}", "rename it")
            return False
        try:
            if len(name.encode("utf-8")) > MAX_NAME_BYTES:
                self._warn(entry, f"has a name of more than {MAX_NAME_BYTES} bytes", "rename it")
                return False
            if entry.is_symlink():
                return self._counts_link(entry)
            if not entry.is_file() and not entry.is_dir():
                self._warn(entry, "is no regular file", "remove it")
            return entry.is_file()
        except UnicodeEncodeError:
            self._warn(entry, "has a name that is not UTF-8", "rename it")
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
            self._warn(entry, f"cannot be looked at: {getattr(error, 'strerror', None) or error}", "remove it")
        return False

    def _counts_link(self, entry: os.DirEntry[str]) -> bool:
        target = Path(entry.path)
        if not target.resolve().is_relative_to(self._root):
            self._warnings.append(_leads_out(target))
            self.refused.add(entry.name)
            return False
        if not target.exists():
            self._warn(entry, "is a link to nothing", "remove it, or put the file there")
        return target.is_file()

    def _warn(self, entry: os.DirEntry[str], problem: str, remedy: str) -> None:
        self.refused.add(entry.name)
        self._warnings.append(RegistryError(problem, file=entry.path, remedy=remedy))


def too_long(name: str) -> str | None:
    """Why a name in metadata is not looked for, which would take the square of its length; None where it is."""
    if len(name) > MAX_PATH:
        return f"has {len(name)} characters, at most {MAX_PATH} are read"
    parts = name.split("/")
    if len(parts) > MAX_PARTS:
        return f"has {len(parts)} parts, at most {MAX_PARTS} are read"
    longest = max(len(part.encode("utf-8", "replace")) for part in parts)
    return f"has a part of {longest} bytes, at most {MAX_PART_BYTES} are read" if longest > MAX_PART_BYTES else None


def _leads_out(path: Path) -> RegistryError:
    return RegistryError("is a link that leads out of the models folder", file=path, remedy=_OUTSIDE)


def _folded(name: str) -> str:
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()


class _Scan:
    """One look at one models folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warnings: list[RaxeError] = []
        self.found: dict[str, Variant] = {}
        self._room, self._looks = MAX_ALL_METADATA_BYTES, MAX_ALL_LOOKS
        self._inside: dict[Path, Inside] = {}
        self.metadata = _Folder(root, "metadata", ".json", self.warnings)
        self.bundles = _Folder(root, "bundles", ".raxe", self.warnings)
        self.embeddings = _Folder(root, "embeddings", "", self.warnings)
        self.legacy = _Folder(root, "", ".raxe", self.warnings)

    def run(self) -> Discovery:
        for name in sorted(self.metadata.names):
            variant = self._from_metadata(name)
            self.found[variant.model_id] = variant
        self._mark_twins()
        orphans = self._orphans()
        served = self._from_legacy_folders(orphans)
        for inside in orphans:
            if inside.path not in served:
                self._add(self._from_bundle(inside))
        return Discovery(tuple(self.found[key] for key in sorted(self.found)), tuple(self.warnings))

    # Metadata files

    def _from_metadata(self, name: str) -> Variant:
        path, stem = f"{self.metadata.path}{os.sep}{name}", name[: -len(".json")]
        problems: list[RaxeError] = []
        if not ID.fullmatch(stem):
            remedy = "use letters, digits and ._+-"
            problems.append(MetadataError("is no usable id", file=path, field="(file name)", remedy=remedy))
        data = b""
        try:
            if self._room < 0:
                problem = f"is not read: the metadata files before it take {MAX_ALL_METADATA_BYTES} bytes"
                raise RegistryError(problem, file=path, remedy="keep models in several folders")
            data = _read(path, self.root)
            self._room -= len(data)
            known = scan_metadata(data, file=path)
        except RaxeError as error:
            problems.append(error.bare())
            return self._degraded(stem, Path(path), data, problems)
        if known.model_id is not None and known.model_id != stem:
            other = " (which is another file's)" if f"{known.model_id}.json" in self.metadata.names else ""
            problem = f"is {known.model_id!r}{other}, but should be the file's name, {stem!r}"
            problems.append(MetadataError(problem, file=path, field="model_id", remedy="rename the file or the id"))
        bundle = self._bundle_path(known.filename, path, problems)
        space, quantization = known.embedding_model, known.quantization
        onnx = known.onnx_embeddings or (f"{space}_{quantization}.onnx" if space and quantization else None)
        tokenizer = known.tokenizer or (f"{space}.tokenizer.json" if space else None)
        return Variant.scanned(
            data,
            known,
            path,
            problems,
            model_id=stem,
            models_dir=self.root,
            origin=Origin.METADATA,
            bundle_path=bundle,
            embeddings_path=self._locate(self.embeddings, onnx, path, "file_info.onnx_embeddings", problems),
            tokenizer_path=self._locate(self.embeddings, tokenizer, path, "file_info.tokenizer", problems),
        )

    def _degraded(self, stem: str, path: Path, data: bytes, problems: list[RaxeError]) -> Variant:
        """A variant whose metadata cannot be used: what its bundle says stands in for it."""
        bundle = self._guess_bundle(stem, data)
        if bundle is None:
            problems.append(MissingFileError("names no bundle", file=path, field="file_info.filename"))
            nothing = Metadata(model_id=stem, name=stem)
            return Variant(stem, self.root, nothing, Origin.METADATA, path, problems=tuple(problems))
        inside = self._peek(bundle)
        if inside.problem is not None:
            problems.append(inside.problem)
            inside = Inside(bundle, {})
        wanted = next((q for q in _QUANTIZATIONS if stem.endswith(q)), None)
        standing = self._from_bundle(inside, wanted)
        metadata = replace(standing.metadata, model_id=stem, name=stem)
        # Its missing embedding model is not what is wrong here, and would be said at load.
        return replace(
            standing, model_id=stem, metadata=metadata, origin=Origin.METADATA, metadata_path=path,
            problems=tuple(problems),
        )  # fmt: skip

    def _guess_bundle(self, stem: str, data: bytes) -> Path | None:
        """The bundle of a metadata file that breaks its schema: as it says, by its version, or the only one."""
        version = _VERSION.match(stem)
        names = [f"raxe_model_l2_{version.group()}.raxe"] if version else []
        try:
            info = parse_json_object(data, file=stem, most_brackets=MAX_SECTIONS).get("file_info")
            if isinstance(info, dict) and isinstance(info.get("filename"), str):
                names = [info["filename"]]
        except JsonError:
            pass
        if not names and len(self.bundles.names) == 1:
            names = list(self.bundles.names)
        for name in names:
            for folder in (self.bundles, self.legacy):
                if name in folder.names:
                    return folder.at(name)
        return None

    def _mark_twins(self) -> None:
        """Ids that some file systems, or readers, take for one: neither is above suspicion."""
        groups = defaultdict(list)
        for model_id in self.found:
            groups[_folded(model_id)].append(model_id)
        for ids in groups.values():
            for model_id in ids if len(ids) > 1 else ():
                variant = self.found[model_id]
                others = ", ".join([other for other in ids[:_SHOWN] if other != model_id])
                problem = RegistryError(
                    f"the id {model_id!r} differs from {others} in case or Unicode form only",
                    file=variant.metadata_path,
                    remedy="give one of them another id",
                )
                self.found[model_id] = replace(variant, problems=(*variant.problems, problem))

    # Bundles without metadata, and legacy places

    def _orphans(self) -> list[Inside]:
        used = {variant.bundle_path for variant in self.found.values()}
        found = []
        for folder in (self.bundles, self.legacy):
            for name in sorted(folder.names):
                path = folder.at(name)
                if path not in used:
                    found.append(self._peek(path))
        return found

    def _peek(self, path: Path) -> Inside:
        """What a bundle's manifest says, read once: many broken metadata files may name one bundle."""
        found = self._inside.get(path)
        if found is None:
            try:
                if self._looks < 0:
                    raise BundleError(
                        "is not looked into: the bundles before it took too long",
                        file=path, remedy="add metadata that names it",
                    )  # fmt: skip
                found = peek(path, within=self.root).shortened()
            except RaxeError as error:
                found = Inside(path, {}, error.bare())
            self._inside[path] = found
            self._looks -= found.cost
        return found

    def _from_bundle(self, inside: Inside, wanted: str | None = None) -> Variant:
        """The variant of a bundle without metadata, with an embedding model that is there and that it has heads for."""
        origin = Origin.LEGACY if inside.path.parent == self.root else Origin.BUNDLE
        model_id = inside.model_id
        if inside.problem is not None:
            return Variant(
                model_id, self.root, inside.metadata(model_id, None), origin, None, inside.path,
                problems=(inside.problem,),
            )  # fmt: skip
        for space in sorted(inside.head_sets):
            for quantization in (wanted,) if wanted else _QUANTIZATIONS:
                name = f"{space}_{quantization}.onnx"
                if name in self.embeddings.names:
                    return Variant(
                        model_id, self.root, inside.metadata(model_id, space, quantization), origin, None, inside.path,
                        self.embeddings.at(name), self.embeddings.at(f"{space}.tokenizer.json"),
                    )  # fmt: skip
        first = min(inside.head_sets, default=None)
        missing = MissingFileError(
            "has no embedding model in the folder", file=inside.path, remedy="add metadata that names one"
        )
        onnx = self.embeddings.path / f"{first}_{wanted}.onnx" if first and wanted else None
        return Variant(
            model_id, self.root, inside.metadata(model_id, first, wanted), origin, None, inside.path, onnx,
            onnx and self.embeddings.path / f"{first}.tokenizer.json", (missing,),
        )  # fmt: skip

    def _from_legacy_folders(self, orphans: list[Inside]) -> set[Path]:
        """Add a variant for each deploy folder; the bundles that serve one need no variant of their own."""
        named = {variant.embeddings_path for variant in self.found.values()}
        served: set[Path] = set()
        for folder in legacy_folders(self.root, self.warnings):
            if folder.onnx in named:
                continue
            for inside in self._serving(orphans):
                space = folder.space(inside.head_sets)
                if space is not None:
                    served.add(inside.path)
                    self._add(_from_legacy_folder(self.root, folder, inside, space))
                    break
            else:
                problem, remedy = "is an embedding model that no bundle has heads for", "put its bundle into bundles/"
                self.warnings.append(RegistryError(problem, file=folder.path, remedy=remedy))
        return served

    def _serving(self, orphans: list[Inside]) -> Iterator[Inside]:
        """Bundles that may belong to a deploy folder: those that nothing else uses, then all others."""
        yield from orphans
        known = {inside.path for inside in orphans}
        for name in sorted(self.bundles.names):
            if self.bundles.at(name) not in known:
                inside = self._peek(self.bundles.at(name))
                if inside.problem is None:  # else it is said of the variant that names it, when it is loaded
                    yield inside

    def _add(self, variant: Variant) -> None:
        if variant.model_id not in self.found:
            self.found[variant.model_id] = variant
            return
        self.warnings.append(
            RegistryError(
                f"has the id {variant.model_id!r}, which another variant has already",
                file=variant.bundle_path if variant.origin is Origin.BUNDLE else variant.embeddings_path,
                remedy="give it metadata of its own, or remove it",
            )
        )

    # Files

    def _bundle_path(self, name: str | None, file: str, problems: list[RaxeError]) -> Path | None:
        at = "file_info.filename"
        if name is None:
            problems.append(MissingFileError("names no bundle", file=file, field=at, remedy="name the .raxe file"))
            return None
        if name in self.legacy.names and name not in self.bundles.names:
            return self.legacy.at(name)
        found = self._locate(self.bundles, name, file, at, problems)
        if found is not None and not self._is_there(found):
            remedy = f"build it: raxe-conformance build {Path(file).stem}"
            problems.append(MissingFileError("the bundle does not exist", file=found, remedy=remedy))
        return found

    def _is_there(self, path: Path) -> bool:
        return path.name in self.bundles.names if path.parent == self.bundles.path else is_file(path)

    def _locate(self, folder: _Folder, name: str | None, file: str, at: str, problems: list[RaxeError]) -> Path | None:
        """Where a named file should be: in its folder, or at a path from the models folder, never outside it."""
        if name is None:
            return None
        if name in folder.names:
            return folder.at(name)
        long = too_long(name)
        if long is not None:
            problems.append(MetadataError(long, file=file, field=at, remedy="give the file a shorter name"))
            return None
        same = folder.same_name(name)
        if same is not None:
            return folder.at(same)
        parts = name.split("/")
        problem = None
        if "\\" in name or ":" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
            problem = "which leads elsewhere"
        elif len(parts) > 1:
            path = self.root / name
            if not leads_out(path, self.root):
                return path
            problem = "a link out of the folder"
        elif name in folder.refused:
            problem = "which is no file to be opened: hidden, no plain file, or a link out of the folder"
        if problem is not None:
            problems.append(MetadataError(f"is {name!r}, {problem}", file=file, field=at, remedy=_OUTSIDE))
            return None
        near = folder.near.get(_folded(name))
        if near:
            problem = f"is {name!r}, but the file is called {near[0]!r}"
            remedy = "write the name exactly: some file systems tell the two apart"
            problems.append(MetadataError(problem, file=file, field=at, remedy=remedy))
        return folder.path / name


def _from_legacy_folder(root: Path, folder: LegacyFolder, inside: Inside, space: str) -> Variant:
    model_id = f"{inside.version}_onnx_{folder.quantization}"
    return Variant(
        model_id, root, inside.metadata(model_id, space, folder.quantization), Origin.LEGACY, None, inside.path,
        folder.onnx, folder.tokenizer, () if inside.problem is None else (inside.problem,),
    )  # fmt: skip


def _read(path: str, within: Path) -> bytes:
    """What read_bounded gives, without its buffer of a megabyte for a file of some kilobytes. Raises RaxeError.

    A link, also one that was no link when the folder was listed, is left to read_bounded, which judges it.
    """
    try:
        fd = os.open(path, _READ_FLAGS)
    except OSError:
        return read_bounded(Path(path), MAX_METADATA_BYTES, what="the metadata file", within=within)
    try:
        status = os.fstat(fd)
        ordinary = stat.S_ISREG(status.st_mode) and status.st_size <= MAX_METADATA_BYTES
        data = os.read(fd, status.st_size + 1) if ordinary else b""
    except OSError:
        data = b""
    finally:
        os.close(fd)
    if data and len(data) == status.st_size:
        return data
    return read_bounded(Path(path), MAX_METADATA_BYTES, what="the metadata file", within=within)
