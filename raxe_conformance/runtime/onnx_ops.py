"""The operators that an encoder may use, each with the rule that gives its results' shapes.

An operator without a rule is refused. There is no rule for control flow (If, Loop, Scan), sequences, strings, random
numbers, nor for any whose result's size depends on values (NonZero, Unique, TopK, Compress). The list covers
raxe_conformance.build, exports of BERT, MPNet, RoBERTa, DistilBERT and their kin by torch (both exporters) and optimum,
the fused kernels that ONNX Runtime's own optimizer puts in for them, and dynamic or QDQ int8 quantization of all these.
docs/hostile.md has the list; adding an operator means adding a rule here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from raxe_conformance.runtime.onnx_shapes import (
    Dim,
    Ints,
    Lane,
    Lengths,
    Shape,
    Value,
    bytes_of,
    constants,
    known,
)
from raxe_conformance.runtime.onnx_wire import (
    BOOL,
    DOUBLE,
    FLOAT,
    FLOAT16,
    INT32,
    INT64,
    INTEGERS,
    UINT8,
    Node,
    RefusedError,
    Tensor,
)

MICROSOFT: Final = "com.microsoft"
_SLOW: Final = 30
_PER_MATRIX: Final = 3_000  # what beginning with one more matrix costs, in multiplications


@dataclass
class Call:
    """One node being worked out. `work` counts multiplications, `scratch` elements held inside the kernel."""

    node: Node
    inputs: list[Value | None]
    lengths: Lengths
    opset: int
    looked_up: set[bytes | None]
    work: float = 0.0
    scratch: float = 0.0
    outputs: list[Value] = field(default_factory=list)

    def need(self, index: int) -> Value:
        """An input that must be there."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise RefusedError(f"lacks input {index}")
        return value

    def has(self, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def integer(self, name: str, default: int | None = None) -> int:
        """An integer attribute."""
        value = self.node.attributes.get(name, default)
        if not isinstance(value, int):
            raise RefusedError(f"lacks the attribute {name}")
        return value

    def axes(self, input_index: int, since: int) -> list[int] | None:
        """Axes, which are an attribute below opset `since` and an input from it on. None where none are given."""
        if self.opset >= since:
            if not self.has(input_index):
                return None
            return constants(self.need(input_index), "axes")
        found = self.node.attributes.get("axes")
        return None if found is None else [x for x in found if isinstance(x, int)] if isinstance(found, tuple) else []

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front. RefusedError where there is no such axis."""
        if not -rank <= axis < rank:
            raise RefusedError(f"names the axis {axis} of a tensor of {rank} dimensions")
        return axis % rank if rank else 0


Rule = Callable[[Call], list[Value]]
RULES: Final[dict[tuple[str, str], Rule]] = {}


def _rule(*names: str, domain: str = "") -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        for name in names:
            RULES[domain, name] = function
        return function

    return add


# ---- element by element

_ARITHMETIC: Final[dict[str, Callable[[Ints, Ints], Ints]]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.floor_divide, "Min": np.minimum, "Max": np.maximum,
    "Equal": np.equal, "Less": np.less, "Greater": np.greater, "LessOrEqual": np.less_equal,
    "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or,
}  # fmt: skip
_COMPARE: Final = {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or"}


@_rule("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", *sorted(_COMPARE))
def _elementwise(call: Call) -> list[Value]:
    op, first = call.node.op, call.need(0)
    shape, ints = first.shape, first.ints
    for index in range(1, len(call.inputs)):
        other = call.need(index)
        shape = call.lengths.broadcast(shape, other.shape)
        if index > 1:
            # A pass of its own over what is made, out of one tensor aside and into another.
            elements = call.lengths.elements(shape)
            call.work += _SLOW * elements
            call.scratch = max(call.scratch, 2 * elements * bytes_of(first.type) / 4)
        if op == "Div" and first.type in INTEGERS:
            # A processor ends the process that divides an integer by zero.
            if other.ints is None or not other.ints.size or int(other.ints.min()) < 1:
                raise RefusedError("divides integers by what may be zero")
            if ints is not None and (not ints.size or int(ints.min()) < 0):
                ints = None  # rounds towards zero there, not down
        if (
            ints is not None
            and other.ints is not None
            and op in _ARITHMETIC
            and call.lengths.follows(shape, ints, other.ints)
        ):
            ints = call.lengths.carried(np.asarray(_apply(_ARITHMETIC[op], ints, other.ints), np.int64))
        else:
            ints = None
    return [Value(shape, BOOL if op in _COMPARE else first.type, ints)]


def _apply(function: Callable[[Ints, Ints], Ints], left: Ints, right: Ints) -> Ints:
    """Broadcast by the tensor's axes; the last one is that of the lengths."""
    rank = max(left.ndim, right.ndim)
    left, right = (x.reshape((1,) * (rank - x.ndim) + x.shape) for x in (left, right))
    return function(left, right)


@_rule("Where")
def _where(call: Call) -> list[Value]:
    condition, yes, no = call.need(0), call.need(1), call.need(2)
    shape = call.lengths.broadcast(call.lengths.broadcast(condition.shape, yes.shape), no.shape)
    # The kernel puts either side into a tensor of its own, and then both together.
    call.scratch = 2 * call.lengths.elements(shape) * bytes_of(yes.type) / 4
    ints = None
    if (
        condition.ints is not None
        and yes.ints is not None
        and no.ints is not None
        and call.lengths.follows(shape, condition.ints, yes.ints, no.ints)
    ):
        fits = yes.ints.ndim == no.ints.ndim == condition.ints.ndim
        ints = call.lengths.carried(np.where(condition.ints != 0, yes.ints, no.ints)) if fits else None
    return [Value(shape, yes.type, ints)]


@_rule(
    "Sqrt", "Reciprocal", "Erf", "Tanh", "Sigmoid", "Relu", "Gelu", "Exp", "Log", "Sin", "Cos", "Neg", "Abs", "Floor",
    "Ceil", "Clip", "Softmax", "CumSum", "Trilu", "Softplus",
)  # fmt: skip
@_rule("Gelu", "FastGelu", "BiasGelu", "QuickGelu", domain=MICROSOFT)
def _unary(call: Call) -> list[Value]:
    first = call.need(0)
    if call.node.domain and call.has(1) and call.need(1).shape != first.shape[-1:]:
        raise RefusedError("adds a bias of another width")
    if call.node.domain:
        call.scratch = call.lengths.elements(first.shape)  # with the bias added
    if call.node.op == "Softmax" and (
        first.type == DOUBLE or call.integer("axis", -1) not in (-1, len(first.shape) - 1)
    ):
        # Along another axis than the last, it is turned round, worked out, and turned back.
        call.scratch = 2 * call.lengths.elements(first.shape) * bytes_of(first.type) / 4
    return [Value(first.shape, first.type)]


@_rule("Not", "IsNaN", "IsInf")
def _predicate(call: Call) -> list[Value]:
    first = call.need(0)
    ints = 1 - np.minimum(first.ints, 1) if first.ints is not None and call.node.op == "Not" else None
    return [Value(first.shape, BOOL, ints)]


@_rule("Identity")
def _identity(call: Call) -> list[Value]:
    first = call.need(0)
    return [Value(first.shape, first.type, first.ints, first.source)]


@_rule("Cast")
def _cast(call: Call) -> list[Value]:
    first, to = call.need(0), call.integer("to")
    # Floats are not followed, and neither is what comes from them.
    ints = first.ints if to in INTEGERS and first.type in INTEGERS else None
    if ints is not None and to == BOOL:
        ints = (ints != 0).astype(np.int64)
    elif to not in (INT32, INT64):
        ints = None
    return [Value(first.shape, to, call.lengths.carried(ints), first.source)]


@_rule("Dropout")
def _dropout(call: Call) -> list[Value]:
    first = call.need(0)
    if call.has(2) and any(constants(call.need(2), "training_mode")):
        raise RefusedError("drops values by chance, as in training")
    return [Value(first.shape, first.type), Value(first.shape, BOOL)]


# ---- normalisation


@_rule("LayerNormalization")
def _layer_norm(call: Call) -> list[Value]:
    first = call.need(0)
    axis = call.axis(call.integer("axis", -1), len(first.shape))
    reduced: Shape = first.shape[:axis] + (1,) * (len(first.shape) - axis)
    for index in range(1, min(3, len(call.inputs))):
        _fits_last(call, index, first.shape[axis:])
    return [Value(first.shape, first.type), Value(reduced, FLOAT), Value(reduced, FLOAT)]


def _fits_last(call: Call, index: int, shape: Shape) -> None:
    if call.has(index) and call.need(index).shape != shape:
        raise RefusedError(f"input {index} has the shape {call.lengths.show(call.need(index).shape)}, but should have "
                      f"{call.lengths.show(shape)}")  # fmt: skip


@_rule("SkipLayerNormalization", domain=MICROSOFT)
def _skip_layer_norm(call: Call) -> list[Value]:
    first = call.need(0)
    for index in (2, 3, 4):
        _fits_last(call, index, first.shape[-1:])
    _fits_last(call, 1, first.shape)
    return [Value(first.shape, first.type), Value((1,), FLOAT), Value((1,), FLOAT), Value(first.shape, first.type)]


@_rule("EmbedLayerNormalization", "QEmbedLayerNormalization", domain=MICROSOFT)
def _embed_layer_norm(call: Call) -> list[Value]:
    ids, words, places = call.need(0), call.need(2), call.need(3)
    call.looked_up.add(ids.source)
    if len(ids.shape) != 2 or len(words.shape) != 2 or len(places.shape) != 2:
        raise RefusedError("looks up in what is no table")
    width = words.shape[1:]
    tables = (3, 4) if call.has(1) else (3,)
    for index in tables:
        if call.need(index).shape[1:] != width:
            raise RefusedError(f"input {index} is of another width than the word embeddings")
    for index in (5, 6):
        _fits_last(call, index, width)
    # The kernel believes these shapes: of segments and mask, and (8, in the form that is not quantized) of positions.
    quantized = call.node.op.startswith("Q")
    for index in (1, 7) if quantized else (1, 7, 8):
        rows: set[Dim] = {ids.shape[0], 1} if index == 8 else {ids.shape[0]}
        other = call.need(index).shape if call.has(index) else ids.shape
        if len(other) != 2 or other[0] not in rows or other[1] != ids.shape[1]:
            raise RefusedError(f"input {index} is of another shape than the tokens")
    length = call.lengths.vector(ids.shape[1])
    if not isinstance(places.shape[0], int) or int(length.max()) > places.shape[0]:
        raise RefusedError(f"has {places.shape[0]} positions for texts of up to {int(length.max())} tokens")
    shape: Shape = (*ids.shape, *width)
    return [Value(shape, FLOAT), Value(ids.shape[:1], INT32), Value(shape, FLOAT)]


# ---- shapes


@_rule("Shape")
def _shape(call: Call) -> list[Value]:
    shape = call.need(0).shape
    rank = len(shape)
    start, end = (call.integer(k, d) for k, d in (("start", 0), ("end", rank)))
    part = shape[max(0, start + rank if start < 0 else start) : max(0, end + rank if end < 0 else end)]
    return [Value((len(part),), INT64, call.lengths.carried(call.lengths.stack(part)) if part else None)]


@_rule("Size")
def _size(call: Call) -> list[Value]:
    return [Value((), INT64, call.lengths.carried(call.lengths.total(call.need(0).shape)))]


@_rule("Constant")
def _constant(call: Call) -> list[Value]:
    if len(call.node.attributes) != 1:
        raise RefusedError("has more than one value")
    ((name, value),) = call.node.attributes.items()
    if isinstance(value, Tensor):
        return [tensor_value(value)]
    if name == "value_int" and isinstance(value, int):
        return [Value((), INT64, np.array([value], np.int64))]
    if name == "value_ints" and isinstance(value, tuple):
        return [Value((len(value),), INT64, np.array(value, np.int64).reshape(-1, 1))]
    if name == "value_float" and isinstance(value, float):
        return [Value((), FLOAT)]
    if name == "value_floats" and isinstance(value, tuple):
        return [Value((len(value),), FLOAT)]
    raise RefusedError("has a value of a kind that no encoder needs")


def tensor_value(tensor: Tensor) -> Value:
    """An initialiser or constant as a value."""
    ints = None if tensor.ints is None else np.array(tensor.ints, np.int64).reshape(*tensor.dims, 1)
    return Value(tensor.dims, tensor.type, ints)


@_rule("ConstantOfShape")
def _constant_of_shape(call: Call) -> list[Value]:
    shape = tuple(call.lengths.dims(call.need(0), "shape"))
    fill = call.node.attributes.get("value")
    if fill is not None and not isinstance(fill, Tensor):
        raise RefusedError("is filled with what is no tensor")
    ints = None
    if isinstance(fill, Tensor) and fill.ints and _small(shape):
        ints = np.full((*(int(d) for d in shape if isinstance(d, int)), 1), fill.ints[0], np.int64)
    return [Value(shape, fill.type if fill else FLOAT, ints)]


def _small(shape: Shape) -> bool:
    size = 1
    for dim in shape:
        if isinstance(dim, Lane):
            return False
        size *= dim
    return 0 < size <= 256


@_rule("Expand")
def _expand(call: Call) -> list[Value]:
    first = call.need(0)
    shape = call.lengths.broadcast(first.shape, tuple(call.lengths.dims(call.need(1), "shape")))
    ints = None
    if first.ints is not None and call.lengths.follows(shape, first.ints):
        sizes = tuple(d for d in shape if isinstance(d, int))
        ints = call.lengths.carried(np.broadcast_to(first.ints, (*sizes, first.ints.shape[-1])).copy())
    return [Value(shape, first.type, ints)]


@_rule("Range")
def _range(call: Call) -> list[Value]:
    start, limit, step = (known(call.need(i), "bounds").reshape(1, -1) for i in range(3))
    delta = constants(call.need(2), "step")
    if not delta or delta[0] == 0:
        raise RefusedError("counts in steps of nothing")
    if not start.size or not limit.size:
        raise RefusedError("counts between bounds that are not there")
    if max(map(_largest, (start, limit, step))) > 1 << 40:
        raise RefusedError("counts too far")
    count = np.maximum(0, -((start - limit) // delta[0]))
    dim = call.lengths.dim(count.reshape(-1))
    ints = None
    if call.lengths.follows((dim,), start) and isinstance(dim, int):
        ints = start + np.arange(dim, dtype=np.int64)[:, None] * delta[0]
    return [Value((dim,), call.need(0).type, call.lengths.carried(ints))]


def _largest(ints: Ints) -> int:
    return max(abs(int(ints.min())), abs(int(ints.max())))


@_rule("Reshape")
def _reshape(call: Call) -> list[Value]:
    first, wanted = call.need(0), known(call.need(1), "shape")
    if wanted.ndim != 2 or wanted.shape[0] > 8:
        raise RefusedError("reshapes to what is no shape")
    lengths, zero_copies = call.lengths, not call.integer("allowzero", 0)
    total = lengths.total(first.shape)
    shape: list[Dim] = []
    open_at = None
    rest = np.ones(1, np.int64)
    for index, row in enumerate(wanted):
        if (row == -1).all():
            if open_at is not None:
                raise RefusedError("leaves two dimensions open")
            open_at = index
            shape.append(1)
            continue
        if zero_copies and (row == 0).any():
            if (row != 0).any():
                raise RefusedError("copies a dimension for texts of some lengths only")
            if index >= len(first.shape):
                raise RefusedError("copies a dimension that is not there")
            dim = first.shape[index]
        else:
            dim = lengths.dim(row)
        shape.append(dim)
        rest = rest * np.minimum(lengths.vector(dim), 1 << 31)
        if int(rest.max()) > 1 << 31:
            raise RefusedError("reshapes to more elements than there are")
    if open_at is not None:
        if int(rest.min()) < 1 or (total % rest).any():
            raise RefusedError("reshapes to what does not divide the elements")
        shape[open_at] = lengths.dim(total // rest)
    elif (total != rest).any():
        raise RefusedError("reshapes to another number of elements")
    ints = None
    if first.ints is not None and _small(tuple(shape)):
        ints = first.ints.reshape(*(d for d in shape if isinstance(d, int)), first.ints.shape[-1])
    return [Value(tuple(shape), first.type, ints, first.source)]


@_rule("Flatten")
def _flatten(call: Call) -> list[Value]:
    first, lengths = call.need(0), call.lengths
    rank = len(first.shape)
    axis = call.integer("axis", 1)
    axis = rank if axis == rank else call.axis(axis, rank)
    parts = (lengths.dim(lengths.total(part)) for part in (first.shape[:axis], first.shape[axis:]))
    return [Value(tuple(parts), first.type, None, first.source)]


@_rule("Unsqueeze")
def _unsqueeze(call: Call) -> list[Value]:
    first, axes = call.need(0), call.axes(1, 13)
    if axes is None or len(set(axes)) != len(axes) or len(axes) > 8:
        raise RefusedError("adds no dimension, or one twice")
    rank = len(first.shape) + len(axes)
    at = {call.axis(axis, rank) for axis in axes}
    rest = iter(first.shape)
    shape = tuple(1 if index in at else next(rest, 1) for index in range(rank))
    ints = None if first.ints is None else first.ints.reshape(*(_plain(d) for d in shape), first.ints.shape[-1])
    return [Value(shape, first.type, ints, first.source)]


def _plain(dim: Dim) -> int:
    if isinstance(dim, Lane):
        raise RefusedError("has values whose number depends on the length of the text")
    return dim


@_rule("Squeeze")
def _squeeze(call: Call) -> list[Value]:
    first, axes = call.need(0), call.axes(1, 13)
    rank = len(first.shape)
    if axes is None and any(isinstance(d, Lane) and (d.at == 1).any() for d in first.shape):
        raise RefusedError("removes a dimension for texts of some lengths only")
    at = {i for i, d in enumerate(first.shape) if d == 1} if axes is None else {call.axis(a, rank) for a in axes}
    if any(first.shape[axis] != 1 for axis in at):
        raise RefusedError("removes a dimension that is not 1")
    shape = tuple(d for i, d in enumerate(first.shape) if i not in at)
    ints = None if first.ints is None else first.ints.reshape(*(_plain(d) for d in shape), first.ints.shape[-1])
    return [Value(shape, first.type, ints, first.source)]


@_rule("Transpose")
def _transpose(call: Call) -> list[Value]:
    first = call.need(0)
    order = call.node.attributes.get("perm") or tuple(reversed(range(len(first.shape))))
    if not isinstance(order, tuple) or sorted(order) != list(range(len(first.shape))):
        raise RefusedError("permutes dimensions that are not there")
    return [Value(tuple(first.shape[int(i)] for i in order), first.type)]


@_rule("Concat")
def _concat(call: Call) -> list[Value]:
    values = [call.need(i) for i in range(len(call.inputs))]
    first, lengths = call.need(0), call.lengths
    axis = call.axis(call.integer("axis"), len(first.shape))
    total: Ints = np.zeros(1, np.int64)
    for value in values:
        rest = [i for i in range(len(first.shape)) if i != axis]
        if len(value.shape) != len(first.shape) or not all(lengths.same(value.shape[i], first.shape[i]) for i in rest):
            raise RefusedError("joins tensors of different shapes")
        total = total + lengths.vector(value.shape[axis])
    shape = (*first.shape[:axis], lengths.dim(total), *first.shape[axis + 1 :])
    ints = None
    parts = [value.ints for value in values]
    if len(first.shape) == 1 and lengths.follows(shape, *parts):
        wide = max(part.shape[-1] for part in parts if part is not None)
        ints = np.concatenate([np.broadcast_to(p, (*p.shape[:-1], wide)) for p in parts if p is not None])
    return [Value(shape, first.type, call.lengths.carried(ints))]


@_rule("Split")
def _split(call: Call) -> list[Value]:
    first, lengths = call.need(0), call.lengths
    axis = call.axis(call.integer("axis", 0), len(first.shape))
    count = len(call.node.outputs)
    dim = first.shape[axis]
    attribute = call.node.attributes.get("split")
    if call.integer("num_outputs", count) != count:
        raise RefusedError("names another number of parts than it makes")
    if not all(call.node.outputs):
        raise RefusedError("leaves a part without a name, which ends the process")
    if call.opset >= 13 and call.has(1):
        sizes: list[Dim] = lengths.dims(call.need(1), "parts")
    elif isinstance(attribute, tuple):
        sizes = [int(size) for size in attribute]
    elif isinstance(dim, int) and count and dim % count == 0:
        sizes = [dim // count] * count
    else:
        raise RefusedError("splits into parts of different size")
    total: Ints = np.zeros(1, np.int64)
    for size in sizes:
        total = total + lengths.vector(size)
    if len(sizes) != count or not lengths.same(lengths.dim(total), dim):
        raise RefusedError("splits into parts that are not the whole")
    return [Value((*first.shape[:axis], size, *first.shape[axis + 1 :]), first.type) for size in sizes]


@_rule("Slice")
def _slice(call: Call) -> list[Value]:
    first, lengths = call.need(0), call.lengths
    starts, ends = known(call.need(1), "start"), known(call.need(2), "end")
    rank = len(first.shape)
    axes = constants(call.need(3), "axes") if call.has(3) else list(range(len(starts)))
    steps = constants(call.need(4), "steps") if call.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or len(axes) > rank or 0 in steps:
        raise RefusedError("cuts along what are no axes")
    shape, ints = list(first.shape), first.ints
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = call.axis(axis, rank)
        size = lengths.vector(shape[axis])
        low, high = _bounds(start, size, step, first=True), _bounds(end, size, step, first=False)
        step = max(-(1 << 40), min(1 << 40, step))
        shape[axis] = lengths.dim(np.maximum(0, -((low - high) // step)))
        if ints is not None:
            one = all(len(x) == 1 or (x == x[0]).all() for x in (low, high))
            stop = int(high[0]) if int(high[0]) >= 0 else None
            ints = ints[int(low[0]) : stop : step] if one and ints.ndim == 2 else None
    return [Value(tuple(shape), first.type, call.lengths.carried(ints))]


def _bounds(at: Ints, size: Ints, step: int, *, first: bool) -> Ints:
    """Where a slice begins or ends, as the standard has it: counted from the end where negative, then clamped."""
    at = np.clip(at, -(1 << 40), 1 << 40)
    at = np.where(at < 0, at + size, at)
    if step > 0:
        return np.clip(at, 0, size)
    return np.clip(at, 0 if first else -1, size - 1)


@_rule("Gather")
def _gather(call: Call) -> list[Value]:
    first, indices = call.need(0), call.need(1)
    call.looked_up.add(indices.source)
    axis = call.axis(call.integer("axis", 0), len(first.shape))
    shape = (*first.shape[:axis], *indices.shape, *first.shape[axis + 1 :])
    ints = None
    if first.ints is not None and indices.ints is not None and axis == 0 and indices.ints.shape[-1] == 1:
        at, size = indices.ints[..., 0], first.ints.shape[0]
        if at.size and (int(at.min()) < -size or int(at.max()) >= size):
            raise RefusedError("looks up what is not there")
        ints = call.lengths.carried(first.ints[at]) if call.lengths.follows(shape, first.ints) else None
    return [Value(shape, first.type, ints)]


@_rule("GatherND")
def _gather_nd(call: Call) -> list[Value]:
    first, indices = call.need(0), call.need(1)
    depth, skip = indices.shape[-1] if indices.shape else 0, call.integer("batch_dims", 0)
    if not isinstance(depth, int) or not 0 <= skip < len(indices.shape) or not 1 <= depth <= len(first.shape) - skip:
        raise RefusedError("looks up in what is no table")
    for left, right in zip(first.shape[:skip], indices.shape[:skip], strict=True):
        if not call.lengths.same(left, right):
            raise RefusedError("looks up in batches of another size")
    return [Value((*indices.shape[:-1], *first.shape[skip + depth :]), first.type)]


@_rule("GatherElements")
def _gather_elements(call: Call) -> list[Value]:
    first, indices, lengths = call.need(0), call.need(1), call.lengths
    axis = call.axis(call.integer("axis", 0), len(first.shape))
    if len(indices.shape) != len(first.shape):
        raise RefusedError("looks up in a tensor of another rank")
    for index, (have, want) in enumerate(zip(first.shape, indices.shape, strict=True)):
        if index != axis and (lengths.vector(want) > lengths.vector(have)).any():
            raise RefusedError("looks up what is not there")
    return [Value(indices.shape, first.type)]


@_rule("Tile")
def _tile(call: Call) -> list[Value]:
    first, lengths = call.need(0), call.lengths
    times = lengths.dims(call.need(1), "repeats")
    if len(times) != len(first.shape):
        raise RefusedError("repeats along what are no axes")
    most = 1 << 31  # more is refused below, and must not overflow before
    pairs = [[np.minimum(lengths.vector(dim), most) for dim in pair] for pair in zip(first.shape, times, strict=True)]
    shape = tuple(lengths.dim(size * count) for size, count in pairs)
    return [Value(shape, first.type)]


@_rule("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare")
def _reduce(call: Call) -> list[Value]:
    return _reduced(call, call.axes(1, 18))


@_rule("ReduceSum")
def _reduce_sum(call: Call) -> list[Value]:
    return _reduced(call, call.axes(1, 13))


def _reduced(call: Call, axes: list[int] | None) -> list[Value]:
    first = call.need(0)
    rank = len(first.shape)
    # What is made is small and says nothing of how much is read.
    call.work += _SLOW * call.lengths.elements(first.shape)
    if not axes:
        axes = [] if call.integer("noop_with_empty_axes", 0) else list(range(rank))
    at = {call.axis(axis, rank) for axis in axes}
    keep = call.integer("keepdims", 1)
    shape = tuple(1 if i in at else d for i, d in enumerate(first.shape) if keep or i not in at)
    return [Value(shape, first.type)]


# ---- products


@_rule("MatMul")
@_rule("FusedMatMul", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", domain=MICROSOFT)
def _matmul(call: Call) -> list[Value]:
    left, right = call.need(0), call.need(1)
    if call.integer("transBatchA", 0) or call.integer("transBatchB", 0):
        raise RefusedError("turns batches round")
    a, b = _turned(left.shape, call.integer("transA", 0)), _turned(right.shape, call.integer("transB", 0))
    kind = left.type if call.node.op in ("MatMul", "FusedMatMul") else FLOAT
    return [_product(call, a, b, kind)]


def _turned(shape: Shape, turn: int) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if turn and len(shape) > 1 else shape


def _product(call: Call, a: Shape, b: Shape, kind: int) -> Value:
    if not a or not b:
        raise RefusedError("multiplies a number as a matrix")
    lengths = call.lengths
    if not lengths.same(a[-1], b[-2] if len(b) > 1 else b[-1]):
        raise RefusedError(f"multiplies shapes that do not fit ({lengths.show(a)} and {lengths.show(b)})")
    batch = lengths.broadcast(a[:-2], b[:-2])
    shape = batch + (a[-2:-1] if len(a) > 1 else ()) + (b[-1:] if len(b) > 1 else ())
    # Whole numbers and doubles have no fast kernels.
    slow = _SLOW if call.node.op in ("MatMul", "Gemm") and call.need(0).type not in (FLOAT, FLOAT16) else 1
    call.work += slow * lengths.elements(shape) * int(lengths.vector(a[-1]).max())
    call.work += _PER_MATRIX * lengths.elements(batch)
    return Value(shape, kind)


@_rule("MatMulInteger")
def _matmul_integer(call: Call) -> list[Value]:
    return [_product(call, call.need(0).shape, call.need(1).shape, INT32)]


@_rule("QLinearMatMul")
def _qlinear_matmul(call: Call) -> list[Value]:
    return [_product(call, call.need(0).shape, call.need(3).shape, call.need(7).type)]


@_rule("Gemm")
def _gemm(call: Call) -> list[Value]:
    a, b = (
        _turned(call.need(0).shape, call.integer("transA", 0)),
        _turned(call.need(1).shape, call.integer("transB", 0)),
    )
    if len(a) != 2 or len(b) != 2:
        raise RefusedError("multiplies what are no matrices")
    product = _product(call, a, b, call.need(0).type)
    if call.has(2) and call.lengths.broadcast(product.shape, call.need(2).shape) != product.shape:
        raise RefusedError("adds what is larger than the product")
    return [product]


# ---- quantization


@_rule("DynamicQuantizeLinear")
def _dynamic_quantize(call: Call) -> list[Value]:
    return [Value(call.need(0).shape, UINT8), Value((), FLOAT), Value((), UINT8)]


@_rule("QuantizeLinear")
@_rule("QuantizeLinear", domain=MICROSOFT)
def _quantize(call: Call) -> list[Value]:
    return [Value(call.need(0).shape, call.need(2).type if call.has(2) else call.integer("output_dtype", 0) or UINT8)]


@_rule("DequantizeLinear")
@_rule("DequantizeLinear", domain=MICROSOFT)
def _dequantize(call: Call) -> list[Value]:
    return [Value(call.need(0).shape, call.need(1).type)]


# ---- attention


def _divided(call: Call, width: Dim, heads: int) -> int:
    """A width that all heads have the same share of. ONNX Runtime divides by the share: by 0 the process ends."""
    if not isinstance(width, int) or width < 1 or heads < 1 or width % heads:
        raise RefusedError(f"has {heads} heads, which do not divide the width {call.lengths.show((width,))}")
    return width


def _attend(call: Call, query: Shape, key: Shape, heads: int, width: Dim) -> Value:
    """[batch, tokens, width] from queries and keys [batch, tokens, any]; counts the scores that the kernel holds."""
    if len(query) != 3 or len(key) != 3 or heads < 1:
        raise RefusedError("attends to what are no token vectors")
    width = _divided(call, width, heads)
    if any(int(call.lengths.vector(dim).min()) < 1 for dim in (query[0], query[1], key[1])):
        raise RefusedError("attends to nothing, which ends the process in some kernels")
    scores = call.lengths.elements((query[0], heads, query[1], key[1]))
    call.scratch += 2 * scores + 4 * call.lengths.elements((*query[:2], width))
    call.work += 2 * scores * (width // heads) + 2 * _PER_MATRIX * call.lengths.elements((query[0], heads))
    return Value((query[0], query[1], width), FLOAT)


@_rule("Attention")
def _attention(call: Call) -> list[Value]:
    query, key, value = (call.need(i) for i in range(3))
    heads, kv_heads = call.integer("q_num_heads", 0), call.integer("kv_num_heads", 0)
    if len(call.node.outputs) != 1 or any(call.has(i) for i in range(4, len(call.inputs))):
        raise RefusedError("keeps a past, which no encoder has")
    if len(query.shape) != 3 or heads != kv_heads:
        raise RefusedError("is not the attention of an encoder: q_num_heads = kv_num_heads and three dimensions")
    if len(value.shape) != 3 or not call.lengths.same(key.shape[1], value.shape[1]):
        raise RefusedError("attends to keys without values")
    if key.shape[2:] != query.shape[2:]:
        raise RefusedError("compares queries and keys of different width")
    _divided(call, query.shape[2], heads)
    return [_attend(call, query.shape, key.shape, heads, value.shape[2])]


@_rule("MultiHeadAttention", domain=MICROSOFT)
def _multi_head(call: Call) -> list[Value]:
    query, key, value = (call.need(i) for i in range(3))
    if len(call.node.outputs) != 1 or any(call.has(i) for i in range(6, len(call.inputs))):
        raise RefusedError("keeps a past, which no encoder has")
    if len(value.shape) != 3 or key.shape[2:] != query.shape[2:] or key.shape[:2] != value.shape[:2]:
        raise RefusedError("attends to keys without values, or of another width")
    heads = call.integer("num_heads")
    _divided(call, query.shape[2], heads)
    return [_attend(call, query.shape, key.shape, heads, value.shape[2])]


@_rule("Attention", "QAttention", domain=MICROSOFT)
def _packed_attention(call: Call) -> list[Value]:
    hidden, weights = call.need(0), call.need(1)
    past = 4 if call.node.op == "Attention" else 8
    if len(call.node.outputs) != 1 or call.has(past) or "qkv_hidden_sizes" in call.node.attributes:
        raise RefusedError("keeps a past, or has parts of different width, which no encoder has")
    last = weights.shape[1] if len(weights.shape) == 2 else 0
    if len(hidden.shape) != 3 or not isinstance(last, int) or last < 3 or last % 3:
        raise RefusedError("has weights that are no query, key and value side by side")
    if not call.lengths.same(hidden.shape[2], weights.shape[0]) or call.need(2).shape != (last,):
        raise RefusedError("has weights or a bias of another width")
    call.work += call.lengths.elements((*hidden.shape[:2], last)) * int(call.lengths.vector(hidden.shape[2]).max())
    return [_attend(call, hidden.shape, hidden.shape, call.integer("num_heads"), last // 3)]
