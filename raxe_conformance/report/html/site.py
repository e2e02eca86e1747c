"""Writes the pages, each whole or not at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from raxe_conformance.corpus.rows import Benchmark
from raxe_conformance.errors import RaxeError, one_line
from raxe_conformance.report.history import NAME, read_history
from raxe_conformance.report.html.comparison_page import comparison_view
from raxe_conformance.report.html.index_page import index_view, page_name
from raxe_conformance.report.html.page import page_view
from raxe_conformance.report.html.source import INDEX, gather, read_report, report_files
from raxe_conformance.report.html.visible import shown
from raxe_conformance.report.whole import write_whole

_PACKAGE = "raxe_conformance.report.html"


def write_page(path: Path, benchmark: Benchmark | None) -> Path:
    """Write the page of the report at `path` beside it.

    Raises ReportError, JsonError, MissingFileError where the report cannot be shown; the older page then stays.
    """
    view = page_view(gather(path, benchmark))
    return _write(path.with_name(page_name(view["model_id"])), _rendered("variant.html.j2", view))


def write_index(folder: Path) -> tuple[Path, list[RaxeError]]:
    """Write index.html over all reports of a folder and its history, and say why some of it is not in it."""
    reports: list[dict[str, Any]] = []
    faults: list[RaxeError] = []
    refused: list[tuple[str, str]] = []
    for path in report_files(folder):
        try:
            reports.append(read_report(path))
        except RaxeError as error:
            faults.append(error)
            refused.append((path.name, one_line(": ".join(part for part in (error.field, error.problem) if part), 300)))
    try:
        earlier = read_history(folder)
    except RaxeError as error:
        earlier = []
        faults.append(error)
        refused.append((NAME, one_line(": ".join(part for part in (error.field, error.problem) if part), 300)))
    view = {**index_view(reports, refused, earlier), "script": _script(), "script_sha256": _script_sha256()}
    return _write(folder / f"{INDEX}.html", _rendered("index.html.j2", view)), faults


def write_comparison(path: Path, record: Mapping[str, Any]) -> Path:
    """Write a comparison of two runs as a page. Raises ReportError where it cannot be written."""
    return _write(path, _rendered("compare.html.j2", {"found": comparison_view(record)}))


def _write(path: Path, text: str) -> Path:
    # A lone surrogate that came through a template has no UTF-8; `shown` spells them out, this is the last line.
    return write_whole(path, text.encode("utf-8", "backslashreplace"))


def _rendered(template: str, view: Mapping[str, Any]) -> str:
    return _environment().get_template(template).render(view)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _script() -> Markup:
    # Ours, and free of "</": it may stand in a script element as it is.
    return Markup(files(_PACKAGE).joinpath("templates/index.js").read_text(encoding="utf-8"))  # noqa: S704


def _script_sha256() -> str:
    """The script's digest as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(_script().encode("utf-8")).digest()).decode("ascii")
