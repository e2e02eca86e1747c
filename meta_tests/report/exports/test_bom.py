"""The bill of materials holds to CycloneDX 1.6 as its own library validates it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from meta_tests.report.exports.made import FILES, HOSTILE, WRONG_TYPES, hostile_metadata, hostile_report, report_with
from raxe_conformance.report.exports.bom import bill_of_materials
from raxe_conformance.report.exports.declared import Declared

METADATA = {
    "version": "1.0.0", "description": "made up", "status": "experimental",
    "recommended_for": ["tests"], "not_recommended_for": ["anything else"], "known_limitations": ["does not exist"],
    "requirements": {"additional_dependencies": ["numpy>=1.26", "Ruamel_Yaml", "no requirement at all"]},
    "ml_config": {"embedding_model": "mini", "classifier_type": "logistic regression", "threat_categories": ["PI"]},
    "training_info": {"dataset_sources": [{"source": "s", "commit": "abc", "license": "MIT"}, {"license": "MIT"}]},
    "license": {"model": "apache-2.0", "embedding_model": {"name": "org/mini", "license": "our own"}},
}  # fmt: skip


def faults(bom: dict[str, Any]) -> Any:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom))


def made(report: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    bom = bill_of_materials(report, Declared(metadata))
    assert faults(bom) is None
    return bom


def test_the_validator_refuses_what_is_none(tmp_path: Path) -> None:
    bom = made(report_with(tmp_path), METADATA)
    assert faults({**bom, "version": 0}) is not None
    assert faults({**bom, "surplus": 1}) is not None


def test_it_names_files_packages_licences_and_data(tmp_path: Path) -> None:
    report = report_with(tmp_path)
    bom = made(report, METADATA)
    model, parts = bom["metadata"]["component"], bom["components"]
    assert (model["name"], model["version"]) == ("v1.0_made_up", "1.0.0")
    assert model["licenses"] == [{"expression": "Apache-2.0"}]
    assert [(p["type"], p["name"]) for p in parts] == [
        ("file", FILES[0]["path"]), ("file", FILES[1]["path"]), ("machine-learning-model", "org/mini"),
        ("library", "numpy"), ("library", "ruamel-yaml"),
    ]  # fmt: skip
    assert [p["hashes"][0]["content"] for p in parts[:3]] == [f["sha256"] for f in FILES]
    assert parts[2]["licenses"] == [{"license": {"name": "our own"}}]
    assert parts[3]["purl"] == "pkg:pypi/numpy"
    assert bom["dependencies"][0] == {"ref": model["bom-ref"], "dependsOn": [p["bom-ref"] for p in parts]}
    card = model["modelCard"]
    assert [d["name"] for d in card["modelParameters"]["datasets"]] == ["s"]
    assert card["considerations"] == {
        "useCases": ["tests"],
        "technicalLimitations": ["does not exist", "not recommended for anything else"],
    }


def test_its_figures_are_those_of_the_report(tmp_path: Path) -> None:
    report = report_with(tmp_path)
    found = made(report, {})["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    measured = {
        c["gate"]["metric"]: c["evidence"]
        for c in report["checks"]
        if c["gate"] and c["evidence"] and c["evidence"]["value"] is not None
    }
    assert {m["type"] for m in found} == set(measured)
    assert len(found) >= 5
    for metric in found:
        evidence = measured[metric["type"]]
        assert float(metric["value"].split()[0]) == evidence["value"]
        ends = {"lowerBound": evidence["low"], "upperBound": evidence["high"]}
        assert {k: float(v) for k, v in metric["confidenceInterval"].items()} == {
            k: v for k, v in ends.items() if v is not None
        }


def test_a_report_has_one_serial_number(tmp_path: Path) -> None:
    first, second = report_with(tmp_path), report_with(tmp_path, model_id="another")
    assert made(first, {}) == made(first, {})
    assert made(first, {})["serialNumber"] != made(second, {})["serialNumber"]


@pytest.mark.parametrize("metadata", [{}, WRONG_TYPES], ids=["none", "wrong-types"])
def test_metadata_that_says_nothing_leaves_the_files(metadata: dict[str, Any], tmp_path: Path) -> None:
    bom = made(report_with(tmp_path), metadata)
    assert len(bom["components"]) == len(FILES)
    assert "licenses" not in bom["metadata"]["component"]
    assert "datasets" not in bom["metadata"]["component"]["modelCard"]["modelParameters"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text(text: str, tmp_path: Path) -> None:
    written = json.dumps(made(hostile_report(tmp_path, text), hostile_metadata(text)), ensure_ascii=False)
    assert not {"\x1b", "\u202e", "\ud800", "\r"} & set(written)
    assert "\\u001b" not in written
    assert "pkg:pypi/numpy" in written
    assert len(written) < 300_000
