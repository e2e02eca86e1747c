"""One case, made and tried."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta_tests.hostile.case import GOOD_ID, Case, add_good_variant
from meta_tests.hostile.sandbox import Sandbox
from meta_tests.support.toy import MODEL_ID, Toy

_BUNDLES = ("ZIP archive", "Manifest", "Program in a bundle")
_LARGE = 1 << 30  # files of holes, which nobody reads to take their checksum


@dataclass(frozen=True)
class Bench:
    """Where cases are tried: a folder, the toy with a good variant beside it, the sandbox, and what both answer."""

    root: Path
    template: Path
    sandbox: Sandbox
    answers: dict[str, Any]

    @property
    def canary(self) -> Path:
        """What exists only if code out of a file has run."""
        return self.root / "canary"

    def run(self, case: Case) -> dict[str, Any]:
        """What became of the variant. `written` lists what was written into the folder."""
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            toy = Toy(Path(folder) / "models", Path(folder) / "benchmark.jsonl")
            shutil.copytree(self.template, toy.models)
            case.make(toy)
            if case.declare and max(path.stat().st_size for path in (toy.bundle, toy.onnx, toy.tokenizer)) < _LARGE:
                toy.declare_files()
            if case.group in _BUNDLES and toy.bundle.stat().st_size < _LARGE:
                # And once more without metadata, where discovery itself looks into it.
                shutil.copy(toy.bundle, toy.bundle.with_name("orphan.raxe"))
            before = _listing(Path(folder))
            found = self.sandbox.run(
                models=str(toy.models), model_id=MODEL_ID, good_id=GOOD_ID, case=case.name, no_override=case.no_override
            )
            after = _listing(Path(folder))
            found["written"] = [] if case.meanwhile else sorted(after.items() ^ before.items())
        return found


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path under a folder, with size and kind."""
    return {str(p.relative_to(folder)): (p.lstat().st_size, p.lstat().st_mode) for p in sorted(folder.rglob("*"))}


@contextmanager
def bench(models: Path) -> Iterator[Bench]:
    """A bench for copies of the toy's models folder."""
    # A short name, which the addresses of sockets need.
    root = Path(tempfile.mkdtemp(prefix="hostile-"))
    sandbox = Sandbox(root)
    try:
        toy = Toy(root / "template" / "models", root / "template" / "benchmark.jsonl")
        shutil.copytree(models, toy.models)
        add_good_variant(toy)
        answers = sandbox.run(models=str(toy.models), model_id=MODEL_ID, good_id=GOOD_ID)
        yield Bench(root, toy.models, sandbox, answers)
    finally:
        sandbox.close()
        shutil.rmtree(root)
