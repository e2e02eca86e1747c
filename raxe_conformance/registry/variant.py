"""A variant as discovery found it: names and paths, no weights; its metadata file read no further than needed."""

from __future__ import annotations

import enum
import json
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from raxe_conformance.errors import BundleError, MetadataError, MissingFileError, RaxeError
from raxe_conformance.fileio import is_file
from raxe_conformance.registry.metadata import STATUSES, Metadata, Misfit, find_misfit
from raxe_conformance.strict_json import MAX_DEPTH, MAX_SECTIONS, parse_json_object


class Origin(enum.StrEnum):
    """What a variant was discovered by."""

    METADATA = "metadata"
    BUNDLE = "bundle"
    LEGACY = "legacy"


class Essentials(NamedTuple):
    """The fields that say what to load and how it is listed."""

    model_id: str | None
    name: str | None
    version: str | None
    variant: str | None
    status: str | None
    runtime: str | None = None
    filename: str | None = None
    onnx_embeddings: str | None = None
    tokenizer: str | None = None
    embedding_model: str | None = None
    quantization: str | None = None


MAX_MISFITS: Final = 64  # fields of a metadata file that are left out one by one
_LATE: Final = frozenset({"metadata", "metadata_path", "problems"})


@dataclass(frozen=True)
class Variant:
    """One metadata file, its bundle, its embedding model. Paths are where the files should be; they may be missing.

    `problems` is what discovery found wrong. A variant that is not `usable` is no model that a registry would offer,
    but it stays a subject for the checks: a broken file must not make its failures vanish.
    """

    model_id: str
    models_dir: Path
    metadata: Metadata = field(repr=False)
    origin: Origin
    metadata_path: Path | None = field(default_factory=lambda: None)
    bundle_path: Path | None = None
    embeddings_path: Path | None = None
    tokenizer_path: Path | None = None
    problems: tuple[RaxeError, ...] = field(default_factory=tuple)

    if not TYPE_CHECKING:  # for a type checker, these are the plain fields above

        def __getattr__(self, name: str) -> Any:
            """The fields that a scanned variant works out when they are asked for.

            They have no default in the class, so that this is called for them.
            """
            state = self.__dict__
            if name not in _LATE or "_data" not in state:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            file = state["_file"]
            if name == "metadata_path":
                value = Path(file)
            elif name == "metadata":
                value = read_scanned(state["_data"], file=file)
            else:
                value = (*state["_early"], *late_problems(state["_data"], file=file))
            return state.setdefault(name, value)

    @classmethod
    def scanned(
        cls, data: bytes, essentials: Essentials, file: str, problems: list[RaxeError], **fields: Any
    ) -> Variant:
        """A variant whose metadata file `file` holds `data`, out of which `scan_metadata` read the essentials.

        Only the bytes are kept, and what discovery does not need is looked at when it is used: a thousand files as
        objects would cost more time and memory than the rest of a registry.
        """
        found = object.__new__(cls)
        found.__dict__.update(
            fields,
            _data=data,
            _file=file,
            _early=tuple(problems),
            _usable=fields["bundle_path"] is not None and not (problems and _hopeless(problems)),
            _essentials=tuple(essentials),  # a plain tuple of strings is no work for the garbage collector
        )
        return found

    @property
    def _listed(self) -> Essentials:
        """What listing and filtering need, without typing the whole metadata."""
        known = self.__dict__.get("_essentials")
        if known is not None:
            return Essentials._make(known)
        m = self.metadata
        return Essentials(m.model_id, m.name, m.version, m.variant, m.status, m.requirements.runtime)

    @property
    def name(self) -> str:
        """The name for people; the id where none is declared."""
        return self._listed.name or self.model_id

    @property
    def version(self) -> str | None:
        """The declared version of the classifier."""
        return self._listed.version

    @property
    def runtime(self) -> str | None:
        """The declared runtime, such as onnx_int8."""
        return self._listed.runtime

    @property
    def early_problems(self) -> tuple[RaxeError, ...]:
        """`problems`, as far as they are known without reading the rest of the metadata."""
        if "problems" in self.__dict__:
            return self.problems
        found: tuple[RaxeError, ...] = self.__dict__["_early"]
        return found

    @property
    def usable(self) -> bool:
        """Whether there is a bundle to load."""
        known: bool | None = self.__dict__.get("_usable")
        if known is not None:
            return known
        return self.bundle_path is not None and not _hopeless(self.problems)

    def why_unusable(self) -> RaxeError:
        """What is wrong with the bundle of a variant that is not usable."""
        hopeless = [problem for problem in self.problems if _hopeless([problem])]
        named = [problem for problem in self.problems if problem.field == "file_info.filename"]
        return (hopeless or named or [MissingFileError("has no bundle", file=self.metadata_path)])[0].again()

    @property
    def status(self) -> str:
        """active, experimental or deprecated; an active one is experimental where something is wrong with it."""
        declared = self._listed.status
        if declared not in STATUSES:
            return "experimental"
        return "experimental" if declared == "active" and self.problems else str(declared)

    @property
    def missing(self) -> tuple[str, ...]:
        """The roles of those files that do not exist now, or that are not even named; () for a variant to load."""
        roles = {"bundle": self.bundle_path, "embeddings": self.embeddings_path, "tokenizer": self.tokenizer_path}
        return tuple(role for role, path in roles.items() if path is None or not is_file(path))

    def files(self) -> dict[str, Path]:
        """The files that ship with the variant, by role, whether or not they exist."""
        roles = {
            "metadata": self.metadata_path,
            "bundle": self.bundle_path,
            "embeddings": self.embeddings_path,
            "tokenizer": self.tokenizer_path,
        }
        return {role: path for role, path in roles.items() if path is not None}

    def relative(self, path: Path) -> str:
        """A path as reports name it: from the models folder, with forward slashes."""
        try:
            return path.relative_to(self.models_dir).as_posix()
        except ValueError:
            return path.name


