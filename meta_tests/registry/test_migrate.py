"""The legacy layout to the new one: nothing is lost, whenever it stops."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from meta_tests.registry.support import run
from meta_tests.support import toy as t
from meta_tests.support.toy import Toy
from raxe_conformance import ModelRegistry
from raxe_conformance.errors import ChecksumError, JsonError, RaxeError, RegistryError, UsageError
from raxe_conformance.fileio import sha256
from raxe_conformance.registry.migrate import Plan, plan_migration
from raxe_conformance.registry.migrate_apply import JOURNAL, apply_migration, unfinished


@pytest.fixture
def old(pristine_toy: Toy, tmp_path: Path) -> Path:
    """A models folder in the old layout: one bundle, two deploy folders."""
    root = tmp_path / "old"
    root.mkdir()
    shutil.copy(pristine_toy.bundle, root / t.BUNDLE)
    for number, quantization in enumerate(("int8", "fp16")):
        folder = root / f"model_quantized_{quantization}_deploy"
        folder.mkdir()
        (folder / "model.onnx").write_bytes(t.onnx_bytes(t.word_vectors(), extra=number))
        shutil.copy(pristine_toy.tokenizer, folder / "tokenizer.json")
        (folder / "config.json").write_text(json.dumps({"_name_or_path": f"org/{t.SPACE}", "n": number}))
        (folder / "extra").mkdir()
        (folder / "extra" / "vocab.txt").write_text("a\nb\n")
    return root


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


NEW = {
    f"bundles/{t.BUNDLE}",
    f"embeddings/{t.SPACE}.tokenizer.json",
    *(
        f"embeddings/{t.SPACE}_{q}{rest}"
        for q in ("int8", "fp16")
        for rest in (".onnx", ".source/config.json", ".source/extra/vocab.txt")
    ),
    *(f"metadata/v1.0_onnx_{q}.json" for q in ("int8", "fp16")),
}


def test_a_dry_run_changes_nothing_and_tells_every_step(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(old)
    code, out, _ = run(capsys, "migrate", old)
    assert code == 0
    assert contents(old) == before
    for name in before:
        assert f"copy   {name} -> " in out
        assert f"remove {name}, once its copy is verified" in out
    assert "write  metadata/v1.0_onnx_int8.json" in out
    assert out.endswith("dry run: nothing was changed; add --apply to do it\n")


def test_apply(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(old)
    code, out, _ = run(capsys, "migrate", old, "--apply")
    assert code == 0
    assert out.endswith("done: 9 files moved, 2 metadata files written\n")
    after = contents(old)
    assert set(after) == NEW
    assert set(before.values()) <= set(after.values())
    assert not list(old.glob("model_quantized_*"))
    registry = ModelRegistry(old)
    assert registry.warnings == []
    for model_id in ("v1.0_onnx_int8", "v1.0_onnx_fp16"):
        assert registry.validate_model(model_id, "functional") == (True, [])
    assert run(capsys, "migrate", old, "--apply")[1] == "nothing to do\n"


class UnpluggedError(Exception):
    """Stands for the machine's plug."""


