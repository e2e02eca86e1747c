"""Reading a variant's files for what they say. Every fault is kept as evidence; none stops the reading."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from raxe_conformance.errors import MissingFileError, RaxeError
from raxe_conformance.fileio import digest_file
from raxe_conformance.measure.evidence import Facts, Fault, FileFact
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.catalog import open_bundle
from raxe_conformance.registry.head_sets import head_set_parts
from raxe_conformance.registry.variant import Variant
from raxe_conformance.strict_json import read_json_object
from raxe_conformance.target.protocol import Subject

# What of a head set its metadata may be held against.
_OF_HEAD_SET = ("dimension", "max_sequence_length", "pooling", "normalization")


def fault(error: RaxeError, variant: Variant) -> Fault:
    """An error as evidence, with paths from the models folder."""
    folder = f"{variant.models_dir}/"
    return Fault(
        type(error).__name__,
        error.where.replace(folder, ""),
        error.problem.replace(folder, ""),
        (error.remedy or "").replace(folder, ""),
    )


def facts_of(subject: Subject) -> Facts:
    """What the subject's files say; of a function or a registry, that it has none."""
    if subject.foreign is not None:
        facts = _no_files(subject, "foreign") if subject.variant is None else gather_facts(subject.variant)
        return replace(facts, registry=subject.foreign.name, claims=sorted(subject.foreign.claims))
    return _no_files(subject, "function") if subject.variant is None else gather_facts(subject.variant)


def _no_files(subject: Subject, origin: str) -> Facts:
    return Facts(
        model_id=subject.model_id,
        origin=origin,
        metadata_path=None,
        metadata=None,
        metadata_fault=None,
        discovery_faults=[],
        files=[],
        embedding_model=None,
        bundle=None,
        bundle_fault=None,
        member_faults=[],
        benchmark_report=None,
        benchmark_report_fault=None,
        function=subject.function,
    )


def gather_facts(variant: Variant) -> Facts:
    """Everything that a variant's files say, without loading a model."""
    metadata, metadata_fault = _metadata(variant)
    bundle, bundle_fault, member_faults = _bundle(variant)
    report, report_fault = _benchmark_report(variant)
    return Facts(
        model_id=variant.model_id,
        origin=variant.origin.value,
        metadata_path=variant.relative(variant.metadata_path) if variant.metadata_path else None,
        metadata=metadata,
        metadata_fault=metadata_fault,
        discovery_faults=[fault(error, variant) for error in variant.problems],
        files=[_file(variant, role) for role in variant.files()],
        embedding_model=variant.metadata.ml_config.embedding_model,
        bundle=bundle,
        bundle_fault=bundle_fault,
        member_faults=member_faults,
        benchmark_report=report,
        benchmark_report_fault=report_fault,
    )


def _metadata(variant: Variant) -> tuple[dict[str, Any] | None, Fault | None]:
    if variant.metadata_path is None:
        return None, None
    try:
        return read_json_object(variant.metadata_path), None
    except RaxeError as error:
        return None, fault(error, variant)


def _file(variant: Variant, role: str) -> FileFact:
    path = variant.files()[role]
    name = variant.relative(path)
    try:
        found = digest_file(path, name)
    except RaxeError as error:
        return FileFact(role, name, None, None, error.problem)
    return FileFact(role, name, found.bytes, found.sha256)


def _bundle(variant: Variant) -> tuple[dict[str, Any] | None, Fault | None, list[Fault]]:
    try:
        bundle: Bundle = open_bundle(variant)
    except RaxeError as error:
        return None, fault(error, variant), []
    manifest = bundle.manifest
    facts = {
        "schema_version": manifest.schema_version,
        "bundle_version": manifest.bundle_version,
        "families": list(manifest.families),
        "subfamilies": {family: list(names) for family, names in manifest.subfamilies.items()},
        "head_sets": {
            name: {key: entry.get(key) for key in _OF_HEAD_SET} | {"sha256": _head_set_sha256(bundle, name)}
            for name, entry in manifest.head_sets.items()
        },
        "members": list(bundle.names),
    }
    return facts, None, [fault(error, variant) for error in bundle.problems()]


def _head_set_sha256(bundle: Bundle, name: str) -> str | None:
    try:
        return head_set_parts(bundle, name).digest()
    except RaxeError:
        return None  # what is wrong with it is among the bundle's problems


def _benchmark_report(variant: Variant) -> tuple[dict[str, Any] | None, Fault | None]:
    path = variant.models_dir / "benchmarks" / f"{variant.model_id}_benchmark.json"
    try:
        return read_json_object(path), None
    except MissingFileError:
        return None, None
    except RaxeError as error:
        return None, fault(error, variant)
