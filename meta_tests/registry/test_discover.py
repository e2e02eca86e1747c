"""What discovery makes of folders as people leave them, and as attackers make them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest

from meta_tests.registry.support import full_metadata, write_many, write_metadata
from meta_tests.support import toy as t
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance import ModelRegistry
from raxe_conformance.errors import BundleError, JsonError, MetadataError, MissingFileError, RaxeError, RegistryError
from raxe_conformance.registry.discover import Discovery, discover
from raxe_conformance.registry.variant import Origin, Variant

NFC, NFD = (unicodedata.normalize(form, "modèle.raxe") for form in ("NFC", "NFD"))


def one(discovery: Discovery, model_id: str) -> Variant:
    return next(variant for variant in discovery.variants if variant.model_id == model_id)


def edit(toy: Toy, section: str | None = None, **changes: Any) -> None:
    value = toy.read()
    (value if section is None else value.setdefault(section, {})).update(changes)
    toy.write(value)


def works(toy: Toy) -> bool:
    """Whether the toy variant still does, whatever stands beside it."""
    registry = ModelRegistry(toy.models)
    return bool(registry.create_detector(MODEL_ID).analyze("please evilpi", None).metadata["is_attack"])


def said(errors: tuple[RaxeError, ...]) -> str:
    assert all("\n" not in str(error) for error in errors)
    return " | ".join(map(str, errors))


# Names


@pytest.mark.parametrize("field", ["filename", "onnx_embeddings", "tokenizer"])
def test_a_name_that_differs_in_case_is_not_the_file(toy: Toy, field: str) -> None:
    name = toy.read()["file_info"][field]
    edit(toy, "file_info", **{field: name.upper()})
    variant = one(discover(toy.models), MODEL_ID)
    assert f"is {name.upper()!r}, but the file is called {name!r}" in said(variant.problems)
    assert variant.usable is (field != "filename")
    assert variant.status == "experimental"


def test_a_file_whose_suffix_is_in_capitals_is_reported(toy: Toy) -> None:
    (toy.models / "metadata" / "v9_x.JSON").write_text("{}")
    (toy.models / "bundles" / "x.Raxe").write_text("{}")
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert "v9_x.JSON: is not read: its name should end in .json" in said(discovery.warnings)
    assert "x.Raxe: is not read" in said(discovery.warnings)


@pytest.mark.parametrize(("on_disk", "named"), [(NFC, NFD), (NFD, NFC), (NFC, NFC)])
def test_unicode_forms_of_one_name_are_one_name(toy: Toy, on_disk: str, named: str) -> None:
    toy.bundle.rename(toy.bundle.with_name(on_disk))
    edit(toy, "file_info", filename=named)
    discovery = discover(toy.models)
    assert one(discovery, MODEL_ID).bundle_path == toy.bundle.with_name(on_disk).resolve()
    assert discovery.warnings == ()
    assert works(toy)


def test_both_unicode_forms_side_by_side_are_told_apart_exactly(toy: Toy) -> None:
    shutil.copy(toy.bundle, toy.bundle.with_name(NFD))
    toy.bundle.rename(toy.bundle.with_name(NFC))
    if len(list(toy.bundle.parent.iterdir())) < 2:
        pytest.skip("this file system takes the two for one")
    edit(toy, "file_info", filename=NFC)
    found = one(discover(toy.models), MODEL_ID).bundle_path
    assert found is not None
    assert found.name == NFC


@pytest.mark.parametrize("stem", ["modèle", "v1.0 x", "-x", "v1.0_" + "x" * 130, "v1.0_x copy"])
def test_an_id_that_is_none_stays_a_subject_with_a_problem(toy: Toy, stem: str) -> None:
    write_metadata(toy.models, toy.read() | {"model_id": stem}, stem)
    variant = one(discover(toy.models), stem)
    assert "is no usable id" in said(variant.problems)
    assert variant.status == "experimental"


@pytest.mark.skipif(sys.platform == "darwin", reason="that file system refuses such names")
def test_a_name_that_is_not_utf8_is_passed_over(toy: Toy) -> None:
    for folder, name in (("metadata", b"v1_\xff.json"), ("bundles", b"\xff.raxe"), ("embeddings", b"\xff.onnx")):
        Path(os.fsdecode(os.fsencode(toy.models / folder) + b"/" + name)).write_bytes(b"{}")
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert said(discovery.warnings).count("has a name that is not UTF-8") == 3
    said(discovery.warnings).encode("utf-8")


# Ids


def test_ids_that_differ_in_case_only_are_both_suspect(toy: Toy) -> None:
    write_metadata(toy.models, toy.read() | {"model_id": "V1.0_TOY_int8", "status": "active"})
    if len(list((toy.models / "metadata").iterdir())) < 2:
        pytest.skip("this file system takes the two for one")
    discovery = discover(toy.models)
    for model_id, other in ((MODEL_ID, "V1.0_TOY_int8"), ("V1.0_TOY_int8", MODEL_ID)):
        variant = one(discovery, model_id)
        assert f"differs from {other} in case or Unicode form only" in said(variant.problems)
        assert variant.usable
        assert variant.status == "experimental"


def test_a_declared_id_that_is_another_files_is_reported(toy: Toy) -> None:
    write_metadata(toy.models, toy.read() | {"status": "active"}, "v1.1_copy")
    variant = one(discover(toy.models), "v1.1_copy")
    assert f"is {MODEL_ID!r} (which is another file's)" in said(variant.problems)
    assert variant.status == "experimental"
    assert one(discover(toy.models), MODEL_ID).problems == ()


def test_a_bundle_with_the_id_of_a_variant_does_not_replace_it(toy: Toy) -> None:
    value = t.manifest() | {"model_id": MODEL_ID}
    with zipfile.ZipFile(toy.bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    t.pack_bundle(toy.models / "bundles" / "intruder.raxe", value, members)
    discovery = discover(toy.models)
    assert one(discovery, MODEL_ID).bundle_path == toy.bundle.resolve()
    assert f"intruder.raxe: has the id {MODEL_ID!r}, which another variant has already" in said(discovery.warnings)


def test_two_variants_may_share_a_bundle(toy: Toy) -> None:
    write_metadata(toy.models, toy.read() | {"model_id": "v1.0_other", "variant": "other"})
    discovery = discover(toy.models)
    assert {variant.bundle_path for variant in discovery.variants} == {toy.bundle.resolve()}
    assert len(discovery.variants) == 2
    assert discovery.warnings == ()


# Links


def link(path: Path, target: Path | str) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("no links here")


@pytest.mark.parametrize(("folder", "suffix"), [("metadata", ".json"), ("bundles", ".raxe"), ("embeddings", ".onnx")])
def test_a_link_out_of_the_folder_is_refused(toy: Toy, tmp_path: Path, folder: str, suffix: str) -> None:
    outside = tmp_path / f"outside{suffix}"
    outside.write_bytes(toy.metadata.read_bytes())
    link(toy.models / folder / f"v9.0_link{suffix}", outside)
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert "is a link that leads out of the models folder" in said(discovery.warnings)
    assert works(toy)


@pytest.mark.parametrize("field", ["filename", "onnx_embeddings", "tokenizer"])
def test_metadata_cannot_name_a_link_out_of_the_folder(toy: Toy, tmp_path: Path, field: str) -> None:
    folder = toy.bundle.parent if field == "filename" else toy.onnx.parent
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    link(folder / "link.raxe", outside)
    edit(toy, "file_info", **{field: "link.raxe"})
    variant = one(discover(toy.models), MODEL_ID)
    role = {"filename": "bundle", "onnx_embeddings": "embeddings", "tokenizer": "tokenizer"}[field]
    assert role not in variant.files()
    assert "is no file to be opened" in said(variant.problems)
    with pytest.raises(RaxeError):
        ModelRegistry(toy.models).create_detector(MODEL_ID)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../outside", "C:\\x", "..\\x", "bundles/../../x", "."]
)
def test_metadata_cannot_name_a_path_out_of_the_folder(toy: Toy, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    for field in ("filename", "onnx_embeddings", "tokenizer"):
        edit(toy, "file_info", **{field: name})
    variant = one(discover(toy.models), MODEL_ID)
    assert set(variant.files()) == {"metadata"}
    assert said(variant.problems).count("which leads elsewhere") == 3


@pytest.mark.parametrize("folder", ["metadata", "bundles", "embeddings"])
def test_a_whole_folder_that_leads_elsewhere_is_not_read(toy: Toy, tmp_path: Path, folder: str) -> None:
    moved = tmp_path / "moved"
    (toy.models / folder).rename(moved)
    link(toy.models / folder, moved)
    discovery = discover(toy.models)
    assert f"{folder}: is a link that leads out of the models folder" in said(discovery.warnings)


def test_links_within_the_folder_are_followed(toy: Toy) -> None:
    inner = toy.models / "store"
    inner.mkdir()
    toy.onnx.rename(inner / "model.onnx")
    link(toy.onnx, Path("..") / "store" / "model.onnx")
    assert discover(toy.models).warnings == ()
    assert works(toy)


def test_links_to_nothing_and_to_themselves_are_reported(toy: Toy) -> None:
    link(toy.models / "bundles" / "gone.raxe", "nothing.raxe")
    link(toy.models / "bundles" / "ring.raxe", "ring.raxe")
    discovery = discover(toy.models)
    assert "gone.raxe: is a link to nothing" in said(discovery.warnings)
    assert "ring.raxe: " in said(discovery.warnings)
    assert works(toy)


def test_the_models_folder_itself_may_be_a_link(toy: Toy, tmp_path: Path) -> None:
    link(tmp_path / "link", toy.models)
    assert discover(tmp_path / "link").warnings == ()


# What else lies about


def test_leftovers_and_folders_of_other_things_do_not_disturb(toy: Toy) -> None:
    good = toy.metadata.read_bytes()
    for name in (
        ".x.json.swp",
        ".#x.json",
        "._x.json",
        "x.json~",
        "#x.json#",
        "x.json.bak",
        ".DS_Store",
        "4913",
        ".json",
    ):
        (toy.models / "metadata" / name).write_bytes(good)
        (toy.models / "bundles" / name.replace("json", "raxe")).write_bytes(b"no bundle")
    link(toy.models / "metadata" / ".#lock.json", "user@host.1234")
    for name in ("metadata/folder.json", "bundles/folder.raxe", "folder.raxe", "recipes", "notes", ".git"):
        (toy.models / name).mkdir()
    (toy.models / "README.md").write_text("hello")
    (toy.models / "waivers.toml").touch()
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert discovery.warnings == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_does_not_block(toy: Toy) -> None:
    os.mkfifo(toy.models / "metadata" / "v9_fifo.json")
    os.mkfifo(toy.models / "bundles" / "fifo.raxe")
    discovery = discover(toy.models)
    assert said(discovery.warnings).count("is no regular file") == 2


def test_an_unreadable_file_falls_back_on_its_bundle(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions do not stop the superuser, so the system is made to refuse."""
    real = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if os.fspath(path) == str(toy.metadata.resolve()):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    discovery = discover(toy.models)
    variant = one(discovery, MODEL_ID)
    assert "cannot be read: Permission denied" in said(discovery.warnings)
    assert variant.usable
    assert variant.status == "experimental"
    assert variant.metadata.ml_config.embedding_model == t.SPACE


