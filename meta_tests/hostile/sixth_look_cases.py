"""Files that a sixth look at the loader found: names just below the bounds of the fifth, in thousands of files."""

from __future__ import annotations

from meta_tests.hostile.case import hostile
from meta_tests.support.toy import Toy
from raxe_conformance.fileio import canonical_json

_FIELDS = ("filename", "onnx_embeddings", "tokenizer")


def _named(name: str, what: str, value: str, says: str) -> None:
    @hostile("Metadata", name, what, "MetadataError", says, declare=False)
    def make(toy: Toy) -> None:
        whole = toy.read()
        whole["file_info"]["filename"] = value
        toy.metadata.write_bytes(canonical_json(whole))


_named("metadata-folders-few", "a bundle in 499 folders", "a/" * 499 + "x", "has 500 parts")
_named("metadata-part", "a bundle's name of 999 bytes", "x" * 999, "a part of 999 bytes")


def _many(name: str, what: str, value: str) -> None:
    @hostile("Left in the folder", name, what, stage="harmless", declare=False)
    def make(toy: Toy) -> None:
        for index in range(1_500):
            whole = {"file_info": dict.fromkeys(_FIELDS, value)}
            (toy.metadata.parent / f"v0.1_x{index}.json").write_bytes(canonical_json(whole, indent=None))


_many("stray-folders", "1,500 metadata files that each name three files in 499 folders", "a/" * 499 + "x")
_many("stray-marks", "1,500 metadata files that each name three files by 998 accents in the wrong order",
      "a" + "\u0300\u0316" * 499)  # fmt: skip
