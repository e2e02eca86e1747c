"""Reading files once, bounded, with their digest; writing them whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.errors import MissingFileError, RaxeError

CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class FileDigest:
    """A file as it was read: name, size in bytes, SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


def read_bounded(path: Path, most: int, *, what: str) -> bytes:
    """The bytes of a regular file of at most `most` bytes.

    Raises MissingFileError where there is none, RaxeError for anything that is not a regular file
    (a device or FIFO would block or never end), is too large, or cannot be read.
    """
    try:
        # Non-blocking, so that opening a FIFO returns at once and can be refused.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise MissingFileError(f"{what} does not exist", file=path) from None
    except OSError as error:
        raise RaxeError(f"{what} cannot be read: {error.strerror}", file=path, remedy="check permissions") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RaxeError(f"{what} is not a regular file", file=path, remedy="replace it with one")
    with os.fdopen(fd, "rb") as handle:
        try:
            data = handle.read(most + 1)
        except OSError as error:
            raise RaxeError(f"{what} cannot be read: {error.strerror}", file=path) from None
    if len(data) > most:
        raise RaxeError(
            f"{what} is larger than {most} bytes", file=path, remedy="a file of this kind is never that large"
        )
    return data


def sha256(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path, name: str) -> FileDigest:
    """Size and SHA-256 of a file, read in pieces (constant memory). Raises MissingFileError or RaxeError."""
    total, state = 0, hashlib.sha256()
    try:
        with path.open("rb") as handle:
            while piece := handle.read(1 << 20):
                total += len(piece)
                state.update(piece)
    except FileNotFoundError:
        raise MissingFileError("does not exist", file=path) from None
    except OSError as error:
        raise RaxeError(f"cannot be read: {error.strerror}", file=path) from None
    return FileDigest(name, total, state.hexdigest())


def canonical_json(value: Any) -> bytes:
    """JSON as this project writes files: UTF-8, two spaces, a newline at the end, order kept."""
    return (json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode("utf-8")


def write_atomically(path: Path, data: bytes) -> None:
    """Write aside in the same folder, then replace: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        # mkstemp makes files that only the owner can read; a result is an ordinary file.
        umask = os.umask(0)
        os.umask(umask)
        Path(aside).chmod(0o666 & ~umask)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
