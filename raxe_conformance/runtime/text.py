"""Text as it reaches the tokenizer."""

from __future__ import annotations

from raxe_conformance.errors import TextError

MAX_CHARACTERS = 2_000_000


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
