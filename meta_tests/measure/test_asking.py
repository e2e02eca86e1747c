"""Asking a registry: what is not claimed is not asked, and whatever it raises is an answer."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pytest

from raxe_conformance.errors import RegistryError
from raxe_conformance.measure import questions_detectors
from raxe_conformance.measure.asking import ask_registry
from raxe_conformance.measure.desk import QUESTIONS
from raxe_conformance.measure.evidence import evidence_from_json, evidence_to_json
from raxe_conformance.measure.observing import number_or_word, observe_info, observe_rows
from raxe_conformance.target.foreign import CAPABILITIES
from raxe_conformance.target.shipped import shipped_registry


def refuse(models: Path) -> Any:
    raise RegistryError("cannot be read", file=models)


def test_only_what_is_claimed_is_asked() -> None:
    found = ask_registry(refuse, ["lookup"])
    assert found.said.keys() == {name for name, question in QUESTIONS.items() if question.needs <= {"lookup"}}
    assert found.claims == ["lookup"]


def test_an_error_is_an_answer_without_the_place_of_the_folder() -> None:
    found = ask_registry(refuse, CAPABILITIES)
    assert found.said.keys() == QUESTIONS.keys()
    assert {said.error for said in found.said.values()} <= {
        f"RegistryError: /models{n}: cannot be read" for n in range(99)
    }


def test_answers_survive_json() -> None:
    found = ask_registry(shipped_registry, CAPABILITIES)
    assert evidence_from_json(evidence_to_json("answers", found)) == found
    assert {name for name, said in found.said.items() if said.error} == {
        "get_model of none", "create_detector of none", "get_best_model('beauty')", "validate_model(level='beauty')",
        "create_detector without its bundle", "create_detector without its embeddings",
    }  # fmt: skip


def test_weights_that_are_read_are_seen() -> None:
    def reads(models: Path) -> Any:
        (models / "embeddings" / "exact_int8.onnx").read_bytes()
        return shipped_registry(models)

    name = "weights that were read"
    found = ask_registry(reads, ["laziness"]).said[name].value
    if found is None:
        pytest.skip("the file system keeps no times of access")
    assert found == ["exact_int8.onnx"]
    assert ask_registry(shipped_registry, ["laziness"]).said[name].value == []


def test_a_registry_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions_detectors, "DEADLINE_S", 0.05)
    stuck, asked = threading.Event(), set()

    class Stuck:
        def create_detector(self, model_id: str) -> Any:
            asked.add(model_id)
            stuck.wait()

    desk: Any = SimpleNamespace(folder=lambda make: None, registry=lambda models: Stuck())
    try:
        with pytest.raises((TimeoutError, threading.BrokenBarrierError)):
            QUESTIONS["objects that 64 threads get"].ask(desk)
    finally:
        stuck.set()


@pytest.mark.parametrize(
    "table",
    [
        pandas.DataFrame({"model_id": ["a", "b"], "p95": [1.0, 2.0], "f1": [0.5, None], "name": ["x", "y"]}),
        pandas.DataFrame({"p95": [1.0, 2.0], "f1": [0.5, None]}, index=["a", "b"]),
        {"a": {"performance": {"p95": 1.0}, "f1": 0.5}, "b": {"p95": 2, "active": True}},
        [{"model_id": "a", "p95": 1.0, "f1": 0.5}, {"model_id": "b", "p95": 2.0, "f1": float("nan")}],
    ],
)
def test_tables_of_all_kinds_are_read(table: Any) -> None:
    assert observe_rows(table) == {"a": [1.0, 0.5], "b": [2.0]}


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(TypeError, match="gives a str"):
        observe_rows("a, b")
    with pytest.raises(TypeError, match="gives a list"):
        observe_rows(["a"])


@pytest.mark.parametrize(
    ("value", "kept"),
    [(1, 1.0), (0.5, 0.5), (True, "bool"), (None, "NoneType"), (float("nan"), "nan"), (float("inf"), "inf")],
)
def test_figures_survive_json(value: object, kept: float | str) -> None:
    assert number_or_word(value) == kept


def test_info_that_is_no_mapping_is_none() -> None:
    assert observe_info("v1.0") is None
    assert observe_info({"id": "v1.0", "width": 7}) == ["v1.0"]