def test_an_unreadable_folder_is_reported(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "embeddings":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    discovery = discover(toy.models)
    assert "embeddings: cannot be listed: Permission denied" in said(discovery.warnings)
    assert one(discovery, MODEL_ID).usable


# Malformed metadata


MALFORMED = {
    "cut": b'{"name": "x"', "empty": b"", "list": b"[]", "nan": b'{"a": NaN}', "twice": b'{"a": 1, "a": 2}',
    "bom": b"\xef\xbb\xbf{}", "utf16": '{"a": 1}'.encode("utf-16"), "latin": b'{"a": "\xe9"}',
    "deep": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "surrogate": b'{"a": "\\ud800"}',
    "large": b'{"a": "' + b"x" * 2_000_000 + b'"}',
    "nested twice": b'{"unknown": {"deep": {"a": 1, "b": 2, "a": 3}}}',
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_metadata_gives_way_to_the_bundles_defaults(toy: Toy, name: str) -> None:
    broken = toy.models / "metadata" / "v1.0_broken_int8.json"
    broken.write_bytes(MALFORMED[name])
    discovery = discover(toy.models)
    variant = one(discovery, "v1.0_broken_int8")
    assert len(discovery.warnings) == 1
    assert str(broken.resolve()) == discovery.warnings[0].file
    assert variant.usable
    assert variant.status == "experimental"
    assert variant.bundle_path == toy.bundle.resolve()
    assert variant.embeddings_path == toy.onnx.resolve()
    detector = ModelRegistry(toy.models).create_detector("v1.0_broken_int8")
    assert detector.analyze("please evilpi", None).metadata["is_attack"]
    assert works(toy)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        (None, {"file_info": "x"}), (None, {"file_info": []}), (None, {"ml_config": 0}), (None, {"model_id": 5}),
        (None, {"status": ["active"]}), ("file_info", {"filename": ["x"]}), ("ml_config", {"embedding_model": 7}),
        ("requirements", {"runtime": {}}),
    ],
)  # fmt: skip
def test_a_wrong_type_in_what_is_loaded_gives_way_to_the_defaults(toy: Toy, section: str | None, change: Any) -> None:
    edit(toy, section, **change)
    discovery = discover(toy.models)
    variant = one(discovery, MODEL_ID)
    assert len(discovery.warnings) == 1
    assert isinstance(discovery.warnings[0], MetadataError)
    assert variant.usable
    assert variant.metadata.raw == {}
    assert variant.metadata.name == MODEL_ID


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": {"binary_f1": "high", "binary_recall": 0.5}}, {"tags": 3}, {"accuracy": 5}, {"changelog": [1]},
        {"monitoring": {"alert_thresholds": {"error_rate": "low"}}}, {"unknown": [1e308, {"x": 10**310}]},
    ],
)  # fmt: skip
def test_a_wrong_type_elsewhere_leaves_that_field_out(toy: Toy, change: dict[str, Any]) -> None:
    edit(toy, **(change | {"status": "active"}))
    registry = ModelRegistry(toy.models)
    variant = registry.get_model(MODEL_ID)
    assert variant.status == "experimental"
    assert registry.get_active_model_count() == 0
    assert len(registry.warnings) == 1
    assert variant.metadata.accuracy.binary_f1 is None
    assert variant.metadata.file_info.checksum == toy.read()["file_info"]["checksum"]
    assert works(toy)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 350])
