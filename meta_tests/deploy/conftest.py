"""Fixtures of the tests of deploying: judging the toy takes seconds, so that it is done once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meta_tests.deploy.support import Judged, calm, judged, other
from meta_tests.support.toy import make_toy
from raxe_conformance.deploy.landing import land
from raxe_conformance.deploy.package import Package, assemble


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A toy that holds every check, and the report that says so; nobody may change them."""
    folder = tmp_path_factory.mktemp("judged")
    toy = make_toy(folder)
    return Judged(toy, judged(toy, folder))


@pytest.fixture
def subject(pristine: Judged, tmp_path: Path) -> Judged:
    """A copy of the judged toy that a test may break."""
    return pristine.copied(tmp_path)


@pytest.fixture(scope="session")
def package(pristine: Judged) -> Package:
    """The toy's package."""
    return pristine.package()


@pytest.fixture(scope="session")
def package2(pristine: Judged) -> Package:
    """Another package of the same variant, as if it decided one text otherwise."""
    return assemble(pristine.toy.models, pristine.approved(), other)


@pytest.fixture(scope="session")
def landed(package: Package, package2: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target folder in which both packages stand and nothing is deployed; nobody may change it."""
    folder = tmp_path_factory.mktemp("landed") / "target"
    land(package, folder, calm)
    land(package2, folder, other)
    return folder


@pytest.fixture
def target(landed: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(landed, tmp_path / "target"))
