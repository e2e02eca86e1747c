"""Files that a second look at the loader found: small ones that cost much, and shapes worked out wrongly."""

from __future__ import annotations

import itertools
import json
import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from meta_tests.hostile.bundles import HEADS, manifest, members, raw, rewrite
from meta_tests.hostile.case import hostile
from meta_tests.hostile.onnx_cases import _changed, _node, _put, _used
from meta_tests.hostile.onnx_cases import _model as _toy_model
from meta_tests.hostile.tokenizer_cases import _added, _edited, _model, _part
from meta_tests.hostile.zips import DEFLATED, Member, build
from meta_tests.support.toy import SPACE, Toy
from raxe_conformance.fileio import canonical_json

# ---- embedding models: numbers that ONNX Runtime reads differently

_LARGE = ("large", np.array([50_000]))
_OUTER = [
    ("Unsqueeze", ["line", "axis0"], ["row"]), ("Unsqueeze", ["line", "axis1"], ["column"]),
    ("Add", ["row", "column"], ["extra"]),
]  # fmt: skip
_AXES = (("axis0", np.array([0])), ("axis1", np.array([1])))


def _nodes(*calls: tuple[Any, ...]) -> Callable[[], list[Any]]:
    return lambda: [_node(kind, inputs, outputs, **(more[0] if more else {})) for kind, inputs, outputs, *more in calls]


def _with_raw(change: Callable[[Any], Any], name: str, dims: int, kind: int, data: bytes) -> Callable[[Any], Any]:
    """And an initialiser out of these bytes of a protobuf, which the onnx package would not write."""

    def changed(model: Any) -> bytes:
        change(model)
        tensor = b"\x08" + bytes([dims]) + b"\x10" + bytes([kind]) + data + b"\x42" + bytes([len(name)]) + name.encode()
        graph = model.graph.SerializeToString() + b"\x2a" + bytes([len(tensor)]) + tensor
        model.ClearField("graph")
        whole: bytes = model.SerializeToString()
        return whole + b"\x3a" + _varint(len(graph)) + graph

    return changed


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


_WIDE = _varint(1 << 32)  # which a 32-bit reader takes for 0
_changed(
    "onnx-wide-number", "an int32 of 2^32, which is 0 to ONNX Runtime: a slice of all, not of none", "does not have",
    _with_raw(
        _used(_nodes(("Slice", ["many", "from", "to"], ["line"]), *_OUTER),
              ("many", np.ones(50_000, np.float32)), ("to", np.array([50_000], np.int32)), *_AXES),
        "from", 1, 6, b"\x2a" + bytes([len(_WIDE)]) + _WIDE,
    ),
)  # fmt: skip
_changed(
    "onnx-wraps", "an int32 that is added up to 2^31, and wraps", "has no bound",
    _used(_nodes(("Add", ["half", "half"], ["from"]), ("Slice", ["many", "from", "to"], ["line"]), *_OUTER),
          ("many", np.ones(50_000, np.float32)), ("to", np.array([50_000], np.int32)),
          ("half", np.array([1 << 30], np.int32)), *_AXES),
)  # fmt: skip
_changed(
    "onnx-truth-of-two", "a truth value of 2, which equals no truth, or one", "does not have",
    _with_raw(
        _used(_nodes(("Equal", ["two", "true"], ["is"]), ("Where", ["is", "big", "small"], ["shape"]),
                     ("ConstantOfShape", ["shape"], ["extra"])),
              ("true", np.array([True])), ("big", np.array([50_000] * 2)), ("small", np.array([1, 1]))),
        "two", 1, 9, b"\x4a\x01\x02",
    ),
)  # fmt: skip

# ---- shapes that depend on the length

