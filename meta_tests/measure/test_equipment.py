"""What is installed, and that doctor knows every extra."""

from __future__ import annotations

import tomllib
from pathlib import Path

from raxe_conformance.measure.equipment import DEVELOPERS_EXTRAS, EXTRAS, essentials, missing_requirements, parts

DECLARED = (
    "numpy>=2.0",
    'tomli>=1.0; python_version < "3.0"',
    'onnx>=1.18; extra == "build"',
    'raxe-conformance[build]; extra == "train"',
    'torch>=2.4; extra == "train"',
)


def missing(extra: str | None, **there: str) -> tuple[str, ...]:
    return missing_requirements(extra, DECLARED, there.get)


def test_what_is_not_installed_or_too_old_is_missing() -> None:
    assert missing(None) == ("numpy",)
    assert missing(None, numpy="1.26.4") == ("numpy 1.26.4 (>=2.0)",)
    assert missing(None, numpy="2.0") == ()


def test_an_extra_is_what_it_adds() -> None:
    assert missing("build") == ("onnx",)
    assert missing("build", onnx="1.18.0") == ()
    assert missing("train") == ("onnx", "torch")
    assert missing("train", onnx="1.18.0", torch="2.3.0") == ("torch 2.3.0 (>=2.4)",)


def test_every_extra_is_named() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(project["optional-dependencies"]) == sorted((*EXTRAS, *DEVELOPERS_EXTRAS))


def test_this_environment_has_what_is_essential() -> None:
    assert essentials() == ()
    found = {part.name: part for part in parts()}
    assert found["build"].remedy == "pip install 'raxe-conformance[build]'"
