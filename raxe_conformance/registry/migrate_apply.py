"""Doing a migration so that nothing can be lost: copy, verify, and only then remove; a journal to go on from.

The journal is written before anything else and removed after everything else. A run that finds one finishes what it
says, wherever the last run stopped: every step looks first whether it is done.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from raxe_conformance.errors import ChecksumError, JsonError, MissingFileError, RegistryError
from raxe_conformance.fileio import canonical_json, digest_file, fsync_folder, open_new, write_atomically
from raxe_conformance.registry.migrate import MAX_NAME_BYTES, Move, Plan, Write, digest_of
from raxe_conformance.strict_json import read_json_object

JOURNAL: Final = ".raxe-migrate.json"
_MAX_JOURNAL: Final = 16_000_000
_SOURCE = re.compile(r"[^/]+\.raxe|model_quantized_(int8|fp16)_deploy/.+")
_TARGET = re.compile(r"bundles/[^/]+|embeddings/.+|metadata/[^/]+\.json")

Tell = Callable[[str], None]


def unfinished(models_dir: Path) -> Plan | None:
    """The plan of a run that was interrupted, or None. Raises JsonError where the journal cannot be believed."""
    path = models_dir / JOURNAL
    if not path.exists():
        return None
    value = read_json_object(path, _MAX_JOURNAL)
    try:
        plan = Plan([Move(**item) for item in value["moves"]], [Write(**item) for item in value["writes"]])
        texts = [*(move.sha256 for move in plan.moves), *(write.text for write in plan.writes)]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a digest or a text is no string")
    except (TypeError, KeyError) as error:
        raise JsonError(
            f"is no journal of a migration: {error}", file=path, remedy="remove it, then run again"
        ) from None
    for source, target in [*((m.source, m.target) for m in plan.moves), *(("x.raxe", w.target) for w in plan.writes)]:
        if not _is_inside(source, _SOURCE) or not _is_inside(target, _TARGET):
            raise JsonError(f"names {source!r} or {target!r}, which no migration touches", file=path)
    return plan


def apply_migration(models_dir: Path, plan: Plan, tell: Tell = lambda line: None) -> None:
    """Do what a plan says. May be interrupted at any point and run again.

    tell: called with a line before each step. Raises RegistryError, ChecksumError or MissingFileError where a file is
    not as it was when the plan was made; what was done so far stays, and nothing was lost.
    """
    root = models_dir.resolve()
    journal = root / JOURNAL
    if not journal.exists():
        tell(f"journal {JOURNAL}")
        write_atomically(journal, canonical_json(plan.as_json()))
    for move in plan.moves:
        tell(f"copy   {move.source} -> {move.target}")
        _copy(root, move)
    for write in plan.writes:
        tell(f"write  {write.target}")
        _write(root, write)
    for move in plan.moves:
        tell(f"verify {move.target}")
        _require(root / move.target, move.sha256)
    for move in plan.moves:
        tell(f"remove {move.source}")
        _remove(root, move)
    for folder in sorted({m.source.split("/")[0] for m in plan.moves if "/" in m.source}):
        _remove_empty(root / folder)
    tell(f"remove {JOURNAL}")
    journal.unlink()


def _copy(root: Path, move: Move) -> None:
    source, target = _inside(root, move.source), _inside(root, move.target)
    if target.exists():
        _require(target, move.sha256)
        return
    if not source.exists():
        raise MissingFileError(
            "is gone, and so is its copy", file=source, remedy=f"put it back; it had {move.bytes} bytes"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not by the target's name, which may be as long as names can be.
    aside = target.parent / f".raxe-migrate.{secrets.token_hex(4)}.tmp"
    new = open_new(aside)
    try:
        state = hashlib.sha256()
        with new as out, source.open("rb") as handle:
            while piece := handle.read(1 << 20):
                state.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        if state.hexdigest() != move.sha256:
            raise ChecksumError(
                "changed since the migration was planned", file=source, remedy="remove the journal, plan again"
            )
        # A link fails where the target has appeared meanwhile; a rename would overwrite it.
        try:
            os.link(aside, target)
        except FileExistsError:
            _require(target, move.sha256)
        except OSError:  # a file system without hard links
            aside.rename(target)
        with contextlib.suppress(OSError):  # not every system can open a folder
            fsync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)


def _write(root: Path, write: Write) -> None:
    target = _inside(root, write.target)
    if target.exists():
        there = digest_file(target, write.target).sha256
        if there == digest_of(write):
            return
        if there != write.replaces:
            raise RegistryError(
                "changed since the migration was planned", file=target, remedy="remove the journal, plan again"
            )
    write_atomically(target, write.text.encode())


def _remove(root: Path, move: Move) -> None:
    source = _inside(root, move.source)
    if source.exists():
        _require(source, move.sha256)
        source.unlink()


def _require(path: Path, digest: str) -> None:
    if digest_file(path, path.name).sha256 != digest:
        raise _changed(path)


def _changed(path: Path) -> ChecksumError:
    return ChecksumError(
        "is not as it was when the migration was planned: nothing more was done", file=path,
        remedy=f"see which file is the right one, then remove {JOURNAL} and plan again",
    )  # fmt: skip


def _inside(root: Path, name: str) -> Path:
    """A place in the models folder, also where a folder on the way there is a link."""
    path = root / name
    if not path.parent.resolve().is_relative_to(root):
        raise RegistryError("is in a folder that leads out of the models folder", file=path)
    return path


def _remove_empty(folder: Path) -> None:
    """Remove a folder and the folders in it, as far as they are empty: what was left alone stays."""
    for place, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            with contextlib.suppress(OSError):
                Path(place, name).rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _is_inside(name: Any, form: re.Pattern[str]) -> bool:
    return (
        isinstance(name, str)
        and form.fullmatch(name) is not None
        and "\\" not in name
        and name.isprintable()
        and not any(part in ("", ".", "..") or len(part.encode()) > MAX_NAME_BYTES for part in name.split("/"))
    )
