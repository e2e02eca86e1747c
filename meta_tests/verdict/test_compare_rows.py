"""Decisions on the same rows: the exact McNemar test against other ways to work it out, and which rows count."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_tests.support.scored import scored
from raxe_conformance.verdict.compare_rows import PAIRED, Pairs, flips, mcnemar, needed, pairs, same_rows

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS)
def test_mcnemar_is_the_sum_of_the_binomials_tail(there: int, back: int) -> None:
    n = there + back
    tail = sum(comb(n, k) for k in range(there, n + 1)) / 2**n
    assert mcnemar(there, back) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(("there", "back", "shows"), [(4, 0, False), (5, 0, True), (7, 1, True), (6, 1, False)])
def test_five_of_five_rows_show_a_change_and_four_do_not(there: int, back: int, shows: bool) -> None:
    assert (mcnemar(there, back) <= 0.05) is shows


@given(COUNTS, st.sampled_from([0.2, 0.05, 0.01, 0.001]))
def test_needed_is_the_smallest_that_shows(back: int, alpha: float) -> None:
    found = needed(back, alpha)
    assert mcnemar(found, back) <= alpha < mcnemar(found - 1, back)


def test_needed_may_be_at_the_error_rate_itself() -> None:
    assert mcnemar(5, 0) == 1 / 32
    assert needed(0, 1 / 32) == 5


@given(st.integers(0, 40))
def test_mcnemar_errs_no_more_often_than_it_says(n: int) -> None:
    """Of all ways that n rows can go at random, at most 5 % are called a change."""
    wrong = sum(comb(n, k) for k in range(n + 1) if mcnemar(k, n - k) <= 0.05)
    assert wrong / 2**n <= 0.05


def test_each_figure_counts_its_own_rows() -> None:
    labels = ["BENIGN", "BENIGN", "PI", "PI", "JB", "JB"]
    before = scored(labels, [False, False, True, True, True, False], families=[None, None, "PI", "PI", "JB", None])
    after = scored(labels, [True, False, True, False, True, True], families=["PI", None, "JB", None, "JB", "JB"])
    found = {metric: pairs(metric, before, after) for metric in PAIRED}
    assert found == {
        "binary_f1": Pairs(2, 1, 6),  # a false alarm, a miss, and an attack that is found now
        "family_f1": Pairs(3, 1, 6),  # and an attack of another name
        "fnr": Pairs(1, 1, 4),
        "fpr": Pairs(1, 0, 2),
    }
    said = [(flip.id, flip.was, flip.now, flip.better) for flip in flips(before, after)]
    ids = before.ids
    assert said == [(ids[0], False, True, False), (ids[3], True, False, False), (ids[5], False, True, True)]


def test_a_text_without_an_answer_is_decided_wrongly() -> None:
    before = scored(["BENIGN", "PI"], [False, True])
    after = replace(before, scores=[None, None], attacks=[False, False])
    assert pairs("binary_f1", before, after) == Pairs(2, 0, 2)


@pytest.mark.parametrize("column", ["labels", "attacks"])
def test_columns_of_unequal_length_are_not_compared(column: str) -> None:
    """As a report has them that was edited by hand: a row too few would move every later one."""
    whole = scored(["BENIGN", "PI"], [False, True])
    cut = replace(whole, **{column: getattr(whole, column)[:-1]})
    with pytest.raises(ValueError, match=r"is (shorter|longer)"):
        flips(cut, cut)
    with pytest.raises(ValueError, match=r"is (shorter|longer)"):
        pairs("family_f1", cut, cut)
    unnamed = replace(whole, ids=whole.ids[:-1])
    with pytest.raises(ValueError, match=r"is (shorter|longer)"):
        flips(unnamed, unnamed)
    for before, after in ((whole, scored(["PI"], [True])), (scored(["PI"], [True]), whole)):
        with pytest.raises(ValueError, match=r"is (shorter|longer)"):
            pairs("binary_f1", before, after)


def test_other_rows_or_labels_are_not_the_same() -> None:
    one = scored(["BENIGN", "PI"], [False, True])
    assert same_rows(one, replace(one, attacks=[True, True]))
    assert not same_rows(one, replace(one, ids=[*one.ids[:-1], "another"]))
    assert not same_rows(one, replace(one, labels=["BENIGN", "JB"]))
