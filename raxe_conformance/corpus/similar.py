"""Near duplicates among many texts: MinHash finds candidates, the exact share of common shingles decides.

A shingle is five tokens in a row; a token is a word, or one character in scripts that write without spaces. Case,
punctuation and white space do not count. Everything is seeded, so the same texts give the same answer everywhere.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHINGLE: Final = 5
BANDS: Final = 24
ROWS: Final = 3
_TOKEN = re.compile("[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\\w+")
PRIME: Final = (1 << 31) - 1


def shingles(text: str) -> NDArray[np.uint32]:
    """The distinct shingles of a text as 32-bit hashes, sorted. A text of fewer than five tokens is one shingle."""
    tokens = [zlib.crc32(token.encode("utf-8", "replace")) for token in _TOKEN.findall(text.casefold())]
    if len(tokens) < SHINGLE:
        # What has no word at all (only signs) is compared as it stands.
        whole = repr(tokens) if tokens else text.strip()
        return np.array([zlib.crc32(whole.encode("utf-8", "replace"))], np.uint32)
    columns = np.lib.stride_tricks.sliding_window_view(np.array(tokens, np.uint64), SHINGLE)
    # A polynomial in a fixed odd base, modulo 2^64; the upper half mixes best.
    hashes = np.zeros(len(columns), np.uint64)
    for index in range(SHINGLE):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + columns[:, index]
    hashes ^= hashes >> np.uint64(29)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    return np.unique((hashes >> np.uint64(32)).astype(np.uint32))


def minhash(values: NDArray[np.uint32], factors: NDArray[np.int64], shifts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least of (factor · value + shift) mod PRIME over the values, for each pair of factor and shift: [pairs]."""
    # All are below 2^31, so products stay below 2^62.
    reduced = values.astype(np.int64) % PRIME
    least: NDArray[np.int64] = np.min((factors[:, None] * reduced[None, :] + shifts[:, None]) % PRIME, axis=1)
    return least


def near_duplicates(texts: Sequence[str], *, share: float = 0.5, seed: int = 0) -> NDArray[np.int64]:
    """For each text the index of the earlier text that it nearly repeats, or -1: [texts] int64.

    Two texts are near duplicates where more than `share` of their shingles are common (Jaccard). Only texts that are
    themselves kept (-1) are compared with, so a chain of small changes does not swallow everything.
    """
    generator = np.random.default_rng(seed)
    factors = generator.integers(1, PRIME, BANDS * ROWS, dtype=np.int64)
    shifts = generator.integers(0, PRIME, BANDS * ROWS, dtype=np.int64)
    kept: dict[int, NDArray[np.uint32]] = {}
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    found = np.full(len(texts), -1, np.int64)
    for index, text in enumerate(texts):
        own = shingles(text)
        least = minhash(own, factors, shifts)
        keys = [(band, least[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS)]
        candidates = sorted({other for key in keys for other in buckets[key]})
        for other in candidates:
            common = len(np.intersect1d(own, kept[other], assume_unique=True))
            if common > share * (len(own) + len(kept[other]) - common):
                found[index] = other
                break
        else:
            kept[index] = own
            for key in keys:
                buckets[key].append(index)
    return found
