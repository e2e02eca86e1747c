"""Files that a fourth look at the loader found: results without a name, sums of one tensor, words that get lost."""

from __future__ import annotations

from typing import Any

import numpy as np

from meta_tests.hostile.case import hostile
from meta_tests.hostile.onnx_cases import _changed, _used
from meta_tests.hostile.second_look_cases import _nodes
from meta_tests.hostile.tokenizer_cases import _edited
from meta_tests.support.toy import WORDS, Toy

_LENGTH = [("Shape", ["input_ids"], ["n"], {"start": 1, "end": 2}), ("Cast", ["n"], ["f"], {"to": 1})]

_changed(
    "onnx-nameless-part", "a Split of which one part has no name, which ends the process", "without a name",
    _used(_nodes(("Split", ["x"], ["extra", ""], {"axis": 0})), ("x", np.ones(4, np.float32))),
)  # fmt: skip
_changed(
    "onnx-largest-of-many", "the largest of 998 times a million numbers, ten times over", "multiply",
    _used(_nodes(
        *_LENGTH, ("ConstantOfShape", ["shape"], ["zeros"]), ("Add", ["zeros", "f"], ["x0"]),
        *(("Max", [f"x{i}"] * 998, [f"x{i + 1}" if i < 9 else "extra"]) for i in range(10)),
    ), ("shape", np.array([1_000_000]))),
)  # fmt: skip
_changed(
    "onnx-sum-aside", "a sum of three, for which two more tensors of 268 MB are held", "would hold",
    _used(_nodes(
        *_LENGTH, ("ConstantOfShape", ["shape"], ["zeros"]), ("Add", ["zeros", "f"], ["x"]),
        ("Sum", ["x", "x", "x"], ["extra"]),
    ), ("shape", np.array([67_000_000]))),
)  # fmt: skip


def _bytes(bytes_of: dict[str, int], **more: Any) -> dict[str, Any]:
    """BPE that spells what it does not know in bytes, of which it knows these."""
    words = {word: index for index, word in enumerate(WORDS)}
    return {"type": "BPE", "vocab": words | bytes_of, "merges": [], "unk_token": None, **more}


def _lost(whole: dict[str, Any]) -> None:
    whole["model"] = _bytes({"<0x65>": 4}, byte_fallback=True)


def _lost_letters(whole: dict[str, Any]) -> None:
    whole["model"] = _bytes({"e": 4})
    whole["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


_edited("tokenizer-bytes-unknown", "BPE of bytes that knows one of 256: other text would be lost", "would be lost",
        _lost)  # fmt: skip
_edited("tokenizer-letters-unknown", "BPE of bytes as letters that knows one of 256", "would be lost",
        _lost_letters)  # fmt: skip


@hostile("Left in the folder", "stray-long-name", "a name of 250 letters, by which no report can be called", "", "",
         stage="harmless", declare=False)  # fmt: skip
def _long_name(toy: Toy) -> None:
    (toy.metadata.parent / f"{'a' * 245}.json").write_bytes(toy.metadata.read_bytes())


@hostile("Left in the folder", "stray-table", "a table of unseen sources that is none", "", "",
         stage="harmless", declare=False)  # fmt: skip
def _table(toy: Toy) -> None:
    (toy.models / "benchmarks").mkdir(exist_ok=True)
    (toy.models / "benchmarks" / f"{toy.metadata.stem}_lodo.json").write_text("{")
