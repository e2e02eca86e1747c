"""Imports follow the way of the data: discover → measure → judge → report."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

import raxe_conformance

PACKAGE = Path(raxe_conformance.__file__).parent
BASE = {"errors", "fileio", "strict_json", "headset", "packaged", "groups", "schemas", "__init__"}
# folder or module → what it may import besides BASE and itself
ALLOWED: dict[str, set[str]] = {
    **{name: set() for name in BASE},
    "registry": set(),
    "runtime": set(),
    "model_registry": {"registry", "runtime"},
    "corpus": set(),
    "target": {"registry", "model_registry"},
    "measure": {"registry", "corpus", "target"},
    "checks": {"measure"},
    "verdict": {"checks", "measure"},
    "report": {"checks", "corpus", "measure", "verdict"},
    "build": {"corpus", "registry", "runtime"},
    "deploy": {"checks", "measure", "registry", "report", "verdict"},
    "serving": {"registry", "runtime", "model_registry", "deploy", "checks", "measure", "verdict"},
    "options": set(),
    "evidence_store": {"measure"},
    "measurements": {"options", "corpus", "deploy", "measure", "target"},
    "session": {
        "options", "evidence_store", "measurements", "target", "corpus", "measure", "checks", "verdict", "report",
    },
    "conductor": {"options", "session", "checks", "measure", "verdict", "report"},
    "plugin": {"options", "conductor"},
    "profiles": set(),
    "templates": set(),
}  # fmt: skip
# The command line may call anything; nothing may call it but __main__.
TOP = {"cli", "__main__"}


def imports(path: Path) -> set[str]:
    """Parts of the package that a module imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "raxe_conformance" and len(parts) > 1 and not parts[1].startswith("__version"):
                found.add(parts[1])
    return found


def part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if part(p) not in TOP)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_what_comes_before_it(path: Path) -> None:
    own = part(path)
    # __init__ offers the public names lazily; it knows where they live and nothing else.
    allowed = ALLOWED[own] | BASE | {own} if own != "__init__" else {"errors", "registry", "runtime", "model_registry"}
    assert imports(path) <= allowed


def test_judging_touches_no_clock_file_or_machine() -> None:
    for path in (PACKAGE / "verdict").glob("*.py"):
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert not names & {"open", "perf_counter", "time", "os"}, path.name


def test_heavy_packages_are_imported_where_they_are_used() -> None:
    heavy = {
        "onnxruntime",
        "openvino",
        "pandas",
        "onnx",
        "sklearn",
        "torch",
        "jsonschema",
        "tokenizers",
        "rich",
        "cpuinfo",
        "psutil",
    }
    # A torch module is a subclass of torch's own; nobody imports these two before a training begins.
    training = {PACKAGE / "build" / "finetune" / name for name in ("network.py", "loop.py")}
    for path in set(PACKAGE.rglob("*.py")) - training:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & heavy, path


def test_no_folder_of_tests_is_passed_over(pytestconfig: pytest.Config) -> None:
    folders = {path.parent for path in Path(__file__).parent.rglob("test_*.py")}
    names = {part for folder in folders for part in folder.relative_to(Path(__file__).parent).parts}
    assert "build" in names
    passed_over = pytestconfig.getini("norecursedirs")
    assert [name for name in sorted(names) if any(fnmatch(name, pattern) for pattern in passed_over)] == []
