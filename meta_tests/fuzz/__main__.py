"""`python -m meta_tests.fuzz TARGET --seconds N [--corpus DIR]`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Fuzz one target. The status is 0 where nothing is found, and where atheris is not installed."""
    parser = argparse.ArgumentParser(prog="python -m meta_tests.fuzz", description="Fuzz what reads files.")
    parser.add_argument("target", choices=["bundle", "metadata", "rows", "tokenizer", "onnx"])
    parser.add_argument("--seconds", type=int, default=60, help="how long (default: 60)")
    parser.add_argument("--corpus", type=Path, help="folder of inputs to start from and to keep new ones in")
    arguments = parser.parse_args()
    try:
        import atheris
    except ImportError:
        print(f"SKIPPED {arguments.target}: atheris is not installed (pip install 'raxe-conformance[fuzz]')")
        return 0
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with atheris.instrument_imports(include=["raxe_conformance"]):
        # Imported here, so that they are instrumented however late a target imports them.
        import raxe_conformance.corpus.rows
        import raxe_conformance.registry.discover
        import raxe_conformance.runtime.embed  # noqa: F401
        from meta_tests.fuzz.targets import TARGETS
        from meta_tests.support.toy import make_toy

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    target, seeds = TARGETS[arguments.target](make_toy(folder / "toy"))
    corpus = arguments.corpus or folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds):
        (corpus / f"seed-{index}").write_bytes(seed)
        target(seed)
    options = [
        f"-max_total_time={arguments.seconds}", "-timeout=10", "-rss_limit_mb=1500", "-print_final_stats=1",
        "-max_len=65536", f"-artifact_prefix={folder}{os.sep}",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
