"""Questions about the detectors that a registry makes, and what they answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from raxe_conformance.measure import scratch
from raxe_conformance.measure.desk import CRITERIA, Desk, question, score_of
from raxe_conformance.measure.observing import observe_info, observe_result
from raxe_conformance.target.foreign import answer_of
from raxe_conformance.target.function import read_answer

THREADS: Final = 64
ASKED_AT_ONCE: Final = (scratch.SWIFT, scratch.EXACT, scratch.SMALL)
DEADLINE_S: Final = 60.0


@question("scores", "loading")
def _scores(desk: Desk) -> Any:
    return {variant.model_id: score_of(desk.whole.create_detector(variant.model_id)) for variant in scratch.ALL}


def _score_by(**criteria: str) -> Callable[[Desk], Any]:
    return lambda desk: score_of(desk.whole.create_detector(**criteria))


for _criterion in CRITERIA:
    question(f"score of create_detector(criteria={_criterion!r})", "loading", "selection")(
        _score_by(criteria=_criterion)
    )
question("score of create_detector()", "loading", "selection")(_score_by())


@question("score after preload_models", "loading", "preload")
def _preload(desk: Desk) -> Any:
    """Of a variant whose embedding model has gone since."""
    models = desk.folder(scratch.make_whole)
    registry = desk.registry(models)
    registry.preload_models([scratch.SWIFT.model_id])
    (models / "embeddings" / scratch.SWIFT.embeddings).unlink()
    return score_of(registry.create_detector(scratch.SWIFT.model_id))


@question("score after a failed load", "loading", "recovery")
def _recover(desk: Desk) -> Any:
    """Of a variant whose embedding model was not there when it was first asked for."""
    models = desk.folder(scratch.make_whole)
    registry, path = desk.registry(models), models / "embeddings" / scratch.SWIFT.embeddings
    path.unlink()
    try:
        registry.create_detector(scratch.SWIFT.model_id)
    except Exception:  # noqa: BLE001  what it raises is asked elsewhere
        path.write_bytes(scratch.embedding_bytes(scratch.SWIFT.angle))
        return score_of(registry.create_detector(scratch.SWIFT.model_id))
    return "a detector without an embedding model"


@question(f"objects that {THREADS} threads get", "loading", "threads")
def _from_threads(desk: Desk) -> Any:
    """variant → how many different objects. A registry that lets them wait for ever is not waited for."""
    registry = desk.registry(desk.folder(scratch.make_whole))
    together = threading.Barrier(THREADS)
    given: dict[str, dict[int, Any]] = {variant.model_id: {} for variant in ASKED_AT_ONCE}
    errors: list[BaseException] = []

    def load(model_id: str) -> None:
        try:
            together.wait(DEADLINE_S)
            detector = registry.create_detector(model_id)
            given[model_id][id(detector)] = detector
        except Exception as error:  # noqa: BLE001  it is raised below
            errors.append(error)

    ids = [ASKED_AT_ONCE[number % len(ASKED_AT_ONCE)].model_id for number in range(THREADS)]
    threads = [threading.Thread(target=load, args=(model_id,), daemon=True) for model_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    if any(thread.is_alive() for thread in threads):
        raise TimeoutError(f"some of {THREADS} threads got no detector within {DEADLINE_S:.0f} s")
    if errors:
        raise errors[0]
    return {model_id: len(objects) for model_id, objects in given.items()}


def _analysis(text: str) -> Callable[[Desk], Any]:
    return lambda desk: observe_result(desk.whole.create_detector(scratch.OLDER.model_id).analyze(text, None))


question("analyze of an attack", "loading", "results")(_analysis(scratch.ATTACK))
question("analyze of a harmless text", "loading", "results")(_analysis(scratch.HARMLESS))


@question("analyze with a context", "loading", "results")
def _with_context(desk: Desk) -> Any:
    detector = desk.whole.create_detector(scratch.OLDER.model_id)
    named = detector.analyze(scratch.ATTACK, l1_results=None, context={"user": "nobody"})
    return float(read_answer("analyze", answer_of(named)).metadata["score"])


@question("model_info", "loading", "info")
def _info(desk: Desk) -> Any:
    return observe_info(desk.whole.create_detector(scratch.OLDER.model_id).model_info)
