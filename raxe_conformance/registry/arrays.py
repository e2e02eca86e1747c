"""The arrays of a safetensors file, with bounds on how many and how long their list is."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from raxe_conformance.errors import JsonError
from raxe_conformance.strict_json import parse_json_object

MAX_HEADER_BYTES = 1_000_000  # of a safetensors file, which says what arrays it holds
MAX_ARRAYS = 256


def load_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file by name. Raises ValueError that says what is wrong."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    size = int.from_bytes(data[:8], "little")
    if size > min(MAX_HEADER_BYTES, len(data) - 8):
        raise ValueError(f"its header is longer than the file, or than {MAX_HEADER_BYTES} bytes")
    try:
        # The library keeps the last of two arrays of one name; a strict reader of the header finds them.
        header = parse_json_object(data[8 : 8 + size], file="")
    except JsonError as error:
        raise ValueError(f"its header {error.problem}") from None
    if len(header) > MAX_ARRAYS:
        raise ValueError(f"it holds more than {MAX_ARRAYS} arrays")
    try:
        found: dict[str, NDArray[Any]] = load(data)
    except (SafetensorError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(str(error)) from None
    return found
