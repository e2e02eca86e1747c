"""The release gates of earlier runs, history.jsonl beside the reports: a line for each commit and state of a variant.

A file and not git's own history of the reports: a shallow clone has it, an installed package reads it without git, and
it outlives a rebase.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.errors import JsonError, MissingFileError, ReportError
from raxe_conformance.fileio import read_bounded, sha256
from raxe_conformance.report.whole import write_whole
from raxe_conformance.strict_json import parse_json_object

NAME = "history.jsonl"
MAX_BYTES = 16_000_000
_VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE")


@dataclass(frozen=True)
class GateThen:
    """A gate as it was: its verdict, its limit, and what was measured (None: nothing, or no bound)."""

    metric: str
    title: str
    unit: str
    limit: float
    verdict: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Entry:
    """What is kept of one report. commit: of the models folder, None where it is not in a git repository.

    files: a digest of the files that were judged, 12 hex digits; commit alone would not tell what is not committed yet.
    """

    model_id: str
    commit: str | None
    files: str
    finished: str
    cpu: str
    verdict: str
    gates: tuple[GateThen, ...]

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What a later entry takes the place of: the same files of a variant at the same commit."""
        return self.model_id, self.commit, self.files


def entry_of(report: Mapping[str, Any], commit: str | None) -> Entry:
    """The entry of a report: its gates that are a MUST."""
    return Entry(
        model_id=report["model"]["model_id"],
        commit=commit,
        files=sha256(" ".join(sorted(file["sha256"] for file in report["model"]["files"])).encode())[:12],
        finished=report["finished"],
        cpu=report["environment"]["cpu"],
        verdict=report["verdict"],
        gates=tuple(_gate(check) for check in report["checks"] if check["gate"] and check["level"] == "MUST"),
    )


def _gate(check: Mapping[str, Any]) -> GateThen:
    gate, evidence = check["gate"], check["evidence"] or {}
    value, low, high = (evidence.get(key) for key in ("value", "low", "high"))
    return GateThen(gate["metric"], check["title"], gate["unit"], gate["limit"], check["verdict"], value, low, high)


def read_history(folder: Path) -> list[Entry]:
    """The entries of a report folder, the oldest first; none where there is no file.

    Raises ReportError, JsonError that names the line where the file holds anything else.
    """
    path = folder / NAME
    try:
        lines = read_bounded(path, MAX_BYTES, what="the file").split(b"\n")
    except MissingFileError:
        return []
    entries = [_entry(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    return sorted(entries, key=lambda entry: entry.finished)


def _entry(line: bytes, path: Path, number: int) -> Entry:
    try:
        value = parse_json_object(line, file=path)
        gates = tuple(GateThen(**gate) for gate in value.pop("gates"))
        entry = Entry(**value, gates=gates)
        if not _plausible(entry):
            raise ValueError("a field has the wrong type")
    except (JsonError, KeyError, TypeError, ValueError) as error:
        problem = error.problem if isinstance(error, JsonError) else f"is no entry: {error}"
        raise ReportError(problem, file=path, field=f"line {number}", remedy="mend or remove the line") from None
    return entry


def _plausible(entry: Entry) -> bool:
    texts = (
        entry.model_id,
        entry.files,
        entry.finished,
        entry.cpu,
        *(t for g in entry.gates for t in (g.metric, g.title, g.unit)),
    )
    figures = [f for g in entry.gates for f in (g.value, g.low, g.high) if f is not None] + [
        g.limit for g in entry.gates
    ]
    return (
        all(isinstance(text, str) for text in texts)
        and (entry.commit is None or isinstance(entry.commit, str))
        and all(isinstance(f, int | float) and not isinstance(f, bool) for f in figures)
        and {entry.verdict, *(g.verdict for g in entry.gates)} <= set(_VERDICTS)
    )


def merged(known: Sequence[Entry], new: Sequence[Entry]) -> list[Entry]:
    """Old and new entries, the oldest first; of those with one key, the last."""
    return sorted({entry.key: entry for entry in (*known, *new)}.values(), key=lambda entry: entry.finished)


def keep(folder: Path, entries: Sequence[Entry]) -> Path:
    """Put entries into a folder's history, in place of older ones of the same variant, files and commit.

    Raises as `read_history` does (the file stays as it is then), and ReportError where it cannot be written.
    """
    path = folder / NAME
    text = "".join(
        json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
        for entry in merged(read_history(folder), entries)
    )
    remedy = "name a writable folder with --raxe-report-dir DIR"
    return write_whole(path, text.encode("utf-8", "backslashreplace"), remedy=remedy)