_LENGTH = ("Shape", ["input_ids"], ["n"], {"start": 1, "end": 2})
_SQUARE = [
    ("Shape", ["y"], ["side"], {"start": 0, "end": 1}), ("Concat", ["side", "side"], ["sides"], {"axis": 0}),
    ("ConstantOfShape", ["sides"], ["extra"]),
]  # fmt: skip
_changed(
    "onnx-copies-for-one-length", "a Reshape that copies a dimension for texts of three tokens only", "some lengths",
    _used(_nodes(
        _LENGTH, ("Sub", ["n", "three"], ["m"]), ("Concat", ["large", "m"], ["s"], {"axis": 0}),
        ("ConstantOfShape", ["s"], ["x"]), ("Min", ["m", "unit"], ["first"]), ("Mul", ["m", "large"], ["second"]),
        ("Concat", ["first", "second"], ["to"], {"axis": 0}), ("Reshape", ["x", "to"], ["y"]), *_SQUARE,
    ), ("three", np.array([3])), ("unit", np.array([1])), _LARGE),
)  # fmt: skip
_changed(
    "onnx-squeezes-for-one-length", "a Squeeze that removes a dimension for texts of three tokens only", "some lengths",
    _used(_nodes(
        _LENGTH, ("Sub", ["n", "two"], ["m"]), ("Min", ["m", "two"], ["k"]),
        ("Concat", ["k", "large"], ["s"], {"axis": 0}), ("ConstantOfShape", ["s"], ["x"]), ("Squeeze", ["x"], ["y"]),
        *_SQUARE,
    ), ("two", np.array([2])), _LARGE),
)  # fmt: skip


# ---- work for the check itself, and for ONNX Runtime


def _long(name: str, what: str, change: Callable[[Any], Any]) -> None:
    """Shapes that nothing uses, for windows of 8,192 tokens: the check follows them for each of these lengths."""

    @hostile("ONNX", name, what, stage="harmless")
    def make(toy: Toy) -> None:
        model = _toy_model(toy)
        change(model)
        toy.onnx.write_bytes(model.SerializeToString())
        rewrite(toy, edit=lambda value: value["head_sets"][SPACE].update(max_sequence_length=8_192))


_changed(
    "onnx-looks-up-shapes", "256 numbers looked up 256 times, and again, and again", "elements",
    _used(_nodes(
        ("Unsqueeze", ["v", "axis0"], ["v0"]), ("Gather", ["v0", "zeros"], ["v1"]),
        ("Unsqueeze", ["v1", "axis0"], ["v2"]), ("Gather", ["v2", "zeros"], ["v3"]),
        ("Unsqueeze", ["v3", "axis0"], ["v4"]), ("Gather", ["v4", "zeros"], ["v5"]), ("Cast", ["v5"], ["extra"],
                                                                                     {"to": 1}),
    ), ("v", np.arange(256)), ("zeros", np.zeros(256, np.int64)), ("axis0", np.array([0]))),
)  # fmt: skip
_long(
    "onnx-joins-shapes", "two shapes that depend on the length, joined 150,000 times by turns",
    _put(_nodes(
        _LENGTH, ("Sub", ["n", "two"], ["m"]), ("Min", ["m", "two"], ["k"]), ("Sub", ["three", "k"], ["j"]),
        ("Concat", ["k", "unit", "k", "unit", "k", "unit", "k"], ["s1"], {"axis": 0}),
        ("Concat", ["j", "unit", "j", "unit", "j", "unit", "j"], ["s2"], {"axis": 0}),
        ("ConstantOfShape", ["s1"], ["x1"]), ("ConstantOfShape", ["s2"], ["x2"]),
        *(("Max", ["x1", *["x2", "x1"] * 490], [f"m{i}"]) for i in range(150)),
    ), ("two", np.array([2])), ("three", np.array([3])), ("unit", np.array([1]))),
)  # fmt: skip
_long(
    "onnx-expands", "2,000 shapes of 256 numbers that depend on the length",
    _put(_nodes(_LENGTH, *(("Expand", ["n", "s256"], [f"e{i}"]) for i in range(2_000))), ("s256", np.array([256]))),
)  # fmt: skip
_long(
    "onnx-looks-up", "40 times 4,096 numbers that depend on the length, looked up",
    _put(_nodes(
        _LENGTH, ("Concat", ["n"] * 16, ["c"], {"axis": 0}), ("Unsqueeze", ["c", "axis0"], ["c2"]),
        *(("Gather", ["c2", "zeros"], [f"g{i}"]) for i in range(40)),
    ), ("zeros", np.zeros(256, np.int64)), ("axis0", np.array([0]))),
)  # fmt: skip
_long(
    "onnx-chooses", "a choice between 65,536 and 16 numbers that depend on the length",
    _put(_nodes(
        _LENGTH, ("Concat", ["n"] * 16, ["c"], {"axis": 0}), ("Unsqueeze", ["c", "axes"], ["c3"]),
        ("Where", ["yes", "ones", "c3"], ["chosen"]),
    ), ("yes", np.ones((256, 1, 1), bool)), ("ones", np.ones((1, 256, 1), np.int64)), ("axes", np.array([0, 1]))),
)  # fmt: skip
_long(
    "onnx-concatenates", "14,400 numbers that depend on the length, side by side",
    _put(_nodes(_LENGTH, ("Concat", ["n"] * 16, ["c"], {"axis": 0}), ("Concat", ["c"] * 900, ["d"], {"axis": 0}))),
)  # fmt: skip
_changed(
    "onnx-reads-much", "900 sums over 400 MB each", "multiply",
    _used(_nodes(
        ("ConstantOfShape", ["shape"], ["zeros"]), _LENGTH, ("Cast", ["n"], ["f"], {"to": 1}),
        ("Add", ["zeros", "f"], ["x"]), *(("ReduceSum", ["x"], [f"r{i}"], {"keepdims": 0}) for i in range(900)),
        ("Sum", [f"r{i}" for i in range(900)], ["extra"]),
    ), ("shape", np.array([100_000_000]))),
)  # fmt: skip
_changed(
    "onnx-many-matrices", "products of 100 million matrices of one number each", "multiply",
    _used(_nodes(("ConstantOfShape", ["shape"], ["x"]), ("MatMul", ["x", "x"], ["extra"])),
          ("shape", np.array([100_000_000, 1, 1]))),
)  # fmt: skip


