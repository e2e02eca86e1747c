"""Hands of equal work: the same mixture of lengths in each, all texts dealt."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raxe_conformance.measure.dealing import deal


@given(st.lists(st.text(max_size=30), min_size=1, max_size=200), st.integers(1, 32), st.integers(0, 3))
def test_every_text_is_dealt_and_every_hand_is_full(texts: list[str], size: int, seed: int) -> None:
    hands = deal(texts, size, seed)
    assert {len(hand) for hand in hands} == {size}
    assert {text for hand in hands for text in hand} == set(texts)
    assert hands == deal(texts, size, seed)


def test_texts_are_dealt_once_where_they_go_up() -> None:
    texts = [str(n) for n in range(96)]
    assert Counter(text for hand in deal(texts, 32) for text in hand) == Counter(texts)


def test_a_hand_holds_one_text_of_each_class_of_length() -> None:
    texts = ["x" * n for n in range(320)]
    for hand in deal(texts, 32):
        assert sorted(len(text) // 10 for text in hand) == list(range(32))


def test_another_seed_deals_otherwise() -> None:
    texts = [str(n) for n in range(96)]
    assert deal(texts, 32, 0) != deal(texts, 32, 1)


def test_no_text_gives_no_full_hand() -> None:
    with pytest.raises(ValueError, match="no text"):
        deal([], 32)
