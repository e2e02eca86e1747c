"""`raxe-conformance rollback`: back to what was in use before, in one switch."""

from __future__ import annotations

from pathlib import Path

import click

from raxe_conformance.cli.deploy import TARGET, told


@click.command("rollback")
@TARGET
@click.option("--environment", default="production", type=click.Choice(["staging", "production"]), show_default=True)
@click.option("--why", required=True, metavar="TEXT", help="the reason, for the audit log")
def command(target: Path, environment: str, why: str) -> None:
    """Take the canary back; where there is none, go back to what was stable before."""
    from raxe_conformance.deploy.stages import roll_back

    click.echo(told(roll_back(target, environment, why)))