# ---- calls that end the process, or do not do what they say


def _microsoft(
    name: str, what: str, says: str, kind: str, inputs: list[str], tensors: dict[str, Any], **more: Any
) -> None:
    def change(model: Any) -> None:
        from onnx import helper

        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        call = lambda: [_node(kind, inputs, ["extra"], domain="com.microsoft", **more)]  # noqa: E731
        _used(call, *tensors.items())(model)

    _changed(name, what, says, change)


def _zeros(*shape: int, of: type = np.float32) -> Any:
    return np.zeros(shape, of)


_microsoft("onnx-no-width", "attention over vectors of no width, which ends the process", "do not divide the width",
           "MultiHeadAttention", ["q", "q", "q"], {"q": _zeros(1, 4, 0)}, num_heads=3)  # fmt: skip
_microsoft("onnx-no-batch", "attention over no text, which ends the process", "attends to nothing", "QAttention",
           ["x", "w", "b", "s", "s"],
           {"x": _zeros(0, 4, 8, of=np.uint8), "w": _zeros(8, 24, of=np.int8), "b": _zeros(24), "s": np.float32(1)},
           num_heads=2)  # fmt: skip
_microsoft("onnx-flat-positions", "positions without a batch, which end the process", "another shape than the tokens",
           "EmbedLayerNormalization", ["i", "", "w", "p", "", "g", "g", "", "places"],
           {"i": _zeros(1, 4, of=np.int32), "w": _zeros(5, 8), "p": _zeros(9, 8), "g": _zeros(8),
            "places": _zeros(4, of=np.int32)})  # fmt: skip


def _parts(model: Any) -> None:
    model.opset_import[0].version = 18
    _used(
        _nodes(("Split", ["x"], ["extra", "rest"], {"num_outputs": 1, "axis": 0})), ("x", np.ones(4, np.float32))
    )(model)  # fmt: skip


