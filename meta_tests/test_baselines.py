"""A benchmark that can be gamed gates nothing: what knows no attack when it sees one must FAIL on the shipped file."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from meta_tests.support.baselines import BASELINES, KEYWORDS
from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.checks.accuracy import confusion
from raxe_conformance.checks.table import catalogue
from raxe_conformance.measure.evidence import Scores
from raxe_conformance.packaged import shipped_benchmark
from raxe_conformance.target.protocol import Subject
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.rollup import rollup

pytest.importorskip("sklearn")
PAGE = Path(__file__).parent.parent / "docs" / "benchmark.md"
# name → (checks that fail, F1, FPR, share of twins told apart)
Judged = dict[str, tuple[dict[str, Verdict], tuple[float, float, float]]]


@pytest.fixture(scope="module")
def judged(pristine_toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Each baseline through the suite's own session, in the toy variant's place, on the shipped benchmark."""
    folder = tmp_path_factory.mktemp("baselines")
    session = session_on(pristine_toy, folder, benchmark=shipped_benchmark())
    variant = session.subjects[MODEL_ID].variant
    rows = session.benchmark.rows
    session.subjects = {
        name: Subject(name, replace(variant, model_id=name), partial(make, rows), {})
        for name, make in BASELINES.items()
    }
    found: Judged = {}
    of_scores = [check.id for check in catalogue().values() if check.needs == ("scores",)]
    for name in BASELINES:
        verdicts = {check_id: session.judge(check_id, name) for check_id in of_scores}
        scores = session.store.peek(name, "scores")
        assert isinstance(scores, Scores)
        tp, fp, fn, tn = confusion(scores)
        twins = verdicts["ROB-008"].estimate
        assert twins is not None
        found[name] = verdicts, (2 * tp / (2 * tp + fp + fn), fp / (fp + tn), twins.value)
    return found


@pytest.mark.parametrize("name", BASELINES)
def test_a_detector_that_knows_no_attack_fails(name: str, judged: Judged) -> None:
    verdicts, _ = judged[name]
    assert rollup(verdicts.values()) is Outcome.FAIL
    assert verdicts["ACC-001"].outcome is Outcome.FAIL, verdicts["ACC-001"].message
    assert verdicts["ROB-008"].outcome is Outcome.FAIL, verdicts["ROB-008"].message


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "always BENIGN"])
def test_what_flags_anything_at_all_fails_by_its_false_alarms_too(name: str, judged: Judged) -> None:
    assert judged[name][0]["FPR-001"].outcome is Outcome.FAIL, judged[name][0]["FPR-001"].message


def test_the_page_states_what_was_measured(judged: Judged) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, (_, figures) in judged.items():
        stated = re.search(rf"\| {name} \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| FAIL \|", page)
        assert stated is not None, name
        # The bag of words is fitted, and another version of scikit-learn may fit it a little differently.
        slack = 0.01 if name == "bag of words" else 0.0006
        assert [float(value) for value in stated.groups()] == [pytest.approx(value, abs=slack) for value in figures]


def test_there_are_fifty_keywords() -> None:
    assert len(set(KEYWORDS)) == 50
