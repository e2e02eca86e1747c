"""`raxe-conformance new`, and the templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from meta_tests.registry.support import full_metadata, run, write_metadata
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.errors import UsageError
from raxe_conformance.registry.metadata import parse_metadata
from raxe_conformance.schemas import METADATA, shipped_schema
from raxe_conformance.templates import DEFAULT, load_template, new_metadata, template_names

VALID = Draft202012Validator(shipped_schema(METADATA))


@pytest.mark.parametrize("name", template_names())
def test_a_template_passes_the_schema_as_it_comes(name: str) -> None:
    template = load_template(name)
    assert not list(VALID.iter_errors(template))
    assert not list(VALID.iter_errors(new_metadata("v2.3_other", template)))
    assert parse_metadata(template, file=name).to_dict() == template


def test_new(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "new", "v1.1_minilm_l12_int8", "--models-dir", toy.models)
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    path = toy.models / "metadata" / "v1.1_minilm_l12_int8.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    assert not list(VALID.iter_errors(value))
    assert value["model_id"] == "v1.1_minilm_l12_int8"
    assert (value["version"], value["variant"]) == ("1.1.0", "minilm_l12_int8")
    assert value["file_info"]["filename"] == "raxe_model_l2_v1.1.raxe"
    assert value["requirements"]["additional_dependencies"]


def test_new_from_a_variant_leaves_out_what_is_not_its_own(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    source = full_metadata("v1.0_full_int8") | {"_why": "kept", "unknown": [1]}
    source["file_info"] |= toy.read()["file_info"]
    source["file_info"]["checksum"] = "sha256:" + "1" * 64
    write_metadata(toy.models, source)
    code, _, err = run(capsys, "new", "v1.0_next_int8", "--from", "v1.0_full_int8", "--models-dir", toy.models)
    assert code == 0, err
    value = json.loads((toy.models / "metadata" / "v1.0_next_int8.json").read_text(encoding="utf-8"))
    assert not list(VALID.iter_errors(value))
    assert value["status"] == "experimental"
    assert value["performance"] == {"target_latency_ms": source["performance"]["target_latency_ms"]}
    assert not {"accuracy", "testing", "deployment", "changelog"} & set(value)
    assert (value["_why"], value["unknown"]) == ("kept", [1])
    # The files are the same, and what is said of them is what they are.
    assert value["file_info"]["checksum"] == toy.read()["file_info"]["checksum"]


@pytest.mark.parametrize("model_id", [MODEL_ID, MODEL_ID.upper(), "v1.0_gone"])
def test_new_refuses_to_overwrite(toy: Toy, capsys: pytest.CaptureFixture[str], model_id: str) -> None:
    if model_id == "v1.0_gone":
        (toy.models / "metadata" / "v1.0_gone.json").write_text("{")
    before = {path: path.read_bytes() for path in (toy.models / "metadata").iterdir()}
    code, _, err = run(capsys, "new", model_id, "--models-dir", toy.models)
    assert code == 2
    assert "already" in err
    assert err.count("\n") == 1 or model_id == "v1.0_gone"
    assert {path: path.read_bytes() for path in (toy.models / "metadata").iterdir()} == before


@pytest.mark.parametrize("model_id", ["x", "1.0_x", "v1_x", "v1.0", "v1.0_", "v1.0_a b", "../v1.0_x", "v1.0_é"])
def test_new_refuses_an_id_without_a_version(toy: Toy, capsys: pytest.CaptureFixture[str], model_id: str) -> None:
    code, _, err = run(capsys, "new", model_id, "--models-dir", toy.models)
    assert code == 2
    assert "is no usable id; write {version}_{variant}" in err
    assert len(list((toy.models / "metadata").iterdir())) == 1


def test_new_from_nothing(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "new", "v1.0_x", "--from", "nothing", "--models-dir", toy.models)
    assert code == 2
    assert "there is neither a template nor a variant 'nothing'; templates: onnx_fp16, onnx_int8" in err
    assert run(capsys, "new", "v1.0_x", "--models-dir", tmp_path / "none")[0] == 2
    with pytest.raises(UsageError, match="there are onnx_fp16, onnx_int8"):
        load_template("nothing")
    assert DEFAULT in template_names()
