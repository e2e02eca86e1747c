"""The toy's bundle taken apart and put together again, changed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from typing import Any

from meta_tests.hostile.zips import Member
from meta_tests.support.toy import SPACE, Toy
from raxe_conformance.fileio import canonical_json, sha256

HEADS = f"heads/{SPACE}.safetensors"
MANIFEST = "manifest.json"


def members(toy: Toy) -> dict[str, bytes]:
    """The members of the toy's bundle as they are now."""
    with zipfile.ZipFile(toy.bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest(toy: Toy) -> dict[str, Any]:
    """Its manifest."""
    value: dict[str, Any] = json.loads(members(toy)[MANIFEST])
    return value


def raw(toy: Toy, **extra: bytes) -> list[Member]:
    """Its members, ready to be tampered with, and more of them by file name (with _ for the dot)."""
    found = [Member(name.encode(), data) for name, data in members(toy).items()]
    return found + [Member(name.replace("_", ".", 1).encode(), data) for name, data in extra.items()]


def rewrite(
    toy: Toy,
    change: dict[str, bytes | None] | None = None,
    edit: Callable[[dict[str, Any]], None] | None = None,
    *,
    truthful: bool = True,
) -> None:
    """Write the bundle with other members (None takes one out), its manifest edited, its checksums true."""
    found = members(toy)
    for name, data in (change or {}).items():
        if data is None:
            found.pop(name)
        else:
            found[name] = data
    value = json.loads(found.pop(MANIFEST))
    if truthful:
        value["checksums"] = {name: sha256(data) for name, data in found.items()}
    if edit is not None:
        edit(value)
    with_manifest(toy, canonical_json(value), found)


def with_manifest(toy: Toy, data: bytes, others: dict[str, bytes] | None = None) -> None:
    """Write the bundle with these bytes as its manifest."""
    if others is None:
        others = {name: content for name, content in members(toy).items() if name != MANIFEST}
    with zipfile.ZipFile(toy.bundle, "w", zipfile.ZIP_STORED) as archive:
        for name, content in [(MANIFEST, data), *sorted(others.items())]:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)
