"""`python -m meta_tests.benchmarks [NAME …]`: run benchmarks by name, all of them without a name."""

from __future__ import annotations

import argparse
from pathlib import Path

from meta_tests.benchmarks import backends, detector, registry, startup, suite

BENCHMARKS = {
    "registry": registry.start,
    "cached": detector.cached,
    "load": detector.load,
    "analyze": detector.analyze,
    "backends": backends.backends,
    "import": startup.importing,
    "plugin": startup.plugin,
    "suite": suite.suite,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m meta_tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all without one")
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("models"),
        help="the models folder of cached, load, analyze, backends, suite",
    )
    parser.add_argument("--report", type=Path, help="a report whose seconds suite reads, instead of a run of its own")
    arguments = parser.parse_args()
    for name in arguments.names or BENCHMARKS:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
        print(f"== {name}")
        if name == "suite" and arguments.report:
            suite.from_file(arguments.report)
        else:
            BENCHMARKS[name](arguments.models)


if __name__ == "__main__":
    main()
