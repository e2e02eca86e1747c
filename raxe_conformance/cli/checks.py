"""`raxe-conformance checks`: the catalogue."""

from __future__ import annotations

import inspect
import json
from typing import Any

import click


def describe(check_id: str) -> dict[str, Any]:
    """One check as plain values: the catalogue's fields and the default profile's limit."""
    from raxe_conformance.checks.table import find_check
    from raxe_conformance.verdict.profile import DEFAULT, load_profile

    check = find_check(check_id)
    limits = load_profile(DEFAULT).limits
    gate = check.gate
    return {
        "id": check.id,
        "title": check.title,
        "group": check.group,
        "level": check.level.value,
        "spec": check.spec,
        "gate": {"metric": gate.metric, "op": gate.op, "limit": limits[gate.metric], "unit": gate.unit}
        if gate
        else None,
        "reads": list(check.needs),
        "rule": inspect.getdoc(check.read) or "",
        "defect": check.defect,
    }


def gate_text(gate: dict[str, Any] | None) -> str:
    """A gate in one phrase, such as "< 3 ms"."""
    return f"{gate['op']} {gate['limit']:g} {gate['unit']}".strip() if gate else ""


@click.command("checks")
@click.argument("check_id", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def command(check_id: str | None, as_json: bool) -> None:
    """Every check: id, level, gate, title, specification part, and the seeded defect that trips it."""
    from raxe_conformance.checks.table import catalogue

    found = [describe(name) for name in ([check_id] if check_id else catalogue())]
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for check in found:
        if check_id:
            for key, value in check.items():
                click.echo(
                    f"{key:7} {gate_text(value) if key == 'gate' else ', '.join(value) if key == 'reads' else value}"
                )
        else:
            click.echo(
                f"{check['id']}  {check['level']:6}  {check['group']:10} {gate_text(check['gate']):9} {check['title']}"
            )
