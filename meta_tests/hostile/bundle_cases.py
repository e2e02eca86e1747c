"""Bundles whose members are not what the manifest, or their names, say."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from meta_tests.hostile.bundles import HEADS, MANIFEST, members, rewrite
from meta_tests.hostile.case import hostile
from meta_tests.support.toy import SPACE, WIDTH, Toy, head_arrays
from raxe_conformance.fileio import canonical_json

Edit = Callable[[dict[str, Any]], None]


class Payload:
    """Unpickled, it leaves a mark where RAXE_CANARY says. Nothing ever does so."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ('touch "$RAXE_CANARY"',)


PROGRAMS: dict[str, tuple[str, bytes]] = {
    "pickle": ("a pickle", pickle.dumps(Payload())),
    "pickle-0": ("a pickle of protocol 0", pickle.dumps(Payload(), protocol=0)),
    "pickle-2": ("a pickle of protocol 2", pickle.dumps(Payload(), protocol=2)),
    "joblib": ("a pickle compressed by joblib", zlib.compress(pickle.dumps(Payload()))),
    "joblib-old": ("a pickle compressed by an old joblib", b"ZF0x10" + zlib.compress(pickle.dumps(Payload()))),
    "gzip": ("a gzip file", b"\x1f\x8b\x08\x00" + bytes(30)),
    "torch": ("a ZIP, as torch saves pickles", b"PK\x03\x04" + bytes(40)),
    "elf": ("a shared object", b"\x7fELF\x02\x01\x01" + bytes(60)),
    "exe": ("a Windows program", b"MZ\x90\x00" + bytes(60)),
    "mach-o": ("a macOS program", b"\xcf\xfa\xed\xfe" + bytes(60)),
    "python": ("Python source", b"import os\nos.system('touch \"$RAXE_CANARY\"')\n"),
    "script": ("a shell script", b"#!/bin/sh\ntouch \"$RAXE_CANARY\"\n"),
    "npy": ("a numpy array of objects", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}" + pickle.dumps(Payload())),
    "hdf5": ("an HDF5 file", b"\x89HDF\r\n\x1a\n" + bytes(40)),
    "wasm": ("a WebAssembly module", b"\x00asm\x01\x00\x00\x00"),
    "pyc": ("compiled Python", b"\xa7\r\r\n" + bytes(40)),
}  # fmt: skip
EXECUTABLE = "ExecutableMemberError"
REFUSED = "is a pickle, joblib or program file"


def _program(name: str, what: str, member: str, data: bytes) -> None:
    # What has no mark of a program is refused all the same: it does not begin as its name says.
    plain = data in (PROGRAMS["pickle-0"][1], PROGRAMS["python"][1])
    error, says = (
        ("UnsafeBundleError", "does not begin as") if plain and not data.startswith(b"#!") else (EXECUTABLE, REFUSED)
    )

    @hostile("Program in a bundle", name, what, error, says)
    def make(toy: Toy) -> None:
        rewrite(toy, {member: data})


for _suffix in ("pkl", "joblib", "py", "so", "npy", "pt", "dll", "sh"):
    _program(f"suffix-{_suffix}", f"a member `classifier.{_suffix}`", f"classifier.{_suffix}", PROGRAMS["pickle"][1])
for _name, (_what, _data) in PROGRAMS.items():
    _program(
        f"disguised-{_name}", f"{_what}, as `attack_clusters.json` that nobody reads", "attack_clusters.json", _data
    )
for _name in ("pickle", "pickle-0", "joblib", "torch", "elf", "python"):
    _program(f"heads-{_name}", f"{PROGRAMS[_name][0]} in place of the heads", HEADS, PROGRAMS[_name][1])
for _name in ("pickle", "script", "elf"):
    _program(f"text-{_name}", f"{PROGRAMS[_name][0]}, as `README.md`", "README.md", PROGRAMS[_name][1])
