"""`python -m meta_tests.benchmarks [NAME …]`: run benchmarks by name, all of them without a name."""

from __future__ import annotations

import argparse
from pathlib import Path

from meta_tests.benchmarks import detector, registry, startup

BENCHMARKS = {
    "registry": registry.start,
    "cached": detector.cached,
    "load": detector.load,
    "analyze": detector.analyze,
    "import": startup.importing,
    "plugin": startup.plugin,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m meta_tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all without one")
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="the models folder for cached, load, analyze"
    )
    arguments = parser.parse_args()
    for name in arguments.names or BENCHMARKS:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
        print(f"== {name}")
        BENCHMARKS[name](arguments.models)


if __name__ == "__main__":
    main()
