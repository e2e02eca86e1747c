"""Embedding models that are programs of another kind: they read files, never end, fill the memory, or lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from meta_tests.hostile.bundle_cases import PROGRAMS
from meta_tests.hostile.case import hostile
from meta_tests.support.toy import EVIL, WIDTH, WORDS, Toy, word_vectors

GROUP = "ONNX"
ERROR = "EmbeddingError"
NOT_NEEDED = "which an encoder does not need"
Change = Callable[[Any], Any]


def _model(toy: Toy) -> Any:
    import onnx

    return onnx.load_model_from_string(toy.onnx.read_bytes())


def _changed(name: str, what: str, says: str, change: Change, *, error: str = ERROR, stage: str = "load") -> None:
    """The toy's model, changed in place (or replaced by what `change` returns)."""

    @hostile(GROUP, name, what, error, says, stage=stage)
    def make(toy: Toy) -> None:
        model = _model(toy)
        model = change(model) or model
        toy.onnx.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())


def _node(kind: str, inputs: list[str], outputs: list[str], **more: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, outputs, **more)


def _tensor(name: str, values: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values), name)


def _put(nodes: Callable[[], list[Any]], *tensors: tuple[str, Any]) -> Change:
    """Nodes before all others, and initialisers. What the last node makes is added to the output if it is "extra"."""

    def change(model: Any) -> None:
        old = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend([*nodes(), *old])
        model.graph.initializer.extend(_tensor(name, values) for name, values in tensors)

    return change


def _used(nodes: Callable[[], list[Any]], *tensors: tuple[str, Any]) -> Change:
    """As _put, and the sum over "extra" is added to the output, so that no optimizer takes it out."""

    def change(model: Any) -> None:
        old = list(model.graph.node)
        old[-1].output[0] = "before"
        del model.graph.node[:]
        tail = [
            _node("ReduceMax", ["extra"], ["one"], keepdims=0),
            _node("Add", ["before", "one"], ["last_hidden_state"]),
        ]
        model.graph.node.extend([*nodes(), *old, *tail])
        model.graph.initializer.extend(_tensor(name, values) for name, values in tensors)

    return change


# ---- files beside the model


def _external(name: str, what: str, location: str, place: Callable[[Toy], Any] | None = None) -> None:
    @hostile(GROUP, name, what, ERROR, "external data")
    def make(toy: Toy) -> None:
        model = _model(toy)
        table = model.graph.initializer[0]
        raw = table.raw_data
        table.ClearField("raw_data")
        table.data_location = 1
        for key, value in (("location", location), ("offset", "0"), ("length", str(len(raw)))):
            entry = table.external_data.add()
            entry.key, entry.value = key, value
        (toy.onnx.parent / "weights.bin").write_bytes(raw)
        (toy.models.parent / "outside.bin").write_bytes(raw)
        toy.onnx.write_bytes(model.SerializeToString())


_external("onnx-external-inside", "weights in a file beside the model", "weights.bin")
_external("onnx-external-outside", "weights in `../../outside.bin`", "../../outside.bin")
_external("onnx-external-absolute", "weights in `/etc/passwd`", "/etc/passwd")
_external("onnx-external-memory", "weights at an address of this process", "*/_ORT_MEM_ADDR_/*")


def _located(model: Any) -> None:
    model.graph.initializer[0].data_location = 1


_changed(
    "onnx-external-flag", "weights said to be outside, and nothing that says where", "outside of the file", _located
)


# ---- what is no encoder


def _loop(model: Any) -> None:
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [_node("Identity", ["on"], ["still"])],
        "body",
        [value("i", TensorProto.INT64, []), value("on", TensorProto.BOOL, [])],
        [value("still", TensorProto.BOOL, [])],
    )
    model.graph.node.insert(0, _node("Loop", ["", "true"], [], body=body))
    model.graph.initializer.append(_tensor("true", True))


