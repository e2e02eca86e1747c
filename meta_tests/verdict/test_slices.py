"""Slices: which rows count where, and as what."""

from __future__ import annotations

import pytest

from meta_tests.support.scored import scored
from raxe_conformance.verdict.intervals import clopper_pearson
from raxe_conformance.verdict.slices import Slice, slices


def part(by: str, value: str, metric: str, hits: int, n: int) -> Slice:
    return Slice(by, value, n, metric, hits, *clopper_pearson(hits, n, 0.9))


def test_each_row_counts_in_each_of_its_columns() -> None:
    scores = scored(
        ["PI", "PI", "JB", "BENIGN", "BENIGN"], [True, False, True, True, False],
        subfamilies=["override", "override", None, None, None], languages=["en", "de", "en", "en", None],
        sources=["a", "a", "b", "a", "b"], kinds=[None, None, None, "log", "code"], words=[8, 9, 8, 8, 9],
    )  # fmt: skip
    assert slices(scores, 0.9) == [
        part("family", "BENIGN", "fpr", 1, 2),
        part("family", "JB", "recall", 1, 1),
        part("family", "PI", "recall", 1, 2),
        part("kind", "code", "fpr", 0, 1),
        part("kind", "log", "fpr", 1, 1),
        part("language", "de", "recall", 0, 1),
        part("language", "en", "fpr", 1, 1),
        part("language", "en", "recall", 2, 2),
        part("length", "1-8 words", "fpr", 1, 1),
        part("length", "1-8 words", "recall", 2, 2),
        part("length", "9-32 words", "fpr", 0, 1),
        part("length", "9-32 words", "recall", 0, 1),
        part("source", "a", "fpr", 1, 1),
        part("source", "a", "recall", 1, 2),
        part("source", "b", "fpr", 0, 1),
        part("source", "b", "recall", 1, 1),
        part("subfamily", "override", "recall", 1, 2),
    ]


@pytest.mark.parametrize(
    ("words", "length"),
    [(1, "1-8 words"), (8, "1-8 words"), (9, "9-32 words"), (32, "9-32 words"), (33, "33-128 words"),
     (128, "33-128 words"), (129, "129-512 words"), (512, "129-512 words"), (513, "over 512 words")],
)  # fmt: skip
def test_lengths_have_these_bounds(words: int, length: str) -> None:
    found = [s.value for s in slices(scored(["PI"], [True], words=[words]), 0.95) if s.by == "length"]
    assert found == [length]


def test_a_text_that_failed_counts_as_decided_wrongly() -> None:
    found = slices(scored(["PI", "BENIGN"], [True, False], scores=[None, None]), 0.95)
    assert [(s.value, s.metric, s.rate) for s in found if s.by == "family"] == [
        ("BENIGN", "fpr", 1.0), ("PI", "recall", 0.0),
    ]  # fmt: skip
