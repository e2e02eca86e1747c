"""Registry start over the number of variants."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from meta_tests.benchmarks.figures import Samples, held, median, quantile, spread
from meta_tests.benchmarks.once import ACTIVE, BARE, START, WARNINGS
from meta_tests.registry.support import write_many

ROUNDS = {10: 40, 1_000: 60, 10_000: 12}


def start(_: Path) -> None:
    """ModelRegistry(dir) + list_models() on 10, 1,000 and 10,000 full metadata files that share a bundle.

    Each sample is the first start of a fresh process, without imports. Beside it, for scale: opening the same files and
    json.loads, which checks nothing and keeps nothing; and starts with what only some callers ask for.
    """
    medians = {}
    for count, rounds in ROUNDS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_many(folder, count)
            size = next((folder / "metadata").iterdir()).stat().st_size
            _sample(START, folder)  # the files are in the page cache from here on
            found = {kind: Samples([], []) for kind in (START, BARE, ACTIVE, WARNINGS)}
            for _round in range(rounds):
                for kind, samples in found.items():
                    wall, cpu = _sample(kind, folder)
                    samples.wall.append(wall)
                    samples.cpu.append(cpu)
        print(f"{count:6} variants of {size} bytes")
        for kind, samples in found.items():
            print(f"  {kind:20} wall {spread(samples.wall)}; processor P50 {1e3 * median(samples.cpu):.2f} ms")
        medians[count] = median(found[START].cpu)
        ratio = medians[count] / median(found[BARE].cpu)
        each = 1e6 * medians[count] / count
        print(f"  a variant takes {each:.1f} us of processor time; {ratio:.2f} times json.loads alone")
        if count == 1_000:
            print(f"  P95 {held(1e3 * quantile(found[START].wall, 0.95), 100, 'ms')}")
    for less, more in ((10, 1_000), (1_000, 10_000)):
        print(f"growth from {less} to {more}: {medians[more] / medians[less]:.2f} times (linear: {more // less})")


def _sample(kind: str, folder: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "meta_tests.benchmarks.once", kind, str(folder)]
    wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(wall), float(cpu)
