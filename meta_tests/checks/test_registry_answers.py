"""Registry checks on answers that are changed one by one; the seeded registries are in the mutation matrix."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from raxe_conformance.checks.claims import unclaimed
from raxe_conformance.checks.table import REGISTRY, catalogue, find_check
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.asking import ask_registry
from raxe_conformance.measure.desk import QUESTIONS
from raxe_conformance.measure.evidence_registry import RegistryAnswers, Said
from raxe_conformance.measure.facts import facts_of
from raxe_conformance.measure.scratch import OLDER, SWIFT
from raxe_conformance.target.foreign import CAPABILITIES, Foreign
from raxe_conformance.target.protocol import Subject
from raxe_conformance.target.shipped import shipped_registry
from raxe_conformance.verdict.judge import judge
from raxe_conformance.verdict.outcome import Outcome, Verdict
from raxe_conformance.verdict.profile import DEFAULT, load_profile


@cache
def good() -> RegistryAnswers:
    return ask_registry(shipped_registry, CAPABILITIES)


def verdict(check_id: str, question: str, value: Any = None, error: str | None = None) -> Verdict:
    """The verdict where everything is as it should be, but the answer to one question."""
    assert question in QUESTIONS
    answers = replace(good(), said={**good().said, question: Said(value, error)})
    check = find_check(check_id)
    return judge(check, check.reading({"answers": answers}), load_profile(DEFAULT))


def asked_about() -> list[str]:
    return [check.id for check in catalogue().values() if "answers" in check.needs]


def test_every_registry_check_asks_only_what_its_capabilities_allow() -> None:
    """So that a registry that claims no more than these is judged, and nothing is missing."""
    for check_id in asked_about():
        check = find_check(check_id)
        allowed = {
            name: said for name, said in good().said.items() if QUESTIONS[name].needs <= check.requires - {REGISTRY}
        }
        found = judge(check, check.reading({"answers": replace(good(), said=allowed)}), load_profile(DEFAULT))
        assert found.outcome is Outcome.PASS, check_id


def test_every_question_is_read_by_a_check() -> None:
    for question in QUESTIONS:
        wrong = [verdict(check_id, question, error="a").outcome for check_id in asked_about()]
        right = [verdict(check_id, question, 7).outcome for check_id in asked_about() if question.endswith("none")]
        assert Outcome.FAIL in [*wrong, *right] or question.endswith("'beauty')") or "without its" in question, question


@pytest.mark.parametrize(("off", "outcome"), [(0.0009, Outcome.PASS), (0.0011, Outcome.FAIL)])
def test_scores_may_differ_by_a_thousandth(off: float, outcome: Outcome) -> None:
    assert verdict("REG-023", "score after a failed load", SWIFT.score + off).outcome is outcome
    assert verdict("REG-024", "analyze with a context", OLDER.score - off).outcome is outcome


def test_where_no_times_are_kept_nothing_is_said_of_weights() -> None:
    found = verdict("REG-010", "weights that were read", None)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "TMPDIR" in found.message
    assert verdict("REG-010", "weights that were read", []).outcome is Outcome.PASS


def test_an_unknown_id_raises_or_gives_none() -> None:
    assert verdict("REG-011", "get_model of none", error="KeyError").outcome is Outcome.PASS
    assert verdict("REG-011", "get_model of none", True).outcome is Outcome.PASS
    assert verdict("REG-011", "get_model of none", "a model").outcome is Outcome.FAIL


@pytest.mark.parametrize("best", ["v1.0_swift_int8", "v1.0_exact_int8", "v1.0_small_fp16"])
def test_balanced_may_be_whatever_is_not_worse_in_everything(best: str) -> None:
    assert verdict("REG-015", "get_best_model('balanced')", best).outcome is Outcome.PASS
    assert verdict("REG-014", "get_best_model('balanced')", best).outcome is (
        Outcome.PASS if best == "v1.0_exact_int8" else Outcome.FAIL  # the default is then another
    )


def test_the_default_is_balanced() -> None:
    found = verdict("REG-014", "get_best_model()", "v1.0_swift_int8")
    assert "get_best_model(): v1.0_swift_int8, but should be v1.0_exact_int8" in found.message


def test_errors_stand_where_not_ok_and_only_there() -> None:
    levels = good().said["validate_model"].value
    silent = {**levels, "basic": {**levels["basic"], "v4.0_ragged_int8": [False, 0]}}
    assert "not ok with 0 errors" in verdict("REG-016", "validate_model", silent).message
    noisy = {**levels, "basic": {**levels["basic"], SWIFT.model_id: [True, 1]}}
    assert "ok with 1 errors" in verdict("REG-016", "validate_model", noisy).message
    assert verdict("REG-016", "validate_model", error="KeyError").outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("check_id", "part", "value"),
    [
        ("REG-024", "lacks", ["confidence"]),
        ("REG-024", "confidence", 1.01),
        ("REG-024", "confidence", "nan"),
        ("REG-024", "processing_time_ms", -0.1),
        ("REG-024", "highest_confidence", 0.5),
        ("REG-024", "has_predictions", False),
        ("REG-024", "summary", False),
        ("REG-025", "predictions", []),
        ("REG-025", "by_type", 0),
        ("REG-025", "predictions", [{"lacks": [], "threat_type": "spam", "confidence": 0.9}]),
        ("REG-025", "predictions", [{"lacks": ["explanation"], "threat_type": "unknown", "confidence": 0.9}]),
        ("REG-025", "predictions", [{"lacks": [], "threat_type": "unknown", "confidence": -0.1}]),
    ],
)
def test_each_part_of_a_result_counts(check_id: str, part: str, value: Any) -> None:
    question = "analyze of an attack"
    assert verdict(check_id, question, good().said[question].value).outcome is Outcome.PASS
    assert verdict(check_id, question, {**good().said[question].value, part: value}).outcome is Outcome.FAIL


def test_evidence_without_an_answer_says_so() -> None:
    check = find_check("REG-003")
    with pytest.raises(MeasurementError, match=r"no answer to: list_models\(\); measure again"):
        check.reading({"answers": RegistryAnswers([], {})})


def refuse(*_: object) -> Any:
    raise AssertionError("nobody asked for it")


def facts(model_id: str, *claims: str) -> Any:
    return facts_of(Subject(model_id, None, refuse, {}, foreign=Foreign("m:f", refuse, frozenset(claims))))


@pytest.mark.parametrize(
    ("model_id", "check_id", "reason"),
    [
        ("registry", "LAT-001", "judged with each variant"),
        ("registry", "REG-003", None),
        ("registry", "REG-012", "the registry does not claim filters"),
        ("registry", "REG-019", None),
        ("v1.0_x_int8", "REG-003", "judged once, as registry"),
        ("v1.0_x_int8", "LAT-001", None),
        ("v1.0_x_int8", "ACC-002", "the registry does not claim families"),
        ("v1.0_x_int8", "SIZ-001", "the suite finds no files of it"),
    ],
)
def test_what_is_claimed(model_id: str, check_id: str, reason: str | None) -> None:
    assert unclaimed(find_check(check_id), {"facts": facts(model_id, "loading")}) == reason


def test_a_function_is_no_registry() -> None:
    function = facts_of(Subject("function", None, refuse, {}, function="m:f"))
    assert {unclaimed(find_check(check_id), {"facts": function}) for check_id in asked_about()} == {
        "a function is no registry"
    }
