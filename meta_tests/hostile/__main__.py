"""`python -m meta_tests.hostile` writes the generated parts of docs/hostile.md; with --run it tries every case."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from meta_tests.hostile.catalogue import CASES
from meta_tests.hostile.page import PAGE, rendered
from meta_tests.hostile.trial import bench
from meta_tests.support.toy import make_toy


def main() -> int:
    if "--run" in sys.argv[1:]:
        return run()
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def run() -> int:
    """Figures for the page: how long the catalogue takes, and what the worst case needs."""
    started, results = time.monotonic(), {}
    with tempfile.TemporaryDirectory() as folder, bench(make_toy(Path(folder)).models) as trial:
        for name, case in CASES.items():
            results[name] = trial.run(case)
    slowest = max(results, key=lambda name: results[name]["seconds"])
    largest = max(results, key=lambda name: results[name]["resident_mb"])
    print(f"{len(results)} cases in {time.monotonic() - started:.0f} s")
    print(f"slowest: {slowest}, {results[slowest]['seconds']:.2f} s")
    print(f"most memory: {largest}, {results[largest]['resident_mb']:.0f} MB resident")
    return 0


if __name__ == "__main__":
    sys.exit(main())
