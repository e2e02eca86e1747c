"""What a fifth look at the registry found: choices that ask too much, calls without end, errors that grow."""

from __future__ import annotations

import difflib
import os
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from meta_tests.hostile.bundles import rewrite
from meta_tests.registry.support import full_metadata, write_metadata
from meta_tests.registry.test_select import ids, variant
from meta_tests.support.toy import MODEL_ID, SPACE, WIDTH, Toy
from raxe_conformance import ModelRegistry
from raxe_conformance.errors import (
    JsonError,
    MetadataError,
    MissingFileError,
    UnknownModelError,
    UnsafeBundleError,
    UsageError,
    nearest,
)
from raxe_conformance.fileio import canonical_json
from raxe_conformance.registry import discover as module
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.clusters import read_clusters
from raxe_conformance.registry.discover import discover
from raxe_conformance.registry.migrate import plan_migration
from raxe_conformance.registry.migrate_apply import JOURNAL, apply_migration, unfinished
from raxe_conformance.registry.pack import pack_folder, unpack_bundle
from raxe_conformance.registry.select import best
from raxe_conformance.registry.validate import Installed, runtime_problem
from raxe_conformance.registry.variant import Variant

# ---- which is best


def test_the_best_is_the_first_that_is_ready_of_the_best_status() -> None:
    variants = [variant("c", 2.0), variant("a", 0.1), variant("b", 1.0), variant("e", 0.1, status="experimental")]
    asked: list[str] = []

    def chosen(*ready: str) -> tuple[str, list[str]]:
        def is_ready(one: Variant) -> bool:
            asked.append(one.model_id)
            return one.model_id in ready

        asked.clear()
        found = best(variants, "latency", ready=is_ready)
        assert found is not None
        return found.model_id, asked

    assert chosen("a", "b", "c") == ("a", ["a"])
    assert chosen("c", "e") == ("c", ["a", "b", "c"])
    assert chosen("e") == ("a", ["a", "b", "c"])
    assert best([], "latency", ready=lambda _: True) is None


