"""A CycloneDX 1.6 bill of materials of a variant: files by hash, licences, training data, and what was measured.

Written as JSON here: the libraries for CycloneDX know components, but not model cards.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from raxe_conformance.report.exports.declared import Declared, spdx
from raxe_conformance.report.exports.gates import measured_gates
from raxe_conformance.report.html.visible import visible

_SPACE = uuid.UUID("6f8e1a54-3d0c-5c1e-9b27-6a2f7f1f0d11")  # of our serial numbers; a report has one, whenever asked
_LONGEST_VERSION = 1024  # the schema's bound


def bill_of_materials(report: Mapping[str, Any], declared: Declared) -> dict[str, Any]:
    """The document. declared: the variant's metadata, empty where it is not known."""
    model_id = visible(report["model"]["model_id"])
    parts = [*_files(report, declared), *_packages(declared)]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, report['digest'])}",
        "version": 1,
        "metadata": {
            "timestamp": report["finished"],
            "tools": {
                "components": [
                    {
                        "type": "application",
                        "name": report["tool"]["name"],
                        "version": visible(report["tool"]["version"]),
                    }
                ]
            },
            "component": {
                "type": "machine-learning-model",
                "bom-ref": f"model:{model_id}",
                "name": model_id,
                **_known("version", (declared.text("version") or "")[:_LONGEST_VERSION]),
                **_known("description", declared.text("description")),
                **_licences(declared.section("license").text("model")),
                "modelCard": _model_card(report, declared),
                "properties": [
                    {"name": "raxe:verdict", "value": report["verdict"]},
                    {"name": "raxe:report", "value": report["digest"]},
                    *_property("raxe:status", declared.text("status")),
                ],
            },
        },
        "components": parts,
        "dependencies": [
            {"ref": f"model:{model_id}", "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def _known(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}


def _property(name: str, value: str | None) -> list[dict[str, str]]:
    return [{"name": name, "value": value}] if value else []


def _licences(name: str | None) -> dict[str, Any]:
    """A component's licences: an SPDX expression, else the name as it was given."""
    if name is None:
        return {}
    expression = spdx(name)
    return {"licenses": [{"expression": expression} if expression else {"license": {"name": name}}]}


def _files(report: Mapping[str, Any], declared: Declared) -> list[dict[str, Any]]:
    """A component for each file that was judged; the embedding model has a name and a licence of its own."""
    found = []
    embedding = declared.section("license").section("embedding_model")
    name = embedding.text("name") or declared.section("ml_config").text("embedding_model")
    for file in report["model"]["files"]:
        path = visible(file["path"])
        part: dict[str, Any] = {"type": "file", "bom-ref": f"file:{path}", "name": path}
        if path.startswith("embeddings/") and path.endswith(".onnx"):
            part |= {"type": "machine-learning-model", **_known("name", name), **_licences(embedding.text("license"))}
        part |= {
            "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
            "properties": [{"name": "raxe:path", "value": path}, {"name": "raxe:bytes", "value": str(file["bytes"])}],
        }
        found.append(part)
    return list({part["bom-ref"]: part for part in found}.values())


def _packages(declared: Declared) -> list[dict[str, Any]]:
    """The Python packages that the metadata says it needs; what is no requirement is left out."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found = {}
    for line in declared.section("requirements").texts("additional_dependencies"):
        try:
            needed = Requirement(line)
        except InvalidRequirement:
            continue
        name = canonicalize_name(needed.name)
        found[name] = {
            "type": "library",
            "bom-ref": f"package:{name}",
            "name": name,
            "purl": f"pkg:pypi/{quote(name)}",
            "properties": [{"name": "raxe:requirement", "value": line}],
        }
    return list(found.values())


def _model_card(report: Mapping[str, Any], declared: Declared) -> dict[str, Any]:
    config = declared.section("ml_config")
    parameters: dict[str, Any] = {
        "task": "text-classification",
        **_known("architectureFamily", config.text("embedding_model")),
        **_known("modelArchitecture", config.text("classifier_type")),
        **_known("datasets", _datasets(declared)),
        "inputs": [{"format": "text"}],
        "outputs": [
            {"format": "attack probability, 0 to 1"},
            *({"format": f"family {name}"} for name in config.texts("threat_categories")),
        ],
    }
    against = [f"not recommended for {text}" for text in declared.texts("not_recommended_for")]
    considerations = {
        **_known("useCases", declared.texts("recommended_for")),
        **_known("technicalLimitations", [*declared.texts("known_limitations"), *against]),
    }
    metrics = [_metric(check) for check in measured_gates(report)]
    return {
        "modelParameters": parameters,
        **_known("quantitativeAnalysis", {"performanceMetrics": metrics} if metrics else None),
        **_known("considerations", considerations),
    }


def _datasets(declared: Declared) -> list[dict[str, Any]]:
    """The training data by source, with commit and licence as its metadata has them."""
    found = []
    for source in declared.section("training_info").sections("dataset_sources"):
        name = source.text("source") or source.text("repository")
        if name is None:
            continue
        told = [
            *_property("repository", source.text("repository")),
            *_property("commit", source.text("commit")),
            *_property("license", source.text("license")),
        ]
        found.append({"type": "dataset", "name": name, **_known("contents", {"properties": told} if told else None)})
    return found


def _metric(check: Mapping[str, Any]) -> dict[str, Any]:
    """A gate's figure and interval; an end that is not bounded is left out."""
    evidence = check["evidence"]
    bounds = {
        name: str(evidence[end])
        for name, end in (("lowerBound", "low"), ("upperBound", "high"))
        if evidence[end] is not None
    }
    return {
        "type": visible(check["gate"]["metric"]),
        "value": f"{evidence['value']} {visible(check['gate']['unit'])}".strip(),
        **_known("confidenceInterval", bounds),
    }
