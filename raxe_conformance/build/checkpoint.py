"""The files of a published encoder, read strictly: config.json by field, model.safetensors by tensor and shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import BuildError
from raxe_conformance.strict_json import parse_json_object


class Config:
    """config.json. `file` names it in errors."""

    def __init__(self, data: bytes, *, file: Path | str) -> None:
        """Raises JsonError."""
        self._raw, self._file = parse_json_object(data, file=file), file

    def expect(self, key: str, expected: Any, default: Any = None) -> None:
        """Raise BuildError where a field, or its default where it is missing, has another value than the exported
        graph computes with."""
        if self._raw.get(key, default) != expected:
            raise BuildError(
                f"is {self._raw.get(key)!r}, but should be {expected!r}", file=self._file, field=key,
                remedy="only plain BERT and MPNet encoders are exported",
            )  # fmt: skip

    def count(self, key: str, least: int = 1) -> int:
        """A whole number of at least `least`. Raises BuildError."""
        value = self._raw.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            should = "a positive number" if least == 1 else f"a number from {least} on"
            raise BuildError(f"is {value!r}, but should be {should}", file=self._file, field=key)
        return value

    def width_and_heads(self) -> tuple[int, int]:
        """Width of the vectors and number of attention heads, which divides it. Raises BuildError."""
        width, heads = self.count("hidden_size"), self.count("num_attention_heads")
        if width % heads:
            raise BuildError(
                f"is {heads}, which does not divide the width {width}", file=self._file, field="num_attention_heads"
            )
        return width, heads

    def epsilon(self) -> float:
        """What normalisation adds to the variance. Raises BuildError."""
        value = self._raw.get("layer_norm_eps", 1e-12)
        if not isinstance(value, float) or not 0 < value < 1:
            raise BuildError(
                f"is {value!r}, but should be a small positive number", file=self._file, field="layer_norm_eps"
            )
        return value


class Tensors:
    """model.safetensors. Names with and without the prefix of a larger model are understood."""

    def __init__(self, data: bytes, *, prefix: str, file: Path | str) -> None:
        """`prefix` is left out of names where the file has none. Raises BuildError where it cannot be read."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            self._tensors: dict[str, NDArray[Any]] = load(data)
        except (SafetensorError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise BuildError(f"is no readable safetensors file: {error}", file=file) from None
        self._file = file
        self._prefix = prefix if f"{prefix}embeddings.word_embeddings.weight" in self._tensors else ""

    def rows(self, name: str) -> int | None:
        """The first axis of a tensor, at least 1; None where there is no such tensor."""
        tensor = self._tensors.get(self._prefix + name)
        return None if tensor is None else max(1, tensor.shape[0])

    def take(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A float32 or float16 tensor of this shape, as float32. Raises BuildError."""
        tensor = self._tensors.get(self._prefix + name)
        if tensor is None:
            raise BuildError("the tensor is missing", file=self._file, field=self._prefix + name)
        if tensor.shape != shape or tensor.dtype not in (np.float32, np.float16):
            raise BuildError(
                f"is {tensor.dtype} {list(tensor.shape)}, but should be float32 {list(shape)}",
                file=self._file, field=self._prefix + name, remedy="config.json and weights do not belong together",
            )  # fmt: skip
        return np.ascontiguousarray(tensor, np.float32)
