"""Which commit a folder is at."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_of(folder: Path) -> str | None:
    """The commit of the git repository that a folder is in, 12 hex digits; None where there is none, or no git."""
    try:
        found = subprocess.run(  # noqa: S603  it reads a name and runs no hook
            ["git", "-C", str(folder), "rev-parse", "--verify", "--short=12", "HEAD"],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
