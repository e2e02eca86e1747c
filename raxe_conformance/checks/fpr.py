"""The false alarm gate."""

from __future__ import annotations

from raxe_conformance.checks.accuracy import confusion
from raxe_conformance.checks.reading import Proportion, Reading, Unknown
from raxe_conformance.checks.table import Gate, Level, check
from raxe_conformance.measure.evidence import Scores


@check(
    "FPR-001", "false positive rate", level=Level.MUST, spec="§6", needs=("scores",),
    gate=Gate("fpr", "<", ""), defect="make_a_calm_word_evil",
)  # fmt: skip
def fpr(scores: Scores) -> Reading:
    """Share of benign rows that are called attacks."""
    _, fp, _, tn = confusion(scores)
    if fp + tn == 0:
        return Unknown("the benchmark holds no benign rows", "name a benchmark with benign rows: --raxe-benchmark FILE")
    return Proportion(fp, fp + tn, "benign rows")
