"""What importing the package and having the plugin installed cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from meta_tests.benchmarks.figures import Samples, children, held, in_turn, median, spread

ROUNDS = 25


def importing(_: Path) -> None:
    """A Python that imports the package, the registry, or nothing."""
    with tempfile.TemporaryDirectory() as compiled:
        calls = {
            "nothing": partial(_python, compiled, "-c", "pass"),
            "raxe_conformance": partial(_python, compiled, "-c", "import raxe_conformance"),
            "ModelRegistry": partial(_python, compiled, "-c", "from raxe_conformance import ModelRegistry"),
        }
        in_turn(calls, 2)
        found = in_turn(calls, ROUNDS, children)
    for name, samples in found.items():
        print(f"  {name:17} wall {spread(samples.wall)}; processor P50 {1e3 * median(samples.cpu):.1f} ms")
    for name in list(calls)[1:]:
        print(f"  importing {name} adds {_added(found[name], found['nothing'])}")


def plugin(_: Path) -> None:
    """`pytest --collect-only` in an unrelated project, with the plugin and without it."""
    with tempfile.TemporaryDirectory() as compiled, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (folder / "test_other.py").write_text("def test_other():\n    pass\n", encoding="utf-8")
        collect = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
        calls = {
            "with": partial(_python, compiled, *collect, cwd=folder),
            "without": partial(_python, compiled, *collect, "-p", "no:raxe_conformance", cwd=folder),
        }
        in_turn(calls, 2)
        found = in_turn(calls, ROUNDS, children)
    for label, samples in found.items():
        print(f"  {label:8} wall {spread(samples.wall)}; processor P50 {1e3 * median(samples.cpu):.1f} ms")
    extra = median([a - b for a, b in zip(found["with"].wall, found["without"].wall, strict=True)])
    print(f"  the plugin adds {_added(found['with'], found['without'])}; {held(1e3 * extra, 30, 'ms')}")


def _added(one: Samples, other: Samples) -> str:
    """Medians of the differences, round by round."""
    wall, cpu = (1e3 * median([a - b for a, b in zip(*pair, strict=True)]) for pair in zip(one, other, strict=True))
    return f"{wall:.1f} ms (processor time {cpu:.1f} ms) at the median of paired differences"


def _python(compiled: str, *arguments: str, cwd: Path | None = None) -> None:
    """Run Python with its bytecode kept in a folder of our own, whatever the environment says of it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env["PYTHONPYCACHEPREFIX"] = compiled
    subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL)
