"""The data files as typed values. Read strictly: an unknown key, slot, kind or encoding names file and field.

A file is of one `language` ("*": slots for all of them) and holds:

- [SUBFAMILY.NAME]: an idea, with `attack`, its harmless `twin`, the twin's `kind` (hard_negative where it says
  nothing), and for [encoded.NAME] the `encodings` that suit (all where it says nothing). What stands between ⟨ and ⟩
  is encoded, and {scheme} is the encoding's name.
- [plain.KIND]: harmless texts by name.
- [slots]: lists of lines, each a text or a pair [attack's side, twin's side].
- [openings] and [closings]: lists of texts to put before and after an idea, `message` for what a person writes,
  `content` for documents (planted attacks) that a person hands over.
- [carriers]: by genre, paragraphs of long harmless documents.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from raxe_conformance.build.grammar.encodings import ENCODINGS, GROUPS
from raxe_conformance.build.grammar.template import Line, slot_names
from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import read_bounded

DATA: Final = Path(__file__).parent / "data"
MAX_FILE_BYTES: Final = 300_000
ENCODED: Final = "encoded"
_SUBFAMILIES: Final = {
    "PI": ("direct_override", "system_prompt_extraction", "task_hijack", "delimiter_forgery"),
    "JB": ("persona", "hypothetical", "many_turn", "authority", "refusal_suppression"),
    "CMD": ("shell", "sql", "tool_call_abuse", "path_traversal"),
    "PII": ("exfil_link", "exfil_encoding", "exfil_summary"),
    "ENC": (ENCODED,),
    "RAG": ("email", "web_page", "table", "code_comment", "pdf_text", "calendar", "review"),
}
FAMILY_OF: Final = {subfamily: family for family, group in _SUBFAMILIES.items() for subfamily in group}
KINDS: Final = (
    "assistant", "code", "log", "email", "table", "json", "document", "customer_service", "role_play", "security",
    "prompt_engineering", "translation", "system_prompt", "hard_negative", "quoted_attack",
)  # fmt: skip
_EVERY: Final = "*"
_PLACES: Final = ("message", "content")
# Left in the text for placing.encode to fill in.
_SCHEME: Final = r"\{scheme\}"


@dataclass(frozen=True)
class Idea:
    """An attack and its harmless twin, as templates. `encodings` are names of ENCODINGS, none for all of them."""

    id: str
    family: str
    subfamily: str
    language: str
    attack: str
    twin: str
    kind: str
    encodings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plain:
    """A harmless text without a twin, as a template."""

    id: str
    language: str
    kind: str
    text: str


@dataclass
class Book:
    """What one language's files hold together."""

    language: str
    ideas: list[Idea] = field(default_factory=list)
    plain: list[Plain] = field(default_factory=list)
    slots: dict[str, list[Line]] = field(default_factory=dict)
    openings: dict[str, list[str]] = field(default_factory=dict)
    closings: dict[str, list[str]] = field(default_factory=dict)
    carriers: dict[str, list[str]] = field(default_factory=dict)


