"""`raxe-conformance bundle`: pack, unpack, inspect and verify .raxe files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path)


@click.group("bundle")
def command() -> None:
    """Pack, unpack, inspect and verify bundles (.raxe). None of it executes anything that a bundle holds."""


@command.command()
@click.argument("folder", type=_FILE, metavar="DIR")
@click.option("-o", "--output", required=True, type=_FILE, metavar="FILE", help="the bundle to write")
def pack(folder: Path, output: Path) -> None:
    """Pack DIR, which holds manifest.json and the members, into FILE. The same input gives the same bytes.

    Checksums are made anew. Bundles above 10 MB are warned about. An existing FILE is never changed.
    """
    from raxe_conformance.registry.pack import pack_folder

    bundle, left_out = pack_folder(folder, output)
    for name in left_out:
        click.echo(f"left out {name}: an editor's or file manager's leftover", err=True)
    if bundle.size > 10_000_000:
        click.echo(f"WARNING: {output}: {bundle.size / 1e6:.1f} MB, but a bundle should stay below 10 MB", err=True)
    click.echo(f"packed {output}: {len(bundle.names)} members, {bundle.size} bytes, sha256:{bundle.sha256}")


@command.command()
@click.argument("file", type=_FILE)
@click.argument("folder", type=_FILE, metavar="DIR")
def unpack(file: Path, folder: Path) -> None:
    """Write the members of FILE into the new folder DIR, after every one of them was verified."""
    from raxe_conformance.errors import one_line
    from raxe_conformance.registry.pack import unpack_bundle

    bundle = unpack_bundle(file, folder)
    click.echo(one_line(f"unpacked {file}: {len(bundle.names)} members into {folder}"))


@command.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def inspect(file: Path, as_json: bool) -> None:
    """What FILE says it is: versions, families, head sets, members with size and digest."""
    found = describe(file)
    if as_json:
        click.echo(json.dumps(found, indent=2))  # only ASCII, see _say
        return
    for key in ("path", "bytes", "sha256", "bundle_version", "schema_version", "model_id", "created_at"):
        _say(f"{key:15} {found[key]}")
    _say(f"{'families':15} {', '.join(found['families'])}")
    for family, names in found["subfamilies"].items():
        _say(f"{'subfamilies':15} {family}: {', '.join(names)}")
    for name, entry in found["head_sets"].items():
        width, threshold = entry.get("dimension"), entry.get("threshold")
        _say(f"{'head set':15} {name}: width {width}, threshold {threshold}, {entry.get('file')}")
    for member in found["members"]:
        _say(f"{'member':15} {member['name']}: {member['bytes']} bytes, sha256 {member['sha256'] or 'WRONG'}")
    for problem in found["problems"]:
        _say(f"{'problem':15} {problem}")


@command.command()
@click.argument("file", type=_FILE)
def verify(file: Path) -> int:
    """Check every member of FILE: digests, heads, JSON. Exit 0 where all is well, 1 where anything is wrong."""
    from raxe_conformance.errors import BundleError, ChecksumError, JsonError, RaxeError, one_line
    from raxe_conformance.registry.bundle import Bundle
    from raxe_conformance.registry.validate import bundle_errors

    problems: list[RaxeError]
    try:
        bundle = Bundle(file)
        problems = bundle_errors(bundle)
    except (BundleError, ChecksumError, JsonError) as error:
        problems = [error]
    for problem in problems:
        click.echo(f"FAIL {problem}", err=True)
    if not problems:
        said = f"all {len(bundle.names)} members are as the manifest declares, sha256:{bundle.sha256}"
        click.echo(f"{one_line(file)}: {said}")
    return 1 if problems else 0


def _say(text: str) -> None:
    """One line. What a bundle says of itself may hold line breaks, and what a terminal takes for commands."""
    from raxe_conformance.errors import one_line

    label, rest = text[:15], text[15:]
    click.echo(f"{label} {one_line(rest, 10_000)}")


def describe(file: Path) -> dict[str, Any]:
    """A bundle as plain values. Raises BundleError and its kinds where it does not open."""
    from raxe_conformance.errors import RaxeError
    from raxe_conformance.fileio import sha256
    from raxe_conformance.registry.bundle import Bundle
    from raxe_conformance.registry.validate import bundle_errors

    bundle = Bundle(file)
    manifest = bundle.manifest
    members = []
    for name in bundle.names:
        try:
            data = bundle.member(name)
            members.append({"name": name, "bytes": len(data), "sha256": sha256(data)})
        except RaxeError:
            members.append({"name": name, "bytes": None, "sha256": None})
    return {
        "path": str(file),
        "bytes": bundle.size,
        "sha256": bundle.sha256,
        "bundle_version": manifest.bundle_version,
        "schema_version": manifest.schema_version,
        "model_id": manifest.model_id,
        "created_at": manifest.created_at,
        "families": list(manifest.families),
        "subfamilies": {family: list(names) for family, names in manifest.subfamilies.items()},
        "head_sets": manifest.head_sets,
        "members": members,
        "problems": [str(problem) for problem in bundle_errors(bundle)],
        "manifest": manifest.raw,
    }
