"""Text from anywhere, made safe to look at: what has no glyph, or would turn its neighbours round, is spelled out."""

from __future__ import annotations

import unicodedata
from typing import Any

from markupsafe import Markup

LONGEST = 2000  # characters of any one value on a page; a message is at most a few hundred
TEXT = 300  # characters of a benchmark text

# Controls, formats (bidirectional marks, zero width, tags), surrogates, private, unassigned, line and paragraph ends.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Blank to the eye although Unicode counts them as letters or marks: Hangul fillers, braille blank, variation selectors.
_BLANK = {0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_MOST_MARKS = 2  # combining marks in a row; further ones would climb over the neighbouring lines
_SPELLED = 8  # characters of a run without a glyph that are spelled out


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or ord(character) in _BLANK


def visible(text: str, most: int = LONGEST) -> str:
    """`text` with invisible characters as ⟨U+202E⟩ and line ends as ↵, cut after `most` characters of the original."""
    pieces: list[str] = []
    run: list[str] = []
    marks = 0
    for character in text[:most]:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if character != "\n" and (_hidden(character) or marks > _MOST_MARKS):
            run.append(f"U+{ord(character):04X}")
            continue
        pieces += [_spelled(run), "↵ " if character == "\n" else character]
        run = []
    pieces.append(_spelled(run))
    if len(text) > most:
        pieces.append(f" … ({len(text) - most:,} more characters)")
    return "".join(pieces)


def _spelled(run: list[str]) -> str:
    if not run:
        return ""
    more = [f"and {len(run) - _SPELLED} more"] if len(run) > _SPELLED else []
    return f"⟨{' '.join(run[:_SPELLED] + more)}⟩"


def shown(value: Any) -> Any:
    """What a template prints for a value: strings made visible, markup and numbers as they are."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
