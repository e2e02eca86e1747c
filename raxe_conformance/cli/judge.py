"""`raxe-conformance judge`: verdicts again, from saved evidence, under any profile."""

from __future__ import annotations

import json
from pathlib import Path

import click

from raxe_conformance.cli.check import exit_code


@click.command("judge")
@click.argument("evidence", type=click.Path(path_type=Path), metavar="EVIDENCE.json")
@click.option("--profile", default="raxe-1.0", metavar="NAME-OR-FILE", help="limits and levels")
@click.option("--json", "as_json", is_flag=True, help="the report as JSON")
def command(evidence: Path, profile: str, as_json: bool) -> int:
    """Judge what a run measured ({report-dir}/{model_id}.evidence.json). Measures nothing; waivers do not count.

    Exit 0: all MUSTs hold. 1: a MUST failed. 3: none failed, but some are inconclusive. 2: bad usage or input.
    """
    from raxe_conformance.checks.claims import not_claimed, unclaimed
    from raxe_conformance.checks.table import catalogue
    from raxe_conformance.report.evidence_file import SECTIONS, read_evidence
    from raxe_conformance.report.record import judged_report, verdict_record
    from raxe_conformance.report.terminal import verdict_table
    from raxe_conformance.verdict.judge import judge
    from raxe_conformance.verdict.profile import load_profile

    found, limits = read_evidence(evidence), load_profile(profile)
    records = [
        verdict_record(judge(check, check.reading(found.measurements), limits), limits, 0.0)
        for check in catalogue().values()
        if all(name in found.measurements for name in check.needs) and unclaimed(check, found.measurements) is None
    ]
    report = judged_report(
        {**{name: getattr(found, name) for name in SECTIONS}, "not_claimed": not_claimed(found.measurements)},
        records,
        found.measurements.get("scores"),
        limits,
        found.measurements.get("length_curve"),
    )
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        import os
        import shutil
        import sys

        width = shutil.get_terminal_size().columns
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        click.echo(verdict_table(report, None, width=width, color=color), nl=False)
    return exit_code({str(report["verdict"])})
