"""A trial deployment: what it tells of faults, with programmed processes, and the real ones once."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance.deploy import trial
from raxe_conformance.deploy.cases import CASES
from raxe_conformance.deploy.package import Package
from raxe_conformance.errors import DeploymentError, MeasurementError
from raxe_conformance.measure.child import run_child
from raxe_conformance.measure.evidence import evidence_from_json, evidence_to_json
from raxe_conformance.measure.evidence_resources import Deployed


def again(toy: Toy) -> dict[str, Any]:
    return {"kind": "shipped", "models": str(toy.models), "model_id": MODEL_ID, "backend": "onnxruntime"}


class Programmed:
    """Processes that take the second case for an attack, unless they stand in a package and are to do otherwise."""

    def __init__(self, toy: Toy, *, family: str = "PI", failures: int = 0) -> None:
        self.home, self.family, self.failures, self.places = str(toy.models), family, failures, []  # type: ignore[var-annotated]

    def __call__(self, target: Mapping[str, Any], task: str, arguments: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        assert (task, tuple(arguments["texts"]), target["model_id"]) == ("scores", CASES, MODEL_ID)
        at_home = target["models"] == self.home
        self.places.append(target["models"])
        if not at_home and self.failures:
            self.failures -= 1
            raise MeasurementError(f"the process ended with -9 and said: {target['models']}/x")
        families = [None] * len(CASES)
        families[1] = "PI" if at_home else self.family  # type: ignore[call-overload]
        return {"scores": [0.0] * len(CASES), "attacks": [f is not None for f in families], "families": families}


def tried(toy: Toy, folder: Path, child: Any) -> Deployed:
    return trial.try_deploying(toy.models, MODEL_ID, folder, again(toy), child)


def test_a_package_that_answers_as_its_source(toy: Toy, tmp_path: Path) -> None:
    child = Programmed(toy)
    found = tried(toy, tmp_path / "scratch", child)
    assert (found.altered, found.refused, found.otherwise) == (None, None, [])
    assert (found.cases, found.attacks) == (len(CASES), 1)
    files = [path for path in (tmp_path / "scratch").rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert (found.members, found.bytes) == (len(files), sum(path.stat().st_size for path in files))
    assert child.places[0] == str(toy.models)
    assert Path(child.places[1]).parent == tmp_path / "scratch"
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json("deployed", found)))) == found


def test_another_family_is_another_decision(toy: Toy, tmp_path: Path) -> None:
    assert tried(toy, tmp_path, Programmed(toy, family="JB")).otherwise == [2]


def test_a_process_that_dies_once_is_no_word_on_the_package(toy: Toy, tmp_path: Path) -> None:
    assert tried(toy, tmp_path / "a", Programmed(toy, failures=1)).refused is None
    found = tried(toy, tmp_path / "b", Programmed(toy, failures=2))
    assert (found.refused, found.otherwise) == ("the process ended with -9 and said: the package/x", [])


def test_a_file_that_arrives_altered_is_named(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = trial.write_package

    def alter(package: Package, place: Path) -> None:
        write(package, place)
        (place / "embeddings" / toy.onnx.name).write_bytes(b"other")

    monkeypatch.setattr(trial, "write_package", alter)
    altered = tried(toy, tmp_path, Programmed(toy)).altered
    assert altered is not None
    assert altered.startswith(f"embeddings/{toy.onnx.name}: has the SHA-256 ")


def test_what_says_nothing_of_the_variant_is_no_evidence(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(package: Package, place: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trial, "write_package", full)
    with pytest.raises(MeasurementError, match=r"cannot be written: No space left on device; make room for \d+ MB"):
        tried(toy, tmp_path, Programmed(toy))
    toy.tokenizer.unlink()
    with pytest.raises(DeploymentError, match="lacks tokenizer"):
        tried(toy, tmp_path, Programmed(toy))


def test_real_processes_decide_alike_in_both_places(toy: Toy, tmp_path: Path) -> None:
    found = tried(toy, tmp_path, run_child)
    assert (found.altered, found.refused, found.otherwise, found.cases) == (None, None, [], len(CASES))