_program("model-pickle", "a pickle, as `heads.onnx`", "heads.onnx", PROGRAMS["pickle"][1])

for _name in ("pickle", "joblib", "elf", "python"):

    def _whole(name: str, what: str, data: bytes) -> None:
        @hostile(
            "Program in a bundle", f"bundle-is-{name}", f"{what} in place of the whole bundle", "BundleError", "is "
        )
        def make(toy: Toy) -> None:
            toy.bundle.write_bytes(data)

    _whole(_name, *PROGRAMS[_name])


# ---- the manifest against the members


def _edited(name: str, what: str, error: str, says: str, edit: Edit, stage: str = "load") -> None:
    @hostile("Manifest", name, what, error, says, stage=stage)
    def make(toy: Toy) -> None:
        rewrite(toy, edit=edit)


def _entry(**fields: Any) -> Edit:
    return lambda value: value["head_sets"][SPACE].update(fields)


def _set(path: str, to: Any) -> Edit:
    def edit(value: dict[str, Any]) -> None:
        *parts, last = path.split(".")
        for part in parts:
            value = value[part]
        value[last] = to

    return edit


for _name, _file in (
    ("outside", "../../../etc/passwd"), ("absolute", "/etc/passwd"), ("missing", "heads/none.safetensors"),
    ("manifest", MANIFEST), ("folder", "heads/"),
):  # fmt: skip
    _error, _says = ("HeadSetError", "safetensors") if _name == "manifest" else ("BundleError", "does not exist")
    _edited(f"heads-file-{_name}", f"heads that are to be read from `{_file}`", _error, _says, _entry(file=_file))
_edited("heads-file-other", "heads that are to be read from `schema.json`", "HeadSetError", "safetensors",
        _entry(file="schema.json"))  # fmt: skip
_edited("heads-file-number", "a number for the heads' file", "HeadSetError", "no usable value", _entry(file=7))
_edited("heads-file-list", "a list for the heads' file", "HeadSetError", "no usable value", _entry(file=[]))
for _name, _value in (("text", "7"), ("true", True), ("negative", -1), ("huge", 10**9), ("other", 8)):
    _edited(f"heads-dimension-{_name}", f"a dimension of {_value!r}", "HeadSetError",
            "width" if _name == "other" else "dimension", _entry(dimension=_value))  # fmt: skip
for _name, _value in (("zero", 0), ("one", 1.0), ("negative", -0.5), ("text", "0.5"), ("huge", 10**300)):
    _edited(
        f"threshold-{_name}",
        f"a threshold of {str(_value)[:20]!r}",
        "HeadSetError",
        "threshold",
        _entry(threshold=_value),
    )
for _value in (2, 65_537, 10**300):
    _edited(
        f"length-{str(_value)[:6]}",
        f"windows of {str(_value)[:6]}… tokens" if _value > 10**6 else f"windows of {_value} tokens",
        "HeadSetError",
        "max_sequence_length",
        _entry(max_sequence_length=_value),
    )
_edited(
    "length-long", "windows of 60,000 tokens", "RaxeError", "max_sequence_length", _entry(max_sequence_length=60_000)
)
_edited("pooling-other", "a pooling that this runtime does not do", "HeadSetError", "pooling", _entry(pooling="cls"))
_edited("normalization-other", "a normalisation that this runtime does not do", "HeadSetError", "normalization",
        _entry(normalization="none"))  # fmt: skip
_edited("tokenizer-other", "heads that were fitted with another tokenizer", "ChecksumError", "tokenizer",
        _entry(tokenizer_sha256="0" * 64))  # fmt: skip
_edited(
    "tokenizer-number",
    "a tokenizer digest that is none",
    "HeadSetError",
    "tokenizer_sha256",
    _entry(tokenizer_sha256=5),
)
_edited("space-missing", "no heads for the variant's embedding space", "HeadSetError", "no head set",
        lambda value: value["head_sets"].update({"other": value["head_sets"].pop(SPACE)}))  # fmt: skip
