"""Is a variant in order: the levels basic and integrity, and whether this machine has what it needs to run.

The level functional needs the runtime itself; see model_registry.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from importlib.util import find_spec
from itertools import islice
from typing import Any, Final

from raxe_conformance.errors import MetadataError, RaxeError, RuntimeMissingError, UsageError, one_line
from raxe_conformance.fileio import digest_file, is_file
from raxe_conformance.registry.bundle import MANIFEST, Bundle
from raxe_conformance.registry.catalog import checksum_problem, open_bundle, read_part
from raxe_conformance.registry.metadata import BACKEND_OF
from raxe_conformance.registry.variant import Variant
from raxe_conformance.schemas import METADATA, violations

LEVELS: Final = ("basic", "integrity", "functional")
_CHECKSUMS: Final = {"embeddings": "onnx_embeddings_checksum", "tokenizer": "tokenizer_checksum"}


def require_level(level: str) -> None:
    """Raise UsageError for what is no level."""
    if level not in LEVELS:
        raise UsageError(f"is {level!r}", field="level", remedy=f"use one of {', '.join(LEVELS)}")


def basic_errors(variant: Variant) -> list[RaxeError]:
    """What is wrong at a glance: what discovery found, the metadata's schema, and whether the bundle opens.

    That the bundle opens means: it is there, it is a ZIP, its manifest parses and has its required fields.
    """
    found = list(variant.problems)
    if variant.metadata.raw:  # empty where the file could not be used and a default stands in for it
        found += schema_errors(variant.metadata.to_dict(), variant)
    try:
        open_bundle(variant)
    except RaxeError as error:
        found.append(error)
    return _once(found)


def integrity_errors(variant: Variant) -> list[RaxeError]:
    """What else is wrong with the files: members, declared checksums, and files that are named but not there."""
    info, where = variant.metadata.file_info, variant.metadata_path or variant.models_dir
    found: list[RaxeError | None] = []
    try:
        bundle = open_bundle(variant)
        found += bundle_errors(bundle)
        found.append(checksum_problem(bundle.sha256, info.checksum, where, "file_info.checksum"))
    except RaxeError as error:
        found.append(error)
    for role, field in _CHECKSUMS.items():
        path = variant.files().get(role)
        try:
            if path is None or not is_file(path):
                read_part(variant, role, 0)  # says what is missing and how to make it
            else:
                digest = digest_file(path, path.name, within=variant.models_dir).sha256
                found.append(checksum_problem(digest, getattr(info, field), where, f"file_info.{field}"))
        except RaxeError as error:
            found.append(error)
    return _once(error for error in found if error is not None)


def bundle_errors(bundle: Bundle) -> list[RaxeError]:
    """What is wrong in an opened bundle: checksums, members missing or undeclared, heads, JSON that does not parse."""
    found = bundle.problems()
    broken = {error.field for error in found}
    for name in bundle.names:
        if name.endswith(".json") and name != MANIFEST and name not in broken:
            try:
                bundle.json(name)
            except RaxeError as error:
                found.append(error)
    return found


def schema_errors(value: dict[str, Any], variant: Variant) -> list[RaxeError]:
    """Where metadata breaks its JSON Schema."""
    return [
        MetadataError(
            one_line(problem, 200), file=variant.metadata_path, field=at or "(top)",
            remedy="see the schema: metadata-2.0.0.json",
        )
        for at, problem in violations(METADATA, value)
    ]  # fmt: skip


_PACKAGES: Final = {
    "onnxruntime": ("onnxruntime", "tokenizers"),
    "openvino": ("openvino", "tokenizers"),
    "pytorch": ("torch",),
    "tensorflow": ("tensorflow",),
    "tensorrt": ("tensorrt",),
}
_EXTRAS: Final = ("openvino",)  # backends that an extra of this project installs
MAX_DEPENDENCIES: Final = 100  # each is looked for among the installed packages
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Installed:
    """What is installed here, looked up once for each name.

    To be made for one call: the next one sees what was installed since, and the names that files hold are not kept.
    """

    def __init__(self) -> None:
        self._modules: dict[str, bool] = {}
        self._versions: dict[str, str | None] = {}

    def importable(self, package: str) -> bool:
        """Whether there is such a module."""
        if package not in self._modules:
            self._modules[package] = find_spec(package) is not None
        return self._modules[package]

    def version(self, project: str) -> str | None:
        """The version of a project, None where it is not installed."""
        from importlib.metadata import PackageNotFoundError, version

        if project not in self._versions:
            try:
                self._versions[project] = version(project)
            except PackageNotFoundError:
                self._versions[project] = None
        return self._versions[project]


def runtime_problem(
    variant: Variant,
    loaded_by: Collection[str],
    backend: str | None = None,
    *,
    installed: Installed | None = None,
    most_named: int | None = None,
) -> RuntimeMissingError | None:
    """Why a variant cannot run here, naming what is missing; None where it can.

    loaded_by: the runtimes that there are loaders for. A 1.x file that names no runtime is taken for onnx. backend:
    what computes instead of the backend that the runtime names. installed: what was looked up already. most_named: at
    how many missing packages the search ends, None for all; to find that one is missing takes 0.1 ms.
    """
    installed = installed or Installed()
    runtime = variant.runtime or "onnx"
    needs = variant.metadata.requirements
    named = BACKEND_OF.get(runtime)
    kind = runtime if named is None else backend or named
    dependencies = needs.additional_dependencies or []
    looked_for = dependencies if runtime in loaded_by and len(dependencies) <= MAX_DEPENDENCIES else []
    missing = list(islice(_missing(_PACKAGES.get(kind, ()), looked_for, installed), most_named))
    problem, remedy = None, f"pip install {' '.join(missing)}"
    if kind in missing and kind in _EXTRAS:
        remedy = f"pip install 'raxe-conformance[{kind}]'"
    if runtime not in loaded_by:
        lacking = f", and {', '.join(missing)} is not installed" if missing else ""
        problem = f"needs the runtime {runtime!r}, for which there is no loader{lacking}"
        remedy = f"give one as ModelRegistry(loaders={{{runtime!r}: …}}), or use an ONNX variant"
    elif len(dependencies) > MAX_DEPENDENCIES:
        problem = f"needs {len(dependencies)} packages, at most {MAX_DEPENDENCIES} are looked for"
        remedy = "name the packages that the runtime needs, and no others"
    elif missing:
        problem = f"needs {', '.join(dict.fromkeys(missing))}, which is not installed"
    elif named is not None and needs.requires_gpu:
        problem, remedy = "needs a GPU, and this runtime uses the CPU only", "use a variant without requires_gpu"
    elif named == kind and not _at_least(installed.version(kind), needs.min_runtime_version):
        problem = f"needs {kind} {needs.min_runtime_version}, and {installed.version(kind)} is installed"
        remedy = f"pip install '{kind}>={needs.min_runtime_version}'"
    if problem is None:
        return None
    return RuntimeMissingError(
        problem, file=variant.metadata_path or variant.bundle_path, field="requirements", remedy=remedy
    )


def _missing(packages: Iterable[str], dependencies: Iterable[str], installed: Installed) -> Iterator[str]:
    """Of a runtime's packages, and of the projects that a variant declares, those that are not installed."""
    yield from (name for name in packages if not installed.importable(name))
    for name in map(_project, dependencies):
        if name is not None and installed.version(name) is None:
            yield name


def _project(requirement: str) -> str | None:
    """The project that a requirement such as "numpy>=1.26" names; None for what is no requirement."""
    match = _PROJECT.match(requirement.strip())
    return match.group() if match else None


def _at_least(installed: str | None, wanted: str | None) -> bool:
    """Whether a version is at least the wanted one, by their numbers. What is not known is not held against it."""
    if installed is None or wanted is None:
        return True

    def numbers(text: str) -> list[int]:
        # Of a number that no version has, as many digits as Python reads without complaint.
        return [int(part[:100]) for part in re.findall(r"[0-9]+", text.partition("+")[0])[:4]]

    return numbers(installed) >= numbers(wanted)


def _once(errors: Iterable[RaxeError]) -> list[RaxeError]:
    """Discovery and a closer look say some things alike."""
    return list({str(error): error for error in errors}.values())
