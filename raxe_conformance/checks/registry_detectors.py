"""The detectors that a registry makes, and what they answer. On folders that the suite makes."""

from __future__ import annotations

from typing import Any

from raxe_conformance.checks.asked import answer, expected, judged
from raxe_conformance.checks.reading import Finding, Findings, Reading
from raxe_conformance.checks.table import REGISTRY, Level, check
from raxe_conformance.measure import scratch
from raxe_conformance.measure.desk import CRITERIA
from raxe_conformance.measure.evidence_registry import RegistryAnswers
from raxe_conformance.measure.questions_detectors import ASKED_AT_ONCE, THREADS

_CLOSE = 1e-3  # of scores: the scratch variants' differ by 0.03 and more
THREAT_TYPES = frozenset(
    {
        "semantic_jailbreak", "encoded_injection", "context_manipulation", "privilege_escalation",
        "data_exfil_pattern", "obfuscated_command", "unknown",
    }
)  # fmt: skip
_BY_ID = {variant.model_id: variant for variant in scratch.ALL}


def _scored(answers: RegistryAnswers, question: str, model_id: str, remedy: str = "") -> list[Finding]:
    """What is wrong with a score that should be the one of a variant."""
    score = _BY_ID[model_id].score
    return judged(
        answers, question, lambda said: isinstance(said, float) and abs(said - score) < _CLOSE,
        f"{score:.4g}, which {model_id} gives", remedy,
    )  # fmt: skip


@check(
    "REG-019", "create_detector loads the variant that is asked for", level=Level.MUST, spec="§5", needs=("answers",),
    defect="load_another_variant", requires=(REGISTRY, "loading"), group=REGISTRY,
)  # fmt: skip
def loads_the_right_one(answers: RegistryAnswers) -> Reading:
    """Each detector gives the score that its own files give: mean pooling, L2 norm, the binary head."""
    question = "scores"
    found = judged(answers, question, lambda said: len(said) == len(_BY_ID), "a score of each variant")
    for variant in scratch.ALL if not found else ():
        score = answer(answers, question).value[variant.model_id]
        if abs(score - variant.score) > _CLOSE:
            found.append(Finding(f"create_detector({variant.model_id!r})", f"{score:.4g}", f"{variant.score:.4g}"))
    return Findings(tuple(found), len(_BY_ID))


@check(
    "REG-020", "create_detector by criterion is the best model's", level=Level.MUST, spec="§5", needs=("answers",),
    defect="create_the_fastest_by_any_criterion", requires=(REGISTRY, "loading", "selection"), group=REGISTRY,
)  # fmt: skip
def loads_the_best(answers: RegistryAnswers) -> Reading:
    """Without an id and a criterion, that of "balanced"."""
    found: list[Finding] = []
    for criterion in CRITERIA:
        best = answer(answers, f"get_best_model({criterion!r})").value
        if best not in _BY_ID:
            found += judged(answers, f"get_best_model({criterion!r})", _BY_ID.__contains__, "a variant")
            continue
        found += _scored(answers, f"score of create_detector(criteria={criterion!r})", best)
        if criterion == "balanced":
            found += _scored(answers, "score of create_detector()", best)
    return Findings(tuple(found), len(CRITERIA) + 1)


@check(
    "REG-021", "preload_models loads", level=Level.MUST, spec="§5", needs=("answers",), defect="put_preloading_off",
    requires=(REGISTRY, "loading", "preload"), group=REGISTRY,
)  # fmt: skip
def preloads(answers: RegistryAnswers) -> Reading:
    """What was preloaded is there when its files have gone."""
    return Findings(tuple(_scored(answers, "score after preload_models", scratch.SWIFT.model_id)), 1)


@check(
    "REG-022", "threads that ask at once get one detector", level=Level.MUST, spec="§5", needs=("answers",),
    defect="load_anew_at_the_ninth_call", requires=(REGISTRY, "loading", "threads"), group=REGISTRY,
)  # fmt: skip
def is_thread_safe(answers: RegistryAnswers) -> Reading:
    """64 threads ask for three variants at once: one object a variant, and none waits for ever."""
    wanted = {variant.model_id: 1 for variant in ASKED_AT_ONCE}
    remedy = "let threads wait for the first load of a variant"
    return Findings(tuple(expected(answers, f"objects that {THREADS} threads get", wanted, remedy)), THREADS)