def test_a_number_that_no_double_holds_counts_as_absent(toy: Toy, number: str) -> None:
    edit(toy, "accuracy", binary_f1=0.123456)
    toy.metadata.write_text(toy.metadata.read_text().replace("0.123456", number))
    variant = one(discover(toy.models), MODEL_ID)
    assert "accuracy.binary_f1" in said(variant.problems)
    assert variant.metadata.accuracy.binary_f1 is None
    assert works(toy)


def test_a_malformed_file_without_a_bundle_stays_a_subject(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "v1.0_x.json").write_text("{")
    variant = one(discover(tmp_path), "v1.0_x")
    assert not variant.usable
    assert {type(problem) for problem in variant.problems} == {JsonError, MissingFileError}


def test_many_errors_are_all_reported(toy: Toy) -> None:
    for number in range(50):
        (toy.models / "metadata" / f"v1.0_broken{number}.json").write_text("{")
    (toy.models / "metadata" / "v9.JSON").touch()
    discovery = discover(toy.models)
    assert len(discovery.warnings) == 51
    assert len(discovery.variants) == 51
    assert works(toy)


# Bundles without metadata, and legacy places


def test_a_bundle_without_metadata_is_a_variant(toy: Toy) -> None:
    toy.metadata.unlink()
    discovery = discover(toy.models)
    [variant] = discovery.variants
    assert (variant.model_id, variant.origin, variant.status) == ("raxe_model_l2_v1.0", Origin.BUNDLE, "experimental")
    assert variant.runtime == "onnx_int8"
    assert variant.metadata.ml_config.embedding_dimension == t.WIDTH
    assert variant.metadata.ml_config.threat_categories == list(t.FAMILIES)
    assert discovery.warnings == ()
    assert ModelRegistry(toy.models).create_detector().analyze("please evilpi", None).metadata["is_attack"]


