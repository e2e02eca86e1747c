"""`python -m raxe_conformance.build.variants ID`: what each way of exporting and quantizing costs and gives.

The table in docs/building.md comes from here. Cosines are between pooled vectors of the variant and of float32, over
corpus texts of all lengths; latency is the median of one text at a time, tokenization not included.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from raxe_conformance.build.export import to_bytes
from raxe_conformance.build.make import load_recipe
from raxe_conformance.build.progress import Silent
from raxe_conformance.runtime.embed import Embedder

TEXTS: Final = 240
LENGTHS: Final = (16, 64, 128, 256)
ROUNDS: Final = 5
RUNS: Final = 40


def main(model_id: str, models: Path = Path("models")) -> None:
    """Print the table. Raises BuildError, CorpusError."""
    from raxe_conformance.build.embedding import export_files
    from raxe_conformance.build.quantize import quantize_int8, store_float16
    from raxe_conformance.build.weights import model_files
    from raxe_conformance.corpus.index import find_data_dir, read_corpora

    recipe = load_recipe(models, model_id)
    files = model_files(recipe, models, Silent())
    rows = read_corpora(find_data_dir())
    texts = [row.text for row in rows[:: len(rows) // TEXTS]]
    exported = export_files(files, opset=recipe.opset, where=recipe.weights.origin)
    older = export_files(files, opset=20, where=recipe.weights.origin)
    models_by_name: dict[str, Any] = {
        "float32": exported.graph,
        "float16 stored": store_float16(exported.graph),
        "float32, opset 20": older.graph,
        "int8, per channel, reduced range, opset 20": quantize_int8(older.graph, per_channel=True, reduce_range=True),
    }
    for per_channel in (True, False):
        for reduce_range in (True, False):
            name = (
                f"int8, {'per channel' if per_channel else 'per tensor'}, {'reduced' if reduce_range else 'full'} range"
            )
            models_by_name[name] = quantize_int8(exported.graph, per_channel=per_channel, reduce_range=reduce_range)
    data = {name: to_bytes(model) for name, model in models_by_name.items()}
    length = recipe.embedding.max_sequence_length
    embedders = {n: Embedder(d, exported.tokenizer, max_sequence_length=length, name=n) for n, d in data.items()}
    times = _times(embedders)
    reference = _vectors(embedders["float32"], texts)
    head = " | ".join(f"{length} tokens" for length in LENGTHS)
    print(f"| | cosine: median | 5 % | least | MB | {head} |")
    print("|---" * (5 + len(LENGTHS)) + "|")
    for name, embedder in embedders.items():
        cosines = (_vectors(embedder, texts) * reference).sum(axis=1)
        figures = " | ".join(f"{value:.4f}" for value in np.quantile(cosines, (0.5, 0.05, 0.0)))
        speed = " | ".join(f"{value:.2f}" for value in times[name])
        print(f"| {name} | {figures} | {len(data[name]) / 1e6:.1f} | {speed} |")


def _vectors(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.concatenate([embedder.embed(text)[:1] for text in texts])


def _times(embedders: dict[str, Embedder]) -> dict[str, list[float]]:
    """Milliseconds by length, the least of ROUNDS medians. Variants take turns, so a busy moment hits no single one."""
    generator = np.random.default_rng(0)
    inputs = [generator.integers(1000, 30_000, length, dtype=np.int64) for length in LENGTHS]
    rounds: dict[str, list[list[float]]] = {name: [] for name in embedders}
    for _ in range(ROUNDS):
        for name, embedder in embedders.items():
            rounds[name].append([_median(embedder, ids) for ids in inputs])
    return {name: np.min(found, axis=0).tolist() for name, found in rounds.items()}


def _median(embedder: Embedder, ids: NDArray[np.int64]) -> float:
    found = []
    for _ in range(RUNS):
        start = perf_counter()
        embedder.infer(ids)
        found.append((perf_counter() - start) * 1000)
    return float(np.median(found))


if __name__ == "__main__":
    main(sys.argv[1])
