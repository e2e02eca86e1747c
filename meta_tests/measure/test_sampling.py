"""Which rows are asked about again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.corpus.rows import Row
from raxe_conformance.errors import MeasurementError
from raxe_conformance.measure.evidence import Scores
from raxe_conformance.measure.sampling import take_sample


def scored(values: list[float | None]) -> tuple[list[Row], Scores]:
    """Rows of 1, 2, 3 … words with these scores; attacks from 0.5."""
    n = len(values)
    none: list[Any] = [None] * n
    rows = [Row("word " * (i + 1), "BENIGN", f"r{i}") for i in range(n)]
    attacks = [value is not None and value >= 0.5 for value in values]
    return rows, Scores(
        ids=[row.id for row in rows], labels=["BENIGN"] * n, subfamilies=none, languages=none, sources=none,
        kinds=none, pairs=none, words=[i + 1 for i in range(n)], scores=values, attacks=attacks, families=none,
    )  # fmt: skip


def test_half_are_attacks_and_a_quarter_is_hard() -> None:
    rows, scores = scored([i / 400 for i in range(400)])
    sample = take_sample(rows, scores, 40)
    assert (len(sample.ids), len(set(sample.ids)), sum(sample.attacks)) == (40, 40, 20)
    assert {f"r{i}" for i in (195, 196, 197, 198, 199, 200, 201, 202, 203, 204)} <= set(sample.ids)
    assert sample.texts == [rows[int(row_id[1:])].text for row_id in sample.ids]
    assert sample.scores == [int(row_id[1:]) / 400 for row_id in sample.ids]
    # The rest is of all lengths: one of each fifteenth of a half.
    lengths = sorted(len(text.split()) for text in sample.texts)
    assert max(b - a for a, b in pairwise(lengths)) <= 2 * 200 // 15 + 2


def test_without_hard_rows_only_lengths_count() -> None:
    rows, scores = scored([i % 2 + 0.0 for i in range(200)])
    lengths = sorted(len(text.split()) for text in take_sample(rows, scores, 20, hard=0.0).texts)
    assert (lengths[0] <= 20, lengths[-1] > 180) == (True, True)


def test_long_rows_and_rows_without_an_answer_are_left_out() -> None:
    rows, scores = scored([None, 0.1, 0.9, 0.2, 0.8])
    assert set(take_sample(rows, scores, 10, most_words=4).ids) == {"r1", "r2", "r3"}


def test_the_same_seed_takes_the_same_rows() -> None:
    rows, scores = scored([i / 100 for i in range(100)])
    assert take_sample(rows, scores, 30) == take_sample(rows, scores, 30) != take_sample(rows, scores, 30, seed=1)


def test_no_row_left_says_so() -> None:
    with pytest.raises(MeasurementError, match="no benchmark row has an answer"):
        take_sample(*scored([None, None]), 10)


@given(st.lists(st.none() | st.floats(0.0, 1.0), max_size=60), st.integers(1, 70))
def test_as_many_rows_as_there_are_and_none_twice(values: list[float | None], size: int) -> None:
    known = [value for value in values if value is not None]
    if not known:
        return
    sample = take_sample(*scored(values), size)
    assert len(sample.ids) == len(set(sample.ids)) == min(size, len(known))
    flagged = sum(value >= 0.5 for value in known)
    assert (
        abs(2 * sum(sample.attacks) - len(sample.ids)) <= 1
        or sum(sample.attacks) == flagged
        or (len(sample.ids) - sum(sample.attacks) == len(known) - flagged)
    )