def _if(model: Any) -> None:
    from onnx import TensorProto, helper

    branch = helper.make_graph([], "b", [], [helper.make_tensor_value_info("table", TensorProto.FLOAT, None)])
    model.graph.node.insert(0, _node("If", ["true"], ["chosen"], then_branch=branch, else_branch=branch))
    model.graph.initializer.append(_tensor("true", True))


def _scan(model: Any) -> None:
    from onnx import helper

    model.graph.node.insert(
        0, _node("Scan", ["table"], ["scanned"], body=helper.make_graph([], "b", [], []), num_scan_inputs=1)
    )


def _graph_attribute(model: Any) -> None:
    from onnx import helper

    model.graph.node[0].attribute.append(helper.make_attribute("hidden", helper.make_graph([], "g", [], [])))


_changed("onnx-loop", "an endless Loop", "a subgraph", _loop)
_changed("onnx-if", "an If", "a subgraph", _if)
_changed("onnx-scan", "a Scan", "a subgraph", _scan)
_changed("onnx-loop-bare", "a Loop without its body", NOT_NEEDED, _put(lambda: [_node("Loop", ["", ""], ["x"])]))
_changed("onnx-subgraph", "a subgraph in an attribute of Gather", "a subgraph", _graph_attribute)
for _op, _what in (
    ("RandomNormal", "random numbers"),
    ("NonZero", "a result as large as its values say"),
    ("Resize", "an enlarged tensor"),
    ("Pad", "a padded tensor"),
    ("OneHot", "as many columns as a value says"),
    ("TopK", "as many rows as a value says"),
    ("SequenceConstruct", "a sequence"),
    ("StringNormalizer", "strings"),
    ("Einsum", "a product of any shape"),
    ("ConvTranspose", "an image"),
    ("Optional", "an optional value"),
):
    _changed(f"onnx-{_op.lower()}", f"{_what}: {_op}", NOT_NEEDED, _put(lambda op=_op: [_node(op, ["table"], ["x"])]))  # type: ignore[misc]
for _domain in ("evil.ops", "ai.onnx.ml", "ai.onnx.training", "com.microsoft.nchwc", "com.microsoft"):
    _changed(
        f"onnx-domain-{_domain}",
        f"an operator `Run` of the domain `{_domain}`",
        "is the operator 'Run'",
        _put(lambda d=_domain: [_node("Run", ["table"], ["x"], domain=d)]),
    )  # type: ignore[misc]


def _function(model: Any) -> None:
    from onnx import helper

    model.functions.append(
        helper.make_function(
            "", "Gather", ["a", "b"], ["c"], [_node("Identity", ["a"], ["c"])], [helper.make_opsetid("", 17)]
        )
    )


def _training(model: Any) -> None:
    import onnx

    model.training_info.append(onnx.TrainingInfoProto())


def _sparse(model: Any) -> None:
    import onnx

    model.graph.sparse_initializer.append(onnx.SparseTensorProto())


def _configured(model: Any) -> None:
    entry = model.metadata_props.add()
    entry.key, entry.value = "ort_config", '{"session_options": {"enable_profiling": 1}}'


def _strings(model: Any) -> None:
    import onnx

    model.graph.initializer.append(onnx.TensorProto(name="s", data_type=8, dims=[1], string_data=[b"x" * 100]))


_changed("onnx-function", "a function of its own named Gather", "functions of its own", _function)
_changed("onnx-training", "training information", "training information", _training)
_changed("onnx-sparse", "sparse initialisers", "sparse initialisers", _sparse)
_changed(
    "onnx-config", "a configuration for the runtime in its metadata", "a configuration for the runtime", _configured
)
_changed("onnx-strings", "a tensor of strings", "strings", _strings)


# ---- memory and time

_I64 = np.int64
_changed(
    "onnx-constant-of-shape",
    "a constant of 2^40 elements",
    "elements",
    _used(lambda: [_node("ConstantOfShape", ["shape"], ["extra"])], ("shape", np.array([1 << 20, 1 << 20], _I64))),
)
_changed(
    "onnx-expand",
    "a tensor expanded to 2^40 elements",
    "elements",
    _used(
        lambda: [_node("Expand", ["zero", "shape"], ["extra"])],
        ("shape", np.array([1 << 40], _I64)),
        ("zero", np.float32(0)),
    ),
)
_changed("onnx-tile", "a tensor repeated 2^40 times", "elements", _used(
    lambda: [_node("Tile", ["some", "times"], ["extra"])], ("times", np.array([1 << 40], _I64)),
    ("some", np.ones(1, np.float32))))  # fmt: skip