_edited("space-name", "a head set named `../x`", "BundleError", "no usable name",
        lambda value: value["head_sets"].update({"../x": {}}))  # fmt: skip
_edited("schema-other", "another schema version", "BundleError", "is not supported", _set("schema_version", "3.0.0"))
_edited("families-none", "no families", "BundleError", "families", _set("capabilities.families", []))
_edited(
    "families-unknown", "a family that does not exist", "BundleError", "families", _set("capabilities.families", ["XX"])
)
_edited(
    "families-nested",
    "families in a list in the list",
    "BundleError",
    "families",
    _set("capabilities.families", [["PI"]]),
)
_edited("families-twice", "a family twice", "BundleError", "twice", _set("capabilities.families", ["PI", "PI"]))
_edited("families-fewer", "fewer families than the heads tell apart", "HeadSetError", "outputs",
        _set("capabilities.families", ["PI"]))  # fmt: skip
_edited(
    "subfamilies-list",
    "subfamilies that are a list",
    "BundleError",
    "subfamilies",
    _set("capabilities.subfamilies", []),
)
_edited("checksums-none", "no checksums at all", "BundleError", "checksums", _set("checksums", None))
_edited("checksum-uppercase", "a checksum in capitals", "BundleError", "lower-case hex",
        lambda value: value["checksums"].update({HEADS: value["checksums"][HEADS].upper()}))  # fmt: skip
_edited("checksum-of-another", "the checksum of another member", "ChecksumError", "but should be",
        lambda value: value["checksums"].update({HEADS: value["checksums"]["schema.json"]}))  # fmt: skip
_edited("checksum-undeclared", "a member without a checksum", "ChecksumError", "no checksum",
        lambda value: value["checksums"].pop("schema.json"))  # fmt: skip
_edited("checksum-missing-member", "a checksum for a member that is not there", "BundleError", "does not exist",
        lambda value: value["checksums"].update({"gone.json": "0" * 64}))  # fmt: skip
_edited("checksum-outside", "a checksum for `../../etc/passwd`", "BundleError", "does not exist",
        lambda value: value["checksums"].update({"../../etc/passwd": "0" * 64}))  # fmt: skip


@hostile("Manifest", "manifest-missing", "no manifest", "BundleError", "has no manifest.json")
def _no_manifest(toy: Toy) -> None:
    from meta_tests.hostile.bundles import raw
    from meta_tests.hostile.zips import build

    toy.bundle.write_bytes(build([member for member in raw(toy) if member.name != MANIFEST.encode()]))


@hostile("Manifest", "member-altered", "a member nobody reads, altered, the file's own checksum made true again",
         "ChecksumError", "but should be")  # fmt: skip
def _altered(toy: Toy) -> None:
    checksums = json.loads(members(toy)[MANIFEST])["checksums"]
    rewrite(toy, {"schema.json": b'{"altered": true}'}, _set("checksums", checksums), truthful=False)


# ---- the arrays

Arrays = dict[str, Any]


def safetensors(header: dict[str, Any] | bytes, data: bytes, length: int | None = None) -> bytes:
    """A safetensors file with this header, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _tensors(name: str, what: str, data: Callable[[], bytes], says: str, error: str = "HeadSetError") -> None:
    @hostile("Heads", name, what, error, says)
    def make(toy: Toy) -> None:
        rewrite(toy, {HEADS: data()})


def _arrays(name: str, what: str, says: str, **changes: Any) -> None:
    """The toy's heads with some arrays replaced (None takes one out; _ stands for the dots)."""

    def data() -> bytes:
        from safetensors.numpy import save

        arrays: Arrays = {**head_arrays(), **{key.replace("_", "."): value for key, value in changes.items()}}
        return bytes(save({key: value for key, value in arrays.items() if value is not None}))

    _tensors(name, what, data, says)


