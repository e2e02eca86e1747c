"""How the letters of a word can be changed so that a person, or a language model, still reads the word.

Each function takes a word (no white space in it) and a source of chance, and gives the word in its disguise; a word
that offers nothing to change comes back as it is. Each has a counterpart that takes the disguise off a whole text.
"""

from __future__ import annotations

import unicodedata
from random import Random
from typing import Final

# Cyrillic letters that look like Latin ones in most fonts. Unicode's compatibility forms (NFKC) leave them as they are.
LOOK_ALIKES: Final = dict(
    zip("acdehijlopqswxyABCEHIJKMOPSTXY", "асԁеһіјӏорԛѕԝхуАВСЕНІЈКМОРЅТХУ", strict=True)
)  # fmt: skip
_LATIN = str.maketrans({look: letter for letter, look in LOOK_ALIKES.items()})
LEET: Final = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"}
_LEET = str.maketrans({**LEET, **{letter.upper(): digit for letter, digit in LEET.items()}})
_UNLEET = str.maketrans({digit: letter for letter, digit in LEET.items()})
ZERO_WIDTH: Final = ("\u200b", "\u2060", "\ufeff")
_NO_ZERO_WIDTH = str.maketrans(dict.fromkeys(ZERO_WIDTH))


def _upper(char: str) -> str:
    """The capital of a letter that has exactly one (ß and ı have none that leads back)."""
    capital = char.upper()
    return capital if len(capital) == 1 and capital.casefold() == char.casefold() else char


def upper(word: str, chance: Random) -> str:
    """All letters as capitals."""
    return "".join(map(_upper, word))


def mixed_case(word: str, chance: Random) -> str:
    """Each letter as a capital or a small one, by chance; at least one letter changes."""
    swapped = [_upper(char) if _upper(char) != char else _lower(char) for char in word]
    return _some(list(word), swapped, chance)


def _lower(char: str) -> str:
    small = char.lower()
    return small if len(small) == 1 and small.casefold() == char.casefold() else char


def look_alike(word: str, chance: Random) -> str:
    """About half of the letters that have one as a Cyrillic look-alike, at least one."""
    return _some(list(word), [LOOK_ALIKES.get(char, char) for char in word], chance)


def latin(text: str) -> str:
    """Look-alikes back as Latin letters (in a Cyrillic text, more than was put in)."""
    return text.translate(_LATIN)


def leet(word: str, chance: Random) -> str:
    """Every letter that has a digit as that digit."""
    return word.translate(_LEET)


def unleet(text: str) -> str:
    """Digits back as letters, all small (digits that were there before as well)."""
    return text.casefold().translate(_UNLEET)


def zero_width(word: str, chance: Random) -> str:
    """An invisible character in about half of the gaps between characters, at least in one."""
    gaps = [""] * (len(word) - 1)
    filled = _some_list(gaps, [chance.choice(ZERO_WIDTH) for _ in gaps], chance)
    return "".join(char + gap for char, gap in zip(word, [*filled, ""], strict=True))


def visible(text: str) -> str:
    """The text without zero-width characters."""
    return text.translate(_NO_ZERO_WIDTH)


def spread(word: str, chance: Random) -> str:
    """A space between all letters, and one more around the word, so that words stay apart."""
    if len(word) < 2 or any(unicodedata.category(char)[0] == "M" for char in word):
        return word  # marks belong to the letter before them
    return f" {' '.join(word)} "


def unspaced(text: str) -> str:
    """The text without any white space."""
    return "".join(text.split())


def _some(old: list[str], new: list[str], chance: Random) -> str:
    return "".join(_some_list(old, new, chance))


def _some_list(old: list[str], new: list[str], chance: Random) -> list[str]:
    """`old` with about half of the places that differ taken from `new`, at least one where any differs."""
    places = [index for index, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    if not places:
        return old
    chosen = {place for place in places if chance.random() < 0.5} or {chance.choice(places)}
    return [new[index] if index in chosen else char for index, char in enumerate(old)]
