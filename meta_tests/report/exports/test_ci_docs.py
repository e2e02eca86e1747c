"""The examples of docs/ci.md: their YAML holds to its schemas, and their commands do what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from meta_tests.support.toy import MODEL_ID, Toy

PAGE = Path(__file__).parents[3] / "docs" / "ci.md"
BLOCKS = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
EXAMPLES: dict[str, Any] = {name: yaml.safe_load(text) for name, text in BLOCKS}
GITHUB, GITLAB, PRE_COMMIT = ".github/workflows/conformance.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml"


def github_command() -> str:
    steps = EXAMPLES[GITHUB]["jobs"]["judge"]["steps"]
    return next(step["run"] for step in steps if step.get("name") == "Judge")


def gitlab_command() -> str:
    return next(line for line in EXAMPLES[GITLAB]["conformance"]["script"] if "check" in line)


def pre_commit_command() -> str:
    return EXAMPLES[PRE_COMMIT]["repos"][0]["hooks"][0]["entry"]


def run(command: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command line as a shell of CI runs it, in `folder`, with the Python of these tests."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "PYTEST_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=folder, env={**own, "PATH": path, **environ}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip


def test_the_page_has_three_examples() -> None:
    assert set(EXAMPLES) == {GITHUB, GITLAB, PRE_COMMIT}


@pytest.mark.parametrize(("name", "schema"), [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")])
def test_an_example_holds_to_its_schema(name: str, schema: str, tmp_path: Path) -> None:
    file = tmp_path / "example.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    file.write_text(dict(BLOCKS)[name], encoding="utf-8")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    # What is no workflow or job is refused, so the schema was looked at.
    file.write_text("jobs: 5\nimage: {name: 7}\n", encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def few(command: str, toy: Toy) -> str:
    """`check` on a few checks and the toy's rows: the command is what is tried here, not the suites."""
    assert command.count(" -- ") == 1
    return command.replace(" -- ", f" -- -m size --raxe-benchmark={toy.benchmark} ")


@pytest.mark.parametrize("command", [github_command, gitlab_command])
def test_a_job_leaves_what_it_keeps(command: Any, toy: Toy, tmp_path: Path) -> None:
    result = run(few(command(), toy), tmp_path, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    # A part of the catalogue cannot be decided: GitHub's line lets 3 pass itself, GitLab's job by `allow_failure`.
    assert result.returncode == (0 if command is github_command else 3), result.stdout
    assert EXAMPLES[GITLAB]["conformance"]["allow_failure"]["exit_codes"] == [3]
    for name in (f"reports/{MODEL_ID}.sarif", f"reports/{MODEL_ID}.cdx.json", "junit.xml", "summary.md"):
        assert (tmp_path / name).is_file(), name


@pytest.mark.parametrize("command", [github_command, gitlab_command])
def test_a_job_fails_where_a_must_fails(command: Any, toy: Toy, tmp_path: Path) -> None:
    toy.write({**toy.read(), "model_id": "other"})
    assert run(few(command(), toy).replace("-m size", "-m schema"), tmp_path).returncode == 1


def test_the_hook_passes_what_holds_and_stops_what_does_not(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert run(pre_commit_command(), tmp_path).returncode == 0
    assert (tmp_path / ".git" / "raxe-reports" / f"{MODEL_ID}.json").is_file()
    assert not (tmp_path / "reports").exists()
    toy.write({**toy.read(), "model_id": "other"})
    result = run(pre_commit_command(), tmp_path)
    assert result.returncode == 1
    assert "SCH-002 MUST FAIL" in result.stdout
