"""What a registry finds in a folder, and how it takes files that are broken. On folders that the suite makes."""

from __future__ import annotations

from raxe_conformance.checks.asked import answer, expected, judged, refused
from raxe_conformance.checks.reading import Finding, Findings, Reading, Unknown
from raxe_conformance.checks.table import REGISTRY, Level, check
from raxe_conformance.measure import scratch
from raxe_conformance.measure.evidence_registry import RegistryAnswers

_DEGRADED = "let a broken file cost its own variant and nothing else"


@check(
    "REG-003", "every metadata file is a variant", level=Level.MUST, spec="§4, §5", needs=("answers",),
    defect="list_no_deprecated_variants", requires=(REGISTRY,), group=REGISTRY,
)  # fmt: skip
def lists_metadata(answers: RegistryAnswers) -> Reading:
    """`list_models()` and `has_model` agree with the metadata files; an id that there is not is refused."""
    ids = sorted(variant.model_id for variant in scratch.ALL)
    found = [
        *expected(answers, "list_models()", ids),
        *expected(answers, "has_model of each", {variant.model_id: True for variant in scratch.ALL}),
        *expected(answers, "has_model of none", False),
        *refused(answers, "create_detector of none"),
    ]
    return Findings(tuple(found), len(ids) + 1)


def _experimental(answers: RegistryAnswers, version: str) -> Reading:
    name = scratch.bundle_name(version)
    model_id = name.removesuffix(".raxe")
    found = judged(
        answers, "statuses of bundles without metadata", lambda said: said.get(model_id) == "experimental",
        f"{model_id}, the manifest's model_id, as experimental", f"make default metadata out of the manifest of {name}",
    )  # fmt: skip
    return Findings(tuple(found), 1)


@check(
    "REG-004", "a bundle without metadata is an experimental variant", level=Level.MUST, spec="§4", needs=("answers",),
    defect="overlook_bundles_without_metadata", requires=(REGISTRY, "bundles"), group=REGISTRY,
)  # fmt: skip
def finds_bundles(answers: RegistryAnswers) -> Reading:
    """Its default metadata come out of the manifest."""
    return _experimental(answers, "v2.0")


@check(
    "REG-005", "a bundle in the models folder itself is found", level=Level.MUST, spec="§1", needs=("answers",),
    defect="overlook_the_legacy_place", requires=(REGISTRY, "legacy"), group=REGISTRY,
)  # fmt: skip
def finds_legacy(answers: RegistryAnswers) -> Reading:
    """The legacy place of bundles."""
    return _experimental(answers, "v3.0")


@check(
    "REG-006", "malformed metadata cost their own variant only", level=Level.MUST, spec="§4", needs=("answers",),
    defect="drop_variants_with_torn_metadata", requires=(REGISTRY, "degradation"), group=REGISTRY,
)  # fmt: skip
def survives_torn(answers: RegistryAnswers) -> Reading:
    """The variants beside it stay as they are, and its bundle is offered with default metadata, as experimental."""
    question = "statuses beside broken files"
    ids = scratch.TORN.model_id, scratch.bundle_name(scratch.TORN.version).removesuffix(".raxe")

    def degraded(said: dict[str, str]) -> bool:
        return [said[model_id] for model_id in ids if model_id in said] == ["experimental"]

    found = [
        *judged(
            answers, question, lambda said: said.get(scratch.SWIFT.model_id) == "active",
            f"{scratch.SWIFT.model_id} active", _DEGRADED,
        ),
        *judged(answers, question, degraded, f"{ids[0]} or {ids[1]} experimental", _DEGRADED),
    ]  # fmt: skip
    # A discovery that raised is one finding.
    return Findings(tuple(dict.fromkeys(found)), 2)


@check(
    "REG-007", "a variant without its bundle is skipped", level=Level.MUST, spec="§4", needs=("answers",),
    defect="offer_variants_without_a_bundle", requires=(REGISTRY, "degradation"), group=REGISTRY,
)  # fmt: skip
def skips_lost(answers: RegistryAnswers) -> Reading:
    """It is not listed, there is no such model, and asking for it raises."""
    lost = scratch.LOST.model_id
    found = [
        *judged(answers, "statuses beside broken files", lambda said: lost not in said, f"no {lost}", _DEGRADED),
        *expected(answers, "has_model without its bundle", False),
        *refused(answers, "create_detector without its bundle"),
    ]
    return Findings(tuple(found), 3)


@check(
    "REG-008", "the error of missing embeddings names them", level=Level.MUST, spec="§4", needs=("answers",),
    defect="keep_quiet_about_what_is_missing", requires=(REGISTRY, "degradation", "loading"), group=REGISTRY,
)  # fmt: skip
def names_missing(answers: RegistryAnswers) -> Reading:
    """`create_detector` of a variant whose embedding model is not there says which file is missing."""
    found = refused(
        answers, "create_detector without its embeddings", scratch.BLIND.embeddings,
        "say which file is missing and how it is made",
    )  # fmt: skip
    return Findings(tuple(found), 1)


@check(
    "REG-009", "everything that is wrong is told", level=Level.MUST, spec="§4", needs=("answers",),
    defect="warn_of_the_first_fault_only", requires=(REGISTRY, "warnings"), group=REGISTRY,
)  # fmt: skip
def warns(answers: RegistryAnswers) -> Reading:
    """Discovery goes on, and its warnings name each file that is broken: malformed metadata, a missing bundle."""
    found: list[Finding] = []
    for variant in (scratch.TORN, scratch.LOST):
        names = variant.model_id, variant.bundle
        found += judged(
            answers, "warnings",
            lambda said, names=names: any(name in line for line in said for name in names),  # type: ignore[misc]
            f"a warning that names {names[0]} or {names[1]}", "collect every fault and report all of them at the end",
        )  # fmt: skip
    return Findings(tuple(found), 2)


@check(
    "REG-010", "no weights are read before a detector is asked for", level=Level.SHOULD, spec="§4", needs=("answers",),
    defect="read_weights_at_the_start", requires=(REGISTRY, "laziness"), group=REGISTRY,
)  # fmt: skip
def reads_no_weights(answers: RegistryAnswers) -> Reading:
    """Making a registry and listing leave the embedding files alone, as their times of access say."""
    question = "weights that were read"
    said = answer(answers, question)
    if said.error is None and said.value is None:
        return Unknown(
            "the file system keeps no times of access", "let TMPDIR name a folder on one that is mounted with them"
        )
    return Findings(tuple(expected(answers, question, [], "load when a detector is asked for")), len(scratch.ALL))
