"""Fixtures shared by all tests of this project's own code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meta_tests.support.toy import Toy, make_toy

pytest_plugins = ("pytester",)


@pytest.fixture(scope="session")
def pristine_toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The toy variant, made once; nobody may change it."""
    return make_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def toy(pristine_toy: Toy, tmp_path: Path) -> Toy:
    """A copy of the toy variant that a test may break."""
    copy = Toy(tmp_path / "models", tmp_path / "benchmark.jsonl")
    shutil.copytree(pristine_toy.models, copy.models)
    shutil.copy(pristine_toy.benchmark, copy.benchmark)
    return copy
