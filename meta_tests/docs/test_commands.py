"""Every command and all code in README and docs is run, or says why not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meta_tests.docs.pages import PAGES, Block, blocks
from meta_tests.docs.place import make_place
from meta_tests.support.toy import Toy

# Why commands of a page are not run, where the page does not say it itself: page → (beginning of a command, reason).
NOT_RUN = {
    "README.md": (
        ("python3 -m venv", "CI sets itself up by these two lines"),
        ("raxe-conformance deploy", "needs a target folder; meta_tests/deploy has the tests"),
        ("raxe-conformance serve", "serves until it is ended; meta_tests/serving has the tests"),
        ("raxe-conformance build", "reads the network and the corpora; meta_tests/build does it with a small encoder"),
    ),
    "backends.md": (("", "measures real models; meta_tests/runtime has the tests"),),
    "deploying.md": (("", "needs a target folder; meta_tests/deploy has the tests"),),
    "hostile.md": (("", "these are meta_tests themselves"),),
    "mutation_testing.md": (("", "minutes, in a clone; meta_tests/test_mutation_testing.py has the tests"),),
    "runbook.md": (("", "needs a target folder; meta_tests/deploy and meta_tests/serving have the tests"),),
    "serving.md": (("", "serves until it is ended; meta_tests/serving has the tests"),),
    "verdicts.md": (
        ("raxe-conformance export --model all-MiniLM", "reads the network"),
        ("pytest", "takes minutes; meta_tests/plugin/test_thorough.py does it on the toy"),
        ("raxe-conformance check --model", "takes minutes; meta_tests/plugin/test_thorough.py does it on the toy"),
    ),
}
# What stands for something of the reader's own, or takes long: page → (as written, as run).
SUBSTITUTIONS = {
    "profiles.md": (("/ID.", "/v1.0_minilm_l6_int8."),),
    "reading.md": (("/ID.", "/v1.0_minilm_l6_int8."), ("-m latency", "-m size")),
    "comparing.md": (("--update-metadata", "--update-metadata --test-data benchmark.jsonl --iterations 1"),),
    "README.md": (
        (" DIR", " models"), ("/ID.", "/v1.0_minilm_l6_int8."), (" ID ", " v1.0_minilm_l6_int8 "),
        ("strict.toml", "patient.toml"), ("-m latency", "-m size"),
        ("pytest ", "pytest --pyargs raxe_conformance.suites --raxe-models=models "),
    ),
}  # fmt: skip
# What a command may end with; 0 where nothing is said. 1 and 3 are verdicts.
ENDS = (
    (r"raxe-conformance (check|judge|compare)\b", {0, 1, 3}),
    (r"pytest\b", {0, 1}),
    (r"raxe-conformance doctor\b", {0, 3}),
    (r"python gate\.py", {0, 1}),
)
# Pages whose blocks are files of a checkout; another test applies them.
APPLIED_ELSEWHERE = {"adding_a_check.md"}
SHOWN = [page for page in PAGES if page.name not in APPLIED_ELSEWHERE]


def reason(page: Path, block: Block, command: str) -> str | None:
    """Why a command is not run; None where it is."""
    if block.reason is not None:
        return block.reason
    return next((why for start, why in NOT_RUN.get(page.name, ()) if command.startswith(start)), None)


def as_run(page: Path, command: str) -> str:
    for written, run in SUBSTITUTIONS.get(page.name, ()):
        command = command.replace(written, run)
    return command


def may_end_with(command: str) -> set[int]:
    return next((codes for pattern, codes in ENDS if re.match(pattern, command)), {0})


def run(command: list[str], folder: Path, environ: dict[str, str], codes: set[int]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, encoding="utf-8", timeout=900, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode in codes, f"{command[-1]}: exit {done.returncode}\n{said}"
    assert "Traceback" not in said, f"{command[-1]}\n{said}"


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_every_command_of_a_page_works(page: Path, tmp_path: Path, pristine_toy: Toy) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    parts = [
        (block, command)
        for block in blocks(page)
        for command in (block.commands if block.language == "sh" else [block.text])
        if block.language == "python" or reason(page, block, command) is None
    ]
    if not parts:
        pytest.skip("nothing on this page is run")
    groups = "registry" if page.name == "registries.md" else "size or integrity"
    environ = make_place(tmp_path / "place", pristine_toy, groups)
    for block, command in parts:
        if block.file is not None:
            compile(command, block.file, "exec")
            (tmp_path / "place" / block.file).write_text(command, encoding="utf-8")
        elif block.language == "python":
            run([sys.executable, "-c", command], tmp_path / "place", environ, {0})
        else:
            command = as_run(page, command)
            run([bash, "-c", command], tmp_path / "place", environ, may_end_with(command))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reason_is_given_for_something(page: Path) -> None:
    commands = [command for block in blocks(page) if block.language == "sh" for command in block.commands]
    for start, _ in NOT_RUN.get(page.name, ()):
        assert any(command.startswith(start) for command in commands), start
