"""Tokenizers that never end, grow texts, lose words, or give ids that the model does not have."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from meta_tests.hostile.bundle_cases import PROGRAMS
from meta_tests.hostile.bundles import rewrite
from meta_tests.hostile.case import hostile
from meta_tests.support.toy import SPACE, WORDS, Toy
from raxe_conformance.fileio import sha256

GROUP = "Tokenizer"
ERROR = "EmbeddingError"
NOT_NEEDED = "which no encoder needs"
ENDLESS = r"^(a+)+$"


def _edited(
    name: str, what: str, says: str, edit: Callable[[dict[str, Any]], Any], stage: str = "load", error: str = ERROR
) -> None:
    @hostile(GROUP, name, what, error, says, stage=stage)
    def make(toy: Toy) -> None:
        value = json.loads(toy.tokenizer.read_text(encoding="utf-8"))
        edit(value)
        _write(toy, json.dumps(value).encode())


def _write(toy: Toy, data: bytes) -> None:
    """Write the tokenizer, and have the bundle's heads claim to be fitted with it."""
    toy.tokenizer.write_bytes(data)
    rewrite(toy, edit=lambda value: value["head_sets"][SPACE].update(tokenizer_sha256=sha256(data)))


def _part(part: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda whole: whole.update({part: value})


def _model(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda whole: whole["model"].update(fields)


def _word(word: str, number: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda whole: whole["model"]["vocab"].update({word: number})


def _nest(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "Lowercase"}
    for _ in range(depth):
        inner = {"type": "Sequence", "normalizers": [inner]}
    return inner


def _added(*contents: str) -> list[dict[str, Any]]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return [{"id": 1, "content": content, **flags} for content in contents]


_split = {"type": "Split", "pattern": {"Regex": ENDLESS}, "behavior": "Isolated", "invert": False}
_replace = {"type": "Replace", "pattern": {"Regex": ENDLESS}, "content": ""}
_grow = {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * 100_000}
_double = {"type": "Replace", "pattern": {"String": "e"}, "content": "ee"}

_edited(
    "tokenizer-split-regex",
    f"a pre-tokenizer by the pattern `{ENDLESS}`",
    "regular expression",
    _part("pre_tokenizer", _split),
)
_edited(
    "tokenizer-replace-regex",
    f"a normalizer by the pattern `{ENDLESS}`",
    "regular expression",
    _part("normalizer", _replace),
)
_edited(
    "tokenizer-nested-regex",
    "the same, deep in sequences",
    "regular expression",
    _part("normalizer", {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [_replace]}]}),
)
_edited("tokenizer-decoder-regex", "the same, in the decoder", "regular expression", _part("decoder", _replace))
_edited("tokenizer-growing", "a normalizer that makes 100,000 letters of one", "could grow", _part("normalizer", _grow))
_edited("tokenizer-doubling", "40 normalizers that double a letter", "could grow",
        _part("normalizer", {"type": "Sequence", "normalizers": [_double] * 40}))  # fmt: skip
_edited("tokenizer-empty-pattern", "a normalizer that replaces nothing by something", "regular expression",
        _part("normalizer", {"type": "Replace", "pattern": {"String": ""}, "content": ""}))  # fmt: skip
_edited("tokenizer-prepend", "a normalizer that prepends a million letters", "prepends more than 16",
        _part("normalizer", {"type": "Prepend", "prepend": "x" * 1_000_000}))  # fmt: skip
_edited("tokenizer-many-parts", "1,000 normalizers", "more than 32 components",
        _part("normalizer", {"type": "Sequence", "normalizers": [{"type": "NFKD"}] * 1_000}))  # fmt: skip
_edited("tokenizer-deep", "normalizers in each other, 60 deep", "nested deeper", _part("normalizer", _nest(60)))
_edited("tokenizer-charsmap", "a table of replacements in a form of its own", NOT_NEEDED,
        _part("normalizer", {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}))  # fmt: skip
_edited(
    "tokenizer-no-type", "a normalizer without a type, to be guessed", NOT_NEEDED, _part("normalizer", {"pattern": "x"})
)
_edited(
    "tokenizer-unknown-part",
    "a pre-tokenizer that does not exist",
    NOT_NEEDED,
    _part("pre_tokenizer", {"type": "Shell"}),
)
_edited(
    "tokenizer-unigram",
    "a model of another kind",
    NOT_NEEDED,
    _part("model", {"type": "Unigram", "vocab": [["a", 0.0]]}),
)
_edited("tokenizer-no-model", "no model", NOT_NEEDED, _part("model", None))
_edited("tokenizer-word-model", "a model that is a word", NOT_NEEDED, _part("model", "WordLevel"))
_edited("tokenizer-large", "more tokens than the model has embeddings", "does not take", _word("extra", 500))
_edited("tokenizer-id-huge", "a token with the id 4,000,000,000", "holds an id", _word("extra", 4_000_000_000))
_edited("tokenizer-id-negative", "a token with the id -1", "holds an id", _word("extra", -1))
_edited("tokenizer-id-float", "a token with the id 1.5", "holds an id", _word("extra", 1.5))
_edited("tokenizer-id-true", "a token with the id `true`", "holds an id", _word("extra", True))
_edited("tokenizer-added-beyond", "an added token beyond the table", "does not take",
        _part("added_tokens", [{**_added("extra")[0], "id": len(WORDS)}]))  # fmt: skip
_edited("tokenizer-special-beyond", "a frame whose tokens are beyond the table", "does not take",
        lambda whole: whole["post_processor"]["special_tokens"]["[SEP]"].update({"ids": [999]}))  # fmt: skip
_edited("tokenizer-long-token", "a token of 100,000 characters", "more than 1000 characters", _word("x" * 100_000, 3))
_edited("tokenizer-added-long", "an added token of a million characters", "1 to 1000 characters",
        _part("added_tokens", _added("x" * 1_000_000)))  # fmt: skip
_edited(
    "tokenizer-added-empty", "an added token that is empty", "1 to 1000 characters", _part("added_tokens", _added(""))
)
_edited("tokenizer-added-many", "3,000 added tokens", "at most 2000 tokens",
        lambda whole: whole.update(added_tokens=_added(*(f"t{i}" for i in range(3_000)))))  # fmt: skip
_edited("tokenizer-many", "301,000 tokens", "vocabulary of 1 to 300000",
        lambda whole: whole["model"]["vocab"].update({f"t{i}": i % 20 for i in range(301_000)}))  # fmt: skip
_edited(
    "tokenizer-no-unknown",
    "no token for unknown words, which would be lost",
    "would be lost",
    _model(unk_token="[NONE]"),
)
_edited("tokenizer-dropout", "tokens by chance", "a matter of chance",
        _part("model", {"type": "BPE", "dropout": 0.5, "unk_token": "a", "vocab": {"a": 0}, "merges": []}))  # fmt: skip
_edited("tokenizer-merges", "merges of tokens that do not exist", "cannot be read",
        _part("model", {"type": "BPE", "unk_token": "a", "vocab": {"a": 0}, "merges": ["x y"]}))  # fmt: skip
_edited("tokenizer-long-words", "WordPiece over words of any length", "max_input_chars_per_word",
        _part("model", {"type": "WordPiece", "unk_token": "a", "vocab": {"a": 0}, "max_input_chars_per_word": 1 << 40,
                        "continuing_subword_prefix": "##"}))  # fmt: skip
_edited("tokenizer-prefix", "a prefix of 100,000 letters for parts of words", "more than 16 characters",
        _part("model", {"type": "WordPiece", "unk_token": "a", "vocab": {"a": 0}, "max_input_chars_per_word": 100,
                        "continuing_subword_prefix": "#" * 100_000}))  # fmt: skip
_edited("tokenizer-frame-none", "no special tokens around a text", "special tokens", _part("post_processor", None))
_edited(
    "tokenizer-frame-long",
    "1,000 special tokens around a text",
    "at most 8 parts",
    lambda whole: whole["post_processor"].update(single=[{"SpecialToken": {"id": "[CLS]", "type_id": 0}}] * 1_000),
)
_edited("tokenizer-frame-unknown", "a frame of tokens that it does not name", "fails on a text",
        lambda whole: whole["post_processor"].update(special_tokens={}))  # fmt: skip
_edited(
    "tokenizer-truncation",
    "a setting that cuts texts to three tokens",
    "",
    _part("truncation", {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}),
    stage="harmless",
    error="",
)
_edited(
    "tokenizer-padding",
    "a setting that pads texts to a billion tokens",
    "",
    _part(
        "padding",
        {
            "strategy": {"Fixed": 1_000_000_000},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
    ),
    stage="harmless",
    error="",
)
_edited("tokenizer-stride", "a window that moves further than it is long", "",
        _part("truncation", {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 9}),
        stage="harmless", error="")  # fmt: skip


def _bytes(name: str, what: str, says: str, change: Callable[[bytes], bytes]) -> None:
    @hostile(GROUP, name, what, ERROR, says)
    def make(toy: Toy) -> None:
        _write(toy, change(toy.tokenizer.read_bytes()))


_bytes("tokenizer-empty", "nothing", "is no JSON", lambda data: b"")
_bytes("tokenizer-cut", "its second half missing", "is no JSON", lambda data: data[: len(data) // 2])
_bytes("tokenizer-nan", "NaN", "NaN is no JSON number", lambda data: data.replace(b"{", b'{"x": NaN,', 1))
_bytes("tokenizer-duplicate", "two models, of which readers take one or the other", "occurs twice",
       lambda data: data.replace(b"{", b'{"model": {}, ', 1))  # fmt: skip
_bytes("tokenizer-deep-lists", "100,000 lists in each other", "nested deeper",
       lambda data: b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")  # fmt: skip
_bytes(
    "tokenizer-surrogate",
    "half of a surrogate pair as a token",
    "lone surrogate",
    lambda data: data.replace(b'"vocab":{', b'"vocab":{"\\ud800":3,', 1).replace(
        b'"vocab": {', b'"vocab": {"\\ud800":3,', 1
    ),
)
_bytes("tokenizer-pickle", "a pickle", "is not UTF-8", lambda data: PROGRAMS["pickle"][1])
_bytes(
    "tokenizer-string",
    "a string of 10 MB for a model",
    NOT_NEEDED,
    lambda data: b'{"model": "' + b"x" * 10_000_000 + b'"}',
)


@hostile(GROUP, "tokenizer-huge", "a tokenizer of a terabyte, all holes", "RaxeError", "is larger than")
def _huge(toy: Toy) -> None:
    os.truncate(toy.tokenizer, 1 << 40)
