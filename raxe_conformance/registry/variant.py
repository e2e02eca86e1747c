"""A variant as discovery found it: names and paths, no weights."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from raxe_conformance.errors import MissingFileError, RaxeError
from raxe_conformance.registry.metadata import Metadata


class Origin(enum.StrEnum):
    """What a variant was discovered by."""

    METADATA = "metadata"
    BUNDLE = "bundle"
    LEGACY = "legacy"


@dataclass(frozen=True)
class Variant:
    """One metadata file, its bundle, its embedding model. Paths are where the files should be; they may be missing.

    `problems` is what discovery found wrong. A variant that is not `usable` is no model that a registry would offer,
    but it stays a subject for the checks: a broken file must not make its failures vanish.
    """

    model_id: str
    models_dir: Path
    metadata: Metadata
    origin: Origin
    metadata_path: Path | None = None
    bundle_path: Path | None = None
    embeddings_path: Path | None = None
    tokenizer_path: Path | None = None
    problems: tuple[RaxeError, ...] = field(default=())

    @property
    def usable(self) -> bool:
        """Whether there is a bundle to load."""
        return self.bundle_path is not None and not any(isinstance(p, MissingFileError) for p in self.problems)

    @property
    def status(self) -> str:
        """active, experimental or deprecated; experimental wherever something is wrong."""
        return "experimental" if self.problems else self.metadata.effective_status

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
