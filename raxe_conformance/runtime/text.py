"""Text as it reaches the tokenizer."""

from __future__ import annotations

from collections.abc import Iterator

from raxe_conformance.errors import TextError

MAX_CHARACTERS = 2_000_000
PIECE_CHARACTERS = 100_000
USUAL_GROWTH = 6  # BERT's normalizer at worst: pieces of PIECE_CHARACTERS are meant for it


def normalise(text: str) -> str:
    """`text` as valid Unicode: lone surrogates become U+FFFD, everything else stays as it is.

    Control characters and zero-width characters are left to the tokenizer, whose own normaliser belongs to the model.
    Raises TextError for anything that is no string, and above MAX_CHARACTERS (a scan costs time in proportion to it).
    """
    if not isinstance(text, str):
        raise TextError(f"is {type(text).__name__}, but should be a string", field="text", remedy="decode it first")
    if len(text) > MAX_CHARACTERS:
        raise TextError(
            f"has {len(text)} characters, at most {MAX_CHARACTERS} are scanned at once",
            field="text",
            remedy="scan it in parts",
        )
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # Through UTF-16, so that two surrogates that form a pair become the character that they mean.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def piece_characters(growth: int) -> int:
    """How long pieces may be where one character may become as many as `growth` before it is tokenized."""
    return PIECE_CHARACTERS * USUAL_GROWTH // max(USUAL_GROWTH, growth)


def pieces(text: str, most: int = PIECE_CHARACTERS) -> Iterator[str]:
    """`text` in pieces of at most `most` characters that together are the text, cut before white space where there is.

    A tokenizer takes some 600 bytes for each character, all at once; by pieces it takes them one after the other. Words
    do not reach over white space, so the tokens are those of the whole. A "word" of more than `most` characters is cut.
    """
    start = 0
    while len(text) - start > most:
        cut = max(text.rfind(blank, start + 1, start + most) for blank in " \n\t")
        cut = start + most if cut <= start else cut
        yield text[start:cut]
        start = cut
    yield text[start:]
