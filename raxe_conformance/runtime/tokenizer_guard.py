"""What a tokenizer.json may be, checked before the tokenizers library sees it.

That library stops the whole process where memory runs out, and runs whatever regular expressions the file holds, with a
backtracking engine, over texts that attackers choose. So the file is held to what encoders need: known components, no
regular expressions, replacements that never make a text longer, a vocabulary of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from raxe_conformance.errors import EmbeddingError, JsonError
from raxe_conformance.strict_json import parse_json_object

MAX_VOCABULARY: Final = 300_000
MAX_ADDED_TOKENS: Final = 2_000
MAX_TOKEN_CHARACTERS: Final = 1_000
MAX_ADDED_CHARACTERS: Final = 50_000  # of all added tokens: a searcher for all of them at once is built at load
MAX_FRAME: Final = 8  # parts of a template, and ids of one special token; encoders have three and one
MAX_GROWTH: Final = 200
MAX_COMPONENTS: Final = 32
MAX_WORD_CHARACTERS: Final = 200  # WordPiece's search takes the square of it for each word; BERT has 100
MAX_ID: Final = 1 << 31
KNOWN: Final = {
    "model": {"WordPiece", "WordLevel", "BPE"},
    "normalizer": {
        "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Prepend", "Replace",
        "Sequence", "Strip", "StripAccents",
    },
    "pre_tokenizer": {
        "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace", "Punctuation", "Sequence",
        "Split", "UnicodeScripts", "Whitespace", "WhitespaceSplit",
    },
    "post_processor": {"BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"},
    "decoder": {"BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Sequence", "Strip",
                "WordPiece"},
}  # fmt: skip
# How many characters one may become at worst, by the component. Others make no text longer.
GROWTH: Final = {
    "NFC": 3, "NFD": 4, "NFKC": 18, "NFKD": 18, "Lowercase": 2, "BertNormalizer": 6, "ByteLevel": 5, "Metaspace": 2,
}  # fmt: skip

_PRINTABLE: Final = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
# ByteLevel writes these bytes as the characters of their numbers, and all others as characters from U+0100 on.
_BYTES_AS_LETTERS: Final = {*map(chr, _PRINTABLE), *map(chr, range(0x100, 0x200 - len(_PRINTABLE)))}


@dataclass(frozen=True)
class Bounds:
    """What the check found. growth: how many characters of what is tokenized one of the text may become, at worst.

    added: the id that the file gives to each added token.
    """

    largest_id: int
    growth: int
    added: dict[str, int]


def check_tokenizer(data: bytes, *, file: Path | str) -> Bounds:
    """Check a tokenizer.json. Raises EmbeddingError that names file and field."""
    try:
        value = parse_json_object(data, file=file)
    except JsonError as error:
        raise EmbeddingError(
            f"the tokenizer cannot be read: {error.problem}", file=file, field="tokenizer", remedy=error.remedy
        ) from None
    check = _Check(file)
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        check.components(part, value.get(part))
    model = check.model(value)
    largest, added = check.vocabulary(model), check.added_tokens(value.get("added_tokens"))
    return Bounds(max(largest, *added.values(), 0), check.growth(value), added)


class _Check:
    def __init__(self, file: Path | str) -> None:
        self._file = file

    def _refuse(self, problem: str, field: str) -> EmbeddingError:
        return EmbeddingError(
            problem, file=self._file, field=field, remedy="export the model again: it writes the tokenizer alongside"
        )

    def components(self, part: str, value: Any) -> None:
        """A normalizer, pre-tokenizer, post-processor or decoder, with all that it is made of."""
        for index, (at, component) in enumerate(_flat(value, part)):
            if index >= MAX_COMPONENTS:
                raise self._refuse(f"has more than {MAX_COMPONENTS} components", part)
            kind = _kind(component)
            if kind not in KNOWN[part]:
                raise self._refuse(f"is of the type {str(kind)[:40]!r}, which no encoder needs", at)
            if kind in ("Replace", "Split"):
                self._pattern(component, at)
            if kind == "TemplateProcessing":
                self._template(component, at)
            if kind == "Prepend" and len(str(component.get("prepend"))) > 16:
                raise self._refuse("prepends more than 16 characters", at)

    def _template(self, template: dict[str, Any], at: str) -> None:
        """Frames a text once: one that is named twice is doubled, by the next template doubled again, and so on."""
        for name, texts in (("single", ["A"]), ("pair", ["A", "B"])):
            parts = template.get(name)
            if not isinstance(parts, list) or len(parts) > MAX_FRAME:
                raise self._refuse(f"is no list of at most {MAX_FRAME} parts", f"{at}.{name}")
            found = [part["Sequence"] for part in parts if isinstance(part, dict) and "Sequence" in part]
            if [part.get("id") if isinstance(part, dict) else None for part in found] != texts:
                raise self._refuse(f"does not hold {' and '.join(texts)} once", f"{at}.{name}")
        tokens = template.get("special_tokens")
        for token in tokens.values() if isinstance(tokens, dict) else [tokens]:
            ids = token.get("ids") if isinstance(token, dict) else None
            if not isinstance(ids, list) or len(ids) > MAX_FRAME:
                raise self._refuse(f"holds a token that is no list of at most {MAX_FRAME} ids", f"{at}.special_tokens")

    def growth(self, whole: dict[str, Any]) -> int:
        """How long a text may become, over its length: by each component, then by the next."""
        found = 1
        for part in ("normalizer", "pre_tokenizer"):
            for at, component in _flat(whole.get(part), part):
                kind = _kind(component)
                # Each stretch between two added tokens is prepended to, and may be one character.
                found *= 1 + len(str(component.get("prepend"))) if kind == "Prepend" else GROWTH.get(kind or "", 1)
                if found > MAX_GROWTH:
                    raise self._refuse(f"makes a text more than {MAX_GROWTH} times as long, at worst", at)
        return found

    def _pattern(self, component: dict[str, Any], at: str) -> None:
        pattern = component.get("pattern")
        literal = pattern.get("String") if isinstance(pattern, dict) and len(pattern) == 1 else None
        if not isinstance(literal, str) or not literal:
            # Backtracking over a text that an attacker wrote may take for ever.
            raise self._refuse("holds a regular expression; only a literal String is taken", f"{at}.pattern")
        content = component.get("content", "")
        if not isinstance(content, str) or len(content) > len(literal):
            raise self._refuse("replaces by what is longer, so a text could grow without bound", f"{at}.content")

    def model(self, whole: dict[str, Any]) -> dict[str, Any]:
        """The model, checked but for its vocabulary."""
        model = whole.get("model")
        kind = _kind(model)
        if not isinstance(model, dict) or kind not in KNOWN["model"]:
            raise self._refuse(f"is of the type {str(kind)[:40]!r}, which no encoder needs", "model.type")
        if kind == "WordPiece":
            most = model.get("max_input_chars_per_word", 100)
            if not isinstance(most, int) or not 1 <= most <= MAX_WORD_CHARACTERS:
                raise self._refuse(
                    f"is {str(most)[:40]}, but should be 1 to {MAX_WORD_CHARACTERS}", "model.max_input_chars_per_word"
                )
        for key in ("continuing_subword_prefix", "end_of_word_suffix"):
            # Put before every candidate for a token, so its length multiplies the work.
            if len(str(model.get(key) or "")) > 16:
                raise self._refuse("has more than 16 characters", f"model.{key}")
        if model.get("dropout"):
            raise self._refuse("makes the tokens of a text a matter of chance", "model.dropout")
        vocabulary = model.get("vocab")
        unknown = model.get("unk_token")
        known = isinstance(vocabulary, dict) and isinstance(unknown, str) and unknown in vocabulary
        if not known and not (kind == "BPE" and _spells(whole, model)):
            raise self._refuse("is not in the vocabulary, so unknown words would be lost", "model.unk_token")
        return model

    def vocabulary(self, model: dict[str, Any]) -> int:
        """The largest id of the vocabulary."""
        vocabulary = model.get("vocab")
        if not isinstance(vocabulary, dict) or not 1 <= len(vocabulary) <= MAX_VOCABULARY:
            raise self._refuse(f"is no vocabulary of 1 to {MAX_VOCABULARY} tokens", "model.vocab")
        if max(map(len, vocabulary)) > MAX_TOKEN_CHARACTERS:
            raise self._refuse(f"holds a token of more than {MAX_TOKEN_CHARACTERS} characters", "model.vocab")
        merges = model.get("merges", [])
        if not isinstance(merges, list) or len(merges) > MAX_VOCABULARY:
            raise self._refuse(f"is no list of at most {MAX_VOCABULARY} merges", "model.merges")
        return self._largest(list(vocabulary.values()), "model.vocab")

    def added_tokens(self, tokens: Any) -> dict[str, int]:
        """The ids of the added tokens."""
        if tokens is None:
            return {}
        if not isinstance(tokens, list) or len(tokens) > MAX_ADDED_TOKENS:
            raise self._refuse(f"is no list of at most {MAX_ADDED_TOKENS} tokens", "added_tokens")
        for index, token in enumerate(tokens):
            content = token.get("content") if isinstance(token, dict) else None
            if not isinstance(content, str) or not 1 <= len(content) <= MAX_TOKEN_CHARACTERS:
                raise self._refuse(
                    f"is no token of 1 to {MAX_TOKEN_CHARACTERS} characters", f"added_tokens[{index}].content"
                )
        found = {token["content"]: token.get("id") for token in tokens}
        if len(found) != len(tokens) or sum(map(len, found)) > MAX_ADDED_CHARACTERS:
            raise self._refuse(f"holds a token twice, or more than {MAX_ADDED_CHARACTERS} characters", "added_tokens")
        if found:
            self._largest(list(found.values()), "added_tokens")
        return found

    def _largest(self, ids: list[Any], field: str) -> int:
        if set(map(type, ids)) != {int} or min(ids) < 0 or max(ids) >= MAX_ID:
            raise self._refuse(f"holds an id that is no number from 0 to {MAX_ID - 1}", field)
        return int(max(ids))


def _spells(whole: dict[str, Any], model: dict[str, Any]) -> bool:
    """Whether BPE spells every text, byte by byte where it knows nothing longer."""
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict) or not vocabulary:
        return True  # and refused for that
    if model.get("byte_fallback"):
        return all(f"<0x{byte:02X}>" in vocabulary for byte in range(256))
    parts = ("normalizer", "pre_tokenizer")
    made = [_kind(component) for part in parts for _, component in _flat(whole.get(part), part)]
    # Whatever comes behind makes other letters of these, and so do prefix and suffix.
    changed = made[-1:] != ["ByteLevel"] or model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    return not changed and vocabulary.keys() >= _BYTES_AS_LETTERS


def _kind(component: Any) -> str | None:
    """The type that a component names, None where it names none."""
    kind = component.get("type") if isinstance(component, dict) else None
    return kind if isinstance(kind, str) else None


def _flat(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """A component and, if it is a sequence, all that it holds. JSON depth is bounded, so the recursion is."""
    if value is None:
        return
    yield at, value
    if isinstance(value, dict) and value.get("type") == "Sequence":
        # Each kind of component has its own word for its list.
        for key in ("normalizers", "pretokenizers", "processors", "decoders"):
            inner = value.get(key, [])
            for index, item in enumerate(inner if isinstance(inner, list) else [inner]):
                yield from _flat(item, f"{at}.{key}[{index}]")