def test_an_interrupted_run_can_be_repeated_from_any_step(old: Path, tmp_path: Path) -> None:
    plan = plan_migration(old)
    before = set(contents(old).values())
    expected = tmp_path / "expected"
    shutil.copytree(old, expected)
    steps: list[str] = []
    apply_migration(expected, plan_migration(expected), steps.append)
    for stop in range(len(steps)):
        root = tmp_path / f"stopped{stop}"
        shutil.copytree(old, root)
        left = stop

        def tell(line: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise UnpluggedError(line)

        with pytest.raises(UnpluggedError):
            apply_migration(root, plan, tell)
        assert before <= set(contents(root).values()), steps[stop]  # nothing is lost
        again = unfinished(root)
        assert (again is None) is (stop == 0)
        apply_migration(root, again or plan_migration(root))
        assert contents(root) == contents(expected), steps[stop]


def test_the_command_goes_on_with_what_was_interrupted(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def tell(line: str) -> None:
        if line.startswith("remove model_quantized_int8_deploy/model.onnx"):
            raise UnpluggedError

    with pytest.raises(UnpluggedError):
        apply_migration(old, plan_migration(old), tell)
    code, out, _ = run(capsys, "migrate", old)
    assert code == 0
    assert out.startswith("going on with a migration that was interrupted\n")
    assert run(capsys, "migrate", old, "--apply")[0] == 0
    assert set(contents(old)) == NEW


def test_a_file_that_changes_meanwhile_is_not_removed(old: Path) -> None:
    model = old / "model_quantized_int8_deploy" / "model.onnx"

    def tell(line: str) -> None:
        if line.startswith("verify"):
            model.write_bytes(b"new work")

    with pytest.raises(ChecksumError, match="is not as it was when the migration was planned"):
        apply_migration(old, plan_migration(old), tell)
    assert model.read_bytes() == b"new work"


def test_a_copy_that_goes_wrong_is_noticed_before_anything_is_removed(old: Path) -> None:
    before = contents(old)

    def tell(line: str) -> None:
        if line == f"verify embeddings/{t.SPACE}_int8.onnx":
            (old / "embeddings" / f"{t.SPACE}_int8.onnx").write_bytes(b"bad sector")

    with pytest.raises(ChecksumError):
        apply_migration(old, plan_migration(old), tell)
    assert before.items() <= contents(old).items()


@pytest.mark.parametrize("place", [f"bundles/{t.BUNDLE}", f"embeddings/{t.SPACE}_int8.onnx"])
def test_a_place_that_holds_something_else_stops_it(old: Path, place: str) -> None:
    (old / place).parent.mkdir()
    (old / place).write_bytes(b"something else")
    before = contents(old)
    with pytest.raises(UsageError, match="holds something else"):
        plan_migration(old)
    assert contents(old) == before


def test_tokenizers_that_differ_are_both_kept(old: Path) -> None:
    (old / "model_quantized_int8_deploy" / "tokenizer.json").write_bytes(t.tokenizer_bytes() + b"\n")
    before = set(contents(old).values())
    apply_migration(old, plan_migration(old))
    assert before <= set(contents(old).values())
    info = json.loads((old / "metadata" / "v1.0_onnx_int8.json").read_text())["file_info"]
    assert info["tokenizer"] == f"{t.SPACE}_int8.tokenizer.json"


def test_metadata_that_names_the_old_places_follows(old: Path) -> None:
    value: dict[str, Any] = {
        "_comment": "kept",
        "model_id": "v1.0_mine",
        "file_info": {
            "filename": t.BUNDLE,
            "onnx_embeddings": "model_quantized_int8_deploy/model.onnx",
            "tokenizer": "model_quantized_int8_deploy/tokenizer.json",
        },
        "requirements": {"runtime": "onnx_int8"},
        "ml_config": {"embedding_model": t.SPACE},
    }
    (old / "metadata").mkdir()
    mine = old / "metadata" / "v1.0_mine.json"
    mine.write_text(json.dumps(value))
    plan = plan_migration(old)
    assert "change metadata/v1.0_mine.json" in list(plan.lines())
    apply_migration(old, plan)
    after = json.loads(mine.read_text())
    assert after["file_info"]["onnx_embeddings"] == f"{t.SPACE}_int8.onnx"
    assert after["_comment"] == "kept"
    assert not (old / "metadata" / "v1.0_onnx_int8.json").exists()
    assert ModelRegistry(old).create_detector("v1.0_mine")


def test_a_model_that_nothing_names_is_left_alone_until_it_is_named(old: Path) -> None:
    for quantization in ("int8", "fp16"):
        (old / f"model_quantized_{quantization}_deploy" / "config.json").write_text("{}")
    (old / t.BUNDLE).unlink()
    plan = plan_migration(old)
    assert plan.empty
    assert any("give --embedding-model NAME" in note for note in plan.notes)
    assert [m.target for m in plan_migration(old, "given").moves if m.target.endswith(".onnx")] == [
        "embeddings/given_fp16.onnx", "embeddings/given_int8.onnx",
    ]  # fmt: skip


def test_links_are_left_alone(old: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    (old / "model_quantized_int8_deploy" / "link.txt").symlink_to(tmp_path / "outside.txt")
    (old / "link.raxe").symlink_to(tmp_path / "outside.txt")
    plan = plan_migration(old)
    assert {"link.raxe is no regular file: left alone", "model_quantized_int8_deploy/link.txt is no regular file: left alone"} <= set(plan.notes)  # fmt: skip  # noqa: E501
    apply_migration(old, plan)
    assert (old / "model_quantized_int8_deploy" / "link.txt").is_symlink()
    assert (tmp_path / "outside.txt").read_text() == "secret"


def test_a_joblib_bundle_is_moved_and_told(old: Path) -> None:
    import zipfile

    with zipfile.ZipFile(old / t.BUNDLE, "a") as archive:
        archive.writestr("classifier.joblib", b"\x80\x04.")
    plan = plan_migration(old)
    assert any("can be moved, but not loaded as it is" in note for note in plan.notes)
    apply_migration(old, plan)
    assert (old / "bundles" / t.BUNDLE).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"target": "../outside"}, {"target": "bundles/../../outside"}, {"source": "/etc/passwd"},
        {"source": "../x.raxe"}, {"target": "other/x"}, {"target": 5}, {"source": "metadata/x.json"},
    ],
)  # fmt: skip
def test_a_journal_that_leads_elsewhere_is_not_followed(old: Path, change: dict[str, Any]) -> None:
    plan = plan_migration(old).as_json()
    plan["moves"][0] |= change
    (old / JOURNAL).write_text(json.dumps(plan))
    with pytest.raises(JsonError):
        unfinished(old)


def test_a_folder_that_leads_out_is_not_written_to(old: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (old / "embeddings").symlink_to(outside)
    before = contents(old)
    with pytest.raises(RaxeError):
        apply_migration(old, plan_migration(old))
    assert list(outside.iterdir()) == []
    assert before.items() <= contents(old).items()


def test_an_empty_folder_needs_nothing(tmp_path: Path) -> None:
    assert plan_migration(tmp_path) == Plan()
    with pytest.raises(RegistryError):
        plan_migration(tmp_path / "none")
