"""The package: what is in it, that it is verified where it lands, and that it is tried there."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from meta_tests.deploy.support import Judged, calm, other
from meta_tests.deploy.test_approval import judge_as, waive
from meta_tests.support.toy import EVIL, MODEL_ID, Toy, write_bundle
from raxe_conformance import ModelRegistry
from raxe_conformance.deploy.cases import CASES
from raxe_conformance.deploy.landing import land
from raxe_conformance.deploy.package import MANIFEST, Package, assemble, verify_package
from raxe_conformance.deploy.smoke import decide_afresh, require_same
from raxe_conformance.errors import DeploymentError, StateError
from raxe_conformance.fileio import digest_file, sha256


@pytest.fixture
def folder(target: Path, package: Package) -> Path:
    """The package where it landed."""
    return target / "packages" / package.name


def test_it_holds_all_that_the_variant_needs_and_its_manifest_all_that_it_holds(
    folder: Path, package: Package, subject: Judged
) -> None:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert [entry["path"] for entry in manifest["files"]] + [MANIFEST] == sorted(
        found, key=lambda name: name == MANIFEST
    )
    assert {name.split("/")[0] for name in found} == {
        "README.md", "CHANGELOG.md", "metadata", "bundles", "embeddings", "benchmarks", "tests", MANIFEST,
    }  # fmt: skip
    assert [
        entry["sha256"] for entry in manifest["files"] if entry["path"] == f"embeddings/{subject.toy.onnx.name}"
    ] == [digest_file(subject.toy.onnx, "").sha256]
    assert folder.name == f"{MODEL_ID}-{package.digest[:12]}"
    assert f"ModelRegistry(folder).create_detector('{MODEL_ID}')" in (folder / "README.md").read_text(encoding="utf-8")


def test_the_same_input_makes_the_same_package(package: Package, subject: Judged) -> None:
    assert subject.package().digest == package.digest


def test_what_else_is_known_of_the_variant_goes_with_it(subject: Judged) -> None:
    report = subject.toy.models / "benchmarks" / f"{MODEL_ID}_benchmark.json"
    report.write_text("{}", encoding="utf-8")
    (subject.toy.models / "benchmarks" / "v1.0_other_int8_benchmark.json").write_text("{}", encoding="utf-8")
    assert [name for name in subject.package().members if "_benchmark" in name] == [f"benchmarks/{report.name}"]


def test_changes_and_waivers_are_told(subject: Judged) -> None:
    judge_as(subject, SIZ_001="FAIL")
    waive(subject, "SIZ-001", date(2027, 1, 1))
    package = subject.package()
    assert b"- SIZ-001 until 2027-01-01: known since spring" in package.members["README.md"]  # type: ignore[operator]
    assert json.loads(package.manifest)["waived"] == [
        {"check": "SIZ-001", "reason": "known since spring", "expires": "2027-01-01"}
    ]


def test_a_file_that_changes_while_it_is_packed_is_noticed(subject: Judged) -> None:
    approval = subject.approved()
    subject.toy.onnx.write_bytes(subject.toy.onnx.read_bytes() + b"\n")
    with pytest.raises(DeploymentError, match="changed while it was being packed"):
        assemble(subject.toy.models, approval, calm)


def test_texts_are_decided_in_a_fresh_process_as_in_this_one(subject: Judged) -> None:
    texts = [*CASES, *EVIL.values(), "weather report"]
    detector = ModelRegistry(subject.toy.models).create_detector(MODEL_ID)
    here = [detector.analyze(text).metadata for text in texts]
    afresh = decide_afresh(subject.toy.models, MODEL_ID, texts)
    assert afresh == [{"is_attack": m["is_attack"], "family": m["family"]} for m in here]
    assert sum(answer["is_attack"] for answer in afresh) == len(EVIL)
    assert afresh[: len(CASES)] == calm(subject.toy.models, MODEL_ID, CASES)


def test_its_own_runner_tries_it(folder: Path, target: Path, package: Package, package2: Package) -> None:
    runs = [
        subprocess.run(
            [sys.executable, place / "tests" / "run_cases.py"], capture_output=True, text=True, timeout=120, check=False
        )
        for place in (folder, target / "packages" / package2.name)
    ]
    assert (runs[0].returncode, runs[0].stdout) == (0, f"{MODEL_ID}: 24 of 24 cases are decided as recorded\n")
    assert runs[1].returncode == 1
    assert "case 24: decided {'is_attack': False, 'family': None}, but should be {'is_attack': True" in runs[1].stdout
    assert "23 of 24 cases are decided as recorded" in runs[1].stdout
    verify_package(folder, package.digest)


# Where it lands


def test_landing_tries_the_package_in_a_fresh_process(package: Package, tmp_path: Path) -> None:
    folder = land(package, tmp_path / "target", decide_afresh)
    verify_package(folder, package.digest)
    assert [path.name for path in folder.parent.iterdir() if not path.name.startswith(".")] == [package.name]


def test_a_package_that_decides_otherwise_where_it_landed_is_refused(package: Package, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="decides 1 of 24 cases otherwise than its source; case 24: "):
        land(package, tmp_path / "target", other)
    assert not (tmp_path / "target" / "packages" / package.name).exists()


def test_a_package_that_does_not_load_where_it_landed_is_refused(subject: Judged, tmp_path: Path) -> None:
    package = subject.package()
    broken = dict(package.members) | {f"embeddings/{subject.toy.onnx.name}": b"no model"}
    entries = json.loads(package.manifest)
    for entry in entries["files"]:
        if entry["path"].endswith(".onnx"):
            entry.update(bytes=8, sha256=sha256(b"no model"))
    bad = replace(package, members=broken, manifest=json.dumps(entries).encode())
    with pytest.raises(DeploymentError, match="does not work where it was put: does not run"):
        land(bad, tmp_path / "target", decide_afresh)
    assert not (tmp_path / "target" / "packages" / bad.name).exists()


def test_bytes_that_change_on_the_way_are_noticed(package: Package, tmp_path: Path) -> None:
    name = "tests/cases.jsonl"
    changed = replace(package, members={**package.members, name: b"{}\n"})
    with pytest.raises(StateError, match=r"cases.jsonl: has the SHA-256"):
        land(changed, tmp_path / "target", calm)
    assert not (tmp_path / "target" / "packages" / package.name).exists()
    packages = tmp_path / "target" / "packages"
    assert list(packages.glob(".incoming-*")) == []
    # One that is killed cannot clean up: the next one does.
    (packages / ".incoming-v1.0_other-0123456789ab" / "metadata").mkdir(parents=True)
    assert land(package, tmp_path / "target", calm).is_dir()
    assert list(packages.glob(".incoming-*")) == []


def test_a_package_that_is_there_is_verified_and_tried_again(folder: Path, target: Path, package: Package) -> None:
    assert land(package, target, calm) == folder
    with pytest.raises(DeploymentError, match="decides 1 of 24"):
        land(package, target, other)
    (folder / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(StateError, match=r"README.md: has the SHA-256"):
        land(package, target, calm)


def test_a_target_that_cannot_be_written_is_named(package: Package, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("a file", encoding="utf-8")
    with pytest.raises(DeploymentError, match="packages: cannot be made: Not a directory"):
        land(package, tmp_path / "target", calm)


# What is altered


def test_a_whole_package_verifies(folder: Path, package: Package) -> None:
    verify_package(folder, package.digest)
    with pytest.raises(StateError, match=r"manifest.json: has the SHA-256"):
        verify_package(folder, "0" * 64)


def test_every_file_that_is_altered_is_named(folder: Path, package: Package) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for data in (whole + b" ", whole[:-1], bytes([whole[0] ^ 1]) + whole[1:]):
            path.write_bytes(data)
            with pytest.raises(StateError, match=f"{path.name}: has the SHA-256"):
                verify_package(folder, package.digest)
        path.unlink()
        with pytest.raises(Exception, match=f"{path.name}: (is missing|the manifest does not exist)"):
            verify_package(folder, package.digest)
        path.write_bytes(whole)
    verify_package(folder, package.digest)


def test_a_file_too_many_or_a_link_is_named(folder: Path, package: Package) -> None:
    extra = folder / "embeddings" / "extra.onnx"
    extra.write_bytes(b"")
    with pytest.raises(StateError, match=r"extra.onnx: is not in the manifest"):
        verify_package(folder, package.digest)
    extra.unlink()
    extra.symlink_to(folder / "README.md")
    with pytest.raises(StateError, match=r"extra.onnx: is a link"):
        verify_package(folder, package.digest)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "", 5, "a/../../x"])
def test_a_manifest_that_leads_out_is_none(path: object, tmp_path: Path) -> None:
    entry = {"path": path, "bytes": 1, "sha256": "0" * 64}
    (tmp_path / MANIFEST).write_text(json.dumps({"files": [entry]}), encoding="utf-8")
    with pytest.raises(StateError, match="lists "):
        verify_package(tmp_path, digest_file(tmp_path / MANIFEST, "").sha256)


@pytest.mark.parametrize("text", ["[]", "{}", '{"files": 5}', '{"files": [5]}', '{"files": [{}]}', "no JSON"])
def test_a_manifest_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match="is no manifest"):
        verify_package(tmp_path, digest_file(tmp_path / MANIFEST, "").sha256)


def test_the_first_text_that_is_decided_otherwise_is_told(package: Package, tmp_path: Path) -> None:
    require_same(package.cases, calm(tmp_path, "", CASES), tmp_path)
    with pytest.raises(DeploymentError, match=r"case 24: \{'is_attack': True, 'family': 'PI'\}, but should be"):
        require_same(package.cases, other(tmp_path, "", CASES), tmp_path)


def test_other_heads_decide_otherwise(subject: Judged, tmp_path: Path) -> None:
    """The texts tell variants apart: heads that call everything an attack do not pass for the toy's."""
    before = decide_afresh(subject.toy.models, MODEL_ID, CASES)
    toy: Toy = subject.toy
    toy.bundle.unlink()
    write_bundle(toy.bundle, binary_0_bias=np.full(1, 1e6, dtype=np.float32))
    toy.declare_files()
    cases = [{"text": text, **answer} for text, answer in zip(CASES, before, strict=True)]
    with pytest.raises(DeploymentError, match="otherwise than its source"):
        require_same(cases, decide_afresh(toy.models, MODEL_ID, CASES), tmp_path)
