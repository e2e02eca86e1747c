"""The registry's methods, on folders that the suite makes."""

from __future__ import annotations

from collections.abc import Callable

from raxe_conformance.checks.asked import answer, expected, judged, refused
from raxe_conformance.checks.reading import Finding, Findings, Reading
from raxe_conformance.checks.table import REGISTRY, Level, check
from raxe_conformance.measure import scratch
from raxe_conformance.measure.desk import CRITERIA
from raxe_conformance.measure.evidence_registry import RegistryAnswers
from raxe_conformance.measure.scratch import ScratchVariant

_BY_ID = {variant.model_id: variant for variant in scratch.ALL}


def _ids(keep: Callable[[ScratchVariant], bool]) -> list[str]:
    return sorted(variant.model_id for variant in scratch.ALL if keep(variant))


@check(
    "REG-011", "get_model gives what is listed", level=Level.MUST, spec="§5", needs=("answers",),
    defect="get_a_model_of_another_status", requires=(REGISTRY, "lookup"), group=REGISTRY,
)  # fmt: skip
def gets_models(answers: RegistryAnswers) -> Reading:
    """model_id, status and runtime as the metadata has them; an id that there is not raises or gives None."""
    metadata = {variant.model_id: [variant.model_id, variant.status, variant.runtime] for variant in scratch.ALL}
    found = expected(answers, "get_model of each", metadata)
    if answer(answers, "get_model of none").error is None:
        found += expected(answers, "get_model of none", True)
    return Findings(tuple(found), len(metadata) + 1)


@check(
    "REG-012", "list_models filters by status and runtime", level=Level.MUST, spec="§5", needs=("answers",),
    defect="ignore_the_runtime_filter", requires=(REGISTRY, "filters"), group=REGISTRY,
)  # fmt: skip
def filters(answers: RegistryAnswers) -> Reading:
    """Each by itself, and both together."""
    found: list[Finding] = []
    for status in ("active", "experimental", "deprecated"):
        ids = _ids(lambda variant, status=status: variant.status == status)  # type: ignore[misc]
        found += expected(answers, f"list_models(status={status!r})", ids)
    for runtime in ("onnx_int8", "onnx_fp16"):
        ids = _ids(lambda variant, runtime=runtime: variant.runtime == runtime)  # type: ignore[misc]
        found += expected(answers, f"list_models(runtime={runtime!r})", ids)
    found += expected(answers, "list_models(status='active', runtime='onnx_fp16')", [scratch.SMALL.model_id])
    return Findings(tuple(found), 6)


@check(
    "REG-013", "the counts are those of the list", level=Level.MUST, spec="§5", needs=("answers",),
    defect="count_experimental_variants_as_active", requires=(REGISTRY, "counts"), group=REGISTRY,
)  # fmt: skip
def counts(answers: RegistryAnswers) -> Reading:
    """get_model_count() and get_active_model_count()."""
    active = _ids(lambda variant: variant.status == "active")
    found = [
        *expected(answers, "get_model_count()", len(scratch.ALL)),
        *expected(answers, "get_active_model_count()", len(active)),
    ]
    return Findings(tuple(found), 2)


def _asked_best() -> list[str]:
    return [f"get_best_model({criterion!r})" for criterion in CRITERIA]


@check(
    "REG-014", "get_best_model goes by its criterion", level=Level.MUST, spec="§5", needs=("answers",),
    defect="select_by_accuracy_whatever_is_asked", requires=(REGISTRY, "selection"), group=REGISTRY,
)  # fmt: skip
def selects(answers: RegistryAnswers) -> Reading:
    """The least P95, the largest F1, the least memory, among the variants of one status.

    "balanced" is whatever weighs the three, so its choice is not worse in all of them than another; it is the default.
    What is no criterion raises. REG-015 is about the status.
    """
    figures: dict[str, Callable[[ScratchVariant], float]] = {
        "latency": lambda variant: variant.p95_ms,
        "accuracy": lambda variant: -variant.binary_f1,
        "memory": lambda variant: variant.memory_mb,
    }
    found: list[Finding] = []
    for criterion, figure in figures.items():
        said = _BY_ID.get(str(answer(answers, f"get_best_model({criterion!r})").value))
        peers = [variant for variant in scratch.ALL if said is None or variant.status == said.status]
        best = min(peers, key=figure).model_id if said is not None else "a variant"
        found += judged(answers, f"get_best_model({criterion!r})", lambda said, best=best: said == best, best)  # type: ignore[misc]
    sound = sorted(_BY_ID.keys() - {scratch.WORSE.model_id})
    found += judged(answers, "get_best_model('balanced')", lambda said: said in sound, f"one of {', '.join(sound)}")
    found += expected(answers, "get_best_model()", answer(answers, "get_best_model('balanced')").value)
    found += refused(answers, "get_best_model('beauty')")
    return Findings(tuple(found), 6)


