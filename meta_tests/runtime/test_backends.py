"""Two backends behind one guard: the same decisions, chosen by metadata or by hand, refused by name where not there."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from meta_tests.support.judged import session_on
from meta_tests.support.toy import CALM, EVIL, MODEL_ID, WORDS, Toy
from raxe_conformance import Detector, ModelRegistry
from raxe_conformance.checks.reading import Proportion, Unknown
from raxe_conformance.checks.table import find_check
from raxe_conformance.cli.check import command as check
from raxe_conformance.cli.scan import command as scan
from raxe_conformance.errors import EmbeddingError, MeasurementError, RuntimeMissingError, UsageError
from raxe_conformance.measure.backends import both_backends, measure_backends
from raxe_conformance.measure.environment import describe_environment
from raxe_conformance.measure.evidence_invariance import Backends, Compared
from raxe_conformance.measure.sampling import Sample
from raxe_conformance.registry.catalog import dependencies
from raxe_conformance.registry.metadata import BACKEND_OF, Requirements
from raxe_conformance.report.html.words import commands
from raxe_conformance.runtime.backends import with_onnxruntime
from raxe_conformance.runtime.backends.session import BACKENDS, InferenceSession, open_session
from raxe_conformance.schemas import METADATA, violations
from raxe_conformance.target.again import libraries, load_again
from raxe_conformance.target.shipped import shipped_registry, shipped_subject, shipped_subjects

ROWS, WIDTH = 40, 64
TEXTS = [*(f"please {word} report" for word in EVIL.values()), *CALM, " ".join(CALM * 30), "", "nothing known here"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    pytest.importorskip(name, reason=f"{name} is not installed")
    return name


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO is not installed."""
    monkeypatch.setitem(sys.modules, "openvino", None)


def require(toy: Toy, **needs: Any) -> None:
    """Change what the toy's metadata requires."""
    value = toy.read()
    value["requirements"] |= needs
    toy.write(value)


def quantized(seed: int = 0) -> tuple[bytes, NDArray[np.float32], NDArray[np.float32]]:
    """A lookup and one product, quantized as ONNX Runtime's tool does it; the table, and the weights as they are."""
    from onnx import TensorProto, helper, numpy_helper

    chance = np.random.default_rng(seed)
    table = chance.normal(size=(ROWS, WIDTH)).astype(np.float32)
    weights = chance.integers(-127, 128, size=(WIDTH, WIDTH)).astype(np.int8)
    scale = chance.uniform(0.001, 0.01, size=WIDTH).astype(np.float32)
    shift = chance.integers(-3, 4, size=WIDTH).astype(np.int8)
    held = {"table": table, "weights": weights, "scale": scale, "shift": shift}
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["looked_up"]),
            helper.make_node("DynamicQuantizeLinear", ["looked_up"], ["whole", "step", "zero"]),
            helper.make_node("Mul", ["step", "scale"], ["steps"]),
            helper.make_node("MatMulInteger", ["whole", "weights", "zero", "shift"], ["product"]),
            helper.make_node("Cast", ["product"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["real", "steps"], ["last_hidden_state"]),
        ],
        "quantized",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
         for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", WIDTH])],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(), table, (weights.astype(np.float32) - shift) * scale


def ran(session: InferenceSession, ids: list[int]) -> NDArray[np.float32]:
    batch = np.array([ids], dtype=np.int64)
    found: NDArray[np.float32] = session.run({"input_ids": batch, "attention_mask": np.ones_like(batch)})[0]
    return found


def test_both_backends_decide_alike(pristine_toy: Toy, backend: str) -> None:
    usual = ModelRegistry(pristine_toy.models).create_detector(MODEL_ID)
    found = ModelRegistry(pristine_toy.models, backend=backend).create_detector(MODEL_ID)
    assert found.embedder.backend == backend
    for text in TEXTS:
        ours, theirs = usual.analyze(text).metadata, found.analyze(text).metadata
        assert ours["is_attack"] == theirs["is_attack"]
        assert theirs["score"] == pytest.approx(ours["score"], abs=1e-5)


def test_a_quantized_product_is_near_the_one_in_float(backend: str) -> None:
    model, table, weights = quantized()
    session = open_session(backend, model, name="model", threads=1)
    for ids in ([3], [0, 1, 2], list(range(ROWS))):
        exact, found = table[ids] @ weights, ran(session, ids)
        assert found.dtype == np.float32
        assert found.shape == exact.shape
        # 8 bits a value, errors of either sign: about 1 % of the largest.
        assert np.abs(found - exact).max() < 0.03 * np.abs(exact).max()
        cosines = (found * exact).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
        assert cosines.min() > 0.999


