"""The audit log of a target folder: JSON lines, each with the SHA-256 of the line before.

A line counts once its line end is written. What follows the last line end is a torn line: it is no entry, and the next
writer takes it away and says so in an entry of its own. The chain shows that lines were changed, taken out or put in;
that the end was cut off shows in the states, which the last entries hold too. Whoever can write the whole folder can
write another history: keep the newest digest elsewhere, or the log on a medium that only appends.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raxe_conformance.deploy.clock import Moment
from raxe_conformance.deploy.state import EnvironmentState, parse_time, structured
from raxe_conformance.errors import MissingFileError, RaxeError, StateError, one_line
from raxe_conformance.fileio import canonical_json, read_bounded, sha256
from raxe_conformance.report.whole import write_whole
from raxe_conformance.strict_json import parse_json_object

NAME = "audit.jsonl"
FIRST = "0" * 64  # what the first line carries for a line before it
_MOST_BYTES = 256_000_000
_FIELDS = {
    "number": int, "time": str, "boot": (str, type(None)), "uptime_s": (float, type(None)), "who": str, "what": str,
    "why": str, "overridden": list, "state": (dict, type(None)), "previous": str,
}  # fmt: skip
DISK = "make room, or mend the permissions: then deploy or roll back again"
_REMEDY = "compare it with a copy of the log: somebody changed it"


@dataclass(frozen=True)
class Entry:
    """One line: who did what, when and why.

    overridden: the rules that --force set aside. state: what the switch makes of its environment; None where the entry
    is about no environment. previous: SHA-256 (hex) of the line before, without its line end.
    """

    number: int
    moment: Moment
    who: str
    what: str
    why: str
    overridden: tuple[str, ...]
    state: EnvironmentState | None
    previous: str

    def line(self) -> bytes:
        """The line, with its end."""
        value = {
            "number": self.number,
            "time": self.moment.time.isoformat(),
            "boot": self.moment.boot,
            "uptime_s": self.moment.uptime_s,
            "who": self.who,
            "what": self.what,
            "why": self.why,
            "overridden": list(self.overridden),
            "state": None if self.state is None else asdict(self.state),
            "previous": self.previous,
        }
        return canonical_json(value, indent=None)


@dataclass(frozen=True)
class AuditLog:
    """A log whose chain holds. head: SHA-256 (hex) of its last line. torn: what follows the last line end."""

    path: Path
    entries: tuple[Entry, ...]
    head: str
    torn: bytes

    def of(self, environment: str) -> list[Entry]:
        """The entries that say what an environment's state is, oldest first."""
        return [entry for entry in self.entries if entry.state is not None and entry.state.environment == environment]

    def with_entry(
        self,
        moment: Moment,
        what: str,
        why: str,
        *,
        state: EnvironmentState | None = None,
        overridden: tuple[str, ...] = (),
    ) -> AuditLog:
        """The log with one more entry by whoever runs this, as it is on the disk then. Raises StateError.

        why: kept on one line, at most 2,000 characters.
        """
        why = one_line(why, 2000)
        entry = Entry(len(self.entries) + 1, moment, user(), what, why, overridden, state, self.head)
        line = entry.line()
        try:
            _append(self.path, line)
        except OSError as error:
            raise StateError(f"cannot be written: {error.strerror}", file=self.path, remedy=DISK) from None
        return AuditLog(self.path, (*self.entries, entry), sha256(line.rstrip(b"\n")), b"")

    def mended(self, moment: Moment) -> AuditLog:
        """The log without the torn line that a writer left who was stopped, and with an entry that says so."""
        if not self.torn:
            return self
        why = f"{len(self.torn)} bytes of an unfinished line were taken away, SHA-256 {sha256(self.torn)}"
        entry = Entry(len(self.entries) + 1, moment, user(), "repair", why, (), None, self.head)
        line = entry.line()
        # In one step, so that the torn line cannot be gone without the entry that tells of it.
        whole = read_bounded(self.path, _MOST_BYTES, what="the audit log")
        write_whole(self.path, whole.removesuffix(self.torn) + line, remedy=DISK)
        return AuditLog(self.path, (*self.entries, entry), sha256(line.rstrip(b"\n")), b"")


def read_log(target: Path) -> AuditLog:
    """The audit log of a target folder, verified from its first line; empty where there is none.

    Raises StateError that names the line where the chain does not hold, RaxeError where it cannot be read.
    """
    path = target / NAME
    try:
        data = read_bounded(path, _MOST_BYTES, what="the audit log")
    except MissingFileError:
        return AuditLog(path, (), FIRST, b"")
    *lines, torn = data.split(b"\n")
    entries, head = [], FIRST
    for number, line in enumerate(lines, 1):
        entry = _entry(line, path, number)
        if entry.previous != head or entry.number != number:
            problem = "does not follow from the line before: one was changed, taken out or put in"
            raise StateError(problem, file=path, field=f"line {number}", remedy=_REMEDY)
        entries.append(entry)
        head = sha256(line)
    return AuditLog(path, tuple(entries), head, torn)


def user() -> str:
    """Who runs this: the account and the machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name
        name = f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
    return f"{name}@{socket.gethostname()}"


def _append(path: Path, line: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        while line:
            line = line[os.write(fd, line) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def _entry(line: bytes, path: Path, number: int) -> Entry:
    at = f"line {number}"
    try:
        value = parse_json_object(line, file=path)
        problem = _problem(value)
        if problem is not None:
            raise StateError(problem)
        state = None if value["state"] is None else structured(value["state"], path)
    except RaxeError as error:
        problem = f"{error.field}: {error.problem}" if error.field else error.problem
        raise StateError(f"is no entry: {problem}", file=path, field=at, remedy=_REMEDY) from None
    moment = Moment(parse_time(value["time"]), value["boot"], value["uptime_s"])
    entry = Entry(
        value["number"], moment, value["who"], value["what"], value["why"], tuple(value["overridden"]), state,
        value["previous"],
    )  # fmt: skip
    if entry.line() != line + b"\n":
        # The digest is of bytes: the same entry written in another way would be another line.
        raise StateError("is not written as this program writes it", file=path, field=at, remedy=_REMEDY)
    return entry


def _problem(value: Mapping[str, Any]) -> str | None:
    if value.keys() != _FIELDS.keys():
        return f"it needs exactly {', '.join(_FIELDS)}"
    for name, kinds in _FIELDS.items():
        if not isinstance(value[name], kinds) or isinstance(value[name], bool):  # type: ignore[arg-type]
            return f"{name} is {json.dumps(value[name])[:60]}"
    if not all(isinstance(rule, str) for rule in value["overridden"]):
        return "overridden is no list of texts"
    try:
        parse_time(value["time"])
    except ValueError:
        return f"time is {value['time']!r}"
    return None
