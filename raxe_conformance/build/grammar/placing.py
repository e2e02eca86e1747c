"""Where a text of the grammar stands: behind an encoding, after a greeting, or inside a long document."""

from __future__ import annotations

import re
from random import Random
from typing import Final

from raxe_conformance.build.grammar.book import Book, Idea
from raxe_conformance.build.grammar.encodings import fitting
from raxe_conformance.build.grammar.template import ATTACK, TWIN, Draw
from raxe_conformance.corpus import planting

# The twin whose length comes nearest to the attack's is taken from this many.
_TWINS: Final = 6
_WRAPPED: Final = 0.3
_PARAGRAPHS: Final = (1, 4)
_HIDDEN = re.compile("⟨(.*?)⟩", re.DOTALL)


def both(idea: Idea, draw: Draw) -> tuple[str, str]:
    """Attack and twin with every choice made, of lengths as near as a few draws of the twin bring them."""
    attack = draw.render(idea.attack, ATTACK)
    twins = [draw.render(idea.twin, TWIN) for _ in range(_TWINS)]
    return attack, min(twins, key=lambda twin: abs(len(twin) - len(attack)))


def encode(idea: Idea, attack: str, twin: str, chance: Random) -> tuple[str, str, str | None]:
    """Both texts with what stands between ⟨ and ⟩ encoded in one way, and the way's subfamily."""
    hidden = " ".join(_HIDDEN.findall(attack))
    choices = fitting(hidden, idea.encodings)
    chance.shuffle(choices)
    # Not every encoding changes every text: word order, where a script has no spaces.
    encoding = next(choice for choice in choices if choice.encode(hidden, chance) != hidden)

    def hide(text: str) -> str:
        found = _HIDDEN.sub(lambda match: encoding.encode(match.group(1), chance), text)
        return found.replace("{scheme}", encoding.name)

    return hide(attack), hide(twin), encoding.subfamily


def wrap(book: Book, place: str, texts: tuple[str, str], draw: Draw, chance: Random) -> tuple[str, str]:
    """Both texts, some with the same opening before them or the same closing after them."""
    for position, group in enumerate((book.openings, book.closings)):
        if group.get(place) and chance.random() < _WRAPPED:
            words = draw.render(chance.choice(group[place]), TWIN)
            attack, twin = texts
            gap = "\n\n" if place == "content" else "\n" if "\n" in attack + twin else " "
            texts = (
                (attack + gap + words, twin + gap + words) if position else (words + gap + attack, words + gap + twin)
            )
    return texts


def foreign_paragraph(book: Book, length: int, draw: Draw, chance: Random) -> str:
    """A paragraph of any genre and of about that length: for a twin whose attack is no content by itself."""
    found = [
        draw.render(chance.choice(book.carriers[chance.choice(sorted(book.carriers))]), TWIN) for _ in range(_TWINS)
    ]
    return min(found, key=lambda text: abs(len(text) - length))


def plant(book: Book, texts: tuple[str, str], draw: Draw, chance: Random) -> tuple[str, str]:
    """Both texts at the same place in long documents of one genre, which share no paragraph."""
    paragraphs = _shuffled(book, chance.choice(sorted(book.carriers)), chance)
    half = len(paragraphs) // 2
    most = min(_PARAGRAPHS[1], half)
    length = chance.randint(min(_PARAGRAPHS[0], most), most)
    place = chance.random()
    attack, twin = (
        _put(text, [draw.render(part, TWIN) for part in group[:length]], place)
        for text, group in zip(texts, (paragraphs[:half], paragraphs[half:]), strict=True)
    )
    return attack, twin


def long_document(book: Book, genre: str, draw: Draw, chance: Random) -> str:
    """Paragraphs of one genre with nothing in them."""
    length = chance.randint(*_PARAGRAPHS)
    return "\n\n".join(draw.render(part, TWIN) for part in _shuffled(book, genre, chance)[:length])


def _shuffled(book: Book, genre: str, chance: Random) -> list[str]:
    paragraphs = list(book.carriers[genre])
    chance.shuffle(paragraphs)
    return paragraphs


def _put(text: str, parts: list[str], place: float) -> str:
    """The text at a place from 0 (before all paragraphs) to 1 (after all), every third time inside of one."""
    steps = 3 * len(parts)
    step = min(int(place * (steps + 1)), steps)
    before, inside = divmod(step, 3)
    if inside == 1 and before < len(parts):
        parts[before] = planting.in_middle(text, parts[before])
        return "\n\n".join(parts)
    if inside == 2:
        before += 1
    if before == 0:
        return planting.at_start(text, "\n\n".join(parts))
    head = planting.at_end(text, "\n\n".join(parts[:before]))
    return "\n\n".join([head, *parts[before:]])