def test_a_bundle_in_the_models_folder_itself_is_legacy(toy: Toy) -> None:
    toy.metadata.unlink()
    toy.bundle.rename(toy.models / t.BUNDLE)
    [variant] = discover(toy.models).variants
    assert variant.origin is Origin.LEGACY
    assert ModelRegistry(toy.models).create_detector()


def test_metadata_may_name_a_bundle_in_its_legacy_place(toy: Toy) -> None:
    toy.bundle.rename(toy.models / t.BUNDLE)
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert discovery.warnings == ()
    assert works(toy)


def legacy(toy: Toy, quantization: str, config: dict[str, Any] | None) -> Path:
    folder = toy.models / f"model_quantized_{quantization}_deploy"
    folder.mkdir()
    shutil.copy(toy.onnx, folder / "model_quantized.onnx")
    shutil.copy(toy.tokenizer, folder / "tokenizer.json")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    "config",
    [{"_name_or_path": f"sentence-transformers/{t.SPACE}"}, {"hidden_size": t.WIDTH}, None, {"model_name": t.SPACE}],
)
def test_legacy_deploy_folders(toy: Toy, config: dict[str, Any] | None) -> None:
    """The old layout, and the id that old callers use."""
    folders = [legacy(toy, quantization, config) for quantization in ("int8", "fp16")]
    toy.bundle.rename(toy.models / t.BUNDLE)
    for name in ("metadata", "bundles", "embeddings"):
        shutil.rmtree(toy.models / name)
    registry = ModelRegistry(toy.models)
    found = {variant.model_id: variant for variant in registry.list_models()}
    assert set(found) == {"v1.0_onnx_int8", "v1.0_onnx_fp16"}
    assert registry.warnings == []
    assert found["v1.0_onnx_int8"].embeddings_path == folders[0].resolve() / "model_quantized.onnx"
    assert {variant.origin for variant in found.values()} == {Origin.LEGACY}
    assert found["v1.0_onnx_fp16"].runtime == "onnx_fp16"
    assert registry.create_detector("v1.0_onnx_int8").analyze("please evilpi", None).metadata["is_attack"]


