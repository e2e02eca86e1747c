"""Reading files once, bounded, with their digest; writing them whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from raxe_conformance.errors import MissingFileError, RaxeError

MAX_DIGEST_BYTES = 1_000_000_000  # a file of holes may claim to hold the whole disk
CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class FileDigest:
    """A file as it was read: name, size in bytes, SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


def open_regular(path: Path, what: str, within: Path | None = None) -> BinaryIO:
    """Open a regular file. A device or FIFO would block or never end, so anything else is refused.

    within: the folder that a link must not lead out of, None where any place will do. Raises MissingFileError or
    RaxeError.
    """
    # Non-blocking, so that opening a FIFO returns at once and can be refused.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    place = path
    try:
        if within is not None:
            # Links are followed here, where they can be judged, and not again while opening.
            place, flags = path.resolve(), flags | getattr(os, "O_NOFOLLOW", 0)
            if not place.is_relative_to(within.resolve()):
                raise RaxeError(f"{what} is a link out of the folder", file=path, remedy="put the file itself there")
        fd = os.open(place, flags)
    except FileNotFoundError:
        raise MissingFileError(f"{what} does not exist".lstrip(), file=path) from None
    except (OSError, ValueError, RuntimeError) as error:  # a name with a NUL; a ring of links
        reason = getattr(error, "strerror", None) or error
        raise RaxeError(
            f"{what} cannot be read: {reason}".lstrip(), file=path, remedy="check name and permissions"
        ) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RaxeError(f"{what} is not a regular file".lstrip(), file=path, remedy="replace it with one")
    return os.fdopen(fd, "rb")


def _too_large(path: Path, most: int, what: str) -> RaxeError:
    return RaxeError(
        f"{what} is larger than {most} bytes".lstrip(),
        file=path,
        remedy="replace it: a file of this kind is never that large",
    )


def is_file(path: Path) -> bool:
    """Whether a regular file is there, False also where that cannot be found out: a folder on the way that may not be
    entered, or a name that is too long, is an OSError for `Path.is_file`."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path leads out of a folder (which is resolved already) by links, or to nowhere in a ring of them."""
    try:
        return not path.resolve().is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):
        return True


def read_bounded(path: Path, most: int, *, what: str, within: Path | None = None) -> bytes:
    """The bytes of a regular file of at most `most` bytes, read once.

    within: the folder that a link must not lead out of, None where any place will do. Raises MissingFileError where
    there is none, RaxeError for anything that is not a regular file, is too large, or cannot be read.
    """
    with open_regular(path, what, within) as handle:
        # Room for the file as it is, not for the most that it may be: reading asks for all of it beforehand.
        size = os.fstat(handle.fileno()).st_size
        if size > most:
            raise _too_large(path, most, what)
        try:
            data = handle.read(size + 1)
            if len(data) > size:  # it grew while it was read
                data += handle.read(most + 1 - len(data))
        except OSError as error:
            raise RaxeError(f"{what} cannot be read: {error.strerror}", file=path) from None
    if len(data) > most:
        raise _too_large(path, most, what)
    return data


def sha256(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path, name: str, most: int = MAX_DIGEST_BYTES, *, within: Path | None = None) -> FileDigest:
    """Size and SHA-256 of a regular file, read in pieces (constant memory). Raises MissingFileError or RaxeError.

    within: the folder that a link must not lead out of, None where any place will do.
    """
    total, state = 0, hashlib.sha256()
    with open_regular(path, "", within) as handle:
        if os.fstat(handle.fileno()).st_size > most:
            raise _too_large(path, most, "")
        try:
            while piece := handle.read(1 << 20):
                total += len(piece)
                if total > most:
                    raise _too_large(path, most, "")
                state.update(piece)
        except OSError as error:
            raise RaxeError(f"cannot be read: {error.strerror}", file=path) from None
    return FileDigest(name, total, state.hexdigest())


def canonical_json(value: Any, indent: int | None = 2) -> bytes:
    """JSON as this project writes files: UTF-8, a newline at the end, order kept; `indent` None for mere data."""
    return (json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False) + "\n").encode("utf-8")


def open_new(path: Path) -> BinaryIO:
    """A file made new, to be written, with the permissions of an ordinary one. Raises FileExistsError, OSError.

    The system applies the umask; to ask for it would be to change it for all threads.
    """
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb")


def fsync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk, so that a file that was replaced stays replaced without power."""
    if os.name == "nt":  # there, a folder cannot be opened, and a rename is on the disk when it returns
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomically(path: Path, data: bytes) -> None:
    """Write aside in the same folder, then replace: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    new = open_new(aside)
    try:
        with new as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
