"""The most suspicious window of a text, found by a linear model over hashed n-grams of token ids.

The first stage of a cascade: it reads every token of a text in a fraction of a millisecond, whatever its length, so
that the encoder has to read one window only. n-grams are hashed into a fixed number of buckets (Weinberger et al. 2009,
"Feature hashing for large scale multitask learning"); a window's score is the sum of the weights of the n-grams inside
it, by differences of cumulative sums, so that all windows together cost as much as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.headset import WindowSelector

Ids = NDArray[np.int64] | NDArray[np.int32]
LONGEST = 3  # tokens of an n-gram
# Odd 64-bit constants with well spread bits (fractions of √2, √3, √5, and the golden ratio for the last mixing step).
_FACTORS = (np.uint64(0x6A09E667F3BCC909), np.uint64(0xBB67AE8584CAA73B), np.uint64(0x3C6EF372FE94F82B))
_MIX = np.uint64(0x9E3779B97F4A7C15)
_BLOCK = 65_536  # windows scored at once


def ngram_buckets(ids: Ids, bits: int) -> list[NDArray[np.int64]]:
    """Buckets 0..2**bits-1 of all n-grams of token ids [tokens] int64, one array for each length 1..LONGEST.

    Array k-1 has tokens-k+1 entries (none for a shorter text); entry i is the n-gram of the tokens i..i+k-1.
    """
    tokens = ids.astype(np.uint64) + np.uint64(1)
    shift = np.uint64(64 - bits)
    found = []
    hashed = tokens * _FACTORS[0]
    for length in range(1, LONGEST + 1):
        if length > 1:
            if len(ids) < length:
                found.append(np.zeros(0, np.int64))
                continue
            # Order matters: what came before is turned by a factor of its own.
            hashed = (hashed[:-1] * _FACTORS[1]) ^ (tokens[length - 1 :] * _FACTORS[2])
        mixed = hashed ^ (hashed >> np.uint64(29))
        found.append(((mixed * _MIX) >> shift).astype(np.int64))
    return found


@dataclass(frozen=True)
class Choice:
    """The chosen window: where its first token stands, and the linear model's logit for it."""

    start: int
    logit: float


def choose_window(selector: WindowSelector, ids: Ids) -> Choice:
    """The window with the largest score among ids [tokens], the first of equals. Needs at least one token.

    The logit is scale · sum / √tokens + bias, tokens being those of the window: a long window has more n-grams, not
    more reason.
    """
    width = min(selector.window, len(ids))
    best, at = -np.inf, 0
    # In blocks that overlap by a window: a token takes some 70 bytes here, and a text may have millions.
    for begin in range(0, len(ids) - width + 1, _BLOCK):
        scores = _window_scores(selector, ids[begin : begin + _BLOCK + width - 1], width)
        first = int(np.argmax(scores))
        if scores[first] > best:
            best, at = float(scores[first]), begin + first
    return Choice(at, selector.scale * best / width**0.5 + selector.bias)


def _window_scores(selector: WindowSelector, ids: Ids, width: int) -> NDArray[np.float64]:
    """The sum of weights inside each window: [tokens - width + 1] float64, whole numbers below 2**53, so exact."""
    scores = np.zeros(len(ids) - width + 1)
    bits = len(selector.weights).bit_length() - 1
    for length, buckets in enumerate(ngram_buckets(ids, bits), start=1):
        inside = width - length + 1  # n-grams of this length in one window
        if inside < 1:
            break
        sums = np.concatenate(([0.0], np.cumsum(selector.weights[buckets], dtype=np.float64)))
        scores += sums[inside:] - sums[:-inside]
    return scores