def _hopeless(problems: Iterable[RaxeError]) -> bool:
    """Whether something is wrong with the bundle itself, without which nothing can be loaded."""
    return any(isinstance(problem, MissingFileError | BundleError) for problem in problems)


_TOP: Final = ("model_id", "name", "version", "variant", "status")
_INNER: Final = {
    "requirements": ("runtime",),
    "file_info": ("filename", "onnx_embeddings", "tokenizer"),
    "ml_config": ("embedding_model", "quantization"),
}
_STRINGS: Final = frozenset({str, types.NoneType})
_OBJECTS: Final = frozenset({dict, types.NoneType})


def scan_metadata(data: bytes, *, file: Path | str) -> Essentials:
    """The essentials of a metadata file. All of it is strict JSON; `late_problems` looks at the types of the rest.

    Raises JsonError, or MetadataError where an essential field has the wrong type. Quicker than `parse_json_object` for
    the files that are in order; all others go through it, so that it alone decides and words what is wrong.
    """
    value = _quick_parse(data)
    found = None if value is None else _essentials(value)
    if found is None:
        value = parse_json_object(data, file=file, most_brackets=MAX_SECTIONS)
        found = _essentials(value)
        if found is None:
            raise _essential_misfit(value).error(file)
    return found


def _essentials(value: dict[str, Any]) -> Essentials | None:
    """The essential fields, or None where one has the wrong type."""
    get = value.get
    sections = get("requirements"), get("file_info"), get("ml_config")
    if not _OBJECTS.issuperset(map(type, sections)):
        return None
    needs, info, config = [section or {} for section in sections]
    found = Essentials(
        get("model_id"), get("name"), get("version"), get("variant"), get("status"), needs.get("runtime"),
        info.get("filename"), info.get("onnx_embeddings"), info.get("tokenizer"),
        config.get("embedding_model"), config.get("quantization"),
    )  # fmt: skip
    return found if _STRINGS.issuperset(map(type, found)) else None


def _essential_misfit(value: dict[str, Any]) -> Misfit:
    """What `_essentials` did not take."""
    return find_misfit(Metadata, _essential(value)) or Misfit("(top)", "an object", "metadata")


def _essential(value: dict[str, Any]) -> dict[str, Any]:
    """The essential fields of a metadata file, and no others."""
    essential: dict[str, Any] = {key: value[key] for key in _TOP if key in value}
    for section, keys in _INNER.items():
        inner = value.get(section)
        essential[section] = {key: inner[key] for key in keys if key in inner} if isinstance(inner, dict) else inner
    return essential


def read_scanned(data: bytes, *, file: Path | str) -> Metadata:
    """Typed metadata of a file that `scan_metadata` accepts. A field of a wrong type counts as absent."""
    return Metadata.of(_settle(data, file)[0])


def late_problems(data: bytes, *, file: Path | str) -> list[MetadataError]:
    """What is wrong in the rest of a file that `scan_metadata` accepts."""
    return _settle(data, file)[1]


def _settle(data: bytes, file: Path | str) -> tuple[dict[str, Any], list[MetadataError]]:
    """What is usable of a file, and what is wrong with the rest."""
    errors: list[MetadataError] = []
    value = _quick_parse(data)
    if value is None:
        value = parse_json_object(data, file=file)
    while len(errors) < MAX_MISFITS and (misfit := find_misfit(Metadata, value)) is not None:
        errors.append(misfit.error(file))
        section, _, field = misfit.at.partition(".")
        inner = value.get(section)
        if field and isinstance(inner, dict):
            value = {**value, section: _without(inner, field.split(".")[0])}
        else:
            value = _without(value, section)
    if len(errors) == MAX_MISFITS:
        # Each look at the whole file finds one fault: as many looks as faults would take for ever.
        problem = f"has {MAX_MISFITS} faults or more: all but what says what to load counts as absent"
        errors.append(MetadataError(problem, file=file, remedy="see the schema: metadata-2.0.0.json"))
        value = _essential(value)
    return value, errors


def _without(value: dict[str, Any], field: str) -> dict[str, Any]:
    """An object without a field, which may be named with an index into it."""
    name = field if field in value else field.split("[")[0]
    return {key: item for key, item in value.items() if key != name}


def _quick_parse(data: bytes) -> dict[str, Any] | None:
    """JSON that is beyond suspicion but for numbers that no double holds, which find_misfit finds; or None."""
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        return None
    if b"\\" in data and (b"\\ud" in data or b"\\uD" in data):
        return None
    try:
        text = data.decode("utf-8")
        value, end = _QUICK(text, 0)
    except (ValueError, StopIteration):
        return None
    return value if type(value) is dict and not text[end:].strip(" \t\r\n") else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    raise ValueError("a key occurs twice")


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


# The scanner itself, without the decoder's look for blanks before and after.
_QUICK: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse).scan_once  # type: ignore[attr-defined]
