"""A variant as discovery found it: names and paths, no weights."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from raxe_conformance.errors import BundleError, MissingFileError, RaxeError
from raxe_conformance.fileio import is_file
from raxe_conformance.registry.metadata import STATUSES, Metadata, late_problems, read_scanned


class Origin(enum.StrEnum):
    """What a variant was discovered by."""

    METADATA = "metadata"
    BUNDLE = "bundle"
    LEGACY = "legacy"


_LATE: Final = frozenset({"metadata", "metadata_path", "problems"})


class Headline(NamedTuple):
    """What listing and filtering need of a metadata file."""

    name: str | None
    version: str | None
    variant: str | None
    status: str | None
    runtime: str | None


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
        cls, data: bytes, value: dict[str, Any], file: str, problems: list[RaxeError], **fields: Any
    ) -> Variant:
        """A variant whose metadata file `file` holds `data`, which `scan_metadata` read as `value`.

        Only the bytes are kept, and the sections that discovery does not need are looked at when they are used: a
        thousand files as objects would cost more time and memory than the rest of a registry.
        """
        found = object.__new__(cls)
        found.__dict__.update(
            fields,
            _data=data,
            _file=file,
            _early=tuple(problems),
            _usable=fields["bundle_path"] is not None and not (problems and _hopeless(problems)),
            _headline=Headline(
                value.get("name"), value.get("version"), value.get("variant"), value.get("status"),
                (value.get("requirements") or {}).get("runtime"),
            ),
        )  # fmt: skip
        return found

    @property
    def headline(self) -> Headline:
        """Name, version, variant, declared status and runtime, without typing the whole metadata."""
        found: Headline | None = self.__dict__.get("_headline")
        if found is None:
            m = self.metadata
            found = Headline(m.name, m.version, m.variant, m.status, m.requirements.runtime)
            self.__dict__["_headline"] = found
        return found

    @property
    def name(self) -> str:
        """The name for people; the id where none is declared."""
        return self.headline.name or self.model_id

    @property
    def version(self) -> str | None:
        """The declared version of the classifier."""
        return self.headline.version

    @property
    def runtime(self) -> str | None:
        """The declared runtime, such as onnx_int8."""
        return self.headline.runtime

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
        return (hopeless or named or [MissingFileError("has no bundle", file=self.metadata_path)])[0]

    @property
    def status(self) -> str:
        """active, experimental or deprecated; an active one is experimental where something is wrong with it."""
        declared = self.headline.status
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
