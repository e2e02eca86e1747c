"""`raxe-conformance watch`: takes a variant back when its counts say that it is bad."""

from __future__ import annotations

import time
from pathlib import Path

import click


@click.command("watch")
@click.option("--target", required=True, type=click.Path(path_type=Path), metavar="DIR", help="the target folder")
@click.option("--environment", type=click.Choice(["staging", "production"]), default="production", show_default=True)
@click.option("--prometheus", default="http://127.0.0.1:9090", show_default=True, metavar="URL")
@click.option("--every", type=click.FloatRange(0.1), default=15.0, show_default=True, help="seconds between looks")
def command(target: Path, environment: str, prometheus: str, every: float) -> int:
    """Ask Prometheus for the canary's counts, or those of what was deployed last, and roll back when a limit is broken.

    Limits: FPR 0.015, FNR 0.04, P95 5 ms, error rate 0.05; each must be broken beyond doubt, however often one looks
    (docs/serving.md). Runs until it has rolled back (exit 1) or is interrupted. A Prometheus that cannot be reached and
    counters that begin anew are reported and decide nothing.
    """
    from raxe_conformance.serving.prometheus import Prometheus
    from raxe_conformance.serving.watch import Watch

    watch = Watch(target, environment, Prometheus(prometheus), click.echo)
    while watch.look() is None:
        time.sleep(every)
    return 1
