"""Rows from the data files: pairs of attack and twin, and harmless text, the same for the same seed on every machine.

One round draws once from every idea, every harmless text and every genre of long documents, in an order of its own. A
stream of rows is as long as it is asked for: rows(seed, 100) begins with what rows(seed, 50) gives. A row's id says
which entry it is of, in which round, and which side ("a" attack, "b" twin).
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from raxe_conformance.build.grammar.book import ENCODED, Book, Idea, Plain, books
from raxe_conformance.build.grammar.placing import both, encode, foreign_paragraph, long_document, plant, wrap
from raxe_conformance.build.grammar.template import TWIN, Draw
from raxe_conformance.corpus.index import CorpusRow
from raxe_conformance.corpus.rows import BENIGN, Row
from raxe_conformance.corpus.similar import shingles

SOURCE: Final = "own-grammar"
LICENSE: Final = "Apache-2.0"
# Share of the ideas that are planted in a long document in a round: those of content, and the others.
_PLANTED: Final = 0.4
_PLANTED_MESSAGES: Final = 0.15
# Twins that share more than this part of their shingles (Jaccard) would count as one text with two labels.
_TOO_NEAR: Final = 0.5
# Rounds in a row that bring nothing new before the stream ends.
_DRY_ROUNDS: Final = 3

Entry = Idea | Plain | str  # a name: a genre of long documents


def rows(seed: int, count: int) -> Iterator[Row]:
    """Up to `count` rows, no text twice; an attack comes right before its twin, and both have the same `pair`.

    Fewer only where the grammar has no more to give.
    """
    entries: list[tuple[Book, Entry]] = []
    for book in books().values():
        own: list[Entry] = [*book.ideas, *book.plain, *sorted(book.carriers)]
        entries += [(book, entry) for entry in own]
    seen: set[str] = set()
    given = dry = number = 0
    while dry < _DRY_ROUNDS:
        dry += 1
        order = entries.copy()
        _chance(f"{seed} round {number}").shuffle(order)
        for book, entry in order:
            new = _draw(book, entry, number, seed)
            texts = {row.text for row in new}
            if texts & seen or _too_near(new):
                continue
            seen |= texts
            dry = 0
            for row in new:
                if given == count:
                    return
                given += 1
                yield row
        number += 1


def corpus_rows(seed: int, count: int) -> list[CorpusRow]:
    """The same rows in the shape that build/dataset.py trains on, as one more source."""
    found = []
    for row in rows(seed, count):
        family = row.label if row.is_attack else None
        file = f"{SOURCE}/{row.language}-{row.label.casefold()}"
        found.append(CorpusRow(row.text, row.is_attack, family, SOURCE, file, (row.language or "en",)))
    return found


def _chance(name: str) -> Random:
    return Random(name)  # noqa: S311  made text, not a secret


def _too_near(new: list[Row]) -> bool:
    if len(new) < 2:
        return False
    attack, twin = (set(shingles(row.text).tolist()) for row in new)
    return len(attack & twin) > _TOO_NEAR * len(attack | twin)


def _draw(book: Book, entry: Entry, number: int, seed: int) -> list[Row]:
    name = entry if isinstance(entry, str) else entry.id
    chance = _chance(f"{seed} {book.language} {name} {number}")
    draw = Draw(book.slots, chance)
    if isinstance(entry, Idea):
        return _pair(book, entry, f"{SOURCE}-{name}-{number}", draw, chance)
    if isinstance(entry, Plain):
        text, kind, own_id = draw.render(entry.text, TWIN), entry.kind, f"{SOURCE}-{name}-{number}"
    else:
        text, kind = long_document(book, entry, draw, chance), "document"
        own_id = f"{SOURCE}-{book.language}-long-{name}-{number}"
    return [Row(text, BENIGN, own_id, source=SOURCE, language=book.language, kind=kind, license=LICENSE)]


def _pair(book: Book, idea: Idea, name: str, draw: Draw, chance: Random) -> list[Row]:
    attack, twin = both(idea, draw)
    family, kind, subfamily = idea.family, idea.kind, None if idea.subfamily == ENCODED else idea.subfamily
    if idea.subfamily == ENCODED:
        attack, twin, subfamily = encode(idea, attack, twin, chance)
    if family == "RAG" and chance.random() < _PLANTED:
        attack, twin = plant(book, (attack, twin), draw, chance)
    elif family != "RAG" and chance.random() < _PLANTED_MESSAGES:
        # A person's harmless request would become an instruction inside a document, so the twin holds something else.
        attack, twin = plant(book, (attack, foreign_paragraph(book, len(attack), draw, chance)), draw, chance)
        family, kind, subfamily = "RAG", "document", None
    else:
        attack, twin = wrap(book, "content" if family == "RAG" else "message", (attack, twin), draw, chance)
    language = idea.language
    return [
        Row(attack, family, f"{name}-a", subfamily, SOURCE, language, "attack", name, LICENSE),
        Row(twin, BENIGN, f"{name}-b", None, SOURCE, language, kind, name, LICENSE),
    ]