def _f32(*shape: int, fill: float = 1.0) -> np.ndarray[Any, Any]:
    return np.full(shape, fill, np.float32)


_READ = "no readable safetensors"
_tensors("tensors-header-lies", "a header longer than the file", lambda: safetensors({}, b"", 1_000), _READ)
_tensors(
    "tensors-header-huge",
    "a header of 2^63 bytes",
    lambda: safetensors({}, b"", 1 << 63),
    "does not begin as",
    "BundleError",
)
_tensors(
    "tensors-header-100mb",
    "a header of 90 MB",
    lambda: safetensors(b"{" + b" " * 60_000_000 + b"}", b""),
    "is larger than",
    "BundleError",
)
_tensors("tensors-header-deep", "a header of 10,000 lists in each other",
         lambda: safetensors(b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", b""), _READ)  # fmt: skip
_tensors("tensors-overlap", "two arrays in the same bytes", lambda: safetensors({
    "binary.0.weight": {"dtype": "F32", "shape": [1, WIDTH], "data_offsets": [0, 4 * WIDTH]},
    "binary.0.bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
}, bytes(4 * WIDTH)), _READ)  # fmt: skip
_tensors("tensors-beyond", "an array that ends beyond the file", lambda: safetensors({
    "binary.0.weight": {"dtype": "F32", "shape": [1, WIDTH], "data_offsets": [0, 4 * WIDTH]}}, b""), _READ)  # fmt: skip
_tensors("tensors-hole", "bytes that belong to no array", lambda: safetensors({
    "binary.0.bias": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)), _READ)  # fmt: skip
_tensors(
    "tensors-shape-overflow",
    "a shape whose product overflows",
    lambda: safetensors(
        {"binary.0.bias": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 4]}}, bytes(4)
    ),
    _READ,
)
_tensors("tensors-dtype-unknown", "an array of a type that does not exist", lambda: safetensors({
    "binary.0.bias": {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), _READ)  # fmt: skip
_tensors("tensors-garbage", "noise", lambda: b"\x10\0\0\0\0\0\0\0{" + bytes(range(200)), _READ)
_tensors("tensors-twice", "an array that occurs twice", lambda: safetensors(
    b'{"a.0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a.0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    bytes(4)), "occurs twice")  # fmt: skip
_tensors("tensors-none", "no arrays", lambda: safetensors({}, b""), "holds no binary head")
_arrays("heads-nan", "a NaN among the weights", "NaN or infinity", binary_0_weight=_f32(1, WIDTH, fill=float("nan")))
_arrays("heads-infinite", "an infinite bias", "NaN or infinity", binary_0_bias=_f32(1, fill=float("inf")))
_arrays(
    "heads-overflow",
    "weights so large that scores are not finite",
    "too large",
    binary_0_weight=_f32(1, WIDTH, fill=3e38),
)
_arrays("heads-float16", "weights in float16", "not float32", binary_0_weight=np.ones((1, WIDTH), np.float16))
_arrays("heads-int", "weights in int64", "not float32", binary_0_weight=np.ones((1, WIDTH), np.int64))
_arrays("heads-rank-1", "weights of one dimension", "no fitting weight", binary_0_weight=_f32(WIDTH))
_arrays("heads-rank-3", "weights of three dimensions", "no fitting weight", binary_0_weight=_f32(1, 1, WIDTH))
_arrays("heads-width", "weights that read another width", "reads vectors of width", binary_0_weight=_f32(1, WIDTH + 1))
_arrays(
    "heads-outputs", "two answers to one question", "outputs", binary_0_weight=_f32(2, WIDTH), binary_0_bias=_f32(2)
)
_arrays("heads-no-bias", "a weight without its bias", "head", binary_0_bias=None)
_arrays("heads-no-binary", "no attack head", "holds no binary head", binary_0_weight=None, binary_0_bias=None)
_arrays(
    "heads-empty",
    "a layer of no units",
    "no fitting weight",
    binary_0_weight=_f32(0, WIDTH),
    binary_0_bias=_f32(0),
    binary_1_weight=_f32(1, 0),
    binary_1_bias=_f32(1),
)
_arrays("heads-gap", "a first and a third layer", "no fitting weight",
        binary_2_weight=_f32(1, 1), binary_2_bias=_f32(1))  # fmt: skip


# ---- attack clusters


def _clusters(
    name: str, what: str, says: str, centroids: Any = None, error: str = "BundleError", **fields: Any
) -> None:
    """An index of clusters with some fields replaced, and its centroids (bytes, an array, or the right ones)."""

    @hostile("Attack clusters", name, what, error, says)
    def make(toy: Toy) -> None:
        from safetensors.numpy import save

        array = np.eye(2, WIDTH, dtype=np.float32) if centroids is None else centroids
        space = {
            "file": "clusters.safetensors",
            "least_similarity": 0.5,
            "entries": [{"id": f"c{i}", "family": "PI", "size": 3} for i in range(2)],
            **fields,
        }
        data = array if isinstance(array, bytes) else save({"centroids": array})
        index = canonical_json({"clusters": {SPACE: space}})
        rewrite(toy, {"attack_clusters.json": index, "clusters.safetensors": data})


_clusters(
    "clusters-outside", "clusters to be read from `../../../etc/passwd`", "does not exist", file="../../../etc/passwd"
)
_clusters("clusters-number", "a number for the clusters' file", "names no file", file=5)
_clusters("clusters-manifest", "clusters to be read from the manifest", "holds no readable array", file=MANIFEST)
_clusters(
    "clusters-many", "5,000 clusters", "is no list of 1 to", entries=[{"id": "c", "family": "PI", "size": 1}] * 5_000
)
_clusters("clusters-entry", "a cluster that is a word", "needs id, family and size", entries=["c", "d"])
_clusters("clusters-similarity", "a least similarity of -5", "least_similarity", least_similarity=-5.0)
_clusters("clusters-nan", "NaN among the centroids", "finite float32", _f32(2, WIDTH, fill=float("nan")))
_clusters("clusters-width", "centroids of another width", "finite float32", _f32(2, WIDTH + 1))
_clusters("clusters-fewer", "fewer centroids than entries", "finite float32", _f32(1, WIDTH))
_clusters("clusters-long", "centroids so long that they resemble everything", "length 1", _f32(2, WIDTH, fill=1e30))
_clusters("clusters-header", "a header that lies", "holds no readable array", safetensors({}, b"", 1_000))


# ---- triggers


def _triggers(name: str, what: str, value: Any, says: str, error: str = "BundleError") -> None:
    @hostile("Triggers", name, what, error, says)
    def make(toy: Toy) -> None:
        data = value if isinstance(value, bytes) else canonical_json(value)
        rewrite(toy, {"keyword_triggers.json": data})


_triggers("triggers-object", "triggers that are an object", {"triggers": {}}, "triggers")
_triggers(
    "triggers-number", "a phrase that is a number", {"triggers": [{"id": "a", "family": "PI", "phrase": 5}]}, "phrase"
)
_triggers(
    "triggers-many",
    "triggers of 9 MB",
    {"triggers": [{"id": "t", "family": "PI", "phrase": "x" * 9_000_000}]},
    "is larger than",
)
_triggers(
    "triggers-many-small",
    "20,000 triggers, each to be looked for in every attack",
    {"triggers": [{"id": f"t{i}", "family": "PI", "phrase": "x"} for i in range(20_000)]},
    "at most 5000 triggers",
)
_triggers("triggers-nan", "NaN among the triggers", b'{"triggers": [], "x": NaN}', "NaN", "JsonError")
_triggers(
    "triggers-deep",
    "100,000 lists among the triggers",
    b'{"triggers": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested deeper",
    "JsonError",
)
