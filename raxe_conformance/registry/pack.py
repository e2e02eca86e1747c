"""Writing bundles: the same input gives the same bytes on every machine."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raxe_conformance.fileio import canonical_json, sha256, write_atomically
from raxe_conformance.registry.bundle import MANIFEST, Bundle


def pack_bundle(path: Path, manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> Bundle:
    """Write a bundle of `members` (name → bytes) and open it again, which checks it.

    `manifest` is completed with checksums over every member. Members are stored, not compressed: compressors differ
    between machines, and arrays hardly shrink.
    """
    completed = {**manifest, "checksums": {name: sha256(members[name]) for name in sorted(members)}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [(MANIFEST, canonical_json(completed)), *sorted(members.items())]:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, data)
    with tempfile.TemporaryDirectory() as folder:
        # Opened before it is put in place, so that a bundle that would be refused is never left there.
        trial = Path(folder) / path.name
        trial.write_bytes(buffer.getvalue())
        found = Bundle(trial).problems()
        if found:
            raise found[0]
    write_atomically(path, buffer.getvalue())
    return Bundle(path)
