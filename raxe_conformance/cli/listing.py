"""`raxe-conformance list`: what a models folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


def _last_verdict(report_dir: Path, model_id: str) -> str | None:
    from raxe_conformance.errors import RaxeError, one_line
    from raxe_conformance.strict_json import read_json_object

    try:
        verdict = read_json_object(report_dir / f"{model_id}.json", 64_000_000).get("verdict")
    except RaxeError:
        return None
    return one_line(verdict, 40) if isinstance(verdict, str) else None


@click.command("list")
@click.argument("models_dir", default="models", type=click.Path(path_type=Path))
@click.option("--report-dir", default="reports", type=click.Path(path_type=Path), help="where the last verdicts stand")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def command(models_dir: Path, report_dir: Path, as_json: bool) -> None:
    """The variants: status, size in MB, last verdict; then what discovery found wrong."""
    from raxe_conformance.errors import one_line
    from raxe_conformance.fileio import is_file
    from raxe_conformance.registry.catalog import Catalog

    catalog = Catalog(models_dir)
    rows: list[dict[str, Any]] = []
    for variant in catalog.variants:
        parts = {role: path for role, path in variant.files().items() if role != "metadata"}
        missing = [role for role, path in parts.items() if not is_file(path)]
        size = sum(path.stat().st_size for path in parts.values() if is_file(path)) / 1e6
        rows.append(
            {
                "model_id": variant.model_id,
                "status": variant.status,
                "runtime": variant.metadata.requirements.runtime,
                "size_mb": None if missing else round(size, 3),
                "missing": missing,
                "verdict": _last_verdict(report_dir, variant.model_id),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            size_text = f"{row['size_mb']:.1f} MB" if row["size_mb"] is not None else "not built"
            name = one_line(row["model_id"])  # a file's name, which may hold line breaks
            verdict = row["verdict"] or "not judged"
            if row["missing"] and is_file(models_dir / "recipes" / f"{row['model_id']}.toml"):
                verdict = f"run: raxe-conformance build {name}"
            click.echo(f"{name:32} {row['status']:13} {size_text:>10}  {verdict}")
    for warning in catalog.warnings:
        click.echo(f"WARNING: {warning}", err=True)
