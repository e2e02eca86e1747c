"""Files of a report, each written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from raxe_conformance.errors import ReportError
from raxe_conformance.fileio import write_atomically


def write_whole(path: Path, data: bytes, *, remedy: str = "name a writable folder") -> Path:
    """Write a file aside, then replace. Raises ReportError, with the remedy, where it cannot be written."""
    try:
        write_atomically(path, data)
    except OSError as refused:
        raise ReportError(f"cannot be written: {os.strerror(refused.errno or 0)}", file=path, remedy=remedy) from None
    return path
