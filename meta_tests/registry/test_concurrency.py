"""Many threads, one registry. No test sleeps: threads meet at barriers, and loads wait for events."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest

from meta_tests.registry.support import write_metadata
from meta_tests.support.toy import MODEL_ID, Toy
from raxe_conformance import ModelRegistry, model_registry
from raxe_conformance.errors import EmbeddingError, RaxeError, RegistryError

WAIT = 30  # seconds after which a test that hangs fails


class Loads:
    """A loader that counts, and that a test can hold back or make fail."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.started, self.go = threading.Event(), threading.Event()
        self.fail: Callable[[str], BaseException | None] = lambda _: None

    def __call__(self, variant: Any) -> Any:
        self.count[variant.model_id] += 1
        self.started.set()
        assert self.go.wait(WAIT)
        error = self.fail(variant.model_id)
        if error is not None:
            raise error
        return object()


@pytest.fixture
def loads() -> Loads:
    return Loads()


@pytest.fixture
def registry(toy: Toy, loads: Loads) -> ModelRegistry:
    write_metadata(toy.models, toy.read() | {"model_id": "v1.0_other", "variant": "other"})
    return ModelRegistry(toy.models, loaders={"onnx_int8": loads})


def at_once(count: int, call: Callable[[], Any]) -> list[Any]:
    """`count` threads make a call at once; what each got, or the error."""
    barrier = threading.Barrier(count)

    def task() -> Any:
        barrier.wait(WAIT)
        try:
            return call()
        except RaxeError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return [future.result(WAIT) for future in [pool.submit(task) for _ in range(count)]]


def test_64_threads_load_one_detector_once(registry: ModelRegistry, loads: Loads) -> None:
    loads.go.set()
    found = at_once(64, lambda: registry.create_detector(MODEL_ID))
    assert len({id(detector) for detector in found}) == 1
    assert loads.count == {MODEL_ID: 1}
    assert registry.create_detector(MODEL_ID) is found[0]


def test_threads_that_come_while_it_loads_get_the_same(registry: ModelRegistry, loads: Loads) -> None:
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(registry.create_detector, MODEL_ID)
        assert loads.started.wait(WAIT)
        others = [pool.submit(registry.create_detector, MODEL_ID) for _ in range(7)]
        loads.go.set()
        assert {id(future.result(WAIT)) for future in [first, *others]} == {id(first.result(WAIT))}
    assert loads.count == {MODEL_ID: 1}


def test_different_detectors_load_side_by_side(toy: Toy) -> None:
    """Each load waits for the other to begin: one after the other, neither would end."""
    write_metadata(toy.models, toy.read() | {"model_id": "v1.0_other", "variant": "other"})
    both = threading.Barrier(2)

    def load(variant: Any) -> Any:
        both.wait(WAIT)
        return object()

    registry = ModelRegistry(toy.models, loaders={"onnx_int8": load})
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(registry.create_detector, [MODEL_ID, "v1.0_other"]))
    assert found[0] is not found[1]


def test_a_failed_load_is_not_remembered(registry: ModelRegistry, loads: Loads) -> None:
    loads.go.set()
    loads.fail = lambda _: EmbeddingError("broken") if loads.count[MODEL_ID] == 1 else None
    with pytest.raises(EmbeddingError, match="broken"):
        registry.create_detector(MODEL_ID)
    assert registry.create_detector(MODEL_ID) is registry.create_detector(MODEL_ID)
    assert loads.count == {MODEL_ID: 2}


def test_those_who_wait_for_a_load_that_fails_share_the_failure(registry: ModelRegistry, loads: Loads) -> None:
    loads.fail = lambda _: EmbeddingError("broken")
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(registry.create_detector, MODEL_ID) for _ in range(8)]
        assert loads.started.wait(WAIT)
        loads.go.set()
        errors = [future.exception(WAIT) for future in futures]
    assert {type(error) for error in errors} == {EmbeddingError}
    assert registry._loading == {}


def test_an_interrupt_is_for_the_thread_that_loads(registry: ModelRegistry, loads: Loads) -> None:
    loads.fail = lambda _: KeyboardInterrupt()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(registry.create_detector, MODEL_ID)
        assert loads.started.wait(WAIT)
        waiting = pool.submit(registry.create_detector, MODEL_ID)
        until = monotonic() + WAIT
        while not registry._loading[MODEL_ID]._condition._waiters:  # type: ignore[attr-defined]
            assert monotonic() < until
        loads.go.set()
        assert isinstance(first.exception(WAIT), KeyboardInterrupt)
        assert isinstance(waiting.exception(WAIT), RegistryError)
    loads.fail = lambda _: None
    assert registry.create_detector(MODEL_ID)


def test_a_failure_of_one_does_not_touch_the_other(registry: ModelRegistry, loads: Loads) -> None:
    loads.go.set()
    loads.fail = lambda model_id: EmbeddingError("broken") if model_id == MODEL_ID else None
    found = at_once(16, lambda: (registry.create_detector("v1.0_other"), registry.has_model(MODEL_ID)))
    assert len({id(detector) for detector, _ in found}) == 1
    with pytest.raises(EmbeddingError):
        registry.create_detector(MODEL_ID)


def test_one_shared_registry_for_all_threads(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_registry, "_shared", None)
    monkeypatch.setenv("RAXE_MODELS_DIR", str(toy.models))
    assert len({id(found) for found in at_once(32, model_registry.get_registry)}) == 1


def test_real_detectors_answer_from_many_threads(toy: Toy) -> None:
    registry = ModelRegistry(toy.models)
    scores = at_once(32, lambda: registry.create_detector(MODEL_ID).analyze("please evilpi", None).metadata["score"])
    assert len(set(scores)) == 1
    assert isinstance(scores[0], float)
