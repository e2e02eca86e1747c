"""joblib bundles: refused, explained, and converted only when asked to, in another process."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meta_tests.registry.support import run
from raxe_conformance.errors import BundleError, ExecutableMemberError, UsageError
from raxe_conformance.registry.bundle import Bundle
from raxe_conformance.registry.migrate_joblib import convert_joblib_bundle
from raxe_conformance.registry.migrate_joblib_heads import HeadError, convert_heads, layers_of

sklearn = pytest.importorskip("sklearn")
joblib = pytest.importorskip("joblib")

FAMILIES = ["PI", "JB", "CMD", "PII", "ENC", "RAG"]
WIDTH = 12
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, WIDTH))
X /= np.linalg.norm(X, axis=1, keepdims=True)
ATTACK = (X[:, 0] + X[:, 1] > 0).astype(int)
FAMILY = np.argmax(X[:, : len(FAMILIES)], axis=1)
NAMES = np.array(FAMILIES)[FAMILY]
MANIFEST: dict[str, Any] = {
    "bundle_version": "1.0.0", "schema_version": "1.0.0", "model_id": "raxe_model_l2_v1.0",
    "created_at": "2025-11-20T00:00:00Z", "metadata": {"author": "x", "description": "old"},
    "architecture": {"type": "multi-head", "embedding_model": "sentence-transformers/all-mpnet-base-v2"},
    "training": {"metrics": {"f1": 0.9}}, "capabilities": {"families": FAMILIES, "num_subfamilies": 0},
    "output_schema_ref": "schema.json", "checksums": {},
}  # fmt: skip


def logistic(y: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200).fit(X, y)


def write_old(path: Path, value: Any, *, name: str = "classifier.joblib", **members: Any) -> Path:
    held = io.BytesIO()
    joblib.dump(value, held, compress=3)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(MANIFEST))
        archive.writestr(name, held.getvalue())
        for other, content in members.items():
            archive.writestr(f"{other}.json", json.dumps(content))
    return path


def probability(bundle: Bundle, vectors: Any) -> Any:
    """The attack probability that a bundle's binary head gives."""
    found = bundle.head_set(next(iter(bundle.manifest.head_sets)))
    for index, (weight, bias) in enumerate(found.layers["binary"]):
        vectors = vectors @ weight.T + bias
        if index + 1 < len(found.layers["binary"]):
            vectors = np.maximum(vectors, 0)
    return 1 / (1 + np.exp(-vectors[:, 0]))


def test_without_the_flag_nothing_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write_old(tmp_path / "old.raxe", {"binary": logistic(ATTACK), "family": logistic(NAMES)})
    with pytest.raises(ExecutableMemberError):
        Bundle(old)
    code, _, err = run(capsys, "migrate-joblib", old, "-o", tmp_path / "new.raxe")
    assert code == 2
    assert "a joblib file is a program: opening it can run anything" in err
    assert "--i-understand-this-runs-code" in err
    assert not (tmp_path / "new.raxe").exists()


