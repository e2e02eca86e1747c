"""A text hidden in a long harmless one: at its start, in its middle, at its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Final

CARRIERS: Final = 8
CARRIER_WORDS: Final = 200
_SENTENCE_END = re.compile(r"(?<=[.!?。！？।])\s+|\n+")


def long_texts(texts: Sequence[str], *, count: int = CARRIERS, words: int = CARRIER_WORDS) -> list[str]:
    """Up to `count` texts of at least `words` words, joined from `texts` in their order; each text is used once.

    Where all texts together are shorter than that, one text of what there is. No texts, no carriers.
    """
    found: list[str] = []
    parts: list[str] = []
    length = 0
    for text in texts:
        parts.append(text.strip())
        length += len(text.split())
        if length >= words:
            found.append("\n\n".join(parts))
            parts, length = [], 0
            if len(found) == count:
                break
    return found or (["\n\n".join(parts)] if parts else [])


def at_start(text: str, carrier: str) -> str:
    """The text first."""
    return f"{text}\n\n{carrier}"


def in_middle(text: str, carrier: str) -> str:
    """The text between the two sentences nearest to the carrier's middle, or words where it has no sentences."""
    ends = [match.start() for match in _SENTENCE_END.finditer(carrier)]
    if not ends:
        ends = [match.start() for match in re.finditer(r"\s+", carrier)] or [len(carrier)]
    cut = min(ends, key=lambda end: abs(end - len(carrier) // 2))
    return f"{carrier[:cut]}\n\n{text}\n\n{carrier[cut:].lstrip()}"


def at_end(text: str, carrier: str) -> str:
    """The text last."""
    return f"{carrier}\n\n{text}"


def choose(carriers: Sequence[str], chance: Random) -> str:
    """One of the carriers."""
    return carriers[chance.randrange(len(carriers))]
