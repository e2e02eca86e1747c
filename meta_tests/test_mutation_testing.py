"""What `python -m meta_tests.mutation_testing` tells mutmut, and what it makes of its results."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from meta_tests import mutation_testing
from meta_tests.mutation_testing import (
    CHECKOUT,
    LEFT_OUT,
    VERDICT,
    own_tests,
    prepare,
    results,
    settings,
    survivors,
    table,
)

CODES = {"a__1": 1, "a__2": 0, "a__3": 33, "a__4": -24, "a__5": 3, "a__6": None}


def test_only_what_a_failing_test_or_its_time_limit_stopped_was_noticed() -> None:
    assert survivors(CODES) == ["a__2", "a__3", "a__6"]
    assert table({"one": CODES, "none": {}}).splitlines()[2:] == ["| one | 6 | 3 | 1 |", "| none | 0 | 0 | 0 |"]


def test_mutmut_is_told_what_to_change_and_which_tests_exist() -> None:
    told = tomllib.loads(settings(["judge"]))["tool"]["mutmut"]
    assert told["only_mutate"] == ["raxe_conformance/verdict/judge.py"]
    for test in LEFT_OUT:
        path, name = test.split("::")
        assert f"def {name}(" in (CHECKOUT / "meta_tests/verdict" / path).read_text(encoding="utf-8")
        assert f"meta_tests/verdict/{test}" in told["pytest_add_cli_args"]
    assert all((CHECKOUT / name).exists() for name in told["also_copy"])
    assert told["pytest_add_cli_args_test_selection"] == [
        "meta_tests/verdict/test_judge.py", "meta_tests/verdict/test_words.py",
    ]  # fmt: skip


def test_every_file_has_tests_of_its_own() -> None:
    for path in (CHECKOUT / VERDICT).glob("[!_]*.py"):
        assert all((CHECKOUT / test).is_file() for test in own_tests([path.stem]))


def test_an_earlier_run_is_gone_on_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mutation_testing, "COPIED", ("conftest.py", "suites"))
    kept = tmp_path / "mutants" / VERDICT / "judge.py.meta"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"exit_code_by_key": CODES, "durations_by_key": {}}))
    (tmp_path / "mutants/mutmut-stats.json").write_text("{}")
    prepare(tmp_path, ["judge"])
    assert (tmp_path / "conftest.py").is_file()
    assert (tmp_path / "suites/__init__.py").is_file()
    assert not (tmp_path / "mutants/mutmut-stats.json").exists()
    assert "mutmut" in tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert results(tmp_path, ["judge"])["judge"] == {
        "a__1": 1, "a__2": None, "a__3": None, "a__4": None, "a__5": 3, "a__6": None,
    }  # fmt: skip
