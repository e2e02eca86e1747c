"""A cache whose files are named by their SHA-256, so that nothing in it can be mistaken for something else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import digest_file, sha256, write_atomically

CACHE: Final = "RAXE_CACHE"


def cache_dir() -> Path:
    """Where downloads are kept: the environment's RAXE_CACHE, else the user's cache folder."""
    if chosen := os.environ.get(CACHE):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("raxe-conformance", appauthor=False)


def cached(digest: str) -> Path | None:
    """The cached file with this SHA-256, verified now; a damaged one is removed and counts as absent."""
    path = _path(digest)
    if not path.is_file():
        return None
    if digest_file(path, path.name).sha256 != digest:
        path.unlink(missing_ok=True)
        return None
    return path


def keep(data: bytes, digest: str, *, what: str) -> Path:
    """Put bytes into the cache. Raises BuildError, and leaves nothing, where they have another SHA-256."""
    if sha256(data) != digest:
        raise BuildError(
            f"has the SHA-256 {sha256(data)[:12]}…, but should have {digest[:12]}…", file=what,
            remedy="it was altered on the way, or the recipe names another version",
        )  # fmt: skip
    path = _path(digest)
    try:
        write_atomically(path, data)
    except OSError as error:
        raise BuildError(
            f"cannot be kept: {error.strerror}", file=path.parent,
            remedy=f"make room there, or name another folder by {CACHE}",
        ) from None  # fmt: skip
    return path


def _path(digest: str) -> Path:
    return cache_dir() / "sha256" / digest[:2] / digest
