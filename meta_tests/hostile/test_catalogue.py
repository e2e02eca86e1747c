"""Every hostile file is refused, or has no effect, and the variant beside it works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from meta_tests.hostile.case import Case
from meta_tests.hostile.catalogue import CASES
from meta_tests.hostile.sandbox import ADDRESS_SPACE, SECONDS
from meta_tests.hostile.trial import Bench, bench
from meta_tests.support.toy import Toy

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of memory are set on Unix only")


@pytest.fixture(scope="module")
def trial(pristine_toy: Toy) -> Iterator[Bench]:
    with bench(pristine_toy.models) as found:
        yield found


def test_the_untouched_variants_work(trial: Bench) -> None:
    answers = trial.answers
    assert answers["bad"]["stage"] == answers["good"]["stage"] == "works", answers
    assert answers["warnings"] == []
    assert answers["bad"]["scores"][0] > 0.9
    assert answers["bad"]["scores"][1] < 0.1


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_hostile_file(case: Case, trial: Bench) -> None:
    found = trial.run(case)
    assert found["ended"] == "exit 0", found
    assert "crash" not in found, found["crash"]
    assert found["good"] == trial.answers["good"], "the good variant beside it"
    assert found["checked"] == "ok"
    assert not trial.canary.exists(), "code ran"
    assert not found["written"], "something was written"
    assert found["seconds"] < SECONDS
    assert found["resident_mb"] * 1e6 < ADDRESS_SPACE
    assert max(found["opened"].values(), default=1) == 1, "a file was read twice"
    judge(case, found, trial.answers)


def judge(case: Case, found: dict[str, Any], answers: dict[str, Any]) -> None:
    """The outcome is the declared one, and its message says where, what, and what to do."""
    bad = found["bad"]
    if case.stage in ("harmless", "listed"):
        assert bad.get("scores") == answers["bad"]["scores"], bad
        assert all(warning.isprintable() for warning in found["warnings"]), "messages of one line"
    if case.stage == "listed":
        assert bad["status"] == "experimental"
        assert any(case.says in warning for warning in found["warnings"]), found["warnings"]
    if case.stage in ("load", "analyze"):
        assert bad["stage"] == case.stage, bad
        assert "RaxeError" in bad["kinds"], bad
        assert case.error in bad["kinds"], bad
        assert case.says in bad["message"], bad
        assert bad["message"].isprintable(), "a message of one line"
        assert len(bad["message"]) < 1_600
        assert bad["file"], "a message that names the file"