@check(
    "REG-015", "active variants are selected first", level=Level.MUST, spec="§5", needs=("answers",),
    defect="select_whatever_its_status", requires=(REGISTRY, "selection"), group=REGISTRY,
)  # fmt: skip
def selects_active(answers: RegistryAnswers) -> Reading:
    """Whatever better figures an experimental or a deprecated variant declares."""
    active = _ids(lambda variant: variant.status == "active")
    found: list[Finding] = []
    for question in _asked_best():
        found += judged(answers, question, lambda said: said in active, "an active variant")
    return Findings(tuple(found), len(CRITERIA))


@check(
    "REG-016", "validate_model finds at each level what it should", level=Level.MUST, spec="§4", needs=("answers",),
    defect="overlook_altered_files", requires=(REGISTRY, "validation"), group=REGISTRY,
)  # fmt: skip
def validates(answers: RegistryAnswers) -> Reading:
    """basic: a bundle that is no ZIP; integrity: and a file that is not the declared one; functional: and weights that
    do not load. A variant that is in order passes all three. Where ok is false there are errors, and only there."""
    found: list[Finding] = []
    broken = {"basic": [scratch.RAGGED]}
    broken["integrity"] = [*broken["basic"], scratch.ALTERED]
    broken["functional"] = [*broken["integrity"], scratch.HOLLOW]
    variants = scratch.SWIFT, scratch.RAGGED, scratch.ALTERED, scratch.HOLLOW
    levels = answer(answers, "validate_model").value
    if levels is None:
        return Findings(tuple(judged(answers, "validate_model", bool, "(ok, errors)")), 1)
    for level, wrong in broken.items():
        for variant in variants:
            ok, errors = levels[level][variant.model_id]
            where = f"validate_model({variant.model_id!r}, {level!r})"
            if ok is not (variant not in wrong):
                found.append(Finding(where, "ok" if ok else "not ok", "not ok" if ok else "ok"))
            elif ok is (errors > 0):
                found.append(Finding(where, f"{'ok' if ok else 'not ok'} with {errors} errors", "errors where not ok"))
    found += refused(answers, "validate_model(level='beauty')")
    return Findings(tuple(found), len(broken) * len(variants) + 1)


@check(
    "REG-017", "a variant that fails its validation is experimental", level=Level.MUST, spec="§4", needs=("answers",),
    defect="forget_failed_validations", requires=(REGISTRY, "validation", "degradation"), group=REGISTRY,
)  # fmt: skip
def demotes(answers: RegistryAnswers) -> Reading:
    """After a validation at the level integrity that one active variant fails, and another passes."""
    wanted = {scratch.SWIFT.model_id: "active", scratch.ALTERED.model_id: "experimental"}
    return Findings(tuple(expected(answers, "statuses after a failed validation", wanted)), 2)


@check(
    "REG-018", "compare_models gives the declared figures", level=Level.MUST, spec="§5", needs=("answers",),
    defect="compare_without_memory", requires=(REGISTRY, "compare"), group=REGISTRY,
)  # fmt: skip
def compares(answers: RegistryAnswers) -> Reading:
    """A row a variant that holds its P95, F1 and memory, whatever else; of some ids, only their rows."""
    question = "compare_models()"
    found = judged(answers, question, lambda said: set(said) == set(_BY_ID), "a row for each variant")
    for variant in scratch.ALL if not found else ():
        row = answer(answers, question).value[variant.model_id]
        for name in ("p95_ms", "binary_f1", "memory_mb"):
            figure = getattr(variant, name)
            if not any(abs(figure - number) < 1e-6 for number in row):
                found.append(Finding(question, f"no {figure:g} in the row of {variant.model_id}", f"its {name}"))
    found += expected(answers, "compare_models of two", sorted([scratch.SMALL.model_id, scratch.SWIFT.model_id]))
    return Findings(tuple(found), len(scratch.ALL) + 1)