_changed("onnx-range", "a count to 2^39", "elements", _used(
    lambda: [_node("Range", ["from", "to", "by"], ["n"]), _node("Cast", ["n"], ["extra"], to=1)], ("from", _I64(0)),
    ("to", _I64(1 << 39)), ("by", _I64(1))))  # fmt: skip
_changed("onnx-outer-sum", "two vectors of 30,000 and 40,000 added to a table", "elements", _used(
    lambda: [_node("Add", ["row", "column"], ["extra"])], ("row", np.ones((1, 30_000), np.float32)),
    ("column", np.ones((40_000, 1), np.float32))))  # fmt: skip
_changed("onnx-outer-product", "two vectors multiplied to a matrix", "elements", _used(
    lambda: [_node("MatMul", ["column", "row"], ["extra"])], ("row", np.ones((1, 30_000), np.float32)),
    ("column", np.ones((40_000, 1), np.float32))))  # fmt: skip
_changed("onnx-doubling", "a vector joined to itself 40 times", "would hold", _used(
    lambda: [_node("Concat", [f"d{i}"] * 2, [f"d{i + 1}" if i < 39 else "extra"], axis=0) for i in range(40)],
    ("d0", np.ones(1, np.float32))))  # fmt: skip
_changed(
    "onnx-computed-shape",
    "a shape that is multiplied up from small numbers",
    "has no bound",
    _used(
        lambda: [
            *(_node("Mul", [f"m{i}"] * 2, [f"m{i + 1}"]) for i in range(5)),
            _node("ConstantOfShape", ["m5"], ["extra"]),
        ],
        ("m0", np.array([2], _I64)),
    ),
)
_changed("onnx-text-decides", "a size that the text decides", "has no bound", _used(
    lambda: [_node("Squeeze", ["input_ids", "zero_axis"], ["flat"]), _node("Reshape", ["flat", "four"], ["four_ids"]),
             _node("ConstantOfShape", ["four_ids"], ["extra"])],
    ("zero_axis", np.array([0], _I64)), ("four", np.array([-1], _I64))))  # fmt: skip
_changed(
    "onnx-by-length",
    "a size that explodes for texts of one length only",
    "elements",
    _used(
        lambda: [
            _node("Shape", ["input_ids"], ["n"], start=1),
            _node("Equal", ["n", "seventeen"], ["is"]),
            _node("Where", ["is", "huge", "small"], ["size"]),
            _node("ConstantOfShape", ["size"], ["extra"]),
        ],
        ("seventeen", np.array([17], _I64)),
        ("huge", np.array([1 << 30], _I64)),
        ("small", np.array([1], _I64)),
    ),
)
_changed("onnx-many-large", "400 tensors of 40 MB each, all held to the end", "would hold", _used(
    lambda: [*(_node("Expand", ["zero", "shape"], [f"e{i}"]) for i in range(400)),
             _node("Sum", [f"e{i}" for i in range(400)], ["extra"])],
    ("shape", np.array([10_000_000], _I64)), ("zero", np.float32(0))))  # fmt: skip
_changed("onnx-slow", "60 products of matrices of 3,000 by 3,000", "multiply", _used(
    lambda: [_node("Expand", ["zero", "shape"], ["p0"]),
             *(_node("MatMul", [f"p{i}", f"p{i}"], [f"p{i + 1}" if i < 59 else "extra"]) for i in range(60))],
    ("shape", np.array([3_000, 3_000], _I64)), ("zero", np.float32(0))))  # fmt: skip
