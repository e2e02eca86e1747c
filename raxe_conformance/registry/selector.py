"""A head set's window selector: the first stage of a cascade, read from its member of the bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.errors import HeadSetError
from raxe_conformance.headset import WindowSelector
from raxe_conformance.registry.arrays import load_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SELECTOR_BYTES = 8_000_000
SINCE = "2.1.0"  # the bundle schema that knows selectors: an older reader would read all windows, and score otherwise
_BITS = range(8, 23)
_MOST = 1e6


def read_selector(entry: Mapping[str, Any], data: bytes, *, most_tokens: int, file: str, field: str) -> WindowSelector:
    """The selector in a head set's entry {file, window, mix} and its member: weights int8 [2**bits], scale, bias.

    Raises HeadSetError for anything that could not choose a window of at most `most_tokens` tokens, or not add up.
    """

    def wrong(key: str, value: object, should: str) -> HeadSetError:
        return HeadSetError(f"is {value!r:.60}, but should be {should}", file=file, field=f"{field}.{key}")

    window, mix = entry.get("window"), entry.get("mix")
    if not isinstance(window, int) or isinstance(window, bool) or not 1 <= window <= most_tokens:
        raise wrong("window", window, f"1 to {most_tokens} tokens")
    if not isinstance(mix, int | float) or isinstance(mix, bool) or not 0 <= mix <= 100:
        raise wrong("mix", mix, "a number from 0 to 100")
    try:
        arrays = load_arrays(data)
    except ValueError as error:
        raise HeadSetError(f"is no readable safetensors file: {error}", file=file, field=f"{field}.file") from None
    if sorted(arrays) != ["bias", "scale", "weights"]:
        raise wrong("file", sorted(arrays), "a file with the arrays weights, scale and bias")
    weights = arrays["weights"]
    if weights.dtype != np.int8 or weights.ndim != 1 or len(weights) not in {2**bits for bits in _BITS}:
        raise wrong("weights", f"{weights.dtype} {list(weights.shape)}", "int8, 2 to the power 8 to 22 of them")
    return WindowSelector(
        weights=weights,
        scale=_number(arrays["scale"], wrong, "scale"),
        bias=_number(arrays["bias"], wrong, "bias"),
        window=window,
        mix=float(mix),
    )


def _number(array: NDArray[Any], wrong: Any, key: str) -> float:
    if array.dtype != np.float32 or array.shape != (1,) or not abs(float(array[0])) <= _MOST:
        raise wrong(key, f"{array.dtype} {list(array.shape)}", f"one float32, at most {_MOST:g} either way")
    return float(array[0])
