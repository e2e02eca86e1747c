"""Ways to hide a text from who only reads it: each has a name for people, a subfamily, and a function.

The robustness checks disguise benchmark rows by corpus/derive.py. Training on the very same disguises would measure
memory, so these differ from them: base64 stands in lines, twice, or without its padding, leetspeak has other signs,
look-alikes are not Cyrillic, invisible characters are others, and letters are spread by signs instead of spaces.
"""

from __future__ import annotations

import base64
import codecs
import html
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

_DOTS: Final = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE: Final = dict(zip("abcdefghijklmnopqrstuvwxyz0123456789", _DOTS.split(), strict=True))
_RADIO: Final = (
    "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo "
    "Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu"
)
_BRAILLE: Final = dict(zip("abcdefghijklmnopqrstuvwxyz", "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", strict=True))
_GREEK: Final = str.maketrans("aeioupktvxyABEZHIKMNOPTYX", "αεіουρκτνχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
_LEET: Final = str.maketrans({"a": "@", "b": "8", "c": "(", "e": "3", "g": "9", "i": "!", "l": "1", "o": "0", "s": "$",
                              "t": "+", "z": "2"})  # fmt: skip
_SMALL_CAPITALS: Final = str.maketrans("abcdefghijklmnopqrstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ")
_MIXED: Final = str.maketrans("aocepxyi", "ɑօϲҽρχყɩ")
_INVISIBLE: Final = ("\u200c", "\u200d", "\u00ad", "\u2063")


@dataclass(frozen=True)
class Encoding:
    """`name` completes "the text is in …". `latin` encodings leave other scripts as they are."""

    name: str
    subfamily: str | None
    encode: Callable[[str, Random], str]
    latin: bool = False


def _shift(text: str, by: int) -> str:
    def turn(match: re.Match[str]) -> str:
        base = ord("A") if match.group().isupper() else ord("a")
        return chr(base + (ord(match.group()) - base + by) % 26)

    return re.sub("[A-Za-z]", turn, text)


def _offset(text: str, capitals: int, small: int) -> str:
    moved = {ord("A") + index: chr(capitals + index) for index in range(26)}
    moved |= {ord("a") + index: chr(small + index) for index in range(26)}
    return text.translate(moved)


def _lines(text: str, width: int) -> str:
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _words(text: str) -> list[str]:
    return re.findall("[a-z0-9]+", text.casefold())


def _each(text: str, table: dict[str, str], letters: str, words: str) -> str:
    return words.join(letters.join(table[char] for char in word if char in table) for word in _words(text))


def _between(text: str, signs: tuple[str, ...], chance: Random, share: float) -> str:
    return "".join(char + (chance.choice(signs) if char.isalpha() and chance.random() < share else "") for char in text)


def _pig(text: str) -> str:
    return re.sub("[A-Za-z]+", lambda m: re.sub(r"(?i)^([^aeiou]*)(.*)$", r"\2\1ay", m.group()), text)


def _pieces(text: str, chance: Random) -> str:
    parts, start = [], 0
    while start < len(text):
        step = chance.randrange(3, 8)
        parts.append(text[start : start + step])
        start += step
    names = [f"{chance.choice('abkpqxz')}{index}" for index in range(len(parts))]
    return "; ".join(f'{name} = "{part}"' for name, part in zip(names, parts, strict=True)) + "; " + " + ".join(names)


ENCODINGS: Final[dict[str, Encoding]] = {
    "base64_lines": Encoding("base64", "base64", lambda text, chance: _lines(_base64(text), 20)),
    "base64_twice": Encoding("base64, applied twice", "base64", lambda text, chance: _base64(_base64(text))),
    "base64_bare": Encoding("URL-safe base64", "base64", lambda text, chance: base64.urlsafe_b64encode(
        text.encode()).decode().rstrip("=")),
    "base32": Encoding("base32", None, lambda text, chance: base64.b32encode(text.encode()).decode()),
    "base85": Encoding("base85", None, lambda text, chance: base64.b85encode(text.encode()).decode()),
    "hex": Encoding("hex", "hex", lambda text, chance: text.encode().hex()),
    "hex_pairs": Encoding("hexadecimal bytes", "hex", lambda text, chance: text.encode().hex(" ").upper()),
    "hex_escapes": Encoding("hex escapes", "hex", lambda text, chance: "".join(f"\\x{b:02x}" for b in text.encode())),
    "binary": Encoding("binary", None, lambda text, chance: " ".join(f"{byte:08b}" for byte in text.encode())),
    "decimal": Encoding("decimal character codes", None, lambda text, chance: " ".join(str(ord(c)) for c in text)),
    "unicode_escapes": Encoding("Unicode escapes", None, lambda text, chance: "".join(
        f"\\u{ord(char):04x}" if ord(char) < 65536 else char for char in text)),
    "percent": Encoding("percent encoding", None, lambda text, chance: "".join(
        f"%{byte:02X}" for byte in text.encode())),
    "percent_spaces": Encoding("URL encoding", None, lambda text, chance: urllib.parse.quote_plus(text)),
    "entities": Encoding("HTML entities", None, lambda text, chance: "".join(f"&#{ord(char)};" for char in text)),
    "quoted": Encoding("quoted-printable", None, lambda text, chance: codecs.encode(text.encode(), "quopri").decode()),
    "rot13": Encoding("ROT13", "rot13", lambda text, chance: codecs.encode(text, "rot13"), latin=True),
    "caesar": Encoding("a Caesar cipher with shift 3", None, lambda text, chance: _shift(text, 3), latin=True),
    "atbash": Encoding("Atbash", None, lambda text, chance: re.sub("[a-z]", lambda m: chr(219 - ord(m.group())),
                                                                  text.casefold()), latin=True),
    "reversed": Encoding("reversed letters", "reversed", lambda text, chance: text[::-1]),
    "reversed_words": Encoding("reversed word order", "reversed", lambda text, chance: " ".join(text.split()[::-1])),
    "reversed_each": Encoding("words spelled backwards", "reversed", lambda text, chance: " ".join(
        word[::-1] for word in text.split())),
    "morse": Encoding("Morse code", "morse", lambda text, chance: _each(text, _MORSE, " ", " / "), latin=True),
    "radio": Encoding("the radio alphabet", None, lambda text, chance: _each(
        text, {word[0].casefold(): word for word in _RADIO.split()}, " ", ", "), latin=True),
    "braille": Encoding("Braille", None, lambda text, chance: _each(text, _BRAILLE, "", " "), latin=True),
    "tags": Encoding("invisible tag characters", "zero_width", lambda text, chance: "".join(
        chr(0xE0000 + ord(char)) for char in text if ord(char) < 128) + ".", latin=True),
    "invisible": Encoding("text with soft hyphens and joiners", "zero_width", lambda text, chance: _between(
        text, _INVISIBLE, chance, 0.6)),
    "fullwidth": Encoding("full-width letters", "homoglyph", lambda text, chance: "".join(
        chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text), latin=True),
    "bold": Encoding("mathematical bold letters", "homoglyph", lambda text, chance: _offset(text, 0x1D400, 0x1D41A),
                     latin=True),
    "script": Encoding("mathematical script letters", "homoglyph", lambda text, chance: _offset(text, 0x1D4D0, 0x1D4EA),
                       latin=True),
    "circled": Encoding("circled letters", "emoji", lambda text, chance: _offset(text, 0x24B6, 0x24D0), latin=True),
    "squared": Encoding("boxed emoji letters", "emoji", lambda text, chance: _offset(text.upper(), 0x1F170, 0x1F170),
                        latin=True),
    "flags": Encoding("regional indicator emoji", "emoji", lambda text, chance: " ".join(
        _offset(text.upper(), 0x1F1E6, 0x1F1E6)), latin=True),
    "greek": Encoding("letters borrowed from Greek", "homoglyph", lambda text, chance: text.translate(_GREEK),
                      latin=True),
    "small_capitals": Encoding("small capitals", "homoglyph", lambda text, chance: text.casefold().translate(
        _SMALL_CAPITALS), latin=True),
    "mixed_words": Encoding("words of mixed alphabets", "mixed_script", lambda text, chance: " ".join(
        word.translate(_MIXED) if index % 2 else word.translate(_GREEK) for index, word in enumerate(text.split())),
                            latin=True),
    "leet": Encoding("leetspeak", "leetspeak", lambda text, chance: text.casefold().translate(_LEET), latin=True),
    "dotted": Encoding("letters with dots between them", None, lambda text, chance: " ".join(
        ".".join(word) for word in text.split()), latin=True),
    "dashed": Encoding("letters with dashes between them", None, lambda text, chance: "  ".join(
        "-".join(word) for word in text.split()), latin=True),
    "no_vowels": Encoding("words without vowels", None, lambda text, chance: re.sub(
        r"(?i)(?<=\w)[aeiou]", "", text), latin=True),
    "marks": Encoding("letters with stacked marks", "mixed_script", lambda text, chance: _between(
        text, ("\u0336", "\u0334", "\u0321\u0359", "\u0363"), chance, 0.8), latin=True),
    "pig_latin": Encoding("Pig Latin", None, lambda text, chance: _pig(text), latin=True),
    "acrostic": Encoding("an acrostic of words", None, lambda text, chance: "\n".join(
        f"{index}. {word}" for index, word in enumerate(text.split(), 1))),
    "pieces": Encoding("pieces to be joined", None, _pieces),
    "json_escapes": Encoding("a JSON string", None, lambda text, chance: '{"v": "' + "".join(
        f"\\u{ord(char):04x}" if chance.random() < 0.5 and char.isalpha() and ord(char) < 65536 else char
        for char in text) + '"}'),
    "half_entities": Encoding("HTML source", None, lambda text, chance: "".join(
        f"&#x{ord(char):x};" if chance.random() < 0.5 else html.escape(char) for char in text)),
}  # fmt: skip

READABLE: Final = (
    "leet", "fullwidth", "bold", "script", "greek", "mixed_words", "small_capitals", "dotted", "dashed", "no_vowels",
    "marks", "invisible", "circled", "reversed_words", "reversed_each", "pig_latin", "half_entities",
)  # fmt: skip
# Data files may name a group instead of its members.
GROUPS: Final = {"readable": READABLE, "opaque": tuple(name for name in ENCODINGS if name not in READABLE)}


def fitting(text: str, names: tuple[str, ...] = ()) -> list[Encoding]:
    """The encodings (all, or the named ones) that change this text: in other scripts not those for Latin letters."""
    latin = sum("a" <= char <= "z" for char in text.casefold()) > len(text) / 2
    return [ENCODINGS[name] for name in names or ENCODINGS if latin or not ENCODINGS[name].latin]