def test_a_legacy_folder_that_no_bundle_fits_is_reported(toy: Toy) -> None:
    legacy(toy, "int8", {"_name_or_path": "other-model"})
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert "model_quantized_int8_deploy: is an embedding model that no bundle has heads for" in said(discovery.warnings)


def test_a_legacy_folder_that_metadata_names_is_that_variants(toy: Toy) -> None:
    folder = legacy(toy, "int8", None)
    edit(
        toy,
        "file_info",
        onnx_embeddings=f"{folder.name}/model_quantized.onnx",
        tokenizer=f"{folder.name}/tokenizer.json",
    )
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert discovery.warnings == ()
    assert works(toy)


@pytest.mark.parametrize("content", [b"", b"{", None])
def test_a_broken_legacy_folder_is_reported(toy: Toy, content: bytes | None) -> None:
    folder = legacy(toy, "int8", None)
    if content is None:
        (folder / "model_quantized.onnx").unlink()
    else:
        (folder / "config.json").write_bytes(content)
    discovery = discover(toy.models)
    assert [variant.model_id for variant in discovery.variants] == [MODEL_ID]
    assert "model_quantized_int8_deploy" in said(discovery.warnings)


BROKEN_BUNDLES = {
    "empty": b"", "text": b"hello", "cut": b"PK\x03\x04", "end only": b"PK\x05\x06" + bytes(18),
    "lying end": b"PK\x05\x06" + b"\xff" * 16 + bytes(2),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_BUNDLES)
def test_a_broken_bundle_is_a_subject_but_not_offered(toy: Toy, name: str) -> None:
    (toy.models / "bundles" / "stray.raxe").write_bytes(BROKEN_BUNDLES[name])
    discovery = discover(toy.models)
    variant = one(discovery, "stray")
    assert not variant.usable
    assert isinstance(variant.problems[0], BundleError)
    assert "stray.raxe" in said(discovery.warnings)
    assert not ModelRegistry(toy.models).has_model("stray")
    assert works(toy)


def test_a_bundle_is_not_read_for_its_manifest(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the heads are, discovery reads the directory and one member."""
    toy.metadata.unlink()
    with zipfile.ZipFile(toy.bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    t.pack_bundle(toy.bundle, t.manifest(), members | {"notes.txt": b"x" * 5_000_000})
    read = 0
    real = os.fdopen

    def counting(*args: Any, **kwargs: Any) -> Any:
        handle = real(*args, **kwargs)
        inner = handle.read

        class Counting:
            def __getattr__(self, name: str) -> Any:
                return getattr(handle, name)

            def __enter__(self) -> Counting:
                return self

            def __exit__(self, *_: object) -> None:
                handle.close()

            def read(self, size: int = -1) -> bytes:
                nonlocal read
                data: bytes = inner(size)
                read += len(data)
                return data

        return Counting()

    monkeypatch.setattr(os, "fdopen", counting)
    [variant] = discover(toy.models).variants
    assert variant.usable
    assert 0 < read < 100_000


def test_a_thousand_files_are_read_the_same_as_one(tmp_path: Path) -> None:
    write_many(tmp_path, 200)
    discovery = discover(tmp_path)
    assert len(discovery.variants) == 200
    assert discovery.warnings == ()
    assert {variant.status for variant in discovery.variants} == {"active"}
    first = discovery.variants[0]
    assert first.metadata.to_dict() == full_metadata() | {"model_id": first.model_id, "variant": "variant00000_int8"}


def test_without_a_folder_nothing_is_discovered(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="does not exist"):
        discover(tmp_path / "none")
