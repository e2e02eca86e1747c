"""The deployment package: a models folder with one variant, its report, test cases, and a manifest of all that."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from raxe_conformance.deploy.approval import Approval, require_whole_variant
from raxe_conformance.deploy.cases import CASES
from raxe_conformance.deploy.contents import changelog, readme
from raxe_conformance.deploy.smoke import Decide
from raxe_conformance.deploy.state import package_name
from raxe_conformance.errors import DeploymentError, JsonError, StateError
from raxe_conformance.fileio import FileDigest, canonical_json, digest_file, is_file, read_bounded, sha256
from raxe_conformance.strict_json import parse_json_object, read_json_object

SCHEMA_VERSION = "1.0.0"
MANIFEST = "manifest.json"
SIGNATURE = "package.sig"
MAX_MANIFEST_BYTES = 1_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ALTERED = "deploy the variant again; an altered package is not used"


@dataclass(frozen=True)
class Package:
    """A package that is not written yet.

    members: its files by name, each as bytes or as the file that is copied. files: their digests, as the manifest lists
    them. cases: texts with what the variant decides of them. digest: SHA-256 (hex) of the manifest.
    """

    model_id: str
    members: Mapping[str, bytes | Path]
    files: Sequence[FileDigest]
    manifest: bytes
    cases: Sequence[Mapping[str, Any]]

    @property
    def digest(self) -> str:
        return sha256(self.manifest)

    @property
    def name(self) -> str:
        """Its folder below the target's `packages`."""
        return package_name(self.model_id, self.digest)


def assemble(models: Path, approval: Approval, decide: Decide) -> Package:
    """The package of an approved variant. The same files, report and version of this program give the same package.

    decide: asks the variant where it stands now. Raises RegistryError, UnknownModelError, DeploymentError.
    """
    model_id = approval.model_id
    metadata, members, cases = _gathered(models, model_id, decide)
    members["README.md"] = readme(approval, metadata).encode("utf-8")
    members[f"benchmarks/{model_id}.json"] = canonical_json(approval.report)
    package = _sealed(
        model_id, members, cases,
        report=approval.report["digest"],
        waived=[{"check": w.check_id, "reason": w.reason, "expires": str(w.expires)} for w in approval.waived],
    )  # fmt: skip
    _require_judged(approval, package)
    return package


def assemble_unapproved(models: Path, model_id: str, decide: Decide) -> Package:
    """The same without what comes of a report: no target takes it, but it shows whether a variant can be shipped.

    Raises as `assemble` does, and JsonError or MetadataError for metadata that cannot be read.
    """
    _, members, cases = _gathered(models, model_id, decide)
    return _sealed(model_id, members, cases, report=None, waived=[])


def _gathered(
    models: Path, model_id: str, decide: Decide
) -> tuple[dict[str, Any], dict[str, bytes | Path], list[dict[str, Any]]]:
    """The metadata, the members that need no report, and the cases. Raises DeploymentError where a file is lacking."""
    variant = require_whole_variant(models, model_id)
    files = {variant.relative(path): path for path in variant.files().values()}
    metadata = read_json_object(files[f"metadata/{model_id}.json"])
    answers = decide(models, model_id, CASES)
    cases = [{"text": text, **answer} for text, answer in zip(CASES, answers, strict=True)]
    members: dict[str, bytes | Path] = {
        "CHANGELOG.md": changelog(metadata).encode("utf-8"),
        "tests/cases.jsonl": b"".join(canonical_json(case, indent=None) for case in cases),
        "tests/run_cases.py": Path(__file__).with_name("run_cases.py").read_bytes(),
        **files,
    }
    for suffix in ("benchmark", "lodo"):
        name = f"benchmarks/{model_id}_{suffix}.json"
        if is_file(models / name):
            members[name] = models / name
    return metadata, members, cases


def _sealed(
    model_id: str, members: Mapping[str, bytes | Path], cases: Sequence[Mapping[str, Any]], **stated: Any
) -> Package:
    """The members with a manifest that has their digests, and what is stated besides."""
    files = tuple(_digest(name, member) for name, member in sorted(members.items()))
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "model_id": model_id,
        **stated,
        "files": [{"path": d.path, "bytes": d.bytes, "sha256": d.sha256} for d in files],
    }
    return Package(model_id, members, files, canonical_json(manifest), cases)


def verify_package(folder: Path, digest: str) -> None:
    """Raise StateError where a package is not whole: another manifest, a file altered, missing, or too much.

    digest: SHA-256 (hex) that its manifest should have.
    """
    path = folder / MANIFEST
    data = read_bounded(path, MAX_MANIFEST_BYTES, what="the manifest", within=folder)
    if sha256(data) != digest:
        raise StateError(f"has the SHA-256 {sha256(data)[:12]}…, but should {digest[:12]}…", file=path, remedy=_ALTERED)
    listed = {entry.path: entry for entry in _listed(data, path)}
    there = set(_names(folder)) - {MANIFEST, SIGNATURE}
    for name in sorted(there ^ set(listed)):
        problem = "is not in the manifest" if name in there else "is missing"
        raise StateError(problem, file=folder / name, remedy=_ALTERED)
    for name, entry in listed.items():
        found = digest_file(folder / name, name, within=folder)
        if found != entry:
            problem = f"has the SHA-256 {found.sha256[:12]}…, but should {entry.sha256[:12]}…"
            raise StateError(problem, file=folder / name, remedy=_ALTERED)


def _listed(data: bytes, path: Path) -> list[FileDigest]:
    try:
        value = parse_json_object(data, file=path)
        found = [FileDigest(entry["path"], entry["bytes"], entry["sha256"]) for entry in value["files"]]
    except (JsonError, KeyError, TypeError) as error:
        raise StateError(f"is no manifest: {error}", file=path, remedy=_ALTERED) from None
    for entry in found:
        parts = PurePosixPath(entry.path).parts if isinstance(entry.path, str) else ()
        if not parts or ".." in parts or entry.path.startswith("/") or not _DIGEST.fullmatch(str(entry.sha256)):
            raise StateError(f"lists {json.dumps(entry.path)[:80]}", file=path, field="files", remedy=_ALTERED)
    return found


def _names(folder: Path) -> list[str]:
    """The files below a folder, from it, with forward slashes. Raises StateError for a link."""
    found = []
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            if Path(place, name).is_symlink():
                raise StateError("is a link", file=Path(place, name), remedy=_ALTERED)
        found += [Path(place, name).relative_to(folder).as_posix() for name in names]
    return found


def _digest(name: str, member: bytes | Path) -> FileDigest:
    return digest_file(member, name) if isinstance(member, Path) else FileDigest(name, len(member), sha256(member))


def _require_judged(approval: Approval, package: Package) -> None:
    """Raise DeploymentError where a file changed after it was compared with the report."""
    judged = {entry["path"]: entry["sha256"] for entry in approval.report["model"]["files"]}
    for found in package.files:
        if found.path in judged and found.sha256 != judged[found.path]:
            raise DeploymentError("changed while it was being packed", file=found.path, remedy="deploy again")
