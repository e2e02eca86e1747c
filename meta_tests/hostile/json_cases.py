"""JSON that means different things to different readers, or costs more than it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from meta_tests.hostile.bundles import MANIFEST, members, with_manifest
from meta_tests.hostile.case import hostile
from meta_tests.support.toy import Toy
from raxe_conformance.fileio import canonical_json

Twist = Callable[[bytes], bytes]


def _first_key(text: bytes) -> Twist:
    """Put another first entry into the object."""
    return lambda data: data.replace(b"{", b"{" + text + b",", 1)


TWISTS: list[tuple[str, str, Twist, str]] = [
    ("nan", "NaN", _first_key(b'"_x": NaN'), "NaN is no JSON number"),
    ("infinity", "-Infinity", _first_key(b'"_x": -Infinity'), "-Infinity is no JSON number"),
    ("duplicate-key", "a key that occurs twice", _first_key(b'"_x": 1, "_x": 2'), "occurs twice"),
    ("duplicate-deep", "a key that occurs twice, deep inside", _first_key(b'"_x": [{"a": {"b": 1, "b": 2}}]'),
     "occurs twice"),
    ("duplicate-escaped", "a key that occurs twice, once as an escape", _first_key(b'"_x": 1, "\\u005fx": 2'),
     "occurs twice"),
    ("deep-lists", "100,000 lists in each other", _first_key(b'"_x": ' + b"[" * 100_000 + b"]" * 100_000),
     "nested deeper than 64"),
    ("deep-objects", "objects in each other, never closed", _first_key(b'"_x": ' + b'{"a":' * 50_000),
     "nested deeper than 64"),
    ("surrogate", "half of a surrogate pair", _first_key(b'"_x": "\\ud800"'), "lone surrogate"),
    ("surrogate-key", "half of a surrogate pair in a key", _first_key(b'"_\\udfff": 1'), "lone surrogate"),
    ("bom", "a byte order mark", lambda data: b"\xef\xbb\xbf" + data, "byte order mark"),
    ("utf16", "UTF-16", lambda data: data.decode().encode("utf-16"), "is not UTF-8"),
    ("utf32", "UTF-32 without a mark", lambda data: data.decode().encode("utf-32-le"), "is no JSON"),
    ("latin1", "a byte that is no UTF-8", _first_key(b'"_x": "caf\xe9"'), "is not UTF-8"),
    ("overlong", "an overlong form of a slash", _first_key(b'"_x": "..\xc0\xaf"'), "is not UTF-8"),
    ("huge-int", "a number of 100,000 digits", _first_key(b'"_x": ' + b"9" * 100_000), "more than 400 digits"),
    ("huge-float", "a number beyond all floats", _first_key(b'"_x": 1e999'), "out of range"),
    ("comment", "a comment", lambda data: b"// hello\n" + data, "is no JSON"),
    ("trailing", "two objects behind each other", lambda data: data + b"{}", "is no JSON"),
    ("cut", "the first half of it", lambda data: data[: len(data) // 2], "is no JSON"),
    ("empty", "nothing", lambda data: b"", "is no JSON"),
    ("zeros", "zeros", lambda data: bytes(len(data)), "is no JSON"),
    ("list", "a list", lambda data: b"[" + data + b"]", "not an object"),
    ("python", "Python source", lambda data: b"import os\nos.system('touch $RAXE_CANARY')\n", "is no JSON"),
]  # fmt: skip


def _both(name: str, what: str, twist: Twist, says: str) -> None:
    # Metadata are read by a quicker parser, which words this one otherwise.
    meant = "finite" if name == "huge-float" else says

    @hostile(
        "Metadata", f"metadata-{name}", f"metadata that hold {what}", "JsonError", meant, stage="listed", declare=False
    )
    def metadata(toy: Toy) -> None:
        toy.metadata.write_bytes(twist(toy.metadata.read_bytes()))

    @hostile("Manifest", f"manifest-{name}", f"a manifest that holds {what}", "JsonError", says)
    def manifest(toy: Toy) -> None:
        with_manifest(toy, twist(members(toy)[MANIFEST]))


for _twist in TWISTS:
    _both(*_twist)


@hostile("Metadata", "metadata-huge", "metadata with a string of 50 MB", "RaxeError", "is larger than", stage="listed",
         declare=False)  # fmt: skip
def _huge(toy: Toy) -> None:
    toy.metadata.write_bytes(_first_key(b'"_x": "' + b"x" * 50_000_000 + b'"')(toy.metadata.read_bytes()))


@hostile("Manifest", "manifest-huge", "a manifest with a string of 50 MB", "BundleError", "is larger than")
def _huge_manifest(toy: Toy) -> None:
    with_manifest(toy, _first_key(b'"_x": "' + b"x" * 50_000_000 + b'"')(members(toy)[MANIFEST]))


def _edited(name: str, what: str, error: str, says: str, path: str, value: Any, stage: str = "load") -> None:
    @hostile("Metadata", f"metadata-{name}", what, error, says, stage=stage, declare=False)
    def make(toy: Toy) -> None:
        whole = toy.read()
        *parts, last = path.split(".")
        section = whole
        for part in parts:
            section = section[part]
        section[last] = value
        toy.metadata.write_bytes(canonical_json(whole))


for _key in ("filename", "onnx_embeddings", "tokenizer"):
    for _name, _value in (
        ("parent", "../outside"),
        ("deep-parent", "a/../../outside"),
        ("absolute", "/etc/passwd"),
        ("drive", "C:\\outside"),
        ("unc", "\\\\host\\share\\outside"),
        ("url", "https://example.org/outside"),
        ("nul", "outside\0.raxe"),
        ("home", "~/../outside"),
    ):
        _edited(
            f"{_key}-{_name}",
            f"`file_info.{_key}` is `{json.dumps(_value)[1:-1]}`",
            "MetadataError",
            "leads elsewhere",
            f"file_info.{_key}",
            _value,
        )

for _name, _path, _value in (
    ("filename-number", "file_info.filename", 5),
    ("section-list", "file_info", []),
    ("runtime-object", "requirements.runtime", {"a": 1}),
    ("space-list", "ml_config.embedding_model", ["x"]),
):
    _edited(_name, f"`{_path}` is `{_value!r}`", "MetadataError", _path, _path, _value, stage="listed")

_edited("checksum-form", "a checksum that is none", "ChecksumError", "checksum", "file_info.checksum", "md5:abc")
_edited("checksum-other", "the checksum of another file", "ChecksumError", "but should be", "file_info.checksum",
        "sha256:" + "0" * 64)  # fmt: skip
_edited("onnx-checksum-other", "the checksum of another embedding model", "ChecksumError", "but should be",
        "file_info.onnx_embeddings_checksum", "sha256:" + "0" * 64)  # fmt: skip
_edited("tokenizer-checksum-other", "the checksum of another tokenizer", "ChecksumError", "but should be",
        "file_info.tokenizer_checksum", "sha256:" + "0" * 64)  # fmt: skip
_edited("missing-bundle", "a bundle that does not exist", "MissingFileError", "does not exist", "file_info.filename",
        "nothing.raxe")  # fmt: skip
_edited("missing-model", "an embedding model that does not exist", "EmbeddingNotBuiltError", "does not exist",
        "file_info.onnx_embeddings", "nothing.onnx")  # fmt: skip
_edited("long-name", "a file name of 900 characters", "RaxeError", "at most 255 are read",
        "file_info.onnx_embeddings", "x" * 900)  # fmt: skip
_edited("strange-keys", "keys such as `__class__` and `__proto__`", "", "", "__class__", {"__init__": "os.system"},
        stage="harmless")  # fmt: skip
