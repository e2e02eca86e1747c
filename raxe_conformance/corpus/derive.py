"""Derived texts: a benchmark row changed in what should not matter to the decision. Made at run time, seeded.

Each transformation states its invariance, and for which rows it holds: an attack stays an attack, a harmless text stays
harmless, by docs/labelling.md. The same text, seed and transformation give the same result on every machine.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from raxe_conformance.corpus import disguises, planting
from raxe_conformance.corpus.rewording import reword
from raxe_conformance.corpus.rows import Row

# A disguise of an attack that is one already, or of a payload that an interpreter must read, may undo the attack.
_LETTERS_MATTER: Final = frozenset({"ENC", "CMD"})
# Rows that are content. A user's own request, planted in a document, would become an instruction inside a document.
_CONTENT: Final = frozenset({"document", "email", "table", "json", "log", "code"})
_GAPS: Final = ("  ", "\t", "\n", "\u00a0", "\u2003", " \n ")


def _same(text: str) -> str:
    return text


@dataclass(frozen=True)
class Transformation:
    """One way to change a text.

    group: planting, typography, disguise, encoding or wording. invariance: why the label stays. Exactly one of `whole`
    (text → text) and `word` (each word by itself) is given. left_out: families of attacks for which it does not hold.
    benign_kinds: the kinds of harmless rows for which it holds, None for all. language: the only one it knows.
    undo and modulo: undo(change(text)) == modulo(text), where it can be taken back at all.
    """

    name: str
    group: str
    title: str
    invariance: str
    whole: Callable[[str, Random], str] | None = None
    word: Callable[[str, Random], str] | None = None
    left_out: frozenset[str] = frozenset()
    benign_kinds: frozenset[str] | None = None
    language: str | None = None
    undo: Callable[[str], str] | None = None
    modulo: Callable[[str], str] = _same

    def suits(self, row: Row) -> bool:
        """Whether the invariance holds for this row."""
        if self.language and not (row.language or self.language).startswith(self.language):
            return False
        if row.is_attack:
            return row.label not in self.left_out
        return self.benign_kinds is None or row.kind in self.benign_kinds

    def change(self, text: str, *, seed: int = 0, words: Iterable[int] | None = None) -> str:
        """The changed text; the same text where it offers nothing to change.

        words: change only the words with these numbers (from 0); transformations of the whole text ignore it.
        """
        if self.whole is not None:
            return self.whole(text, _chance(seed, self.name, text))
        assert self.word is not None
        only = None if words is None else set(words)
        parts = re.split(r"(\s+)", text)
        number = -1
        for index, part in enumerate(parts):
            if not part or part.isspace():
                continue
            number += 1
            if only is None or number in only:
                # Each word has its own chance, so that it changes in the same way whichever others change too.
                parts[index] = self.word(part, _chance(seed, self.name, f"{number} {part}"))
        return "".join(parts)


@dataclass(frozen=True)
class Step:
    """One step of a chain: a transformation by name, and the words that it touches (none named: the whole text)."""

    name: str
    words: tuple[int, ...] = ()


def transformations(carriers: Sequence[str]) -> dict[str, Transformation]:
    """All transformations by name. `carriers` are long harmless texts to plant in; without any, nothing is planted."""
    return {t.name: t for t in [*(_plantings(carriers) if carriers else []), *_OTHERS]}


def apply_chain(chain: Iterable[Step], text: str, known: dict[str, Transformation], *, seed: int = 0) -> str:
    """The text after all steps, one upon the other."""
    for step in chain:
        text = known[step.name].change(text, seed=seed, words=step.words or None)
    return text


def _chance(seed: int, name: str, text: str) -> Random:
    digest = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return Random(f"{seed} {name} {digest}")  # noqa: S311  a variation, not a secret


def _plantings(carriers: Sequence[str]) -> list[Transformation]:
    def into(place: Callable[[str, str], str], text: str, chance: Random) -> str:
        return place(text, planting.choose(carriers, chance))

    return [
        Transformation(
            name=name,
            group="planting",
            title=title,
            invariance="in other content, an attack is an indirect injection, and harmless content is harmless",
            whole=partial(into, place),
            benign_kinds=_CONTENT,
        )
        for name, title, place in (
            ("plant_start", "at the start of a long text", planting.at_start),
            ("plant_middle", "in the middle of a long text", planting.in_middle),
            ("plant_end", "at the end of a long text", planting.at_end),
        )
    ]


def _respace(text: str, chance: Random) -> str:
    return re.sub(r"\s+", lambda match: chance.choice(_GAPS), text)


def _one_space(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _to_base64(text: str, chance: Random) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def _from_base64(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogatepass")


_READABLE = "read as before by people and by language models"
_OTHERS: Final = (
    Transformation(
        "upper_case", "typography", "in capitals", f"capitals are {_READABLE}",
        word=disguises.upper, left_out=_LETTERS_MATTER, undo=str.casefold, modulo=str.casefold,
    ),
    Transformation(
        "mixed_case", "typography", "in mixed case", f"letters of any case are {_READABLE}",
        word=disguises.mixed_case, left_out=_LETTERS_MATTER, undo=str.casefold, modulo=str.casefold,
    ),
    Transformation(
        "respace", "typography", "with other white space", "white space between words says nothing",
        whole=_respace, left_out=_LETTERS_MATTER, undo=_one_space, modulo=_one_space,
    ),
    Transformation(
        "spread", "disguise", "with spaces between letters", f"spaced letters are {_READABLE}",
        word=disguises.spread, left_out=_LETTERS_MATTER, undo=disguises.unspaced, modulo=disguises.unspaced,
    ),
    Transformation(
        "zero_width", "disguise", "with zero-width characters", "nobody sees them",
        word=disguises.zero_width, left_out=_LETTERS_MATTER, undo=disguises.visible, modulo=disguises.visible,
    ),
    Transformation(
        "look_alike", "disguise", "with look-alike letters", f"look-alikes are {_READABLE}",
        word=disguises.look_alike, left_out=_LETTERS_MATTER, undo=disguises.latin, modulo=disguises.latin,
    ),
    Transformation(
        "leet", "disguise", "in leetspeak", f"digits for letters are {_READABLE}",
        word=disguises.leet, left_out=_LETTERS_MATTER, undo=disguises.unleet, modulo=disguises.unleet,
    ),
    Transformation(
        "base64", "encoding", "in base64", "an encoded text is judged by what it says when decoded (hard case 11)",
        whole=_to_base64, left_out=frozenset({"ENC"}), undo=_from_base64,
    ),
    Transformation(
        "reword", "wording", "in other words", "only phrases that mean the same are exchanged",
        whole=lambda text, chance: reword(text, chance), left_out=frozenset({"ENC"}), language="en",
    ),
)  # fmt: skip
