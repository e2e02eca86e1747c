"""Metadata that follows its bundle: size and checksum, in the file of every variant that shares it."""

from __future__ import annotations

from pathlib import Path

from raxe_conformance.build.results import write_result
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json, digest_file
from raxe_conformance.strict_json import read_json_object


def declare_bundle(models: Path, bundle: Path) -> list[str]:
    """Write the bundle's size and checksum into every metadata file that names it; the ids of those that changed.

    A metadata file that cannot be read stays as it is: discovery says what is wrong with it. Raises BuildError.
    """
    found = digest_file(bundle, bundle.name)
    changed = []
    for path in sorted((models / "metadata").glob("*.json")):
        try:
            metadata = read_json_object(path)
        except RaxeError:
            continue
        info = metadata.get("file_info")
        if not isinstance(info, dict) or info.get("filename") != bundle.name:
            continue
        declared = {"size_mb": round(found.bytes / 1e6, 3), "checksum": f"sha256:{found.sha256}"}
        if not declared.items() <= info.items():
            info.update(declared)
            write_result(path, canonical_json(metadata))
            changed.append(path.stem)
    return changed
