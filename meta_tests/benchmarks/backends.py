"""ONNX Runtime and OpenVINO on the same files: time by the length of the text, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from meta_tests.benchmarks.figures import median, quantile, seconds
from raxe_conformance import ModelRegistry
from raxe_conformance.corpus.rows import read_benchmark
from raxe_conformance.packaged import shipped_benchmark
from raxe_conformance.registry.metadata import BACKEND_OF

BOUNDS = (16, 32, 64, 128, 256, 512)  # tokens
TEXTS, ROUNDS = 8, 8
# ONNX Runtime's threads go on spinning for a moment, which would be the other's noise.
PAUSE_S = 0.005


def serve(asked: Connection, models: Path, model_id: str, backend: str) -> None:
    """In a process of its own: load, and say how long that took and what is held; then time each text that is asked."""
    import psutil

    started = time.perf_counter()
    detector = ModelRegistry(models, backend=backend).create_detector(model_id)
    asked.send((time.perf_counter() - started, psutil.Process().memory_info().rss / 1e6))
    while (text := asked.recv()) is not None:
        asked.send(seconds(lambda text=text: detector.analyze(text)))  # type: ignore[misc]
    asked.send(psutil.Process().memory_info().rss / 1e6)


@contextmanager
def served(models: Path, model_id: str) -> Iterator[dict[str, Connection]]:
    """A process for each backend: threads of two in one would fight."""
    context, asked, processes = get_context("spawn"), dict[str, Connection](), []
    for backend in dict.fromkeys(BACKEND_OF.values()):
        asked[backend], other = context.Pipe()
        process = context.Process(target=serve, args=(other, models, model_id, backend))
        process.start()
        processes.append(process)
        load, held = asked[backend].recv()
        print(f"  {backend}: loaded in {load:.2f} s, {held:.0f} MB resident")
    try:
        yield asked
    finally:
        for backend, pipe in asked.items():
            pipe.send(None)
            print(f"  {backend}: {pipe.recv():.0f} MB resident at the end")
        for process in processes:
            process.join()


def by_length(texts: Sequence[str], tokens: Sequence[int]) -> dict[str, list[str]]:
    """Up to TEXTS texts of each length, spread evenly over those of that length."""
    found = {}
    for low, high in zip((0, *BOUNDS), (*BOUNDS, 10**9), strict=True):
        inside = [text for text, n in zip(texts, tokens, strict=True) if low < n <= high]
        name = f"{low + 1}-{high}" if high < 10**9 else f"{low + 1} and more"
        if inside:
            found[name] = inside[:: -(-len(inside) // TEXTS)]
    return found


def timed(asked: Mapping[str, Connection], texts: Sequence[str]) -> dict[str, tuple[list[float], list[float]]]:
    """By backend: the first call on each text, and the least of ROUNDS later ones. Each text goes to all in turn.

    The least, because what else runs on the machine makes calls longer and never shorter.
    """
    every: dict[str, list[list[float]]] = {backend: [[] for _ in texts] for backend in asked}
    for number in range(ROUNDS + 1):
        for position, text in enumerate(texts):
            for backend in list(asked)[:: 1 if (number + position) % 2 else -1]:
                time.sleep(PAUSE_S)
                asked[backend].send(text)
                every[backend][position].append(asked[backend].recv())
    return {
        backend: ([times[0] for times in of_text], [min(times[1:]) for times in of_text])
        for backend, of_text in every.items()
    }


def backends(models: Path) -> None:
    """Each variant that is built here on both backends, text by text in turn, each in a process of its own."""
    rows = [row.text for row in read_benchmark(shipped_benchmark()).rows]
    registry = ModelRegistry(models)
    for variant in registry.list_models():
        if variant.missing:
            continue
        count = registry.create_detector(variant.model_id).embedder.token_ids
        print(f" {variant.model_id}")
        with served(models, variant.model_id) as asked:
            for name, texts in by_length(rows, [len(count(text)) for text in rows]).items():
                found = timed(asked, texts)
                times = ", ".join(f"{backend} {1e3 * median(later):.2f} ms" for backend, (_, later) in found.items())
                (_, one), (first, two) = found["onnxruntime"], found["openvino"]
                ratios = [a / b for a, b in zip(one, two, strict=True)]
                middle = f"{median(ratios):.2f} ({quantile(ratios, 0.1):.2f}-{quantile(ratios, 0.9):.2f})"
                fresh = median([a / b for a, b in zip(first, two, strict=True)])
                print(
                    f"  {name:>12} tokens, {len(texts):2} texts: {times}; openvino is {middle} times as fast, and its "
                    f"first call on a text takes {fresh:.1f} times as long"
                )
