"""`raxe-conformance compare`: what became better or worse from one run to another."""

from __future__ import annotations

from pathlib import Path

import click

from raxe_conformance.cli.check import exit_code
from raxe_conformance.errors import UsageError


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path), metavar="A")
@click.argument("after", type=click.Path(path_type=Path), metavar="B")
@click.option("--profile", default="raxe-1.0", metavar="NAME-OR-FILE", help="levels and confidence")
@click.option("--json", "as_json", is_flag=True, help="the comparison as JSON (schema comparison-1.0.0.json)")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="also write it as a page")
def command(before: Path, after: Path, profile: str, as_json: bool, html: Path | None) -> int:
    """Compare report A, the baseline, with report B: {model_id}.json, its .evidence.json beside it.

    A folder stands for the one report that both have. Measures nothing; waivers do not count.

    Exit 0: no MUST is shown to be worse. 1: a MUST regressed. 3: none did, but one with a limit cannot be compared.
    2: bad usage or input.
    """
    from raxe_conformance.fileio import canonical_json
    from raxe_conformance.report.baseline import comparison_record, read_recorded
    from raxe_conformance.report.baseline_terminal import comparison_table
    from raxe_conformance.report.html.site import write_comparison
    from raxe_conformance.verdict.profile import load_profile

    limits = load_profile(profile)
    was, now = (read_recorded(path) for path in _pair(before, after))
    record = comparison_record(was, now, limits)
    if html is not None:
        write_comparison(html, record)
    if as_json:
        click.echo(canonical_json(record), nl=False)
    else:
        import os
        import shutil
        import sys

        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        click.echo(comparison_table(record, width=shutil.get_terminal_size().columns, color=color), nl=False)
    return exit_code({str(record["verdict"])})


def _pair(before: Path, after: Path) -> tuple[Path, Path]:
    """The two reports. Raises UsageError where a folder leaves open which one is meant."""
    if not before.is_dir() and not after.is_dir():
        return before, after
    if before.is_dir() and after.is_dir():
        names = sorted(_names(before) & _names(after))
        if len(names) != 1:
            said = f"both hold {', '.join(names)}" if names else "they have no report in common"
            raise UsageError(f"{said}; name two reports", file=f"{before}, {after}")
        return before / names[0], after / names[0]
    return (before / after.name, after) if before.is_dir() else (before, after / before.name)


def _names(folder: Path) -> set[str]:
    from raxe_conformance.report.html.source import report_files

    return {path.name for path in report_files(folder)}
