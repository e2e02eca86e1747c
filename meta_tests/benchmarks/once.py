"""`python -m meta_tests.benchmarks.once KIND FOLDER`: one registry start, in seconds (wall, processor).

A start happens once in a process. Repeated in one, it would be given the memory that the last one left.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter, process_time

from raxe_conformance import ModelRegistry

START, BARE, ACTIVE, WARNINGS = "start", "json.loads alone", "start, active only", "start, all warnings"


def main(kind: str, folder: Path) -> None:
    """Do it, and print what it took. Imports are done before."""
    kept: object
    wall, cpu = perf_counter(), process_time()
    if kind == BARE:
        for path in sorted((folder / "metadata").iterdir()):
            with path.open("rb") as handle:
                json.loads(handle.read())
        kept = None
    else:
        registry = ModelRegistry(folder)
        kept = registry.list_models(status="active" if kind == ACTIVE else None)
        if kind == WARNINGS:
            kept = (kept, registry.warnings)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    del kept
    print(wall, cpu)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
