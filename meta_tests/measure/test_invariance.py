"""Repeats, batches and white space: what changes nothing is not found, and what changes something is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence import evidence_from_json, evidence_to_json
from raxe_conformance.measure.invariance import (
    PAD_CHARACTERS,
    PADDINGS,
    THREADS,
    measure_batches,
    measure_padding,
    measure_repeats,
)
from raxe_conformance.measure.sampling import Sample

TEXTS = [f"text number {n} {'with more words ' * (n % 5)}" for n in range(20)]


def score(text: str) -> float:
    """By the number of the text, whatever stands around it."""
    words = text.split()
    return int(words[2]) / 40 + 0.25 if words else 0.0


SAMPLE = Sample([f"r{n}" for n in range(20)], TEXTS, [score(t) for t in TEXTS], [score(t) >= 0.5 for t in TEXTS])

ATTACKS = {row_id for row_id, attack in zip(SAMPLE.ids, SAMPLE.attacks, strict=True) if attack}


class Judge:
    """A detector that is a rule: text → score; an attack from 0.5."""

    def __init__(self, rule: Callable[[str], float] = score) -> None:
        self.rule, self.asked = rule, 0

    def analyze(self, text: str) -> Any:
        self.asked += 1
        value = self.rule(text)
        return SimpleNamespace(metadata={"score": value, "is_attack": value >= 0.5})

    def analyze_batch(self, texts: Sequence[str]) -> list[Any]:
        return [self.analyze(text) for text in texts]


def child(by: float = 0.0, **answer: Any) -> Any:
    def run(target: Mapping[str, Any], task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert (target, task) == ({"kind": "test"}, "scores")
        scores = [score(text) + by for text in arguments["texts"]]
        return {"scores": scores, "attacks": [value >= 0.5 for value in scores], **answer}

    return run


def repeats(judge: Judge, run: Any) -> Any:
    return measure_repeats(judge, SAMPLE, {"kind": "test"}, run)


def test_what_depends_on_the_text_alone_is_the_same_again() -> None:
    judge = Judge()
    found = repeats(judge, child())
    assert [(part.name, part.texts, part.moved, part.flipped, part.unanswered) for part in found.parts] == [
        (name, 20, {}, [], []) for name in ("again", "threads", "process")
    ]
    assert judge.asked == 20 + 40
    assert found.not_done == {}
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("repeats", found)))) == found


def test_the_last_bit_counts() -> None:
    part = repeats(Judge(), child(by=2**-50)).parts[-1]
    assert set(part.moved) == set(SAMPLE.ids)
    assert max(part.moved.values()) == 2**-50
    assert part.flipped == []


def test_a_score_that_depends_on_the_order_of_calls_moves() -> None:
    calls = iter(range(1000))
    again, threads, process = repeats(Judge(lambda text: score(text) + 1e-9 * next(calls)), child()).parts
    assert len(again.moved) == 19  # the first call adds nothing
    assert len(threads.moved) == 20
    assert process.moved == {}


def test_all_threads_ask_at_once() -> None:
    together = threading.Barrier(THREADS, timeout=30)
    here = threading.get_ident()
    asked: set[int] = set()

    def rule(text: str) -> float:
        me = threading.get_ident()
        if me != here and me not in asked:
            asked.add(me)
            together.wait()  # goes on only when as many threads as this are inside
        return score(text)

    parts = repeats(Judge(rule), child()).parts
    assert len(asked) == THREADS
    assert not any(part.moved for part in parts)


def test_what_only_other_threads_see_is_found_there() -> None:
    here = threading.get_ident()
    judge = Judge(lambda text: score(text) if threading.get_ident() == here else 0.0)
    again, threads, _ = repeats(judge, child()).parts
    assert (again.flipped, set(threads.flipped)) == ([], ATTACKS)


def test_a_small_sample_still_has_all_threads() -> None:
    few = Sample(["r0"], TEXTS[:1], [score(TEXTS[0])], [False])
    found = measure_repeats(Judge(), few, {"kind": "test"}, child())
    assert [part.texts for part in found.parts] == [1, 1, 1]


def test_a_process_that_fails_is_told_and_the_rest_is_kept() -> None:
    def fails(*_: Any) -> dict[str, Any]:
        raise MeasurementError("it ended with -9")

    found = repeats(Judge(), fails)
    assert [part.name for part in found.parts] == ["again", "threads"]
    assert found.not_done == {"in a fresh process": "it ended with -9"}


@pytest.mark.parametrize("answer", [{"scores": [0.1]}, {"attacks": None}, {"scores": ["x"] * 20}])
def test_a_process_that_answers_nonsense_is_no_evidence(answer: dict[str, Any]) -> None:
    assert "cannot be read" in repeats(Judge(), child(**answer)).not_done["in a fresh process"]


def test_what_raises_or_is_no_number_has_no_answer() -> None:
    def rule(text: str) -> float:
        if text == TEXTS[3]:
            raise RuntimeError("no")
        return float("nan") if text == TEXTS[4] else score(text)

    again = repeats(Judge(rule), child()).parts[0]
    assert set(again.unanswered) == {"r3", "r4"}
    assert again.flipped == []


def batches(**methods: Any) -> Any:
    return measure_batches(type("Other", (Judge,), methods)(), SAMPLE)


def test_a_batch_of_texts_that_are_read_one_by_one_moves_nothing() -> None:
    found = batches()
    assert [(part.name, part.texts) for part in found.parts] == [("mixed", 20), ("long", 20), ("alone", 8)]
    assert not any(part.moved or part.flipped or part.unanswered for part in found.parts)
    assert found.faults == []
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("batches", found)))) == found


def test_batch_mates_that_move_scores_are_found() -> None:
    def analyze_batch(self: Judge, texts: Sequence[str]) -> list[Any]:
        by = 0.3 if any(len(text) >= 4000 for text in texts) else 0.0
        values = [score(text) - by for text in texts]
        return [SimpleNamespace(metadata={"score": value, "is_attack": value >= 0.5}) for value in values]

    mixed, long, alone = batches(analyze_batch=analyze_batch).parts
    assert (mixed.moved, alone.moved) == ({}, {})
    assert max(long.moved.values()) == pytest.approx(0.3)
    assert set(long.flipped) == {i for i, s in zip(SAMPLE.ids, SAMPLE.scores, strict=True) if 0.5 <= s < 0.8}


def observed(found: Any) -> set[tuple[str, str]]:
    return {(fault.batch, fault.observed) for fault in found.faults}


def test_results_too_few_too_many_or_none_are_faults() -> None:
    few = batches(analyze_batch=lambda self, texts: [self.analyze(text) for text in texts][1:])
    assert observed(few) == {
        ("a batch of 8", "7 results"), ("a batch of 9", "8 results"), ("a batch of 4", "3 results"),
        ("a batch of 5", "4 results"), ("a batch of one", "0 results"),
    }  # fmt: skip
    assert len(few.parts[0].unanswered) == 20
    more = batches(analyze_batch=lambda self, texts: [self.analyze(text) for text in [*texts, ""]])
    assert ("an empty batch", "1 results") in observed(more)


def test_results_in_another_order_are_a_fault() -> None:
    turned = batches(analyze_batch=lambda self, texts: [self.analyze(text) for text in reversed(texts)])
    assert observed(turned) == {("a batch of 8", "the results of its texts in another order")}
    assert turned.parts[0].flipped


def test_an_empty_batch_that_raises_is_a_fault() -> None:
    def analyze_batch(self: Judge, texts: Sequence[str]) -> list[Any]:
        return [max(texts)] and [self.analyze(text) for text in texts]

    found = batches(analyze_batch=analyze_batch)
    assert [fault.batch for fault in found.faults] == ["an empty batch"]
    assert found.faults[0].observed.startswith("ValueError: max()")
    assert not found.parts[0].unanswered


def test_without_analyze_batch_there_is_nothing_to_measure() -> None:
    with pytest.raises(MeasurementError, match="no analyze_batch"):
        measure_batches(SimpleNamespace(analyze=Judge().analyze), SAMPLE)


def test_white_space_changes_nothing_for_who_reads_words() -> None:
    found = measure_padding(Judge(), SAMPLE)
    assert [part.name for part in found.parts] == list(PADDINGS)
    assert not any(part.moved or part.flipped or part.unanswered for part in found.parts)
    assert found.flagged == sum(SAMPLE.attacks)
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("padding", found)))) == found


@pytest.mark.parametrize(
    ("cut", "lost"),
    [
        (lambda text: text[:4000], {"far_before"}),
        (lambda text: text[-4000:], {"far_behind", "lines_behind"}),
        (lambda text: text if len(text) < 4000 else "", {"far_before", "far_behind", "lines_behind"}),
        (lambda text: "" if text[0].isspace() else text, {"blank_before", "far_before"}),
        (lambda text: "" if text.endswith("\n") else text, {"blank_behind", "far_behind", "lines_behind"}),
    ],
)
def test_a_detector_that_cuts_texts_loses_attacks_behind_white_space(cut: Callable[[str], str], lost: set[str]) -> None:
    found = measure_padding(Judge(lambda text: score(cut(text))), SAMPLE)
    assert {part.name for part in found.parts if part.flipped} == lost
    assert all(set(part.flipped) == ATTACKS for part in found.parts if part.flipped)


def test_what_is_added_is_white_space_and_far_past_a_window() -> None:
    for name, (_, change) in PADDINGS.items():
        changed = change("word")
        assert changed.split() == ["word"]
        assert (len(changed) > PAD_CHARACTERS) == (name not in ("blank_before", "blank_behind"))
