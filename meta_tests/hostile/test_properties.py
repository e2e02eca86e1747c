"""Whatever is written into a file: it is read, or refused by a RaxeError. Nothing else comes out."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meta_tests.hostile.bundles import HEADS, MANIFEST
from meta_tests.support.toy import SPACE, Toy
from raxe_conformance.corpus.rows import LABELS, Benchmark, read_benchmark
from raxe_conformance.errors import RaxeError
from raxe_conformance.fileio import canonical_json, sha256
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.discover import discover
from raxe_conformance.registry.metadata import parse_metadata

MANY = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["../x", "/etc/passwd", "active", "onnx_int8", "sha256:" + "0" * 64, "good.raxe", "2.0.0"])
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def told(error: RaxeError) -> None:
    """An expected failure says where, on one line."""
    assert str(error).isprintable()
    assert error.file


def edited(value: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A JSON object with some values anywhere in it changed, removed or added."""
    changed: dict[str, Any] = json.loads(json.dumps(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = changed
        while True:
            if not at:
                break
            keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
                at = at[key]
                continue
            what = data.draw(st.sampled_from(["set", "set", "remove", "add"]))
            if what == "remove":
                del at[key]
            elif what == "add" and isinstance(at, dict):
                at[data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))] = data.draw(JSON)
            else:
                at[key] = data.draw(JSON)
            break
    return changed


@MANY
@given(st.data())
def test_metadata(toy: Toy, data: st.DataObject) -> None:
    value = edited(json.loads(toy.metadata.read_text()) | {"accuracy": {"binary_f1": 0.9}}, data)
    try:
        found = parse_metadata(value, file="m.json")
        assert found.to_dict() == value
    except RaxeError as error:
        told(error)
    before = toy.metadata.read_bytes()
    try:
        toy.metadata.write_bytes(canonical_json(value))
        discovery = discover(toy.models)
    finally:
        toy.metadata.write_bytes(before)
    for warning in discovery.warnings:
        assert str(warning).isprintable()
    root = toy.models.resolve()
    for variant in discovery.variants:
        assert all(path.resolve().is_relative_to(root) for path in variant.files().values())
        assert isinstance(variant.status, str)
        assert variant.metadata.to_dict() is not None


@MANY
@given(st.data())
def test_manifest(toy: Toy, tmp_path: Path, data: st.DataObject) -> None:
    with zipfile.ZipFile(toy.bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[MANIFEST] = canonical_json(edited(json.loads(members[MANIFEST]), data))
    path = tmp_path / "m.raxe"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    used(path)


def used(path: Path) -> bool:
    """Open a bundle and all that is in it. True where nothing is wrong."""
    try:
        found = Bundle(path)
        problems = found.problems()
        for problem in problems:
            told(problem)
        found.head_set(SPACE)
        assert found.member(MANIFEST)
    except RaxeError as error:
        told(error)
        return False
    return not problems


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "swap", "end"]),
        st.integers(0, 10**6),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def mutate(data: bytes, mutations: list[tuple[str, int, bytes]]) -> bytes:
    out = bytearray(data)
    for kind, where, new in mutations:
        at = where % max(1, len(out))
        if kind == "flip" and out:
            out[at] ^= new[0] or 1
        elif kind == "cut":
            del out[at : at + len(new)]
        elif kind == "insert":
            out[at:at] = new
        elif kind == "swap":
            half = out[at : at + 64]
            del out[at : at + 64]
            out[(at * 7) % max(1, len(out)) : 0] = half
        elif kind == "end":
            del out[len(out) - len(new) :]
    return bytes(out)


@MANY
@given(MUTATIONS)
def test_bundle_bytes(pristine_toy: Toy, tmp_path: Path, mutations: list[tuple[str, int, bytes]]) -> None:
    good = pristine_toy.bundle.read_bytes()
    path = tmp_path / "b.raxe"
    path.write_bytes(mutate(good, mutations))
    fine = used(path)
    if fine:
        # Nothing wrong means nothing changed that anybody reads.
        assert members(path.read_bytes()) == members(good)
    path.write_bytes(good)
    assert used(path)


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@MANY
@given(MUTATIONS)
def test_head_bytes(pristine_toy: Toy, tmp_path: Path, mutations: list[tuple[str, int, bytes]]) -> None:
    """Heads whose checksum is true: only what they say is wrong with them."""
    found = members(pristine_toy.bundle.read_bytes())
    found[HEADS] = mutate(found[HEADS], mutations)
    manifest = json.loads(found[MANIFEST])
    manifest["checksums"][HEADS] = sha256(found[HEADS])
    found[MANIFEST] = canonical_json(manifest)
    path = tmp_path / "b.raxe"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in found.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    used(path)


ROWS = st.fixed_dictionaries(
    {"text": st.text(max_size=20) | JSON, "label": st.sampled_from(LABELS) | JSON},
    optional={key: st.text(max_size=5) | JSON for key in ("id", "subfamily", "source", "pair", "extra")},
)


@MANY
@given(st.lists(ROWS, max_size=4), MUTATIONS | st.just([]))
def test_rows(tmp_path: Path, rows: list[dict[str, Any]], mutations: list[tuple[str, int, bytes]]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(mutate("".join(json.dumps(row) + "\n" for row in rows).encode(), mutations))
    try:
        found = read_benchmark(path)
    except RaxeError as error:
        told(error)
        return
    assert isinstance(found, Benchmark)
    assert all(row.text.strip() and row.label in LABELS and row.id for row in found.rows)


@pytest.mark.parametrize("name", ["bundle", "metadata", "rows", "tokenizer", "onnx"])
def test_fuzz_targets_take_their_seeds(name: str, toy: Toy) -> None:
    """The targets work without atheris; what they find is found by running `python -m meta_tests.fuzz`."""
    from meta_tests.fuzz.targets import TARGETS

    target, seeds = TARGETS[name](toy)
    for seed in seeds:
        target(seed)
        target(seed[: len(seed) // 2])
        target(seed + b"\0")
