"""Files that a fifth look at the loader found: names that cost their square, constants that are kept, words that get
lost, packages to look for."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_tests.hostile.bundles import rewrite
from meta_tests.hostile.case import hostile
from meta_tests.hostile.onnx_cases import _changed, _tensor, _used
from meta_tests.hostile.second_look_cases import _nodes
from meta_tests.hostile.tokenizer_cases import _edited, _part
from meta_tests.support.toy import Toy
from raxe_conformance.fileio import canonical_json

# ---- names

_MARKS = "a" + "\u0300\u0316" * 240_000  # to put these in order takes Python the square of their number
_FOLDERS = "a/" * 480_000 + "x"


def _named(name: str, what: str, field: str, value: str) -> None:
    @hostile("Metadata", name, what, "MetadataError", "at most 1000 are read", declare=False)
    def make(toy: Toy) -> None:
        whole = toy.read()
        whole["file_info"][field] = value
        toy.metadata.write_bytes(canonical_json(whole))


_named("metadata-marks", "a bundle's name of 480,000 accents in the wrong order", "filename", _MARKS)
_named("metadata-marks-model", "the same as the embedding model's name", "onnx_embeddings", _MARKS)
_named("metadata-folders", "a bundle in 480,000 folders", "filename", _FOLDERS)
_named("metadata-folders-tokenizer", "a tokenizer in 480,000 folders", "tokenizer", _FOLDERS)


@hostile("Left in the folder", "stray-packages", "1,500 metadata files, each with 100 packages to look for", "", "",
         stage="harmless", declare=False)  # fmt: skip
def _packages(toy: Toy) -> None:
    whole = toy.read()
    for index in range(1_500):
        whole["requirements"]["additional_dependencies"] = [f"no-package-{index}-{n}" for n in range(100)]
        (toy.metadata.parent / f"v0.1_x{index}.json").write_bytes(canonical_json(whole, indent=None))


# ---- embedding models

_FIRST = [
    ("ReduceMax", ["input_ids"], ["id"], {"keepdims": 0}),
    ("Shape", ["input_ids"], ["dims"]),
    ("Slice", ["dims", "none", "first"], ["batch"]),
]
_BOUNDS = (("none", np.array([0])), ("first", np.array([1])))


def _kept() -> list[tuple[Any, ...]]:
    """Constants of 120 MB, each read at once by a node that needs the text, and of no use behind it."""
    nodes: list[tuple[Any, ...]] = []
    for index in range(8):
        value = {"value": _tensor("", np.array([index], np.float32))}
        nodes += [
            ("ConstantOfShape", ["many"], [f"kept{index}"], value),
            ("Gather", [f"kept{index}", "id"], [f"one{index}"]),
        ]
    return nodes


_changed(
    "onnx-constants", "eight constants of 120 MB, one after the other: all are made at load, and kept", "would hold",
    lambda model: _used(
        _nodes(*_FIRST, *_kept(), ("Sum", [f"one{index}" for index in range(8)], ["extra"])),
        ("many", np.array([30_000_000])), *_BOUNDS,
    )(model),
)  # fmt: skip
_changed(
    "onnx-halves", "float16 numbers of 240 MB, for which the kernel takes four times as much", "would hold",
    lambda model: _used(
        _nodes(
            *_FIRST, ("Concat", ["batch", "many"], ["shape"], {"axis": 0}),
            ("ConstantOfShape", ["shape"], ["halves"], {"value": _tensor("", np.array([1], np.float16))}),
            ("Erf", ["halves"], ["erf"]), ("Slice", ["erf", "none", "first", "first"], ["half"]),
            ("Cast", ["half"], ["extra"], {"to": 1}),
        ),
        ("many", np.array([120_000_000])), *_BOUNDS,
    )(model),
)  # fmt: skip
_changed(
    "onnx-softmax-turned", "a Softmax along the first axis, which turns 400 MB round and back", "would hold",
    lambda model: _used(
        _nodes(
            *_FIRST, ("Concat", ["batch", "many"], ["shape"], {"axis": 0}),
            ("ConstantOfShape", ["shape"], ["zeros"]), ("Softmax", ["zeros"], ["extra"], {"axis": 1}),
        ),
        ("many", np.array([10_000, 10_000])), *_BOUNDS,
    )(model),
)  # fmt: skip


# ---- tokenizers and triggers

_edited(
    "tokenizer-keeps-one-word", "a pre-tokenizer that removes all but one word, so that other texts are empty",
    "loses all words",
    _part("pre_tokenizer",
          {"type": "Split", "pattern": {"String": "zzz"}, "behavior": "Removed", "invert": True}),
)  # fmt: skip


@hostile("Triggers", "triggers-blank", "a phrase of blanks, which would stand in every text", "BundleError", "phrase")
def _blank(toy: Toy) -> None:
    triggers = {"triggers": [{"id": "t", "family": "PI", "phrase": " \n"}]}
    rewrite(toy, {"keyword_triggers.json": canonical_json(triggers)})