@check(
    "REG-023", "a failed load is not remembered", level=Level.MUST, spec="§5", needs=("answers",),
    defect="remember_failed_loads", requires=(REGISTRY, "loading", "recovery"), group=REGISTRY,
)  # fmt: skip
def recovers(answers: RegistryAnswers) -> Reading:
    """Once the missing embedding model is there, the same registry loads it."""
    found = _scored(
        answers, "score after a failed load", scratch.SWIFT.model_id, "keep detectors, not the failure to make one"
    )
    return Findings(tuple(found), 1)


_ANALYSES = {"analyze of an attack": True, "analyze of a harmless text": False}


@check(
    "REG-024", "results have the names and figures of an L2Result", level=Level.MUST, spec="§5", needs=("answers",),
    defect="count_no_predictions", requires=(REGISTRY, "loading", "results"), group=REGISTRY,
)  # fmt: skip
def gives_results(answers: RegistryAnswers) -> Reading:
    """All fields are there; confidence in 0..1; a time; and what is worked out of the predictions agrees with them.

    `analyze` takes l1_results and context by name.
    """
    found: list[Finding] = []
    for question, attack in _ANALYSES.items():
        wrong = judged(answers, question, lambda said: not said["lacks"], "an L2Result with all its fields")
        found += wrong or _inconsistent(question, answer(answers, question).value, attack)
    found += _scored(answers, "analyze with a context", scratch.OLDER.model_id)
    return Findings(tuple(found), len(_ANALYSES) + 1)


def _inconsistent(where: str, said: dict[str, Any], attack: bool) -> list[Finding]:
    """What of a result does not agree with its predictions."""
    predictions = said["predictions"]
    highest = max([p["confidence"] for p in predictions if isinstance(p["confidence"], float)], default=0.0)
    wanted = {
        "has_predictions": attack,
        "prediction_count": float(len(predictions)),
        "highest_confidence": highest,
        "summary": True,
    }
    differ = {name: value for name, value in wanted.items() if said[name] != value}
    found = [Finding(f"{where}: {name}", str(said[name]), str(value)) for name, value in differ.items()]
    if not _in_unit(said["confidence"]):
        found.append(Finding(f"{where}: confidence", str(said["confidence"]), "in 0..1"))
    if not isinstance(said["processing_time_ms"], float) or said["processing_time_ms"] < 0.0:
        found.append(Finding(f"{where}: processing_time_ms", str(said["processing_time_ms"]), "milliseconds"))
    return found


@check(
    "REG-025", "predictions name a threat type and a confidence", level=Level.MUST, spec="§5", needs=("answers",),
    defect="give_confidence_in_percent", requires=(REGISTRY, "loading", "results"), group=REGISTRY,
)  # fmt: skip
def gives_predictions(answers: RegistryAnswers) -> Reading:
    """An attack has at least one, of the specification's threat types, with a confidence in 0..1; and
    get_predictions_by_type finds those of the first one's type."""
    question = "analyze of an attack"
    found = judged(answers, question, lambda said: bool(said["predictions"]), "at least one prediction")
    if found:
        return Findings(tuple(found), 1)
    said = answer(answers, question).value
    predictions = said["predictions"]
    for prediction in predictions:
        if prediction["lacks"]:
            found.append(Finding(question, f"a prediction without {', '.join(prediction['lacks'])}", "an L2Prediction"))
        if prediction["threat_type"] not in THREAT_TYPES:
            found.append(Finding(question, f"the threat type {prediction['threat_type']}", "an L2ThreatType"))
        if not _in_unit(prediction["confidence"]):
            found.append(Finding(question, f"the confidence {prediction['confidence']}", "in 0..1"))
    alike = sum(prediction["threat_type"] == predictions[0]["threat_type"] for prediction in predictions)
    if said["by_type"] != alike:
        found.append(Finding("get_predictions_by_type", f"{said['by_type']} predictions", str(alike)))
    return Findings(tuple(found), len(predictions))


@check(
    "REG-026", "model_info names the variant", level=Level.MUST, spec="§5", needs=("answers",),
    defect="say_nothing_of_the_model", requires=(REGISTRY, "loading", "info"), group=REGISTRY,
)  # fmt: skip
def informs(answers: RegistryAnswers) -> Reading:
    """A mapping that holds the model_id as a value."""
    model_id = scratch.OLDER.model_id
    found = judged(
        answers, "model_info", lambda said: said is not None and model_id in said, f"a mapping that holds {model_id}"
    )
    return Findings(tuple(found), 1)


def _in_unit(value: Any) -> bool:
    return isinstance(value, float) and 0.0 <= value <= 1.0
