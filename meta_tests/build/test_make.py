"""A recipe followed from end to end on a tiny encoder, and everything that a second run must not do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx", reason="the extra `build` is not installed")
pytest.importorskip("sklearn", reason="the extra `build` is not installed")

from meta_tests.build.world import World, digest, model_files
from raxe_conformance.build import make as module
from raxe_conformance.build.make import build_variant, load_recipe, plan
from raxe_conformance.cli.build import command as build_command
from raxe_conformance.cli.export import command as export_command
from raxe_conformance.corpus.index import CorpusMissingError
from raxe_conformance.errors import BuildError, RaxeError, UnknownModelError
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.head_sets import head_set_parts
from raxe_conformance.runtime.embed import Embedder
from raxe_conformance.runtime.heads import Heads


class Listening:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[object]:
        self.steps.append(what)
        yield lambda count: None


def build(world: World, **options: bool) -> Listening:
    heard = Listening()
    build_variant(world.models, world.model_id, data_dir=world.data, progress=heard, **options)  # type: ignore[arg-type]
    return heard


def results(world: World) -> dict[str, bytes]:
    folders = [world.models / "embeddings", world.models / "bundles"]
    return {
        path.relative_to(world.models).as_posix(): path.read_bytes()
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
    }


def record(world: World) -> None:
    """Write the digests of what was built into the recipe."""
    for name, data in results(world).items():
        if name.endswith(".raxe"):
            heads = head_set_parts(Bundle(world.models / name), "tiny").digest()
            world.edit(f'bundle = "{name}"', f'bundle = "{name}"\nsha256 = "{heads}"')
        else:
            world.edit(f'file = "{name}"', f'file = "{name}"\nsha256 = "{digest(data)}"')


@pytest.fixture
def built(world: World) -> World:
    build(world)
    record(world)
    return world


def test_everything_is_made_and_verified(world: World) -> None:
    heard = build(world)
    assert sorted(results(world)) == [
        "bundles/tiny_v1.0.raxe", "embeddings/tiny.tokenizer.json", "embeddings/tiny_int8.onnx",
    ]  # fmt: skip
    said = "\n".join(heard.lines)
    assert f"tiny-model==1.0: from the cache, {len(world.wheel)} bytes, sha256 {digest(world.wheel)} verified" in said
    for name, data in model_files().items():
        assert f"{name}, {len(data)} bytes, sha256 {digest(data)} verified" in said
    assert re.search(r"corpora: 3 sources, 5 files, \d+ bytes, every sha256 verified", said)
    for name, data in results(world).items():
        what = "head set sha256 " if name.endswith(".raxe") else f"sha256 {digest(data)}"
        assert f"{name}: {len(data)} bytes, {what}" in said
    assert sum("not in the recipe yet" in line for line in heard.lines) == 4


def test_the_bundle_fits_the_encoder_and_says_what_it_is(built: World) -> None:
    bundle = Bundle(built.models / "bundles" / "tiny_v1.0.raxe")
    assert bundle.problems() == []
    assert set(bundle.names) >= {
        "manifest.json", "heads/tiny.safetensors", "keyword_triggers.json", "embedding_config.json",
        "training_stats.json", "schema.json",
    }  # fmt: skip
    manifest = bundle.manifest
    assert (manifest.bundle_version, manifest.schema_version, manifest.model_id) == ("1.0.0", "2.0.0", "tiny_v1.0")
    assert manifest.created_at == "2026-01-31T00:00:00Z"
    assert manifest.families == ("PI", "JB")
    heads = bundle.head_set("tiny")
    tokenizer = built.models / "embeddings" / "tiny.tokenizer.json"
    assert heads.tokenizer_sha256 == digest(tokenizer.read_bytes())
    embedder = Embedder.load(built.models / "embeddings" / "tiny_int8.onnx", tokenizer, max_sequence_length=12)
    scored = Heads(heads, embedder.width, name="tiny")
    lines = (built.data / "one" / "attacks.jsonl").read_text(encoding="utf-8").split("\n")
    attacks = [scored.score(embedder.embed(json.loads(line)["text"])) for line in lines]
    calm = (built.data / "one" / "benign.txt").read_text(encoding="utf-8").split("\n")
    calm_scores = [scored.score(embedder.embed(text)).score for text in calm]
    assert np.mean([found.score for found in attacks]) > np.mean(calm_scores)
    assert {max(found.families, key=found.families.__getitem__) for found in attacks} == {"PI"}
    stats = bundle.json("training_stats.json")["head_sets"]["tiny"]
    assert stats["rows"]["trained_on"] == stats["rows"]["attacks"] + stats["rows"]["benign"]
    assert {entry["source"] for entry in stats["by_source"]} == {"one", "two", "three"}
    assert stats["held_out"]["fpr"] <= 0.05
    assert stats["threshold"]["value"] == pytest.approx(heads.threshold, abs=1e-6)
    assert stats["left_out"] == [{"file": "four/noise.jsonl", "reason": "wrong labels"}]


def test_bundles_hold_no_training_text(built: World) -> None:
    data = (built.models / "bundles" / "tiny_v1.0.raxe").read_bytes()
    assert b"weather in town" not in data
    assert b"free of rules" not in data


def test_the_tokenizer_never_cuts_or_pads(built: World) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(built.models / "embeddings" / "tiny.tokenizer.json"))
    assert (tokenizer.truncation, tokenizer.padding) == (None, None)
    assert len(tokenizer.encode("soup " * 50).ids) == 52


def test_made_again_it_is_the_same_to_the_byte(built: World) -> None:
    before = results(built)
    for name in before:
        (built.models / name).unlink()
    heard = build(built)
    assert results(built) == before
    assert sum("as the recipe says" in line for line in heard.lines) == 3


def test_the_second_run_does_nothing_and_says_so(built: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = results(built)
    monkeypatch.setattr(module, "_make_embedding", lambda *_: pytest.fail("exported"))
    monkeypatch.setattr(module, "_make_heads", lambda *_: pytest.fail("fitted"))
    heard = build(built)
    assert heard.lines == [f"{built.model_id}: nothing to do, all files are there and have the recipe's SHA-256"]
    assert heard.steps == []
    assert results(built) == before


def test_the_second_run_imports_nothing_heavy(built: World) -> None:
    code = (
        "import sys; from pathlib import Path; from raxe_conformance.build.make import build_variant\n"
        f"assert not build_variant(Path({str(built.models)!r}), {built.model_id!r})\n"
        "print(sorted(set(sys.modules) & {'sklearn', 'onnx', 'onnxruntime', 'scipy', 'pandas', 'tokenizers'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_encoder_needs_no_corpora(built: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = results(built)
    (built.models / "embeddings" / "tiny_int8.onnx").unlink()
    monkeypatch.setenv("RAXE_CORPUS_MIRROR", "/nowhere")
    heard = Listening()
    assert build_variant(built.models, built.model_id, progress=heard)
    assert results(built) == before
    assert not any("corpora" in line for line in heard.lines)


def test_missing_corpora_are_one_line_before_any_download(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAXE_CORPUS_MIRROR", str(world.models))
    with pytest.raises(CorpusMissingError, match=r"holds no index\.jsonl; name the right folder by RAXE_CORPUS_MIRROR"):
        build_variant(world.models, world.model_id)
    assert results(world) == {}


def test_refit_makes_only_the_bundle(built: World) -> None:
    before = results(built)
    heard = build(built, refit=True)
    assert results(built) == before
    assert any("bundles/tiny_v1.0.raxe" in line and "as the recipe says" in line for line in heard.lines)
    assert not any("tiny_int8.onnx" in line for line in heard.lines)


def test_an_encoder_with_another_digest_is_explained_and_not_kept(world: World) -> None:
    world.edit('file = "embeddings/tiny_int8.onnx"', f'file = "embeddings/tiny_int8.onnx"\nsha256 = "{"0" * 64}"')
    with pytest.raises(BuildError) as caught:
        build(world)
    assert re.search(
        r"tiny_int8\.onnx: is not as the recipe says, and was not written: its SHA-256 is [0-9a-f]{12}…, "
        r"the recipe says 000000000000…; "
        r"cosine to float32 0\.9\d+ median, 0\.\d+ least; .*--accept",
        str(caught.value),
    )
    assert "embeddings/tiny_int8.onnx" not in results(world)
    heard = build(world, accept=True)
    assert any(f"accepted, the recipe says {'0' * 64}" in line for line in heard.lines)


def test_an_encoder_of_equal_content_is_taken(world: World) -> None:
    heard = build(world)
    (line,) = [line for line in heard.lines if "content_sha256" in line]
    content = re.search(r"[0-9a-f]{64}", line)
    assert content
    world.edit(
        'file = "embeddings/tiny_int8.onnx"',
        f'file = "embeddings/tiny_int8.onnx"\nsha256 = "{"0" * 64}"\ncontent_sha256 = "{content.group()}"',
    )
    heard = build(world)
    assert any("the same nodes and weights" in line for line in heard.lines)


def test_heads_with_another_digest_are_compared_with_those_there(built: World) -> None:
    before = results(built)
    built.edit("c = 1.0\nfamily_c", "c = 2.0\nfamily_c")
    with pytest.raises(
        BuildError, match=r"weights moved by at most .*, the threshold from .* of 101 training decisions"
    ):
        build(built, refit=True)
    assert results(built) == before


def test_a_damaged_file_is_made_again(built: World) -> None:
    before = results(built)
    (built.models / "embeddings" / "tiny_int8.onnx").write_bytes(b"half")
    build(built)
    assert results(built) == before


def test_a_result_that_cannot_be_written(world: World) -> None:
    (world.models / "embeddings").write_bytes(b"a file where the folder should be")
    with pytest.raises(BuildError, match=r"tiny\.tokenizer\.json: cannot be written: .*; make room, or allow writing"):
        build(world)


@pytest.mark.parametrize("step", ["fit_heads", "training_stats", "bundle_bytes"])
def test_an_interrupted_build_leaves_no_half_made_file(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from raxe_conformance.build import bundling, heads, stats

    owner = {"fit_heads": heads, "training_stats": stats, "bundle_bytes": bundling}[step]

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, stop)
        with pytest.raises(KeyboardInterrupt):
            build(world)
    assert sorted(results(world)) == ["embeddings/tiny.tokenizer.json", "embeddings/tiny_int8.onnx"]
    record(world)
    heard = build(world)
    assert not any("wheel" in line or "tiny-model" in line for line in heard.lines)
    assert "bundles/tiny_v1.0.raxe" in results(world)


def test_vectors_are_made_once(built: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from raxe_conformance.build import vectors

    monkeypatch.setattr(vectors, "_embed", lambda *_: pytest.fail("embedded again"))
    build(built, refit=True)


def test_damaged_vectors_are_made_again(built: World, cache: Path) -> None:
    before = results(built)
    for path in (cache / "vectors").iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    build(built, refit=True)
    assert results(built) == before


def test_changed_triggers_are_refused(built: World) -> None:
    (built.models / "recipes" / "keyword_triggers.json").write_text('{"triggers": []}', encoding="utf-8")
    with pytest.raises(BuildError, match=r"bundle\.triggers_sha256: is .*, but keyword_triggers\.json has the SHA-256"):
        build(built, refit=True)


def test_the_recipes_width_must_be_the_weights(world: World) -> None:
    world.edit("dimension = 16", "dimension = 32")
    with pytest.raises(BuildError, match=r"embedding\.dimension: is 32, but the weights have 16"):
        build(world)


def test_an_unknown_id_lists_what_there_is(world: World) -> None:
    with pytest.raises(UnknownModelError, match=f"there is no recipe for 'v9'; there are: {world.model_id}"):
        load_recipe(world.models, "v9")


def test_the_plan(built: World) -> None:
    recipe = load_recipe(built.models, built.model_id)
    assert plan(recipe, built.models).empty
    assert plan(recipe, built.models, refit=True).heads


def test_command_build_in_a_pipe(world: World) -> None:
    arguments = [world.model_id, "--models-dir", str(world.models), "--data-dir", str(world.data)]
    first = CliRunner().invoke(build_command, arguments)
    assert first.exit_code == 0, first.output
    assert "\x1b" not in first.output
    assert "verified" in first.output
    second = CliRunner().invoke(build_command, arguments)
    assert "nothing to do" in second.output
    assert len(second.output.splitlines()) == 1
    wrong = CliRunner().invoke(build_command, [*arguments, "v9"])
    assert isinstance(wrong.exception, UnknownModelError)


@pytest.mark.parametrize(("quantization", "kind"), [("int8", "int8"), ("fp16", "float16"), ("fp32", "float")])
def test_command_export(world: World, tmp_path: Path, quantization: str, kind: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, data in model_files().items():
        (folder / name).write_bytes(data)
    for number, model in enumerate((str(folder), "tiny", world.model_id)):
        output = tmp_path / f"out{number}" / f"tiny_{quantization}.onnx"
        arguments = ["--model", model, "--quantization", quantization, "--output", str(output)]
        done = CliRunner().invoke(export_command, [*arguments, "--models-dir", str(world.models)])
        assert done.exit_code == 0, done.output
        assert f"{output}: 0.0 MB" in done.output.replace("\n", "")
        tokenizer = output.parent / "tiny.tokenizer.json"
        assert Embedder.load(output, tokenizer, max_sequence_length=12).embed("soup and bread").shape == (1, 16)
        assert kind


def test_export_warns_above_50_mb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from raxe_conformance.build import exporting

    monkeypatch.setattr(exporting, "export_model", lambda *_, **__: [(Path("big.onnx"), 50_100_000)])
    done = CliRunner().invoke(export_command, ["--model", "x", "--output", str(tmp_path / "big.onnx")])
    assert "big.onnx: 50.1 MB" in done.output
    assert "WARNING: big.onnx is 50.1 MB, over the limit of 50 MB" in done.output


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"config.json": None}, "the model file does not exist"),
        ({"1_Pooling/config.json": b'{"pooling_mode_cls_token": true}'}, "pools by pooling_mode_cls_token"),
        ({"modules.json": b'[{"type": "sentence_transformers.models.Dense"}]'}, "has a module Dense"),
        ({"modules.json": b"{"}, "is no list of modules"),
        ({"tokenizer.json": b"{}"}, "is no tokenizer of the `tokenizers` library"),
    ],
)
def test_folders_that_cannot_be_exported(
    world: World, tmp_path: Path, change: dict[str, bytes | None], problem: str
) -> None:
    from raxe_conformance.build.exporting import export_model

    folder = tmp_path / "model"
    for name, data in {**model_files(), **change}.items():
        if data is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    output = tmp_path / "out" / "x_int8.onnx"
    with pytest.raises(RaxeError, match=problem):
        export_model(str(folder), output, quantization="int8", opset=23, models=world.models)
    assert not output.parent.exists()


def test_a_model_that_nobody_knows(world: World, tmp_path: Path) -> None:
    from raxe_conformance.build.exporting import export_model

    with pytest.raises(UnknownModelError, match=f"'nope' is no folder.*one of: tiny, {world.model_id}"):
        export_model("nope", tmp_path / "x.onnx", quantization="int8", opset=23, models=world.models)
    with pytest.raises(BuildError, match=r"should end in '\.onnx'"):
        export_model("tiny", tmp_path / "x.bin", quantization="int8", opset=23, models=world.models)
