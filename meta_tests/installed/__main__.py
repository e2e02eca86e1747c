"""`python -m meta_tests.installed [--python 3.12]… [--resolution highest]…`: the wheel in empty environments.

Builds sdist and wheel, installs the wheel by uv for each Python and with the lowest and the highest versions of its
dependencies that pyproject.toml admits, and gives it the commands of tour.py, from a folder somewhere else. Needs uv
and the network. Exit 1: something failed. docs/installing.md has the table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from meta_tests.installed.distributions import ROOT, build_distributions
from meta_tests.installed.tour import Place, build_steps, long_steps, make_place, quick_steps, walk

PYTHONS = ("3.11", "3.12", "3.13")
RESOLUTIONS = ("lowest-direct", "highest")
SHOWN = ("onnxruntime", "numpy", "pandas", "pytest")


def install(uv: str, environment: Path, python: str, resolution: str, wheel: Path) -> Path:
    """An environment with the wheel, its dependencies and those of the extra `build`; its Python."""
    subprocess.run([uv, "venv", "-q", "--python", python, str(environment)], check=True)
    executable = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [uv, "pip", "install", "-q", "--python", str(executable)]
    # Only what is named directly is resolved to its lowest version, so the requirements are read and not the wheel.
    requirements = ["-r", str(ROOT / "pyproject.toml"), "--extra", "build"]
    subprocess.run([*pip, "--resolution", resolution, "--no-build", *requirements], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    return executable


def versions(executable: Path) -> str:
    """The versions of some dependencies."""
    code = f"from importlib.metadata import version; print(*(f'{{n}} {{version(n)}}' for n in {SHOWN}), sep=', ')"
    return subprocess.run([str(executable), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def suites(executable: Path, place: Place) -> list[str]:
    """`pytest --pyargs` on the toy; what went wrong."""
    done = subprocess.run(
        [str(executable), "-m", "pytest", "--pyargs", "raxe_conformance.suites", *place.judging,
         f"--raxe-models={place.toy.models}"],
        cwd=place.folder, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    return [] if done.returncode == 0 else [f"pytest --pyargs: exit {done.returncode}\n{done.stdout}{done.stderr}"]


def tried(executable: Path, place: Place) -> tuple[str, list[str]]:
    """How many commands end as they should, and what the others said."""
    steps = [*quick_steps(place), *long_steps(place), *build_steps(place)]
    wrong = walk([str(executable), "-m", "raxe_conformance"], place, iter(steps), {})
    wrong += suites(executable, place)
    return f"{len(steps) + 1 - len(wrong)} of {len(steps) + 1}", wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m meta_tests.installed", description=__doc__.partition("\n")[2])
    parser.add_argument("--python", action="append", help=f"a version or a path (default: {', '.join(PYTHONS)})")
    parser.add_argument("--resolution", action="append", choices=RESOLUTIONS, help="default: both")
    options = parser.parse_args()
    uv = shutil.which("uv")
    if uv is None:
        print("uv is not installed: pip install uv", file=sys.stderr)
        return 2
    failed = False
    print("| Python | dependencies | | commands | s |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_distributions(Path(scratch, "built")).wheel
        for python in options.python or PYTHONS:
            for resolution in options.resolution or RESOLUTIONS:
                folder = Path(scratch, f"{Path(python).name}-{resolution}-{monotonic()}")
                executable = install(uv, folder / "environment", python, resolution, wheel)
                started = monotonic()
                found, wrong = tried(executable, make_place(folder / "place"))
                failed |= bool(wrong)
                seconds = monotonic() - started
                print(f"| {python} | {resolution} | {versions(executable)} | {found} | {seconds:.0f} |", flush=True)
                print(*wrong, sep="\n", end="", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