def test_whether_a_variant_can_run_is_found_out_at_the_first_package(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = Installed.version
    monkeypatch.setattr(Installed, "version", lambda self, name: looked.append(name) or real(self, name))
    value = toy.read()
    for model_id in ("v1.0_a", "v1.0_b"):
        value["requirements"]["additional_dependencies"] = ["numpy>=1", "no-package-1", "no-package-2"]
        write_metadata(toy.models, value | {"model_id": model_id, "status": "active"})
    registry = ModelRegistry(toy.models)
    assert registry.get_best_model().model_id == "v1.0_a"
    assert looked == ["numpy", "no-package-1"] * 2
    problem = runtime_problem(registry.get_model("v1.0_a"), ["onnx_int8"])
    assert problem is not None
    assert "no-package-1, no-package-2" in str(problem)


def test_what_is_installed_is_looked_up_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("importlib.metadata.version", lambda name: asked.append(name) or "1.0")
    installed = Installed()
    assert [installed.version("a"), installed.version("a"), Installed().version("a")] == ["1.0"] * 3
    assert asked == ["a", "a"]
    assert installed.importable("json")
    assert not installed.importable("no_module_of_this_name")


def test_a_choice_that_was_made_before_a_validation_is_not_kept(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    value = toy.read()
    for model_id in ("v1.0_a", "v1.0_b"):
        write_metadata(toy.models, value | {"model_id": model_id, "status": "active"})
    registry = ModelRegistry(toy.models)
    real = registry.list_models

    def overtaken(*args: Any, **more: Any) -> list[Variant]:
        found = real(*args, **more)
        monkeypatch.setattr(registry, "list_models", real)
        whole = toy.bundle.read_bytes()
        toy.bundle.write_bytes(b"PK")
        assert not registry.validate_model("v1.0_a")[0]
        toy.bundle.write_bytes(whole)
        return found

    monkeypatch.setattr(registry, "list_models", overtaken)
    assert registry.get_best_model().model_id == "v1.0_a"
    assert registry.get_best_model().model_id == "v1.0_b"


# ---- calls


@pytest.mark.parametrize(("seconds", "calls"), [(0.002, 1), (0.004, 30), (0.5, 4), (60.0, 1)])
def test_the_functional_level_asks_until_a_call_is_within_the_target_and_not_for_ever(
    toy: Toy, seconds: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count()
    registry = ModelRegistry(toy.models, clock=lambda: next(ticks) * seconds)
    ok, errors = registry.validate_model(MODEL_ID, "functional")
    assert ok == (seconds == 0.002)
    assert next(ticks) == 2 * calls
    assert ok or f"at the quickest of {calls} calls, but its target is 3 ms" in errors[0]


def test_a_loader_that_raises_anything_does_not_stop_the_others(toy: Toy) -> None:
    write_metadata(toy.models, toy.read() | {"model_id": "v0.1_own", "requirements": {"runtime": "own"}})

    def load(_: Variant) -> Any:
        raise ZeroDivisionError("a\nb")

    registry = ModelRegistry(toy.models, loaders={"own": load})
    assert registry.preload_models() == {"v0.1_own": "ZeroDivisionError: a b"}
    assert set(registry._detectors) == {MODEL_ID}


def test_near_names_are_compared_with_few_and_not_at_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, list[str]]] = []
    real = difflib.get_close_matches

    def close(word: str, names: list[str], **more: Any) -> list[str]:
        compared.append((word, list(names)))
        return real(word, names, **more)

    monkeypatch.setattr(difflib, "get_close_matches", close)
    names = [f"v1.{n}_{'ab' * (n % 50)}" for n in range(500)]
    assert nearest("v1.77_" + "ab" * 26 + "a", names)[0] == "v1.77_" + "ab" * 27
    nearest("x" * 100_000, names)
    assert max(len(word) for word, _ in compared) <= 200
    assert max(len(found) for _, found in compared) <= 20


def test_an_unknown_id_of_any_length_is_one_line(toy: Toy) -> None:
    with pytest.raises(UnknownModelError, match=r"did you mean v1\.0_toy_int8") as raised:
        ModelRegistry(toy.models).create_detector("v1.0_" + "x" * 1_000_000)
    assert len(str(raised.value)) < 1_600


@pytest.mark.parametrize("field", ["filename", "onnx_embeddings"])
def test_an_error_that_is_kept_does_not_grow_by_being_raised(toy: Toy, field: str) -> None:
    value = toy.read()
    value["file_info"][field] = "../outside"
    toy.write(value)
    registry = ModelRegistry(toy.models)
    raised = []
    for _ in range(3):
        with pytest.raises(MetadataError, match="leads elsewhere") as found:
            registry.create_detector(MODEL_ID)
        raised.append((str(found.value), found.value.where, len(found.traceback)))
    assert raised[0] == raised[1] == raised[2]
    problems = registry._catalog.variant(MODEL_ID).problems
    kept = [problem for problem in problems if problem.field == f"file_info.{field}"]
    assert [problem.__traceback__ for problem in kept] == [None]


# ---- names and numbers


def test_a_name_of_as_many_characters_as_are_read(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    value = toy.read()
    value["file_info"] |= {"filename": "absent.raxe", "onnx_embeddings": "x", "tokenizer": "x"}
    toy.write(value)
    for most, problem in ((len("absent.raxe"), MissingFileError), (len("absent.raxe") - 1, MetadataError)):
        monkeypatch.setattr(module, "MAX_PATH", most)
        found = next(one for one in discover(toy.models).variants if one.model_id == MODEL_ID)
        assert [type(one) for one in found.problems] == [problem]


@pytest.mark.parametrize(("least", "works"), [(0, True), (1, True), (0.5, True), (True, False), (2, False)])
def test_a_least_similarity_may_be_written_as_an_integer(toy: Toy, least: Any, works: bool) -> None:
    entry = {"file": "c.safetensors", "least_similarity": least, "entries": [{"id": "c", "family": "PI", "size": 1}]}
    rewrite(toy, {
        "attack_clusters.json": canonical_json({"clusters": {SPACE: entry}}),
        "c.safetensors": save({"centroids": np.eye(1, WIDTH, dtype=np.float32)}),
    })  # fmt: skip
    if works:
        found = read_clusters(Bundle(toy.bundle), SPACE, WIDTH)
        assert found is not None
        assert type(found.least_similarity) is float
    else:
        with pytest.raises(Exception, match="least_similarity"):
            read_clusters(Bundle(toy.bundle), SPACE, WIDTH)


def test_a_variant_with_figures_is_best_by_each_criterion_and_may_be_compared_twice(toy: Toy) -> None:
    write_metadata(toy.models, full_metadata("v1.0_full") | {"file_info": {"filename": toy.bundle.name}})
    registry = ModelRegistry(toy.models)
    assert list(registry.compare_models([MODEL_ID, "v1.0_full", MODEL_ID]).index) == [MODEL_ID, "v1.0_full", MODEL_ID]
    assert ids([registry.get_best_model(c) for c in ("latency", "accuracy", "balanced", "memory")]) == ["v1.0_full"] * 4


# ---- migrating, packing and unpacking


def _old_folder(toy: Toy) -> Path:
    folder = toy.models / "model_quantized_int8_deploy"
    folder.mkdir()
    toy.onnx.rename(folder / "model.onnx")
    toy.tokenizer.rename(folder / "tokenizer.json")
    toy.metadata.unlink()
    (folder / "config.json").write_bytes(canonical_json({"embedding_model": SPACE}))
    return folder


def test_a_name_as_long_as_names_can_be_is_moved_and_one_that_no_journal_holds_is_left_alone(toy: Toy) -> None:
    folder = _old_folder(toy)
    longest = folder / ("y" * 255)
    strange = Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b[31m"))
    for file in (longest, strange):
        file.write_text("words")
    plan = plan_migration(toy.models)
    assert [note for note in plan.notes if "cannot be written down: left alone" in note and note.isprintable()]
    apply_migration(toy.models, plan)
    assert (toy.models / "embeddings" / f"{SPACE}_int8.source" / longest.name).read_text() == "words"
    assert strange.read_text() == "words"
    assert not (toy.models / JOURNAL).exists()
    assert ModelRegistry(toy.models).get_model("v1.0_onnx_int8")


_MOVED = {"source": "x.raxe", "target": "bundles/x.raxe", "bytes": 1, "sha256": "0" * 64}
_WRITTEN = {"target": "metadata/x.json", "text": "{}"}


@pytest.mark.parametrize("journal", [
    {"moves": [_MOVED | {"sha256": 5}], "writes": []},
    {"moves": [], "writes": [_WRITTEN | {"text": 5}]},
    {"moves": [_MOVED | {"source": "x" * 300 + ".raxe"}], "writes": []},
    {"moves": [_MOVED | {"target": "bundles/\n"}], "writes": []},
    {"moves": [_MOVED | {"source": "\0.raxe"}], "writes": []},
    {"moves": [_MOVED | {"source": "../x.raxe"}], "writes": []},
])  # fmt: skip
def test_a_journal_that_no_migration_wrote_is_refused(toy: Toy, journal: dict[str, Any]) -> None:
    (toy.models / JOURNAL).write_bytes(canonical_json({"moves": [_MOVED], "writes": [_WRITTEN]}))
    assert unfinished(toy.models) is not None
    (toy.models / JOURNAL).write_bytes(canonical_json(journal))
    with pytest.raises(JsonError):
        unfinished(toy.models)


def test_packing_and_unpacking_name_a_place_that_they_cannot_use(toy: Toy, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 250)
    unpack_bundle(toy.bundle, folder)
    assert pack_folder(folder, tmp_path / "same.raxe")[0].sha256 == Bundle(toy.bundle).sha256
    with pytest.raises(UsageError, match="cannot be made"):
        unpack_bundle(toy.bundle, toy.bundle / "below")
    (folder / os.fsdecode(b"\xff.json")).write_text("{}")
    with pytest.raises(UnsafeBundleError, match="name that no bundle can hold"):
        pack_folder(folder, tmp_path / "other.raxe")
