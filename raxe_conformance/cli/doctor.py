"""`raxe-conformance doctor`: whether this machine can measure latency, and what this environment lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from raxe_conformance.measure.equipment import Part
    from raxe_conformance.measure.noise import Noise
    from raxe_conformance.verdict.fitness import Fitness

WIDTH = 79
HOLDS, LACKING, CANNOT_MEASURE = 0, 2, 3


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def machine_lines(environment: dict[str, Any], version: str) -> list[str]:
    """What this is, in two lines."""
    return [
        f"raxe-conformance {version}, Python {environment['python']}, onnxruntime {environment['onnxruntime']}, "
        f"{environment['os']}",
        f"{environment['cpu']}, {environment['memory_gb']:.0f} GB, {' '.join(environment['isa'])}",
    ]


def latency_lines(noise: Noise, fitness: Fitness) -> list[str]:
    """Whether latency can be measured, and from what that is seen."""
    bounds = f"{noise.quota:g} by quota" if noise.quota is not None else "no quota"
    governor = ", ".join(noise.governors) or "not told"
    stolen = "not told" if noise.stolen is None else f"{noise.stolen:.1%}"
    beats = sorted(beat for times in noise.pulse_ms.values() for beat in times)
    facts = [
        ("cores", f"{noise.cores}, {noise.usable} usable, {bounds}; governor {governor}"),
        ("noise", f"{fitness.disturbed:.1%} of {len(beats)} fixed computations took twice the usual time"),
        ("two threads", "one core" if fitness.gain is None else f"{fitness.gain:.2f} times as fast as one"),
        ("others", f"stolen {stolen}, load " + ("not told" if noise.load is None else f"{noise.load:.1f}")),
    ]  # fmt: skip
    found = "cannot be measured here now" if fitness.obstacles else "can be measured here"
    return [
        f"Latency {found}",
        *(f"  {name:<12} {text}" for name, text in facts),
        *(f"  ! {line}" for line in fitness.obstacles),
        *(f"  - {line}" for line in fitness.notes),
    ]


def part_lines(parts: Sequence[Part]) -> list[str]:
    """What can be done without: there, or how to get it."""
    lines = ["Optional"]
    for part in parts:
        name = part.name if len(part.name) <= 14 else "tests"
        said = part.purpose if not part.missing else f"{part.purpose}: {part.remedy}"
        lines.append(f"  {'-' if part.missing else '+'} {name:<14} {said}")
    return lines


@click.command("doctor")
def command() -> int:
    """What this environment lacks, and whether this machine can measure latency now.

    Exit 0: nothing essential is missing. 3: but latency cannot be measured now. 2: a package is missing or too old.
    """
    from raxe_conformance import __version__
    from raxe_conformance.measure.environment import describe_environment
    from raxe_conformance.measure.equipment import essentials, parts
    from raxe_conformance.measure.noise import measure_noise
    from raxe_conformance.verdict.fitness import judge_fitness

    missing = essentials()
    if missing:
        click.echo(f"ERROR: missing or too old: {', '.join(missing)}; pip install --upgrade raxe-conformance", err=True)
        return LACKING
    noise = measure_noise()
    fitness = judge_fitness(noise)
    for lines in (
        machine_lines(describe_environment(), __version__),
        latency_lines(noise, fitness),
        part_lines(parts()),
    ):
        click.echo("\n".join(map(_cut, lines)) + "\n")
    return CANNOT_MEASURE if fitness.obstacles else HOLDS
