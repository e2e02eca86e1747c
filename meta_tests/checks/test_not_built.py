"""A variant that is not built yet is told from one that is broken."""

from __future__ import annotations

import pytest

from meta_tests.checks.test_schema import BUNDLE
from raxe_conformance.checks.table import find_check
from raxe_conformance.measure.evidence import Facts, FileFact
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome
from raxe_conformance.verdict.profile import DEFAULT, load_profile


@pytest.mark.parametrize(
    ("embedding", "problem", "expected"),
    [
        ("e", "does not exist", Outcome.PASS),
        ("another", "does not exist", Outcome.INCONCLUSIVE),
        ("another", "is a folder", Outcome.FAIL),
        ("another", None, Outcome.FAIL),
    ],
)
def test_a_missing_head_set_counts_once_the_model_is_there(
    embedding: str, problem: str | None, expected: Outcome
) -> None:
    file = FileFact("embeddings", "embeddings/e.onnx", None if problem else 1, None if problem else "0" * 64, problem)
    facts = Facts("m", "metadata", "m.json", {}, None, [], [file], embedding, BUNDLE, None, [], None, None)
    check = find_check("INT-006")
    found = judge(check, check.reading({"facts": facts}), load_profile(DEFAULT))
    assert found.outcome is expected
    assert ("raxe-conformance build m" in found.message) == (expected is Outcome.INCONCLUSIVE)
