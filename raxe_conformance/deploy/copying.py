"""A copy of a package at any place that fsspec reaches (extra `deploy`), verified by reading it back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from raxe_conformance.deploy.package import MANIFEST
from raxe_conformance.errors import DeploymentError, one_line
from raxe_conformance.fileio import digest_file

_PIECE = 1 << 20


def copy_package(folder: Path, url: str) -> str:
    """Copy a package, which was verified, below a URL such as s3://bucket/models; gives the copy's URL.

    The manifest comes last: a copy without one is not whole. Raises DeploymentError where the URL cannot be used or
    gives back other bytes than it was given.
    """
    place = f"{url.rstrip('/')}/{folder.name}"
    try:
        import fsspec

        system, root = fsspec.core.url_to_fs(place)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
        for path in (*files, folder / MANIFEST):
            name = path.relative_to(folder).as_posix()
            at = f"{root}/{name}"
            system.makedirs(at.rpartition("/")[0], exist_ok=True)
            system.put_file(str(path), at)
            if _sha256(system, at) != digest_file(path, name).sha256:
                raise DeploymentError("gives back other bytes than it was given", file=f"{place}/{name}")
    except DeploymentError:
        raise
    except ImportError as error:
        raise DeploymentError(
            f"cannot be reached: {error}", file=url, remedy="run: pip install 'raxe-conformance[deploy]'"
        ) from None
    except Exception as error:  # noqa: BLE001  every file system behind fsspec raises its own
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise DeploymentError(
            f"cannot be copied to: {reason}", file=url, remedy="check the URL and its access"
        ) from None
    return place


def _sha256(system: Any, at: str) -> str:
    state = hashlib.sha256()
    with system.open(at, "rb") as handle:
        while piece := handle.read(_PIECE):
            state.update(piece)
    return state.hexdigest()
