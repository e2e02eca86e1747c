"""Texts with choices in them, and one way of drawing from them.

- `[a|b|c]` is one of its parts; parts may be empty, and may hold choices themselves. Brackets without `|` stand for
  themselves, as in `[SYSTEM]` or JSON.
- `{name}` is a line from the slot of that name. A slot's line has two sides, one for the attack and one for its
  twin; most lines are the same on both. Within one pair a slot keeps its line, so that twins speak of the same thing;
  `{name2}` is another line of the same slot. `{name.attack}` and `{name.twin}` take that side in both texts.
- Double braces (`{{name}}`) stand for themselves. A backslash before one of `[ ] { } |` takes its meaning away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

ATTACK: Final = 0
TWIN: Final = 1
_SIDES: Final = {"attack": ATTACK, "twin": TWIN}
_TOKEN = re.compile(r"\\[\[\]{}|]|(?<!\{)\{([a-z_]+)(\d?)(?:\.(attack|twin))?\}(?!\})|[\[\]|]")
MAX_DEPTH: Final = 8

Line = tuple[str, str]
Slots = Mapping[str, Sequence[Line]]


class Draw:
    """One pair's draws: `render` may be called often; slots keep their lines, choices in brackets fall anew."""

    def __init__(self, slots: Slots, chance: Random) -> None:
        self._slots, self._chance = slots, chance
        self._lines: dict[str, Line] = {}

    def render(self, text: str, side: int) -> str:
        """The text with every choice made, for one side (ATTACK or TWIN). Raises KeyError for an unknown slot."""
        return self._render(text, side, 0)

    def line(self, name: str) -> Line:
        """The line that a slot has in this pair: its attack's and its twin's side, choices not yet made."""
        if name not in self._lines:
            base = name.rstrip("0123456789")
            taken = [line for other, line in self._lines.items() if other.rstrip("0123456789") == base]
            lines = [line for line in self._slots[base] if line not in taken] or self._slots[base]
            self._lines[name] = self._chance.choice(lines)
        return self._lines[name]

    def _render(self, text: str, side: int, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise ValueError(f"slots are nested deeper than {MAX_DEPTH}: {text[:60]!r}")
        # Open brackets: for each, the parts that are finished, and what the part that is open has so far.
        stack: list[tuple[list[str], list[str]]] = [([], [])]
        position = 0
        for match in _TOKEN.finditer(text):
            stack[-1][1].append(text[position : match.start()])
            position = match.end()
            found = match.group()
            if match.group(1):
                own = _SIDES.get(match.group(3) or "", side)
                stack[-1][1].append(self._render(self.line(match.group(1) + match.group(2))[own], side, depth + 1))
            elif found == "[":
                stack.append(([], []))
            elif found == "|" and len(stack) > 1:
                parts, current = stack[-1]
                parts.append("".join(current))
                current.clear()
            elif found == "]" and len(stack) > 1:
                parts, current = stack.pop()
                chosen = self._chance.choice([*parts, "".join(current)]) if parts else f"[{''.join(current)}]"
                stack[-1][1].append(chosen)
            else:
                stack[-1][1].append(found[-1])
        stack[-1][1].append(text[position:])
        while len(stack) > 1:  # an opening bracket that nothing closes stands for itself
            parts, current = stack.pop()
            stack[-1][1].append("[" + "|".join([*parts, "".join(current)]))
        return "".join(stack[0][1])


def slot_names(text: str) -> set[str]:
    """The slots that a text names, without the digit of a second draw."""
    return {match.group(1) for match in _TOKEN.finditer(text) if match.group(1)}
