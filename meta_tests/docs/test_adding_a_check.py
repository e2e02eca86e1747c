"""docs/adding_a_check.md: its check is added to a scratch copy, exactly as the page says, and holds there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meta_tests.docs.pages import ROOT, Block, blocks
from meta_tests.installed.distributions import SOURCES, copy_sources

PAGE = ROOT / "docs" / "adding_a_check.md"


def add(block: Block, tree: Path) -> None:
    """Do what the first line of a block says: a new file, lines at the end of one, or lines in its _MODULES."""
    said, _, rest = block.text.partition("\n")
    assert block.file is not None
    path, where = tree / block.file, said.partition(", ")[2]
    if where == "at the end":
        path.write_text(path.read_text(encoding="utf-8") + "\n\n" + rest, encoding="utf-8")
    elif where == "in _MODULES":
        text = path.read_text(encoding="utf-8")
        assert "_MODULES = (\n" in text
        path.write_text(text.replace("_MODULES = (\n", f"_MODULES = (\n{rest}", 1), encoding="utf-8")
    else:
        assert not path.exists(), path
        path.write_text(rest, encoding="utf-8")


def run(command: str, tree: Path) -> str:
    """What a command of the page prints in the copy."""
    program, *args = shlex.split(command)
    start = {"python": [sys.executable], "raxe-conformance": [sys.executable, "-m", "raxe_conformance"]}[program]
    done = subprocess.run(
        [*start, *args], cwd=tree, env={"PYTHONPATH": str(tree), "TMPDIR": str(tree)}, capture_output=True, text=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with the page's check in it."""
    folder = copy_sources(tmp_path_factory.mktemp("copy") / "tree", (*SOURCES, "meta_tests", "conftest.py"))
    for block in blocks(PAGE):
        if block.language == "python":
            add(block, folder)
    return folder


def commands() -> list[str]:
    return [command for block in blocks(PAGE) if block.language == "sh" for command in block.commands]


def test_the_check_is_in_the_catalogue(tree: Path) -> None:
    _, one, page = commands()
    assert "shout_a_tag" in run(one, tree)
    assert "## NAM-001" in run(page.partition(" >")[0], tree)


def test_its_defect_trips_it_and_the_good_variant_holds_it(tree: Path) -> None:
    said = run(commands()[0], tree)
    assert re.search(r"\b3 passed", said), said


def test_the_files_are_as_this_project_writes_them(tree: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    new = [str(tree / block.file) for block in blocks(PAGE) if block.language == "python" and block.file]
    for args in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *args, "--no-cache", *new], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
