"""Putting a result in place: whole, or not at all and with a reason."""

from __future__ import annotations

from pathlib import Path

from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import write_atomically


def write_result(path: Path, data: bytes) -> None:
    """Write a file aside, then replace. Raises BuildError where the disk or its permissions refuse."""
    try:
        write_atomically(path, data)
    except OSError as error:
        raise BuildError(
            f"cannot be written: {error.strerror}", file=path, remedy="make room, or allow writing there"
        ) from None