def test_an_output_is_an_array_of_its_own(backend: str) -> None:
    session = open_session(backend, quantized()[0], name="model", threads=None)
    first = ran(session, [1, 2, 3])
    kept = first.copy()
    assert not np.array_equal(ran(session, [4, 5, 6]), kept)
    assert np.array_equal(first, kept)


def test_threads_at_once_get_the_same_bits(backend: str) -> None:
    session = open_session(backend, quantized()[0], name="model", threads=2)
    asked = [list(range(n % ROWS + 1)) for n in range(200)]
    alone = [ran(session, ids) for ids in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda ids: ran(session, ids), asked))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_token_that_the_model_has_no_vector_for_is_refused(toy: Toy, backend: str) -> None:
    session = open_session(backend, quantized()[0], name="model", threads=1)
    assert ran(session, [ROWS - 1]).shape == (1, WIDTH)
    with pytest.raises(Exception, match=r"(?i)rows|indices|out of"):
        ran(session, [ROWS])
    tokenizer = json.loads(toy.tokenizer.read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"]["beyond"] = len(WORDS)
    toy.tokenizer.write_text(json.dumps(tokenizer), encoding="utf-8")
    toy.declare_files()
    with pytest.raises(EmbeddingError, match="does not take"):
        shipped_subject(toy.models, MODEL_ID, backend).load()


def test_the_guard_stands_before_every_backend(toy: Toy, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it refuses reaches no library."""
    from raxe_conformance.runtime.backends import with_openvino

    for module in (with_onnxruntime, with_openvino):
        monkeypatch.setattr(module, "load", lambda *_, **__: pytest.fail("the library was reached"))
    model = toy.onnx.read_bytes()
    toy.onnx.write_bytes(model.replace(b"Unsqueeze", b"Unsqueezy"))
    with pytest.raises(EmbeddingError, match="Unsqueezy"):
        shipped_subject(toy.models, MODEL_ID, backend).load()


def test_what_a_backend_cannot_load_is_one_line(backend: str) -> None:
    with pytest.raises(EmbeddingError, match="cannot load it") as refused:
        open_session(backend, b"\x08\x08no model at all", name="some.onnx", threads=1)
    assert refused.value.file == "some.onnx"
    assert refused.value.remedy
    assert "\n" not in str(refused.value)


def test_metadata_chooses(toy: Toy, backend: str) -> None:
    runtime = next(runtime for runtime, name in BACKEND_OF.items() if name == backend)
    require(toy, runtime=runtime)
    assert list(violations(METADATA, toy.read())) == []
    detector = ModelRegistry(toy.models).create_detector(MODEL_ID)
    assert detector.embedder.backend == backend
    assert shipped_subject(toy.models, MODEL_ID).backend == backend
    other = next(name for name in BACKENDS if name != backend)
    assert shipped_subject(toy.models, MODEL_ID, other).backend == other


@pytest.mark.usefixtures("absent")
def test_a_backend_that_is_not_installed_is_listed_and_refused_by_name(toy: Toy) -> None:
    require(toy, runtime="openvino")
    registry = ModelRegistry(toy.models)
    assert [v.model_id for v in registry.list_models(runtime="openvino")] == [MODEL_ID]
    for refused_by in (
        lambda: registry.create_detector(MODEL_ID),
        lambda: ModelRegistry(toy.models, backend="openvino").create_detector(MODEL_ID),
        shipped_subject(toy.models, MODEL_ID).load,
    ):
        with pytest.raises(RuntimeMissingError, match="needs openvino") as refused:
            refused_by()
        assert refused.value.remedy == "pip install 'raxe-conformance[openvino]'"
    assert ModelRegistry(toy.models, backend="onnxruntime").create_detector(MODEL_ID)
    assert registry.get_best_model().model_id == MODEL_ID


def test_a_version_that_is_too_old_is_named(toy: Toy, backend: str) -> None:
    runtime = next(runtime for runtime, name in BACKEND_OF.items() if name == backend)
    require(toy, runtime=runtime, min_runtime_version="9999.0")
    with pytest.raises(RuntimeMissingError, match=rf"needs {backend} 9999\.0"):
        ModelRegistry(toy.models).create_detector(MODEL_ID)


def test_the_packages_of_a_runtime() -> None:
    assert dependencies(Requirements(runtime="openvino", min_runtime_version="2026.4"))[0] == "openvino>=2026.4"


def test_there_is_no_such_backend(pristine_toy: Toy, tmp_path: Path) -> None:
    models = pristine_toy.models
    for refused_by in (
        lambda: ModelRegistry(models, backend="openvin"),
        lambda: shipped_registry(models, "openvin"),
        lambda: shipped_subjects(models, "openvin"),
        lambda: session_on(pristine_toy, tmp_path, backend="openvin"),
        lambda: open_session("openvin", b"", name="m", threads=None),
    ):
        with pytest.raises(UsageError, match="openvino"):
            refused_by()


def test_a_function_has_no_backend_to_choose(pristine_toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--raxe-backend"):
        session_on(pristine_toy, tmp_path, backend="openvino", detector="json:dumps")


def test_the_option_reaches_the_detector_and_the_processes_that_load_it_again(
    pristine_toy: Toy, tmp_path: Path, backend: str
) -> None:
    subject = session_on(pristine_toy, tmp_path, backend=backend).subjects[MODEL_ID]
    again = json.loads(json.dumps(subject.again))
    for detector in (subject.load(), load_again(again)):
        assert isinstance(detector, Detector)
        assert detector.embedder.backend == backend
    assert libraries(again) == ("numpy", "tokenizers", backend)


def test_scan_on_a_backend(pristine_toy: Toy, backend: str) -> None:
    words = [MODEL_ID, f"please {EVIL['PI']}", "--models-dir", str(pristine_toy.models), "--backend", backend]
    done = CliRunner().invoke(scan, words, standalone_mode=False)
    assert done.exception is None
    assert json.loads(done.output)["label"] == "PI"


def test_check_passes_the_backend_on(pristine_toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(pytest, "main", lambda arguments, plugins: given.extend(arguments) or pytest.ExitCode.OK)
    CliRunner().invoke(check, [str(pristine_toy.models), "--backend", "openvino"], standalone_mode=False)
    assert "--raxe-backend=openvino" in given


@pytest.mark.parametrize(
    ("backend", "ends"),
    [
        ({"name": "openvino", "version": "1"}, " --raxe-backend openvino"),
        ({"name": "onnxruntime", "version": "1"}, " m"),
        (None, " m"),
    ],
)
def test_a_page_says_how_to_judge_on_that_backend_again(backend: dict[str, str] | None, ends: str) -> None:
    report: dict[str, Any] = {
        "model": {"model_id": "m"},
        "profile": {"name": "raxe-1.0"},
        "environment": {"target": None, "backend": backend},
    }
    assert commands(report, own_benchmark=False)[0][1].endswith(ends)
    del report["environment"]["backend"]  # as reports before there were two
    assert commands(report, own_benchmark=False)[0][1].endswith(" m")


def test_the_environment_says_what_judged(backend: str) -> None:
    found = describe_environment(backend=backend)["backend"]
    assert found["name"] == backend
    assert found["version"][0].isdigit()
    assert describe_environment()["backend"] is None


class _Fixed:
    """Gives the texts the vectors and scores of a table."""

    def __init__(self, vectors: dict[str, list[list[float]]], attacks: set[str]) -> None:
        self.embedder = SimpleNamespace(embed=lambda text: np.array(vectors[text], dtype=np.float32))
        self._attacks = attacks

    def analyze(self, text: str) -> Any:
        return SimpleNamespace(
            metadata={"score": 0.75 if text in self._attacks else 0.25, "is_attack": text in self._attacks}
        )


def test_flips_and_the_least_cosine_are_counted() -> None:
    sample = Sample(["1", "2", "3"], ["a", "b", "c" * 700], [0.75, 0.25, 0.25], [True, False, False])
    here = _Fixed({"a": [[1.0, 0.0]], "b": [[1.0, 0.0], [0.0, 1.0]]}, {"a"})
    there = _Fixed({"a": [[1.0, 0.0]], "b": [[1.0, 0.0], [0.8, 0.6]]}, {"a", "b"})
    found = measure_backends(here, there, sample, "onnxruntime", "openvino")
    assert found.cosines == pytest.approx([1.0, 0.6])  # of the long text none
    assert found.decisions.flipped == ["2"]
    assert found.decisions.texts == 3
    assert found.judged.startswith("onnxruntime 1.")


def test_the_other_backend_is_the_other_one(pristine_toy: Toy) -> None:
    for name in BACKENDS:
        judged_on, other_on = both_backends(shipped_subject(pristine_toy.models, MODEL_ID, name))
        assert judged_on == name
        assert {judged_on, other_on} == set(BACKENDS)
    with pytest.raises(MeasurementError, match="not known"):
        both_backends(SimpleNamespace(model_id="function", backend=None))  # type: ignore[arg-type]


def test_the_check_reads_the_share_that_is_kept() -> None:
    def read(part: Compared, cosines: list[float]) -> Any:
        return find_check("ROB-017").reading({"backends": Backends(0, "onnxruntime 1", "openvino 2", cosines, part)})

    kept = read(Compared("backend", "decided by openvino", 10, {"1": 0.4}, ["1"], ["2"]), [0.5, 1.0])
    assert isinstance(kept, Proportion)
    assert (kept.hits, kept.n) == (8, 10)
    assert "1 of 10 decisions flip, 1 without an answer" in kept.note
    assert "least 0.5000" in kept.note
    assert isinstance(read(Compared("backend", "decided by openvino", 0, {}, [], []), []), Unknown)
