"""Questions about the registry's methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from raxe_conformance.measure import scratch
from raxe_conformance.measure.desk import CRITERIA, Desk, ids_of, question, statuses_of
from raxe_conformance.measure.observing import number_or_word, observe_rows
from raxe_conformance.target.foreign import said

LEVELS: Final = ("basic", "integrity", "functional")
UNSOUND: Final = (scratch.SWIFT, scratch.RAGGED, scratch.ALTERED, scratch.HOLLOW)


@question("get_model of each", "lookup")
def _get_each(desk: Desk) -> Any:
    found = {}
    for variant in scratch.ALL:
        item = desk.whole.get_model(variant.model_id)
        found[variant.model_id] = [str(said(item, field)) for field in ("model_id", "status", "runtime")]
    return found


@question("get_model of none", "lookup")
def _get_none(desk: Desk) -> Any:
    return desk.whole.get_model(scratch.NOWHERE) is None or "a model"


def _listed_by(**filters: str) -> Callable[[Desk], Any]:
    return lambda desk: ids_of(desk.whole.list_models(**filters))


for _status in ("active", "experimental", "deprecated"):
    question(f"list_models(status={_status!r})", "filters")(_listed_by(status=_status))
for _runtime in ("onnx_int8", "onnx_fp16"):
    question(f"list_models(runtime={_runtime!r})", "filters")(_listed_by(runtime=_runtime))
question("list_models(status='active', runtime='onnx_fp16')", "filters")(
    _listed_by(status="active", runtime="onnx_fp16")
)


@question("get_model_count()", "counts")
def _count(desk: Desk) -> Any:
    return number_or_word(desk.whole.get_model_count())


@question("get_active_model_count()", "counts")
def _count_active(desk: Desk) -> Any:
    return number_or_word(desk.whole.get_active_model_count())


def _best(*criteria: str) -> Callable[[Desk], Any]:
    def ask(desk: Desk) -> Any:
        found = desk.whole.get_best_model(*criteria)
        return found if isinstance(found, str) else str(said(found, "model_id"))

    return ask


for _criterion in CRITERIA:
    question(f"get_best_model({_criterion!r})", "selection")(_best(_criterion))
question("get_best_model()", "selection")(_best())
question("get_best_model('beauty')", "selection")(_best("beauty"))


@question("validate_model", "validation")
def _validate(desk: Desk) -> Any:
    """level → variant → [ok, how many errors are told]."""
    found: dict[str, Any] = {}
    for level in LEVELS:
        registry = desk.registry(desk.folder(scratch.make_unsound))
        found[level] = {}
        for variant in UNSOUND:
            ok, errors = registry.validate_model(variant.model_id, level)
            found[level][variant.model_id] = [bool(ok), len(list(errors))]
    return found


@question("validate_model(level='beauty')", "validation")
def _validate_unknown(desk: Desk) -> Any:
    return bool(desk.whole.validate_model(scratch.SWIFT.model_id, "beauty")[0])


@question("statuses after a failed validation", "validation", "degradation")
def _after_validation(desk: Desk) -> Any:
    registry = desk.registry(desk.folder(scratch.make_unsound))
    for variant in (scratch.SWIFT, scratch.ALTERED):
        registry.validate_model(variant.model_id, "integrity")
    found = statuses_of(registry)
    return {variant.model_id: found.get(variant.model_id) for variant in (scratch.SWIFT, scratch.ALTERED)}


@question("compare_models()", "compare")
def _compare(desk: Desk) -> Any:
    return observe_rows(desk.whole.compare_models())


@question("compare_models of two", "compare")
def _compare_two(desk: Desk) -> Any:
    return sorted(observe_rows(desk.whole.compare_models([scratch.SMALL.model_id, scratch.SWIFT.model_id])))
