"""`raxe-conformance report`: pages and exports from reports."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--benchmark", type=click.Path(path_type=Path), help="where row texts are read (default: the shipped one)"
)
def command(folder: Path, benchmark: Path | None) -> int:
    """Write, beside each report {ID}.json in DIR, what a run writes: its page {ID}.html, {ID}.sarif for code scanning,
    the model card {ID}.card.md and the CycloneDX bill of materials {ID}.cdx.json; and index.html over all of them.

    Exit 0: all reports have theirs. 2: a report was refused (one line says why), or there is none.
    """
    from raxe_conformance.corpus.rows import read_benchmark
    from raxe_conformance.errors import RaxeError, UsageError
    from raxe_conformance.packaged import shipped_benchmark
    from raxe_conformance.report.exports.writing import read_metadata, write_exports
    from raxe_conformance.report.html.site import write_index, write_page
    from raxe_conformance.report.html.source import read_report, read_texts, report_files

    paths = report_files(folder)
    if not paths:
        remedy = "name the folder that pytest wrote reports to (--raxe-report-dir)"
        raise UsageError("holds no report {model_id}.json", file=folder, remedy=remedy)
    # A file that was named must be readable; the shipped one is only a convenience.
    rows = read_benchmark(benchmark) if benchmark is not None else read_texts(shipped_benchmark())
    refused = 0
    for path in paths:
        try:
            report = read_report(path)
            click.echo(write_page(path, rows))
            for written in write_exports(path, report, read_metadata(path, report)):
                click.echo(written)
        except RaxeError as error:
            refused += 1
            click.echo(f"ERROR: {error}", err=True)
    index, _ = write_index(folder)
    click.echo(index)
    return 2 if refused else 0
