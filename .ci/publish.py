"""Measure every variant of models/ that is built, and write what is committed of it.

models/benchmarks/{id}_benchmark.json, the figures that metadata declares, and reports/ with its pages. Run it on a
quiet machine, from a clean tree: reports name the commit. Ends with 1 where a step could not be done; a verdict that is
not PASS is no such thing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from raxe_conformance import ModelRegistry

ROOT = Path(__file__).parents[1]


def main() -> int:
    raxe = [sys.executable, "-m", "raxe_conformance"]
    codes = []
    for variant in ModelRegistry(ROOT / "models").list_models():
        if not variant.usable:
            print(f"{variant.model_id}: left out: {variant.why_unusable}", flush=True)
            continue
        command = [*raxe, "benchmark", "--model-id", variant.model_id, "--update-metadata"]
        codes.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
    if not any(codes):
        check = subprocess.run([*raxe, "check", "models", "--report-dir", "reports"], cwd=ROOT, check=False)
        codes.append(check.returncode if check.returncode not in (1, 3) else 0)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
