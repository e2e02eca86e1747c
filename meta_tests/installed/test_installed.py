"""The distributions as they are installed: what they hold, and that the commands work outside a checkout."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from meta_tests.installed.distributions import ROOT, SOURCES, Distributions, build_distributions
from meta_tests.installed.tour import Place, make_place, quick_steps, walk


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    return build_distributions(tmp_path_factory.mktemp("distributions"))


@pytest.fixture(scope="module")
def site(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel alone is installed. Its dependencies are those of this environment."""
    pytest.importorskip("pip")
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target),
         str(distributions.wheel)],
        check=True,
    )  # fmt: skip
    return target


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("elsewhere") / "place")


def of_the_tree(path: Path) -> bool:
    """Whether a path is a file, and not one that running Python or pytest left there."""
    return path.is_file() and not any(
        part == "__pycache__" or part.startswith(".") for part in path.relative_to(ROOT).parts
    )


def shipped() -> set[str]:
    """What the tree holds that runs need, by its path in the package."""
    found = set()
    for folder in ("raxe_conformance", "suites", "fixtures"):
        inside = Path(folder) if folder == "raxe_conformance" else Path("raxe_conformance", folder)
        for path in (ROOT / folder).rglob("*"):
            if of_the_tree(path):
                found.add((inside / path.relative_to(ROOT / folder)).as_posix())
    return found


def alone(site: Path, place: Place) -> dict[str, str]:
    """An environment in which only the installed package is found, and no other measurement is waited for."""
    return {"PYTHONPATH": str(site), "TMPDIR": str(place.folder)}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert sorted(shipped() - names) == []
    assert sorted(names - shipped()) == []


def test_the_sdist_holds_what_a_wheel_is_made_of(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    lacking = [
        path.relative_to(ROOT).as_posix()
        for name in SOURCES
        for path in [ROOT / name, *(ROOT / name).rglob("*")]
        if of_the_tree(path) and path.relative_to(ROOT).as_posix() not in names
    ]
    assert lacking == []


def test_the_commands_work_somewhere_else(site: Path, place: Place) -> None:
    environ = alone(site, place)
    where = subprocess.run(
        [sys.executable, "-c", "import raxe_conformance as r; print(r.__file__)"], cwd=place.folder,
        env=environ, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert Path(where.strip()).is_relative_to(site)
    assert walk([sys.executable, "-m", "raxe_conformance"], place, quick_steps(place), environ) == []


def test_the_console_script_is_installed(site: Path, place: Place) -> None:
    script = next((site / "bin").glob("raxe-conformance*"))
    said = subprocess.run(
        [str(script), "--version"], cwd=place.folder, env=alone(site, place), capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert said.startswith("raxe-conformance, version ")


def test_pytest_finds_the_packaged_suites(site: Path, place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "raxe_conformance.suites", *place.judging, "-m", "size",
         f"--raxe-models={place.toy.models}", "-p", "no:cacheprovider"],
        cwd=place.folder, env=alone(site, place), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
