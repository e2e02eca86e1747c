"""ONNX bytes as plain values, read in bounded time and memory, without the onnx package and without copying tensors.

A reader of protobuf's wire format that is stricter than protobuf: only the fields that it knows, each with its own wire
type, none twice that may stand once. ONNX Runtime reads the same bytes with a lenient parser that skips unknown fields
and merges repeated ones; what is refused here cannot mean one thing to the check and another to the runtime.

Subgraphs, external data, functions, training information, sparse and string tensors are never descended into: their
mere presence is refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

MAX_FIELDS: Final = 400_000
MAX_NODES: Final = 5_000
MAX_TENSORS: Final = 5_000
MAX_ENDS: Final = 1_000  # inputs and outputs of one node
MAX_RANK: Final = 8
MAX_DIM: Final = 1 << 31
MAX_TEXT_BYTES: Final = 1_000_000
SMALL: Final = 256  # elements up to which integer tensors are read, since they may be shapes

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE, BFLOAT16, UINT4, INT4 = 1, 2, 3, 6, 7, 9, 10, 11, 16, 21, 22
BITS: Final = {
    FLOAT: 32, UINT8: 8, INT8: 8, INT32: 32, INT64: 64, BOOL: 8, FLOAT16: 16, DOUBLE: 64, BFLOAT16: 16, UINT4: 4,
    INT4: 4,
}  # fmt: skip
INTEGERS: Final = frozenset({UINT8, INT8, INT32, INT64, BOOL, UINT4, INT4})
REMEDY: Final = "export the model again, as a plain encoder"


class RefusedError(Exception):
    """Why a model is refused: `problem`, the `field` it is about, and the `remedy`. The guard adds the file."""

    def __init__(self, problem: str, field: str | None = None, remedy: str = REMEDY) -> None:
        super().__init__(problem)
        self.problem, self.field, self.remedy = problem, field, remedy


@dataclass(frozen=True, slots=True)
class Tensor:
    """An initialiser or constant: its declared type and dims, which fit its bytes. `ints` are its values if few."""

    name: bytes
    type: int
    dims: tuple[int, ...]
    ints: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Node:
    """One operator call. Names are bytes: two names that decode alike are two names."""

    op: str
    domain: str
    name: str
    inputs: list[bytes]
    outputs: list[bytes]
    attributes: dict[str, Attribute]


@dataclass(frozen=True, slots=True)
class Model:
    """What stands in a model file. `opset` is the version of the standard domain."""

    opset: int
    nodes: list[Node]
    tensors: dict[bytes, Tensor]
    inputs: list[bytes]
    outputs: list[bytes]


Attribute = int | float | bytes | Tensor | tuple[int, ...] | tuple[float, ...] | None
_Field = tuple[int, int, int]  # number; value, or first byte and the byte after the last


def _spec(one: str, many: str = "", refused: str = "") -> dict[int, tuple[bool, str]]:
    """Tag → (may repeat, why it is refused). Fields read "number:kind", kind v(arint), b(ytes), 4 or 8 bytes."""
    wires = {"v": 0, "8": 1, "b": 2, "4": 5}
    found: dict[int, tuple[bool, str]] = {}
    for text, repeat in ((one, False), (many, True)):
        for field in text.split():
            number, kinds = field.split(":")
            for kind in kinds:
                found[int(number) << 3 | wires[kind]] = (repeat, "")
    for field in refused.split():
        number, _, why = field.partition(":")
        for wire in (0, 1, 2, 5):
            found[int(number) << 3 | wire] = (True, why.replace("_", " "))
    return found


# The numbers are those of onnx.proto; meta_tests compares them with the onnx package.
MODEL: Final = _spec(
    "1:v 2:b 3:b 4:b 5:v 6:b 7:b",
    "8:b 14:b",
    "20:training_information 25:functions_of_its_own 26:a_device_configuration",
)
GRAPH: Final = _spec("2:b 10:b", "1:b 5:b 11:b 12:b 13:b 14:b 16:b", "15:sparse_initialisers")
NODE: Final = _spec("3:b 4:b 6:b 7:b", "1:b 2:b 5:b 9:b", "8:an_overload 10:a_device_configuration")
ATTRIBUTE: Final = _spec(
    "1:b 2:4 3:v 4:b 5:b 13:b 20:v",
    "7:4b 8:vb 9:b",
    "6:a_subgraph 10:a_list_of_tensors 11:subgraphs 14:a_type 15:types 21:a_reference 22:a_sparse_tensor"
    " 23:sparse_tensors",
)
TENSOR: Final = _spec(
    "2:v 8:b 9:b 12:b 14:v", "1:vb 4:4b 5:vb 7:vb 10:8b 16:b",
    "3:a_segment 6:strings 11:unsigned_64-bit_data 13:external_data",
)  # fmt: skip
VALUE_INFO: Final = _spec("1:b 2:b 3:b", "4:b")
OPSET: Final = _spec("1:b 2:v")
ENTRY: Final = _spec("1:b 2:b")

_BY_TYPE: Final = {1: 2, 2: 3, 3: 4, 4: 5, 6: 7, 7: 8, 8: 9}  # AttributeType → the field that holds the value
_TYPED_DATA: Final = {
    4: ({FLOAT}, 4), 5: ({INT32, INT8, UINT8, BOOL, FLOAT16, BFLOAT16}, 0), 7: ({INT64}, 0), 10: ({DOUBLE}, 8),
}  # fmt: skip


class Reader:
    """Reads one file. Every field that is looked at counts against MAX_FIELDS."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._fields = 0

    def model(self) -> Model:
        """Raises RefusedError."""
        graphs: list[_Field] = []
        opsets: dict[str, int] = {}
        for number, start, stop in self._scan(0, len(self._data), MODEL, "model"):
            if number == 7:
                graphs.append((number, start, stop))
            elif number == 8:
                domain, version = self._opset(start, stop)
                if domain in opsets:
                    raise RefusedError("names a version of one operator domain twice", "opset_import")
                opsets[domain] = version
            elif number == 14:
                self._property(start, stop)
        if not graphs:
            raise RefusedError("holds no graph", "graph")
        if "" not in opsets:
            raise RefusedError("names no version of the standard operators", "opset_import")
        return self._graph(graphs[0][1], graphs[0][2], opsets[""])

    def _scan(self, start: int, end: int, spec: dict[int, tuple[bool, str]], what: str) -> list[_Field]:
        """The fields of a message. Varints as (number, value, -1), others as (number, first byte, byte after)."""
        data, found, position = self._data, [], start
        seen: set[int] = set()
        while position < end:
            tag = data[position]
            position += 1
            if tag >= 0x80:
                tag, position = self._varint(position - 1, end, what)
            known = spec.get(tag)
            if known is None:
                raise RefusedError(f"has the field {tag >> 3} (wire type {tag & 7}), which no {what} has", what)
            repeats, refused = known
            if refused:
                raise RefusedError(f"has {refused}, which no encoder needs", what)
            if not repeats:
                if tag in seen:
                    raise RefusedError(f"has the field {tag >> 3} twice", what)
                seen.add(tag)
            wire = tag & 7
            if wire == 2:
                if position >= end:
                    raise RefusedError("is cut off", what)
                length = data[position]
                position += 1
                if length >= 0x80:
                    length, position = self._varint(position - 1, end, what)
                found.append((tag >> 3, position, position + length))
                position += length
            elif wire == 0:
                value, position = self._varint(position, end, what)
                found.append((tag >> 3, value, -1))
            else:
                width = 8 if wire == 1 else 4
                found.append((tag >> 3, position, position + width))
                position += width
            if position > end:
                raise RefusedError("is cut off, or a length in it lies", what)
            if len(found) + self._fields > MAX_FIELDS:
                raise RefusedError(f"has more than {MAX_FIELDS} fields", what)
        self._fields += len(found)
        return found

    def _varint(self, position: int, end: int, what: str) -> tuple[int, int]:
        value = shift = 0
        while True:
            if position >= end:
                raise RefusedError("is cut off within a number", what)
            byte = self._data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise RefusedError("has a number of more than 64 bits", what)
        if value >> 64:
            raise RefusedError("has a number of more than 64 bits", what)
        return value, position

    def _name(self, start: int, stop: int, what: str) -> bytes:
        if stop - start > 1000:
            raise RefusedError("has a name of more than 1,000 bytes", what)
        return self._data[start:stop]

    def _text(self, start: int, stop: int, what: str) -> str:
        return self._name(start, stop, what).decode("utf-8", "backslashreplace")

    def _opset(self, start: int, stop: int) -> tuple[str, int]:
        domain, version = "", 0
        for number, a, b in self._scan(start, stop, OPSET, "opset_import"):
            if number == 1:
                domain = self._text(a, b, "opset_import")
            else:
                version = a
        return ("" if domain == "ai.onnx" else domain), version

    def _property(self, start: int, stop: int) -> None:
        for number, a, b in self._scan(start, stop, ENTRY, "metadata_props"):
            if number == 1 and self._data[a:b].lower() == b"ort_config":
                raise RefusedError("holds a configuration for the runtime", "metadata_props")

    def _graph(self, start: int, stop: int, opset: int) -> Model:
        fields = self._scan(start, stop, GRAPH, "graph")
        spans: dict[int, list[tuple[int, int]]] = {}
        for number, a, b in fields:
            spans.setdefault(number, []).append((a, b))
        nodes, tensors = spans.get(1, []), spans.get(5, [])
        if len(nodes) > MAX_NODES or len(tensors) > MAX_TENSORS:
            raise RefusedError(f"has {len(nodes)} nodes and {len(tensors)} initialisers, at most {MAX_NODES} are read")
        initialisers: dict[bytes, Tensor] = {}
        for a, b in tensors:
            tensor = self._tensor(a, b)
            if not tensor.name or tensor.name in initialisers:
                raise RefusedError("has no name, or one that another has", f"initialiser {_shown(tensor.name)}")
            initialisers[tensor.name] = tensor
        return Model(
            opset=opset,
            nodes=[self._node(a, b) for a, b in nodes],
            tensors=initialisers,
            inputs=[self._value_name(a, b) for a, b in spans.get(11, [])],
            outputs=[self._value_name(a, b) for a, b in spans.get(12, [])],
        )

    def _value_name(self, start: int, stop: int) -> bytes:
        for number, a, b in self._scan(start, stop, VALUE_INFO, "input or output"):
            if number == 1:
                return self._name(a, b, "input or output")
        raise RefusedError("has no name", "input or output")

    def _node(self, start: int, stop: int) -> Node:
        op = domain = name = ""
        inputs: list[bytes] = []
        outputs: list[bytes] = []
        attributes: dict[str, Attribute] = {}
        data = self._data
        for number, a, b in self._scan(start, stop, NODE, "node"):
            if number == 1:
                inputs.append(data[a:b] if b - a <= 1000 else self._name(a, b, "node"))
            elif number == 2:
                outputs.append(data[a:b] if b - a <= 1000 else self._name(a, b, "node"))
            elif number == 5:
                key, value = self._attribute(a, b)
                if key in attributes:
                    raise RefusedError(f"has the attribute {key} twice", f"node {name or op}")
                attributes[key] = value
            elif number == 3:
                name = self._text(a, b, "node")
            elif number == 4:
                op = self._text(a, b, "node")
            elif number == 7:
                domain = self._text(a, b, "node")
        if len(inputs) + len(outputs) > MAX_ENDS:
            raise RefusedError(f"has more than {MAX_ENDS} inputs and outputs", f"node {name or op}")
        return Node(op, "" if domain == "ai.onnx" else domain, name, inputs, outputs, attributes)

    def _attribute(self, start: int, stop: int) -> tuple[str, Attribute]:
        name, kind = "", 0
        values: dict[int, list[tuple[int, int]]] = {}
        for number, a, b in self._scan(start, stop, ATTRIBUTE, "attribute"):
            if number == 1:
                name = self._text(a, b, "attribute")
            elif number == 20:
                kind = a
            elif number != 13:
                values.setdefault(number, []).append((a, b))
        field = _BY_TYPE.get(kind)
        if field is None or values.keys() - {field}:
            raise RefusedError("has a type that no encoder needs, or a value of another type", f"attribute {name}")
        found = values.get(field, [])
        if kind == 2:
            return name, signed(found[0][0]) if found else 0
        if kind == 7:
            return name, tuple(self._varints(found, f"attribute {name}"))
        if kind == 3:
            return name, self._name(*found[0], f"attribute {name}") if found else b""
        if kind == 1:
            return name, struct.unpack_from("<f", self._data, found[0][0])[0] if found else 0.0
        if kind == 4:
            if not found:
                raise RefusedError("has no value", f"attribute {name}")
            return name, self._tensor(*found[0])
        if kind == 6:
            total = sum(b - a for a, b in found)
            if total % 4 or total > 4 * SMALL:
                raise RefusedError("is no short list of numbers", f"attribute {name}")
            return name, tuple(struct.unpack(f"<{total // 4}f", b"".join(self._data[a:b] for a, b in found)))
        return name, None  # strings: no operator of the list reads any that changes a shape

    def _varints(self, spans: list[tuple[int, int]], what: str) -> list[int]:
        """A repeated integer, packed or not, at most SMALL of them."""
        found: list[int] = []
        for a, b in spans:
            if b < 0:
                found.append(signed(a))
            while a < b:
                value, a = self._varint(a, b, what)
                found.append(signed(value))
                if len(found) > SMALL:
                    break
            if len(found) > SMALL:
                raise RefusedError(f"has more than {SMALL} numbers", what)
        return found

    def _tensor(self, start: int, stop: int) -> Tensor:
        name, kind = b"", 0
        dims: list[tuple[int, int]] = []
        raw: tuple[int, int] | None = None
        typed: dict[int, list[tuple[int, int]]] = {}
        for number, a, b in self._scan(start, stop, TENSOR, "tensor"):
            if number == 1:
                dims.append((a, b))
            elif number == 2:
                kind = a
            elif number == 8:
                name = self._name(a, b, "tensor")
            elif number == 9:
                raw = (a, b)
            elif number == 14 and a != 0:
                raise RefusedError("keeps its data outside of the file", f"initialiser {_shown(name)}")
            elif number in _TYPED_DATA:
                typed.setdefault(number, []).append((a, b))
        at = f"initialiser {_shown(name)}"
        shape = tuple(self._varints(dims, at))
        if kind not in BITS:
            raise RefusedError(f"has the element type {kind}, which no encoder needs", at)
        if len(shape) > MAX_RANK or any(not 0 <= dim <= MAX_DIM for dim in shape):
            raise RefusedError(f"has the absurd dims {list(shape[:9])}", at)
        count = 1
        for dim in shape:
            count *= dim
        self._check_length(kind, count, raw, typed, at)
        ints = self._ints(kind, count, raw, typed, at) if kind in (INT64, INT32, BOOL) and count <= SMALL else None
        return Tensor(name, kind, shape, ints)

    def _check_length(
        self, kind: int, count: int, raw: tuple[int, int] | None, typed: dict[int, list[tuple[int, int]]], at: str
    ) -> None:
        """The declared dims are what the bytes hold."""
        if raw is not None:
            if typed:
                raise RefusedError("holds its values twice", at)
            found, expected = raw[1] - raw[0], (count * BITS[kind] + 7) // 8
            if found != expected:
                raise RefusedError(f"declares {expected} bytes by its dims and holds {found}", at)
            return
        held = 0
        for field, spans in typed.items():
            kinds, width = _TYPED_DATA[field]
            if kind not in kinds:
                raise RefusedError("holds values of another type than it declares", at)
            for a, b in spans:
                if b < 0:
                    held += 1
                elif width:
                    if (b - a) % width:
                        raise RefusedError("holds a broken number", at)
                    held += (b - a) // width
                else:  # a packed varint ends at each byte below 128
                    ends = np.frombuffer(self._data, np.uint8, b - a, a) < 0x80
                    held += int(np.count_nonzero(ends))
        if held != count:
            raise RefusedError(f"declares {count} values by its dims and holds {held}", at)

    def _ints(
        self, kind: int, count: int, raw: tuple[int, int] | None, typed: dict[int, list[tuple[int, int]]], at: str
    ) -> tuple[int, ...]:
        if raw is not None:
            code = {INT64: "q", INT32: "i", BOOL: "B"}[kind]
            found = struct.unpack_from(f"<{count}{code}", self._data, raw[0])
        else:
            found = tuple(self._varints([span for spans in typed.values() for span in spans], at))
        low, high = {INT64: (-(1 << 63), 1 << 63), INT32: (-(1 << 31), 1 << 31), BOOL: (0, 2)}[kind]
        if any(not low <= value < high for value in found):
            # Protobuf cuts such numbers off, and a truth of 2 is true to one kernel and false to the next.
            raise RefusedError("holds numbers that its type does not have", at)
        return found


def signed(value: int) -> int:
    """A varint as the int64 that it stands for."""
    return value - (1 << 64) if value >> 63 else value


def _shown(name: bytes) -> str:
    return repr(name[:80].decode("utf-8", "backslashreplace"))
