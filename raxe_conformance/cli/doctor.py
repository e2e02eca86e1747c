"""`raxe-conformance doctor`: what this environment lacks, and whether it can measure latency."""

from __future__ import annotations

from importlib.util import find_spec

import click

_EXTRAS = {
    "build": ("onnx", "sklearn"),
    "train": ("torch",),
    "corpora": ("pooch",),
    "oracle": ("transformers",),
    "dev": ("xdist",),
}
_SPREAD = 1.25


def _kernel_spread() -> float:
    """P95 over median time of a fixed computation: near 1 on a quiet machine."""
    from raxe_conformance.measure.timing import kernel_ms

    times = sorted(kernel_ms(20_000) for _ in range(400))
    return times[int(0.95 * len(times))] / times[len(times) // 2]


@click.command("doctor")
def command() -> int:
    """Packages by extra, the machine, and whether its clock is steady enough for latency. Exit 0 unless it is not."""
    from raxe_conformance.measure.environment import describe_environment

    for extra, packages in _EXTRAS.items():
        missing = [name for name in packages if find_spec(name) is None]
        state = f"missing {', '.join(missing)}: pip install 'raxe-conformance[{extra}]'" if missing else "there"
        click.echo(f"extra {extra:7} {state}")
    environment = describe_environment()
    for key in ("cpu", "isa", "cores", "memory_gb", "os", "python", "onnxruntime"):
        value = environment[key]
        click.echo(f"{key:13} {', '.join(value) if isinstance(value, list) else value}")
    spread = _kernel_spread()
    steady = spread <= _SPREAD
    verdict = "steady enough to measure latency" if steady else "too noisy to measure latency: stop what else runs here"
    click.echo(f"noise         a fixed computation's P95 is {spread:.2f} times its median: {verdict}")
    return 0 if steady else 3
