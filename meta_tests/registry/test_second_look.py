"""What a second look at discovery found: folders that are rings, files that change, and small files that cost much."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta_tests.hostile.bundles import rewrite
from meta_tests.hostile.zips import DEFLATED, Member, build
from meta_tests.support.toy import MODEL_ID, SPACE, Toy
from raxe_conformance import ModelRegistry
from raxe_conformance.cli.bundle import command as bundle_command
from raxe_conformance.cli.listing import command as list_command
from raxe_conformance.errors import JsonError, MetadataError, RaxeError, RegistryError, UnsafeBundleError
from raxe_conformance.fileio import digest_file
from raxe_conformance.registry import discover as module
from raxe_conformance.registry.archive import Archive
from raxe_conformance.registry.bundle import MANIFEST
from raxe_conformance.registry.discover import discover
from raxe_conformance.registry.migrate_legacy import peek
from raxe_conformance.registry.variant import MAX_MISFITS, late_problems, read_scanned
from raxe_conformance.schemas import MAX_VIOLATIONS, METADATA, violations
from raxe_conformance.strict_json import parse_json_object

ESCAPE = "\x1b[31m"


@pytest.mark.parametrize("name", ["metadata", "bundles", "embeddings", "benchmarks", "model_quantized_int8_deploy"])
def test_a_folder_that_is_a_link_to_itself_is_reported(toy: Toy, name: str) -> None:
    place = toy.models / name
    if place.exists():
        place.rename(toy.models / "aside")
    place.symlink_to(place)
    registry = ModelRegistry(toy.models)
    found = [warning for warning in registry.warnings if name in warning]
    assert bool(found) == (name in ("metadata", "bundles", "embeddings"))


@pytest.mark.parametrize("kind", ["ring", "long", "file", "nul"])
def test_a_models_folder_that_is_none_is_named(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / ("x" * 5_000 if kind == "long" else "x\0y" if kind == "nul" else "x")
    if kind == "ring":
        folder.symlink_to(folder)
    if kind == "file":
        folder.touch()
    with pytest.raises(RegistryError):
        ModelRegistry(folder)


@pytest.mark.parametrize("read", ["metadata", "manifest", "digest"])
def test_a_link_that_appears_after_the_listing_is_judged_again(toy: Toy, tmp_path: Path, read: str) -> None:
    inside, outside = toy.models / "inside", tmp_path / "outside"
    shutil.copy(toy.bundle, outside)
    link = toy.models / "link"
    calls = {
        "metadata": lambda: module._read(str(link), toy.models),
        "manifest": lambda: peek(link, within=toy.models),
        "digest": lambda: digest_file(link, "link", within=toy.models),
    }
    link.symlink_to(outside)
    with pytest.raises(RaxeError, match="out of the folder"):
        calls[read]()
    link.unlink()
    shutil.copy(toy.bundle, inside)
    link.symlink_to(inside)
    calls[read]()


def test_only_so_much_metadata_is_kept(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(3):
        shutil.copy(toy.metadata, toy.metadata.with_name(f"z{index}.json"))
    size = toy.metadata.stat().st_size
    monkeypatch.setattr(module, "MAX_ALL_METADATA_BYTES", 4 * size)
    assert not [w for w in ModelRegistry(toy.models).warnings if "is not read" in w]
    monkeypatch.setattr(module, "MAX_ALL_METADATA_BYTES", 2 * size - 1)
    registry = ModelRegistry(toy.models)
    assert len([warning for warning in registry.warnings if "is not read" in warning]) == 2
    # By their names: the first ones are read, and what follows works from what its bundle says.
    assert registry.create_detector(MODEL_ID) is not None
    assert registry.has_model("z2")


def test_only_so_many_bundles_are_looked_into(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(3):
        shutil.copy(toy.bundle, toy.bundle.with_name(f"o{index}.raxe"))
    cost = peek(toy.bundle).cost
    monkeypatch.setattr(module, "MAX_ALL_LOOKS", 3 * cost)
    assert not [w for w in ModelRegistry(toy.models).warnings if "looked into" in w]
    monkeypatch.setattr(module, "MAX_ALL_LOOKS", 2 * cost - 1)
    assert len([w for w in ModelRegistry(toy.models).warnings if "looked into" in w]) == 1


def test_a_bundle_is_looked_into_once_a_discovery(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(5):
        toy.metadata.with_name(f"v1.0_broken{index}.json").write_text("{")
    looks = []
    monkeypatch.setattr(module, "peek", lambda path, **more: looks.append(path) or peek(path, **more))
    assert len(discover(toy.models).variants) == 6
    assert looks == [toy.bundle]


def test_errors_that_are_kept_hold_no_frames(toy: Toy) -> None:
    toy.metadata.write_text('{"a": NaN}')
    toy.bundle.write_bytes(b"PK")
    for error in discover(toy.models).warnings:
        assert error.__traceback__ is error.__context__ is error.__cause__ is None


def test_many_ids_that_are_alike_name_few_of_each_other(toy: Toy) -> None:
    for index in range(64):
        name = "".join(c.upper() if index >> bit & 1 else c for bit, c in enumerate("abcdef"))
        toy.metadata.with_name(f"{name}.json").write_text("{}")
    found = [warning for warning in ModelRegistry(toy.models).warnings if "in case or Unicode form only" in warning]
    assert len(found) == 64
    assert max(map(len, found)) < 400 + len(str(toy.models))


@pytest.mark.parametrize("count", [MAX_MISFITS - 1, MAX_MISFITS, 5_000])
def test_faults_are_left_out_one_by_one_up_to_a_bound(count: int) -> None:
    bad = ", ".join(f'"k{i}": 1e999' for i in range(count))
    data = f'{{"file_info": {{"filename": "a.raxe", "size_mb": 2}}, "tags": ["t"], {bad}}}'.encode()
    problems, metadata = late_problems(data, file="f"), read_scanned(data, file="f")
    assert all(isinstance(problem, MetadataError) for problem in problems)
    assert metadata.file_info.filename == "a.raxe"
    if count < MAX_MISFITS:
        assert (len(problems), metadata.tags, metadata.file_info.size_mb) == (count, ["t"], 2)
    else:
        assert (len(problems), metadata.tags, metadata.file_info.size_mb) == (MAX_MISFITS + 1, None, None)


def test_violations_are_counted_up_to_a_bound() -> None:
    value = {"training_info": {"dataset_distribution": {f"k{i}": -1 for i in range(1_000)}}}
    assert len(list(violations(METADATA, value))) == MAX_VIOLATIONS


def test_objects_and_lists_are_bounded() -> None:
    assert parse_json_object(b'{"a": [{}, {}]}', file="f", most_brackets=4)
    with pytest.raises(JsonError, match="opening brackets"):
        parse_json_object(b'{"a": [{}, {}]}', file="f", most_brackets=3)


def test_a_version_of_many_digits_breaks_nobody(toy: Toy) -> None:
    value = toy.read()
    value["requirements"]["min_runtime_version"] = "9" * 5_000
    value["model_id"] = "other"
    toy.metadata.with_name("other.json").write_text(json.dumps(value))
    registry = ModelRegistry(toy.models)
    assert registry.get_best_model().model_id == MODEL_ID
    assert registry.create_detector().model_id == MODEL_ID
    assert list(registry.preload_models()) == ["other"]


def test_what_files_say_reaches_a_terminal_as_plain_lines(toy: Toy) -> None:
    def edit(value: dict[str, object]) -> None:
        value.update(bundle_version=f"1{ESCAPE}", created_at=f"x\n{ESCAPE}")
        value["head_sets"][SPACE].update(threshold=ESCAPE)  # type: ignore[index]

    rewrite(toy, edit=edit)
    name = toy.metadata.with_name(f"{ESCAPE}evil\nid.json")
    shutil.copy(toy.metadata, name)
    for command, arguments in (
        (bundle_command, ["inspect", str(toy.bundle)]), (bundle_command, ["verify", str(toy.bundle)]),
        (list_command, [str(toy.models)]),
    ):  # fmt: skip
        result = CliRunner().invoke(command, arguments, color=True, standalone_mode=False)
        assert "\x1b" not in result.output
        assert "\nid" not in result.output


def test_listing_takes_names_that_are_too_long(toy: Toy) -> None:
    value = toy.read()
    value["file_info"]["onnx_embeddings"] = "x" * 900 + os.extsep + "onnx"
    toy.write(value)
    result = CliRunner().invoke(list_command, [str(toy.models)], standalone_mode=False)
    assert result.exception is None
    assert "has a part of 905 bytes, at most 255 are read" in result.output
    assert MODEL_ID in result.output


@pytest.mark.parametrize("error", [False, True])
def test_an_error_behind_what_is_read_of_a_member_is_one_of_the_family(tmp_path: Path, error: bool) -> None:
    # Far enough behind its bytes that `zipfile`, which stops at the member's length, never comes to it.
    body, nothing = b'{"a": 1}', b"\0\0\0\xff\xff"
    first = b"\0" + struct.pack("<HH", len(body), len(body) ^ 0xFFFF) + body
    last = b"\x07" if error else b"\1" + nothing[1:]
    member = Member(MANIFEST.encode(), body, method=DEFLATED, payload=first + nothing * 20_000 + last)
    path = tmp_path / "b.raxe"
    path.write_bytes(build([member]))
    if error:
        with pytest.raises(UnsafeBundleError, match="packed data end"):
            Archive(path).read(MANIFEST)
    else:
        assert Archive(path).read(MANIFEST) == body


@pytest.mark.parametrize("folder", ["metadata", "bundles", "embeddings", ""])
def test_a_name_that_leaves_no_room_for_a_report_is_not_read(toy: Toy, folder: str) -> None:
    suffix = {"metadata": ".json", "embeddings": ".onnx"}.get(folder, ".raxe")
    for size in (module.MAX_NAME_BYTES, module.MAX_NAME_BYTES + 1):
        name = "é" + "a" * (size - 2 - len(suffix)) + suffix
        (toy.models / folder / name).write_bytes(b"x")
        said = [warning for warning in discover(toy.models).warnings if "more than 200 bytes" in str(warning)]
        assert [Path(str(warning.file)).name for warning in said] == ([name] if size > module.MAX_NAME_BYTES else [])
    assert MODEL_ID in {variant.model_id for variant in discover(toy.models).variants}