_changed(
    "onnx-division",
    "an integer divided by zero, which ends the process",
    "what may be zero",
    _used(
        lambda: [_node("Div", ["input_ids", "nought"], ["q"]), _node("Cast", ["q"], ["extra"], to=1)],
        ("nought", _I64(0)),
    ),
)
_changed(
    "onnx-many-nodes",
    "20,000 operators",
    "at most 5000",
    _used(
        lambda: [
            *(_node("Identity", [f"i{i}"], [f"i{i + 1}"]) for i in range(20_000)),
            _node("Identity", ["i0"], ["extra"]),
        ],
        ("i0", np.float32(0)),
    ),
)


@hostile(GROUP, "onnx-many-fields", "30 MB of fields of two bytes", ERROR, "more than 400000 fields")
def _many_fields(toy: Toy) -> None:
    toy.onnx.write_bytes(toy.onnx.read_bytes() + b"\x72\x00" * 15_000_000)


@hostile(GROUP, "onnx-huge", "a model of a terabyte, all holes", "RaxeError", "is larger than")
def _huge(toy: Toy) -> None:
    os.truncate(toy.onnx, 1 << 40)


@hostile(GROUP, "onnx-large-hole", "a model of 500 MB, all holes", ERROR, "which no model has")
def _large(toy: Toy) -> None:
    os.truncate(toy.onnx, 500_000_000)


# ---- initialisers


def _dims(*dims: int) -> Change:
    def change(model: Any) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)

    return change


def _raw(data: bytes) -> Change:
    def change(model: Any) -> None:
        model.graph.initializer[0].raw_data = data

    return change


def _typed(kind: int) -> Change:
    def change(model: Any) -> None:
        model.graph.initializer[0].data_type = kind

    return change


def _twice(model: Any) -> None:
    model.graph.initializer[0].float_data.append(1.0)


_changed("onnx-dims-more", "dims that ask for more than the bytes", "by its dims and holds", _dims(1 << 20, WIDTH))
_changed("onnx-dims-fewer", "dims that ask for less than the bytes", "by its dims and holds", _dims(1, WIDTH))
_changed("onnx-dims-huge", "dims of 2^60", "absurd dims", _dims(1 << 60, WIDTH))
_changed("onnx-dims-negative", "a negative dim", "absurd dims", _dims(-1, WIDTH))
_changed("onnx-dims-many", "1,000 dims", "more than 256 numbers", _dims(*[1] * 1_000))
_changed("onnx-data-none", "no bytes for the table", "by its dims and holds", _raw(b""))
_changed("onnx-data-twice", "values in two places", "holds its values twice", _twice)
_changed("onnx-type-unknown", "elements of a type that does not exist", "element type 77", _typed(77))
_changed("onnx-type-complex", "complex numbers", "element type 14", _typed(14))


# ---- answers that nothing can rest on


def _table(edit: Callable[[np.ndarray[Any, Any]], Any]) -> Change:
    def change(model: Any) -> None:
        table = word_vectors()
        edited = edit(table)
        table = table if edited is None else edited
        model.graph.initializer[0].CopyFrom(_tensor("table", np.ascontiguousarray(table)))

    return change


def _fill(value: float, row: int | slice = slice(None)) -> Callable[[np.ndarray[Any, Any]], Any]:
    def edit(table: np.ndarray[Any, Any]) -> None:
        table[row] = value

    return edit


_EVIL = WORDS.index(EVIL["PI"])
_changed("onnx-nan", "NaN for every text", "values that are not finite", _table(_fill(float("nan"))))
_changed("onnx-infinity", "infinity for every text", "values that are not finite", _table(_fill(float("inf"))))
_changed("onnx-nan-for-attacks", "NaN for one word, which would compare as no attack", "values that are not finite",
         _table(_fill(float("nan"), _EVIL)), stage="analyze")  # fmt: skip
_changed("onnx-zeros", "zeros for every text", "nothing but zeros", _table(_fill(0.0)))
_changed("onnx-same", "the same for every text", "the same vector whatever the tokens", _table(_fill(1.0)))
_changed("onnx-small-table", "fewer embeddings than tokens", "does not take", _table(lambda table: table[:4]))


