"""Packing and unpacking bundles: the same input gives the same bytes on every machine."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.errors import BundleError, RaxeError, UnsafeBundleError, UsageError
from raxe_conformance.fileio import canonical_json, read_bounded, sha256, write_atomically
from raxe_conformance.registry.archive import MAX_ARCHIVE_BYTES, MAX_MEMBERS
from raxe_conformance.registry.bundle import MANIFEST, Bundle
from raxe_conformance.strict_json import parse_json_object

# What editors and file managers leave behind is no part of a bundle.
_LEFTOVERS = ("~", ".swp", ".tmp", ".bak", ".orig")


def pack_bundle(path: Path, manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> Bundle:
    """Write a bundle of `members` (name → bytes) and open it again, which checks it.

    `manifest` is completed with checksums over every member. Members are stored, not compressed: compressors differ
    between machines, and arrays hardly shrink. Raises BundleError and its kinds where the result would be refused;
    then nothing is written.
    """
    data = packed(manifest, members)
    with tempfile.TemporaryDirectory() as folder:
        # Opened before it is put in place, so that a bundle that would be refused is never left there.
        trial = Path(folder) / "trial.raxe"
        trial.write_bytes(data)
        try:
            Bundle(trial).verify()
        except RaxeError as error:
            where = (error.file or "").replace(str(trial), str(path))
            raise type(error)(error.problem, file=where, field=error.field, remedy=error.remedy) from None
    write_atomically(path, data)
    return Bundle(path)


def packed(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """The bytes of a bundle: the manifest first, then the members by name, without times, owners or compression."""
    completed = {**manifest, "checksums": {name: sha256(members[name]) for name in sorted(members)}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [(MANIFEST, canonical_json(completed)), *sorted(members.items())]:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def pack_folder(folder: Path, path: Path) -> tuple[Bundle, list[str]]:
    """Pack a folder that holds manifest.json and the members. Returns the bundle, and the names that were left out.

    Checksums in manifest.json are made anew. The result does not depend on the order or the times of the files. Raises
    UsageError where `path` exists with other bytes (bundles are immutable), UnsafeBundleError for links, and whatever
    pack_bundle raises.
    """
    members, left_out = {}, []
    total = 0
    for name, file in _files(folder):
        if file.name.startswith(".") or file.name.endswith(_LEFTOVERS):
            left_out.append(name)
            continue
        members[name] = read_bounded(file, MAX_ARCHIVE_BYTES, what="the member")
        total += len(members[name])
        if len(members) > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES:
            raise BundleError(
                f"holds more than {MAX_MEMBERS} files or {MAX_ARCHIVE_BYTES} bytes, which no bundle needs", file=folder
            )
    if MANIFEST not in members:
        raise BundleError(f"holds no {MANIFEST}", file=folder, remedy="write one: docs/bundle.md says what is in it")
    manifest = parse_json_object(members.pop(MANIFEST), file=folder / MANIFEST)
    if path.exists() and read_bounded(path, MAX_ARCHIVE_BYTES, what="the bundle") != packed(manifest, members):
        raise UsageError(
            "exists already and holds something else", file=path, remedy="a bundle is never changed: name another file"
        )
    return pack_bundle(path, manifest, members), left_out


def unpack_bundle(path: Path, folder: Path) -> Bundle:
    """Write a bundle's members into a new folder, after all of them were verified: whole, or not at all.

    Raises UsageError where the folder exists, BundleError and its kinds where anything is wrong with the bundle.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError("exists already", file=folder, remedy="name a new folder: nothing is overwritten")
    bundle = Bundle(path)
    bundle.verify()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = folder.parent / f".raxe-unpack.{secrets.token_hex(4)}"
        aside.mkdir()
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", file=folder, remedy="name another folder") from None
    try:
        # The archive was refused if a name in it could lead out of the folder.
        for name in bundle.names:
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(bundle.member(name))
        aside.rename(folder)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", file=folder) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return bundle


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Member names and files below a folder, by name. Names are NFC: file systems give back other forms."""
    if not folder.is_dir():
        raise UsageError("is no folder", file=folder, remedy="name the folder that holds manifest.json")
    found = []
    for place, folders, names in os.walk(folder):
        for name in (*names, *folders):
            file = Path(place, name)
            if file.is_symlink():
                raise UnsafeBundleError("is a link", file=file, remedy="put the file itself there")
            if not name.isprintable():
                raise UnsafeBundleError("has a name that no bundle can hold", file=file, remedy="rename it")
        for name in names:
            file = Path(place, name)
            found.append((unicodedata.normalize("NFC", file.relative_to(folder).as_posix()), file))
    return iter(sorted(found))
