"""Putting a package into a target folder: written aside, verified, signed, tried, and only then given its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from raxe_conformance.deploy.package import MANIFEST, SIGNATURE, Package, verify_package
from raxe_conformance.deploy.signing import read_policy, require_signed, sign_package
from raxe_conformance.deploy.smoke import Decide, require_same
from raxe_conformance.deploy.state import PACKAGES
from raxe_conformance.deploy.switching import locked
from raxe_conformance.errors import DeploymentError, RaxeError
from raxe_conformance.fileio import fsync_folder, is_file, open_regular

_LOCK = ".landing.lock"
_ASIDE = ".incoming-"


def land(package: Package, target: Path, decide: Decide, sign_with: Path | None = None) -> Path:
    """The package's folder in the target, made if it is not there yet, whole and tried where it stands.

    decide: asks the variant there; it must decide the package's cases as its source did. sign_with: a private key.
    Raises DeploymentError, StateError; then nothing new is in the target. What is left by a landing that is killed, the
    next one removes.
    """
    packages = target / PACKAGES
    folder = packages / package.name
    try:
        packages.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeploymentError(f"cannot be made: {error.strerror}", file=packages) from None
    with locked(packages / _LOCK, "another deployment"):
        clean(packages)
        if folder.is_dir():
            _ready(package, folder, target, decide, sign_with)
            return folder
        aside = packages / f"{_ASIDE}{package.name}"
        try:
            write_package(package, aside)
            _ready(package, aside, target, decide, sign_with)
            aside.rename(folder)
            fsync_folder(packages)
        except BaseException as error:
            shutil.rmtree(aside, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise DeploymentError(f"cannot be written: {error.strerror}", file=aside, remedy="make room") from None
    return folder


def clean(packages: Path) -> None:
    """Remove what a deployment that was stopped has left. Whole packages stay: a state may name them."""
    for left in packages.glob(f"{_ASIDE}*"):
        shutil.rmtree(left)
    for left in packages.glob(f"*/.{SIGNATURE}.*.tmp"):
        left.unlink()


def _ready(package: Package, folder: Path, target: Path, decide: Decide, sign_with: Path | None) -> None:
    verify_package(folder, package.digest)
    if sign_with is not None and not is_file(folder / SIGNATURE):
        sign_package(folder, sign_with)
    require_signed(folder, read_policy(target))
    try:
        found = decide(folder, package.model_id, [case["text"] for case in package.cases])
    except RaxeError as error:
        raise DeploymentError(f"does not work where it was put: {error.problem}", file=folder) from None
    require_same(package.cases, found, folder)


def write_package(package: Package, aside: Path) -> None:
    """Write all members and the manifest into a new folder. Raises OSError, MissingFileError and the like."""
    members: Mapping[str, bytes | Path] = {**package.members, MANIFEST: package.manifest}
    for name, member in members.items():
        path = aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as handle:
            if isinstance(member, bytes):
                handle.write(member)
            else:
                with open_regular(member, "the file") as source:
                    shutil.copyfileobj(source, handle, 1 << 20)
            handle.flush()
            os.fsync(handle.fileno())
    for place in {aside, *(path for path in aside.rglob("*") if path.is_dir())}:
        fsync_folder(place)