@cache
def books(folder: Path = DATA) -> dict[str, Book]:
    """All data files of a folder by language, in the order of their names. Raises BuildError."""
    found: dict[str, Book] = {}
    for path in sorted(folder.rglob("*.toml")):
        try:
            raw = tomllib.loads(read_bounded(path, MAX_FILE_BYTES, what="the data file").decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BuildError(f"is no TOML: {error}", file=path, remedy="mend the syntax") from None
        language = raw.pop("language", None)
        if not isinstance(language, str):
            raise BuildError("is missing or no string", file=path, field="language")
        _read(found.setdefault(language, Book(language)), raw, path)
    common = found.pop(_EVERY, Book(_EVERY)).slots
    for book in found.values():
        book.slots = common | book.slots
        if not book.carriers:
            # Where nobody wrote long documents, the harmless ones of the language are joined.
            book.carriers["notes"] = [plain.text for plain in book.plain if plain.kind == "document"]
        book.slots["scheme"] = [(_SCHEME, _SCHEME)]
        _check_slots(book, folder)
    return found


def _read(book: Book, raw: dict[str, Any], path: Path) -> None:
    for key, value in raw.items():
        if not isinstance(value, dict):
            raise BuildError("is no table", file=path, field=key)
        if key == "slots":
            book.slots |= {
                name: [_line(item, path, f"slots.{name}") for item in lines] for name, lines in value.items()
            }
        elif key in ("openings", "closings", "carriers"):
            if key != "carriers" and not set(value) <= set(_PLACES):
                raise BuildError(f"has other keys than {' and '.join(_PLACES)}", file=path, field=key)
            own = getattr(book, key)
            for name, texts in value.items():
                own.setdefault(name, []).extend(_text(text, path, f"{key}.{name}") for text in texts)
        elif key == "plain":
            for kind, texts in value.items():
                if kind not in KINDS:
                    raise BuildError(f"is none of {', '.join(KINDS)}", file=path, field=f"plain.{kind}")
                for name, text in texts.items():
                    own_id = f"{book.language}-{kind}-{name}"
                    book.plain.append(Plain(own_id, book.language, kind, _text(text, path, f"plain.{kind}.{name}")))
        elif key in FAMILY_OF:
            book.ideas += [_idea(book.language, key, name, idea, path) for name, idea in value.items()]
        else:
            raise BuildError("is no subfamily and no other table of a data file", file=path, field=key)


def _idea(language: str, subfamily: str, name: str, raw: Any, path: Path) -> Idea:
    at = f"{subfamily}.{name}"
    if not isinstance(raw, dict) or not {"attack", "twin"} <= set(raw) <= {"attack", "twin", "kind", "encodings"}:
        raise BuildError("is no table of attack, twin, kind and encodings", file=path, field=at)
    kind = raw.get("kind", "hard_negative")
    encodings = [one for name in raw.get("encodings", []) for one in GROUPS.get(name, (name,))]
    if kind not in KINDS:
        raise BuildError(f"is {kind!r}, but should be one of {', '.join(KINDS)}", file=path, field=f"{at}.kind")
    if unknown := sorted(set(encodings) - set(ENCODINGS)):
        raise BuildError(f"names {unknown[0]!r}, which is no encoding", file=path, field=f"{at}.encodings")
    attack, twin = _text(raw["attack"], path, f"{at}.attack"), _text(raw["twin"], path, f"{at}.twin")
    family = FAMILY_OF[subfamily]
    return Idea(f"{language}-{family.casefold()}-{name}", family, subfamily, language, attack, twin, kind,
                tuple(encodings))  # fmt: skip


def _text(value: Any, path: Path, at: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BuildError("is empty or no string", file=path, field=at)
    return value.strip("\n")


def _line(value: Any, path: Path, at: str) -> Line:
    if isinstance(value, str):
        return value, value
    if isinstance(value, list) and len(value) == 2 and all(isinstance(side, str) for side in value):
        return value[0], value[1]
    raise BuildError(f"holds {value!r}, but should hold texts, or pairs of them", file=path, field=at)


def _check_slots(book: Book, folder: Path) -> None:
    texts = [(idea.id, text) for idea in book.ideas for text in (idea.attack, idea.twin)]
    texts += [(plain.id, plain.text) for plain in book.plain]
    texts += [(f"slots.{name}", side) for name, lines in book.slots.items() for line in lines for side in line]
    for group in (book.openings, book.closings, book.carriers):
        texts += [(name, text) for name, group_texts in group.items() for text in group_texts]
    for at, text in texts:
        if unknown := sorted(slot_names(text) - set(book.slots)):
            raise BuildError(
                f"names the slot {unknown[0]!r}, which no file of the language {book.language} has", file=folder,
                field=at, remedy="add it to [slots], or write a backslash before the brace",
            )  # fmt: skip
    ids = [idea.id for idea in book.ideas] + [plain.id for plain in book.plain]
    if repeated := next((name for name in ids if ids.count(name) > 1), None):
        raise BuildError("names two texts", file=folder, field=repeated, remedy="rename one of them")
