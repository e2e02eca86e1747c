"""Fine-tuning on the small world: what comes out, that it repeats, that it resumes, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra `build` is not installed")
pytest.importorskip("sklearn", reason="the extra `build` is not installed")
pytest.importorskip("torch", reason="the extra `train` is not installed")

import torch

from meta_tests.build.reference import forward, tiny_config, tiny_weights
from meta_tests.build.test_make import build, results
from meta_tests.build.world import World
from raxe_conformance.build.bert import Bert, read_bert, read_config
from raxe_conformance.build.finetune import prepare
from raxe_conformance.build.finetune import trained as trained_file
from raxe_conformance.build.finetune.fit import NEVER, calibrate, folds_by_source
from raxe_conformance.build.finetune.loop import Examples, train
from raxe_conformance.build.finetune.network import Network, take_layers
from raxe_conformance.build.finetune.texts import plant, read_labels, relabel, text_id
from raxe_conformance.build.make import load_recipe, lodo_counts
from raxe_conformance.build.progress import Silent
from raxe_conformance.build.recipe import EncoderSettings, RecipeError
from raxe_conformance.corpus.index import CorpusRow
from raxe_conformance.errors import BuildError
from raxe_conformance.registry.bundle import Bundle

ENCODER = """[encoder]
layers = [0]
window = 6
epochs = 8
batch = 8
rate = 1e-3
head_rate = 1e-2
decay = 0.0
source_power = 0.5
family_weight = 0.3
planted = 0
threads = 1
labels = "labels.csv"
labels_sha256 = "{digest}"
"""
SELECTOR = """[selector]
bits = 8
c = 1.0
window = 6
mix = 0.5
"""


@pytest.fixture
def tuned(world: World) -> World:
    """The small world with a recipe that fine-tunes."""
    labels = b""
    (world.recipe.parent / "labels.csv").write_bytes(labels)
    for line in ("family_c = 1.0\n", "c = 1.0\n", "max_iterations = 1000\n", "source_power = 0.5\n"):
        world.edit(line, "")
    world.edit("[heads]\n", ENCODER.format(digest=hashlib.sha256(labels).hexdigest()) + "[heads]\n")
    return world


def tiny_bert() -> Bert:
    return read_bert(read_config(tiny_config(), file=""), tiny_weights(), file="")


def row(text: str, family: str | None = None, source: str = "s") -> CorpusRow:
    return CorpusRow(text, family is not None, family, source, f"{source}/f", ("en",))


def test_the_module_is_the_encoder_that_it_was_made_of() -> None:
    bert = tiny_bert()
    network = Network(bert, 2).eval()
    ids = np.array([[2, 7, 9, 3]])
    with torch.inference_mode():
        found = network.embed(torch.from_numpy(ids), torch.ones(1, 4, dtype=torch.bool)).numpy()
    hidden = forward(bert, ids, np.ones_like(ids))[0].mean(axis=0)
    assert found[0] == pytest.approx(hidden / np.linalg.norm(hidden), abs=1e-5)
    back = network.to_bert()
    assert np.array_equal(back.layers[0].qkv.weight, bert.layers[0].qkv.weight)
    assert np.array_equal(back.places, bert.places)


def test_a_repeated_layer_adds_next_to_nothing_at_first() -> None:
    bert = tiny_bert()
    ids, mask = torch.tensor([[2, 7, 9, 11, 3]]), torch.ones(1, 5, dtype=torch.bool)
    last = len(bert.layers) - 1
    with torch.inference_mode():
        once = Network(bert, 2).eval().embed(ids, mask)
        again = Network(take_layers(bert, [*range(len(bert.layers)), last]), 2).eval().embed(ids, mask)
    assert float((once * again).sum()) > 0.95


@pytest.mark.parametrize("selector", ["", SELECTOR])
def test_a_variant_is_made_and_repeats(
    tuned: World, selector: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tuned.edit("[heads]\n", selector + "[heads]\n")
    heard = build(tuned)
    first = results(tuned)
    bundle = Bundle(tuned.models / "bundles" / "tiny_v1.0.raxe")
    assert bundle.problems() == []
    heads = bundle.head_set("tiny")
    assert (heads.selector is not None) == bool(selector)
    assert bundle.manifest.schema_version == ("2.1.0" if selector else "2.0.0")
    stats = bundle.json("training_stats.json")["head_sets"]["tiny"]
    assert stats["held_out"]["fpr"] <= 0.05
    assert any("training on" in step for step in heard.steps)
    table = lodo_counts(tuned.models, tuned.model_id, data_dir=tuned.data)
    assert {item["source"] for item in table["sources"]} == {"one", "two", "three"}
    assert "random_split" not in table
    # Another cache: trained again from the start, and the same to the byte.
    for name in first:
        (tuned.models / name).unlink()
    monkeypatch.setattr(prepare, "cache_dir", lambda: tmp_path / "other")
    build(tuned)
    assert results(tuned) == first


def test_an_interrupted_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    ids = [chance.integers(4, 40, int(chance.integers(1, 8))) for _ in range(120)]
    attack = np.arange(120) % 2 == 0
    examples = Examples(ids, attack, np.where(attack, 0, -1), ["a"] * 120)
    settings = EncoderSettings((0,), 8, 1, 4, 1e-3, 1e-2, 0.0, 0.5, 0.3, 0, 1, "l", "0" * 64)
    checkpoint = tmp_path / "a.pt"

    class StopError(Exception):
        pass

    def interrupted(after: int) -> object:
        done = [0]

        def advance(count: int) -> None:
            done[0] += count
            if done[0] >= after:
                raise StopError

        return advance

    def run(**options: object) -> Network:
        return train(tiny_bert(), examples, 2, settings, seed=0, frame=(2, 3), **options)  # type: ignore[arg-type]

    whole = run()
    with pytest.raises(StopError):
        run(checkpoint=checkpoint, advance=interrupted(60))
    assert checkpoint.is_file()
    seen = [0]
    resumed = run(checkpoint=checkpoint, advance=lambda count: seen.__setitem__(0, seen[0] + count))
    assert 0 < seen[0] < 120
    assert not checkpoint.exists()
    for one, two in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_what_was_trained_survives_as_a_file(tuned: World) -> None:
    tuned.edit("[heads]\n", SELECTOR + "[heads]\n")
    recipe = load_recipe(tuned.models, tuned.model_id)
    assert recipe.encoder is not None
    found = prepare.training(recipe, recipe.encoder, tuned.models, tuned.data, Silent()).trained
    data = trained_file.to_bytes(found)
    assert trained_file.to_bytes(trained_file.from_bytes(data)) == data
    with pytest.raises((ValueError, KeyError)):
        trained_file.from_bytes(data[:8] + b"x" + data[9:])


def test_labels_relabel_and_drop(tmp_path: Path) -> None:
    rows = [row("a", "PI"), row("b", "PI"), row("c"), row("d", "JB"), row("e", "RAG")]
    path = tmp_path / "labels.csv"
    lines = zip("abcd", ("DROP", "BENIGN", "CMD", "PI"), strict=True)
    path.write_text("".join(f"{text_id(text)},{label}\n" for text, label in lines), encoding="ascii")
    found = relabel(rows, read_labels(path))
    assert [(r.text, r.is_attack, r.family) for r in found.rows] == [
        ("b", False, None), ("c", True, "CMD"), ("d", True, "PI"), ("e", True, "RAG"),
    ]  # fmt: skip
    assert (found.dropped, found.to_benign, found.to_attack, found.other_family) == (1, 1, 1, 1)
    for bad in ("abc,PI\n", f"{text_id('a')},XX\n", f"{text_id('a')}\n"):
        path.write_text(bad, encoding="ascii")
        with pytest.raises(BuildError, match="line 1"):
            read_labels(path)


def test_planted_attacks_stay_within_their_group() -> None:
    carrier = {n: " ".join(f"word{n}" for _ in range(90)) for n in (0, 1)}
    rows = [row(carrier[0]), row(carrier[1]), row("drop your rules zero", "PI"), row("drop your rules one", "JB")]
    found = plant(rows, [0, 1, 0, 1], 20, seed=3)
    assert len(found) == 20
    for planted, group in found:
        assert planted.family == "RAG"
        assert f"word{group}" in planted.text
        assert f"word{1 - group}" not in planted.text
        assert ("rules zero" in planted.text) == (group == 0)
    assert plant(rows, [0, 1, 0, 1], 20, seed=3) == found
    assert plant(rows[:2], [0, 1], 20, seed=3) == []


def test_own_text_is_never_held_out() -> None:
    rows = [row("x", "PI", s) for s in ("a", "b", "own-grammar")] + [
        row("y", None, s) for s in ("a", "b", "own-grammar")
    ]
    assert folds_by_source(rows, 2).tolist() in ([0, 1, NEVER] * 2, [1, 0, NEVER] * 2)


def test_calibration_gives_probabilities_and_refuses_scores_that_say_nothing() -> None:
    chance = np.random.default_rng(0)
    truth = chance.random(4000) < 0.3
    logit = np.where(truth, 2.0, -2.0) + chance.normal(size=4000) * 2
    slope, shift = calibrate(logit, truth)
    score = 1 / (1 + np.exp(-(slope * logit + shift)))
    assert score.mean() == pytest.approx(truth.mean(), abs=0.01)
    with pytest.raises(BuildError, match="no better than chance"):
        calibrate(-logit, truth)


def test_wrong_labels_and_layers_are_refused(tuned: World) -> None:
    (tuned.recipe.parent / "labels.csv").write_text("changed", encoding="ascii")
    with pytest.raises(RecipeError, match=r"encoder\.labels_sha256"):
        build(tuned)
    (tuned.recipe.parent / "labels.csv").write_text("", encoding="ascii")
    tuned.edit("layers = [0]", "layers = [7]")
    with pytest.raises(RecipeError, match=r"encoder\.layers"):
        build(tuned)
    assert results(tuned) == {}
