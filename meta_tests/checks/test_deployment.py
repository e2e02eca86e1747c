"""What DEP-001 reads out of a trial deployment, and whom it asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raxe_conformance.checks.table import FILES, Level, find_check
from raxe_conformance.measure.evidence import Missing
from raxe_conformance.measure.evidence_resources import Deployed
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile

CHECK = find_check("DEP-001")
WHOLE = Deployed(members=8, bytes=24_900_000, altered=None, cases=24, attacks=11, refused=None, otherwise=[])


def told(deployed: Deployed | Missing) -> Verdict:
    return judge(CHECK, CHECK.reading({"deployed": deployed}), load_profile(DEFAULT))


def test_it_is_a_should_of_its_own_group_about_files() -> None:
    assert (CHECK.level, CHECK.group, CHECK.requires) == (Level.SHOULD, "deployment", {FILES})


def test_a_whole_package_that_decides_as_the_variant_holds() -> None:
    found = told(WHOLE)
    assert found.outcome is Outcome.PASS
    assert found.message == "32 looked at; 8 files of 24.9 MB; 24 cases, 11 of them attacks"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"altered": "bundles/b.raxe: is missing"}, "the package: bundles/b.raxe: is missing, but should be as its"),
        ({"refused": "it ended with 1"}, "the package: it ended with 1, but should be answers as in the models folder"),
        ({"otherwise": [24]}, "case 24: decided otherwise in the package, but should be the decision in the models"),
    ],
)
def test_each_of_its_faults_fails(changes: dict[str, object], said: str) -> None:
    found = told(replace(WHOLE, **changes))  # type: ignore[arg-type]
    assert found.outcome is Outcome.FAIL
    assert found.message.startswith(said)


def test_a_variant_that_is_not_built_is_left_open() -> None:
    found = told(Missing("the variant does not load: it is not built", "run: raxe-conformance build m"))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "raxe-conformance build m" in found.message
