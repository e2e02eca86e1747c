"""Shapes worked out exactly, for every text length at once.

A dimension is an int, or a Lane: one value for each length that a text may have. Small integer tensors carry their
values too, since exported graphs compute shapes from shapes. What cannot be worked out before a text is seen is
refused: its size could be anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.runtime.onnx_wire import BITS, MAX_RANK, SMALL, RefusedError

MAX_ELEMENTS: Final = 1 << 27  # of one tensor
MAX_FOLLOWED_BYTES: Final = 256_000_000  # of dimensions and values that differ by length
_MAX_VARYING: Final = 16  # elements of a tensor whose values differ by length
_TRUSTED: Final = 1 << 31  # integers from it on are not followed: 32-bit types would wrap
_MAX_STEPS: Final = 500_000_000  # elements of vectors that are compared to join shapes

Ints = NDArray[np.int64]


class Lane:
    """A dimension that depends on the length of the text: `at[i]` for the i-th length. Equal lanes are one object."""

    __slots__ = ("at",)

    def __init__(self, at: Ints) -> None:
        self.at = at


Dim = int | Lane
Shape = tuple[Dim, ...]


@dataclass(slots=True)
class Value:
    """A tensor of the graph. `ints` [*shape, lengths or 1] where its values are known; `source` is the input that it
    is but for its type and shape."""

    shape: Shape
    type: int
    ints: Ints | None = None
    source: bytes | None = None

    def same_for_all(self) -> bool:
        """Whether its values are known, and the same for texts of every length."""
        return self.ints is not None and self.ints.shape[-1] == 1


class Lengths:
    """Arithmetic on dimensions for the text lengths `at`."""

    def __init__(self, lengths: Ints) -> None:
        self._lanes: dict[bytes, Lane] = {}
        self._counts: dict[Shape, float] = {}
        self._merged: dict[tuple[Dim, Dim], Dim] = {}
        self._followed = self._steps = 0
        self.count = len(lengths)
        self.n = self.dim(lengths)

    def dim(self, at: Ints) -> Dim:
        """One dimension from its value at each length."""
        low = int(at.min())
        if low < 0:
            raise RefusedError("has a negative dimension")
        if low == int(at.max()):
            return low
        at = np.ascontiguousarray(at, np.int64)
        key = at.tobytes()
        lane = self._lanes.get(key)
        if lane is None:
            self._spend(2 * at.nbytes)
            lane = self._lanes[key] = Lane(at)
        return lane

    def _spend(self, size: int) -> None:
        self._followed += size
        if self._followed > MAX_FOLLOWED_BYTES:
            raise RefusedError("computes more with the length of a text than any encoder")

    def follows(self, shape: Shape, *parts: Ints | None) -> bool:
        """Whether values of this shape, made of `parts`, are few enough to be followed.

        To be asked before they are worked out: what is too much to keep may be too much to make.
        """
        known_parts = [part for part in parts if part is not None]
        if len(known_parts) < len(parts) or any(isinstance(dim, Lane) for dim in shape):
            return False
        most = SMALL if all(part.shape[-1] == 1 for part in known_parts) else _MAX_VARYING
        return 0 < math.prod(dim for dim in shape if isinstance(dim, int)) <= most

    def carried(self, ints: Ints | None) -> Ints | None:
        """`ints`, if they are few and small enough to be followed."""
        if ints is None or ints.size == 0:
            return None
        most = SMALL if ints.shape[-1] == 1 else _MAX_VARYING
        if ints[..., 0].size > most or int(ints.min()) < -_TRUSTED or int(ints.max()) >= _TRUSTED:
            return None
        if ints.shape[-1] > 1:
            self._spend(ints.nbytes)
        return ints

    def vector(self, dim: Dim) -> Ints:
        """The dimension's value at each length, or once."""
        return dim.at if isinstance(dim, Lane) else np.array([dim], np.int64)

    def elements(self, shape: Shape) -> float:
        """The most elements that the shape has at any length. Refuses what no encoder reaches."""
        found = self._counts.get(shape)
        if found is None:
            found = self._counts[shape] = self._elements(shape)
        return found

    def _elements(self, shape: Shape) -> float:
        if len(shape) > MAX_RANK:
            raise RefusedError(f"has {len(shape)} dimensions, at most {MAX_RANK} are allowed")
        product, lanes = 1.0, None
        for dim in shape:
            if isinstance(dim, Lane):
                lanes = dim.at.astype(np.float64) if lanes is None else lanes * dim.at
            else:
                product *= dim
        found = product if lanes is None else product * float(lanes.max())
        if found > MAX_ELEMENTS:
            raise RefusedError(f"would have {found:.3g} elements, at most {MAX_ELEMENTS} are allowed")
        if any(int(self.vector(dim).max()) > MAX_ELEMENTS for dim in shape):
            # A 0 beside it hides it from the product, not from what is made of the shape later on.
            raise RefusedError(f"has a dimension above {MAX_ELEMENTS}")
        return found

    def total(self, shape: Shape) -> Ints:
        """The exact number of elements at each length (or once). The shape has passed `elements`."""
        self.elements(shape)
        found = np.ones(1, np.int64)
        for dim in shape:
            found = found * self.vector(dim)
        return found

    def merge(self, left: Dim, right: Dim) -> Dim:
        """One dimension of a broadcast."""
        if left is right:
            return left
        if isinstance(left, int) and isinstance(right, int):
            if left == right or right == 1:
                return left
            if left == 1:
                return right
        elif right == 1:
            return left
        elif left == 1:
            return right
        else:
            found = self._merged.get((left, right))
            if found is not None:
                return found
            self._steps += self.count
            if self._steps > _MAX_STEPS:
                raise RefusedError("joins more shapes that depend on the length of a text than any encoder")
            a, b = self.vector(left), self.vector(right)
            if ((a == b) | (a == 1) | (b == 1)).all():
                found = self._merged[left, right] = self.dim(np.where(a == 1, b, a))
                return found
        raise RefusedError(f"joins shapes that do not fit ({self.show((left,))} and {self.show((right,))})")

    def broadcast(self, left: Shape, right: Shape) -> Shape:
        """The shape of an element-wise operator's result."""
        if left == right:
            return left
        if len(left) < len(right):
            left, right = right, left
        gap = len(left) - len(right)
        return left[:gap] + tuple(map(self.merge, left[gap:], right))

    def same(self, left: Dim, right: Dim) -> bool:
        """Whether two dimensions are equal at every length."""
        return left is right or left == right

    def stack(self, dims: Sequence[Dim]) -> Ints:
        """Dimensions as the values of a tensor, [len(dims), lengths or 1]."""
        if any(isinstance(dim, Lane) for dim in dims):
            return np.stack([np.broadcast_to(self.vector(dim), (self.count,)) for dim in dims])
        return np.array(dims, np.int64).reshape(len(dims), 1)

    def dims(self, value: Value, what: str) -> list[Dim]:
        """A tensor's values as dimensions; they may be negative where the operator gives that a meaning."""
        ints = known(value, what)
        flat = ints.reshape(-1, ints.shape[-1])
        return [self.dim(row) for row in flat]

    def show(self, shape: Shape) -> str:
        """For messages: a Lane as the range that it covers."""
        parts = (f"{dim.at.min()}–{dim.at.max()}" if isinstance(dim, Lane) else str(dim) for dim in shape)
        return f"[{', '.join(parts)}]"


def known(value: Value, what: str) -> Ints:
    """The values of an integer tensor. RefusedError where they depend on what the text says."""
    if value.ints is None:
        raise RefusedError(f"takes its {what} from what cannot be worked out beforehand, so its size has no bound")
    return value.ints


def constants(value: Value, what: str) -> list[int]:
    """The values of an integer tensor that are the same for every text length."""
    ints = known(value, what)
    if ints.shape[-1] != 1 and (ints != ints[..., :1]).any():
        raise RefusedError(f"takes its {what} from the length of the text")
    return [int(x) for x in ints[..., 0].reshape(-1)]


def bytes_of(kind: int) -> float:
    """Bytes that one element takes in memory: half a byte is stored as such, nothing else is smaller than one."""
    return max(BITS[kind] / 8, 0.5)
