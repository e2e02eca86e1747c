"""`raxe-conformance status`: what is deployed in a target folder, and whether its records hold."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raxe_conformance.cli.deploy import TARGET, told

if TYPE_CHECKING:
    from raxe_conformance.deploy.survey import Survey


@click.command("status")
@TARGET
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def command(target: Path, as_json: bool) -> int:
    """Both environments, the newest entries of the audit log, and what is wrong. Verifies log, states and packages.

    Exit 0: all of it holds. 1: something was changed. 2: bad usage or input.
    """
    from raxe_conformance.deploy.survey import survey

    found = survey(target)
    if as_json:
        click.echo(json.dumps(_plain(found), indent=2))
    else:
        _say(found)
    return 1 if found.problems else 0


def _plain(found: Survey) -> dict[str, object]:
    log = found.log
    return {
        "environments": [
            {**asdict(state), "hold_remaining_s": None if left is None else int(left.total_seconds())}
            for state in found.states
            for left in (found.remaining(state),)
        ],
        "audit": None if log is None else {"entries": len(log.entries), "head": log.head},
        "problems": list(found.problems),
        "notes": list(found.notes),
    }


def _say(found: Survey) -> None:
    from raxe_conformance.deploy.clock import hours
    from raxe_conformance.errors import one_line

    for state in found.states:
        click.echo(told(state))
        if state.previous is not None:
            click.echo(f"  before: {state.previous.package}")
        left = found.remaining(state)
        if left is not None:
            lasted = found.lasted[state.environment]
            wait = f"in {hours(left)}" if left else "now"
            click.echo(f"  held for {hours(lasted.surely)}; the next stage may begin {wait}")
            if lasted.doubt is not None:
                click.echo(f"  {lasted.doubt}")
    if found.log is not None:
        count = len(found.log.entries)
        entries = "1 entry" if count == 1 else f"{count} entries"
        click.echo(f"audit log: {entries}, the chain holds, newest {found.log.head[:12]}")
        for entry in found.log.entries[-5:]:
            forced = f"; set aside: {'; '.join(entry.overridden)}" if entry.overridden else ""
            why = f": {entry.why}" if entry.why else ""
            click.echo("  " + one_line(f"{entry.moment.time.isoformat()} {entry.who} {entry.what}{why}{forced}"))
    for note in found.notes:
        click.echo(f"NOTE: {note}")
    for problem in found.problems:
        click.echo(f"FAIL: {problem}", err=True)