def _ending(nodes: Callable[[], list[Any]], *tensors: tuple[str, Any]) -> Change:
    """Nodes behind all others, from "before" to last_hidden_state."""

    def change(model: Any) -> None:
        model.graph.node[-1].output[0] = "before"
        model.graph.node.extend(nodes())
        model.graph.initializer.extend(_tensor(name, values) for name, values in tensors)
        del model.graph.output[0].type.tensor_type.shape.dim[:]
        model.graph.output[0].type.tensor_type.ClearField("shape")

    return change


_WRONG = "but should [batch, tokens, width]"
_changed("onnx-rank-2", "one vector for the whole text", _WRONG, _ending(
    lambda: [_node("ReduceMean", ["before"], ["last_hidden_state"], axes=[1], keepdims=0)]))  # fmt: skip
_changed(
    "onnx-rank-4",
    "an output of four dimensions",
    _WRONG,
    _ending(lambda: [_node("Unsqueeze", ["before", "front"], ["last_hidden_state"])], ("front", np.array([0], _I64))),
)
_changed("onnx-one-vector", "an output for one token, whatever the text", _WRONG, _ending(
    lambda: [_node("ReduceMean", ["before"], ["last_hidden_state"], axes=[1])]))  # fmt: skip
_changed("onnx-double", "an output in double", "not float32", _ending(
    lambda: [_node("Cast", ["before"], ["last_hidden_state"], to=11)]))  # fmt: skip
_changed(
    "onnx-half-width",
    "vectors of another width than the heads read",
    "but the embedding model gives width",
    _ending(lambda: [_node("Concat", ["before", "before"], ["last_hidden_state"], axis=2)]),
    error="HeadSetError",
)
_changed("onnx-width-by-length", "a width that depends on the length of the text", _WRONG, _ending(
    lambda: [_node("Shape", ["input_ids"], ["n"], start=1), _node("Concat", ["ones", "n"], ["to"], axis=0),
             _node("ReduceMean", ["before"], ["m"], axes=[2]), _node("Expand", ["m", "to"], ["last_hidden_state"])],
    ("ones", np.array([1, 1], _I64))))  # fmt: skip


# ---- inputs, outputs, versions


def _swapped(model: Any) -> None:
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = {"input_ids": "attention_mask", "attention_mask": "input_ids"}.get(name, name)


def _renamed(model: Any) -> None:
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = "ids" if name == "input_ids" else name
    model.graph.input[0].name = "ids"


def _third(model: Any) -> None:
    model.graph.input.add().CopyFrom(model.graph.input[0])
    model.graph.input[2].name = "password"


def _int32(model: Any) -> None:
    for value in model.graph.input:
        value.type.tensor_type.elem_type = 6


def _fixed(model: Any) -> None:
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[1].dim_value = 5


def _opset(version: int) -> Change:
    def change(model: Any) -> None:
        model.opset_import[0].version = version

    return change


def _two_opsets(model: Any) -> None:
    entry = model.opset_import.add()
    entry.domain, entry.version = "ai.onnx", 11


def _no_opset(model: Any) -> None:
    del model.opset_import[:]


def _unsorted(model: Any) -> None:
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))


def _cycle(model: Any) -> None:
    model.graph.node[0].input[0] = "last_hidden_state"


def _clash(model: Any) -> None:
    model.graph.node.append(_node("Identity", ["mask"], ["looked_up"]))


def _no_output(model: Any) -> None:
    del model.graph.output[:]


def _false_output(model: Any) -> None:
    model.graph.output[0].name = "nothing"


def _version(model: Any) -> None:
    model.ir_version = 99


def _odd_name(model: Any) -> None:
    model.graph.node.insert(0, _node("NonZero", ["table"], ["x"], name="a\n\x1b[31mb\u202ec" + "d" * 300))


