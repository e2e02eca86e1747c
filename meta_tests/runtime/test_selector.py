"""The window selector against a plain count, and a cascade's detector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raxe_conformance.headset import WindowSelector
from raxe_conformance.runtime import selector as module
from raxe_conformance.runtime.selector import LONGEST, choose_window, ngram_buckets

BITS = 8


def selector(window: int, seed: int = 0) -> WindowSelector:
    weights = np.random.default_rng(seed).integers(-128, 128, 2**BITS).astype(np.int8)
    return WindowSelector(weights, scale=0.5, bias=-1.0, window=window, mix=1.0)


def plain_sum(chosen: WindowSelector, ids: np.ndarray) -> int:
    """The weights of all n-grams inside ids, counted one by one."""
    total = 0
    for length in range(1, LONGEST + 1):
        for start in range(len(ids) - length + 1):
            bucket = ngram_buckets(ids[start : start + length], BITS)[length - 1][0]
            total += int(chosen.weights[bucket])
    return total


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=40), st.integers(1, 45), st.integers(1, 12))
def test_it_chooses_the_first_window_with_the_largest_sum(tokens: list[int], window: int, block: int) -> None:
    ids, chosen = np.array(tokens, np.int64), selector(window)
    width = min(window, len(ids))
    sums = [plain_sum(chosen, ids[start : start + width]) for start in range(len(ids) - width + 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        found = choose_window(chosen, ids)
    assert found.start == int(np.argmax(sums))
    assert found.logit == pytest.approx(0.5 * max(sums) / width**0.5 - 1.0)


@given(st.lists(st.integers(0, 2**31 - 1), max_size=6), st.integers(8, 22))
def test_buckets_are_in_range_and_as_many_as_there_are_n_grams(tokens: list[int], bits: int) -> None:
    found = ngram_buckets(np.array(tokens, np.int64), bits)
    assert [len(buckets) for buckets in found] == [max(0, len(tokens) - k) for k in range(LONGEST)]
    assert all(((buckets >= 0) & (buckets < 2**bits)).all() for buckets in found)


def test_the_order_of_tokens_matters_and_their_integer_width_does_not() -> None:
    pair, turned = np.array([5, 900]), np.array([900, 5])
    assert ngram_buckets(pair, 20)[1][0] != ngram_buckets(turned, 20)[1][0]
    ids = np.arange(200) * 37 % 1000
    assert choose_window(selector(10), ids.astype(np.int32)) == choose_window(selector(10), ids.astype(np.int64))