_changed("onnx-one-part", "a Split into one part with two results, which ends the process", "number of parts", _parts)
_changed(
    "onnx-by-chance", "values that are dropped by chance, as in training", "by chance",
    _used(_nodes(("Dropout", ["x", "ratio", "training"], ["extra"])),
          ("x", np.ones(50, np.float32)), ("ratio", np.float32(0.5)), ("training", np.array(True))),
)  # fmt: skip


_changed(
    "onnx-many-inputs", "a sum of 100,000 inputs", "more than 1000 inputs",
    _used(_nodes(("Sum", ["table"] * 100_000, ["extra"]))),
)  # fmt: skip


# ---- tokenizers

_frame = {"Sequence": {"id": "A", "type_id": 0}}
_pair = [_frame, {"Sequence": {"id": "B", "type_id": 0}}]
_twice = {"type": "TemplateProcessing", "single": [_frame, _frame], "pair": _pair, "special_tokens": {}}


def _often(whole: dict[str, Any]) -> None:
    whole["post_processor"].update(
        single=[{"SpecialToken": {"id": "[CLS]", "type_id": 0}}] * 20_000,
        special_tokens={"[CLS]": {"id": "[CLS]", "ids": [2] * 100_000, "tokens": ["a"] * 100_000}},
    )


def _grown(kind: str, part: str, key: str, times: int, **more: Any) -> Callable[[dict[str, Any]], Any]:
    return _part(part, {"type": "Sequence", key: [{"type": kind, **more}] * times})


def _ligatures() -> list[dict[str, Any]]:
    """U+FDFA is eighteen letters to NFKD; each lam among them becomes U+FDFA again."""
    again = [{"type": "NFKD"}, {"type": "Replace", "pattern": {"String": "\u0644"}, "content": "\ufdfa"}]
    return [{"type": "Replace", "pattern": {"String": "e"}, "content": "\ufdfa"}, *again * 15]


_edited("tokenizer-frame-product", "a frame that names 20,000 times a token of 100,000 ids", "at most 8 parts", _often)
_edited("tokenizer-frame-ids", "a special token of 100,000 ids", "at most 8 ids",
        lambda whole: whole["post_processor"]["special_tokens"]["[CLS]"].update(ids=[2] * 100_000))  # fmt: skip
_edited("tokenizer-frame-twice", "frames that double a text, 30 times", "does not hold A once",
        lambda whole: whole.update(post_processor={"type": "Sequence", "processors": [_twice] * 30}))  # fmt: skip
_edited("tokenizer-frame-empty", "a frame without the text, which would be lost", "does not hold A once",
        lambda whole: whole["post_processor"].update(
            single=[{"SpecialToken": {"id": name, "type_id": 0}} for name in ("[CLS]", "[SEP]")]))  # fmt: skip
_edited("tokenizer-bytes-of-bytes", "bytes as letters, of which the bytes as letters, 31 times", "200 times as long",
        _grown("ByteLevel", "normalizer", "normalizers", 31))  # fmt: skip
_edited("tokenizer-bytes-of-words", "the same, as pre-tokenizers", "200 times as long",
        _grown("ByteLevel", "pre_tokenizer", "pretokenizers", 31, add_prefix_space=False, trim_offsets=False,
               use_regex=False))  # fmt: skip
_edited("tokenizer-ligatures", "letters that are taken apart and put back, each as a longer one", "200 times as long",
        _part("normalizer", {"type": "Sequence", "normalizers": _ligatures()}))  # fmt: skip
_edited("tokenizer-added-other-id", "an added token with another id than it gets", "but it has",
        _part("added_tokens", [{**_added("two words")[0], "id": 3}]))  # fmt: skip
_edited("tokenizer-added-much", "2,000 added tokens of 1,000 characters", "more than 50000 characters",
        lambda whole: whole.update(added_tokens=[
            {**_added(f"{i:04}" * 250)[0], "id": 100 + i} for i in range(2_000)]))  # fmt: skip
_edited("tokenizer-objects", "three million empty objects", "opening brackets",
        lambda whole: whole.update(nothing=[{}] * 3_000_000))  # fmt: skip
_edited("tokenizer-no-vocabulary", "BPE of bytes without a vocabulary", "is no vocabulary",
        _model(type="BPE", vocab={}, merges=[], unk_token=None, byte_fallback=True))  # fmt: skip


