"""Dealing texts into hands that have the same mixture of lengths, so that hands are equal work."""

from __future__ import annotations

import random
from collections.abc import Sequence

SEED = 0


def deal(texts: Sequence[str], size: int, seed: int = SEED) -> list[list[str]]:
    """Hands of `size` texts: one of each of `size` classes of length, in a seeded order. All texts are dealt once.

    The classes are the texts, sorted by characters, cut into `size` nearly equal parts. Where a class has a text less
    than others, one of its texts is dealt twice; where there are fewer than `size` texts, texts are repeated. Raises
    ValueError where there are none.
    """
    if not texts:
        raise ValueError("there is no text to deal")
    chance = random.Random(seed)  # noqa: S311  an order, not a secret
    ordered = sorted(texts, key=len)
    while len(ordered) < size:
        ordered = sorted(ordered + ordered, key=len)
    classes = [ordered[i * len(ordered) // size : (i + 1) * len(ordered) // size] for i in range(size)]
    for one in classes:
        chance.shuffle(one)
    hands = []
    for number in range(max(map(len, classes))):
        hand = [one[number % len(one)] for one in classes]
        chance.shuffle(hand)
        hands.append(hand)
    return hands
