"""Vectors of many texts, computed once: pieces of the work are cached by the digest of everything they depend on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.cache import cache_dir
from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import digest_file, write_atomically
from raxe_conformance.runtime.embed import Embedder
from raxe_conformance.runtime.text import normalise

PIECE: Final = 500
_MOST_WORKERS: Final = 8
_ALGORITHM: Final = "windows by a quarter, mean, l2, 1"


def embed_texts(
    texts: Sequence[str],
    onnx: Path,
    tokenizer: Path,
    *,
    max_sequence_length: int,
    advance: Callable[[int], None] = lambda count: None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit vectors of all windows, [windows, width] float32, and the text that each belongs to, [windows] int64.

    Exactly as the detector makes them. `advance` is told how many texts are done. Work is kept in the cache by pieces,
    so an interrupted run goes on where it was. Raises BuildError for a text without a token, EmbeddingError.
    """
    model = f"{digest_file(onnx, '').sha256} {digest_file(tokenizer, '').sha256} {max_sequence_length} {_ALGORITHM}"
    embedder: Embedder | None = None
    vectors, owners = [], []
    for start in range(0, len(texts), PIECE):
        piece = texts[start : start + PIECE]
        path = _path(model, piece)
        found = _load(path, len(piece))
        if found is None:
            # One thread a text and as many texts as cores: faster than many threads on one text, and the same bits.
            embedder = embedder or Embedder.load(onnx, tokenizer, max_sequence_length=max_sequence_length, threads=1)
            found = _embed(embedder, piece, start, advance)
            _save(path, *found)
        else:
            advance(len(piece))
        vectors.append(found[0])
        owners.append(found[1] + start)
    return np.concatenate(vectors), np.concatenate(owners)


def _embed(
    embedder: Embedder, texts: Sequence[str], start: int, advance: Callable[[int], None]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    found = []
    with ThreadPoolExecutor(max(1, min(_MOST_WORKERS, os.cpu_count() or 1))) as workers:
        for index, windows in enumerate(workers.map(lambda text: embedder.embed(normalise(text)), texts)):
            if not len(windows):
                raise BuildError(
                    f"text {start + index} has no token", field="text", remedy="leave it out of the corpora"
                )
            found.append(windows)
            advance(1)
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), [len(windows) for windows in found])
    return np.concatenate(found), owner


def _path(model: str, texts: Sequence[str]) -> Path:
    state = hashlib.sha256(model.encode())
    for text in texts:
        state.update(b"\0" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return cache_dir() / "vectors" / f"{state.hexdigest()}.safetensors"


def _load(path: Path, texts: int) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """A cached piece, or None where there is none that can be used: the cache is a convenience, never an authority."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(path.read_bytes())
        vectors, owner = arrays["vectors"], arrays["owner"]
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    whole = vectors.ndim == 2 and len(vectors) == len(owner) and np.array_equal(np.unique(owner), np.arange(texts))
    if not whole or vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        return None
    return vectors, owner


def _save(path: Path, vectors: NDArray[np.float32], owner: NDArray[np.int64]) -> None:
    from safetensors.numpy import save

    try:
        write_atomically(path, save({"vectors": np.ascontiguousarray(vectors), "owner": owner}))
    except OSError as error:
        raise BuildError(f"cannot be kept: {error.strerror}", file=path.parent, remedy="make room there") from None
