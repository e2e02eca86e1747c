"""Every check has a seeded defect that trips it, and no unrelated one."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta_tests.support.judged import verdicts_on
from meta_tests.support.mutations import MUTATIONS
from meta_tests.support.toy import Toy
from raxe_conformance.checks.table import catalogue
from raxe_conformance.verdict.outcome import Outcome


def test_good_variant_holds_every_check(toy: Toy, tmp_path: Path) -> None:
    verdicts = verdicts_on(toy, tmp_path)
    assert {v.check_id: v.message for v in verdicts.values() if v.outcome is not Outcome.PASS} == {}


def test_every_check_names_a_defect_that_trips_it() -> None:
    lacking = [c.id for c in catalogue().values() if c.defect not in MUTATIONS or c.id not in MUTATIONS[c.defect].fails]
    assert lacking == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_defect_trips_its_checks_and_no_others(name: str, toy: Toy, tmp_path: Path) -> None:
    mutation = MUTATIONS[name]
    mutation.apply(toy)
    verdicts = verdicts_on(toy, tmp_path, mutation.latency_ms, mutation.host, mutation.stages_ms, mutation.conduct)
    by_outcome = {o: {v.check_id for v in verdicts.values() if v.outcome is o} for o in Outcome}
    assert by_outcome[Outcome.FAIL] == mutation.fails, {v.check_id: v.message for v in verdicts.values()}
    assert by_outcome[Outcome.INCONCLUSIVE] == mutation.unknown, {v.check_id: v.message for v in verdicts.values()}