# ---- bundles


def _manifest(name: str, what: str, error: str, says: str, edit: Callable[[dict[str, Any]], None]) -> None:
    @hostile("Manifest", name, what, error, says)
    def make(toy: Toy) -> None:
        rewrite(toy, edit=edit)


def _same_file(value: dict[str, Any]) -> None:
    value["head_sets"].update({f"s{i}": value["head_sets"][SPACE] for i in range(50)})


def _much(value: dict[str, Any]) -> None:
    value["metadata"]["nothing"] = [{}] * 20_000


_manifest("heads-file-shared", "50 head sets in one file, to be read 50 times", "BundleError", "another head set",
          _same_file)  # fmt: skip
_manifest("heads-many", "5,000 head sets", "BundleError", "more than 64",
          lambda value: value["head_sets"].update({f"s{i}": {} for i in range(5_000)}))  # fmt: skip
_manifest("checksums-many", "5,000 checksums", "BundleError", "more than 256",
          lambda value: value["checksums"].update({f"m{i}": "0" * 64 for i in range(5_000)}))  # fmt: skip
_manifest("manifest-objects", "20,000 empty objects", "JsonError", "opening brackets", _much)


def _header(name: str, what: str, says: str, header: bytes) -> None:
    @hostile("Heads", name, what, "HeadSetError", says)
    def make(toy: Toy) -> None:
        rewrite(toy, {HEADS: struct.pack("<Q", len(header)) + header})


_NONE = '{"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}'
_header("tensors-many", "100,000 heads without arrays of their own", "its header is longer",
        ("{" + ", ".join(f'"h{i}": {_NONE}' for i in range(100_000)) + "}").encode())  # fmt: skip
_header("tensors-300", "300 arrays", "more than 256 arrays",
        ("{" + ", ".join(f'"h{i}": {_NONE}' for i in range(300)) + "}").encode())  # fmt: skip
_header("tensors-objects", "a header of ten million empty objects", "its header is longer",
        b'{"__metadata__": [' + b"{}," * 10_000_000 + b"{}]}")  # fmt: skip


@hostile("Attack clusters", "clusters-twice", "an array of centroids that occurs twice", "BundleError", "occurs twice")
def _clusters_twice(toy: Toy) -> None:
    index = {"file": "c.safetensors", "least_similarity": 0.5, "entries": [{"id": "a", "family": "PI", "size": 1}]}
    header = f'{{"centroids": {_NONE}, "centroids": {_NONE}}}'.encode()
    rewrite(toy, {
        "attack_clusters.json": canonical_json({"clusters": {SPACE: index}}),
        "c.safetensors": struct.pack("<Q", len(header)) + header,
    })  # fmt: skip


def _archive(name: str, what: str, says: str, change: Callable[[Member], None]) -> None:
    @hostile("ZIP archive", name, what, "UnsafeBundleError", says)
    def make(toy: Toy) -> None:
        found = raw(toy)
        change(next(member for member in found if member.name == HEADS.encode()))
        toy.bundle.write_bytes(build(found))


def _hidden(member: Member) -> None:
    member.method = DEFLATED
    member.payload = member.packed() + b"\x80\x04 a pickle"


def _folder(member: Member) -> None:
    member.external = 0o040755 << 16 | 0x10


_archive("zip-behind-deflate", "bytes behind the end of DEFLATE, within the member", "packed data end", _hidden)
_archive("zip-folder-by-mode", "a file by its name and a folder by its attributes", "by its attributes", _folder)


# ---- metadata and folders


def _metadata(name: str, what: str, says: str, edit: Callable[[dict[str, Any]], None], error: str = "") -> None:
    @hostile("Metadata", name, what, error, says, stage="load" if error else "harmless")
    def make(toy: Toy) -> None:
        value = toy.read()
        edit(value)
        toy.write(value)


_metadata("metadata-version-digits", "a runtime's version of 5,000 digits", "needs onnxruntime",
          lambda value: value["requirements"].update(min_runtime_version="9" * 5_000),
          "RuntimeMissingError")  # fmt: skip
