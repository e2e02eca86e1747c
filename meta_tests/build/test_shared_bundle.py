"""Several variants in one bundle: each build replaces its own head set and leaves the others as they are."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from safetensors.numpy import save

pytest.importorskip("onnx", reason="the extra `build` is not installed")
pytest.importorskip("sklearn", reason="the extra `build` is not installed")

from meta_tests.build.reference import tiny_weights
from meta_tests.build.test_make import build
from meta_tests.build.world import World, add_variant
from raxe_conformance.build.cache import keep
from raxe_conformance.build.make import build_variant, load_recipe, lodo_counts, plan
from raxe_conformance.build.recipe import RecipeError
from raxe_conformance.errors import BuildError
from raxe_conformance.fileio import canonical_json, digest_file
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.head_sets import FINGERPRINTS, all_head_sets, head_set_parts, put_together
from raxe_conformance.registry.pack import pack_bundle

FP16 = """heads_of = "v1.0_tiny_int8"
[outputs.onnx]
file = "embeddings/tiny_fp16.onnx"
[outputs.tokenizer]
file = "embeddings/tiny.tokenizer.json"
"""


@pytest.fixture
def other(world: World) -> World:
    made = add_variant(world, "v1.0_other_int8", "other", tiny_weights(3))
    keep(made.wheel, digest_of(made), what="other")
    return made


@pytest.fixture
def fp16(world: World) -> World:
    """A recipe that has its heads from the first one."""
    text = world.recipe.read_text(encoding="utf-8").replace("v1.0_tiny_int8", "v1.0_tiny_fp16")
    text = text.replace('format = "int8"\nper_channel = true\nreduce_range = true', 'format = "fp16"')
    found = World(world.models, world.data, world.wheel, "v1.0_tiny_fp16")
    top, rest = text[: text.index("[weights]")], text[text.index("[weights]") : text.index("[heads]")]
    heads_of, outputs = FP16.split("\n", 1)
    found.recipe.write_text(f"{top}{heads_of}\n{rest}{outputs}", encoding="utf-8")
    return found


def digest_of(world: World) -> str:
    found = re.search(r'sha256 = "([0-9a-f]{64})"', world.recipe.read_text(encoding="utf-8"))
    assert found
    return found.group(1)


def bundle_of(world: World) -> Bundle:
    return Bundle(world.models / "bundles" / "tiny_v1.0.raxe")


def test_the_same_bytes_in_either_order(world: World, other: World) -> None:
    path = world.models / "bundles" / "tiny_v1.0.raxe"
    build(world)
    alone = path.read_bytes()
    build(other)
    both = path.read_bytes()
    assert len(both) > len(alone)
    path.unlink()
    build(other)
    assert sorted(bundle_of(world).manifest.head_sets) == ["other"]
    build(world)
    assert path.read_bytes() == both
    build(world, refit=True)
    assert path.read_bytes() == both


def test_the_other_head_set_stays_byte_for_byte(world: World, other: World) -> None:
    build(world)
    before = head_set_parts(bundle_of(world), "tiny")
    build(other)
    bundle = bundle_of(world)
    assert bundle.problems() == []
    assert sorted(bundle.manifest.head_sets) == ["other", "tiny"]
    assert head_set_parts(bundle, "tiny") == before
    assert head_set_parts(bundle, "tiny").digest() == before.digest()
    other.edit("c = 1.0\nfamily_c", "c = 3.0\nfamily_c")
    changed = head_set_parts(bundle, "other").digest()
    build(other, refit=True)
    assert head_set_parts(bundle_of(world), "tiny") == before
    assert head_set_parts(bundle_of(world), "other").digest() != changed
    assert plan(load_recipe(world.models, world.model_id), world.models).empty


def test_head_sets_of_the_same_rows_share_their_fingerprints(world: World, other: World) -> None:
    build(world)
    build(other)
    one, two = (bundle_of(world).manifest.head_sets[name][FINGERPRINTS] for name in ("tiny", "other"))
    assert one == two
    assert sum(name.startswith(FINGERPRINTS) for name in bundle_of(world).names) == 1
    other.edit("benign_cap = 15", "benign_cap = 12")
    build(other, refit=True)
    one, two = (bundle_of(world).manifest.head_sets[name][FINGERPRINTS] for name in ("tiny", "other"))
    assert one != two
    # A member that no head set names any more is gone.
    world.edit("benign_cap = 15", "benign_cap = 12")
    build(world, refit=True)
    assert sum(name.startswith(FINGERPRINTS) for name in bundle_of(world).names) == 1


def test_metadata_of_all_who_share_the_bundle_follows_it(world: World, other: World) -> None:
    folder = world.models / "metadata"
    folder.mkdir()
    declared = {"filename": "tiny_v1.0.raxe", "checksum": "sha256:" + "0" * 64}
    for name, value in (
        ("v1.0_tiny_int8", {"a": "ä", "file_info": declared}),
        ("v1.0_elsewhere", {"file_info": {**declared, "filename": "another.raxe"}}),
        ("v1.0_none", {"file_info": None}),
    ):
        (folder / f"{name}.json").write_bytes(canonical_json(value))
    (folder / "broken.json").write_bytes(b"{")
    stranger = (folder / "v1.0_elsewhere.json").read_bytes()
    build(world)
    heard = build(other)
    found = digest_file(world.models / "bundles" / "tiny_v1.0.raxe", "")
    info = json.loads((folder / "v1.0_tiny_int8.json").read_bytes())["file_info"]
    assert (info["checksum"], info["size_mb"]) == (f"sha256:{found.sha256}", round(found.bytes / 1e6, 3))
    assert (folder / "v1.0_elsewhere.json").read_bytes() == stranger
    assert (folder / "broken.json").read_bytes() == b"{"
    assert [line for line in heard.lines if "metadata/" in line] == [
        "metadata/v1.0_tiny_int8.json: size and checksum of tiny_v1.0.raxe written"
    ]
    assert not any("metadata/" in line for line in build(other, refit=True).lines)


def test_accepted_heads_are_declared_by_nobody(world: World) -> None:
    build(world)
    folder = world.models / "metadata"
    folder.mkdir()
    before = canonical_json({"file_info": {"filename": "tiny_v1.0.raxe", "checksum": "sha256:" + "0" * 64}})
    (folder / "v1.0_tiny_int8.json").write_bytes(before)
    world.edit('bundle = "bundles/tiny_v1.0.raxe"', f'bundle = "bundles/tiny_v1.0.raxe"\nsha256 = "{"0" * 64}"')
    with pytest.raises(BuildError, match=r"the recipe says 000000000000…; .* 0 of 101 training decisions differ"):
        build(world)
    build(world, accept=True)
    assert (folder / "v1.0_tiny_int8.json").read_bytes() == before


def test_heads_of_another_recipe(world: World, fp16: World) -> None:
    recipe = load_recipe(fp16.models, fp16.model_id)
    assert (recipe.heads_of, recipe.fits_heads, recipe.quantization.per_channel) == (world.model_id, False, False)
    heard = build(fp16)
    assert f"{fp16.model_id}: its heads are those of {world.model_id}, which is built now" in heard.lines
    files = {path.name for path in (world.models / "embeddings").iterdir()}
    assert files == {"tiny_fp16.onnx", "tiny_int8.onnx", "tiny.tokenizer.json"}
    # Fitted on the int8 vectors, so there is nothing left to do for the one that fits.
    assert not build_variant(world.models, world.model_id, data_dir=world.data)
    assert "nothing to do" in build(fp16).lines[0]
    for name in ("tiny_int8.onnx", "tiny_fp16.onnx"):
        (world.models / "embeddings" / name).unlink()
    assert not any("heads" in line for line in build(fp16).lines)
    assert not (world.models / "embeddings" / "tiny_int8.onnx").exists()
    with pytest.raises(BuildError, match=r"heads_of: has its heads from v1\.0_tiny_int8; leave sources out"):
        lodo_counts(world.models, fp16.model_id, data_dir=world.data)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("max_sequence_length = 12", "max_sequence_length = 8", "embedding: is not that of v1.0_tiny_int8; heads read"),
        ("tiny.tokenizer.json", "x.tokenizer.json", "outputs.tokenizer: is not that of v1.0_tiny_int8"),
        ('heads_of = "v1.0_tiny_int8"', 'heads_of = "v1.0_tiny_fp16"', "heads_of: is the recipe itself"),
        ('format = "fp16"', 'format = "fp16"\nreduce_range = true', "quantization.reduce_range: is no key of a recipe"),
        (
            'heads_of = "v1.0_tiny_int8"',
            'heads_of = "v1.0_tiny_int8"\n[heads]\nseed = 0',
            "heads: is no key of a recipe",
        ),
    ],
)
def test_faults_of_a_recipe_without_heads(fp16: World, old: str, new: str, problem: str) -> None:
    fp16.edit(old, new)
    with pytest.raises(RecipeError) as caught:
        load_recipe(fp16.models, fp16.model_id)
    assert str(caught.value).startswith(f"{fp16.recipe}: {problem}")


def test_recipes_that_name_each_other_end(world: World, fp16: World) -> None:
    world.recipe.write_text(
        fp16.recipe.read_text(encoding="utf-8").replace(world.model_id, "v9").replace(fp16.model_id, world.model_id)
        .replace('"v9"', f'"{fp16.model_id}"'), encoding="utf-8",
    )  # fmt: skip
    with pytest.raises(RecipeError, match=r"heads_of: is 'v1\.0_tiny_int8', which has its heads from another recipe"):
        load_recipe(fp16.models, fp16.model_id)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('author = "nobody"', 'author = "somebody"', "bundle.author: is not that of v1.0_tiny_int8, which shares"),
        ("2026-01-31T", "2026-02-01T", "created_at: is not that of v1.0_tiny_int8"),
        ('name = "other"', 'name = "tiny"', "embedding.name: is 'tiny', for which v1.0_tiny_int8 fits heads"),
    ],
)
def test_recipes_of_one_bundle_must_agree(world: World, other: World, old: str, new: str, field: str) -> None:
    build(world)
    other.edit(old, new)
    with pytest.raises(RecipeError) as caught:
        build(other)
    assert str(caught.value).startswith(f"{other.recipe}: {field}")


def test_other_families_do_not_go_with_the_heads_that_are_there(world: World, other: World) -> None:
    build(world)
    world.recipe.unlink()
    other.edit('families = ["PI", "JB"]', 'families = ["JB", "PI"]')
    with pytest.raises(BuildError, match=r"capabilities\.families: are PI, JB to the other head sets, but .* JB, PI"):
        build(other)
    (world.models / "bundles" / "tiny_v1.0.raxe").unlink()
    build(other)
    assert bundle_of(world).manifest.families == ("JB", "PI")


def test_a_bundle_that_does_not_open_is_begun_anew_and_said(world: World, other: World) -> None:
    build(other)
    path = world.models / "bundles" / "tiny_v1.0.raxe"
    path.write_bytes(path.read_bytes()[:-30])
    heard = build(world)
    assert any(line.startswith("tiny_v1.0.raxe is begun anew, head sets of other variants") for line in heard.lines)
    assert sorted(bundle_of(world).manifest.head_sets) == ["tiny"]


def test_a_member_that_no_recipe_makes_is_not_thrown_away(world: World, other: World) -> None:
    build(world)
    old = bundle_of(world)
    head_sets = all_head_sets(old)
    manifest, members = put_together(old.manifest.raw, {"notes.json": b"{}\n"}, head_sets)
    pack_bundle(old.path, manifest, members)
    with pytest.raises(BuildError, match=r"notes\.json: holds a member that no recipe makes; remove the bundle"):
        build(other)


def test_an_entry_may_name_more_members(world: World, other: World) -> None:
    build(world)
    old = bundle_of(world)
    parts = head_set_parts(old, "tiny")
    parts.entry["extra"] = {"file": "extra/tiny.safetensors", "window": 3}
    parts.members["extra/tiny.safetensors"] = save({"weights": np.zeros(8, np.int8)})
    shared = {name: old.member(name) for name in ("keyword_triggers.json", "schema.json")}
    pack_bundle(old.path, *put_together(old.manifest.raw, shared, {"tiny": parts}))
    build(other)
    assert bundle_of(world).member("extra/tiny.safetensors") == save({"weights": np.zeros(8, np.int8)})
    assert head_set_parts(bundle_of(world), "tiny").digest() == parts.digest()
