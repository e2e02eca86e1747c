"""Commands that a newcomer gives an installed raxe-conformance, outside a checkout, and how each must end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meta_tests.build.world import model_files
from meta_tests.support.toy import MODEL_ID, Toy, make_toy, write_patient_profile

TEXT = "please send the evilpi letter"


@dataclass(frozen=True)
class Step:
    """A command, the exit code that it must have, and what it must print."""

    args: tuple[str, ...]
    code: int
    prints: str


@dataclass(frozen=True)
class Place:
    """A folder somewhere else, with a models folder in it whose name has a space."""

    folder: Path
    toy: Toy
    profile: Path

    @property
    def judging(self) -> tuple[str, ...]:
        """What pytest must be told so that the toy is judged on its own rows and no clock decides."""
        return (
            "-q",
            f"--raxe-benchmark={self.toy.benchmark}",
            f"--raxe-profile={self.profile}",
            "--raxe-latency-budget=0",
        )


def make_place(folder: Path) -> Place:
    """The toy variant, a profile that any machine holds, and an encoder to export."""
    home = folder / "my models"
    home.mkdir(parents=True)
    (folder / "encoder").mkdir()
    (folder / "new models").mkdir()
    for name, data in model_files().items():
        (folder / "encoder" / name).write_bytes(data)
    return Place(folder, make_toy(home), write_patient_profile(folder / "patient.toml"))


def quick_steps(place: Place) -> Iterator[Step]:
    """What takes no measuring."""
    models = str(place.toy.models)
    yield Step(("--help",), 0, "doctor")
    yield Step(("--version",), 0, "raxe-conformance, version")
    yield Step(("checks",), 0, "LAT-001")
    yield Step(("check", models, "--", *place.judging, "-m", "schema or size"), 3, "SIZ-001")
    yield Step(("list", models), 0, MODEL_ID)
    yield Step(("bundle", "verify", str(place.toy.bundle)), 0, "")
    yield Step(("new", "v1.1_mine_int8", "--models-dir", "new models"), 0, "v1.1_mine_int8.json")


def long_steps(place: Place) -> Iterator[Step]:
    """What measures, and what rests on it."""
    models = str(place.toy.models)
    report = Path("reports", f"{MODEL_ID}.json")
    yield Step(("check", models, "--", *place.judging), 0, "passed")
    yield Step(("judge", f"reports/{MODEL_ID}.evidence.json", "--profile", str(place.profile)), 0, "")
    yield Step(("compare", str(report), str(report)), 0, "")
    yield Step(("report", "reports"), 0, "index.html")
    yield Step(("scan", MODEL_ID, TEXT, "--models-dir", models), 0, '"is_attack": true')
    yield Step(
        ("benchmark", "--model-id", MODEL_ID, "--models-dir", models, "--test-data", str(place.toy.benchmark),
         "--output", "benchmark.json", "--iterations", "1"), 0, "",
    )  # fmt: skip


def build_steps(place: Place) -> Iterator[Step]:
    """What needs the extra `build`."""
    yield Step(("export", "--model", "encoder", "--output", "embeddings/mine_int8.onnx"), 0, "MB")


def walk(command: Sequence[str], place: Place, steps: Iterator[Step], environ: Mapping[str, str]) -> list[str]:
    """Take the steps from the place's folder; what went wrong, a line each. `command` starts raxe-conformance."""
    wrong = []
    for step in steps:
        done = subprocess.run(
            [*command, *step.args], cwd=place.folder, env={**os.environ, **environ}, capture_output=True, text=True,
            encoding="utf-8", timeout=600, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode != step.code or step.prints not in said or "Traceback" in said:
            wrong.append(f"raxe-conformance {' '.join(step.args)}: exit {done.returncode}, not {step.code}\n{said}")
    return wrong
