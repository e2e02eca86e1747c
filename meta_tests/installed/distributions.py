"""The wheel and the sdist of this tree, built without the network, beside the tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("raxe_conformance", "suites", "fixtures", "pyproject.toml", "README.md", "LICENSE")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")


@dataclass(frozen=True)
class Distributions:
    """The two files that are published."""

    sdist: Path
    wheel: Path


def copy_sources(folder: Path, names: tuple[str, ...] = SOURCES) -> Path:
    """A new folder with a copy of what a distribution is made of: builds leave files behind where they run."""
    folder.mkdir(parents=True)
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=_IGNORED)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build_distributions(folder: Path) -> Distributions:
    """Build the sdist from the sources and the wheel from the unpacked sdist, with the setuptools that is installed."""
    out = folder / "dist"
    out.mkdir(parents=True)
    sdist = out / _run_backend("build_sdist", copy_sources(folder / "sources"), out)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return Distributions(sdist, out / _run_backend("build_wheel", unpacked, out))


def _run_backend(hook: str, sources: Path, out: Path) -> str:
    """The name of the file that a hook of PEP 517 writes into `out`."""
    code = f"from setuptools import build_meta; print(build_meta.{hook}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[-2]
