"""Size gates. MB is 10^6 bytes. The tokenizer ships with the embedding model and counts as part of it."""

from __future__ import annotations

from raxe_conformance.checks.reading import Exact, Reading, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Facts

_METHOD = "bytes on disk / 10^6"


def _megabytes(facts: Facts, *roles: str) -> Reading:
    total = 0
    for role in roles:
        file = facts.file(role)
        if file is None or file.bytes is None:
            name = file.path if file else f"the {role} file"
            return Unknown(f"{name} is not there", f"run: raxe-conformance build {facts.model_id}")
        total += file.bytes
    return Exact(total / 1e6, _METHOD)


@check(
    "SIZ-001", "bundle and embeddings together", level=Level.MUST, spec="§6", needs=("facts",),
    gate=Gate("size_mb", "<", "MB"), defect="pad_embeddings_past_50_mb",
)  # fmt: skip
def total(facts: Facts) -> Reading:
    """Everything that ships to run the variant: bundle, ONNX file, tokenizer."""
    return _megabytes(facts, "bundle", "embeddings", "tokenizer")


@check(
    "SIZ-002", "bundle", level=Level.SHOULD, spec="§6", needs=("facts",),
    gate=Gate("bundle_size_mb", "<", "MB"), defect="pad_bundle_past_10_mb",
)  # fmt: skip
def bundle(facts: Facts) -> Reading:
    """The .raxe file."""
    return _megabytes(facts, "bundle")


@check(
    "SIZ-003", "embeddings", level=Level.SHOULD, spec="§6", needs=("facts",),
    gate=Gate("embeddings_size_mb", "<", "MB"), defect="pad_embeddings_past_40_mb",
)  # fmt: skip
def embeddings(facts: Facts) -> Reading:
    """The ONNX file and its tokenizer."""
    return _megabytes(facts, "embeddings", "tokenizer")