def test_conversion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import LabelEncoder, StandardScaler

    binary = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30, random_state=0)).fit(X, ATTACK)
    encoder = LabelEncoder().fit(FAMILIES)
    family = logistic(encoder.transform(NAMES))
    old = write_old(
        tmp_path / "old.raxe", {"binary": binary, "family": family, "family_encoder": encoder},
        embedding_config={"max_seq_length": 128},
        keyword_triggers={"triggers": [{"id": "t", "family": "PI", "phrase": "ignore"}]},
    )  # fmt: skip
    new = tmp_path / "new.raxe"
    code, out, err = run(
        capsys, "migrate-joblib", old, "-o", new, "--i-understand-this-runs-code", "--threshold", "0.7"
    )
    assert code == 0, err
    assert out.startswith(f"wrote {new}: ")
    bundle = Bundle(new)
    assert bundle.problems() == []
    assert bundle.manifest.families == tuple(FAMILIES)
    [(space, entry)] = bundle.manifest.head_sets.items()
    assert (space, entry["dimension"], entry["threshold"]) == ("all-mpnet-base-v2", WIDTH, 0.7)
    assert entry["max_sequence_length"] == 128
    assert "keyword_triggers.json" in bundle.names
    vectors = X[:50].astype(np.float32)
    np.testing.assert_allclose(probability(bundle, vectors), binary.predict_proba(vectors)[:, 1], atol=1e-4)
    heads = bundle.head_set(space)
    weight, bias = heads.layers["family"][0]
    ours = [heads.families[i] for i in np.argmax(vectors @ weight.T + bias, axis=1)]
    assert ours == list(encoder.inverse_transform(family.predict(vectors)))
    with pytest.raises(UsageError, match="exists already"):
        convert_joblib_bundle(old, new)


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_code_in_the_file_is_refused_by_name(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    old = write_old(tmp_path / "old.raxe", {"binary": Evil(f"touch {mark}"), "family": logistic(NAMES)})
    with pytest.raises(BundleError, match=r"holds (posix|nt)\.system, which is no part of a linear or MLP model"):
        convert_joblib_bundle(old, tmp_path / "new.raxe")
    assert not mark.exists()
    assert not (tmp_path / "new.raxe").exists()


def test_other_models_are_refused_by_name(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeClassifier

    old = write_old(
        tmp_path / "old.raxe", {"binary": DecisionTreeClassifier().fit(X, ATTACK), "family": logistic(NAMES)}
    )
    with pytest.raises(BundleError, match="DecisionTreeClassifier"):
        convert_joblib_bundle(old, tmp_path / "new.raxe")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04" + b"x" * 100])
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    old = tmp_path / "old.raxe"
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr("manifest.json", json.dumps(MANIFEST))
        archive.writestr("classifier.joblib", content)
    with pytest.raises(BundleError, match="cannot be converted"):
        convert_joblib_bundle(old, tmp_path / "new.raxe")


# The conversion of heads, without a child process


def convert(binary: Any, family: Any = None, **others: Any) -> Any:
    return convert_heads({"x": {"binary": binary, "family": family or logistic(NAMES), **others}}, MANIFEST)


def decide(heads: Any, head: str = "binary") -> Any:
    vectors = X.astype(np.float32)
    layers = [(heads.arrays[f"{head}.{i}.weight"], heads.arrays[f"{head}.{i}.bias"]) for i in range(9) if f"{head}.{i}.weight" in heads.arrays]  # noqa: E501  # fmt: skip
    for index, (weight, bias) in enumerate(layers):
        vectors = vectors @ weight.T + bias
        if index + 1 < len(layers):
            vectors = np.maximum(vectors, 0)
    return vectors


@pytest.mark.parametrize(
    "classes", [(0, 1), (False, True), ("BENIGN", "attack"), ("malicious", "safe"), ("benign", "malicious")]
)
def test_which_class_is_the_attack(classes: tuple[Any, Any]) -> None:
    attack = next(c for c in classes if str(c).lower() in ("1", "true", "attack", "malicious"))
    other = next(c for c in classes if c is not attack)
    labels = np.where(ATTACK == 1, attack, other)
    model = logistic(labels)
    assert ((decide(convert(model))[:, 0] >= 0) == (model.predict(X) == attack)).all()


def test_a_class_that_could_be_either_is_refused() -> None:
    with pytest.raises(HeadError, match="which of the classes"):
        convert(logistic(np.where(ATTACK == 1, "a", "b")))


def test_linear_models_without_probabilities() -> None:
    from sklearn.linear_model import RidgeClassifier, SGDClassifier
    from sklearn.svm import LinearSVC

    for model in (LinearSVC(), RidgeClassifier(), SGDClassifier(random_state=0)):
        fitted = model.fit(X, ATTACK)
        assert ((decide(convert(fitted))[:, 0] >= 0) == (fitted.predict(X) == 1)).all()


def test_a_benign_class_among_the_families_is_dropped() -> None:
    labels = np.where(ATTACK == 1, NAMES, "BENIGN")
    heads = convert(logistic(ATTACK), logistic(labels))
    assert heads.families == FAMILIES
    assert heads.arrays["family.0.weight"].shape == (6, WIDTH)


def test_one_against_the_rest() -> None:
    from sklearn.multiclass import OneVsRestClassifier

    model = OneVsRestClassifier(logistic(ATTACK)).fit(X, NAMES)
    heads = convert(logistic(ATTACK), model)
    assert [heads.families[i] for i in np.argmax(decide(heads, "family"), axis=1)] == list(model.predict(X))


def test_subfamilies_by_name_or_left_out() -> None:
    labels = np.where(X[:, 2] > 0, "PI:override", np.where(X[:, 3] > 0, "JB:persona", "PI:leak"))
    heads = convert(logistic(ATTACK), subfamily=logistic(labels))
    assert heads.subfamilies == {"PI": ["leak", "override"], "JB": ["persona"]}
    heads = convert(logistic(ATTACK), subfamily=logistic(np.where(X[:, 2] > 0, "a", "b")))
    assert heads.subfamilies == {}
    assert any("the subfamily head was left out" in note for note in heads.notes)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_another_activation_is_refused(activation: str) -> None:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((4,), activation=activation, max_iter=5).fit(X, ATTACK)
    with pytest.raises(HeadError, match=activation):
        layers_of(model)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(HeadError, match="needs a binary and a family classifier; found: x/binary"):
        convert_heads({"x": {"binary": logistic(ATTACK)}}, MANIFEST)
