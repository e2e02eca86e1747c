"""Registry start over the number of variants."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path

from meta_tests.benchmarks.figures import held, in_turn, median, quantile, spread
from meta_tests.registry.support import write_many

ROUNDS = {10: 200, 1_000: 60, 10_000: 8}


def start(_: Path) -> None:
    """ModelRegistry(dir) + list_models() on 10, 1,000 and 10,000 full metadata files that share a bundle.

    Beside it, for scale: opening the same files and json.loads, without a check or a typed value; and the start with
    what only some callers ask for.
    """
    from raxe_conformance import ModelRegistry

    def begin(folder: Path) -> None:
        ModelRegistry(folder).list_models()

    def begin_active(folder: Path) -> None:
        ModelRegistry(folder).list_models(status="active")

    def begin_warnings(folder: Path) -> None:
        assert ModelRegistry(folder).warnings == []

    medians = {}
    for count, rounds in ROUNDS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_many(folder, count)
            files = sorted(map(str, (folder / "metadata").iterdir()))
            size = Path(files[0]).stat().st_size
            calls = {
                "start": partial(begin, folder),
                "json.loads alone": partial(_bare, files),
                "start, active only": partial(begin_active, folder),
                "start, all warnings": partial(begin_warnings, folder),
            }
            in_turn(calls, 1)
            found = in_turn(calls, rounds)
        print(f"{count:6} variants of {size} bytes")
        for label, samples in found.items():
            print(f"  {label:20} wall {spread(samples.wall)}; processor P50 {1e3 * median(samples.cpu):.2f} ms")
        medians[count] = median(found["start"].cpu) / count
        ratio = median(found["start"].cpu) / median(found["json.loads alone"].cpu)
        print(f"  a variant takes {1e6 * medians[count]:.1f} us of processor time; {ratio:.2f} times json.loads alone")
        if count == 1_000:
            print(f"  P95 {held(1e3 * quantile(found['start'].wall, 0.95), 100, 'ms')}")
    growth = medians[10_000] / medians[1_000]
    print(f"growth from 1,000 to 10,000: {10 * growth:.2f} times (linear: 10)")


def _bare(files: list[str]) -> None:
    for name in files:
        with open(name, "rb") as handle:  # noqa: PTH123  the quickest way there is
            json.loads(handle.read())
