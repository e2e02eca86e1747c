"""What a variant decides of texts, asked in a fresh process: one that has seen nothing but the folder it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from raxe_conformance.errors import DeploymentError, one_line

TIMEOUT_S = 300.0
Decisions = list[dict[str, Any]]
Decide = Callable[[Path, str, Sequence[str]], Decisions]


def decide_afresh(models: Path, model_id: str, texts: Sequence[str]) -> Decisions:
    """is_attack and family of each text, by the variant of a models folder, in a new Python process.

    Raises DeploymentError where the process fails, answers nothing, or takes longer than TIMEOUT_S.
    """
    request = json.dumps({"models": str(models.resolve()), "model_id": model_id, "texts": list(texts)})
    command = [sys.executable, "-m", "raxe_conformance.deploy.run_cases", "--decide"]
    remedy = f"see whether it loads: raxe-conformance scan {model_id}"
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter and module
            command, input=request, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DeploymentError(f"does not answer within {TIMEOUT_S:.0f} s", file=models, remedy=remedy) from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise DeploymentError(
            f"does not run: the process ended with {done.returncode} and said: {one_line(said, 200)}",
            file=models, remedy=remedy,
        )  # fmt: skip
    found: Decisions = json.loads(done.stdout.splitlines()[-1])
    return found


def differing(cases: Sequence[Mapping[str, Any]], found: Decisions) -> list[int]:
    """The numbers (from 1) of the cases that were decided otherwise than they say."""
    return [
        number
        for number, (case, now) in enumerate(zip(cases, found, strict=True), 1)
        if any(case[key] != value for key, value in now.items())
    ]


def require_same(cases: Sequence[Mapping[str, Any]], found: Decisions, folder: Path) -> None:
    """Raise DeploymentError that names the first text that is decided otherwise than its case says."""
    wrong = differing(cases, found)
    if wrong:
        case, now = cases[wrong[0] - 1], found[wrong[0] - 1]
        recorded = {key: case[key] for key in now}
        raise DeploymentError(
            f"decides {len(wrong)} of {len(cases)} cases otherwise than its source; case {wrong[0]}: {now}, but should "
            f"be {recorded}",
            file=folder, remedy="look at the machine: the same files decided otherwise here",
        )  # fmt: skip