_changed("onnx-swapped", "ids and mask swapped", "inputs are swapped", _swapped)
_changed("onnx-renamed", "an input named `ids`", "has the input 'ids'", _renamed)
_changed("onnx-third-input", "a third input", "has the input 'password'", _third)
_changed("onnx-int32", "inputs in int32", "does not take", _int32)
_changed("onnx-fixed", "texts of five tokens only", "does not take", _fixed)
_changed("onnx-opset-old", "operators of version 5", "11 to 26 are known", _opset(5))
_changed("onnx-opset-new", "operators of version 99", "11 to 26 are known", _opset(99))
_changed("onnx-opset-twice", "two versions of the operators", "twice", _two_opsets)
_changed("onnx-opset-none", "no version of the operators", "no version", _no_opset)
_changed("onnx-ir", "a format of version 99", "ONNX Runtime cannot load it", _version)
_changed("onnx-unsorted", "operators in the wrong order", "which nothing before it makes", _unsorted)
_changed("onnx-cycle", "operators in a ring", "which nothing before it makes", _cycle)
_changed("onnx-name-clash", "one name for two results", "makes what is there already", _clash)
_changed("onnx-no-output", "no output", "has no output", _no_output)
_changed("onnx-false-output", "an output that nothing makes", "nothing makes", _false_output)
_changed("onnx-odd-name", "a name that holds line breaks and colours", NOT_NEEDED, _odd_name)


# ---- bytes


def _bytes(name: str, what: str, says: str, change: Callable[[bytes], bytes]) -> None:
    @hostile(GROUP, name, what, ERROR, says)
    def make(toy: Toy) -> None:
        toy.onnx.write_bytes(change(toy.onnx.read_bytes()))


def _nested_types(data: bytes) -> bytes:
    """A value_info whose type is a sequence of sequences of …, 3,000 deep."""
    import onnx

    inner = b""
    for _ in range(3_000):
        inner = b"\x0a" + _length(inner)  # Sequence.elem_type
        inner = b"\x22" + _length(inner)  # TypeProto.sequence_type
    model = onnx.load_model_from_string(data)
    graph = model.graph.SerializeToString() + b"\x6a" + _length(b"\x0a\x01v" + b"\x12" + _length(inner))
    model.ClearField("graph")
    rest: bytes = model.SerializeToString()
    return rest + b"\x3a" + _length(graph)


def _length(data: bytes) -> bytes:
    size, out = len(data), b""
    while size > 127:
        out += bytes([size & 127 | 128])
        size >>= 7
    return out + bytes([size]) + data


_bytes("onnx-empty", "nothing", "holds no graph", lambda data: b"")
_bytes("onnx-noise", "noise", "more than 64 bits", lambda data: bytes(range(255, 0, -1)) * 40)
_bytes("onnx-cut-1", "its last byte missing", "cut off", lambda data: data[:-1])
_bytes("onnx-cut-half", "its second half missing", "cut off", lambda data: data[: len(data) // 2])
_bytes("onnx-appended", "a second graph appended, which a lenient reader merges", "twice", lambda data: data + data)
_bytes("onnx-nested-types", "types of types, 3,000 deep", "ONNX Runtime cannot load it", _nested_types)
_bytes(
    "onnx-unknown-field", "a field that ONNX does not have", "which no model has", lambda data: data + b"\xfa\x07\x01x"
)
_bytes("onnx-group", "a group, which ONNX does not have", "which no model has", lambda data: data + b"\x0b\x0c")
_bytes(
    "onnx-long-number",
    "a number of 20 bytes",
    "more than 64 bits",
    lambda data: b"\x08" + b"\xff" * 19 + b"\x01" + data[2:],
)
_bytes(
    "onnx-lying-length", "a length of 2^62", "length in it lies", lambda data: b"\x32" + b"\x80" * 8 + b"\x40" + data
)
_bytes("onnx-ort-format", "ONNX Runtime's own format, and ONNX at once", "own format",
       lambda data: b"\x32\x88\x80\x00ORTM1234" + data)  # fmt: skip
for _name in ("pickle", "torch", "elf", "python", "hdf5"):
    _bytes(f"onnx-{_name}", f"{PROGRAMS[_name][0]}, named `.onnx`", "model", lambda data, n=_name: PROGRAMS[n][1])  # type: ignore[misc]