_metadata("metadata-dependencies", "30,000 packages to look for", "are looked for",
          lambda value: value["requirements"].update(additional_dependencies=[f"p{i}" for i in range(30_000)]),
          "RuntimeMissingError")  # fmt: skip
_metadata(
    "metadata-violations",
    "50,000 values that break the schema",
    "",
    lambda value: value.update(training_info={"dataset_distribution": {f"k{i}": -1 for i in range(50_000)}}),
)


@hostile("Metadata", "metadata-faults", "20,000 numbers beyond all floats, each a fault of its own", "", "",
         stage="harmless", declare=False)  # fmt: skip
def _faults(toy: Toy) -> None:
    text = toy.metadata.read_text(encoding="utf-8").rstrip().removesuffix("}")
    toy.metadata.write_text(text + "".join(f', "k{i}": 1e999' for i in range(20_000)) + "}", encoding="utf-8")


def _crowd(name: str, what: str, make: Callable[[Toy], None]) -> None:
    hostile("Left in the folder", name, what, "", "", stage="harmless", declare=False)(make)


def _big_metadata(toy: Toy) -> None:
    path = toy.metadata.with_name("z.json")
    path.write_bytes(canonical_json({**toy.read(), "padding": "x" * 990_000}))
    for index in range(1_500):
        os.link(path, path.with_name(f"z{index}.json"))


def _twins(toy: Toy) -> None:
    for letters in itertools.product(*[(letter, letter.upper()) for letter in "abcdefghijk"]):
        (toy.metadata.parent / f"{''.join(letters) * 8}.json").write_text("x")


def _orphans(toy: Toy) -> None:
    path = toy.bundle.with_name("o.raxe")
    value = {**manifest(toy), "padding": [1] * 300_000}
    path.write_bytes(build([Member(b"manifest.json", json.dumps(value).encode())]))
    for index in range(1_000):
        os.link(path, path.with_name(f"o{index}.raxe"))


def _broken(toy: Toy) -> None:
    for index in range(1_000):
        (toy.metadata.parent / f"v1.0_{index}.json").write_text('{"file_info": {"filename": "big.raxe"}, 1}')
    big = {f"m{index}.json".encode(): b"{}" for index in range(250)}
    members_of = [Member(b"manifest.json", members(toy)["manifest.json"]), *(Member(*item) for item in big.items())]
    toy.bundle.with_name("big.raxe").write_bytes(build(members_of))


def _directory_of(size: int) -> Callable[[Toy], None]:
    """A bundle, all holes, whose ZIP64 record names a directory of nearly its own size."""

    def make(toy: Toy) -> None:
        start, where = 100, size - 98
        record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, where - start, start)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, where, 1)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 100, 0xFFFFFFFF, 0)
        with toy.bundle.with_name("holes.raxe").open("wb") as handle:
            handle.truncate(size)
            handle.seek(where)
            handle.write(record + locator + end)

    return make


_crowd("stray-metadata-large", "1,500 metadata files of 1 MB, all of them links to one", _big_metadata)
_crowd("stray-twins", "2,048 ids that differ in case only", _twins)
_crowd("stray-bundles-large", "1,000 bundles with manifests of 900 kB, all of them links to one", _orphans)
_crowd("stray-broken", "1,000 broken metadata files that name one bundle", _broken)
_crowd("stray-zip64", "a bundle of a gigabyte of holes with a directory as large", _directory_of(1_300_000_000))
_crowd("stray-zip64-huge", "the same, of a terabyte", _directory_of(1 << 40))


for _place in ("benchmarks", "model_quantized_int8_deploy"):

    def _ring(name: str) -> None:
        @hostile("Not a plain file", f"folder-ring-{name}", f"a link to itself in place of `{name}/`",
                 stage="harmless", declare=False)  # fmt: skip
        def make(toy: Toy) -> None:
            place = toy.models / name
            if place.exists():
                place.rename(toy.models / "aside")
            place.symlink_to(place)

    _ring(_place)
