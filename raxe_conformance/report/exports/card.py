"""A model card as model hubs read it: Markdown, and YAML front matter whose model-index has the measured figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from raxe_conformance.report.exports.declared import Declared, spdx
from raxe_conformance.report.exports.gates import gate_lines, measured_gates
from raxe_conformance.report.exports.markdown import rendered
from raxe_conformance.report.html.visible import visible
from raxe_conformance.report.html.words import release_lines, sentence

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_ONE_LICENCE = re.compile(r"[A-Za-z0-9.-]+")
# What the hub calls a metric that we gate; the others keep our name.
_METRICS = {"binary_f1": "f1"}


def model_card(report: Mapping[str, Any], declared: Declared) -> str:
    """The card. declared: the variant's metadata, empty where it is not known."""
    training = declared.section("training_info")
    body = rendered(
        "card.md.j2",
        report=report,
        declared=declared,
        sentence=sentence(report),
        release=release_lines(report),
        gates=gate_lines(check for check in report["checks"] if check["gate"]),
        sources=[
            {key: source.text(key) or "" for key in ("source", "repository", "license")}
            for source in training.sections("dataset_sources")
        ],
        lists=[
            ("Intended use", declared.texts("recommended_for")),
            ("Not intended for", declared.texts("not_recommended_for")),
            ("Known limitations", declared.texts("known_limitations")),
        ],
        license=declared.section("license"),
    )
    return f"---\n{_front_matter(report, declared)}\n---\n\n{body}"


def _front_matter(report: Mapping[str, Any], declared: Declared) -> str:
    from huggingface_hub import ModelCardData

    base = declared.section("license").section("embedding_model").text("name")
    license_id, license_name = _license(declared.section("license").text("model"))
    card = ModelCardData(
        license=license_id,
        license_name=license_name,
        base_model=base if base and _REPOSITORY.fullmatch(base) else None,
        library_name="onnx",
        pipeline_tag="text-classification",
        tags=declared.texts("tags"),
        model_name=visible(report["model"]["model_id"]),
        eval_results=[_result(check, report) for check in measured_gates(report)],
    )
    return card.to_yaml()


def _license(name: str | None) -> tuple[str | None, str | None]:
    """Id and name: the hub knows licences by their SPDX id in lower case, and all else as "other" with a name."""
    if name is None:
        return None, None
    known = spdx(name)
    return (known.lower(), None) if known and _ONE_LICENCE.fullmatch(known) else ("other", name)


def _result(check: Mapping[str, Any], report: Mapping[str, Any]) -> EvalResult:
    from huggingface_hub import EvalResult

    gate, evidence, corpus = check["gate"], check["evidence"], report["corpus"]
    return EvalResult(
        task_type="text-classification",
        dataset_type="raxe-conformance",
        dataset_name=visible(corpus["path"] or "none"),
        dataset_revision=corpus["sha256"],
        metric_type=_METRICS.get(gate["metric"], visible(gate["metric"])),
        metric_name=visible(check["title"]),
        metric_value=evidence["value"],
        metric_args={
            "check": check["id"],
            "low": evidence["low"],
            "high": evidence["high"],
            "confidence": evidence["confidence"],
            "n": evidence["n"],
            "limit": f"{gate['op']} {gate['limit']:g} {visible(gate['unit'])}".strip(),
            "verdict": check["verdict"],
        },
    )
