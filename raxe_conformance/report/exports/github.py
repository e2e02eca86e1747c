"""What GitHub Actions shows of a run: a summary on the page of the job, and annotations on its log and pull request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.errors import ReportError
from raxe_conformance.report.exports.gates import gate_lines
from raxe_conformance.report.exports.markdown import rendered
from raxe_conformance.report.html.visible import visible
from raxe_conformance.report.html.words import release_lines, sentence
from raxe_conformance.report.terminal import shown_checks

MAX_SUMMARY_BYTES = 1024 * 1024  # GitHub shows nothing of a step whose summary is larger
_MESSAGE = 600  # characters of an annotation's message


def in_actions(environ: Mapping[str, str]) -> bool:
    """Whether the environment is that of a GitHub Actions job."""
    return environ.get("GITHUB_ACTIONS") == "true"


def workflow_commands(report: Mapping[str, Any]) -> list[str]:
    """Annotations as workflow commands, one a line: an error for each MUST that failed, a warning for each that is
    waived or cannot be decided, and for each SHOULD that failed. GitHub shows the first ten of each kind, so errors
    and MUSTs come first."""
    found: list[tuple[bool, bool, str]] = []
    for check in report["checks"]:
        must, verdict = check["level"] == "MUST", check["verdict"]
        if verdict == "PASS" or (verdict == "INCONCLUSIVE" and not must):
            continue
        failed = must and verdict == "FAIL" and not check["waived"]
        said = f"{check['id']} {check['level']} {verdict}{' (waived)' if check['waived'] else ''}"
        title = _property(f"{said}: {report['model']['model_id']}")
        message = _data(f"{check['title']}: {check['message']}")
        found.append((not failed, not must, f"::{'error' if failed else 'warning'} title={title}::{message}"))
    return [line for *_, line in sorted(found, key=lambda item: item[:2])]


def _data(text: str) -> str:
    """A command's message, escaped as the runner unescapes it."""
    return visible(text, _MESSAGE).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A command's property, in which colon and comma mean something, too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(report: Mapping[str, Any]) -> str:
    """The report as Markdown for the page of a job: the verdict, and what the terminal shows."""
    checks = shown_checks(report)
    return rendered(
        "summary.md.j2",
        report=report,
        sentence=sentence(report),
        release=release_lines(report),
        gates=gate_lines(checks),
        reasons=[check for check in checks if check["verdict"] != "PASS"],
        hidden=len(report["checks"]) - len(checks),
    )


def append_summary(path: Path, text: str) -> None:
    """Add a text to the summary of the step, which other programs write to as well.

    Raises ReportError where it cannot be written, or would become larger than GitHub shows.
    """
    data = text.encode("utf-8")
    try:
        with path.open("ab") as handle:
            if handle.tell() + len(data) > MAX_SUMMARY_BYTES:
                raise ReportError(
                    f"would be larger than {MAX_SUMMARY_BYTES} bytes, so this variant is not in it", file=path,
                    remedy="see the reports themselves, or judge fewer variants in a step",
                )  # fmt: skip
            handle.write(data)
    except OSError as refused:
        raise ReportError(
            f"cannot be written: {os.strerror(refused.errno or 0)}", file=path,
            remedy="let GITHUB_STEP_SUMMARY name a writable file, or unset it",
        ) from None  # fmt: skip
