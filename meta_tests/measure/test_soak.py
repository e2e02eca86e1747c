"""A long run in one process: what it answers, how it is read, and the real process once with few calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meta_tests.support.judged import session_on
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.corpus.rows import Row
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence import evidence_from_json, evidence_to_json
from raxe_conformance.measure.soak import MOST_WORDS, TEXTS, measure_soak
from raxe_conformance.measure.soak_child import soak_here

ROWS = [Row(f"row {n} " + "word " * (n % 30), "BENIGN", f"r{n}") for n in range(200)]


def answer(**changes: Any) -> dict[str, Any]:
    fields = {"after": [5, 10], "resident_mb": [1.0, 2.0], "seconds": [0.1, 0.1], "failed": 0, "first_error": None}
    return {**fields, "method": "programmed", **changes}


def test_short_texts_of_the_benchmark_are_asked_about_and_progress_is_shown() -> None:
    shown: list[str] = []

    def child(target: Mapping[str, Any], task: str, arguments: Mapping[str, Any], *, progress: Any) -> dict[str, Any]:
        assert (target, task, arguments["calls"]) == ({"kind": "test"}, "soak", 5000)
        assert len(set(arguments["texts"])) == TEXTS
        assert all(len(text.split()) <= MOST_WORDS for text in arguments["texts"])
        progress(2500)
        return answer()

    found = measure_soak(ROWS, {"kind": "test"}, child, shown.append, calls=5000)
    assert shown == ["soak: 2,500 of 5,000 analyses", ""]
    assert (found.texts, found.after) == (TEXTS, [5, 10])
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("soak", found)))) == found


def test_where_all_texts_are_long_the_shortest_are_taken() -> None:
    rows = [Row("word " * n, "BENIGN", f"r{n}") for n in (60, 50, 40)]
    asked: list[str] = []

    def child(target: Any, task: str, arguments: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        asked.extend(arguments["texts"])
        return answer()

    assert measure_soak(rows, {}, child, lambda line: None).texts == 3
    assert sorted(len(text.split()) for text in asked) == [40, 50, 60]


def test_the_progress_ends_where_the_process_fails_too() -> None:
    shown: list[str] = []

    def child(*_: Any, **__: Any) -> dict[str, Any]:
        raise MeasurementError("it ended with -9")

    with pytest.raises(MeasurementError, match="-9"):
        measure_soak(ROWS, {}, child, shown.append)
    assert shown == [""]
    with pytest.raises(MeasurementError, match="no rows"):
        measure_soak([], {}, child, shown.append)


def test_all_analyses_are_done_and_memory_is_looked_at_between(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def analyze(text: str) -> None:
        asked.append(text)
        if len(asked) in (7, 9):
            raise MemoryError("no more")

    arguments = {"texts": ["a", "b", "c"], "calls": 25, "samples": 4}
    found = soak_here(lambda: SimpleNamespace(analyze=analyze), arguments)
    assert asked == (["a", "b", "c"] * 9)[:25]
    assert found["after"] == [6, 12, 18, 24, 25]
    assert len(found["resident_mb"]) == len(found["seconds"]) == 5
    assert all(mb > 1.0 for mb in found["resident_mb"])
    assert (found["failed"], found["first_error"]) == (2, "analysis 7: MemoryError: no more")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [{"progress": n} for n in found["after"]]


def test_a_real_process_is_soaked(toy: Toy, tmp_path: Path) -> None:
    from raxe_conformance.measure.child import run_child

    shown: list[str] = []
    again = session_on(toy, tmp_path).subjects[MODEL_ID].again
    found = measure_soak(ROWS, again, run_child, shown.append, calls=400)
    assert found.after == list(range(4, 404, 4))
    assert found.failed == 0
    assert shown == [f"soak: {n} of 400 analyses" for n in found.after] + [""]
